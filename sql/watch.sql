-- enable_embedding, disable_embedding, watched_columns, embed_missing, skipped_rows: embeddings that keep themselves current
\pset format unaligned
\pset tuples_only on
SET usercluster.default_model = 'all-MiniLM-L6-v2';
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE SCHEMA watch;
SET search_path = watch, public;

-- refused: arguments
CREATE TABLE review (id int PRIMARY KEY, body text, title varchar(80), note text GENERATED ALWAYS AS (body || '!') STORED,
	stars int, e embedding(384), small embedding(3), made embedding GENERATED ALWAYS AS ('[1]'::embedding) STORED);
CREATE VIEW review_view AS SELECT * FROM review;
CREATE TABLE parent (body text, e embedding);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE keyless (body text, e embedding);
CREATE TEMP TABLE fleeting (id int PRIMARY KEY, body text, e embedding);
SELECT pg_temp.refused(format('SELECT usercluster.enable_embedding(%s)', arguments)) FROM (VALUES
	($$NULL, 'body', 'e'$$), ($$'review', NULL::text, 'e'$$), ($$'review', NULL::text[], 'e'$$), ($$'review', 'body', NULL$$),
	($$'review', 'body', 'e', mode => NULL$$), ($$'review', 'body', 'e', mode => 'later'$$),
	($$'review', 'body', 'e', truncation => 'shorten'$$), ($$'review', 'body', 'e', 'no-such-model'$$),
	($$'review', 'nothing', 'e'$$), ($$'review', 'body', 'nothing'$$), ($$'review', 'xmin', 'e'$$), ($$'review', 'stars', 'e'$$),
	($$'review', 'note', 'e'$$), ($$'review', 'body', 'title'$$), ($$'review', 'body', 'small'$$), ($$'review', 'body', 'made'$$),
	($$'review', '{}'::text[], 'e'$$), ($$'review', ARRAY['body', NULL], 'e'$$), ($$'review', ARRAY['body', 'body'], 'e'$$),
	($$'review', array_fill('body'::text, ARRAY[17]), 'e'$$),
	($$'review_view', 'body', 'e'$$), ($$'parent', 'body', 'e'$$), ($$'child', 'body', 'e'$$), ($$4294967295::oid, 'body', 'e'$$),
	($$'keyless', 'body', 'e', mode => 'queue'$$), ($$'fleeting', 'body', 'e', mode => 'queue'$$)
) AS calls(arguments);
SELECT pg_temp.refused($$SELECT usercluster.disable_embedding('review')$$), pg_temp.refused($$SELECT usercluster.disable_embedding(NULL)$$),
	pg_temp.refused($$SELECT usercluster.disable_embedding('review', 'e')$$);
CALL usercluster.embed_missing(NULL);
CALL usercluster.embed_missing('review', NULL);
CALL usercluster.embed_missing('review', 0);
CALL usercluster.embed_missing('review', max_seconds => 0);
CALL usercluster.embed_missing('review', max_seconds => 'nan');
CALL usercluster.embed_missing('review', embedding_column => 'nothing');
CALL usercluster.embed_missing('review');
-- refused: who does not own the table
CREATE ROLE usercluster_regress_writer;
GRANT USAGE ON SCHEMA watch TO usercluster_regress_writer;
GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA watch TO usercluster_regress_writer;
SET ROLE usercluster_regress_writer;
SELECT pg_temp.refused($$SELECT usercluster.enable_embedding('review', 'body', 'e')$$),
	pg_temp.refused($$SELECT usercluster.disable_embedding('review')$$);
CALL usercluster.embed_missing('review');
RESET ROLE;
-- refused: triggers that enable_embedding did not make, and a procedure that cannot commit
CREATE TRIGGER by_hand BEFORE INSERT ON keyless FOR EACH ROW EXECUTE FUNCTION usercluster.watch_row();
SELECT pg_temp.refused($$INSERT INTO keyless VALUES ('a')$$);
DROP TRIGGER by_hand ON keyless;
CREATE TRIGGER by_hand AFTER INSERT ON keyless FOR EACH ROW EXECUTE FUNCTION usercluster.watch_gather('1');
SELECT pg_temp.refused($$INSERT INTO keyless VALUES ('a')$$);
DROP TRIGGER by_hand ON keyless;
CREATE TRIGGER by_hand BEFORE DELETE OR UPDATE OF body, e ON keyless
	FOR EACH ROW EXECUTE FUNCTION usercluster.watch_row(1, now, 'all-MiniLM-L6-v2', '', truncate, pg_temp);
INSERT INTO keyless VALUES ('a');
SELECT pg_temp.refused($$DELETE FROM keyless$$);
DROP TRIGGER by_hand ON keyless;
DELETE FROM keyless;
SELECT usercluster.watch_row();
BEGIN;
CALL usercluster.embed_missing('review');
ROLLBACK;

