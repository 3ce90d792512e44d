-- Segmentations that live in the database: what they refuse, and what becomes of members over runs
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

CREATE TABLE visitors (id int PRIMARY KEY, at embedding(4), note text);
-- three directions, 40 users each, and one without an embedding
INSERT INTO visitors SELECT i,
	ARRAY[(i % 3 = 0)::int + sin(i) / 10, (i % 3 = 1)::int + cos(i) / 10, (i % 3 = 2)::int + sin(2 * i) / 10, cos(3 * i) / 10]::real[]::embedding
	FROM generate_series(1, 120) i;
INSERT INTO visitors VALUES (121, NULL);
CREATE TABLE other (id int);
CREATE TABLE keyless (id int, segment int, distance float8, margin float8, assigned_at timestamptz);
CREATE TABLE misfit (id text PRIMARY KEY, segment int, distance float8, margin float8, assigned_at timestamptz);
CREATE TABLE mistyped (id int PRIMARY KEY, segment bigint, distance float8, margin float8, assigned_at timestamptz);
CREATE TEMP TABLE passing AS SELECT id, at FROM visitors;

\pset format unaligned
\pset tuples_only on

-- arguments and tables that are refused
SELECT pg_temp.refused(format('CALL usercluster.create_segmentation(%s)', arguments)) FROM (VALUES
	(1, $$NULL, 'SELECT id, at FROM visitors'$$),
	(2, $$'groups', NULL$$),
	(3, $$'  ', 'SELECT id, at FROM visitors'$$),
	(4, $$'groups', 'SELECT id, at FROM visitors', k => 0$$),
	(5, $$'groups', 'SELECT id, at FROM visitors', k => 1000$$),
	(6, $$'groups', 'SELECT id, at FROM visitors', algorithm => 'magic'$$),
	(7, $$'groups', 'SELECT id, at FROM visitors', metric => 'manhattan'$$),
	(8, $$'groups', 'SELECT id, at FROM visitors', preparation => 'boiled'$$),
	(9, $$'groups', 'SELECT id, at FROM visitors', feature_weight => 'NaN'$$),
	(10, $$'groups', 'SELECT id, at FROM visitors', model => 'no-such-model'$$),
	(11, $$'groups', 'SELECT id, at FROM visitors', model => 'all-MiniLM-L6-v2'$$),
	(12, $$'groups', 'SELECT id, at FROM visitors', max_seconds => 0$$),
	(13, $$'groups', 'SELECT id, at FROM visitors', max_seconds => 'infinity'$$),
	(14, $$'groups', 'SELECT id, at FROM visitors WHERE false'$$),
	(15, $$'groups', 'SELECT id, at FROM visitors WHERE at IS NULL'$$),
	(16, $$'groups', 'SELECT id, at FROM visitors UNION ALL SELECT id, at FROM visitors'$$),
	(17, $$'groups', 'SELECT id, at FROM passing'$$),
	(18, $$'groups', 'DELETE FROM visitors RETURNING id, at'$$),
	(19, $$'groups', 'SELECT id, at, note AS colour FROM visitors'$$),
	(20, $$'groups', 'SELECT id FROM visitors'$$),
	(21, $$'groups', 'SELECT id, at FROM visitors', members => 'other'$$),
	(22, $$'groups', 'SELECT id, at FROM visitors', members => 'keyless'$$),
	(23, $$'groups', 'SELECT id, at FROM visitors', members => 'misfit'$$),
	(24, $$'groups', 'SELECT id, at FROM visitors', members => 'mistyped'$$),
	(25, $$'groups', 'SELECT id, at FROM visitors', members => 'pg_temp.passing'$$),
	(26, $$'groups', 'SELECT id, at FROM visitors', members => 'pg_temp.fresh'$$),
	(27, $$'groups', 'SELECT id, at FROM visitors', members => 'no.such.place.here'$$)) v(n, arguments) ORDER BY n;
SELECT pg_temp.refused(statement) FROM (VALUES
	(1, $$CALL usercluster.refresh_segmentation('groups')$$),
	(2, $$CALL usercluster.refresh_segmentation(NULL)$$),
	(3, $$CALL usercluster.assign_new('groups')$$),
	(4, $$SELECT usercluster.assign('groups', '[1,2,3,4]')$$),
	(5, $$SELECT usercluster.assign(NULL, '[1,2,3,4]')$$),
	(6, $$SELECT usercluster.assign_text('groups', 'a')$$),
	(7, $$SELECT usercluster.segmentation_drift('groups')$$),
	(8, $$SELECT usercluster.segment_profile('groups')$$),
	(9, $$SELECT usercluster.rename_segment('groups', 1, 'a')$$),
	(10, $$SELECT usercluster.rename_segmentation('groups', 'a')$$),
	(11, $$SELECT usercluster.drop_segmentation('groups')$$)) v(n, statement) ORDER BY n;
