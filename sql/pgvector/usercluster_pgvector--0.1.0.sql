-- usercluster_pgvector: pgvector's indexes on columns of type embedding

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION usercluster_pgvector" to load this file. \quit

-- usercluster and pgvector lie in schemas that only the database knows, and what search_path finds could be somebody else's: so the
-- commands are written with {usercluster} and {pgvector}, which become those schemas before they run.
DO $do$
DECLARE
	usercluster CONSTANT text :=
		(SELECT extnamespace::pg_catalog.regnamespace FROM pg_catalog.pg_extension WHERE extname = 'usercluster');
	pgvector CONSTANT text :=
		(SELECT extnamespace::pg_catalog.regnamespace FROM pg_catalog.pg_extension WHERE extname = 'vector');
	version CONSTANT text := (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector');
	commands CONSTANT text := $commands$

-- Both types are the same bytes under the same rules. No cast is implicit: an operator between the two is one of those below,
-- and all others stay what they are without this extension.
CREATE CAST ({usercluster}.embedding AS {pgvector}.vector) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST ({usercluster}.embedding AS {pgvector}.vector) IS 'the same bytes';
CREATE CAST ({pgvector}.vector AS {usercluster}.embedding) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST ({pgvector}.vector AS {usercluster}.embedding) IS 'the same bytes';

-- Distances between the two types, so that parameters of one type search a column of the other through its index.

CREATE FUNCTION @extschema@.l2_distance({usercluster}.embedding, {pgvector}.vector) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_l2_distance';
COMMENT ON FUNCTION @extschema@.l2_distance({usercluster}.embedding, {pgvector}.vector) IS 'euclidean distance of an embedding and a vector';
CREATE FUNCTION @extschema@.l2_distance({pgvector}.vector, {usercluster}.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_l2_distance';
COMMENT ON FUNCTION @extschema@.l2_distance({pgvector}.vector, {usercluster}.embedding) IS 'euclidean distance of a vector and an embedding';
CREATE OPERATOR @extschema@.<-> (
	LEFTARG = {usercluster}.embedding, RIGHTARG = {pgvector}.vector, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> ({usercluster}.embedding, {pgvector}.vector) IS 'euclidean distance of an embedding and a vector';
CREATE OPERATOR @extschema@.<-> (
	LEFTARG = {pgvector}.vector, RIGHTARG = {usercluster}.embedding, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> ({pgvector}.vector, {usercluster}.embedding) IS 'euclidean distance of a vector and an embedding';

CREATE FUNCTION @extschema@.negative_inner_product({usercluster}.embedding, {pgvector}.vector) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_negative_inner_product';
COMMENT ON FUNCTION @extschema@.negative_inner_product({usercluster}.embedding, {pgvector}.vector) IS 'negative inner product of an embedding and a vector';
CREATE FUNCTION @extschema@.negative_inner_product({pgvector}.vector, {usercluster}.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_negative_inner_product';
COMMENT ON FUNCTION @extschema@.negative_inner_product({pgvector}.vector, {usercluster}.embedding) IS 'negative inner product of a vector and an embedding';
CREATE OPERATOR @extschema@.<#> (
	LEFTARG = {usercluster}.embedding, RIGHTARG = {pgvector}.vector, FUNCTION = @extschema@.negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> ({usercluster}.embedding, {pgvector}.vector) IS 'negative inner product of an embedding and a vector';
CREATE OPERATOR @extschema@.<#> (
	LEFTARG = {pgvector}.vector, RIGHTARG = {usercluster}.embedding, FUNCTION = @extschema@.negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> ({pgvector}.vector, {usercluster}.embedding) IS 'negative inner product of a vector and an embedding';

CREATE FUNCTION @extschema@.cosine_distance({usercluster}.embedding, {pgvector}.vector) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_cosine_distance';
COMMENT ON FUNCTION @extschema@.cosine_distance({usercluster}.embedding, {pgvector}.vector) IS 'cosine distance of an embedding and a vector';
CREATE FUNCTION @extschema@.cosine_distance({pgvector}.vector, {usercluster}.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_cosine_distance';
COMMENT ON FUNCTION @extschema@.cosine_distance({pgvector}.vector, {usercluster}.embedding) IS 'cosine distance of a vector and an embedding';
CREATE OPERATOR @extschema@.<=> (
	LEFTARG = {usercluster}.embedding, RIGHTARG = {pgvector}.vector, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> ({usercluster}.embedding, {pgvector}.vector) IS 'cosine distance of an embedding and a vector';
CREATE OPERATOR @extschema@.<=> (
	LEFTARG = {pgvector}.vector, RIGHTARG = {usercluster}.embedding, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> ({pgvector}.vector, {usercluster}.embedding) IS 'cosine distance of a vector and an embedding';

-- Operator classes: the operators are those of the type, what builds and walks the indexes is pgvector's own.

CREATE OPERATOR CLASS @extschema@.embedding_l2_ops FOR TYPE {usercluster}.embedding USING hnsw AS
	OPERATOR 1 {usercluster}.<-> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_l2_squared_distance({pgvector}.vector, {pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_l2_ops USING hnsw IS 'euclidean distance';

CREATE OPERATOR CLASS @extschema@.embedding_ip_ops FOR TYPE {usercluster}.embedding USING hnsw AS
	OPERATOR 1 {usercluster}.<#> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_negative_inner_product({pgvector}.vector, {pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_ip_ops USING hnsw IS 'inner product';

CREATE OPERATOR CLASS @extschema@.embedding_cosine_ops DEFAULT FOR TYPE {usercluster}.embedding USING hnsw AS
	OPERATOR 1 {usercluster}.<=> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_negative_inner_product({pgvector}.vector, {pgvector}.vector),
	FUNCTION 2 {pgvector}.vector_norm({pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_cosine_ops USING hnsw IS 'cosine distance';

CREATE OPERATOR CLASS @extschema@.embedding_l2_ops FOR TYPE {usercluster}.embedding USING ivfflat AS
	OPERATOR 1 {usercluster}.<-> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<-> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_l2_squared_distance({pgvector}.vector, {pgvector}.vector),
	FUNCTION 3 {pgvector}.l2_distance({pgvector}.vector, {pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_l2_ops USING ivfflat IS 'euclidean distance';

CREATE OPERATOR CLASS @extschema@.embedding_ip_ops FOR TYPE {usercluster}.embedding USING ivfflat AS
	OPERATOR 1 {usercluster}.<#> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<#> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_negative_inner_product({pgvector}.vector, {pgvector}.vector),
	FUNCTION 3 {pgvector}.vector_spherical_distance({pgvector}.vector, {pgvector}.vector),
	FUNCTION 4 {pgvector}.vector_norm({pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_ip_ops USING ivfflat IS 'inner product';

CREATE OPERATOR CLASS @extschema@.embedding_cosine_ops DEFAULT FOR TYPE {usercluster}.embedding USING ivfflat AS
	OPERATOR 1 {usercluster}.<=> ({usercluster}.embedding, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 1 @extschema@.<=> ({usercluster}.embedding, {pgvector}.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 {pgvector}.vector_negative_inner_product({pgvector}.vector, {pgvector}.vector),
	FUNCTION 2 {pgvector}.vector_norm({pgvector}.vector),
	FUNCTION 3 {pgvector}.vector_spherical_distance({pgvector}.vector, {pgvector}.vector),
	FUNCTION 4 {pgvector}.vector_norm({pgvector}.vector);
COMMENT ON OPERATOR CLASS @extschema@.embedding_cosine_ops USING ivfflat IS 'cosine distance';

-- A column of type vector with an index of pgvector's own is searched through it with an embedding, too.
ALTER OPERATOR FAMILY {pgvector}.vector_l2_ops USING hnsw
	ADD OPERATOR 1 @extschema@.<-> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;
ALTER OPERATOR FAMILY {pgvector}.vector_ip_ops USING hnsw
	ADD OPERATOR 1 @extschema@.<#> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;
ALTER OPERATOR FAMILY {pgvector}.vector_cosine_ops USING hnsw
	ADD OPERATOR 1 @extschema@.<=> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;
ALTER OPERATOR FAMILY {pgvector}.vector_l2_ops USING ivfflat
	ADD OPERATOR 1 @extschema@.<-> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;
ALTER OPERATOR FAMILY {pgvector}.vector_ip_ops USING ivfflat
	ADD OPERATOR 1 @extschema@.<#> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;
ALTER OPERATOR FAMILY {pgvector}.vector_cosine_ops USING ivfflat
	ADD OPERATOR 1 @extschema@.<=> ({pgvector}.vector, {usercluster}.embedding) FOR ORDER BY pg_catalog.float_ops;

$commands$;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_am WHERE amname = 'hnsw') THEN
		RAISE EXCEPTION 'usercluster_pgvector needs pgvector 0.5.0 or newer'
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = pg_catalog.format('The database has pgvector %s.', version),
				HINT = 'Run ALTER EXTENSION vector UPDATE, after installing a newer pgvector where that does not suffice.';
	END IF;
	EXECUTE pg_catalog.replace(pg_catalog.replace(commands, '{usercluster}', usercluster), '{pgvector}', pgvector);
END
$do$;