-- one row, few rows and many: each has the embedding of its text
SELECT usercluster.enable_embedding('review', 'body', 'e');
SELECT relation, text_columns, embedding_column, model, length(fingerprint), mode, truncation, number FROM usercluster.watched_columns;
CREATE FUNCTION off(embeddings embedding[], texts text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM unnest(embeddings, usercluster.embed(texts)) AS pair(e, expected)
	WHERE e <-> expected > 1e-6 OR (e IS NULL) <> (expected IS NULL) $$;
CREATE FUNCTION wrong(first int, last int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (
	SELECT off(array_agg(e ORDER BY id), array_agg(body ORDER BY id)) FROM review WHERE id BETWEEN first AND last); END $$;
INSERT INTO review (id, body) VALUES (1, 'good'), (2, '很好') RETURNING id, dims(e);
INSERT INTO review (id, body) SELECT i, 'review ' || i FROM generate_series(3, 14) i;
INSERT INTO review (id, body) VALUES (41, NULL), (42, '  '), (43, E'\u3000');
COPY review (id, body) FROM stdin;
51	from a file
52	\N
53	从文件来
\.
SELECT count(*), count(e), wrong(1, 60) FROM review;
-- an update of the text, of many, of none, and of what is not text
UPDATE review SET body = 'bad' WHERE id = 1 RETURNING e <-> usercluster.embed('bad') < 1e-6;
UPDATE review SET body = body || '!' WHERE id BETWEEN 2 AND 14;
SELECT count(e), wrong(1, 20) FROM review;
UPDATE review SET body = NULL WHERE id = 2 RETURNING e IS NULL;
UPDATE review SET body = ' ' WHERE id BETWEEN 3 AND 12;
SELECT count(e), wrong(1, 12) FROM review;
CREATE TABLE before AS SELECT id, e FROM review;
UPDATE review SET stars = 5;
UPDATE review SET body = body;
SELECT count(*) FROM before JOIN review USING (id) WHERE before.e IS DISTINCT FROM review.e;
-- a row that brings its embedding keeps it, and the model is not asked
SET usercluster.model_dir = '/nonexistent';
INSERT INTO review (id, body, e) SELECT i, 'restored', array_fill(i::real, ARRAY[384])::embedding FROM generate_series(60, 80) i;
UPDATE review SET body = 'other', e = array_fill(1::real, ARRAY[384])::embedding WHERE id = 60;
SELECT pg_temp.refused($$INSERT INTO review (id, body) VALUES (99, 'new')$$) ~ 'does not exist';
RESET usercluster.model_dir;
SELECT count(*), count(e) FROM review WHERE id >= 60;
DELETE FROM review WHERE id >= 60;
-- ON CONFLICT, MERGE and a statement inside a function
INSERT INTO review (id, body) VALUES (1, 'worse') ON CONFLICT (id) DO UPDATE SET body = excluded.body;
MERGE INTO review r USING (VALUES (1, 'merged'), (61, 'merged in')) v(id, body) ON r.id = v.id
	WHEN MATCHED THEN UPDATE SET body = v.body WHEN NOT MATCHED THEN INSERT (id, body) VALUES (v.id, v.body);
DO $$ BEGIN INSERT INTO review (id, body) SELECT i, 'in a function ' || i FROM generate_series(100, 110) i; END $$;
SELECT id, body FROM review WHERE id IN (1, 61) ORDER BY id;
SELECT wrong(1, 1), wrong(61, 110);
-- a statement that fails in the middle leaves nothing to the next
BEGIN;
SAVEPOINT middle;
CREATE TABLE gone (LIKE review INCLUDING GENERATED);
SELECT usercluster.enable_embedding('gone', 'body', 'e');
ALTER TABLE gone ADD CHECK (id < 12);
INSERT INTO gone (id, body) SELECT i, 'text ' || i FROM generate_series(1, 12) i;
ROLLBACK TO middle;
INSERT INTO review (id, body) SELECT i, 'after it ' || i FROM generate_series(130, 140) i;
COMMIT;
SELECT count(*), wrong(130, 199) FROM review WHERE id >= 130;

-- other triggers change the text before and touch the row after
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := upper(NEW.body); RETURN NEW; END $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN UPDATE watch.review SET stars = coalesce(stars, 0) + 1 WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON review FOR EACH ROW EXECUTE FUNCTION shout();
CREATE TRIGGER touch AFTER INSERT ON review FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO review (id, body) SELECT i, 'quiet ' || i FROM generate_series(200, 210) i;
ALTER TABLE review DISABLE TRIGGER shout;
UPDATE review SET body = lower(body) WHERE id >= 200;
ALTER TABLE review ENABLE TRIGGER shout;
UPDATE review SET stars = 0 WHERE id >= 200;
SELECT count(*), wrong(200, 299), min(body), max(body) FROM review WHERE id >= 200;
DROP TRIGGER shout ON review;
DROP TRIGGER touch ON review;

-- who may insert needs no other right, many rows at once included, and row security of the owner does not hide them
CREATE ROLE usercluster_regress_owner;
GRANT ALL ON SCHEMA watch TO usercluster_regress_owner;
ALTER TABLE review OWNER TO usercluster_regress_owner;
ALTER TABLE review ENABLE ROW LEVEL SECURITY;
ALTER TABLE review FORCE ROW LEVEL SECURITY;
CREATE POLICY writers ON review FOR INSERT TO usercluster_regress_writer WITH CHECK (true);
REVOKE SELECT ON review FROM usercluster_regress_writer;
SET ROLE usercluster_regress_writer;
INSERT INTO review (id, body) SELECT i, 'by the writer ' || i FROM generate_series(300, 310) i;
SELECT count(*) FROM usercluster.watched_columns;
-- nor gets more by it: the owner's triggers find the owner's functions and tables, not those of the writer's path
RESET ROLE;
SET ROLE usercluster_regress_owner;
CREATE TABLE log (who name);
CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql AS $$ SELECT lower($1) $$;
CREATE FUNCTION keep_log() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN NEW.title := slug(NEW.body); INSERT INTO log VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER keep_log BEFORE UPDATE ON review FOR EACH ROW EXECUTE FUNCTION keep_log();
RESET ROLE;
CREATE SCHEMA usercluster_regress_evil AUTHORIZATION usercluster_regress_writer;
SET ROLE usercluster_regress_writer;
CREATE FUNCTION usercluster_regress_evil.slug(text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE TEMP TABLE log (who name);
SET search_path = usercluster_regress_evil, pg_temp, watch, public;
INSERT INTO watch.review (id, body) SELECT i, 'BY THE WRITER ' || i FROM generate_series(320, 330) i;
SELECT count(*) FROM pg_temp.log;
SET search_path = watch, public;
RESET ROLE;
SELECT count(*), min(who), (SELECT max(title) FROM review WHERE id >= 320) FROM watch.log;
DROP TABLE pg_temp.log;
DROP TRIGGER keep_log ON review;
DROP SCHEMA usercluster_regress_evil CASCADE;
SELECT count(e), wrong(300, 399) FROM review WHERE id >= 300;
ALTER TABLE review DISABLE ROW LEVEL SECURITY;

-- names change, types and columns only without the watch
ALTER TABLE review RENAME body TO 正文;
ALTER TABLE review RENAME e TO "The Vector";
ALTER TABLE review RENAME TO "用户评论";
CREATE SCHEMA watch_other AUTHORIZATION usercluster_regress_owner;
ALTER TABLE "用户评论" SET SCHEMA watch_other;
SELECT relation, text_columns, embedding_column, model FROM usercluster.watched_columns;
INSERT INTO watch_other."用户评论" (id, 正文) SELECT i, '新评论 ' || i FROM generate_series(400, 410) i;
SELECT count("The Vector") FROM watch_other."用户评论" WHERE id >= 400;
SELECT pg_temp.refused($$ALTER TABLE watch_other."用户评论" DROP 正文$$) ~ 'trigger zz_usercluster_1_row on table';
ALTER TABLE watch_other."用户评论" SET SCHEMA watch;
ALTER TABLE "用户评论" RENAME TO review;
ALTER TABLE review RENAME 正文 TO body;
ALTER TABLE review RENAME "The Vector" TO e;
SELECT wrong(400, 499);

-- several columns, several watches, changed settings
ALTER TABLE review ADD COLUMN both_texts embedding;
SELECT usercluster.enable_embedding('review', ARRAY['title', 'body'], 'both_texts', truncation => 'error');
SELECT pg_temp.refused($$SELECT usercluster.disable_embedding('review')$$);
INSERT INTO review (id, title, body) VALUES (500, 'A title', 'and a body'), (501, NULL, 'only a body'), (502, ' ', 'blank title'), (503, NULL, NULL);
UPDATE review SET title = 'now titled' WHERE id = 501;
SELECT id, both_texts <-> usercluster.embed(concat_ws(E'\n', nullif(title, ' '), body)) < 1e-6, e <-> usercluster.embed(body) < 1e-6
	FROM review WHERE id >= 500 ORDER BY id;
SELECT pg_temp.refused($$INSERT INTO review (id, body) VALUES (504, repeat('long ', 300))$$);
SELECT usercluster.enable_embedding('review', ARRAY['body', 'title'], 'both_texts', truncation => 'truncate');
INSERT INTO review (id, title, body) VALUES (504, 'title', repeat('long ', 300));
SELECT number, text_columns, truncation FROM usercluster.watched_columns ORDER BY 1;
SELECT pg_temp.refused($$SELECT usercluster.enable_embedding('review', 'body', 'e', 'multilingual-e5-small-q4')$$);
SELECT usercluster.disable_embedding('review', 'e');
SELECT usercluster.enable_embedding('review', 'body', 'e');
SELECT usercluster.disable_embedding('review', 'both_texts');
SELECT number, embedding_column FROM usercluster.watched_columns ORDER BY 1;

-- partitions: through the root, directly, made later, and rows that move
CREATE TABLE post (id int, body text, e embedding(384), PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE post_low PARTITION OF post FOR VALUES FROM (0) TO (100);
CREATE TABLE post_high (body text, dropped int, e embedding(384), id int NOT NULL);
ALTER TABLE post_high DROP dropped;
SELECT usercluster.enable_embedding('post', 'body', 'e');
ALTER TABLE post ATTACH PARTITION post_high FOR VALUES FROM (100) TO (200);
SELECT pg_temp.refused($$SELECT usercluster.enable_embedding('post_low', 'body', 'e')$$), pg_temp.refused($$SELECT usercluster.disable_embedding('post_low')$$);
INSERT INTO post SELECT i, 'post ' || i FROM generate_series(91, 110) i;
INSERT INTO post_low SELECT i, 'low ' || i FROM generate_series(1, 10) i;
INSERT INTO post_high (id, body) SELECT i, 'high ' || i FROM generate_series(120, 129) i;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'usercluster.watch_statement'::regproc AND tgrelid IN ('post'::regclass, 'post_low'::regclass, 'post_high'::regclass) ORDER BY 1;
SELECT usercluster.enable_embedding('post', 'body', 'e');
INSERT INTO post_high (id, body) SELECT i, 'high ' || i FROM generate_series(150, 160) i;
UPDATE post SET id = id + 170, body = body || ' moved' WHERE id <= 10;
UPDATE post_high SET body = body || '!' WHERE id >= 150;
SELECT tableoid::regclass, count(*), count(e), off(array_agg(e), array_agg(body)) FROM post WHERE id NOT BETWEEN 20 AND 90 GROUP BY 1 ORDER BY 1;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'usercluster.watch_statement'::regproc AND tgrelid IN ('post'::regclass, 'post_low'::regclass, 'post_high'::regclass) ORDER BY 1;
UPDATE post SET e = NULL;
SET client_min_messages = warning;
CALL usercluster.embed_missing('post', 20);
SELECT tableoid::regclass, count(*), count(e), off(array_agg(e), array_agg(body)) FROM post GROUP BY 1 ORDER BY 1;
SELECT usercluster.disable_embedding('post');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_usercluster%' AND tgrelid IN ('post'::regclass, 'post_low'::regclass, 'post_high'::regclass);

-- embed_missing: what it skips it does not find again, until the text is another
ALTER TABLE keyless ADD COLUMN code char(10);
INSERT INTO keyless (body) SELECT 'text ' || i FROM generate_series(1, 40) i;
INSERT INTO keyless (body) VALUES (''), (' '), (NULL), (repeat('long ', 300));
SELECT usercluster.enable_embedding('keyless', ARRAY['body', 'code'], 'e', truncation => 'error');
CALL usercluster.embed_missing('keyless', 10);
SELECT count(*), count(e) FROM keyless;
SELECT relation, embedding_column, reason, problem, key FROM usercluster.skipped_rows ORDER BY reason;
CALL usercluster.embed_missing('keyless');
UPDATE keyless SET body = 'short' WHERE body LIKE 'long%' RETURNING dims(e);
-- a row that a constraint refuses is one of them
INSERT INTO keyless (body, code) VALUES ('padded', 'x');
UPDATE keyless SET e = NULL WHERE body = 'padded';
ALTER TABLE keyless ADD CHECK (body <> 'padded' OR e IS NULL);
UPDATE keyless SET e = NULL WHERE body LIKE 'text 1%';
CALL usercluster.embed_missing('keyless');
SELECT reason, problem FROM usercluster.skipped_rows WHERE reason = 'failed';
SELECT count(*) FILTER (WHERE e IS NULL AND body <> 'padded'), off(array_agg(e), array_agg(concat_ws(E'\n', body, trim(code)))) FROM keyless WHERE e IS NOT NULL OR body IN ('', ' ');

DROP TABLE review, post, keyless CASCADE;
SELECT count(*) FROM usercluster.watched_columns;
SELECT count(*) FROM usercluster.skipped_rows;
DROP SCHEMA watch, watch_other CASCADE;
DROP ROLE usercluster_regress_writer, usercluster_regress_owner;
