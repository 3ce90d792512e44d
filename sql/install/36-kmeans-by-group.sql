-- k-means within each group of a query's rows

CREATE FUNCTION usercluster.kmeans_by_group(
	query text, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (group_key text, id bigint, cluster integer, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_kmeans_by_group' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.kmeans_by_group(text, integer, bigint, integer, integer, double precision, text, text,
												double precision) IS
'Clusters the rows of each group of a query (integer key, embedding, group_key) by themselves: clusters are numbered from 1 in
every group. Ordered by group_key and key. A group with fewer than k distinct embeddings gets fewer clusters. Rows whose
group_key is NULL are a group. Each group is prepared by itself. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.kmeans_by_group(
	query text, k integer, key anyelement, seed bigint DEFAULT 1, restarts integer DEFAULT 10,
	max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine',
	preparation text DEFAULT 'auto', feature_weight double precision DEFAULT 1)
RETURNS TABLE (group_key text, id anyelement, cluster integer, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_kmeans_by_group_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.kmeans_by_group(text, integer, anyelement, bigint, integer, integer, double precision, text, text,
												double precision) IS
'Clusters the rows of each group of a query (key, embedding, group_key), with a key of any type that can be sorted, given as
key => NULL::uuid. The value of key is not used.';

CREATE FUNCTION usercluster.kmeans_centroids_by_group(
	query text, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (group_key text, cluster integer, size bigint, inertia double precision, centroid @extschema@.embedding)
AS 'MODULE_PATHNAME', 'usercluster_kmeans_centroids_by_group' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;

COMMENT ON FUNCTION usercluster.kmeans_centroids_by_group(text, integer, bigint, integer, integer, double precision, text, text,
														  double precision) IS
'The clusters that kmeans_by_group finds for the same arguments, with a key of any type: group, number, rows, sum of 1 - cosine
or of squared euclidean distances, and centroid: the mean of its embeddings as they were, of length 1 with the cosine metric.';
