-- mode => 'queue', process_queue, dead_letters, embedding_status: rows whose embedding is made later
\pset format unaligned
\pset tuples_only on
SET usercluster.default_model = 'all-MiniLM-L6-v2';
SET client_min_messages = warning;
CREATE SCHEMA queue;
SET search_path = queue, public;
CREATE ROLE usercluster_regress_keeper;
CREATE ROLE usercluster_regress_visitor;
GRANT ALL ON SCHEMA queue TO usercluster_regress_keeper;
GRANT USAGE ON SCHEMA queue TO usercluster_regress_visitor;
SET ROLE usercluster_regress_keeper;
CREATE TABLE review (shop int, at timestamptz, body text, e embedding(384), PRIMARY KEY (shop, at));
SELECT usercluster.enable_embedding('review', 'body', 'e', mode => 'queue');
GRANT INSERT ON review TO usercluster_regress_visitor;

-- refused: arguments, transaction blocks, and whoever is not meant
CALL usercluster.process_queue(0);
CALL usercluster.process_queue(batch_rows => NULL);
CALL usercluster.process_queue(batch_rows => 0);
BEGIN;
CALL usercluster.process_queue();
ROLLBACK;
SET ROLE usercluster_regress_visitor;
SELECT usercluster.retry_dead_letters('queue.review');
SELECT * FROM usercluster.queued;
INSERT INTO usercluster.queued (relation, number, key) VALUES ('queue.review', 1, '{1}');
DELETE FROM usercluster.queued;
INSERT INTO usercluster.skipped (relation, number, text_hash, reason) VALUES ('queue.review', 1, '', '');
SELECT nextval('usercluster.queued_id_seq');

-- who may insert into the table needs nothing else, whatever their settings and search_path are
CREATE TEMP TABLE queued (relation regclass, number int, key text[]);
CREATE FUNCTION pg_temp.evil(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.evil, LEFTARG = text, RIGHTARG = text);
SET search_path = pg_temp, pg_catalog, queue, public;
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Shanghai';
INSERT INTO queue.review VALUES (1, '03/02/2024 10:00 Asia/Shanghai', '很好'), (2, '04/02/2024 10:00:00.123456 UTC', 'good'), (3, now(), NULL);
SELECT count(*) FROM pg_temp.queued;
-- and writes nothing else by it: a trigger of theirs queues rows of their own table
CREATE TEMP TABLE forged (id int PRIMARY KEY, body text, e public.embedding);
CREATE TRIGGER zz_usercluster_1_row BEFORE INSERT OR UPDATE OF body, e ON forged
	FOR EACH ROW EXECUTE FUNCTION usercluster.watch_row(1, queue, 'all-MiniLM-L6-v2', 'none', truncate, pg_temp);
CREATE TRIGGER gather AFTER INSERT ON forged FOR EACH ROW EXECUTE FUNCTION usercluster.watch_gather(1);
INSERT INTO forged VALUES (1, 'x');
RESET search_path;
RESET datestyle;
RESET timezone;
SELECT count(*) FROM usercluster.embedding_status WHERE relation = 'queue.review'::regclass;
RESET ROLE;
SET search_path = queue, public;
SELECT relation, number, key, attempts FROM usercluster.queued ORDER BY id;
DELETE FROM usercluster.queued WHERE relation = 'forged'::regclass;

-- the one with the rights to the table has the queue worked off; another's rows are not touched
SET ROLE usercluster_regress_visitor;
CALL usercluster.process_queue();
SET ROLE usercluster_regress_keeper;
SELECT relation, embedding_column, model, mode, queued, dead, skipped_texts FROM usercluster.embedding_status;
CALL usercluster.process_queue();
SELECT shop, e <-> usercluster.embed(body) < 1e-6 FROM review ORDER BY 1;
SELECT queued FROM usercluster.embedding_status;

-- changes: new text has no embedding until it has its own; the same text keeps it; many at once; rows that go
UPDATE review SET body = 'better' WHERE shop = 2 RETURNING e IS NULL;
UPDATE review SET body = body, shop = 10 WHERE shop = 1 RETURNING e IS NULL;
UPDATE review SET body = 'best' WHERE shop = 2;
INSERT INTO review SELECT 4, now() + i * interval '1 second', 'review ' || i FROM generate_series(1, 10) i;
INSERT INTO review SELECT 5, now() + i * interval '1 second', 'gone ' || i FROM generate_series(1, 10) i;
INSERT INTO review VALUES (6, now(), '  ');
DELETE FROM review WHERE shop = 5;
INSERT INTO review VALUES (8, now(), 'under another key');
UPDATE review SET shop = 9 WHERE shop = 8;
SELECT queued FROM usercluster.embedding_status;
CALL usercluster.process_queue(batch_rows => 3);
SELECT shop, count(*), count(e), count(*) FILTER (WHERE e <-> usercluster.embed(body) > 1e-6) FROM review GROUP BY 1 ORDER BY 1;
SELECT queued FROM usercluster.embedding_status;
CREATE TABLE log (at timestamptz);
INSERT INTO review SELECT 7, now() + i * interval '1 second', 'truncated ' || i FROM generate_series(1, 10) i;
TRUNCATE review;
CALL usercluster.process_queue();
SELECT queued FROM usercluster.embedding_status;

