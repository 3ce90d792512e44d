-- Embeddings that keep themselves current.

CREATE FUNCTION usercluster.watch_row() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_watch_row';
COMMENT ON FUNCTION usercluster.watch_row() IS
'trigger function of a watched column, with its settings as arguments; made by enable_embedding';

CREATE FUNCTION usercluster.watch_gather() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_watch_gather';
COMMENT ON FUNCTION usercluster.watch_gather() IS
'trigger function of a watched column: rows that wait for a batch or for the queue; made by enable_embedding';

CREATE FUNCTION usercluster.watch_statement() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_watch_statement';
COMMENT ON FUNCTION usercluster.watch_statement() IS
'trigger function of a watched column: embeds the rows that a statement left waiting; made by enable_embedding';

CREATE FUNCTION usercluster.enable_embedding(relation regclass, text_column text, embedding_column text,
	model text DEFAULT NULL, mode text DEFAULT 'now', truncation text DEFAULT 'truncate')
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_enable_embedding';
COMMENT ON FUNCTION usercluster.enable_embedding(regclass, text, text, text, text, text) IS
'keeps an embedding beside its text by triggers; model: NULL is usercluster.default_model as it is now; mode: now, or queue for process_queue; truncation of text beyond the model''s tokens: truncate, error or window. Again with the same settings: partitions made since join';

CREATE FUNCTION usercluster.enable_embedding(relation regclass, text_columns text[], embedding_column text,
	model text DEFAULT NULL, mode text DEFAULT 'now', truncation text DEFAULT 'truncate')
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_enable_embedding';
COMMENT ON FUNCTION usercluster.enable_embedding(regclass, text[], text, text, text, text) IS
'keeps one embedding beside several texts, which the model reads as lines of one text';