SELECT count(*) FROM usercluster.segmentations;

-- the number of segments is found, and the table is made
CALL usercluster.create_segmentation('groups', 'SELECT id, at FROM visitors');
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'groups_members'::regclass AND attnum > 0 ORDER BY attnum;
SELECT k, automatic_k, size, owner = current_user::regrole FROM usercluster.segmentations;
SELECT segment, name, named, size, round(share::numeric, 3), cohesion > .8, cardinality(typical) FROM usercluster.segments ORDER BY segment;
SELECT count(DISTINCT (id % 3, segment)), count(*), count(*) FILTER (WHERE distance BETWEEN 0 AND .1 AND margin > .5) FROM groups_members;

-- everybody is where assign says
SELECT count(*), count(*) FILTER (WHERE m.segment = a.segment AND abs(m.distance - a.distance) < 1e-9 AND abs(m.margin - a.margin) < 1e-9)
	FROM groups_members m JOIN visitors USING (id), usercluster.assign('groups', at) a;
-- also in parallel workers
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum((usercluster.assign('groups', at)).segment) FROM visitors;
SELECT sum((usercluster.assign('groups', at)).segment) = (SELECT sum(segment) FROM groups_members) FROM visitors;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
SELECT usercluster.assign('groups', NULL), usercluster.assign_text('groups', NULL);
SELECT pg_temp.refused($$SELECT usercluster.assign('groups', '[1,2]')$$);
SELECT pg_temp.refused($$SELECT usercluster.assign('groups', '[1,2,3,4]', features => '{1}')$$);
SELECT pg_temp.refused($$SELECT usercluster.assign('groups', '[0,0,0,0]')$$);
SELECT pg_temp.refused($$SELECT usercluster.assign_text('groups', 'a')$$);
SELECT pg_temp.refused($$CALL usercluster.create_segmentation('groups', 'SELECT id, at FROM visitors')$$);
SELECT pg_temp.refused($$CALL usercluster.create_segmentation('others', 'SELECT id, at FROM visitors', members => 'groups_members')$$);

-- the same data again: not a row is written
SELECT sum(xmin::text::bigint) AS before FROM groups_members \gset
CALL usercluster.refresh_segmentation('groups');
SELECT sum(xmin::text::bigint) = :before FROM groups_members;
SELECT run, kind, moved, joined, departed, written FROM usercluster.segmentation_runs ORDER BY run;

-- one comes, two go, one changes sides; numbers and a name that a person gave stay
SELECT segment AS first FROM groups_members WHERE id = 3 \gset
SELECT usercluster.rename_segment('groups', :first, '第一组');
SELECT pg_temp.refused($$SELECT usercluster.rename_segment('groups', 99, 'a')$$);
SELECT pg_temp.refused($$SELECT usercluster.rename_segment('groups', 1, ' ')$$);
INSERT INTO visitors SELECT 200, at FROM visitors WHERE id = 3;
DELETE FROM visitors WHERE id IN (4, 5);
UPDATE visitors SET at = (SELECT at FROM visitors WHERE id = 8) WHERE id = 6;
CREATE VIEW watchers AS SELECT segment, count(*) FROM groups_members GROUP BY 1;
SELECT joined, departed, members, moved > 0, drift >= moved AND drift >= rise FROM usercluster.segmentation_drift('groups');
CALL usercluster.refresh_segmentation('groups');
SELECT run, kind, warm, moved, joined, departed, written < 30 FROM usercluster.segmentation_runs ORDER BY run;
SELECT key, from_segment = :first, to_segment = (SELECT segment FROM groups_members WHERE id = 8) FROM usercluster.segment_moves;
SELECT count(DISTINCT (id % 3, segment)) FROM groups_members WHERE id NOT IN (6, 200);
SELECT segment = :first, name, named, size FROM usercluster.segment_profile('groups') p JOIN usercluster.segments USING (segment, name, size) WHERE named;
SELECT sum(count) FROM watchers;

