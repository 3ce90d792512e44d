-- nearest, kmeans_partial, kmeans_merge and kmeans_step
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE points AS
	SELECT i AS id, i % 3 AS shard, 1 + i % 2 AS weight,
		ARRAY[10 * (i % 4) + sin(i), cos(i * i), i % 5]::real[]::embedding AS at
	FROM generate_series(1, 400) AS i;
CREATE TEMP TABLE starts AS SELECT array_agg(at ORDER BY id) AS at FROM points WHERE id <= 4;

-- refused: no centroids, NULL, other dimensions, no direction, an unknown metric, a bad weight
SELECT usercluster.nearest('[1,2]', '{}');
SELECT usercluster.nearest('[1,2]', ARRAY['[1,2]', NULL]::embedding[]);
SELECT usercluster.nearest('[1,2]', ARRAY['[1,2]', '[1,2,3]']::embedding[]);
SELECT usercluster.nearest('[1,2,3]', ARRAY['[1,2]']::embedding[]);
SELECT usercluster.nearest('[1,2]', ARRAY['[0,0]']::embedding[]);
SELECT usercluster.nearest('[0,0]', ARRAY['[1,2]']::embedding[]);
SELECT usercluster.nearest('[1,2]', ARRAY[ARRAY['[1,2]'], ARRAY['[1,2]']]::embedding[]);
SELECT usercluster.nearest('[1,2]', ARRAY['[1,2]']::embedding[], 'manhattan');
SELECT usercluster.kmeans_partial(at, NULL, 'cosine') FROM points;
SELECT usercluster.kmeans_partial(points.at, starts.at, NULL) FROM points, starts;
SELECT usercluster.kmeans_partial(at, ARRAY[at], 'cosine', -1) FROM points;
SELECT usercluster.kmeans_partial(at, ARRAY[at], 'cosine', 'NaN') FROM points;
SELECT usercluster.kmeans_partial(at, ARRAY[at], 'cosine', NULL) FROM points;
SELECT usercluster.kmeans_partial(at, '{1,2}', 'cosine') FROM points;
SELECT usercluster.kmeans_partial(at, '{{1,2,NULL}}', 'cosine') FROM points;
SELECT usercluster.kmeans_partial(at, '{{1,2,NaN}}', 'cosine') FROM points;
SELECT ARRAY['[1,2]', '[3]']::embedding[]::real[];
-- refused: what is not a state, and states that differ in shape
SELECT usercluster.kmeans_add('{}', '{}');
SELECT usercluster.kmeans_add('{0,1,2}', '{0,1,2}');
SELECT usercluster.kmeans_add('{0,1e300,2,0}', '{0,1,1,1,1,1,1}');
SELECT usercluster.kmeans_add('{0,1,1,NaN,NULL,1,1}', '{0,1,1,1,1,1,1}');
SELECT usercluster.kmeans_add('{0,1,1,1,1,1,1}', '{1,1,1,1,1,1,1}');
SELECT usercluster.kmeans_add('{1,1,1,1,1,1,1}', '{1,1,2,1,1,1,1,1}');
SELECT usercluster.kmeans_step('{1,1,1,1,1,1,1}', ARRAY['[1,2]']::embedding[], 'euclidean');
SELECT usercluster.kmeans_step('{1,1,1,NaN,1,1,1}', ARRAY['[1]']::embedding[], 'euclidean');
SELECT usercluster.kmeans_step('{1,1,1,1e300,1,1,1}', ARRAY['[1]']::embedding[], 'euclidean');
SELECT usercluster.kmeans_step('{1,1,1,1,1,1,1e300}', ARRAY['[1]']::embedding[], 'euclidean');
SELECT usercluster.kmeans_step('{1,1,1,1,1,1,Infinity}', ARRAY['[1]']::embedding[], 'euclidean');

SELECT ARRAY['[1,2]', '[3,4]']::embedding[]::real[];
-- NULL in, NULL out; nothing in, NULL out; among equals the first
SELECT usercluster.nearest(NULL, ARRAY['[1,2]']::embedding[]) IS NULL;
SELECT usercluster.kmeans_partial(NULL::embedding, ARRAY['[1,2]']::embedding[], 'cosine') IS NULL;
SELECT usercluster.kmeans_partial(at, ARRAY[at], 'cosine') IS NULL FROM points WHERE false;
SELECT usercluster.kmeans_merge(NULL::float8[]) IS NULL;
SELECT usercluster.nearest('[1,1]', ARRAY['[0,1]', '[1,0]']::embedding[]);
SELECT usercluster.nearest('[3,4]', ARRAY['[3,3]', '[0,0]']::embedding[], 'euclidean');

-- each row's own centroids: nothing is kept from the row before
SELECT bool_and((usercluster.nearest(a.at, ARRAY[b.at, a.at], 'euclidean')).distance = 0)
	FROM points AS a, points AS b WHERE a.id <= 20 AND b.id <= 20;
CREATE FUNCTION pg_temp.changing() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	found int[] := '{}';
	centroids embedding[];
BEGIN
	FOR i IN 1..3 LOOP
		centroids := ARRAY[ARRAY[9, i]::real[]::embedding, ARRAY[i, 0]::real[]::embedding, ARRAY[0, 3.5 - i]::real[]::embedding];
		found := found || (usercluster.nearest('[0,0]', centroids, 'euclidean')).cluster;
	END LOOP;
	RETURN found;
