-- What k-means returns, by property: labels up to permutation, numbers within a tolerance
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- five groups of falling size around the axes of eight dimensions
CREATE TEMP TABLE grouped AS
	SELECT row_number() OVER (ORDER BY md5(g || '/' || i)) AS id, g,
		(SELECT array_agg(CASE WHEN d = g THEN 4 ELSE 0 END + 0.5 * sin(12.9898 * i + 78.233 * d + 37.719 * g)
			ORDER BY d)
		 FROM generate_series(1, 8) d)::real[]::embedding AS at
	FROM generate_series(1, 5) g, generate_series(1, 70 - 10 * g) i;

CREATE TEMP TABLE found AS SELECT * FROM usercluster.kmeans('SELECT id, at FROM grouped', 5);

-- the groups are found, numbered by falling size, and rows come ordered by key
SELECT cluster, min(g), max(g), count(*) FROM found JOIN grouped USING (id) GROUP BY cluster ORDER BY cluster;
SELECT array_agg(id) = array_agg(id ORDER BY id) AS ordered
	FROM usercluster.kmeans('SELECT id, at FROM grouped ORDER BY g DESC', 5);

-- the three functions agree with each other
SELECT bool_and(c.size = f.rows AND abs(c.inertia - f.inertia) < 1e-6)
	FROM usercluster.kmeans_centroids('SELECT id, at FROM grouped', 5) c
	JOIN (SELECT cluster, count(*) AS rows, sum(distance) AS inertia FROM found GROUP BY cluster) f USING (cluster);
SELECT bool_and(abs(f.distance - (g.at <=> c.centroid)) < 1e-6 AND abs(norm(c.centroid) - 1) < 1e-6)
	FROM found f JOIN grouped g USING (id)
	JOIN usercluster.kmeans_centroids('SELECT id, at FROM grouped', 5) c USING (cluster);
SELECT sizes, converged, iterations BETWEEN 1 AND 300, seed, rows, skipped, array_length(centroids, 1),
		abs(inertia - (SELECT sum(distance) FROM found)) < 1e-6
	FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 5, seed => 7);

-- euclidean: centroids are means, inertia the sum of squared distances
SELECT bool_and(abs(f.distance - (g.at <-> m.mean)) < 1e-5)
	FROM usercluster.kmeans('SELECT id, at FROM grouped', 5, metric => 'euclidean') f JOIN grouped g USING (id)
	JOIN (SELECT g, avg(at) AS mean FROM grouped GROUP BY g) m ON m.g = g.g;
SELECT abs(f.inertia - c.inertia) < 1e-6 * c.inertia, abs(f.inertia - d.inertia) < 1e-6 * d.inertia
	FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 5, metric => 'euclidean') f,
		(SELECT sum(inertia) AS inertia
		 FROM usercluster.kmeans_centroids('SELECT id, at FROM grouped', 5, metric => 'euclidean')) c,
		(SELECT sum(distance ^ 2) AS inertia
		 FROM usercluster.kmeans('SELECT id, at FROM grouped', 5, metric => 'euclidean')) d;

-- k = 1 and k = n
SELECT count(*), count(DISTINCT cluster) FROM usercluster.kmeans('SELECT id, at FROM grouped', 1);
SELECT count(*), count(DISTINCT cluster), max(distance) < 1e-6,
		array_agg(cluster ORDER BY id) = array_agg(id::int ORDER BY id)
	FROM usercluster.kmeans('SELECT id, at FROM grouped WHERE id <= 40', 40);

-- the same labels for a seed, whatever the threads, the order of the rows and the form of the key
CREATE FUNCTION pg_temp.labels(query text, k int, threads int, seed bigint DEFAULT 1) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('usercluster.threads', threads::text, true);
	RETURN (SELECT md5(string_agg(id || ':' || cluster, ',' ORDER BY id))
		FROM usercluster.kmeans(query, k, seed => seed));
END $$;
CREATE TEMP TABLE scattered AS
	SELECT i AS id, (SELECT array_agg(sin(12.9898 * i + 78.233 * d * d + i * d))
		FROM generate_series(1, 16) d)::real[]::embedding AS at
	FROM generate_series(1, 3000) i;
SELECT count(DISTINCT pg_temp.labels('SELECT id, at FROM scattered', 20, threads)) FROM generate_series(0, 4) threads;
SELECT pg_temp.labels('SELECT id, at FROM scattered ORDER BY id DESC', 20, 1)
	= pg_temp.labels('SELECT id, at FROM scattered', 20, 2);
SELECT pg_temp.labels('SELECT id, at FROM scattered', 20, 1, 2)
	<> pg_temp.labels('SELECT id, at FROM scattered', 20, 1, 1);
SELECT pg_temp.labels('SELECT id % 50, at FROM scattered ORDER BY md5(id::text)', 20, 1)
	= pg_temp.labels('SELECT id % 50, at FROM scattered ORDER BY at', 20, 2);
SELECT count(DISTINCT centroids) FROM (
	SELECT (usercluster.kmeans_fit('SELECT id, at FROM scattered', 20)).centroids
	UNION ALL SELECT (usercluster.kmeans_fit('SELECT id, at FROM scattered ORDER BY at', 20)).centroids) f;

-- parallel workers in the query do not change the result
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE kmeans_scattered AS SELECT * FROM scattered;
SELECT pg_temp.labels('SELECT id, at FROM kmeans_scattered', 20, 1)
	= pg_temp.labels('SELECT id, at FROM scattered', 20, 1);
