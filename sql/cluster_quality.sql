-- cluster_quality and silhouette: how good clusters are, whoever made them
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- six rows of two clusters, a row of noise, and one without an embedding
CREATE TABLE grouped (id int, at embedding, cluster int, name text, w float8);
INSERT INTO grouped VALUES (1, '[1,2]', 1, '甲', 1), (2, '[2,1]', 1, '乙', 1), (3, '[1,1]', 1, '丙', 1),
	(4, '[8,1]', 2, '丁', 1), (5, '[9,2]', 2, '戊', 1), (6, '[9,1]', 2, '己', 1), (7, '[50,50]', NULL, '庚', 1),
	(8, NULL, 2, '辛', 1);

-- arguments that are refused before the query runs
SELECT usercluster.cluster_quality(NULL);
SELECT usercluster.cluster_quality('SELECT nothing', metric => 'manhattan');
SELECT usercluster.cluster_quality('SELECT nothing', metric => NULL);
SELECT usercluster.cluster_quality('SELECT nothing', sample => 1);
SELECT usercluster.cluster_quality('SELECT nothing', seed => NULL);
SELECT usercluster.cluster_quality('SELECT nothing', preparation => 'bleached');
SELECT usercluster.cluster_quality('SELECT nothing', preparation => NULL);
SELECT * FROM usercluster.silhouette(NULL);
SELECT * FROM usercluster.silhouette('SELECT nothing', feature_weight => 'NaN');
SELECT * FROM usercluster.silhouette('SELECT nothing', metric => 'l2');
SELECT * FROM usercluster.silhouette('SELECT nothing', key => NULL::text, metric => NULL);

-- queries and rows that are refused
SELECT usercluster.cluster_quality('SELECT id, at FROM grouped');
SELECT usercluster.cluster_quality('SELECT id, cluster, at FROM grouped');
SELECT usercluster.cluster_quality('SELECT id, at, cluster, name FROM grouped');
SELECT usercluster.cluster_quality('SELECT id, at, cluster, cluster FROM grouped');
SELECT usercluster.cluster_quality('SELECT id, at, cluster, -w AS weight FROM grouped');
SELECT usercluster.cluster_quality($$VALUES (1, '[0,0]'::embedding)$$);
SELECT usercluster.cluster_quality($$SELECT 1, '[0,0]'::embedding, 1 AS cluster$$);
SELECT usercluster.cluster_quality($$SELECT 1, '[NaN,0]'::embedding, 1 AS cluster$$);
SELECT * FROM usercluster.silhouette('SELECT name, at, cluster FROM grouped');
SELECT * FROM usercluster.silhouette('DELETE FROM grouped');
SET usercluster.max_memory = '1MB';
DO $$
BEGIN
	PERFORM usercluster.cluster_quality(
		'SELECT i, ARRAY[i, 1]::real[]::embedding, i % 5 AS cluster FROM generate_series(1, 30000) i');
	RAISE NOTICE 'accepted';
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'refused';
END $$;
RESET usercluster.max_memory;

-- figures of scikit-learn 1.9.1 for the six rows; the noise and the missing embedding are skipped
SELECT clusters, rows, skipped, abs(inertia - 2.666666667) < 1e-6, abs(silhouette - 0.8443170526) < 1e-6, silhouette_error,
		abs(calinski_harabasz - 121) < 1e-6, abs(davies_bouldin - 0.1783742278) < 1e-6,
		abs(simplified_silhouette - 0.9100172422) < 1e-6
	FROM usercluster.cluster_quality('SELECT id, at, cluster FROM grouped', metric => 'euclidean');
SELECT clusters, rows, skipped, abs(inertia - 0.1060906211) < 1e-6, abs(silhouette - 0.6309191782) < 1e-6, silhouette_error,
		abs(calinski_harabasz - 10.81855168) < 1e-6, abs(davies_bouldin - 0.436059209) < 1e-6,
		abs(simplified_silhouette - 0.8003502269) < 1e-6
	FROM usercluster.cluster_quality('SELECT id, at, cluster FROM grouped');

-- by row, with keys of other types; their mean is that of cluster_quality; clusters may have names
SELECT id, cluster, round(silhouette::numeric, 6)
	FROM usercluster.silhouette('SELECT id, at, cluster FROM grouped', metric => 'euclidean');
SELECT id, cluster, pg_typeof(id), round(silhouette::numeric, 6)
	FROM usercluster.silhouette($$SELECT name, at, CASE cluster WHEN 1 THEN '爱看电影' ELSE '爱听音乐' END AS cluster
		FROM grouped WHERE cluster IS NOT NULL$$, key => NULL::text)
	ORDER BY id COLLATE "C" LIMIT 2;
SELECT abs(avg(s.silhouette) - min(q.silhouette)) < 1e-12, count(*)
	FROM usercluster.silhouette('SELECT id, at, cluster FROM grouped WHERE id < 7') s,
		usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE id < 7') q;

