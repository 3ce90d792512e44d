-- What k-means refuses, with the SQLSTATE, message, detail and hint that say so
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

CREATE TEMP TABLE points (id int, name text, at embedding);
INSERT INTO points VALUES
	(1, 'a', '[1,0,0]'), (2, 'b', '[0.9,0.1,0]'), (3, 'c', '[0,1,0]'), (4, 'd', '[0,0.9,0.1]'), (5, 'e', NULL);

\pset format unaligned
\pset tuples_only on

-- arguments
SELECT pg_temp.refused(format('SELECT * FROM usercluster.%s', call)) FROM (VALUES
	(1, $$kmeans(NULL, 2)$$),
	(2, $$kmeans('SELECT id, at FROM points', NULL)$$),
	(3, $$kmeans('SELECT id, at FROM points', 2, seed => NULL)$$),
	(4, $$kmeans('SELECT id, at FROM points', 2, key => NULL::int, metric => NULL)$$),
	(5, $$kmeans('SELECT id, at FROM points', 0)$$),
	(6, $$kmeans('SELECT id, at FROM points', -1)$$),
	(7, $$kmeans('SELECT id, at FROM points', 2, restarts => 0)$$),
	(8, $$kmeans('SELECT id, at FROM points', 2, max_iterations => 0)$$),
	(9, $$kmeans('SELECT id, at FROM points', 2, tolerance => 'NaN')$$),
	(10, $$kmeans('SELECT id, at FROM points', 2, tolerance => -1)$$),
	(11, $$kmeans('SELECT id, at FROM points', 2, metric => 'manhattan')$$),
	(12, $$kmeans('SELECT id, at FROM points', 2, init => 'random')$$),
	(13, $$kmeans('SELECT id, at FROM points', 2, init => 'given')$$),
	(14, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY['[1,0,0]']::embedding[])$$),
	(15, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY['[1,0,0]', NULL]::embedding[])$$),
	(16, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY['[1,0,0]', '[1,0]']::embedding[])$$),
	(17, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY['[1,0]', '[0,1]']::embedding[])$$),
	(18, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY['[0,0,0]', '[1,0,0]']::embedding[])$$),
	(19, $$kmeans('SELECT id, at FROM points', 2, centroids => ARRAY[['[1,0,0]', '[0,1,0]']]::embedding[])$$),
	(20, $$kmeans('SELECT id, at FROM points', 2, centroids => '{}')$$),
	(21, $$kmeans('SELECT id, at FROM points', 2, init => NULL)$$),
	(22, $$kmeans('SELECT id, at FROM points', 2, init => 'k-means||', centroids => ARRAY['[1,0,0]', '[0,1,0]']::embedding[])$$)) v(n, call) ORDER BY n;

-- k > n: an error with both numbers
SELECT pg_temp.refused(format('SELECT * FROM usercluster.%s', call)) FROM (VALUES
	(1, $$kmeans('SELECT id, at FROM points', 5)$$),
	(2, $$kmeans_centroids('SELECT id, at FROM points WHERE id < 4', 8)$$),
	(3, $$kmeans_fit('SELECT id, at FROM points WHERE false', 8)$$),
	(4, $$kmeans('SELECT id, at FROM points', 2147483647)$$)) v(n, call) ORDER BY n;

-- sizes
SELECT pg_temp.refused(format('SELECT * FROM usercluster.%s', call)) FROM (VALUES
	(1, $$kmeans('SELECT id, at FROM points', 2, min_size => -1)$$),
	(2, $$kmeans('SELECT id, at FROM points', 2, min_size => 3)$$),
	(3, $$kmeans('SELECT id, at, (id < 4)::int AS weight FROM points', 2, min_size => 2)$$),
	(4, $$kmeans_fit('SELECT id, at FROM points', 2, min_size => 2147483647)$$),
	(5, $$kmeans('SELECT id, at FROM points', 2, batch_rows => 0)$$),
	(6, $$kmeans_centroids('SELECT id, at FROM points', 2, batch_rows => -5)$$),
	(7, $$kmeans('SELECT id, at FROM points', 2, batch_rows => 2, route => 'query')$$),
	(8, $$kmeans('SELECT id, at FROM points', 2, key => NULL::int, min_size => 1, route => 'query')$$)) v(n, call) ORDER BY n;

