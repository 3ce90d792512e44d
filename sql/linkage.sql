-- What must be refused
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)');
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', k => 1, height => 1);
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', k => 0);
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', k => 2);
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', height => 'NaN');
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', k => 1, method => 'centroid');
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[1]''::embedding)', k => 1, method => NULL);
SELECT * FROM usercluster.hierarchical(NULL, k => 1);
SELECT * FROM usercluster.hierarchical('VALUES (1, ''[0]''::embedding)', k => 1);
SELECT * FROM usercluster.linkage('VALUES (1, ''[1]''::embedding)', metric => 'manhattan');
SELECT * FROM usercluster.linkage('VALUES (1, ''[1]''::embedding)', preparation => 'washed');
SELECT * FROM usercluster.linkage(NULL);
SELECT * FROM usercluster.linkage('SELECT 1 AS id, ''[1]''::embedding AS e, 0.0 AS weight');

CREATE TABLE line (id int, name text, place embedding(1));
INSERT INTO line VALUES (10, 'a', '[0]'), (20, 'b', '[1]'), (30, 'c', '[3]'), (40, 'd', '[7]'), (50, 'e', NULL);

-- Clusters by number and by height, the largest first
SELECT * FROM usercluster.hierarchical('SELECT id, place FROM line', k => 2, metric => 'euclidean');
SELECT * FROM usercluster.hierarchical('SELECT name, place FROM line', key => NULL::text, height => 1, metric => 'euclidean');

-- The tree: nodes 1 to 4 are the rows, step s makes node 4 + s
SELECT step, left_node, right_node, round(height::numeric, 4) AS height, size
FROM usercluster.linkage('SELECT id, place FROM line WHERE place IS NOT NULL', metric => 'euclidean');
SELECT step, left_node, right_node, height, size
FROM usercluster.linkage('SELECT name, place FROM line WHERE id < 50', 'single', 'euclidean');

-- Prepared: centred by language, both languages fall into the same two clusters; features are joined
SELECT cluster, count(*), count(DISTINCT id % 2) AS places, count(DISTINCT id / 101) AS languages
FROM usercluster.hierarchical(
	$$SELECT i, ARRAY[CASE WHEN i > 100 THEN 5 ELSE -5 END, i % 2 * 8 + sin(i)]::real[]::embedding,
		CASE WHEN i > 100 THEN 'zh' ELSE 'en' END AS language FROM generate_series(1, 200) i$$,
	k => 2, preparation => 'group-centred')
GROUP BY cluster ORDER BY cluster;
SELECT id, cluster FROM usercluster.hierarchical($$SELECT id, place, CASE WHEN id > 20 THEN ARRAY[5] ELSE ARRAY[1] END AS features
	FROM line WHERE id < 50$$, k => 2, metric => 'euclidean', feature_weight => 1000);

-- No rows, one row
SELECT count(*) FROM usercluster.hierarchical('SELECT id, place FROM line WHERE false', k => 1);
SELECT count(*) FROM usercluster.linkage('SELECT id, place FROM line WHERE id = 20');
SELECT * FROM usercluster.hierarchical('SELECT id, place FROM line WHERE id = 20', k => 1);
DROP TABLE line;

-- More rows than memory holds distances of: micro-clusters, with a notice
\set VERBOSITY terse
SET usercluster.max_memory = '8MB';
SELECT cluster, count(*), count(DISTINCT id % 4) AS clouds
FROM usercluster.hierarchical(
	'SELECT i, ARRAY[i % 4 * 9 + sin(i), cos(i)]::real[]::embedding FROM generate_series(1, 5000) i', k => 4,
	metric => 'euclidean')
GROUP BY cluster ORDER BY cluster;
SELECT count(*) = max(step) AS steps, max(size) AS size
FROM usercluster.linkage(
	'SELECT i, ARRAY[i % 4 * 9 + sin(i), cos(i)]::real[]::embedding FROM generate_series(1, 5000) i', 'average', 'euclidean');
SET usercluster.max_memory = '1MB';
DO $$
BEGIN
	PERFORM usercluster.linkage('SELECT i, ARRAY[i, 1]::real[]::embedding FROM generate_series(1, 30000) i');
	RAISE NOTICE 'accepted';
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'refused';
END $$;
RESET usercluster.max_memory;