-- failures: undone, counted, tried again later, and dead in the end, while the others go through
CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO queue.log VALUES (now());
	IF NEW.body = 'bad' AND NEW.e IS NOT NULL THEN RAISE EXCEPTION 'no embedding for % by %', NEW.body, current_user; END IF;
	RETURN NEW; END $$;
CREATE TRIGGER picky BEFORE UPDATE ON review FOR EACH ROW EXECUTE FUNCTION picky();
INSERT INTO review SELECT i, now(), CASE WHEN i = 5 THEN 'bad' ELSE 'good ' || i END FROM generate_series(1, 9) i;
RESET ROLE;
CALL usercluster.process_queue();
SELECT count(e), string_agg(body, ' ') FILTER (WHERE e IS NULL) FROM review;
SELECT count(*) FROM log;
SELECT key[1], attempts, due > now() + interval '5 seconds', problem FROM usercluster.queued;
CALL usercluster.process_queue();
SELECT key[1], attempts FROM usercluster.queued;
DO $$ BEGIN FOR i IN 2..5 LOOP
	UPDATE usercluster.queued SET due = now();
	COMMIT;
	CALL usercluster.process_queue();
END LOOP; END $$;
SELECT attempts, due > now() + interval '150 seconds' FROM usercluster.queued;
UPDATE usercluster.queued SET due = now();
CALL usercluster.process_queue();
SET ROLE usercluster_regress_keeper;
SELECT relation, embedding_column, key[1], attempts, problem FROM usercluster.dead_letters;
SELECT queued, dead FROM usercluster.embedding_status;
DROP TRIGGER picky ON review;
SELECT usercluster.retry_dead_letters('review');
CALL usercluster.process_queue();
SELECT count(e) FROM review;
SELECT queued, dead FROM usercluster.embedding_status;

-- a model that cannot be used is no row's fault
INSERT INTO review VALUES (20, now(), 'waits');
RESET ROLE;
SET usercluster.model_dir = '/nonexistent';
CALL usercluster.process_queue();
RESET usercluster.model_dir;
SELECT attempts, due > now() FROM usercluster.queued;
UPDATE usercluster.queued SET due = now();
CALL usercluster.process_queue();
SELECT count(e) FROM review WHERE shop = 20;

-- a text beyond the model's limit is skipped, and other triggers' texts leave no stale embedding
SET ROLE usercluster_regress_keeper;
SELECT usercluster.enable_embedding('review', 'body', 'e', mode => 'queue', truncation => 'error');
INSERT INTO review VALUES (21, now(), repeat('long ', 300));
CALL usercluster.process_queue();
SELECT reason, key[1] FROM usercluster.skipped_rows;
SELECT queued, dead, skipped_texts FROM usercluster.embedding_status;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := upper(NEW.body); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE UPDATE ON review FOR EACH ROW EXECUTE FUNCTION shout();
UPDATE review SET at = at + interval '1 hour' WHERE shop = 1;
SELECT body, e IS NULL FROM review WHERE shop = 1;
CALL usercluster.process_queue();
SELECT body, e <-> usercluster.embed(body) < 1e-6 FROM review WHERE shop = 1;

-- an attack by the owner on whoever works the queue off: it runs as the owner, restricted
CREATE FUNCTION attack() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO queue.log VALUES (now());
	SET ROLE NONE;
	ALTER ROLE usercluster_regress_keeper SUPERUSER;
	RETURN NEW; END $$;
CREATE TRIGGER attack BEFORE UPDATE ON review FOR EACH ROW EXECUTE FUNCTION attack();
INSERT INTO review VALUES (22, now(), 'attack');
RESET ROLE;
CALL usercluster.process_queue();
SELECT problem FROM usercluster.queued;
SELECT rolsuper FROM pg_roles WHERE rolname = 'usercluster_regress_keeper';
ALTER TABLE review DISABLE TRIGGER attack;
SELECT count(*) FROM log;

