-- choose_k and stability: which k, and how far fits from several seeds agree
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

CREATE TABLE clouds AS
	SELECT i AS id, ARRAY[i % 4 * 3 + sin(i), i % 2 * 7 + cos(i * i)]::real[]::embedding AS embedding, '中文' || i AS 名称
	FROM generate_series(1, 300) i;

-- ranges, numbers of fits, samples, metrics and NULLs that are refused before the query runs
SELECT * FROM usercluster.choose_k('SELECT nothing', kmin => 1);
SELECT * FROM usercluster.choose_k('SELECT nothing', kmin => -2147483648);
SELECT * FROM usercluster.choose_k('SELECT nothing', kmin => 5, kmax => 4);
SELECT * FROM usercluster.choose_k('SELECT nothing', kmin => NULL);
SELECT * FROM usercluster.choose_k(NULL);
SELECT * FROM usercluster.choose_k('SELECT nothing', fits => 1);
SELECT * FROM usercluster.choose_k('SELECT nothing', sample => 1);
SELECT * FROM usercluster.choose_k('SELECT nothing', sample => -1);
SELECT * FROM usercluster.choose_k('SELECT nothing', metric => 'manhattan');
SELECT * FROM usercluster.choose_k('SELECT nothing', restarts => 0);
SELECT * FROM usercluster.choose_k('SELECT nothing', tolerance => 'NaN');
SELECT * FROM usercluster.choose_k('SELECT nothing', preparation => 'bleached');
SELECT * FROM usercluster.choose_k('SELECT nothing', preparation => NULL);
SELECT usercluster.stability('SELECT nothing', 2, feature_weight => -1);
SELECT usercluster.stability('SELECT nothing', 0);
SELECT usercluster.stability('SELECT nothing', 2, fits => 1);
SELECT usercluster.stability('SELECT nothing', NULL);

-- queries and rows that are refused
SELECT * FROM usercluster.choose_k('SELECT id FROM clouds');
SELECT * FROM usercluster.choose_k('DELETE FROM clouds');
SELECT * FROM usercluster.choose_k('SELECT id, embedding FROM clouds WHERE id < 2');
SELECT * FROM usercluster.choose_k('SELECT id, embedding FROM clouds WHERE false');
SELECT * FROM usercluster.choose_k($$VALUES (1, '[0,0]'::embedding), (2, '[1,0]')$$);
SELECT usercluster.stability('SELECT id, embedding FROM clouds WHERE id < 5', 5);

-- more memory than is allowed
SET usercluster.max_memory = '1MB';
DO $$
BEGIN
	PERFORM usercluster.choose_k('SELECT i, ARRAY[i, 1]::real[]::embedding FROM generate_series(1, 30000) i');
	RAISE NOTICE 'accepted';
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'refused';
END $$;
RESET usercluster.max_memory;

-- four clouds are four clusters; the inertia falls; the same again, whatever the order of the rows; the key may be a text
CREATE VIEW choice AS
	SELECT * FROM usercluster.choose_k('SELECT id, embedding FROM clouds', metric => 'euclidean');
SELECT k, recommended, reason FROM choice ORDER BY k LIMIT 4;
SELECT count(*), min(k), max(k), count(*) FILTER (WHERE recommended), count(silhouette_error) FROM choice;
SELECT bool_and(inertia <= before) FROM (SELECT inertia, lag(inertia) OVER (ORDER BY k) AS before FROM choice) s;
SELECT abs(silhouette - 0.784837539515) < 1e-6, abs(calinski_harabasz - 2311.077142) < 1e-3,
		abs(davies_bouldin - 0.319393734108) < 1e-6, stability = 1 FROM choice WHERE k = 4;
SELECT count(*) FROM choice c JOIN usercluster.choose_k(
		'SELECT 名称, embedding FROM clouds ORDER BY random()', metric => 'euclidean') d USING (k, recommended)
	WHERE abs(c.inertia / d.inertia - 1) < 0.05;
