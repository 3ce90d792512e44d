-- estimate_embedding and re_embed: what embedding would take, and how a watched column changes its model
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA change;
SET search_path = change, public;
CREATE TABLE review (id int PRIMARY KEY, title text, body text, stars int, e embedding(384));
INSERT INTO review SELECT i, 'title ' || i, 'the review number ' || i FROM generate_series(1, 30) i;
INSERT INTO review VALUES (31, NULL, NULL), (32, NULL, repeat('long ', 300)), (33, NULL, ' ');
CREATE VIEW review_view AS SELECT id, title FROM review;

-- refused
SELECT usercluster.estimate_embedding(NULL, 'body');
SELECT usercluster.estimate_embedding('review', 'body', sample => 0);
SELECT usercluster.estimate_embedding('review', 'body', sample => NULL);
SELECT usercluster.estimate_embedding('review', 'nothing');
SELECT usercluster.estimate_embedding('review', 'stars');
SELECT usercluster.estimate_embedding('review', ARRAY['body', NULL]);
SELECT usercluster.estimate_embedding('review', '{}'::text[]);
SELECT usercluster.estimate_embedding('review_view', 'title');
SELECT usercluster.estimate_embedding('review');
SELECT usercluster.estimate_embedding(4294967295::oid, 'body');
CREATE ROLE usercluster_regress_reader;
GRANT USAGE ON SCHEMA change TO usercluster_regress_reader;
SET ROLE usercluster_regress_reader;
SELECT usercluster.estimate_embedding('change.review', 'body');
RESET ROLE;

-- rows, tokens and bytes as they are counted by hand, where the sample is the table
SELECT rows, tokens, long_texts, minutes BETWEEN 1e-6 AND 1, bytes, sampled
	FROM usercluster.estimate_embedding('review', 'body', 'all-MiniLM-L6-v2');
SELECT count(*), sum(least(usercluster.token_count(body, 'all-MiniLM-L6-v2'), 256))
	FROM review WHERE body IS NOT NULL AND body <> ' ';
SELECT rows, tokens > 30 * 10, sampled FROM usercluster.estimate_embedding('review', ARRAY['title', 'body'], 'all-MiniLM-L6-v2', sample => 5);
CREATE TABLE empty (body text);
SELECT * FROM usercluster.estimate_embedding('empty', 'body', 'all-MiniLM-L6-v2');

-- of a watched column: what it lacks
SELECT usercluster.enable_embedding('review', ARRAY['title', 'body'], 'e', 'all-MiniLM-L6-v2');
UPDATE review SET body = body || '!' WHERE id <= 10;
SELECT rows, bytes FROM usercluster.estimate_embedding('review');
CALL usercluster.embed_missing('review');
SELECT rows, tokens FROM usercluster.estimate_embedding('review');

-- refused: re_embed
CALL usercluster.re_embed(NULL, 'all-MiniLM-L6-v2');
CALL usercluster.re_embed('review', NULL);
CALL usercluster.re_embed('review', 'no-such-model');
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4', 'nothing');
CALL usercluster.re_embed('empty', 'multilingual-e5-small-q4');
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4', batch_rows => 0);
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4', max_seconds => -1);
BEGIN;
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4');
ROLLBACK;
SET ROLE usercluster_regress_reader;
CALL usercluster.re_embed('change.review', 'multilingual-e5-small-q4');
RESET ROLE;
-- refused: what depends on the column would go with it
CREATE INDEX by_vector ON review (e);
CREATE VIEW vectors AS SELECT id, e FROM review;
GRANT SELECT (e) ON review TO usercluster_regress_reader;
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4');
SELECT attname FROM pg_attribute WHERE attrelid = 'review'::regclass AND attnum > 0 ORDER BY attnum;
DROP INDEX by_vector;
DROP VIEW vectors;
REVOKE SELECT (e) ON review FROM usercluster_regress_reader;
-- refused: a column of that name that is somebody's own
ALTER TABLE review ADD COLUMN e_next int;
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4');
ALTER TABLE review DROP COLUMN e_next;

-- the model that it has is nothing to do
SET client_min_messages = notice;
CALL usercluster.re_embed('review', 'all-MiniLM-L6-v2');
SET client_min_messages = warning;

-- stopped in the middle: both models serve, and rows that come meanwhile have both
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4', batch_rows => 1, max_seconds => 0.000001);
SELECT embedding_column, model, text_columns, number FROM usercluster.watched_columns ORDER BY number;
INSERT INTO review VALUES (40, 'new', '新的');
SELECT e <-> usercluster.embed(E'new\n新的', 'all-MiniLM-L6-v2') < 1e-6, e_next <-> usercluster.embed(E'new\n新的', 'multilingual-e5-small-q4') < 1e-6
	FROM review WHERE id = 40;