CREATE FUNCTION usercluster.disable_embedding(relation regclass, embedding_column text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_disable_embedding';
COMMENT ON FUNCTION usercluster.disable_embedding(regclass, text) IS
'takes the triggers of a watched column away; the embeddings stay. Without embedding_column: the only one that is watched';

CREATE VIEW usercluster.watched_columns WITH (security_barrier) AS
	SELECT t.tgrelid::regclass AS relation, w.columns[1:array_length(w.columns, 1) - 1] AS text_columns,
		w.columns[array_length(w.columns, 1)] AS embedding_column, w.settings[3] AS model, w.settings[4] AS fingerprint,
		w.settings[2] AS mode, w.settings[5] AS truncation, CASE WHEN w.settings[1] ~ '^[0-9]{1,9}$' THEN w.settings[1]::int END AS number
	FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid,
		LATERAL (SELECT string_to_array(encode(t.tgargs, 'escape'), '\000') AS settings,
			(SELECT array_agg(a.attname ORDER BY k.place) FROM unnest(t.tgattr::int2[]) WITH ORDINALITY AS k(attnum, place)
			 JOIN pg_catalog.pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = k.attnum) AS columns) w
	WHERE t.tgfoid = 'usercluster.watch_row'::regproc AND t.tgparentid = 0 AND pg_has_role(c.relowner, 'USAGE')
		-- and not what somebody else made of that function: a row's trigger (1), before (2), with its arguments and columns
		AND t.tgtype & 3 = 3 AND t.tgnargs = 6 AND array_length(w.columns, 1) >= 2 AND w.settings[1] ~ '^[0-9]{1,9}$';
COMMENT ON VIEW usercluster.watched_columns IS
'columns that enable_embedding watches, of the tables that the current role owns; read from their triggers';
GRANT SELECT ON usercluster.watched_columns TO PUBLIC;

CREATE TYPE usercluster.watched_table;
COMMENT ON TYPE usercluster.watched_table IS
'a table by its oid, written as its name; a name that no table has reads as none, so that a dump without the table can be restored';
CREATE FUNCTION usercluster.watched_table_in(cstring) RETURNS usercluster.watched_table
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_watched_table_in';
COMMENT ON FUNCTION usercluster.watched_table_in(cstring) IS 'I/O';
CREATE FUNCTION usercluster.watched_table_out(usercluster.watched_table) RETURNS cstring
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_watched_table_out';
COMMENT ON FUNCTION usercluster.watched_table_out(usercluster.watched_table) IS 'I/O';
CREATE FUNCTION usercluster.watched_table_recv(internal) RETURNS usercluster.watched_table
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_watched_table_recv';
COMMENT ON FUNCTION usercluster.watched_table_recv(internal) IS 'binary input of watched_table: its name';
CREATE FUNCTION usercluster.watched_table_send(usercluster.watched_table) RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_watched_table_send';
COMMENT ON FUNCTION usercluster.watched_table_send(usercluster.watched_table) IS 'binary output of watched_table';
CREATE TYPE usercluster.watched_table (
	INPUT = usercluster.watched_table_in, OUTPUT = usercluster.watched_table_out,
	RECEIVE = usercluster.watched_table_recv, SEND = usercluster.watched_table_send, LIKE = oid
);
CREATE CAST (usercluster.watched_table AS oid) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (usercluster.watched_table AS oid) IS 'the same number';
CREATE CAST (regclass AS usercluster.watched_table) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (regclass AS usercluster.watched_table) IS 'the same number';

CREATE TABLE usercluster.queued (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	relation usercluster.watched_table NOT NULL,
	number int NOT NULL,
	key text[] NOT NULL,
	attempts int NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	queued_at timestamptz NOT NULL DEFAULT now(),
	problem text
);
COMMENT ON TABLE usercluster.queued IS
'rows of watched columns that wait for process_queue; hidden: see embedding_status and dead_letters';
COMMENT ON SEQUENCE usercluster.queued_id_seq IS 'order of the queue';
CREATE INDEX queued_relation ON usercluster.queued (relation, number);
COMMENT ON INDEX usercluster.queued_relation IS 'what is queued for a table';

CREATE TABLE usercluster.skipped (
	relation usercluster.watched_table NOT NULL,
	number int NOT NULL,
	text_hash bytea NOT NULL,
	reason text NOT NULL,
	problem text,
	key text[],
	skipped_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE usercluster.skipped IS 'texts of watched columns that get no embedding; hidden: see skipped_rows';
CREATE UNIQUE INDEX skipped_text ON usercluster.skipped (relation, number, text_hash) WHERE relation::oid <> 0;
COMMENT ON INDEX usercluster.skipped_text IS 'a text of a table once';

-- The database's owner dumps and restores without being superuser.
SELECT pg_extension_config_dump('usercluster.queued', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_extension_config_dump('usercluster.queued_id_seq', '');
SELECT pg_extension_config_dump('usercluster.skipped', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
GRANT SELECT, INSERT ON usercluster.queued, usercluster.skipped TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE usercluster.queued_id_seq TO pg_database_owner;

CREATE PROCEDURE usercluster.embed_missing(relation regclass, batch_rows int DEFAULT 256, max_seconds double precision DEFAULT NULL,
	embedding_column text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_embed_missing';
COMMENT ON PROCEDURE usercluster.embed_missing(regclass, int, double precision, text) IS
'embeds the rows of a watched column that have text and no embedding, commits after about batch_rows of them, and stops after max_seconds; called again it goes on';

CREATE VIEW usercluster.skipped_rows WITH (security_barrier) AS
	SELECT w.relation, w.embedding_column, s.reason, s.problem, s.key, s.skipped_at, s.text_hash
	FROM usercluster.skipped s JOIN usercluster.watched_columns w ON w.relation::oid = s.relation::oid AND w.number = s.number;
COMMENT ON VIEW usercluster.skipped_rows IS
'texts that get no embedding: blank, too long or failed, once each, with the primary key of a row that has it; only the tables that the current role owns';
GRANT SELECT ON usercluster.skipped_rows TO PUBLIC;

CREATE PROCEDURE usercluster.process_queue(max_seconds double precision DEFAULT NULL, batch_rows int DEFAULT 64)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_process_queue';
COMMENT ON PROCEDURE usercluster.process_queue(double precision, int) IS
'embeds queued rows of tables that the caller owns (a superuser: of all), oldest first, until none is due or max_seconds have passed; may run in several sessions at once';

CREATE VIEW usercluster.dead_letters WITH (security_barrier) AS
	SELECT w.relation, w.embedding_column, q.key, q.attempts, q.problem, q.queued_at
	FROM usercluster.queued q JOIN usercluster.watched_columns w ON w.relation::oid = q.relation::oid AND w.number = q.number
	WHERE q.attempts >= 5;
COMMENT ON VIEW usercluster.dead_letters IS
'queued rows that failed five times, with the last problem; only the tables that the current role owns; see retry_dead_letters';
GRANT SELECT ON usercluster.dead_letters TO PUBLIC;

CREATE FUNCTION usercluster.retry_dead_letters(relation regclass)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_retry_dead_letters';
COMMENT ON FUNCTION usercluster.retry_dead_letters(regclass) IS
'lets process_queue try the dead letters of a table again; returns how many there were';

CREATE VIEW usercluster.embedding_status WITH (security_barrier) AS
	SELECT w.relation, w.embedding_column, w.model, w.mode, size.rows AS estimated_rows, size.missing AS estimated_missing,
		(SELECT count(*) FROM usercluster.queued q WHERE q.relation::oid = w.relation::oid AND q.number = w.number AND q.attempts < 5) AS queued,
		(SELECT count(*) FROM usercluster.queued q WHERE q.relation::oid = w.relation::oid AND q.number = w.number AND q.attempts >= 5) AS dead,
		(SELECT count(*) FROM usercluster.skipped s WHERE s.relation::oid = w.relation::oid AND s.number = w.number) AS skipped_texts
	FROM usercluster.watched_columns w,
		LATERAL (SELECT sum(c.reltuples)::bigint AS rows, round(sum(c.reltuples * s.stanullfrac))::bigint AS missing
			FROM (SELECT relid FROM pg_catalog.pg_partition_tree(w.relation) WHERE isleaf
				  UNION SELECT w.relation) t
			JOIN pg_catalog.pg_class c ON c.oid = t.relid AND c.relkind = 'r' AND c.reltuples >= 0
			JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = w.embedding_column
			LEFT JOIN pg_catalog.pg_statistic s ON s.starelid = c.oid AND s.staattnum = a.attnum AND NOT s.stainherit) size;
COMMENT ON VIEW usercluster.embedding_status IS
'watched columns of the tables that the current role owns: rows and rows without embedding as ANALYZE last found them (NULL: never), and exactly what is queued, dead and skipped';
GRANT SELECT ON usercluster.embedding_status TO PUBLIC;

CREATE PROCEDURE usercluster.re_embed(relation regclass, model text, embedding_column text DEFAULT NULL, batch_rows int DEFAULT 256,
	max_seconds double precision DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_re_embed';
COMMENT ON PROCEDURE usercluster.re_embed(regclass, text, text, int, double precision) IS
'changes the model of a watched column: fills a second column, named after it with _next, while the first one serves, and then lets it take the first one''s place; called again it goes on';

CREATE FUNCTION usercluster.estimate_embedding(relation regclass, text_column text DEFAULT NULL, model text DEFAULT NULL,
	sample int DEFAULT 200,
	OUT rows bigint, OUT tokens bigint, OUT long_texts bigint, OUT minutes double precision, OUT bytes bigint, OUT sampled int)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_estimate_embedding';
COMMENT ON FUNCTION usercluster.estimate_embedding(regclass, text, text, int) IS
'what embedding a table would take: rows with text, their tokens, texts beyond the model''s limit, minutes on this machine as it is now, and bytes of the embeddings; from a sample, of which some is embedded to measure. Without text_column: the rows that the watched column lacks';

CREATE FUNCTION usercluster.estimate_embedding(relation regclass, text_columns text[], model text DEFAULT NULL,
	sample int DEFAULT 200,
	OUT rows bigint, OUT tokens bigint, OUT long_texts bigint, OUT minutes double precision, OUT bytes bigint, OUT sampled int)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_estimate_embedding';
COMMENT ON FUNCTION usercluster.estimate_embedding(regclass, text[], text, int) IS
'what embedding several columns of a table together would take';
