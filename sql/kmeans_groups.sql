-- kmeans_by_group and kmeans_centroids_by_group: each group of a query clustered by itself
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE points AS
	SELECT i AS id, 'u' || i AS name, CASE WHEN i > 180 THEN NULL WHEN i % 3 = 0 THEN '北京' ELSE 'city ' || i % 3 END AS city, 1 + i % 2 AS weight, CASE i % 4 WHEN 0 THEN 'zh' WHEN 1 THEN 'en' END AS language, ARRAY[i % 7, NULLIF(i % 5, 3)] AS features,
		ARRAY[10 * (i % 4) + sin(i), 1 + cos(i * i), i % 5]::real[]::embedding AS at
	FROM generate_series(1, 200) AS i;

-- refused: arguments, no group_key, no weight in a group, memory
SELECT * FROM usercluster.kmeans_by_group(NULL, 2);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', NULL);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 0);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 2, key => NULL::int, restarts => 0);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 2, metric => 'manhattan');
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 2, preparation => 'boiled');
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at FROM points', 2);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 2, preparation => 'group-centred');
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city FROM points', 2);
SELECT * FROM usercluster.kmeans_by_group('SELECT name, at, city AS group_key FROM points', 2);
SELECT * FROM usercluster.kmeans('SELECT id, at, city AS group_key FROM points', 2);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key, (city IS NOT NULL)::int AS weight FROM points', 2);
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, repeat(''长'', 99) AS group_key, 0 AS weight FROM points', 2);
SET usercluster.max_memory = '64kB';
\set VERBOSITY terse
SELECT * FROM usercluster.kmeans_by_group('SELECT i, at, i AS group_key FROM points, generate_series(1, 20) AS i', 2);
\set VERBOSITY default
RESET usercluster.max_memory;

-- no rows, no groups
SELECT * FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points WHERE false', 2);
SELECT * FROM usercluster.kmeans_centroids_by_group('SELECT id, NULL::embedding, city AS group_key FROM points', 2);

-- in each group what kmeans finds there alone, with any metric, preparation, weight and number of threads; NULL is a group
CREATE FUNCTION pg_temp.alone(query text, metric text, preparation text) RETURNS TABLE (group_key text, id bigint, cluster int, distance float8)
LANGUAGE plpgsql AS $$
BEGIN
	FOR group_key IN SELECT DISTINCT city FROM points LOOP
		RETURN QUERY SELECT alone.group_key, k.* FROM usercluster.kmeans(
			format('%s WHERE city IS NOT DISTINCT FROM %L', query, group_key), 3, metric => metric, preparation => preparation) AS k;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.compared(metric text, preparation text, columns text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) = 200 AND bool_and(a.group_key IS NOT DISTINCT FROM g.group_key AND a.cluster = g.cluster AND a.distance = g.distance)
		FROM pg_temp.alone(format('SELECT id, at%s FROM points', columns), metric, preparation) AS a
			JOIN usercluster.kmeans_by_group(format('SELECT id, at, city AS group_key%s FROM points', columns), 3, metric => metric,
				preparation => preparation) AS g USING (id));
END $$;
SELECT threads, metric, preparation, set_config('usercluster.threads', threads, false) = threads AND pg_temp.compared(metric, preparation, '')
		AND pg_temp.compared(metric, preparation, ', weight, language, features')
	FROM unnest(ARRAY['1', '2', '5']) AS threads, unnest(ARRAY['cosine', 'euclidean']) AS metric, unnest(ARRAY['auto', 'none', 'centred', 'whitened']) AS preparation
	ORDER BY 1, 2, 3;
RESET usercluster.threads;

-- ordered by group, then key; keys keep their type, groups are shown as text
SELECT array_agg(group_key ORDER BY ordinality), bool_and(sorted) FROM (
	SELECT group_key, min(ordinality) AS ordinality, bool_and(id > coalesce(previous, 0)) AS sorted FROM (
		SELECT group_key, id, ordinality, lag(id) OVER (PARTITION BY group_key ORDER BY ordinality) AS previous
		FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points ORDER BY at <-> ''[5,5,5]''', 3) WITH ORDINALITY) AS g
	GROUP BY group_key) AS s;
SELECT pg_typeof(group_key), pg_typeof(id), count(*) FROM usercluster.kmeans_by_group(
	'SELECT name, at, id % 3 = 0 AS group_key FROM points', 2, key => NULL::text) GROUP BY 1, 2;

-- groups with too few rows get fewer clusters; one notice for all of them, and one for rows without an embedding
SELECT group_key, max(cluster), count(*) FROM usercluster.kmeans_by_group(
	'SELECT id, CASE WHEN id % 10 < 8 THEN at END, CASE WHEN id < 5 THEN id ELSE 9 END AS group_key FROM points', 3) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 3, max_iterations => 1);

-- centroids: of every group, in the space of the embeddings, also after a preparation
SELECT p, c.group_key IS NOT DISTINCT FROM g.group_key, c.cluster = g.cluster, c.size = g.size, abs(c.inertia - g.inertia) < 1e-9, c.centroid <-> g.mean < 1e-5
	FROM unnest(ARRAY['none', 'centred']) AS p,
		LATERAL (SELECT *, row_number() OVER (ORDER BY group_key, cluster) AS n FROM usercluster.kmeans_centroids_by_group(
			'SELECT id, at, city AS group_key FROM points', 2, metric => 'euclidean', preparation => p)) AS c
		JOIN LATERAL (SELECT group_key, cluster, count(*) AS size, sum(distance ^ 2) AS inertia, avg(at) AS mean, row_number() OVER (ORDER BY group_key, cluster) AS n
			FROM usercluster.kmeans_by_group('SELECT id, at, city AS group_key FROM points', 2, metric => 'euclidean', preparation => p)
				JOIN points USING (id) GROUP BY 1, 2) AS g USING (n)
	ORDER BY p, n;
