-- How good clusters are, and how many to ask for

CREATE FUNCTION usercluster.cluster_quality(
	query text, metric text DEFAULT 'cosine', sample integer DEFAULT NULL, seed bigint DEFAULT 1,
	preparation text DEFAULT 'none', feature_weight double precision DEFAULT 1,
	OUT clusters integer, OUT rows bigint, OUT skipped bigint, OUT inertia double precision, OUT silhouette double precision,
	OUT silhouette_error double precision, OUT simplified_silhouette double precision,
	OUT calinski_harabasz double precision, OUT davies_bouldin double precision)
AS 'MODULE_PATHNAME', 'usercluster_cluster_quality' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION usercluster.cluster_quality(text, text, integer, bigint, text, double precision) IS
'How good the clusters of the rows of a query are: key, embedding, a column named cluster and, if wanted, one named weight.
Rows without an embedding or a cluster are skipped. NULL where a figure is not defined: silhouettes and the like with one
cluster or with as many as rows, silhouette_error where every row was measured. Vectors are measured as they are; kmeans clusters prepared ones, which
preparation => ''auto'' measures.';

CREATE FUNCTION usercluster.silhouette(
	query text, metric text DEFAULT 'cosine', preparation text DEFAULT 'none', feature_weight double precision DEFAULT 1)
RETURNS TABLE (id bigint, cluster text, silhouette double precision)
AS 'MODULE_PATHNAME', 'usercluster_silhouette' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.silhouette(text, text, text, double precision) IS
'The silhouette of each row of a query (integer key, embedding, cluster): how much nearer it is to its own cluster than to
the next one, -1 to 1. Ordered by key. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.silhouette(
	query text, key anyelement, metric text DEFAULT 'cosine', preparation text DEFAULT 'none',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (id anyelement, cluster text, silhouette double precision)
AS 'MODULE_PATHNAME', 'usercluster_silhouette_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.silhouette(text, anyelement, text, text, double precision) IS
'The silhouette of each row of a query (key, embedding, cluster), with a key of any type that can be sorted, given as
key => NULL::uuid. The value of key is not used.';

CREATE FUNCTION usercluster.choose_k(
	query text, kmin integer DEFAULT 2, kmax integer DEFAULT 10, seed bigint DEFAULT 1, fits integer DEFAULT 5,
	sample integer DEFAULT NULL, metric text DEFAULT 'cosine', restarts integer DEFAULT 1,
	max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (k integer, inertia double precision, silhouette double precision, silhouette_error double precision,
	simplified_silhouette double precision, calinski_harabasz double precision, davies_bouldin double precision,
	stability double precision, recommended boolean, reason text)
AS 'MODULE_PATHNAME', 'usercluster_choose_k' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10;

COMMENT ON FUNCTION usercluster.choose_k(text, integer, integer, bigint, integer, integer, text, integer, integer,
										 double precision, text, double precision) IS
'Clusters the rows of a query (key, embedding) with every k from kmin to kmax and measures each: one row per k, the
recommended one marked, with the reason. It has the highest silhouette of those whose fits from several seeds agree
(stability of at least 0.6). Vectors are prepared, and measured, as kmeans prepares them.';

CREATE FUNCTION usercluster.stability(
	query text, k integer, seed bigint DEFAULT 1, fits integer DEFAULT 5, metric text DEFAULT 'cosine',
	restarts integer DEFAULT 1, max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4,
	preparation text DEFAULT 'auto', feature_weight double precision DEFAULT 1)
RETURNS double precision
AS 'MODULE_PATHNAME', 'usercluster_stability' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION usercluster.stability(text, integer, bigint, integer, text, integer, integer, double precision, text,
										  double precision) IS
'How far k-means fits from several seeds agree over the rows of a query (key, embedding): the mean adjusted Rand index of
all pairs of fits, 1 where the seed does not matter.';
