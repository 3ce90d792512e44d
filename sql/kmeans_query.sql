-- The query contract of k-means: what queries it takes, what keys, and where it can be called
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

CREATE TEMP TABLE points (id int, at embedding);
INSERT INTO points VALUES (1, '[1,0]'), (2, '[0.9,0.1]'), (3, '[0,1]'), (4, '[0.1,0.9]'), (5, '[0,0.8]');

-- VALUES, TABLE, WITH, a semicolon, a comment, FOR UPDATE
SELECT string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('VALUES (1, ''[1,0]''::embedding), (2, ''[0,1]'')', 2);
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans('TABLE points', 2);
SELECT string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('WITH p AS (SELECT * FROM points) SELECT * FROM p;', 2);
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans('SELECT id, at FROM points -- all', 2);
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans('SELECT id, at FROM points FOR UPDATE', 2);
SELECT string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('SELECT id / 2, avg(at) FROM points GROUP BY 1', 2);

-- integer keys of any width, and domains over them and over embedding
CREATE DOMAIN pg_temp.user_key AS int;
CREATE DOMAIN pg_temp.place AS embedding;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('SELECT -id::smallint, at FROM points', 2) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('SELECT id + 10000000000, at FROM points', 2) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('SELECT id::pg_temp.user_key, at::pg_temp.place FROM points', 2) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ')
	FROM usercluster.kmeans('SELECT id::smallint, at FROM points', 2, key => NULL::bigint) GROUP BY 1;

-- keys keep their type
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT lpad(id::text, 32, ''0'')::uuid, at FROM points', k => 2, key => NULL::uuid) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT date ''2026-01-01'' + id, at FROM points', 2, NULL::date) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT (''用户'' || id)::varchar(10), at FROM points', 2, key => NULL::text) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id::text || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT ARRAY[id, id], at FROM points', 2, key => NULL::int[]) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT ROW(id, ''x''::text), at FROM points', 2, key => NULL::record) GROUP BY 1;
SELECT pg_typeof(id), string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	'SELECT id * 1.5, at FROM points', 2, key => 0::numeric) GROUP BY 1;

-- text is ordered by its bytes; long keys are kept whole
SELECT string_agg(id, ' ') FROM usercluster.kmeans(
	'SELECT * FROM (VALUES (''b'', ''[1,0]''::embedding), (''a'', ''[0,1]''), (''B'', ''[1,1]''),
		(''é'', ''[2,1]'')) v', 2, key => ''::text);
SELECT max(length(id)), count(*) FROM usercluster.kmeans(
	'SELECT repeat(md5(id::text), 10000), at FROM points', 2, key => NULL::text);

-- the caller's search_path, and changes of the caller's own transaction
CREATE SCHEMA kmeans_here;
CREATE TABLE kmeans_here.users (id int, at embedding);
BEGIN;
SET LOCAL search_path = kmeans_here, public;
INSERT INTO users VALUES (1, '[1,0]'), (2, '[0,1]');
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans('SELECT id, at FROM users', 2);
ROLLBACK;
DROP SCHEMA kmeans_here CASCADE;

-- once per row of another query, in the select list, prepared, in a cursor, read-only
SELECT k, max(cluster), count(*) FROM generate_series(1, 3) k, usercluster.kmeans('TABLE points', k)
	GROUP BY k ORDER BY k;
SELECT (usercluster.kmeans('TABLE points', 2)).cluster LIMIT 2;
SELECT (usercluster.kmeans_fit('TABLE points', 2)).sizes;
PREPARE fit(text, int) AS SELECT count(*) FROM usercluster.kmeans($1, $2);
EXECUTE fit('TABLE points', 2);
EXECUTE fit('SELECT id, at FROM points WHERE id < 4', 2);
DEALLOCATE fit;
BEGIN READ ONLY;
DECLARE c CURSOR FOR SELECT id, cluster FROM usercluster.kmeans('TABLE points', 2);
FETCH 2 FROM c;
FETCH 1 FROM c;
COMMIT;

-- a query that calls k-means itself, through a function and directly
CREATE FUNCTION pg_temp.sizes(k int) RETURNS TABLE (id bigint, at embedding) LANGUAGE sql AS
	$$SELECT cluster, centroid FROM usercluster.kmeans_centroids('TABLE points', k)$$;
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans('SELECT * FROM pg_temp.sizes(3)', 3);
SELECT string_agg(id || ':' || cluster, ' ') FROM usercluster.kmeans(
	$$SELECT p.id, p.at FROM usercluster.kmeans('TABLE points', 2) JOIN points p USING (id) WHERE cluster = 1$$, 2);

-- a cluster is an ordinary column: join it back
SELECT p.id, at, cluster FROM points p JOIN usercluster.kmeans('TABLE points', 2) USING (id) ORDER BY cluster, p.id;

-- an error leaves nothing behind that the next call would meet
DO $$
DECLARE
	clusters int;
BEGIN
	FOR i IN 1 .. 20 LOOP
		BEGIN
			PERFORM * FROM usercluster.kmeans('SELECT id, at FROM points WHERE 1 / (id - 4) < 9', 2);
			RAISE EXCEPTION 'accepted';
		EXCEPTION WHEN division_by_zero THEN
			SELECT count(DISTINCT cluster) INTO clusters FROM usercluster.kmeans('TABLE points', 2);
		END;
	END LOOP;
	RAISE NOTICE 'still finds % clusters', clusters;
END $$;

-- an error in what takes the rows
SELECT 1 / (cluster - 1) FROM usercluster.kmeans('TABLE points', 2);
SELECT count(*) FROM usercluster.kmeans('TABLE points', 2);

-- a cancel in a subtransaction ends the work within a second, as a cancel and not as anything else
CREATE TEMP TABLE many AS
	SELECT i AS id, (SELECT array_agg(sin(12.9898 * i + 78.233 * d * d + i * d))
		FROM generate_series(1, 32) d)::real[]::embedding AS at
	FROM generate_series(1, 20000) i;
CREATE FUNCTION pg_temp.cancelled(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
BEGIN
	BEGIN
		EXECUTE call;
		RETURN 'ran to its end';
	EXCEPTION WHEN query_canceled THEN
		RETURN SQLERRM || CASE WHEN clock_timestamp() - started < interval '1.3 s' THEN ', in time' ELSE ', late' END;
	END;
END $$;
SET statement_timeout = '300ms';
SELECT pg_temp.cancelled($$SELECT * FROM usercluster.kmeans('TABLE many', 200, restarts => 100000, tolerance => 0)$$);
SET usercluster.threads = 2;
SELECT pg_temp.cancelled($$SELECT * FROM usercluster.kmeans_fit('TABLE many', 200, restarts => 100000)$$);
SELECT pg_temp.cancelled($$SELECT usercluster.kmeans_cluster(at, 200, restarts => 100000) OVER () FROM many$$);
SELECT pg_temp.cancelled($$SELECT * FROM usercluster.kmeans('SELECT id, at FROM many, pg_sleep(10)', 2)$$);
RESET statement_timeout;
SELECT count(*) FROM usercluster.kmeans('TABLE many', 2, restarts => 1);