ROLLBACK;

-- given centroids: the fit starts there, and one from its own result stays there
SELECT bool_and(f.cluster = g.cluster) FROM found f JOIN usercluster.kmeans('SELECT id, at FROM grouped', 5,
	centroids => (SELECT centroids FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 5))) g USING (id);
SELECT sizes, iterations <= 2 FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 2, init => 'given',
	centroids => (SELECT centroids FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 2)));

-- the way to start: few clusters take k-means++ by themselves, and groups that lie apart are found either way
SELECT init, sizes, round(inertia::numeric, 6) = (SELECT round(inertia::numeric, 6)
	FROM usercluster.kmeans_fit('SELECT id, at FROM grouped', 5)) AS as_by_default
	FROM unnest(ARRAY['auto', 'k-means++', 'k-means||']) init,
	LATERAL usercluster.kmeans_fit('SELECT id, at FROM grouped', 5, init => init);
SELECT DISTINCT cluster FROM usercluster.kmeans('SELECT i, (ARRAY[''[1,0]'', ''[0,1]'', ''[0,2]'']::embedding[])[1 + i % 3]
	FROM generate_series(1, 90) i', 5, init => 'k-means||') ORDER BY cluster;

-- a least size: rows of the largest groups fill the small ones; one that all have changes nothing, nor does none
SELECT size_asked, sizes, inertia > 0 AS positive FROM unnest(ARRAY[NULL, 0, 20, 25, 40]) size_asked,
	LATERAL usercluster.kmeans_fit('SELECT id, at FROM grouped', 5, min_size => size_asked);
SELECT min(size), max(size) FROM (SELECT count(*) AS size
	FROM usercluster.kmeans('SELECT id, at FROM scattered', 7, min_size => (SELECT count(*) / 7 FROM scattered)::int) GROUP BY cluster) s;
SELECT cluster, count(*), sum(distance)::numeric(6, 3) FROM usercluster.kmeans('SELECT i, ''[3,4]''::embedding FROM generate_series(1, 5) i
	UNION ALL SELECT 6, ''[4,3]''', 2, min_size => 3, restarts => 1) GROUP BY cluster ORDER BY cluster;

-- mini-batches find groups that lie apart; a batch of all rows is no batch
SELECT batch, sizes, converged FROM unnest(ARRAY[10, 50]) batch,
	LATERAL usercluster.kmeans_fit('SELECT id, at FROM grouped', 5, batch_rows => batch);
SELECT (SELECT f FROM usercluster.kmeans_fit('SELECT id, at FROM scattered', 6) f)::text
	= (SELECT f FROM usercluster.kmeans_fit('SELECT id, at FROM scattered', 6, batch_rows => 1000000) f)::text AS same;
SELECT converged, iterations FROM usercluster.kmeans_fit('SELECT id, at FROM scattered', 6, batch_rows => 20, max_iterations => 5);

-- fewer distinct rows than clusters: fewer, contiguous clusters and a notice
SELECT cluster, count(*), min(distance) >= 0 AND max(distance) < 1e-6
	FROM usercluster.kmeans('SELECT i, (ARRAY[''[1,0]'', ''[0,1]'', ''[0,2]'']::embedding[])[1 + i % 3]
		FROM generate_series(1, 90) i', 5)
	GROUP BY cluster ORDER BY cluster;
SELECT cluster, count(*)
	FROM usercluster.kmeans('SELECT i, (ARRAY[''[1,0]'', ''[0,1]'', ''[0,2]'']::embedding[])[1 + i % 3]
		FROM generate_series(1, 90) i', 5,
		metric => 'euclidean')
	GROUP BY cluster ORDER BY cluster;
SELECT sizes, inertia < 1e-6, converged FROM usercluster.kmeans_fit('SELECT i, ''[3,4]''::embedding
	FROM generate_series(1, 7) i', 4);

-- identical rows share a cluster
SELECT max(clusters) FROM (
	SELECT at, count(DISTINCT cluster) AS clusters
	FROM usercluster.kmeans('SELECT id, at FROM scattered UNION ALL SELECT id + 10000, at FROM scattered', 30)
	JOIN (SELECT id, at FROM scattered UNION ALL SELECT id + 10000, at FROM scattered) s USING (id) GROUP BY at) c;

-- rows without an embedding are skipped and counted
SELECT count(*), max(id) FROM usercluster.kmeans('SELECT id, CASE WHEN id > 10 THEN at END FROM grouped', 2);
SELECT rows, skipped FROM usercluster.kmeans_fit('SELECT id, CASE WHEN id <> 10 THEN at END FROM grouped', 2);

-- not converged: a column and a notice
SELECT converged, iterations FROM usercluster.kmeans_fit('SELECT id, at FROM scattered', 20, max_iterations => 1);

-- more rows than one batch of anything, and the longest embedding
SELECT rows, sizes[1] + sizes[2] FROM usercluster.kmeans_fit(
	'SELECT i, ARRAY[sin(i), 1]::real[]::embedding FROM generate_series(1, 50000) i', 2, restarts => 1);
SELECT count(*), count(DISTINCT cluster) FROM usercluster.kmeans(
	'SELECT i, (array_fill((i % 2)::real, ARRAY[8000]) || array_fill((1 + i % 2)::real, ARRAY[8000]))::embedding
	 FROM generate_series(1, 20) i', 2);
