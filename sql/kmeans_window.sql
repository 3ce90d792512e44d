-- k-means as a window function
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on

CREATE TEMP TABLE users (id int, country text, at embedding);
INSERT INTO users
	SELECT i, CASE WHEN i <= 60 THEN 'cn' ELSE 'de' END,
		ARRAY[cos(i % 3 * 2 + 0.05 * sin(i)), sin(i % 3 * 2 + 0.05 * sin(i))]::real[]::embedding
	FROM generate_series(1, 120) i WHERE i % 3 < 2 OR i % 2 = 0 OR i > 60;
INSERT INTO users VALUES (200, 'cn', NULL), (201, 'fr', NULL);

-- the groups of each partition, numbered by falling size; a row without an embedding has none
SELECT country, cluster, count(*), min(id % 3), max(id % 3)
	FROM (SELECT *, usercluster.kmeans_cluster(at, 3) OVER (PARTITION BY country) AS cluster FROM users) u
	GROUP BY country, cluster ORDER BY country, cluster;

-- the same labels whatever the order of the rows, the frame and the threads
SET usercluster.threads = 2;
SELECT count(*) FROM (
	SELECT usercluster.kmeans_cluster(at, 5, seed => 3) OVER (PARTITION BY country) AS a,
		usercluster.kmeans_cluster(at, k => 5, seed => 3) OVER (PARTITION BY country ORDER BY id DESC) AS b,
		usercluster.kmeans_cluster(at, 5, 3) OVER (PARTITION BY country ORDER BY md5(id::text) ROWS 2 PRECEDING) AS c
	FROM users) l
	WHERE a IS DISTINCT FROM b OR a IS DISTINCT FROM c;
RESET usercluster.threads;
SELECT bool_and(cluster = w) FROM (
	SELECT id, usercluster.kmeans_cluster(at, 3, metric => 'euclidean') OVER () AS w FROM users WHERE at IS NOT NULL) u
	JOIN usercluster.kmeans('SELECT id, at FROM users', 3, metric => 'euclidean') USING (id);

-- partitions with fewer distinct rows than k: fewer clusters, and one notice for all of them
SELECT g, array_agg(DISTINCT cluster) FROM (
	SELECT i % 10 AS g, usercluster.kmeans_cluster(ARRAY[1, i % 20]::real[]::embedding, 4)
		OVER (PARTITION BY i % 10) AS cluster
	FROM generate_series(1, 100) i) s
	GROUP BY g ORDER BY g;
SELECT usercluster.kmeans_cluster('[1,2]', 8) OVER ();
SELECT usercluster.kmeans_cluster(NULL, 8) OVER () FROM generate_series(1, 2);

-- no rows, many partitions, several windows at once, an expression for k
SELECT usercluster.kmeans_cluster(at, 8) OVER () FROM users WHERE false;
SELECT count(*), max(c) FROM (
	SELECT usercluster.kmeans_cluster(at, 1 + (id > 0)::int) OVER (PARTITION BY id / 6) AS c FROM users
		WHERE id < 118 AND id > 5) u;
SELECT count(DISTINCT (country, a)) = count(DISTINCT (country, a, b)) FROM (
	SELECT country, usercluster.kmeans_cluster(at, 3) OVER (PARTITION BY country) AS a,
		usercluster.kmeans_cluster(at, 2, metric => 'euclidean') OVER (PARTITION BY country) AS b
			FROM users WHERE id < 200) u;

-- rows that spill to disk
SET work_mem = '64kB';
SELECT cluster, count(*) FROM (
	SELECT usercluster.kmeans_cluster(ARRAY[i % 2, (i + 1) % 2, 1e-8 * i]::real[]::embedding, 2, restarts => 1)
		OVER (ORDER BY i) AS cluster
	FROM generate_series(1, 20001) i) s GROUP BY cluster ORDER BY cluster;

-- each partition is prepared by itself, as the query form prepares the same rows; keys in the order of the values
CREATE TEMP TABLE long AS
	SELECT row_number() OVER (ORDER BY at) AS id, few, at FROM (
		SELECT i <= 40 AS few, (SELECT array_agg(3 + sin(i * 12.9898 + d * 78.233) + (i % 4 = d % 4)::int ORDER BY d)
			FROM generate_series(1, 64) d)::real[]::embedding AS at
		FROM generate_series(1, 340) i) l;
SELECT preparation, count(*), bool_and(w.cluster = q.cluster) AS as_query
	FROM unnest(ARRAY['auto', 'none', 'centred', 'whitened']) preparation,
	LATERAL (SELECT id, usercluster.kmeans_cluster(at, 4, preparation => preparation) OVER () AS cluster FROM long WHERE few) w
	JOIN LATERAL usercluster.kmeans('SELECT id, at FROM long WHERE few', 4, preparation => preparation) q USING (id)
	GROUP BY preparation ORDER BY preparation;
SELECT few, count(*), bool_and(w.cluster = q.cluster) AS as_query, bool_and(w.cluster = w.plain) AS as_plain
	FROM (SELECT id, few, usercluster.kmeans_cluster(at, 4) OVER (PARTITION BY few) AS cluster,
		usercluster.kmeans_cluster(at, 4, preparation => 'none') OVER (PARTITION BY few) AS plain FROM long) w
	JOIN (SELECT * FROM usercluster.kmeans('SELECT id, at FROM long WHERE few', 4)
		UNION ALL SELECT * FROM usercluster.kmeans('SELECT id, at FROM long WHERE NOT few', 4)) q USING (id)
	GROUP BY few ORDER BY few;