-- the order of the rows does not matter, a weight stands for copies, a weight of 0 for absence
SELECT count(DISTINCT q) FROM (
	SELECT usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE id < 7', metric => 'euclidean') q
	UNION ALL SELECT usercluster.cluster_quality(
		'SELECT id, at, chr(70 + cluster) AS cluster FROM grouped WHERE id < 7 ORDER BY random()', metric => 'euclidean')) s;
SELECT abs(a.inertia - b.inertia) < 1e-9, abs(a.simplified_silhouette - b.simplified_silhouette) < 1e-9, a.rows, b.rows
	FROM usercluster.cluster_quality('SELECT id, at, cluster, id % 3 + 1 AS weight FROM grouped WHERE id < 7') a,
		usercluster.cluster_quality('SELECT id, at, cluster FROM grouped, generate_series(0, id % 3) WHERE id < 7') b;
SELECT count(*) FROM usercluster.silhouette('SELECT id, at, cluster, (id <> 3)::int AS weight FROM grouped WHERE id < 7');

-- one cluster, rows alone in theirs, no rows
SELECT clusters, rows, inertia > 0, silhouette, simplified_silhouette, calinski_harabasz, davies_bouldin
	FROM usercluster.cluster_quality('SELECT id, at, 1 AS cluster FROM grouped WHERE id < 7');
SELECT clusters, rows, inertia, silhouette, simplified_silhouette, calinski_harabasz, davies_bouldin
	FROM usercluster.cluster_quality('SELECT id, at, id AS cluster FROM grouped WHERE id < 7', metric => 'euclidean');
SELECT id, silhouette FROM usercluster.silhouette('SELECT id, at, least(id, 5) AS cluster FROM grouped WHERE id < 7',
	metric => 'euclidean') WHERE id < 5;
SELECT * FROM usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE false');
SELECT * FROM usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE cluster IS NULL');
SELECT count(*) FROM usercluster.silhouette('SELECT id, at, cluster FROM grouped WHERE id > 6');

-- exact up to 10,000 rows; beyond, the euclidean metric takes a sample and tells its error
CREATE TABLE many AS SELECT i, ARRAY[i % 3 * 4 + sin(i), cos(i * i), sin(i * 7)]::real[]::embedding AS at, i % 3 AS cluster
	FROM generate_series(1, 12000) i;
CREATE VIEW measured AS
	SELECT e.*, s.silhouette AS sampled, s.silhouette_error AS error
	FROM (SELECT avg(silhouette) AS exact FROM usercluster.silhouette('SELECT * FROM many', metric => 'euclidean')) e,
		usercluster.cluster_quality('SELECT * FROM many', metric => 'euclidean') s;
SELECT error > 0 AND error < 0.01, abs(sampled - exact) < 4 * error FROM measured;
SELECT silhouette_error IS NULL FROM usercluster.cluster_quality('SELECT * FROM many WHERE i <= 10000', metric => 'euclidean');
SELECT silhouette_error IS NULL FROM usercluster.cluster_quality('SELECT i, at, cluster FROM many');
SELECT a.silhouette = b.silhouette, a.silhouette <> c.silhouette, a.silhouette_error > 0
	FROM usercluster.cluster_quality('SELECT * FROM many', sample => 100) a,
		usercluster.cluster_quality('SELECT * FROM many', sample => 100) b,
		usercluster.cluster_quality('SELECT * FROM many', sample => 100, seed => 2) c;

-- vectors prepared as for clustering: centred, and joined to features
SELECT abs(a.silhouette - b.silhouette) < 1e-6, abs(a.inertia - b.inertia) < 1e-6, b.silhouette > c.silhouette
	FROM usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE id < 7', metric => 'euclidean') a,
		usercluster.cluster_quality('SELECT id, at, cluster FROM grouped WHERE id < 7', metric => 'euclidean',
			preparation => 'centred') b,
		usercluster.cluster_quality('SELECT id, at, cluster, ARRAY[id % 2] AS features FROM grouped WHERE id < 7',
			metric => 'euclidean', preparation => 'centred', feature_weight => 9) c;
SELECT count(silhouette) FROM usercluster.silhouette('SELECT name, at, cluster FROM grouped WHERE id < 7',
	key => NULL::text, preparation => 'auto');

-- clusters that the extension made
SELECT clusters, rows, round(silhouette::numeric, 3) FROM usercluster.cluster_quality(
	$$SELECT m.i, m.at, k.cluster FROM usercluster.kmeans('SELECT i, at FROM many', 3, metric => 'euclidean') k
	JOIN many m ON m.i = k.id WHERE m.i <= 900$$, metric => 'euclidean');

DROP VIEW measured;
DROP TABLE many, grouped;
