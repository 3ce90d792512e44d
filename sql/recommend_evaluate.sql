-- evaluate_recommendations and tune_recommendations: what they refuse, and what they find where the answer is known
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- 90 readers of three tastes; what somebody reads is of the taste two times out of three or more
CREATE TABLE readers AS SELECT i AS id,
	ARRAY[(i % 3 = 0)::int + sin(i) / 10, (i % 3 = 1)::int + cos(i) / 10, (i % 3 = 2)::int + sin(2 * i) / 10]::real[]::embedding AS at
	FROM generate_series(1, 90) AS i;
CREATE TABLE books AS SELECT i AS id, ARRAY[(i % 3 = 0)::int + 0.1, (i % 3 = 1)::int, (i % 3 = 2)::int]::real[]::embedding AS at
	FROM generate_series(0, 59) AS i;
CREATE TABLE loans AS SELECT r.id AS reader, b.id AS book, '2026-01-01'::date + (r.id * 31 + b.id * 17) % 101 AS at
	FROM readers r, books b
	WHERE ('x' || left(md5(r.id || ' ' || b.id), 7))::bit(28)::int % CASE WHEN r.id % 3 = b.id % 3 THEN 3 ELSE 12 END = 0;
CALL usercluster.create_segmentation('taste', 'SELECT id, at FROM readers', k => 3, members => 'reader_tastes', preparation => 'none');

SELECT pg_temp.refused(format('SELECT * FROM usercluster.evaluate_recommendations(%s)', arguments)) FROM (VALUES
	($$NULL, 'SELECT reader, book, at FROM loans'$$), ($$'taste', NULL$$), ($$'none', 'SELECT reader, book, at FROM loans'$$),
	($$'taste', 'SELECT reader FROM loans'$$), ($$'taste', 'SELECT reader, book FROM loans', n => 0$$),
	($$'taste', 'SELECT reader, book FROM loans', split => 'first'$$), ($$'taste', 'SELECT reader, book FROM loans', split => NULL$$),
	($$'taste', 'SELECT reader, book FROM loans', share => 0$$), ($$'taste', 'SELECT reader, book FROM loans', share => 1$$),
	($$'taste', 'SELECT reader, book FROM loans', share => 'NaN'$$), ($$'taste', 'SELECT reader, book FROM loans', sample => 0$$),
	($$'taste', 'SELECT reader, book FROM loans', neighbours => 0$$), ($$'taste', 'SELECT reader, book FROM loans', cold => NULL$$),
	($$'taste', 'SELECT reader, book FROM loans', weights => '{"segments": 1}'$$),
	($$'taste', 'SELECT reader, book, at FROM loans', half_life => '-1 day'$$)
) AS calls(arguments);

-- all is between 0 and 1, intervals hold their value, and segments help where random ones do not, newcomers too
CREATE TEMP TABLE found AS SELECT cold, e.* FROM unnest(ARRAY[false, true]) AS cold, usercluster.evaluate_recommendations('taste',
	'SELECT reader, book, at FROM loans', items => 'SELECT id, at AS embedding FROM books', cold => cold) AS e;
SELECT cold, strategy, tested, hit_rate BETWEEN recall AND 1 AND precision BETWEEN 0 AND hit_rate AND mrr BETWEEN 0 AND 1 AND coverage BETWEEN 0 AND 1
	AND diversity BETWEEN 0 AND 2 AND ndcg BETWEEN ndcg_low AND ndcg_high AND lift BETWEEN lift_low AND lift_high AS sane FROM found;
SELECT cold, strategy, lift_low > 1.1 FROM found WHERE strategy IN ('segment', 'random segments', 'popular') ORDER BY cold, strategy;
SELECT count(*) FROM found AS f JOIN found AS p ON p.cold = f.cold AND p.strategy = 'popular' WHERE f.cold AND f.strategy = 'items' AND f.ndcg = p.ndcg;
-- the last one only; users drawn; texts unknown; the same seed, the same numbers
SELECT strategy, tested, hit_rate = recall, diversity IS NULL FROM usercluster.evaluate_recommendations('taste', 'SELECT reader, book, at FROM loans', split => 'last', sample => 7);
SELECT count(DISTINCT (e.ndcg, e.lift_low)) FROM generate_series(1, 2) AS i, LATERAL usercluster.evaluate_recommendations('taste', 'SELECT reader, book FROM loans',
	seed => 3 + 0 * i) AS e WHERE e.strategy = 'segment';
-- nothing, one loan each, one reader with everything, one book with everybody, strangers only
SELECT strategy, tested, ndcg, lift FROM usercluster.evaluate_recommendations('taste', 'SELECT reader, book, at FROM loans WHERE false');
SELECT max(tested) FROM usercluster.evaluate_recommendations('taste', 'SELECT id, id FROM readers');
SELECT max(tested) FROM usercluster.evaluate_recommendations('taste', 'SELECT reader, book, at FROM loans UNION ALL SELECT 1, i, ''2026-01-01'' FROM generate_series(100, 5000) AS i
	UNION ALL SELECT i, 5, ''2026-01-01'' FROM generate_series(100, 5000) AS i');
SELECT max(tested) FROM usercluster.evaluate_recommendations('taste', 'SELECT ''x'' || reader, nullif(book, 5), at FROM loans');

-- what was tuned is no worse on what it was tuned on, and says so of what it was not
SELECT pg_temp.refused(format('SELECT * FROM usercluster.tune_recommendations(%s)', arguments)) FROM (VALUES
	($$NULL, 'SELECT reader, book, at FROM loans'$$), ($$'taste', 'SELECT reader, book, at FROM loans', share => 2$$),
	($$'taste', 'SELECT reader, book, at FROM loans', sample => NULL$$), ($$'taste', 'SELECT book FROM loans'$$)) AS calls(arguments);
SELECT cold, weights <> '{}', neighbours IN (20, 50, 100, 200), validated, tested, validation_after >= validation_before, test_after > 0.15, lift BETWEEN lift_low AND lift_high
	FROM unnest(ARRAY[false, true]) AS cold, usercluster.tune_recommendations('taste', 'SELECT reader, book, at FROM loans',
		items => 'SELECT id, at AS embedding FROM books', cold => cold);
SELECT * FROM usercluster.tune_recommendations('taste', 'SELECT reader, book, at FROM loans WHERE false');
SELECT usercluster.drop_segmentation('taste');
DROP TABLE readers, books, loans, reader_tastes;