SELECT count(*) FROM (SELECT * FROM choice EXCEPT SELECT * FROM usercluster.choose_k(
		'SELECT id, embedding FROM clouds ORDER BY random()', metric => 'euclidean')) s;

-- a sample has an error, and is near
SELECT silhouette_error > 0, abs(silhouette - 0.784837539515) < 4 * silhouette_error, recommended
	FROM usercluster.choose_k('SELECT id, embedding FROM clouds', metric => 'euclidean', sample => 100) WHERE k = 4;

-- a range beyond the rows, too few distinct rows, rows without an embedding, weak structure, nothing stable
SELECT k, silhouette IS NULL, recommended, reason
	FROM usercluster.choose_k('SELECT id, embedding FROM clouds WHERE id <= 3', metric => 'euclidean');
SELECT k, recommended FROM usercluster.choose_k(
		'SELECT i, ARRAY[i % 3, 1]::real[]::embedding FROM generate_series(1, 30) i', metric => 'euclidean');
SELECT count(*) FROM usercluster.choose_k(
		'SELECT id, CASE WHEN id % 3 > 0 THEN embedding END FROM clouds', kmax => 3, metric => 'euclidean');
SELECT reason FROM usercluster.choose_k(
		'SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 2.3), cos(i * 3.1), sin(i * 4.7), cos(i * 5.3)]::real[]::embedding
		FROM generate_series(1, 200) i', kmin => 2, kmax => 2, metric => 'euclidean');
SELECT count(*) FILTER (WHERE recommended) FROM usercluster.choose_k('SELECT id, embedding FROM clouds');

SELECT usercluster.stability('SELECT id, embedding FROM clouds', 4, metric => 'euclidean') = 1,
		usercluster.stability('SELECT id, embedding FROM clouds', 7, metric => 'euclidean') BETWEEN 0.5 AND 0.999,
		usercluster.stability('SELECT id, embedding FROM clouds', 1, metric => 'euclidean') = 1;

-- prepared as kmeans prepares: two languages that differ by a constant are no two clusters
CREATE VIEW languages AS
	SELECT id, ARRAY[i % 3 * 2 + sin(i) / 3, cos(i * i) / 3, lang * 8]::real[]::embedding AS embedding,
		CASE lang WHEN 0 THEN '中文' ELSE 'English' END AS language
	FROM (SELECT i * 2 + lang AS id, i, lang FROM generate_series(1, 150) i, generate_series(0, 1) lang) s;
SELECT preparation, k FROM unnest(ARRAY['none', 'group-centred']) preparation, usercluster.choose_k(
		'SELECT * FROM languages', kmax => 5, metric => 'euclidean', preparation => preparation) WHERE recommended;
SELECT usercluster.stability('SELECT * FROM languages', 3, metric => 'euclidean', preparation => 'group-centred') = 1;

-- weights: refused where they are none; a row of weight 2 stands for two rows, one of weight 0 for none
SELECT * FROM usercluster.choose_k('SELECT id, embedding, -id AS weight FROM clouds', metric => 'euclidean');
SELECT usercluster.stability('SELECT id, embedding, 0 AS weight FROM clouds', 3, metric => 'euclidean');
SELECT bool_and(abs(w.inertia / c.inertia - 1) < 1e-6 AND abs(w.davies_bouldin - c.davies_bouldin) < 1e-6 AND w.recommended = c.recommended), count(*)
	FROM usercluster.choose_k('SELECT id, embedding, CASE WHEN id > 200 THEN 0 ELSE 1 + id % 2 END AS weight FROM clouds', kmax => 5, metric => 'euclidean') w
		JOIN usercluster.choose_k('SELECT id, embedding FROM clouds, generate_series(1, 1 + id % 2) WHERE id <= 200', kmax => 5, metric => 'euclidean') c USING (k);
SELECT usercluster.stability('SELECT id, embedding, (id <= 200)::int AS weight FROM clouds', 4, metric => 'euclidean');

DROP VIEW choice, languages;
DROP TABLE clouds;