-- small changes are no reason for a new fit; larger ones are
UPDATE visitors SET at = (SELECT at FROM visitors WHERE id = 9) WHERE id = 12;
CALL usercluster.refresh_segmentation('groups', if_drifted => true);
INSERT INTO visitors SELECT 1000 + i, ARRAY[sin(i) / 10, cos(i) / 10, sin(2 * i) / 10, -1]::real[]::embedding FROM generate_series(1, 40) i;
CALL usercluster.assign_new('groups');
CALL usercluster.assign_new('groups');
SELECT drift > .05 FROM usercluster.segmentation_drift('groups');
CALL usercluster.refresh_segmentation('groups', if_drifted => true);
CALL usercluster.refresh_segmentation('groups', k => 4);
SELECT run, kind, warm, drift > 0.05, joined, segments FROM usercluster.segmentation_runs WHERE run > 3 ORDER BY run;
SELECT segment, size, named FROM usercluster.segments ORDER BY segment;
SELECT count(*), max(segment) FROM groups_members WHERE id > 1000;
-- a number that is gone does not come back with another meaning
CALL usercluster.refresh_segmentation('groups', k => 3);
CALL usercluster.refresh_segmentation('groups', k => 4);
SELECT array_agg(segment ORDER BY segment) FROM usercluster.segments;

-- a table of one's own, in the shape that is wanted, with more in it
CREATE TABLE mine (key uuid PRIMARY KEY, remark text DEFAULT 'x', segment int, distance float8, margin float8, assigned_at timestamptz);
CALL usercluster.create_segmentation('mine', $$SELECT ('00000000-0000-0000-0000-' || lpad(id::text, 12, '0'))::uuid, at, note AS text, 2 AS weight,
	'en' AS language, ARRAY[id % 7, 1] AS features FROM visitors$$, k => 2, members => 'mine', metric => 'euclidean', preparation => 'group-centred');
SELECT count(*), count(DISTINCT segment), min(remark) FROM mine;
SELECT count(*) FILTER (WHERE a.segment = m.segment), count(*) FROM mine m JOIN visitors v ON key::text LIKE '%0' || lpad(id::text, 11, '0'),
	usercluster.assign('mine', at, 'en', ARRAY[id % 7, 1]) a;
SELECT pg_temp.refused($$SELECT usercluster.assign('mine', '[1,2,3,4]', features => '{1,infinity}')$$);
ALTER TABLE mine RENAME TO ours;
ALTER TABLE ours RENAME COLUMN key TO user_id;
CREATE SCHEMA elsewhere;
ALTER TABLE ours SET SCHEMA elsewhere;
CALL usercluster.refresh_segmentation('mine');
SELECT usercluster.rename_segmentation('mine', 'ours');
SELECT pg_temp.refused($$SELECT usercluster.rename_segmentation('ours', 'groups')$$);
SELECT name, members FROM usercluster.segmentations ORDER BY name;
ALTER TABLE elsewhere.ours DROP COLUMN margin;
SELECT pg_temp.refused($$CALL usercluster.refresh_segmentation('ours')$$);
DROP TABLE elsewhere.ours;
SELECT pg_temp.refused($$CALL usercluster.refresh_segmentation('ours')$$);
SELECT usercluster.drop_segmentation('ours');

