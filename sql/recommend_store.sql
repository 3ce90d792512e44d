-- store_recommendations: what it refuses, what it writes, and what it leaves alone
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE TABLE readers AS SELECT i AS id, ARRAY[(i % 2 = 0)::int + sin(i) / 10, (i % 2 = 1)::int + cos(i) / 10]::real[]::embedding AS at FROM generate_series(1, 40) AS i;
CREATE TABLE loans AS SELECT r.id AS reader, 'book ' || b AS book FROM readers r, generate_series(1, 30) AS b
	WHERE ('x' || left(md5(r.id || ' ' || b), 7))::bit(28)::int % CASE WHEN r.id % 2 = b % 2 THEN 3 ELSE 12 END = 0;
CALL usercluster.create_segmentation('taste', 'SELECT id, at FROM readers', k => 2, members => 'reader_tastes', preparation => 'none');
CREATE TABLE other (id int);
CREATE VIEW seen AS SELECT 1 AS id;
SELECT pg_temp.refused(format('CALL usercluster.store_recommendations(%s)', arguments)) FROM (VALUES
	($$NULL, 'stored', 5, 'SELECT reader, book FROM loans'$$), ($$'taste', NULL, 5, 'SELECT reader, book FROM loans'$$), ($$'taste', 'stored'$$),
	($$'none', 'stored', 5, 'SELECT reader, book FROM loans'$$), ($$'taste', 'stored', 0, 'SELECT reader, book FROM loans'$$),
	($$'taste', '', 5, 'SELECT reader, book FROM loans'$$), ($$'taste', 'a.b.c.d', 5, 'SELECT reader, book FROM loans'$$),
	($$'taste', 'stored', 5, 'SELECT reader FROM loans'$$), ($$'taste', 'stored', 5, 'DELETE FROM loans'$$), ($$'taste', 'stored', 5, ''$$),
	($$'taste', 'stored', 5, 'SELECT 1, 2) AS q; DROP TABLE loans; SELECT * FROM (SELECT 1, 2'$$),
	($$'taste', 'nowhere.stored', 5, 'SELECT reader, book FROM loans'$$),
	($$'taste', 'other', 5, 'SELECT reader, book FROM loans'$$), ($$'taste', 'seen', 5, 'SELECT reader, book FROM loans'$$)) AS calls(arguments);
SELECT to_regclass('stored') IS NULL, count(*) > 0 FROM loans;
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans', strategy => 'segment');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'stored'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*) FROM stored JOIN usercluster.recommend_all('taste', NULL::int, NULL::text, 5, 'SELECT reader, book FROM loans', strategy => 'segment') AS r
	USING (user_id, rank, item, score, reason, source);
-- again: nothing; then one more reader, and one reader less
CREATE TEMP TABLE rows_before AS SELECT ctid AS place, * FROM stored;
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans', strategy => 'segment');
SELECT count(*) FROM stored AS s JOIN rows_before AS b ON s.ctid = b.place AND s.computed_at = b.computed_at;
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans UNION ALL SELECT 99, ''book 1''', strategy => 'segment');
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans', strategy => 'segment');
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans', strategy => 'segment', language => 'zh');
CALL usercluster.store_recommendations('taste', 'stored', 5, 'SELECT reader, book FROM loans WHERE false');
-- in a schema, with a name that needs quotes; whoever may not read the members stores nothing
CREATE SCHEMA "My Shop";
CALL usercluster.store_recommendations('taste', '"My Shop"."For You"', 3, 'SELECT reader, book FROM loans');
SELECT count(*) FROM "My Shop"."For You";
CREATE ROLE usercluster_regress_visitor;
GRANT SELECT ON loans TO usercluster_regress_visitor;
SET ROLE usercluster_regress_visitor;
SELECT pg_temp.refused($$CALL usercluster.store_recommendations('taste', 'pg_temp.stored', 5, 'SELECT reader, book FROM loans')$$);
SELECT pg_temp.refused($$CALL usercluster.store_recommendations('taste', 'public.stored', 5, 'SELECT reader, book FROM loans')$$);
RESET ROLE;
DROP OWNED BY usercluster_regress_visitor;
DROP ROLE usercluster_regress_visitor;
SELECT usercluster.drop_segmentation('taste');
DROP SCHEMA "My Shop" CASCADE;
DROP VIEW seen;
DROP TABLE readers, loans, reader_tastes, stored, other;