-- partitions: the key is that of the partitioned table
SET ROLE usercluster_regress_keeper;
CREATE TABLE post (id int PRIMARY KEY, body text, e embedding) PARTITION BY HASH (id);
CREATE TABLE post_0 PARTITION OF post FOR VALUES WITH (MODULUS 2, REMAINDER 0);
SELECT usercluster.enable_embedding('post', 'body', 'e', mode => 'queue');
CREATE TABLE post_1 (e embedding, body text, id int NOT NULL);
ALTER TABLE post ATTACH PARTITION post_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO post SELECT i, 'post ' || i FROM generate_series(1, 6) i;
INSERT INTO post_1 (id, body) SELECT i, 'directly ' || i FROM generate_series(7, 100) i WHERE satisfies_hash_partition('post'::regclass, 2, 1, i) LIMIT 3;
SELECT relation, queued FROM usercluster.embedding_status ORDER BY 1;
CALL usercluster.process_queue();
SELECT count(*), count(e), count(*) FILTER (WHERE e <-> usercluster.embed(body) > 1e-6) FROM post;
-- to mode now and away: what was queued is worked off, or forgotten
INSERT INTO post VALUES (200, 'queued');
SELECT usercluster.enable_embedding('post', 'body', 'e', mode => 'now');
INSERT INTO post VALUES (201, 'now');
CALL usercluster.process_queue();
SELECT count(*), count(e) FROM post WHERE id >= 200;
INSERT INTO review VALUES (30, now(), 'forgotten');
SELECT usercluster.disable_embedding('review');
ANALYZE post;
SELECT relation, mode, estimated_rows, estimated_missing, queued FROM usercluster.embedding_status;
RESET ROLE;
SELECT count(*) FROM usercluster.queued;
-- a table that is dropped
SET ROLE usercluster_regress_keeper;
SELECT usercluster.enable_embedding('post', 'body', 'e', mode => 'queue');
INSERT INTO post VALUES (300, 'orphan');
DROP TABLE post, review;
RESET ROLE;
CALL usercluster.process_queue();
SELECT count(*) FROM usercluster.queued;
-- what is wrong with one table stops neither the rows of others nor the views: no primary key, a forged watch, what triggers raise
SET ROLE usercluster_regress_keeper;
CREATE TABLE keyless (id int PRIMARY KEY, body text, e embedding);
CREATE TABLE forger (id int PRIMARY KEY, body text, e embedding);
CREATE TABLE breaker (id int PRIMARY KEY, body text, e embedding);
CREATE TABLE honest (id int PRIMARY KEY, body text, e embedding);
SELECT usercluster.enable_embedding(t, 'body', 'e', mode => 'queue') FROM unnest('{keyless,forger,breaker,honest}'::regclass[]) AS t;
CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = NEW.body; END $$;
CREATE TRIGGER break BEFORE UPDATE ON breaker FOR EACH ROW EXECUTE FUNCTION break();
INSERT INTO breaker SELECT g, code FROM unnest('{XX000,40P01,40001,55P03,25006,0A000}'::text[]) WITH ORDINALITY AS c(code, g);
INSERT INTO keyless VALUES (1, 'a');
INSERT INTO forger VALUES (1, 'a');
INSERT INTO honest VALUES (1, 'a');
ALTER TABLE keyless DROP CONSTRAINT keyless_pkey;
DROP TRIGGER zz_usercluster_1_row ON forger;
CREATE TRIGGER zz_usercluster_1_row BEFORE INSERT OR UPDATE OF body, e ON forger
	FOR EACH ROW EXECUTE FUNCTION usercluster.watch_row('one', 'queue', 'all-MiniLM-L6-v2', '', 'truncate', 'public');
RESET ROLE;
SELECT relation, queued FROM usercluster.embedding_status ORDER BY 1;
CALL usercluster.process_queue();
SELECT dims(e) FROM honest;
SELECT relation, attempts, problem FROM usercluster.queued ORDER BY id;
SELECT relation, embedding_column, number FROM usercluster.watched_columns WHERE relation = 'forger'::regclass;
INSERT INTO forger VALUES (2, 'b');
UPDATE usercluster.queued SET attempts = 5;
SELECT relation, problem, count(*) FROM usercluster.dead_letters GROUP BY 1, 2 ORDER BY 1;
DELETE FROM usercluster.queued;
DROP SCHEMA queue CASCADE;
DROP OWNED BY usercluster_regress_keeper, usercluster_regress_visitor;
DROP ROLE usercluster_regress_keeper, usercluster_regress_visitor;
