-- The type embedding, its casts and functions.

CREATE TYPE @extschema@.embedding;

CREATE FUNCTION @extschema@.embedding_in(cstring, oid, integer) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_in';
COMMENT ON FUNCTION @extschema@.embedding_in(cstring, oid, integer) IS 'text input of embedding: [x,y,...]';

CREATE FUNCTION @extschema@.embedding_out(@extschema@.embedding) RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_out';
COMMENT ON FUNCTION @extschema@.embedding_out(@extschema@.embedding) IS 'text output of embedding';

CREATE FUNCTION @extschema@.embedding_recv(internal, oid, integer) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_recv';
COMMENT ON FUNCTION @extschema@.embedding_recv(internal, oid, integer) IS 'binary input of embedding: int16 dimensions, int16 zero, float4 components';

CREATE FUNCTION @extschema@.embedding_send(@extschema@.embedding) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_send';
COMMENT ON FUNCTION @extschema@.embedding_send(@extschema@.embedding) IS 'binary output of embedding';

CREATE FUNCTION @extschema@.embedding_typmod_in(cstring[]) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_typmod_in';
COMMENT ON FUNCTION @extschema@.embedding_typmod_in(cstring[]) IS 'modifier of embedding: its dimensions, 1 to 16000';

CREATE TYPE @extschema@.embedding (
	INPUT = @extschema@.embedding_in,
	OUTPUT = @extschema@.embedding_out,
	RECEIVE = @extschema@.embedding_recv,
	SEND = @extschema@.embedding_send,
	TYPMOD_IN = @extschema@.embedding_typmod_in,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = external
);
COMMENT ON TYPE @extschema@.embedding IS 'vector of 1 to 16,000 float4 components, all finite; same binary layout as pgvector''s vector';

CREATE FUNCTION @extschema@.embedding(@extschema@.embedding, integer, boolean) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_coerce';
COMMENT ON FUNCTION @extschema@.embedding(@extschema@.embedding, integer, boolean) IS 'checks the dimensions of embedding(n)';

CREATE FUNCTION @extschema@.embedding(real[], integer, boolean) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_float4_array_to_embedding';
COMMENT ON FUNCTION @extschema@.embedding(real[], integer, boolean) IS 'embedding from a one-dimensional array without nulls';

CREATE FUNCTION @extschema@.embedding(double precision[], integer, boolean) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_float8_array_to_embedding';
COMMENT ON FUNCTION @extschema@.embedding(double precision[], integer, boolean) IS 'embedding from a one-dimensional array without nulls; components are rounded to float4';

CREATE FUNCTION @extschema@.float4_array(@extschema@.embedding, integer, boolean) RETURNS real[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_to_float4_array';
COMMENT ON FUNCTION @extschema@.float4_array(@extschema@.embedding, integer, boolean) IS 'components of an embedding';

CREATE FUNCTION @extschema@.float8_array(@extschema@.embedding, integer, boolean) RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_embedding_to_float8_array';
COMMENT ON FUNCTION @extschema@.float8_array(@extschema@.embedding, integer, boolean) IS 'components of an embedding';

CREATE CAST (@extschema@.embedding AS @extschema@.embedding) WITH FUNCTION @extschema@.embedding(@extschema@.embedding, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.embedding AS @extschema@.embedding) IS 'embedding to embedding';

CREATE CAST (real[] AS @extschema@.embedding) WITH FUNCTION @extschema@.embedding(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS @extschema@.embedding) IS 'real[] to embedding';

CREATE CAST (double precision[] AS @extschema@.embedding) WITH FUNCTION @extschema@.embedding(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS @extschema@.embedding) IS 'double precision[] to embedding';

CREATE CAST (@extschema@.embedding AS real[]) WITH FUNCTION @extschema@.float4_array(@extschema@.embedding, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.embedding AS real[]) IS 'embedding to real[]';

CREATE CAST (@extschema@.embedding AS double precision[]) WITH FUNCTION @extschema@.float8_array(@extschema@.embedding, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.embedding AS double precision[]) IS 'embedding to double precision[]';

CREATE FUNCTION @extschema@.dims(@extschema@.embedding) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_dims';
COMMENT ON FUNCTION @extschema@.dims(@extschema@.embedding) IS 'number of dimensions';

CREATE FUNCTION @extschema@.norm(@extschema@.embedding) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_norm';
COMMENT ON FUNCTION @extschema@.norm(@extschema@.embedding) IS 'euclidean length';

CREATE FUNCTION @extschema@.l2_normalize(@extschema@.embedding) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_l2_normalize';
COMMENT ON FUNCTION @extschema@.l2_normalize(@extschema@.embedding) IS 'the embedding scaled to length 1; refused for zero norm';