-- the query: one SELECT with a key and an embedding
SELECT pg_temp.refused(format('SELECT * FROM usercluster.kmeans(%L, 2)', query)) FROM (VALUES
	(1, ''),
	(2, '-- nothing'),
	(3, 'SELEC 1'),
	(4, 'SELECT id, at FROM nowhere'),
	(5, 'SELECT id, at FROM points; SELECT id, at FROM points'),
	(6, 'SELECT id, at FROM points; DROP TABLE points'),
	(7, 'DROP TABLE points'),
	(8, 'EXPLAIN SELECT id, at FROM points'),
	(9, 'SHOW work_mem'),
	(10, 'SELECT id, at INTO copied FROM points'),
	(11, 'DELETE FROM points RETURNING id, at'),
	(12, 'WITH gone AS (DELETE FROM points RETURNING id, at) SELECT id, at FROM gone'),
	(13, 'SELECT FROM points'),
	(14, 'SELECT id FROM points'),
	(15, 'SELECT id, name FROM points'),
	(16, 'SELECT id, at::real[] AS "At" FROM points'),
	(17, 'SELECT at, id FROM points'),
	(18, 'SELECT id, id FROM points'),
	(19, 'SELECT id, at, name FROM points'),
	(20, 'SELECT id, at FROM points WHERE id = $1'),
	(21, 'SELECT id, at FROM points WHERE 1 / (id - 3) < 5')) v(n, query) ORDER BY n;
SELECT count(*) FROM points;

-- the key
SELECT pg_temp.refused(format('SELECT * FROM usercluster.%s', call)) FROM (VALUES
	(1, $$kmeans('SELECT name, at FROM points', 2)$$),
	(2, $$kmeans('SELECT id::numeric, at FROM points', 2)$$),
	(3, $$kmeans('SELECT name, at FROM points', 2, key => NULL::uuid)$$),
	(4, $$kmeans('SELECT id::bigint, at FROM points', 2, key => NULL::int)$$),
	(5, $$kmeans('SELECT NULL::int, at FROM points', 2)$$),
	(6, $$kmeans('SELECT NULLIF(id, 2), at FROM points', 2)$$),
	(7, $$kmeans_fit('SELECT json_build_object(1, id), at FROM points', 2)$$),
	(8, $$kmeans('SELECT name, at FROM points', 2, key => NULL)$$),
	(9, $$kmeans('SELECT name, at FROM points', 2, NULL::text, NULL)$$),
	(10, $$kmeans('SELECT id, at FROM points', 2, 5)$$)) v(n, call) ORDER BY n;

