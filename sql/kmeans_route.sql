-- route => 'query': k-means over rows that are not kept in memory; init => 'sample', from which both routes start alike
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE points AS
	SELECT i AS id, CASE WHEN i % 9 > 0 THEN i % 3 = 0 END AS language, i % 5 / 4.0 AS weight, ARRAY[i % 7, NULLIF(i % 4, 2)] AS features,
		ARRAY[3 + sin(i), i % 4 + 1 + cos(i * i), i % 5, (i * i) % 7]::real[]::embedding AS at
	FROM generate_series(1, 600) AS i;
CREATE TEMP SEQUENCE counter;

-- refused: routes and starts that do not go together
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => NULL);
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => 'train');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => 'query', init => 'k-means++');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => 'query', init => 'k-means||', key => NULL::int);
SELECT * FROM usercluster.kmeans_fit('SELECT id, at FROM points', 1, init => 'sample', centroids => ARRAY['[1,2,3,4]']::embedding[]);
SELECT * FROM usercluster.kmeans_fit('SELECT id, at FROM points', 1, route => 'query', centroids => ARRAY['[1,2]']::embedding[]);
-- refused: queries
SELECT * FROM usercluster.kmeans_centroids('SELECT id, at FROM points FOR UPDATE', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points; SELECT 1', 2, route => 'query');
SELECT * FROM usercluster.kmeans('DELETE FROM points RETURNING id, at', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at, id AS size FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id::text, at FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans_fit('SELECT json_build_object(1, id), at FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points WHERE nextval(''counter'') <= 900', 2, route => 'query');
SELECT setval('counter', 1, false);
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points WHERE nextval(''counter'') <= 900', 2, route => 'query', preparation => 'whitened');
SELECT setval('counter', 1, false);
SELECT * FROM usercluster.kmeans('SELECT id, at, (nextval(''counter'') > 600)::text AS language FROM points', 2, route => 'query', preparation => 'whitened');
-- refused: rows
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points WHERE id < 5', 5, route => 'query');
SELECT * FROM usercluster.kmeans_fit('SELECT id, at FROM points WHERE false', 1, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT NULLIF(id, 7), at FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, CASE WHEN id = 7 THEN ''[1]'' ELSE at END FROM points ORDER BY id', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, CASE WHEN id = 7 THEN at - at ELSE at END FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at, CASE WHEN id = 7 THEN -1 ELSE 1 END AS weight FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at, NULLIF(id, 7) AS weight FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at, 0 AS weight FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at, ARRAY[1, 1 / (id - 7.0)] AS features FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => 'query', preparation => 'group-centred');
SET usercluster.max_memory = '64kB';
\set VERBOSITY terse
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2, route => 'query');
SELECT * FROM usercluster.kmeans('SELECT id, at FROM points', 2);
\set VERBOSITY default
RESET usercluster.max_memory;

-- both routes: the same clusters, inertia within 1e-9, iterations, sizes, centroids and preparation
CREATE FUNCTION pg_temp.routes_agree(query text, k int, metric text, preparation text, start embedding[] DEFAULT NULL) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	q record;
	m record;
	again record;
BEGIN
	SELECT * INTO q FROM usercluster.kmeans_fit(query, k, metric => metric, preparation => preparation, restarts => 1, route => 'query', centroids => start);
	SELECT * INTO m FROM usercluster.kmeans_fit(query, k, metric => metric, preparation => preparation, restarts => 1, route => 'memory',
		init => CASE WHEN start IS NULL THEN 'sample' ELSE 'given' END, centroids => start);
	IF abs(q.inertia - m.inertia) > 1e-9 * m.inertia OR q.sizes <> m.sizes OR q.iterations <> m.iterations OR q.converged <> m.converged OR
		q.seed <> m.seed OR q.rows <> m.rows OR q.skipped <> m.skipped OR (q.preparation).languages IS DISTINCT FROM (m.preparation).languages OR
		(q.preparation).method <> (m.preparation).method OR coalesce((q.preparation).mean <-> (m.preparation).mean, 0) > 1e-6 OR
		(SELECT max(a <-> b) FROM unnest(q.centroids, m.centroids) AS c(a, b)) > 1e-5 OR
		(SELECT max(a <-> b) FROM unnest(q.prepared_centroids, m.prepared_centroids) AS c(a, b)) > 1e-5 THEN
		RAISE NOTICE '% and %', q, m;
		RETURN false;
	END IF;
	RETURN (SELECT count(*) = q.rows AND bool_and(a.cluster = b.cluster AND abs(a.distance - b.distance) < 1e-5 AND a.ordinality = b.ordinality)
		FROM usercluster.kmeans(query, k, metric => metric, preparation => preparation, restarts => 1, route => 'query', centroids => start) WITH ORDINALITY AS a
			JOIN usercluster.kmeans(query, k, metric => metric, preparation => preparation, restarts => 1, route => 'memory',
				init => CASE WHEN start IS NULL THEN 'sample' ELSE 'given' END, centroids => start) WITH ORDINALITY AS b USING (id))
		AND (SELECT bool_and(c.size = q.sizes[c.cluster] AND c.centroid <-> q.centroids[c.cluster] < 1e-5) AND abs(sum(c.inertia) - q.inertia) < 1e-9 * q.inertia
			FROM usercluster.kmeans_centroids(query, k, metric => metric, preparation => preparation, restarts => 1, route => 'query', centroids => start) AS c);
END $$;
SELECT columns, metric, preparation, pg_temp.routes_agree(format('SELECT id, at%s FROM points', columns), 6, metric, preparation)
	FROM unnest(ARRAY['cosine', 'euclidean']) AS metric, unnest(ARRAY['none', 'centred', 'group-centred', 'whitened']) AS preparation,
		unnest(ARRAY[', language', ', weight, language, features']) AS columns
	ORDER BY 1, 2, 3;
-- from given centroids too, of which one is far from every row and takes a row that is far from its own
SELECT metric, pg_temp.routes_agree('SELECT id, at FROM points', 5, metric, 'none', array_agg(at ORDER BY id) || '[-90,-90,-90,-90]'::embedding)
	FROM points, unnest(ARRAY['cosine', 'euclidean']) AS metric WHERE id <= 4 GROUP BY metric ORDER BY metric;
SELECT pg_temp.routes_agree('SELECT id, at, (id % 2) AS weight FROM points', 5, 'cosine', 'centred', array_agg(at ORDER BY id)) FROM points WHERE id <= 5;
-- over more rows than a sample has, and where the rows are many fewer than they seem
CREATE TEMP TABLE many AS
	SELECT i AS id, ARRAY[3 + sin(i), i % 4 + 1 + cos(i * i), i % 5]::real[]::embedding AS at FROM generate_series(1, 13000) AS i;
SELECT pg_temp.routes_agree('SELECT id, at FROM many', 6, 'cosine', 'none');
SELECT abs(q.inertia / m.inertia - 1) < 1e-9, q.sizes = m.sizes
	FROM usercluster.kmeans_fit('SELECT id % 100, at FROM many', 6, restarts => 1, route => 'query') AS q,
		usercluster.kmeans_fit('SELECT id % 100, at FROM many', 6, restarts => 1, init => 'sample') AS m;
SELECT cluster, count(*) FROM usercluster.kmeans('SELECT id, CASE WHEN id % 4000 = 0 THEN at ELSE ''[1,2,3]'' END FROM many', 4, route => 'query') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM usercluster.kmeans('SELECT id, CASE WHEN id % 4000 = 0 THEN at ELSE ''[1,2,3]'' END FROM many', 4, init => 'sample') GROUP BY 1 ORDER BY 1;
SELECT cluster, count(*) FROM usercluster.kmeans('SELECT id, CASE id % 3 WHEN 0 THEN ''[1,0]'' WHEN 1 THEN ''[2,0]'' ELSE ''[0,2]'' END::embedding FROM many', 5, route => 'query')
	GROUP BY 1 ORDER BY 1;

-- the sample does not depend on the order of the rows, but on the seed
SELECT s, (SELECT max(x <-> y) < 1e-6 FROM unnest(a.centroids, b.centroids) AS c(x, y)), a.sizes = b.sizes
	FROM unnest(ARRAY[1, 2]) AS s,
		usercluster.kmeans_fit('SELECT id, at FROM many ORDER BY id', 40, seed => s, restarts => 1, max_iterations => 1, route => 'query', metric => 'euclidean') AS a,
		usercluster.kmeans_fit('SELECT id, at FROM many ORDER BY id % 10, id DESC', 40, restarts => 1, max_iterations => 1, route => 'query', metric => 'euclidean') AS b
	ORDER BY s;

-- a least size is one among all rows, and no matter for the sample
SELECT min(size) >= 3000, sum(size) FROM usercluster.kmeans_centroids('SELECT id, at FROM many', 4, init => 'sample', min_size => 3000);

-- rows without an embedding are skipped, keys keep their type and order, whatever the query looks like
SELECT count(*), count(DISTINCT cluster) FROM usercluster.kmeans('SELECT id, CASE WHEN id % 3 > 0 THEN at END FROM points', 3, route => 'query');
SELECT pg_typeof(id), array_agg(id ORDER BY ordinality) FROM usercluster.kmeans('SELECT chr(64 + id), at FROM points WHERE id IN (1, 20, 33, 58)', 2, key => NULL::text, route => 'query')
	WITH ORDINALITY GROUP BY 1;
SELECT count(*) FROM usercluster.kmeans('SELECT id::smallint, at FROM points -- ; all of them', 2, route => 'query');
SELECT count(*) FROM usercluster.kmeans(E'\n/* first */ WITH p AS (TABLE points) SELECT id, at FROM p ORDER BY id DESC LIMIT 50 ; -- last', 2, route => 'query');
SELECT array_agg(id ORDER BY ordinality), array_agg(cluster ORDER BY ordinality)
	FROM usercluster.kmeans('VALUES (3, ''[1,0]''::embedding), (1, ''[0,1]''), (2, ''[1,0.1]''), (2, ''[1,0.1]'')', 2, route => 'query') WITH ORDINALITY;
-- clusters of one size are numbered by their first rows
SELECT string_agg(cluster::text, '' ORDER BY id) FROM usercluster.kmeans('SELECT id, at FROM (VALUES (1, ''[1,0]''::embedding), (2, ''[0,1]''), (3, ''[-1,0]''),
	(4, ''[0,-1]''), (5, ''[1,0]''), (6, ''[0,-1]''), (7, ''[0,-1]'')) AS v(id, at)', 4, route => 'query');

-- what does not fit is clustered by the query, with a notice; the rows of the statement's own earlier parts are seen
SET usercluster.max_memory = '3MB';
\set VERBOSITY terse
SELECT count(*), count(DISTINCT cluster) FROM usercluster.kmeans('SELECT a.id, a.at FROM many AS a, generate_series(1, 5)', 3, restarts => 1);
SELECT count(*) FROM usercluster.kmeans('SELECT a.id, a.at FROM many AS a, generate_series(1, 5)', 3, restarts => 1, route => 'memory');
\set VERBOSITY default
RESET usercluster.max_memory;
