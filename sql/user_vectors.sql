-- enable_user_vectors and its kin: what they refuse, and vectors that follow texts as these come, change and go
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE TABLE people (id bigint PRIMARY KEY, at embedding, small embedding(3), note text);
CREATE TABLE posts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int, e embedding, stars int, written timestamptz, lang text, body text);
CREATE INDEX ON posts (person);
CREATE VIEW shown AS SELECT * FROM posts;
INSERT INTO people SELECT generate_series(1, 5);

SELECT pg_temp.refused(format('SELECT usercluster.enable_user_vectors(%s)', arguments)) FROM (VALUES
	($$NULL, 'person', 'e', 'people', 'id', 'at'$$), ($$'posts', NULL, 'e', 'people', 'id', 'at'$$),
	($$'shown', 'person', 'e', 'people', 'id', 'at'$$), ($$'posts', 'nobody', 'e', 'people', 'id', 'at'$$),
	($$'posts', 'person', 'body', 'people', 'id', 'at'$$), ($$'posts', 'person', 'e', 'people', 'id', 'note'$$),
	($$'posts', 'person', 'e', 'people', 'note', 'at'$$), ($$'posts', 'person', 'e', 'people', 'id', 'at', 'body'$$),
	($$'posts', 'person', 'e', 'people', 'id', 'at', 'written', '-1 day'$$),
	($$'posts', 'person', 'e', 'people', 'id', 'at', half_life => '1 day'$$),
	($$'posts', 'person', 'e', 'people', 'id', 'at', weight_column => 'body'$$),
	($$'posts', 'person', 'e', 'people', 'id', 'at', language_neutral => true$$),
	($$'posts', 'person', 'e', 'posts', 'id', 'e'$$)
) AS calls(arguments);
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.disable_user_vectors('posts')$$), ($$CALL usercluster.refresh_user_vectors('posts')$$),
	($$SELECT usercluster.user_vector('posts', 1)$$), ($$SELECT usercluster.keep_user_vectors()$$)
) AS calls(call);

-- the mean of the texts, each user's own; recomputed where texts come, change, move and go
SELECT usercluster.enable_user_vectors('posts', 'person', 'e', 'people', 'id', 'at');
INSERT INTO posts (person, e) VALUES (1, '[1,0]'), (1, '[0,1]'), (2, '[1,1]'), (3, NULL), (NULL, '[5,5]'), (9, '[7,7]');
SELECT id, at FROM people ORDER BY id;
UPDATE posts SET e = '[3,0]' WHERE person = 1 AND e = '[1,0]';
UPDATE posts SET person = 2 WHERE person = 1 AND e = '[0,1]';
SELECT id, at FROM people WHERE id < 4 ORDER BY id;
UPDATE posts SET body = 'said' WHERE person = 1;
DELETE FROM posts WHERE person = 1;
SELECT id, at FROM people WHERE id < 4 ORDER BY id;
SELECT usercluster.user_vector('posts', 9), usercluster.user_vector('posts', 77) IS NULL;
TRUNCATE posts;
SELECT count(*) FILTER (WHERE at IS NOT NULL) FROM people;
-- a savepoint that is taken back takes the vector back
BEGIN;
INSERT INTO posts (person, e) VALUES (1, '[1,0]');
SAVEPOINT s;
INSERT INTO posts (person, e) VALUES (1, '[0,1]');
ROLLBACK TO s;
COMMIT;
SELECT at FROM people WHERE id = 1;
TRUNCATE posts;

-- weights and age: half as much for every day before the newest; what has no time or weight does not count
SELECT usercluster.enable_user_vectors('posts', 'person', 'e', 'people', 'id', 'at', 'written', '1 day', 'stars');
INSERT INTO posts (person, e, stars, written) VALUES (1, '[1,0]', 1, '2026-01-02 UTC'), (1, '[0,1]', 2, '2026-01-01 UTC'),
	(1, '[9,9]', NULL, '2026-01-02 UTC'), (1, '[9,9]', 1, NULL), (2, '[1,0]', 3, '2020-01-01 UTC'), (2, '[0,1]', 1, '2020-01-01 UTC');
SELECT id, at FROM people WHERE id < 3 ORDER BY id;
SELECT pg_temp.refused($$INSERT INTO posts (person, e, stars, written) VALUES (1, '[1,0]', -1, now())$$);
SELECT at FROM people WHERE id = 1;
TRUNCATE posts;

-- users of two languages that say the same meet; the means stay until a refresh, and a new text is treated alike
INSERT INTO people SELECT generate_series(6, 40);
INSERT INTO posts (person, e, lang)
	SELECT p, ARRAY[l * 3 + (p % 2 = 0)::int, (p % 2 = 1)::int, 3]::real[]::embedding, CASE l WHEN 1 THEN '中文' ELSE 'English' END
	FROM generate_series(1, 40) AS p, generate_series(0, 1) AS l WHERE p % 4 < 2 OR l = p % 3 % 2;
