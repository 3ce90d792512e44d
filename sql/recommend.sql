-- recommend and recommend_all: what they refuse, every strategy, reasons, newcomers
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- 60 readers of three tastes; items 0 to 39, of which number modulo 3 is the taste; a third of everybody's are of any taste
CREATE TABLE readers AS SELECT i AS id,
	ARRAY[(i % 3 = 0)::int + sin(i) / 10, (i % 3 = 1)::int + cos(i) / 10, (i % 3 = 2)::int + sin(2 * i) / 10]::real[]::embedding AS at
	FROM generate_series(1, 60) AS i;
CREATE TABLE books AS SELECT i AS id, 'book ' || i AS title, i <> 7 AS on_sale,
	CASE WHEN i <> 39 THEN ARRAY[(i % 3 = 0)::int + 0.1, (i % 3 = 1)::int, (i % 3 = 2)::int]::real[]::embedding END AS at
	FROM generate_series(0, 39) AS i;
CREATE TABLE loans AS SELECT r.id AS reader, b.id AS book, 1 + (r.id + b.id) % 5 AS stars, '2026-01-01'::timestamptz + (r.id * b.id % 100) * interval '1 day' AS at
	FROM readers r, books b
	WHERE r.id <= 58 AND b.id < 38 AND (r.id * 7 + b.id * 11) % CASE WHEN r.id % 3 = b.id % 3 THEN 2 ELSE 7 END = 0;
CALL usercluster.create_segmentation('taste', 'SELECT id, at FROM readers', k => 3, members => 'reader_tastes', preparation => 'none');

