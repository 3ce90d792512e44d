-- Density clustering over a query

CREATE FUNCTION usercluster.hdbscan(
	query text, min_cluster_size integer DEFAULT 5, min_samples integer DEFAULT NULL, metric text DEFAULT 'cosine',
	selection text DEFAULT 'eom', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (id bigint, cluster integer, membership double precision)
AS 'MODULE_PATHNAME', 'usercluster_hdbscan' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.hdbscan(text, integer, integer, text, text, text, double precision) IS
'Finds dense regions of at least min_cluster_size rows among the rows of a query (integer key, embedding), without a number of
clusters to be given. Clusters are numbered from 1 by falling size; cluster is NULL for rows in no dense region. membership,
0 to 1, says how deep in its cluster a row lies. min_samples, as many as min_cluster_size by default, makes more rows noise
when raised. selection is eom (excess of mass) or leaf, which prefers small clusters.
preparation and feature_weight are those of kmeans, with columns language and features. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.hdbscan(
	query text, key anyelement, min_cluster_size integer DEFAULT 5, min_samples integer DEFAULT NULL,
	metric text DEFAULT 'cosine', selection text DEFAULT 'eom', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (id anyelement, cluster integer, membership double precision)
AS 'MODULE_PATHNAME', 'usercluster_hdbscan_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.hdbscan(text, anyelement, integer, integer, text, text, text, double precision) IS
'hdbscan with a key of any type that can be sorted, given as key => NULL::uuid. The value of key is not used.';