SELECT max(a.at <=> b.at) FILTER (WHERE a.id % 2 = b.id % 2) < min(a.at <=> b.at) FILTER (WHERE a.id % 2 <> b.id % 2) AS plain_meets
	FROM (SELECT person AS id, avg(e) AS at FROM posts GROUP BY 1) AS a JOIN (SELECT person AS id, avg(e) AS at FROM posts GROUP BY 1) AS b ON a.id < b.id;
SELECT usercluster.enable_user_vectors('posts', 'person', 'e', 'people', 'id', 'at', language_column => 'lang');
SET client_min_messages = warning;
CALL usercluster.refresh_user_vectors('posts', 7);
RESET client_min_messages;
SELECT source, target, source_columns, languages, refresh_unfinished FROM usercluster.user_vectors;
SELECT max(a.at <=> b.at) FILTER (WHERE a.id % 2 = b.id % 2) < min(a.at <=> b.at) FILTER (WHERE a.id % 2 <> b.id % 2) AS neutral_meets
	FROM people AS a JOIN people AS b ON a.id < b.id;
SELECT lang, (SELECT id % 2 FROM people ORDER BY at <=> usercluster.neutral('posts', e, lang), id LIMIT 1) = person % 2 AS alike, count(*)
	FROM posts GROUP BY 1, 2 ORDER BY 1;
DELETE FROM posts WHERE person > 5;
DELETE FROM people WHERE id > 5;

-- a role that may insert texts needs nothing else; another's trigger with the function gains nothing
CREATE ROLE usercluster_regress_writer;
GRANT INSERT, SELECT ON posts TO usercluster_regress_writer;
SET ROLE usercluster_regress_writer;
INSERT INTO posts (person, e, lang) VALUES (5, '[1,1,1]', 'English');
SELECT pg_temp.refused($$UPDATE people SET note = 'x'$$);
SELECT pg_temp.refused($$SELECT * FROM usercluster.user_vector_store$$);
SELECT pg_temp.refused($$SELECT usercluster.disable_user_vectors('posts')$$);
RESET ROLE;
SELECT at IS NOT NULL FROM people WHERE id = 5;
DROP OWNED BY usercluster_regress_writer;
DROP ROLE usercluster_regress_writer;

-- names that change; a column that is needed; tables that go
ALTER TABLE posts RENAME COLUMN e TO vector;
ALTER TABLE posts RENAME TO letters;
DELETE FROM letters WHERE person = 5;
SELECT at IS NULL FROM people WHERE id = 5;
SELECT split_part(pg_temp.refused('ALTER TABLE letters DROP COLUMN vector'), E'\n', 1);
SELECT usercluster.disable_user_vectors('letters');
INSERT INTO letters (person, vector) VALUES (5, '[1,1,1]');
SELECT at IS NULL, (SELECT count(*) FROM usercluster.user_vectors) FROM people WHERE id = 5;

-- partitions
CREATE TABLE parts (person int, e embedding) PARTITION BY LIST (person);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES IN (2);
SELECT usercluster.enable_user_vectors('parts', 'person', 'e', 'people', 'id', 'at');
INSERT INTO parts VALUES (1, '[1,0]'), (2, '[0,1]');
INSERT INTO parts1 VALUES (1, '[0,1]');
SELECT id, at FROM people WHERE id < 3 ORDER BY id;
DROP TABLE people;
INSERT INTO parts VALUES (1, '[1,0]');
DROP VIEW shown;
DROP TABLE letters, parts;
SELECT count(*) FROM usercluster.user_vectors;

-- a refresh that stops at a user goes on after that user in a session that writes dates otherwise
CREATE TABLE guests (day date PRIMARY KEY, at embedding);
CREATE TABLE visits (day date, e embedding);
INSERT INTO guests VALUES ('2026-01-01'), ('2026-01-12'), ('2026-03-04'), ('2026-04-05');
INSERT INTO visits SELECT day, '[1,2]' FROM guests;
SELECT usercluster.enable_user_vectors('visits', 'day', 'e', 'guests', 'day', 'at');
CREATE FUNCTION stop_in_march() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT NEW.day < '2026-03-01'; RETURN NEW; END $$;
CREATE TRIGGER stop BEFORE UPDATE ON guests FOR EACH ROW EXECUTE FUNCTION stop_in_march();
SET datestyle = 'SQL, MDY';
SET client_min_messages = warning;
\set VERBOSITY terse
CALL usercluster.refresh_user_vectors('visits', 1);
\set VERBOSITY default
DROP TRIGGER stop ON guests;
SELECT refresh_unfinished FROM usercluster.user_vectors;
SET datestyle = 'SQL, DMY';
CALL usercluster.refresh_user_vectors('visits', 1);
SELECT day FROM guests WHERE at IS NULL;
RESET datestyle;
DROP TABLE visits, guests;
DROP FUNCTION stop_in_march;
