-- One vector per user from many texts, kept current.

CREATE TABLE usercluster.user_vector_store (
	source usercluster.watched_table NOT NULL,
	target usercluster.watched_table NOT NULL,
	key_column text NOT NULL,
	vector_column text NOT NULL,
	half_life interval,
	neutral boolean,
	search_path text NOT NULL,
	means usercluster.preparation,
	resume_after text
);
COMMENT ON TABLE usercluster.user_vector_store IS
'settings of tables whose texts make vectors of users, with the means of their languages; hidden: see user_vectors';
CREATE UNIQUE INDEX user_vector_store_source ON usercluster.user_vector_store (source) WHERE source::oid <> 0;
COMMENT ON INDEX usercluster.user_vector_store_source IS 'one table of users for a table of texts';

SELECT pg_catalog.pg_extension_config_dump('usercluster.user_vector_store',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = source)');
GRANT SELECT, INSERT ON usercluster.user_vector_store TO pg_database_owner;

CREATE FUNCTION usercluster.keep_user_vectors() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_keep_user_vectors';
COMMENT ON FUNCTION usercluster.keep_user_vectors() IS
'trigger function of a table of texts: computes the vectors of the users whose texts a statement changed; made by enable_user_vectors';

CREATE FUNCTION usercluster.enable_user_vectors(source regclass, user_column text, embedding_column text,
	target regclass, key_column text, vector_column text,
	time_column text DEFAULT NULL, half_life interval DEFAULT NULL, weight_column text DEFAULT NULL,
	language_column text DEFAULT NULL, language_neutral boolean DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_enable_user_vectors';
COMMENT ON FUNCTION usercluster.enable_user_vectors(regclass, text, text, regclass, text, text, text, interval, text, text, boolean) IS
'keeps in each row of target the mean of the embeddings that source has of this user, by triggers; weighted by weight_column and by half as much for every half_life that a text is older than the user''s newest; less the mean of each text''s language (language_neutral; NULL: where there is more than one). Again: new settings, and partitions made since join';

CREATE FUNCTION usercluster.disable_user_vectors(source regclass)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_disable_user_vectors';
COMMENT ON FUNCTION usercluster.disable_user_vectors(regclass) IS
'takes the triggers and the means of the languages away; the vectors stay';

CREATE PROCEDURE usercluster.refresh_user_vectors(source regclass, batch_users int DEFAULT 1000,
	max_seconds double precision DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_refresh_user_vectors';
COMMENT ON PROCEDURE usercluster.refresh_user_vectors(regclass, int, double precision) IS
'takes the means of the languages anew and computes the vectors of all users; commits after every batch_users of them, and stops after max_seconds; called again it goes on';

CREATE FUNCTION usercluster.neutral(source regclass, embedding @extschema@.embedding, language text DEFAULT NULL)
RETURNS @extschema@.embedding
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'usercluster_neutral';
COMMENT ON FUNCTION usercluster.neutral(regclass, @extschema@.embedding, text) IS
'an embedding less the mean of its language, as the user vectors of this table count their texts; as it is where they do not';

CREATE FUNCTION usercluster.user_vector(source regclass, user_key text)
RETURNS @extschema@.embedding
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'usercluster_user_vector';
COMMENT ON FUNCTION usercluster.user_vector(regclass, text) IS
'the vector of a user from the present texts, with the rights of the caller; NULL where there is no text. For users that are not in the target';

CREATE FUNCTION usercluster.user_vector(source regclass, user_key anyelement)
RETURNS @extschema@.embedding
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'usercluster_user_vector';
COMMENT ON FUNCTION usercluster.user_vector(regclass, anyelement) IS
'the vector of a user whose key is not text';

CREATE VIEW usercluster.user_vectors WITH (security_barrier) AS
	SELECT s.source::oid::regclass AS source, s.target::oid::regclass AS target, s.key_column, s.vector_column,
		(SELECT array_agg(a.attname ORDER BY k.place) FROM pg_catalog.pg_trigger t, unnest(t.tgattr::int2[]) WITH ORDINALITY AS k(attnum, place)
		 JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum
		 WHERE t.tgrelid = s.source::oid AND a.attrelid = t.tgrelid AND t.tgfoid = 'usercluster.keep_user_vectors'::regproc
			AND t.tgtype & 1 = 1) AS source_columns,
		s.half_life, (s.means).languages AS languages, s.resume_after IS NOT NULL AS refresh_unfinished
	FROM usercluster.user_vector_store s JOIN pg_catalog.pg_class c ON c.oid = s.source::oid
	WHERE pg_has_role(c.relowner, 'USAGE');
COMMENT ON VIEW usercluster.user_vectors IS
'tables of texts, of those that the current role owns, whose triggers keep vectors of users; languages: those whose means are subtracted, NULL where none is';
GRANT SELECT ON usercluster.user_vectors TO PUBLIC;
