-- typical_members and border_members
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT * FROM usercluster.typical_members(NULL)$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[1]''::embedding')$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[1]''::embedding, 1 AS cluster', n => 0)$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[1]''::embedding, 1 AS cluster', n => 1001)$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[1]''::embedding, 1 AS cluster', n => NULL)$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[1]''::embedding, 1 AS cluster', metric => 'near')$$),
	($$SELECT * FROM usercluster.typical_members('SELECT 1, ''[0]''::embedding, 1 AS cluster')$$),
	($$SELECT * FROM usercluster.border_members('SELECT 1, ''[1]''::embedding, 1 AS cluster', preparation => 'none so far')$$),
	($$SELECT * FROM usercluster.border_members('SELECT ''a''::text, ''[1]''::embedding, 1 AS cluster')$$),
	($$SELECT * FROM usercluster.border_members('SELECT 1, ''[1]''::embedding, 1 AS cluster, 2 AS other')$$)
) AS calls(call);

-- on a line the typical one is in the middle, the next ones apart from it; the border lies between the clusters
CREATE TEMP TABLE line AS SELECT i AS id, ARRAY[i, 0]::real[]::embedding AS at, CASE WHEN i <= 10 THEN 'low' ELSE 'high' END AS cluster
	FROM generate_series(0, 20) AS i;
SELECT * FROM usercluster.typical_members('SELECT id, at, cluster FROM line', 3, 'euclidean', 'none');
SELECT * FROM usercluster.border_members('SELECT id, at, cluster FROM line', 2, 'euclidean', 'none');
-- a member that is nearer to the other cluster
SELECT cluster, id, next_cluster, round(margin::numeric, 3) FROM usercluster.border_members('SELECT id, at, CASE id WHEN 19 THEN ''low'' ELSE cluster END AS cluster FROM line', 1, 'euclidean', 'none');
-- weights move the middle; rows without weight are members still
SELECT cluster, id FROM usercluster.typical_members('SELECT id, at, cluster, (id IN (2, 18))::int AS weight FROM line', 1, 'euclidean', 'none');
SELECT cluster, id, distance FROM usercluster.typical_members('SELECT id, at, 1 AS cluster, 0 AS weight FROM line', 1, 'euclidean', 'none');
-- one cluster has no border; without rows, embeddings or clusters there is nothing
SELECT * FROM usercluster.border_members('SELECT id, at, 1 AS cluster FROM line', metric => 'euclidean');
SELECT * FROM usercluster.typical_members('SELECT id, at, cluster FROM line WHERE false');
SELECT * FROM usercluster.typical_members('SELECT id, at, NULL::text AS cluster FROM line', metric => 'euclidean');
SELECT * FROM usercluster.typical_members('SELECT 1, NULL::embedding, 1 AS cluster');
-- identical rows count as one, also along one direction; keys of any type
SELECT * FROM usercluster.typical_members('SELECT id::text, ''[1,1]''::embedding, 1 AS cluster FROM line', key => NULL::text);
SELECT cluster, rank, id, abs(distance) < 1e-6 FROM usercluster.typical_members(
	'SELECT id, ARRAY[id + 1, id + 1]::real[]::embedding, 1 AS cluster FROM line', 5);
SELECT * FROM usercluster.border_members('SELECT md5(id::text)::uuid, at, cluster FROM line', NULL::uuid, 1, 'euclidean', 'none');

-- two clusters whose members cancel each other out
SELECT count(*), bool_and(distance >= 0) FROM usercluster.border_members(
	'SELECT i, ARRAY[CASE i % 2 WHEN 0 THEN 1 ELSE -1 END, 0]::real[]::embedding, i / 10 AS cluster FROM generate_series(0, 19) AS i',
	preparation => 'none');

-- clusters as kmeans made them: typical members are members, the border's margins are the smallest
CREATE TEMP TABLE many AS SELECT i AS id, (SELECT array_agg(sin(i % 5 * 7 + j) + cos(i * j) / 3) FROM generate_series(1, 70) AS j)::real[]::embedding AS at
	FROM generate_series(1, 600) AS i;
CREATE TEMP TABLE found AS SELECT id, cluster FROM usercluster.kmeans('SELECT id, at FROM many', 5);
SELECT count(*), count(DISTINCT m.id), bool_and(m.cluster = f.cluster::text)
	FROM usercluster.typical_members('SELECT id, at, cluster FROM many JOIN found USING (id)', 4) AS m JOIN found AS f USING (id);
SELECT count(*), bool_and(margin > 0), bool_and(next_cluster <> cluster)
	FROM usercluster.border_members('SELECT id, at, cluster FROM many JOIN found USING (id)', 4);
SET usercluster.max_memory = '1MB';
SELECT split_part(pg_temp.refused($$SELECT * FROM usercluster.typical_members('SELECT id, at, 1 AS cluster FROM many, generate_series(1, 20)')$$), E'\n', 1);
