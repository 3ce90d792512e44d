-- Rows that count more than others: the column weight
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE points AS SELECT i AS id, 1 + i % 3 AS times, ARRAY[10 * (i % 4) + sin(i), 1 + cos(i * i), i % 5]::real[]::embedding AS at
	FROM generate_series(1, 200) AS i;
-- refused: NULL, negative, not a number, all zero, another type
\set VERBOSITY terse
SELECT * FROM usercluster.kmeans('SELECT id, at, NULL::int AS weight FROM points', 2);
SELECT * FROM usercluster.kmeans('SELECT id, at, -1 AS weight FROM points', 2);
SELECT * FROM usercluster.kmeans('SELECT id, at, ''NaN''::float8 AS weight FROM points', 2);
SELECT * FROM usercluster.kmeans('SELECT id, at, 0 AS weight FROM points', 2);
SELECT * FROM usercluster.kmeans('SELECT id, at, ''heavy'' AS weight FROM points', 2);
\set VERBOSITY default
-- a row of weight n is n rows: from the same centroids, the same ones are reached
CREATE TEMP TABLE starts AS SELECT array_agg(at ORDER BY id) AS at FROM points WHERE id <= 4;
SELECT metric, abs(w.inertia / r.inertia - 1) < 1e-6,
	(SELECT max(a <-> b) < 1e-5 FROM unnest(w.centroids) AS a, LATERAL (SELECT b FROM unnest(r.centroids) AS b ORDER BY a <-> b LIMIT 1) AS n)
	FROM unnest(ARRAY['cosine', 'euclidean']) AS metric, starts,
		usercluster.kmeans_fit('SELECT id, at, times AS weight FROM points', 4, metric => metric, centroids => starts.at) AS w,
		usercluster.kmeans_fit('SELECT id, at FROM points, generate_series(1, times)', 4, metric => metric, centroids => starts.at) AS r;
-- equal weights, of whatever size and type, change no label
SELECT weight, count(*), bool_and(a.cluster = b.cluster)
	FROM unnest(ARRAY['1', '2.5::numeric', '1e-9::float8', '7::smallint']) AS weight,
		usercluster.kmeans('SELECT id, at FROM points', 4) AS a
		JOIN LATERAL usercluster.kmeans(format('SELECT id, at, %s AS weight FROM points', weight), 4) AS b USING (id)
	GROUP BY weight ORDER BY weight;
-- what has no weight gets a cluster, and pulls nothing; centroids in the space of the embeddings say so too
SELECT count(*), count(cluster) FROM usercluster.kmeans('SELECT id, at, (id > 20)::int AS weight FROM points', 4);
SELECT asked, centroids[1] <-> mean < 1e-5
	FROM unnest(ARRAY['none', 'centred']) AS asked,
		usercluster.kmeans_fit('SELECT id, at, (id > 20)::int AS weight FROM points', 1, metric => 'euclidean', preparation => asked) AS f,
		(SELECT avg(at) AS mean FROM points WHERE id > 20) AS m;