-- the embeddings; NaN and infinity cannot be put into one
SELECT pg_temp.refused(format('SELECT * FROM usercluster.%s', call)) FROM (VALUES
	(1, $$kmeans('SELECT id, at FROM points UNION ALL VALUES (7, ''[1,2]''::embedding)', 2)$$),
	(2, $$kmeans('SELECT id, at FROM points UNION ALL VALUES (7, ''[0,0,0]''::embedding)', 2)$$),
	(3, $$kmeans('VALUES (''' || repeat('é', 50) || ''', ''[0,0]''::embedding)', 1, key => NULL::text)$$)) v(n, call)
		ORDER BY n;
SELECT cluster FROM usercluster.kmeans('VALUES (1, ''[0,0]''::embedding), (2, ''[0,0]'')', 1, metric => 'euclidean');

-- permissions: the query runs as the caller
CREATE ROLE regress_usercluster_stranger;
CREATE TABLE kmeans_private (id int, at embedding);
INSERT INTO kmeans_private SELECT id, at FROM points;
SET ROLE regress_usercluster_stranger;
SELECT pg_temp.refused($$SELECT * FROM usercluster.kmeans('SELECT id, at FROM kmeans_private', 2)$$);
RESET ROLE;
GRANT SELECT ON kmeans_private TO regress_usercluster_stranger;
ALTER TABLE kmeans_private ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON kmeans_private USING (id <> 3);
SET ROLE regress_usercluster_stranger;
SELECT string_agg(id::text, ',') FROM usercluster.kmeans('SELECT id, at FROM kmeans_private', 2);
RESET ROLE;
-- and a function that is taken away is not called
BEGIN;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA usercluster FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usercluster.adjusted_rand_index("any", "any") TO regress_usercluster_stranger;
SET LOCAL ROLE regress_usercluster_stranger;
SELECT pg_temp.refused(call) FROM (VALUES
	(1, $$SELECT * FROM usercluster.kmeans('SELECT id, at FROM kmeans_private', 2)$$),
	(2, $$SELECT * FROM usercluster.kmeans('SELECT id, at FROM kmeans_private', 2, key => NULL::int)$$),
	(3, $$SELECT * FROM usercluster.kmeans_fit('SELECT id, at FROM kmeans_private', 2)$$),
	(4, $$SELECT usercluster.kmeans_cluster(at, 2) OVER () FROM kmeans_private$$),
	(5, $$SELECT usercluster.embed('x')$$),
	(6, $$SELECT usercluster.embed(ARRAY['x'])$$),
	(7, $$SELECT usercluster.purity(id, id) FROM kmeans_private$$),
	(8, $$SELECT usercluster.kmeans_partial(at, ARRAY[at], 'cosine') FROM kmeans_private$$),
	(9, $$SELECT * FROM usercluster.models$$),
	(10, $$SELECT * FROM usercluster.progress$$),
	(11, $$CREATE TEMP TABLE t (body text, at embedding);
		CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at')$$)) v(n, call)
	ORDER BY n;
SELECT usercluster.adjusted_rand_index(id, id) FROM kmeans_private;
ROLLBACK;
DROP TABLE kmeans_private;
DROP ROLE regress_usercluster_stranger;

-- memory: refused before the work, and the hint's SET is enough
CREATE TEMP TABLE many AS
	SELECT i AS id, ARRAY[sin(i), cos(i), sin(2 * i), cos(3 * i)]::real[]::embedding AS at
		FROM generate_series(1, 20000) i;
SET usercluster.max_memory = '256kB';
SELECT regexp_replace(regexp_replace(pg_temp.refused(
	$$SELECT * FROM usercluster.kmeans('SELECT id, at FROM many', 3, restarts => 1)$$),
	'needs \d+ MB', 'needs N MB'), '''\d+MB''', '''NMB''');
SELECT pg_temp.refused(
	$$SELECT usercluster.kmeans_cluster(at, 3) OVER () FROM many$$) ~ '^53400 k-means over 20000 rows of 4 dimensions';
SELECT set_config('usercluster.max_memory', substring(pg_temp.refused(
	$$SELECT *
		FROM usercluster.kmeans('SELECT id, at FROM many', 3, restarts => 1)$$) FROM 'max_memory = ''(\w+)'''), false)
	~ '^\d+MB$';
SELECT count(*) FROM usercluster.kmeans('SELECT id, at FROM many', 3, restarts => 1);
RESET usercluster.max_memory;

-- settings
SELECT left(pg_temp.refused(statement), 60) FROM (VALUES
	(1, $$SET usercluster.threads = 257$$),
	(2, $$SET usercluster.max_memory = 1$$),
	(3, $$SET usercluster.model_dir = 'models'$$),
	(4, $$SET usercluster.no_such_setting = 1$$)) v(n, statement) ORDER BY n;

-- the window form
SELECT pg_temp.refused(format('SELECT usercluster.kmeans_cluster(%s) OVER () FROM points', arguments)) FROM (VALUES
	(1, $$at, 0$$),
	(2, $$at, NULL$$),
	(3, $$at, 2, metric => 'manhattan'$$),
	(4, $$at, 2, restarts => 0$$),
	(5, $$CASE WHEN id = 2 THEN '[1,2]' ELSE at END, 2$$),
	(6, $$CASE WHEN id = 2 THEN '[0,0,0]' ELSE at END, 2$$),
	(7, $$at, 2, preparation => NULL$$),
	(8, $$at, 2, preparation => 'bleached'$$),
	(9, $$at, 2, preparation => 'group-centred'$$),
	(10, $$at, 2, seed => NULL$$),
	(11, $$at, 2, restarts => NULL$$),
	(12, $$at, 2, metric => NULL$$)) v(n, arguments) ORDER BY n;
SELECT pg_temp.refused('SELECT usercluster.kmeans_cluster(at, 2) FROM points');
