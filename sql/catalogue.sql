-- what the catalogue says of the extension's objects, and what a role without any grant can do with them
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'usercluster';
CREATE TEMP VIEW function AS
	SELECT p.*, p.oid::regprocedure AS signature, l.lanname AS language,
		p.prorettype IN ('trigger'::regtype, 'void'::regtype) AS effect_only,
		p.oid IN (SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn]::oid[]) FROM pg_aggregate
				  UNION SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin]::oid[]) FROM pg_type
				  UNION SELECT oprcode FROM pg_operator UNION SELECT castfunc FROM pg_cast UNION SELECT amproc FROM pg_amproc) AS support
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid JOIN pg_language l ON l.oid = p.prolang;
SELECT count(*) > 100 FROM function;

-- of each rule, the functions that break it
SELECT rule, signature FROM function, LATERAL (VALUES
	('has a comment', obj_description(oid, 'pg_proc') IS NOT NULL),
	('runs with the rights of its caller', NOT prosecdef),
	('says nothing about what it has not shown', NOT proleakproof),
	('commits, and so sets nothing', prokind <> 'p' OR proconfig IS NULL),
	('sees names where its author saw them', language IN ('c', 'internal') OR prosqlbody IS NOT NULL OR proconfig::text ~ 'search_path'),
	('hands out internal only to what took it', prorettype <> 'internal'::regtype OR 'internal'::regtype = ANY (proargtypes)),
	('takes internal only as support', 'internal'::regtype <> ALL (proargtypes) OR support),
	('runs a query of the caller: VOLATILE, PARALLEL UNSAFE',
	 proargnames IS NULL OR NOT proargnames && '{query,interactions,seen}' OR (provolatile = 'v' AND proparallel = 'u')),
	('is called for its effect: VOLATILE, PARALLEL UNSAFE', NOT (effect_only OR prokind = 'p') OR (provolatile = 'v' AND proparallel = 'u')),
	('is IMMUTABLE: PARALLEL SAFE, or an aggregate over its own memory',
	 provolatile <> 'i' OR proparallel = 's' OR (proparallel = 'r' AND (prokind = 'a' OR 'internal'::regtype = ANY (proargtypes)))),
	('stands behind a type, an operator or a cast: IMMUTABLE, STRICT',
	 NOT support OR language <> 'c' OR 'internal'::regtype = ANY (proargtypes) OR proname ~ 'accumulate' OR proname ~ '^watched_table' OR
	 (provolatile = 'i' AND proisstrict)),
	('says how many rows it returns', NOT proretset OR prorows BETWEEN 1 AND 10000 AND prorows <> 1000 OR proargnames && '{query}'),
	('is dearer than an operator', effect_only OR prokind IN ('p', 'a') OR procost >= 100 OR NOT (proretset OR proargnames && '{query,model}')),
	('may be called by everybody unless it writes models', has_function_privilege('public', oid, 'EXECUTE') = (proname NOT IN ('distil', 'fine_tune')))) AS r(rule, kept)
WHERE NOT kept ORDER BY 1, 2::text COLLATE "C";

-- tables are hidden but for what somebody may add to, and views are read only
SELECT DISTINCT c.relkind, privilege FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid,
	unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
WHERE c.relkind IN ('r', 'v') AND c.relname <> 'stop_words' AND has_table_privilege('public', c.oid, privilege)
ORDER BY 1, 2;
SELECT relname FROM pg_class WHERE relnamespace = 'usercluster'::regnamespace AND relkind = 'v'
	AND reloptions::text !~ 'security_barrier=true' ORDER BY 1;

-- roles that know of nothing, in a database that is not theirs
CREATE ROLE regress_usercluster_analyst;
CREATE ROLE regress_usercluster_other;
CREATE TABLE points AS SELECT g AS id, ARRAY[g % 3, g % 2, 1]::real[]::embedding AS at, 'text ' || g AS body FROM generate_series(1, 12) AS g;
GRANT SELECT ON points TO regress_usercluster_analyst;
SET ROLE regress_usercluster_analyst;
SELECT count(*) FROM usercluster.kmeans('SELECT id, at FROM points', 2);
SELECT count(*) FROM usercluster.linkage('SELECT id, at FROM points');
SELECT count(*) > 0 FROM usercluster.words('two words');
SELECT count(*) > 0 FROM usercluster.models;
SELECT dims(usercluster.embed('a text', 'all-MiniLM-L6-v2')), usercluster.detect_language('我喜欢看电影');
SELECT count(*) FROM usercluster.segmentations;
CREATE TEMP TABLE mine AS TABLE points;
ALTER TABLE mine ADD PRIMARY KEY (id);
ALTER TABLE mine DROP COLUMN at, ADD COLUMN at embedding;
SELECT usercluster.enable_embedding('mine', 'body', 'at', 'all-MiniLM-L6-v2');
INSERT INTO mine VALUES (13, 'a text') RETURNING dims(at);
SELECT usercluster.disable_embedding('mine');
-- and nothing else
SELECT pg_temp.refused(call) FROM (VALUES
	('SELECT count(*) FROM usercluster.kmeans(''SELECT segment, centroid FROM usercluster.segment_store'', 2)'),
	('CALL usercluster.distil(''all-MiniLM-L6-v2'', ''regress'', ''SELECT body FROM points'')'),
	('CALL usercluster.fine_tune(''all-MiniLM-L6-v2'', ''regress'', ''SELECT body, body FROM points'')'),
	('CALL usercluster.create_segmentation(''s'', ''SELECT id, at FROM points'', 2)'),
	('SELECT usercluster.enable_embedding(''points'', ''body'', ''at'')'),
	('INSERT INTO usercluster.stop_words VALUES (''en'', ''x'')'),
	('INSERT INTO usercluster.segmentations (name) VALUES (''x'')'),
	('TABLE usercluster.segmentation_store'), ('TABLE usercluster.queued'), ('TABLE usercluster.skipped'),
	('TABLE usercluster.user_vector_store'), ('SELECT nextval(''usercluster.queued_id_seq'')'),
	('CREATE TABLE usercluster.mine (id int)'), ('DROP TABLE usercluster.queued'),
	('CREATE FUNCTION usercluster.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('ALTER EXTENSION usercluster DROP TABLE usercluster.queued')) AS v(call);
RESET ROLE;
DROP TABLE mine;

-- what the installing role's default privileges give does not open what is hidden
SET client_min_messages = warning;
BEGIN;
DROP EXTENSION usercluster CASCADE;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, regress_usercluster_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, regress_usercluster_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_usercluster_other;
CREATE EXTENSION usercluster;
SELECT c.relname, r.rolname FROM pg_class c, pg_roles r
WHERE c.relnamespace = 'usercluster'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname <> 'stop_words' AND r.rolname ~ '^regress_usercluster_(analyst|other)$'
	AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')
		ELSE has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(r.oid, c.oid, 'SELECT') END;
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'usercluster'::regnamespace
	AND has_function_privilege('regress_usercluster_other', oid, 'EXECUTE') AND NOT has_function_privilege('public', oid, 'EXECUTE');
SELECT has_table_privilege('pg_database_owner', 'usercluster.segmentation_store', 'SELECT, INSERT'),
	has_sequence_privilege('pg_database_owner', 'usercluster.queued_id_seq', 'UPDATE'), has_table_privilege('regress_usercluster_analyst', 'usercluster.segments', 'SELECT');
ROLLBACK;
DROP TABLE points;
DROP ROLE regress_usercluster_analyst, regress_usercluster_other;
