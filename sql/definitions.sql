-- SQL definitions of another version than the library's: refused, whatever they lack or have too much
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE SCHEMA skew;
CREATE FUNCTION skew.kmeans(query text, k int, OUT id bigint, OUT cluster int, OUT distance float8) RETURNS SETOF record
LANGUAGE C AS '$libdir/usercluster', 'usercluster_kmeans';
SELECT pg_temp.refused($$SELECT skew.kmeans('SELECT 1, ''[1]''::embedding', 1)$$);
CREATE FUNCTION skew.nearest(embedding, real[], usercluster.metric, OUT cluster int) STRICT
LANGUAGE C AS '$libdir/usercluster', 'usercluster_nearest';
SELECT pg_temp.refused($$SELECT skew.nearest('[1]', '{{1}}', 'cosine')$$);
CREATE FUNCTION skew.distance(embedding, embedding) RETURNS float8
LANGUAGE C AS '$libdir/usercluster', 'usercluster_l2_distance';
SELECT pg_temp.refused($$SELECT skew.distance('[1]', NULL)$$);
CREATE FUNCTION skew.refresh(name text, if_drifted bool, max_seconds float8, k int) RETURNS void
LANGUAGE C AS '$libdir/usercluster', 'usercluster_refresh_segmentation';
SELECT pg_temp.refused($$SELECT skew.refresh('a', false, NULL, NULL)$$);
CREATE TYPE skew.preparation AS (method text, directions bool);
CREATE FUNCTION skew.prepare(embedding, skew.preparation, text, float8[]) RETURNS embedding
LANGUAGE C AS '$libdir/usercluster', 'usercluster_prepare';
SELECT pg_temp.refused($$SELECT skew.prepare('[1]', ROW('none', false), NULL, NULL)$$);

-- tables of another version
CREATE TABLE skew.people (id int PRIMARY KEY, at embedding);
INSERT INTO skew.people VALUES (1, '[1,0]'), (2, '[0,1]'), (3, '[1,1]');
CREATE TABLE skew.texts (person int, e embedding);
CREATE INDEX ON skew.texts (person);
SELECT usercluster.enable_user_vectors('skew.texts', 'person', 'e', 'skew.people', 'id', 'at');
CALL usercluster.create_segmentation('skewed', 'SELECT id, at FROM skew.people', k => 2, members => 'skew.members');
BEGIN;
ALTER TABLE usercluster.segmentation_store ALTER tolerance TYPE text;
SELECT pg_temp.refused($$SELECT usercluster.assign('skewed', '[1,0]')$$);
ROLLBACK;
BEGIN;
ALTER TABLE usercluster.segmentation_store DROP tolerance;
SELECT pg_temp.refused($$SELECT usercluster.assign('skewed', '[1,0]')$$);
ROLLBACK;
BEGIN;
ALTER TABLE usercluster.user_vector_store ALTER search_path TYPE int USING 1;
SELECT pg_temp.refused($$SELECT usercluster.user_vector('skew.texts', 1)$$);
SELECT pg_temp.refused($$INSERT INTO skew.texts VALUES (1, '[1,1]')$$);
ROLLBACK;
SELECT segment FROM usercluster.assign('skewed', '[1,0]');
SELECT usercluster.drop_segmentation('skewed');

-- every function of the library, defined wrongly in each of several ways and called with NULL
CREATE VIEW skew.functions AS
	SELECT p.oid, p.prosrc AS symbol, p.prokind AS kind, p.proisstrict AS strict, p.prorettype, p.proretset,
		(SELECT coalesce(string_agg(CASE format_type(t, NULL) WHEN 'anyelement' THEN 'int' WHEN 'anycompatible' THEN 'int' WHEN '"any"' THEN 'int'
									ELSE format_type(t, NULL) END, ', ' ORDER BY n), '')
		 FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)) AS types,
		'internal'::regtype = ANY (p.proargtypes) AS internal
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid
	WHERE e.extname = 'usercluster' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c');

