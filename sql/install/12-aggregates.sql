-- sum and means over embeddings. The state is float8[]: the total weight, then sums in double precision.

CREATE FUNCTION @extschema@.embedding_accumulate(double precision[], @extschema@.embedding) RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_accumulate';
COMMENT ON FUNCTION @extschema@.embedding_accumulate(double precision[], @extschema@.embedding) IS 'adds one embedding to a state';

CREATE FUNCTION @extschema@.embedding_accumulate(double precision[], @extschema@.embedding, double precision)
RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_accumulate';
COMMENT ON FUNCTION @extschema@.embedding_accumulate(double precision[], @extschema@.embedding, double precision) IS
'adds one embedding with a weight to a state';

CREATE FUNCTION @extschema@.embedding_combine(double precision[], double precision[]) RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_combine';
COMMENT ON FUNCTION @extschema@.embedding_combine(double precision[], double precision[]) IS 'adds two states';

CREATE FUNCTION @extschema@.embedding_sum_final(double precision[]) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_sum_final';
COMMENT ON FUNCTION @extschema@.embedding_sum_final(double precision[]) IS 'sum of a state; NULL of an empty one';

CREATE FUNCTION @extschema@.embedding_avg_final(double precision[]) RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'usercluster_avg_final';
COMMENT ON FUNCTION @extschema@.embedding_avg_final(double precision[]) IS 'mean of a state; NULL of an empty one';

CREATE AGGREGATE @extschema@.sum(@extschema@.embedding) (
	SFUNC = @extschema@.embedding_accumulate,
	STYPE = double precision[],
	INITCOND = '{0}',
	COMBINEFUNC = @extschema@.embedding_combine,
	FINALFUNC = @extschema@.embedding_sum_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.sum(@extschema@.embedding) IS 'sum of embeddings of one dimension; NULLs are passed over, NULL where there is none';

CREATE AGGREGATE @extschema@.avg(@extschema@.embedding) (
	SFUNC = @extschema@.embedding_accumulate,
	STYPE = double precision[],
	INITCOND = '{0}',
	COMBINEFUNC = @extschema@.embedding_combine,
	FINALFUNC = @extschema@.embedding_avg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.avg(@extschema@.embedding) IS 'mean of embeddings of one dimension; NULLs are passed over, NULL where there is none';


CREATE AGGREGATE @extschema@.weighted_avg(embedding @extschema@.embedding, weight double precision) (
	SFUNC = @extschema@.embedding_accumulate,
	STYPE = double precision[],
	INITCOND = '{0}',
	COMBINEFUNC = @extschema@.embedding_combine,
	FINALFUNC = @extschema@.embedding_avg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.weighted_avg(@extschema@.embedding, double precision) IS
'mean of embeddings of one dimension, each counted by its weight, a finite number of at least 0; rows with a NULL are passed over, NULL where there is none or no weight';

CREATE FUNCTION usercluster.recency_weight(at timestamptz, half_life interval, as_of timestamptz DEFAULT now())
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_recency_weight';
COMMENT ON FUNCTION usercluster.recency_weight(timestamptz, interval, timestamptz) IS
'how much a text of this time counts: 1 as of that moment and later, half as much for every half_life that it is older; a month is 30 days';