CALL usercluster.re_embed('review', 'all-MiniLM-L6-v2');
-- and on: the second takes the place of the first
CALL usercluster.re_embed('review', 'multilingual-e5-small-q4');
SELECT embedding_column, model, text_columns, number FROM usercluster.watched_columns;
SELECT count(e), count(*) FILTER (WHERE e <-> usercluster.embed(concat_ws(E'\n', title, body), 'multilingual-e5-small-q4') > 1e-6) FROM review WHERE id < 6 OR id > 29;
SELECT attname FROM pg_attribute WHERE attrelid = 'review'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'review'::regclass AND attname = 'e';
INSERT INTO review VALUES (41, NULL, '更新的');
SELECT e <-> usercluster.embed('更新的', 'multilingual-e5-small-q4') < 1e-6 FROM review WHERE id = 41;

-- a model file that is another one under the same name
SELECT usercluster.disable_embedding('review');
CREATE TRIGGER zz_usercluster_1_row BEFORE INSERT OR UPDATE OF body, e ON review
	FOR EACH ROW EXECUTE FUNCTION usercluster.watch_row(1, now, 'all-MiniLM-L6-v2', 'the fingerprint of before', truncate, pg_temp);
\set VERBOSITY terse
INSERT INTO review VALUES (50, NULL, 'mixed');
CALL usercluster.embed_missing('review');
DROP TRIGGER zz_usercluster_1_row ON review;

-- partitions, and a column that must not be null
CREATE TABLE post (id int, body text, e embedding) PARTITION BY RANGE (id);
CREATE TABLE post_low PARTITION OF post FOR VALUES FROM (0) TO (10);
INSERT INTO post SELECT i, 'post ' || i FROM generate_series(1, 5) i;
ALTER TABLE post_low ALTER e SET NOT NULL;
ALTER TABLE post ALTER e SET NOT NULL;
UPDATE post SET e = '[1]';
ALTER TABLE post_low ALTER e SET NOT NULL;
ALTER TABLE post ALTER e SET NOT NULL;
SELECT usercluster.enable_embedding('post', 'body', 'e', 'multilingual-e5-small-q4');
ALTER TABLE post ALTER e DROP NOT NULL;
ALTER TABLE post_low ALTER e DROP NOT NULL;
UPDATE post SET e = NULL;
SELECT usercluster.enable_embedding('post', 'body', 'e', 'multilingual-e5-small-q4');
CALL usercluster.embed_missing('post');
CREATE INDEX post_low_e ON post_low (e);
\set VERBOSITY default
CALL usercluster.re_embed('post', 'all-MiniLM-L6-v2');
DROP INDEX post_low_e;
CALL usercluster.re_embed('post', 'all-MiniLM-L6-v2');
SELECT count(*), count(*) FILTER (WHERE e <-> usercluster.embed(body, 'all-MiniLM-L6-v2') < 1e-6) FROM post;
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgname LIKE 'zz_usercluster%' GROUP BY 1 ORDER BY 1;

-- in mode queue, while rows come and wait
CREATE TABLE note (id int PRIMARY KEY, body text, e embedding);
SELECT usercluster.enable_embedding('note', 'body', 'e', 'all-MiniLM-L6-v2', mode => 'queue');
INSERT INTO note SELECT i, 'note ' || i FROM generate_series(1, 5) i;
CALL usercluster.re_embed('note', 'multilingual-e5-small-q4', batch_rows => 1, max_seconds => 0.000001);
INSERT INTO note VALUES (6, '笔记');
SELECT number, count(*) FROM usercluster.queued GROUP BY 1 ORDER BY 1;
CALL usercluster.process_queue();
SELECT count(e), count(e_next) FROM note;
INSERT INTO note VALUES (7, 'still waits');
CALL usercluster.re_embed('note', 'multilingual-e5-small-q4');
SELECT embedding_column, model, mode, queued FROM usercluster.embedding_status WHERE relation = 'note'::regclass;
CALL usercluster.process_queue();
SELECT count(*) FILTER (WHERE e <-> usercluster.embed(body, 'multilingual-e5-small-q4') < 1e-6) FROM note;
SELECT count(*) FROM usercluster.queued;

DROP SCHEMA change CASCADE;
DROP ROLE usercluster_regress_reader;