SELECT pg_temp.refused(format('SELECT * FROM usercluster.recommend(%s)', arguments)) FROM (VALUES
	($$NULL, 1, interactions => 'SELECT reader, book FROM loans'$$), ($$'taste', NULL::bigint, interactions => 'SELECT reader, book FROM loans'$$),
	($$'taste', 1$$), ($$'none', 1, interactions => 'SELECT reader, book FROM loans'$$),
	($$'taste', 1, 0, 'SELECT reader, book FROM loans'$$), ($$'taste', 1, 1001, 'SELECT reader, book FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader FROM loans'$$), ($$'taste', 1, interactions => 'DELETE FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, 1 AS price FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, 1 AS weight, 2 AS rating FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, ''x''::text AS weight FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, -1 AS weight FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, ''NaN''::float8 AS rating FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, 1 AS at FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book::text FROM loans'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', half_life => '1 day'$$),
	($$'taste', 1, interactions => 'SELECT reader, book, at FROM loans', half_life => '0 days'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', strategy => 'best'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', strategy => 'items', weights => '{"items": 1}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '[1]'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '{"items": "1"}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '{"items": -1}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '{"items": [1]}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '{"blend": 1}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', weights => '{"items": 0}'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', neighbours => 0$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', diversity => 1$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', language => 'fr'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', items => 'SELECT id, title, 1 AS price FROM books'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', items => 'SELECT id, 1 AS available FROM books'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', items => 'SELECT id, ''[1,2]''::embedding AS embedding FROM books'$$),
	($$'taste', 1, interactions => 'SELECT reader, book FROM loans', users => 'SELECT id, ''[1,2]''::embedding FROM readers'$$)
) AS calls(arguments);

-- each strategy by itself gives ten new books; those of one taste are mostly of that taste
SELECT strategy, count(*), count(DISTINCT item), round(max(score)::numeric, 12) = 1, bool_and(score BETWEEN 0 AND 1), bool_and(source = strategy),
	count(*) FILTER (WHERE item % 3 = 1) >= CASE strategy WHEN 'popular' THEN 0 ELSE 5 END AS of_the_taste,
	count(*) FILTER (WHERE EXISTS (SELECT FROM loans WHERE reader = 4 AND book = item)) AS known
	FROM unnest(ARRAY['popular', 'segment', 'text', 'items', 'users']) AS strategy,
		usercluster.recommend('taste', 4, 10, 'SELECT reader, book FROM loans', 'SELECT id, at AS embedding FROM books', strategy => strategy)
	GROUP BY strategy ORDER BY strategy;
SELECT count(*), bool_and(item <> 7) FROM usercluster.recommend('taste', 4, 40, 'SELECT reader, book FROM loans',
	'SELECT id, on_sale AS available FROM books WHERE id < 20', repeat => true);

-- reasons
SELECT strategy, regexp_replace(reason, '\d+(\.\d)?', 'N', 'g') FROM unnest(ARRAY['popular', 'segment', 'text', 'items', 'users']) AS strategy,
	usercluster.recommend('taste', 4, 1, 'SELECT reader, book FROM loans', 'SELECT id, at AS embedding, title FROM books', strategy => strategy);
SELECT strategy, regexp_replace(reason, '\d+(\.\d)?', 'N', 'g') FROM unnest(ARRAY['popular', 'segment', 'text', 'items', 'users']) AS strategy,
	usercluster.recommend('taste', 4, 1, 'SELECT reader, book, stars AS rating FROM loans',
		'SELECT id, at AS embedding, ''《'' || title AS title FROM books', strategy => strategy, language => 'zh');

-- newcomers: 59 has a text and no loans, 99 nothing at all; a book without loans is found by its text
SELECT source, count(*) FROM usercluster.recommend('taste', 59, 10, 'SELECT reader, book FROM loans', 'SELECT id, at AS embedding FROM books') GROUP BY source ORDER BY source;
SELECT source, count(*) FROM usercluster.recommend('taste', 99, 10, 'SELECT reader, book FROM loans', 'SELECT id, at AS embedding FROM books') GROUP BY source;
SELECT count(*) FROM usercluster.recommend('taste', 59, 40, 'SELECT reader, book FROM loans', 'SELECT id, at AS embedding FROM books', strategy => 'text')
	WHERE item = 38;
-- nothing to recommend, and interactions that say nothing
SELECT count(*) FROM usercluster.recommend('taste', 4, 10, 'SELECT reader, book FROM loans WHERE false');
SELECT source, count(*) FROM usercluster.recommend('taste', 4, 10, 'SELECT reader, book FROM loans WHERE false', 'SELECT id, at AS embedding FROM books') GROUP BY source;
SELECT count(*) FROM usercluster.recommend('taste', 4, 10, 'SELECT nullif(reader, 5), nullif(book, 5), nullif(stars, 5) AS weight FROM loans');
-- a loan that comes twice is one loan; one reader with everything, one book with everybody
SELECT (SELECT array_agg(item) FROM usercluster.recommend('taste', 4, 5, 'SELECT reader, book FROM loans')) =
	(SELECT array_agg(item) FROM usercluster.recommend('taste', 4, 5, 'SELECT reader, book FROM loans, generate_series(1, 3)'));
SELECT count(*) FROM usercluster.recommend('taste', 4, 5, 'SELECT reader, book FROM loans UNION ALL SELECT 99, id FROM generate_series(0, 20000) AS id
	UNION ALL SELECT id, 3 FROM generate_series(100, 20000) AS id');
-- what fades, what differs, what weighs
SELECT (SELECT array_agg(item ORDER BY score DESC) FROM usercluster.recommend('taste', 4, 10, 'SELECT reader, book, at FROM loans', half_life => '5 days', strategy => 'popular')) <>
	(SELECT array_agg(item ORDER BY score DESC) FROM usercluster.recommend('taste', 4, 10, 'SELECT reader, book FROM loans', strategy => 'popular'));
SELECT diversity, count(DISTINCT item % 3) FROM unnest(ARRAY[0, 0.9]) AS diversity, usercluster.recommend('taste', 4, 3, 'SELECT reader, book FROM loans',
	'SELECT id, at AS embedding FROM books', strategy => 'segment', diversity => diversity) GROUP BY diversity ORDER BY diversity;
SELECT count(*) FROM usercluster.recommend('taste', 4, 10, 'SELECT reader, book FROM loans', weights => '{"popular": 1, "segment": 0.5}') WHERE source = 'items';

-- for all at once: the same; keys of other types
SELECT count(*), count(DISTINCT user_id), max(rank) FROM usercluster.recommend_all('taste', 5, 'SELECT reader, book FROM loans');
SELECT bool_and(a.item = r.item AND a.score = r.score AND a.reason = r.reason) FROM usercluster.recommend_all('taste', 5, 'SELECT reader, book FROM loans') AS a
	JOIN LATERAL (SELECT item, score, reason, row_number() OVER (ORDER BY score DESC, item::text COLLATE "C") AS rank
		FROM usercluster.recommend('taste', a.user_id, 5, 'SELECT reader, book FROM loans')) AS r ON r.rank = a.rank
	WHERE a.user_id IN (1, 30, 58, 60);
SELECT pg_typeof(item), item FROM usercluster.recommend('taste', '4'::text, NULL::text, 1, 'SELECT reader::text, ''n'' || book FROM loans');
SELECT pg_typeof(user_id), pg_typeof(item), count(*) FROM usercluster.recommend_all('taste', NULL::int, NULL::text, 1, 'SELECT reader, ''n'' || book FROM loans') GROUP BY 1, 2;

-- whoever may not read the members may not ask; memory
CREATE ROLE usercluster_regress_visitor;
GRANT SELECT ON loans TO usercluster_regress_visitor;
SET ROLE usercluster_regress_visitor;
SELECT pg_temp.refused($$SELECT * FROM usercluster.recommend('taste', 1, 5, 'SELECT reader, book FROM loans')$$);
RESET ROLE;
GRANT SELECT ON reader_tastes TO usercluster_regress_visitor;
SET ROLE usercluster_regress_visitor;
SELECT count(*) FROM usercluster.recommend('taste', 1, 5, 'SELECT reader, book FROM loans');
RESET ROLE;
DROP OWNED BY usercluster_regress_visitor;
DROP ROLE usercluster_regress_visitor;
SET usercluster.max_memory = '1MB';
SELECT split_part(pg_temp.refused($$SELECT * FROM usercluster.recommend('taste', 4, 5, 'SELECT i, i FROM generate_series(1, 50000) AS i')$$), E'\n', 1);
RESET usercluster.max_memory;
SELECT usercluster.drop_segmentation('taste');
DROP TABLE readers, books, loans, reader_tastes;