CREATE VIEW skew.wrong AS
	SELECT symbol, 'no arguments' AS way, '' AS types, 'RETURNS text' AS result FROM skew.functions
	UNION ALL SELECT symbol, 'an argument less', substring(types, '^(.*), [^,]*$'), 'RETURNS text' FROM skew.functions
	WHERE types ~ ',' AND NOT internal
	UNION ALL SELECT symbol, 'an argument more', concat_ws(', ', nullif(types, ''), 'int'), 'RETURNS text' FROM skew.functions
	WHERE NOT internal
	UNION ALL SELECT symbol, 'all of one type', regexp_replace(types, '[^,]+', ' int', 'g'), 'RETURNS text' FROM skew.functions
	UNION ALL SELECT symbol, 'other columns', types, 'RETURNS TABLE (nothing int)' FROM skew.functions WHERE NOT internal
	UNION ALL SELECT symbol, 'not STRICT', types, 'RETURNS ' || format_type(prorettype, NULL) FROM skew.functions
	WHERE strict AND NOT internal AND types <> ''
	UNION ALL SELECT symbol, 'not a procedure', types, 'RETURNS void' FROM skew.functions WHERE kind = 'p'
	UNION ALL SELECT symbol, 'not a window function', types, 'RETURNS ' || format_type(prorettype, NULL) FROM skew.functions
	WHERE kind = 'w';

CREATE FUNCTION skew.answer(symbol text, types text, result text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE FUNCTION skew.wrong(%s) %s LANGUAGE C AS %L, %L', types, result, '$libdir/usercluster', symbol);
	BEGIN
		EXECUTE format('SELECT skew.wrong(%s)', regexp_replace(types, '([^,]+)', 'NULL::\1', 'g'));
		RETURN 'is called';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || replace(SQLERRM, format('skew.wrong(%s)', replace(types, ', ', ',')), 'it');
	END;
END $$;

-- every way is tried on many functions, and each must be refused
CREATE TABLE skew.answers AS SELECT w.*, skew.answer(symbol, types, result) AS answer FROM skew.wrong w WHERE false;
DO $$
DECLARE
	w skew.wrong;
BEGIN
	FOR w IN SELECT * FROM skew.wrong LOOP
		INSERT INTO skew.answers VALUES (w.symbol, w.way, w.types, w.result, skew.answer(w.symbol, w.types, w.result));
		EXECUTE format('DROP FUNCTION skew.wrong(%s)', w.types);
	END LOOP;
END $$;
SELECT way, count(*) > CASE WHEN way ~ '^not a ' THEN 0 ELSE 30 END FROM skew.answers GROUP BY way ORDER BY way;
SELECT * FROM skew.answers WHERE answer !~ '^55000 the SQL definition of function .* is not of this library''s version$';

-- the extension's own definitions are not: neither functions and procedures, called with NULL, nor aggregates
CREATE FUNCTION skew.own_answer(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE call;
	RETURN 'is called';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
CREATE TABLE skew.own AS
	SELECT oid, skew.own_answer(format('%s %s(%s)%s', CASE kind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, oid::regproc,
									   (SELECT string_agg('NULL::' || t, ', ') FROM unnest(string_to_array(types, ', ')) AS t),
									   CASE kind WHEN 'w' THEN ' OVER ()' ELSE '' END)) AS answer
	FROM skew.functions WHERE NOT internal AND symbol <> 'usercluster_embedding_typmod_in';
SELECT count(*) > 100 FROM skew.own;
SELECT * FROM skew.own WHERE answer ~ 'this library''s version';
SELECT usercluster.purity(g, g), usercluster.v_measure(g, g), usercluster.completeness(g, g), usercluster.homogeneity(g, g),
	usercluster.normalized_mutual_info(g, g), usercluster.adjusted_rand_index(g, g)
FROM generate_series(1, 2) g;
SET client_min_messages = warning;
DROP SCHEMA skew CASCADE;