END $$;
SELECT pg_temp.changing();

-- twenty steps give what kmeans gives from the same centroids, with both metrics
CREATE FUNCTION pg_temp.steps(how text, metric usercluster.metric, INOUT centroids embedding[], OUT inertia float8) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..20 LOOP
		EXECUTE 'SELECT s.centroids, s.inertia FROM usercluster.kmeans_step((' || how || '), $1, $2) AS s'
			INTO centroids, inertia USING centroids, metric;
	END LOOP;
END $$;
SELECT metric, abs(stepped.inertia / fit.inertia - 1) < 1e-9,
	(SELECT max(a <-> b) < 1e-5 FROM unnest(stepped.centroids) AS a, LATERAL (
		SELECT b FROM unnest(fit.centroids) AS b ORDER BY a <-> b LIMIT 1) AS nearest)
	FROM unnest(enum_range(NULL::usercluster.metric)) AS metric, starts,
		pg_temp.steps('SELECT usercluster.kmeans_partial(at, $1, $2) FROM points', metric, at) AS stepped,
		usercluster.kmeans_fit('SELECT id, at FROM points', 4, metric => metric::text, centroids => starts.at) AS fit;

-- by shard and merged: the same sums
SELECT metric, abs(merged.inertia / whole.inertia - 1) < 1e-12, whole.sizes = merged.sizes
	FROM unnest(enum_range(NULL::usercluster.metric)) AS metric, starts,
		LATERAL (SELECT usercluster.kmeans_partial(points.at, starts.at, metric) AS state FROM points) AS one,
		LATERAL (SELECT usercluster.kmeans_merge(state) AS state FROM (
			SELECT usercluster.kmeans_partial(points.at, starts.at, metric) AS state FROM points GROUP BY shard) AS s) AS many,
		usercluster.kmeans_step(one.state, starts.at, metric) AS whole,
		usercluster.kmeans_step(many.state, starts.at, metric) AS merged;

-- a row of weight two counts as two rows; a centroid without rows stays
SELECT abs(weighted.inertia / repeated.inertia - 1) < 1e-12, weighted.centroids[2] <-> repeated.centroids[2] < 1e-6
	FROM starts,
		LATERAL (SELECT usercluster.kmeans_partial(points.at, starts.at, 'cosine', weight) AS state FROM points) AS w,
		LATERAL (SELECT usercluster.kmeans_partial(points.at, starts.at, 'cosine') AS state
			FROM points, generate_series(1, weight)) AS r,
		usercluster.kmeans_step(w.state, starts.at, 'cosine') AS weighted,
		usercluster.kmeans_step(r.state, starts.at, 'cosine') AS repeated;
SELECT s.centroids, s.sizes, round(s.inertia::numeric, 9), round(s.shift::numeric, 6) FROM usercluster.kmeans_step((
	SELECT usercluster.kmeans_partial(x, ARRAY['[0,1]', '[50,50]']::embedding[], 'euclidean')
	FROM unnest(ARRAY['[0,0]', '[2,0]']::embedding[]) AS x), ARRAY['[0,1]', '[50,50]']::embedding[], 'euclidean') AS s;

-- parallel workers divide the rows and add their states
CREATE TABLE many_points AS SELECT i AS id, ARRAY[i % 7, sin(i), cos(i)]::real[]::embedding AS at
	FROM generate_series(1, 20000) AS i;
ANALYZE many_points;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.has_line(query text, line text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	FOR plan IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF plan LIKE line THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;
SELECT pg_temp.has_line($$SELECT usercluster.kmeans_partial(at, ARRAY['[1,0,0]', '[5,1,0]']::embedding[], 'euclidean') FROM many_points$$,
	'%Partial Aggregate%');
CREATE TEMP TABLE states AS
	SELECT usercluster.kmeans_partial(at, ARRAY['[1,0,0]', '[5,1,0]']::embedding[], 'euclidean') AS state FROM many_points;
SET max_parallel_workers_per_gather = 0;
INSERT INTO states
	SELECT usercluster.kmeans_partial(at, ARRAY['[1,0,0]', '[5,1,0]']::embedding[], 'euclidean') AS state FROM many_points;
SELECT count(*), max(inertia) / min(inertia) - 1 < 1e-9, count(DISTINCT sizes)
	FROM states, usercluster.kmeans_step(state, ARRAY['[1,0,0]', '[5,1,0]']::embedding[], 'euclidean');
DROP TABLE many_points;

-- memory does not grow with the rows
\getenv abs_srcdir PG_ABS_SRCDIR
\set memory :abs_srcdir '/sql/include/memory.sql'
\i :memory
SELECT cardinality(usercluster.kmeans_partial(at, ARRAY['[1,0]', '[5,1]']::embedding[], 'euclidean')),
	cardinality(usercluster.kmeans_partial(at, ARRAY['[1,0]', '[5,1]']::embedding[], 'euclidean', i)),
	cardinality(usercluster.kmeans_merge(state))
	FROM (SELECT i, ARRAY[i % 7, 1]::real[]::embedding AS at FROM generate_series(1, 200000) AS i) AS r,
		(SELECT state FROM states LIMIT 1) AS s
	WHERE i NOT IN (100, 20000, 200000) OR pg_temp.note();
SELECT count(*), max(bytes) FILTER (WHERE n = 3) - max(bytes) FILTER (WHERE n = 2) < 50000 FROM noted;
