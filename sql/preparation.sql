-- What is done to embeddings before they are clustered, and to later ones alike
\pset format unaligned
\pset tuples_only on

-- 300 texts of three topics, each in two languages that lie apart
CREATE TEMP TABLE texts AS
	SELECT row_number() OVER (ORDER BY i, language) AS id, language, i % 3 AS topic, i AS sentence, i % 2 AS visits,
		(SELECT array_agg(
			CASE WHEN language = '中文' AND d = 1 THEN 9 WHEN d = 2 THEN 6 WHEN d = 3 + i % 3 THEN 1.5 ELSE 0 END
			+ 0.2 * sin(12.9898 * i + 78.233 * d + 37.719 * d * i + ascii(language)) ORDER BY d)
		 FROM generate_series(1, 96) AS d)::real[]::embedding AS at
	FROM generate_series(1, 300) AS i, unnest(ARRAY['中文', 'English']) AS language;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- refused: arguments and columns
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.kmeans('SELECT id, at FROM texts', 2, preparation => 'bleached')$$),
	($$SELECT usercluster.kmeans('SELECT id, at FROM texts', 2, preparation => NULL)$$),
	($$SELECT usercluster.kmeans('SELECT id, at FROM texts', 2, feature_weight => -1)$$),
	($$SELECT usercluster.kmeans('SELECT id, at FROM texts', 2, feature_weight => 'NaN')$$),
	($$SELECT usercluster.kmeans('SELECT id, at FROM texts', 2, preparation => 'group-centred')$$),
	($$SELECT usercluster.kmeans('SELECT id, at, language, language FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, id AS features FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, ARRAY[language] AS features FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, ARRAY[ARRAY[1]] AS features FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, ''{}''::int[] AS features FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, array_fill(1, ARRAY[id::int]) AS features FROM texts', 2)$$),
	($$SELECT usercluster.kmeans('SELECT id, at, ARRAY[1, float8 ''-Infinity''] AS features FROM texts', 2)$$)
) AS calls(call);

-- plain k-means parts the languages; whoever names them gets the topics, whichever way they are subtracted
CREATE FUNCTION pg_temp.agreement(columns text, k int, preparation text, OUT by_language bool, OUT by_topic bool)
LANGUAGE sql AS $$
	SELECT usercluster.adjusted_rand_index(language, cluster) = 1, usercluster.adjusted_rand_index(topic, cluster) = 1
	FROM usercluster.kmeans('SELECT id, at ' || columns || ' FROM texts', k, preparation => preparation) AS c JOIN texts USING (id)
$$;
SELECT preparation, columns, (pg_temp.agreement(columns, k, preparation)).* FROM (VALUES
	(1, 'none', '', 2), (2, 'none', '', 3), (3, 'none', ', language', 2), (4, 'centred', ', language', 2),
	(5, 'group-centred', ', language', 3), (6, 'whitened', ', language', 3), (7, 'auto', ', language', 3)
) AS t(n, preparation, columns, k) ORDER BY n;

-- the fit says what was done; rows are put where the fit put them, alone and with their own language
CREATE TEMP TABLE fits AS
	SELECT p AS asked, f.*
	FROM unnest(ARRAY['none', 'centred', 'group-centred', 'whitened', 'auto']) AS p,
		usercluster.kmeans_fit('SELECT id, at, language FROM texts', 3, preparation => p) AS f;
SELECT asked, (preparation).method, (preparation).directions, dims((preparation).mean), (preparation).languages,
	array_length((preparation).language_means, 1), array_length((preparation).components, 1),
	dims(centroids[1]), dims(prepared_centroids[1]), (preparation).feature_means
	FROM fits ORDER BY asked;
SELECT asked, count(*), bool_and(c.cluster = n.cluster), max(abs(c.distance - n.distance)) < 1e-5,
	bool_and(abs(norm(usercluster.prepare(at, preparation, language)) - 1) < 1e-5 OR asked = 'none')
	FROM fits, usercluster.kmeans('SELECT id, at, language FROM texts', 3, preparation => asked) AS c JOIN texts USING (id),
		usercluster.nearest(usercluster.prepare(at, preparation, language), prepared_centroids) AS n
	GROUP BY asked ORDER BY asked;
-- kept in a table, it is what it was; a language unseen takes the mean of all rows
CREATE TEMP TABLE kept AS SELECT preparation, preparation::text::usercluster.preparation AS written FROM fits WHERE asked = 'auto';
SELECT bool_and(usercluster.prepare(at, preparation, language) <-> usercluster.prepare(at, written, language) < 1e-5),
	bool_and(usercluster.prepare(at, preparation, 'Deutsch') = usercluster.prepare(at, preparation)),
	bool_or(usercluster.prepare(at, preparation, '中文') <-> usercluster.prepare(at, preparation) > 0.1)
	FROM texts, fitted;
SELECT usercluster.prepare(NULL, preparation) IS NULL, usercluster.prepare('[1,2]', NULL) IS NULL FROM kept;

