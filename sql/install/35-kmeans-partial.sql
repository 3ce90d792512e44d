-- k-means step by step, over data that exceeds memory or one machine. Centroids are a real[] and the metric an enum, because
-- postgres_fdw sends neither arrays of an extension's type nor strings that a function could compare by their collation.

CREATE TYPE usercluster.metric AS ENUM ('cosine', 'euclidean');
COMMENT ON TYPE usercluster.metric IS 'how far two embeddings are from each other: 1 - cosine, or the euclidean distance';

CREATE FUNCTION usercluster.centroid_matrix(centroids @extschema@.embedding[]) RETURNS real[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'usercluster_centroid_matrix';
COMMENT ON FUNCTION usercluster.centroid_matrix(@extschema@.embedding[]) IS
'centroids as a matrix of a row each';

CREATE CAST (@extschema@.embedding[] AS real[]) WITH FUNCTION usercluster.centroid_matrix(@extschema@.embedding[]) AS IMPLICIT;
COMMENT ON CAST (@extschema@.embedding[] AS real[]) IS 'embeddings of one dimension as a matrix of a row each';

CREATE FUNCTION usercluster.nearest(
	embedding @extschema@.embedding, centroids real[], metric usercluster.metric DEFAULT 'cosine',
	OUT cluster integer, OUT distance double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'usercluster_nearest';
COMMENT ON FUNCTION usercluster.nearest(@extschema@.embedding, real[], usercluster.metric) IS
'the nearest of the given centroids, counted from 1 (the first among equals), and the distance to it: 1 - cosine, or euclidean';

CREATE FUNCTION usercluster.kmeans_accumulate(double precision[], @extschema@.embedding, real[], usercluster.metric)
RETURNS double precision[]
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'usercluster_kmeans_accumulate';
COMMENT ON FUNCTION usercluster.kmeans_accumulate(double precision[], @extschema@.embedding, real[], usercluster.metric) IS
'adds one embedding to a state of kmeans_partial';

CREATE FUNCTION usercluster.kmeans_accumulate(
	double precision[], @extschema@.embedding, real[], usercluster.metric, double precision)
RETURNS double precision[]
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'usercluster_kmeans_accumulate';
COMMENT ON FUNCTION usercluster.kmeans_accumulate(
	double precision[], @extschema@.embedding, real[], usercluster.metric, double precision) IS
'adds one embedding with a weight to a state of kmeans_partial';

CREATE FUNCTION usercluster.kmeans_add(double precision[], double precision[])
RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'usercluster_kmeans_add';
COMMENT ON FUNCTION usercluster.kmeans_add(double precision[], double precision[]) IS
'adds two states of kmeans_partial over the same centroids';

CREATE AGGREGATE usercluster.kmeans_partial(
	embedding @extschema@.embedding, centroids real[], metric usercluster.metric) (
	SFUNC = usercluster.kmeans_accumulate,
	STYPE = double precision[],
	COMBINEFUNC = usercluster.kmeans_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE usercluster.kmeans_partial(@extschema@.embedding, real[], usercluster.metric) IS
'the sums of the embeddings by their nearest centroid, for kmeans_merge and kmeans_step; NULL embeddings are passed over. The centroids are a matrix, a row each, which an array of embeddings becomes by itself: a type of the server, so that postgres_fdw can send it';

CREATE AGGREGATE usercluster.kmeans_partial(
	embedding @extschema@.embedding, centroids real[], metric usercluster.metric, weight double precision) (
	SFUNC = usercluster.kmeans_accumulate,
	STYPE = double precision[],
	COMBINEFUNC = usercluster.kmeans_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE usercluster.kmeans_partial(
	@extschema@.embedding, real[], usercluster.metric, double precision) IS
'the same with a weight for each row';

CREATE AGGREGATE usercluster.kmeans_merge(state double precision[]) (
	SFUNC = usercluster.kmeans_add,
	STYPE = double precision[],
	COMBINEFUNC = usercluster.kmeans_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE usercluster.kmeans_merge(double precision[]) IS
'adds states of kmeans_partial, such as those of several servers; all must be over the same centroids';

CREATE FUNCTION usercluster.kmeans_step(
	state double precision[], centroids real[], metric usercluster.metric,
	OUT centroids @extschema@.embedding[], OUT sizes bigint[], OUT inertia double precision, OUT shift double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'usercluster_kmeans_step';
COMMENT ON FUNCTION usercluster.kmeans_step(double precision[], real[], usercluster.metric) IS
'where the centroids go after the rows of a state: the means of their rows (a centroid without rows stays); beside them the rows of each cluster, the inertia before the move, and the sum of the squared shifts';
