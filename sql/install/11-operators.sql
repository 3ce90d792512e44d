-- Operators of the type, and what makes it sortable, groupable and indexable.

CREATE FUNCTION @extschema@.l2_distance(@extschema@.embedding, @extschema@.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_l2_distance';
COMMENT ON FUNCTION @extschema@.l2_distance(@extschema@.embedding, @extschema@.embedding) IS 'euclidean distance';

CREATE FUNCTION @extschema@.cosine_distance(@extschema@.embedding, @extschema@.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_cosine_distance';
COMMENT ON FUNCTION @extschema@.cosine_distance(@extschema@.embedding, @extschema@.embedding) IS '1 - cosine similarity, 0 to 2; refused for zero norm';

CREATE FUNCTION @extschema@.inner_product(@extschema@.embedding, @extschema@.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_inner_product';
COMMENT ON FUNCTION @extschema@.inner_product(@extschema@.embedding, @extschema@.embedding) IS 'inner product';

CREATE FUNCTION @extschema@.negative_inner_product(@extschema@.embedding, @extschema@.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_negative_inner_product';
COMMENT ON FUNCTION @extschema@.negative_inner_product(@extschema@.embedding, @extschema@.embedding) IS 'inner product times -1, so that nearest comes first';

CREATE FUNCTION @extschema@.embedding_add(@extschema@.embedding, @extschema@.embedding) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_add';
COMMENT ON FUNCTION @extschema@.embedding_add(@extschema@.embedding, @extschema@.embedding) IS 'sum of components';

CREATE FUNCTION @extschema@.embedding_subtract(@extschema@.embedding, @extschema@.embedding) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_subtract';
COMMENT ON FUNCTION @extschema@.embedding_subtract(@extschema@.embedding, @extschema@.embedding) IS 'difference of components';

CREATE FUNCTION @extschema@.embedding_multiply(@extschema@.embedding, double precision) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_scale';
COMMENT ON FUNCTION @extschema@.embedding_multiply(@extschema@.embedding, double precision) IS 'every component times a number';

CREATE FUNCTION @extschema@.embedding_multiply(double precision, @extschema@.embedding) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_scale_embedding';
COMMENT ON FUNCTION @extschema@.embedding_multiply(double precision, @extschema@.embedding) IS 'every component times a number';

CREATE OPERATOR @extschema@.<-> (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> (@extschema@.embedding, @extschema@.embedding) IS 'euclidean distance';

CREATE OPERATOR @extschema@.<=> (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> (@extschema@.embedding, @extschema@.embedding) IS 'cosine distance, 1 - cosine';

CREATE OPERATOR @extschema@.<#> (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> (@extschema@.embedding, @extschema@.embedding) IS 'negative inner product';

CREATE OPERATOR @extschema@.+ (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_add,
	COMMUTATOR = OPERATOR(@extschema@.+)
);
COMMENT ON OPERATOR @extschema@.+ (@extschema@.embedding, @extschema@.embedding) IS 'sum';

CREATE OPERATOR @extschema@.- (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_subtract
);
COMMENT ON OPERATOR @extschema@.- (@extschema@.embedding, @extschema@.embedding) IS 'difference';

CREATE OPERATOR @extschema@.* (
	LEFTARG = @extschema@.embedding, RIGHTARG = double precision, FUNCTION = @extschema@.embedding_multiply,
	COMMUTATOR = OPERATOR(@extschema@.*)
);
COMMENT ON OPERATOR @extschema@.* (@extschema@.embedding, double precision) IS 'multiple';

CREATE OPERATOR @extschema@.* (
	LEFTARG = double precision, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_multiply,
	COMMUTATOR = OPERATOR(@extschema@.*)
);
COMMENT ON OPERATOR @extschema@.* (double precision, @extschema@.embedding) IS 'multiple';

CREATE FUNCTION @extschema@.embedding_lt(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_lt';
COMMENT ON FUNCTION @extschema@.embedding_lt(@extschema@.embedding, @extschema@.embedding) IS 'less than, component by component';

CREATE FUNCTION @extschema@.embedding_le(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_le';
COMMENT ON FUNCTION @extschema@.embedding_le(@extschema@.embedding, @extschema@.embedding) IS 'less than or equal, component by component';

CREATE FUNCTION @extschema@.embedding_eq(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_eq';
COMMENT ON FUNCTION @extschema@.embedding_eq(@extschema@.embedding, @extschema@.embedding) IS 'equal, component by component';

CREATE FUNCTION @extschema@.embedding_ne(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_ne';
COMMENT ON FUNCTION @extschema@.embedding_ne(@extschema@.embedding, @extschema@.embedding) IS 'not equal, component by component';

CREATE FUNCTION @extschema@.embedding_ge(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_ge';
COMMENT ON FUNCTION @extschema@.embedding_ge(@extschema@.embedding, @extschema@.embedding) IS 'greater than or equal, component by component';

CREATE FUNCTION @extschema@.embedding_gt(@extschema@.embedding, @extschema@.embedding) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_gt';
COMMENT ON FUNCTION @extschema@.embedding_gt(@extschema@.embedding, @extschema@.embedding) IS 'greater than, component by component';

CREATE FUNCTION @extschema@.embedding_cmp(@extschema@.embedding, @extschema@.embedding) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_cmp';
COMMENT ON FUNCTION @extschema@.embedding_cmp(@extschema@.embedding, @extschema@.embedding) IS '-1, 0 or 1: order component by component, then the shorter first';

CREATE FUNCTION @extschema@.embedding_hash(@extschema@.embedding) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_hash';
COMMENT ON FUNCTION @extschema@.embedding_hash(@extschema@.embedding) IS 'hash; equal embeddings have equal hashes';

CREATE FUNCTION @extschema@.embedding_hash_extended(@extschema@.embedding, bigint) RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_hash_extended';
COMMENT ON FUNCTION @extschema@.embedding_hash_extended(@extschema@.embedding, bigint) IS 'hash with a seed';

CREATE OPERATOR @extschema@.< (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_lt,
	COMMUTATOR = OPERATOR(@extschema@.>), NEGATOR = OPERATOR(@extschema@.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR @extschema@.< (@extschema@.embedding, @extschema@.embedding) IS 'less than';

CREATE OPERATOR @extschema@.<= (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_le,
	COMMUTATOR = OPERATOR(@extschema@.>=), NEGATOR = OPERATOR(@extschema@.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR @extschema@.<= (@extschema@.embedding, @extschema@.embedding) IS 'less than or equal';

CREATE OPERATOR @extschema@.= (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_eq,
	COMMUTATOR = OPERATOR(@extschema@.=), NEGATOR = OPERATOR(@extschema@.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR @extschema@.= (@extschema@.embedding, @extschema@.embedding) IS 'equal';

CREATE OPERATOR @extschema@.<> (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_ne,
	COMMUTATOR = OPERATOR(@extschema@.<>), NEGATOR = OPERATOR(@extschema@.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR @extschema@.<> (@extschema@.embedding, @extschema@.embedding) IS 'not equal';

CREATE OPERATOR @extschema@.>= (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_ge,
	COMMUTATOR = OPERATOR(@extschema@.<=), NEGATOR = OPERATOR(@extschema@.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR @extschema@.>= (@extschema@.embedding, @extschema@.embedding) IS 'greater than or equal';

CREATE OPERATOR @extschema@.> (
	LEFTARG = @extschema@.embedding, RIGHTARG = @extschema@.embedding, FUNCTION = @extschema@.embedding_gt,
	COMMUTATOR = OPERATOR(@extschema@.<), NEGATOR = OPERATOR(@extschema@.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR @extschema@.> (@extschema@.embedding, @extschema@.embedding) IS 'greater than';

CREATE OPERATOR CLASS @extschema@.embedding_ops DEFAULT FOR TYPE @extschema@.embedding USING btree AS
	OPERATOR 1 @extschema@.<, OPERATOR 2 @extschema@.<=, OPERATOR 3 @extschema@.=, OPERATOR 4 @extschema@.>=, OPERATOR 5 @extschema@.>,
	FUNCTION 1 @extschema@.embedding_cmp(@extschema@.embedding, @extschema@.embedding);
COMMENT ON OPERATOR CLASS @extschema@.embedding_ops USING btree IS 'order component by component';

CREATE OPERATOR CLASS @extschema@.embedding_hash_ops DEFAULT FOR TYPE @extschema@.embedding USING hash AS
	OPERATOR 1 @extschema@.=,
	FUNCTION 1 @extschema@.embedding_hash(@extschema@.embedding),
	FUNCTION 2 @extschema@.embedding_hash_extended(@extschema@.embedding, bigint);
COMMENT ON OPERATOR CLASS @extschema@.embedding_hash_ops USING hash IS 'equality of embeddings';