-- refused: other dimensions, no direction, and what somebody has changed
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.prepare('[1,2]', preparation) FROM kept$$),
	($$SELECT usercluster.prepare(at - at, preparation) FROM kept, texts$$),
	($$SELECT usercluster.prepare(at, preparation, NULL, '{1}') FROM kept, texts$$),
	($$SELECT usercluster.prepare('[1]', ROW(NULL, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('boiled', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('centred', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('whitened', true, '[1]', NULL, NULL, '{}', NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('whitened', true, '[1]', NULL, NULL, '{"[1,2]"}', NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('centred', true, '[1]', '{a,b}', '{"[1]"}', NULL, NULL, NULL, NULL)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[1]', ROW('none', true, NULL, NULL, NULL, NULL, '{1,2}', '{1}', 1)::usercluster.preparation)$$),
	($$SELECT usercluster.prepare('[3e38]', ROW('centred', false, '[-3e38]', NULL, NULL, NULL, NULL, NULL, NULL)::usercluster.preparation)$$)
) AS calls(call);

-- attributes beside the text: without weight they change nothing, with much they decide; scale and unit do not matter
SELECT weight, usercluster.adjusted_rand_index(visits, cluster) > 0.9 AS by_visits,
	usercluster.adjusted_rand_index(language, cluster) > 0.9 AS by_language
	FROM unnest(ARRAY[0, 5]) AS weight, LATERAL (
		SELECT * FROM usercluster.kmeans('SELECT id, at, ARRAY[1000 * visits + 7] AS features FROM texts', 2,
			preparation => 'none', feature_weight => weight)) AS c JOIN texts USING (id)
	GROUP BY weight ORDER BY weight;
SELECT bool_and(c.cluster = n.cluster), max(abs(c.distance - n.distance)) < 1e-5
	FROM usercluster.kmeans_fit('SELECT id, at, ARRAY[visits, NULL, 3.5] AS features FROM texts', 2) AS f,
		usercluster.kmeans('SELECT id, at, ARRAY[visits, NULL, 3.5] AS features FROM texts', 2) AS c JOIN texts USING (id),
		usercluster.nearest(usercluster.prepare(at, f.preparation, NULL, ARRAY[visits, NULL, 3.5]::float8[]), f.prepared_centroids) AS n;

-- few rows are left as they are: one, two, all alike
SELECT (f.preparation).method, f.rows FROM unnest(ARRAY[1, 2, 15]) AS n,
	usercluster.kmeans_fit(format('SELECT id, at FROM texts WHERE id <= %s', n), 1) AS f ORDER BY n;
SELECT asked, f.rows, (f.preparation).method, f.inertia < 1e-6
	FROM unnest(ARRAY['centred', 'whitened']) AS asked,
		usercluster.kmeans_fit('SELECT t.id, one.at FROM texts AS t, texts AS one WHERE one.id = 1', 1, preparation => asked) AS f
	ORDER BY asked;
-- more than one thread, and the matrix of another order, give the same
SELECT md5(string_agg(id || ':' || cluster, ',' ORDER BY id)) AS one
	FROM usercluster.kmeans('SELECT id, at, language FROM texts ORDER BY md5(id::text)', 5) \gset
SET usercluster.threads = 1;
SELECT md5(string_agg(id || ':' || cluster, ',' ORDER BY id)) = :'one'
	FROM usercluster.kmeans('SELECT id, at, language FROM texts', 5);
RESET usercluster.threads;

-- the preparation without a clustering is that of the clustering; centred on its language, each language's mean is near 0
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.fit_preparation(NULL)$$), ($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts', NULL)$$),
	($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts', 'best')$$),
	($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts', metric => 'manhattan')$$),
	($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts', feature_weight => -1)$$),
	($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts', 'group-centred')$$),
	($$SELECT usercluster.fit_preparation('SELECT id, at FROM texts WHERE false')$$),
	($$SELECT usercluster.fit_preparation('SELECT 1, ''[0,0]''::embedding')$$)
) AS calls(call);
SELECT (usercluster.fit_preparation('SELECT id, at, language FROM texts')) = preparation
	FROM usercluster.kmeans_fit('SELECT id, at, language FROM texts', 2);
WITH fit AS MATERIALIZED (SELECT usercluster.fit_preparation('SELECT id, at, language FROM texts', 'group-centred') AS p)
SELECT language, norm(avg(usercluster.prepare(at, p, language))) < 0.2 AS centred, norm(avg(l2_normalize(at))) > 0.2 AS before
	FROM texts, fit GROUP BY language ORDER BY language;
CREATE TEMP TABLE fitted AS SELECT usercluster.fit_preparation('SELECT id, at, language FROM texts', 'whitened') AS p;
SELECT bool_and(usercluster.prepare(at, p, language) = usercluster.prepare(at, (SELECT p FROM fitted), language))
	FROM texts, fitted;