-- foreign keys on both sides of the members table, also deferred ones, hold and are in nobody's way
CREATE TABLE followed (id int PRIMARY KEY, segment int, distance float8, margin float8, assigned_at timestamptz);
ALTER TABLE followed ADD FOREIGN KEY (id) REFERENCES visitors ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE letters (id int REFERENCES followed ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CALL usercluster.create_segmentation('followed', 'SELECT id, at FROM visitors', k => 3, members => 'followed');
INSERT INTO letters VALUES (3), (6);
UPDATE visitors SET at = NULL WHERE id = 6;
CALL usercluster.refresh_segmentation('followed');
SELECT array_agg(id) FROM letters;
BEGIN;
INSERT INTO letters VALUES (7), (100000);
SELECT pg_temp.refused($$CALL usercluster.refresh_segmentation('followed')$$);
ROLLBACK;
SELECT usercluster.drop_segmentation('followed');
DROP TABLE followed, letters;

-- keys of any type that has an order
CREATE DOMAIN short AS text CHECK (length(value) < 9);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black');
CREATE FUNCTION pg_temp.keyed(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	made text;
BEGIN
	CALL usercluster.create_segmentation('keyed', format('SELECT %s AS "the Key", at FROM visitors WHERE id < 5', expression), k => 2);
	UPDATE visitors SET at = '[0,0,0,1]' WHERE id = 2;
	DELETE FROM keyed_members WHERE segment = 1;
	UPDATE keyed_members SET segment = 3 - segment;
	CALL usercluster.refresh_segmentation('keyed');
	CALL usercluster.assign_new('keyed');
	SELECT format_type(atttypid, atttypmod) || ' ' || string_agg(m."the Key"::text, ' ' ORDER BY m."the Key") INTO made
		FROM pg_attribute, keyed_members m WHERE attrelid = 'keyed_members'::regclass AND attnum = 1 GROUP BY atttypid, atttypmod;
	RAISE EXCEPTION USING MESSAGE = made, ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END $$;
SET client_min_messages = warning;
SELECT pg_temp.keyed(expression) FROM (VALUES (1, 'id::bigint'), (2, 'id::smallint'), (3, 'id::numeric / 2'), (4, '(id || $$ b$$)::text'),
	(5, '(id || $$ b$$)::varchar(5)'), (6, '(id || $$ b$$)::char(10)'), (7, 'id::bit(4)'), (8, '(id || $$ b$$)::short'), 
	(10, '(enum_range(NULL::colour))[id]'), (11, 'date $$2026-01-01$$ + id'), (13, '(id || $$ c$$)::name'), (14, 'int4range(id, 10)')) v(n, expression) ORDER BY n;
SELECT pg_temp.refused($$CALL usercluster.create_segmentation('keyed', 'SELECT point(id, 1), at FROM visitors', k => 2)$$);
SELECT pg_temp.refused(format('CALL usercluster.create_segmentation(''keyed'', ''SELECT %s, at FROM visitors'', k => 2)', key))
	FROM (VALUES (1, '(id, 1)'), (2, '(id, 1)::pair'), (3, 'ARRAY[id, 1]')) v(n, key) ORDER BY n;
CALL usercluster.create_segmentation('keyed', 'SELECT id + 0, at FROM visitors', k => 2);
SELECT attname FROM pg_attribute WHERE attrelid = 'keyed_members'::regclass AND attnum = 1;
CALL usercluster.create_segmentation('slow', 'SELECT id, at FROM visitors, pg_sleep(10)', k => 2, max_seconds => 0.2);
RESET client_min_messages;
SELECT usercluster.drop_segmentation('keyed');
DROP TABLE keyed_members;
DROP DOMAIN short;
DROP TYPE pair, colour;

-- no more segments than there are different users; names of any kind
CREATE SCHEMA "Else Where";
CALL usercluster.create_segmentation('一人', 'SELECT id AS "User Id", at FROM visitors WHERE id = 1', members => '"Else Where"."一"');
CALL usercluster.create_segmentation('it''s "same"', 'SELECT id AS segment, ''[1,2,3,4]''::embedding FROM visitors', k => 3, metric => 'euclidean');
SELECT name, members, k, size FROM usercluster.segmentations WHERE name IN ('一人', 'it''s "same"') ORDER BY size;
SELECT segment, size, share, cohesion, mean_distance < 1e-6 FROM usercluster.segments WHERE segmentation IN ('一人', 'it''s "same"') ORDER BY size;
SELECT "User Id", segment, margin FROM "Else Where"."一";
CALL usercluster.refresh_segmentation('一人');
SELECT usercluster.drop_segmentation('一人'), usercluster.drop_segmentation('it''s "same"');
DROP SCHEMA "Else Where" CASCADE;
DROP TABLE "it's ""same""_members";

-- by a tree instead of k-means
CALL usercluster.create_segmentation('tree', 'SELECT id, at FROM visitors', k => 4, algorithm => 'hierarchical', members => 'tree_members');
SELECT count(DISTINCT (h.cluster, m.segment)), count(*) FROM usercluster.hierarchical('SELECT id, at FROM visitors', 4) h JOIN tree_members m USING (id);
INSERT INTO visitors SELECT 2000 + i, at FROM visitors, generate_series(1, 3) i WHERE id = 3;
CALL usercluster.refresh_segmentation('tree');
SELECT algorithm, k, warm FROM usercluster.segmentations s JOIN usercluster.segmentation_runs r ON r.segmentation = s.name AND r.run = s.run WHERE name = 'tree';
SELECT usercluster.drop_segmentation('tree');
DROP TABLE tree_members;

-- texts: one vector a user, of all that he wrote
CREATE TABLE remarks (author text, body text, language text);
INSERT INTO remarks VALUES ('anna', 'A film about robots in space', 'en'), ('anna', '我喜欢科幻电影', 'zh'), ('bo', '外星人的电影很好看', 'zh'),
	('cid', 'The noodle soup was delicious', 'en'), ('dora', '面条很好吃', 'zh'), ('dora', 'Dumplings and rice for dinner', 'en'),
	('nobody', NULL, NULL), ('nobody', '  ', 'en');
CALL usercluster.create_segmentation('topics', 'SELECT author, body AS text, language FROM remarks', k => 2, members => 'topics');
SELECT (SELECT segment FROM topics WHERE author = 'anna') = (SELECT segment FROM topics WHERE author = 'bo'),
	(SELECT segment FROM topics WHERE author = 'cid') = (SELECT segment FROM topics WHERE author = 'dora'), count(DISTINCT segment), count(*) FROM topics;
SELECT model, length(fingerprint), dimensions FROM usercluster.segmentations WHERE name = 'topics';
-- names are keywords until somebody gives one
SELECT bool_and(name = array_to_string(keywords[1:3], ', ') AND NOT named), bool_or('film' = ANY (keywords)), bool_or('dinner' = ANY (keywords))
	FROM usercluster.segments WHERE segmentation = 'topics';
SELECT usercluster.rename_segment('topics', segment, '吃饭') FROM topics WHERE author = 'cid';
SELECT (usercluster.assign_text('topics', '宇宙飞船的电影', 'zh')).segment = (SELECT segment FROM topics WHERE author = 'bo');
SELECT usercluster.assign_text('topics', '  ');
INSERT INTO remarks VALUES ('eve', 'Another film about aliens', 'en'), ('anna', 'Spaceships', 'en');
CALL usercluster.assign_new('topics');
SELECT segment = (SELECT segment FROM topics WHERE author = 'bo') FROM topics WHERE author = 'eve';
CALL usercluster.refresh_segmentation('topics');
SELECT s.name, s.named, cardinality(keywords) > 3 FROM usercluster.segments s JOIN topics t USING (segment) WHERE segmentation = 'topics' AND author = 'cid';
SELECT usercluster.rename_segment('topics', segment, NULL) FROM topics WHERE author = 'cid';
SELECT bool_and(name = array_to_string(keywords[1:3], ', ')) FROM usercluster.segment_profile('topics');

-- watched columns know their model, through views, subqueries and aggregates; models are not mixed
CREATE TABLE reviews (id int PRIMARY KEY, author text, body text, embedding embedding(384), mini embedding(384));
SELECT usercluster.enable_embedding('reviews', 'body', 'embedding');
SELECT usercluster.enable_embedding('reviews', 'body', 'mini', model => 'all-MiniLM-L6-v2');
INSERT INTO reviews SELECT row_number() OVER (), author, body FROM remarks WHERE body > ' ';
CREATE VIEW tastes AS SELECT author, weighted_avg(embedding, 2) AS e FROM reviews GROUP BY 1;
CALL usercluster.create_segmentation('tastes', 'WITH t AS (SELECT * FROM tastes) SELECT t.* FROM (SELECT 1) AS one, t', k => 2, members => 'taste_members');
SELECT model, fingerprint = (SELECT fingerprint FROM usercluster.segmentations WHERE name = 'topics') FROM usercluster.segmentations WHERE name = 'tastes';
SELECT segment IN (1, 2) FROM usercluster.assign_text('tastes', '宇宙飞船的电影');
SELECT pg_temp.refused(format('CALL usercluster.create_segmentation(%s, k => 2)', arguments)) FROM (VALUES
	(1, $$'mixed', 'SELECT author, avg(embedding) FROM reviews WHERE id < 4 GROUP BY 1 UNION ALL SELECT author, avg(mini) FROM reviews WHERE id > 3 GROUP BY 1'$$),
	(2, $$'mixed', 'SELECT author, avg(embedding) + avg(mini) FROM reviews GROUP BY 1'$$),
	(3, $$'mixed', 'SELECT author, avg(mini) FROM reviews GROUP BY 1', model => 'multilingual-e5-small-q4'$$)) v(n, arguments) ORDER BY n;
-- the view turns to the other model: nothing is compared across the change but who was with whom
CREATE OR REPLACE VIEW tastes AS SELECT author, weighted_avg(mini, 2) AS e FROM reviews GROUP BY 1;
SELECT pg_temp.refused($$SELECT usercluster.segmentation_drift('tastes')$$);
CALL usercluster.assign_new('tastes');
DELETE FROM taste_members WHERE author = 'eve';
SELECT pg_temp.refused($$CALL usercluster.assign_new('tastes')$$);
CALL usercluster.refresh_segmentation('tastes', if_drifted => true);
SELECT model FROM usercluster.segmentations WHERE name = 'tastes';
SELECT array_agg(kind ORDER BY run) FROM usercluster.segmentation_runs WHERE segmentation = 'tastes';
SELECT usercluster.drop_segmentation('tastes');
DROP TABLE taste_members;
-- texts that lie in a watched column are not embedded again: this server has no model
SET usercluster.model_dir = '/nonexistent';
CALL usercluster.create_segmentation('tastes', 'WITH r AS (SELECT * FROM reviews) SELECT author, body::varchar AS text, id % 2 + 1 AS weight FROM r', k => 2, members => 'taste_members');
SELECT model, fingerprint = (SELECT fingerprint FROM usercluster.segmentations WHERE name = 'topics') FROM usercluster.segmentations WHERE name = 'tastes';
SELECT count(*) FILTER (WHERE a.segment = m.segment AND abs(a.distance - m.distance) < 1e-6), count(*) FROM taste_members m JOIN
	(SELECT author, weighted_avg(embedding, id % 2 + 1) AS mean FROM reviews GROUP BY 1) r USING (author), usercluster.assign('tastes', mean) a;
-- but what they become on the way is, and texts whose embedding is missing; another model than the column's embeds all
SELECT pg_temp.refused($$CALL usercluster.create_segmentation('upper', 'SELECT author, upper(body) AS text FROM reviews', k => 2)$$);
SELECT pg_temp.refused($$CALL usercluster.create_segmentation('other', 'SELECT author, body AS text FROM reviews', k => 2, model => 'no-such-model')$$);
RESET usercluster.model_dir;
ALTER TABLE reviews DISABLE TRIGGER USER;
UPDATE reviews SET embedding = NULL WHERE id % 3 = 0;
SET usercluster.model_dir = '/nonexistent';
SELECT pg_temp.refused($$CALL usercluster.refresh_segmentation('tastes')$$);
RESET usercluster.model_dir;
CALL usercluster.refresh_segmentation('tastes');
SELECT array_agg(kind ORDER BY run), sum(moved) FROM usercluster.segmentation_runs WHERE segmentation = 'tastes';
SELECT usercluster.drop_segmentation('tastes');
DROP TABLE taste_members;

-- a rollback leaves nothing behind
BEGIN;
INSERT INTO visitors SELECT 300, at FROM visitors WHERE id = 3;
SAVEPOINT s;
CALL usercluster.refresh_segmentation('groups');
SELECT count(*) FROM groups_members WHERE id = 300;
ROLLBACK TO s;
SELECT count(*) FROM groups_members WHERE id = 300;
SELECT count(*) FROM usercluster.segmentation_runs WHERE segmentation = 'groups';
CALL usercluster.refresh_segmentation('groups');
ROLLBACK;
SELECT count(*) FROM usercluster.segmentation_runs WHERE segmentation = 'groups';

SELECT usercluster.drop_segmentation('groups');
SELECT usercluster.drop_segmentation('topics');
SELECT (SELECT count(*) FROM usercluster.segments) + (SELECT count(*) FROM usercluster.segmentation_runs) + (SELECT count(*) FROM usercluster.segment_moves);
SELECT count(*) FROM groups_members;
DROP VIEW watchers, tastes;
DROP TABLE visitors, other, keyless, misfit, mistyped, groups_members, remarks, reviews, topics;
DROP SCHEMA elsewhere;

-- the trigger function of the hidden table serves no other
CREATE TABLE elsewhere_store (name text, members text);
CREATE TRIGGER check_segmentation BEFORE INSERT ON elsewhere_store FOR EACH ROW EXECUTE FUNCTION usercluster.check_segmentation();
INSERT INTO elsewhere_store VALUES ('a', 'b');
DROP TABLE elsewhere_store;
