-- k-means over a query, and as a window function

CREATE FUNCTION usercluster.kmeans(
	query text, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine', init text DEFAULT 'auto',
	centroids @extschema@.embedding[] DEFAULT NULL, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1, route text DEFAULT 'auto', min_size integer DEFAULT NULL,
	batch_rows integer DEFAULT NULL)
RETURNS TABLE (id bigint, cluster integer, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_kmeans' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.kmeans(text, integer, bigint, integer, integer, double precision, text, text,
									   @extschema@.embedding[], text, double precision, text, integer, integer) IS
'Clusters the rows of a query (integer key, embedding) into k clusters, numbered from 1 by falling size. One row for each
row with an embedding, ordered by key; distance to the own centroid is 1 - cosine, or euclidean, after the preparation. The
query may have columns weight (how much a row counts), language (whose mean the preparation subtracts) and features (an array of numbers that counts as much
as feature_weight says). route => ''query'' keeps no row in memory and runs the query once per iteration; by default that
is done where the rows need more than usercluster.max_memory. min_size is the least number of rows of a cluster; batch_rows
asks for mini-batches of so many rows. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.kmeans(
	query text, k integer, key anyelement, seed bigint DEFAULT 1, restarts integer DEFAULT 10,
	max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine',
	init text DEFAULT 'auto', centroids @extschema@.embedding[] DEFAULT NULL, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1, route text DEFAULT 'auto', min_size integer DEFAULT NULL,
	batch_rows integer DEFAULT NULL)
RETURNS TABLE (id anyelement, cluster integer, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_kmeans_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.kmeans(text, integer, anyelement, bigint, integer, integer, double precision, text, text,
									   @extschema@.embedding[], text, double precision, text, integer, integer) IS
'Clusters the rows of a query (key, embedding) into k clusters, with a key of any type that can be sorted, given as
key => NULL::uuid. The value of key is not used.';

CREATE FUNCTION usercluster.kmeans_centroids(
	query text, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine', init text DEFAULT 'auto',
	centroids @extschema@.embedding[] DEFAULT NULL, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1, route text DEFAULT 'auto', min_size integer DEFAULT NULL,
	batch_rows integer DEFAULT NULL)
RETURNS TABLE (cluster integer, size bigint, inertia double precision, centroid @extschema@.embedding)
AS 'MODULE_PATHNAME', 'usercluster_kmeans_centroids' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION usercluster.kmeans_centroids(text, integer, bigint, integer, integer, double precision, text, text,
												 @extschema@.embedding[], text, double precision, text, integer, integer) IS
'The clusters that kmeans finds for the same arguments, with a key of any type: number, rows, sum of 1 - cosine or of squared
euclidean distances, and centroid: the mean of its embeddings as they were, of length 1 with the cosine metric.';

CREATE FUNCTION usercluster.kmeans_fit(
	query text, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, metric text DEFAULT 'cosine', init text DEFAULT 'auto',
	centroids @extschema@.embedding[] DEFAULT NULL, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1, route text DEFAULT 'auto', min_size integer DEFAULT NULL,
	batch_rows integer DEFAULT NULL,
	OUT centroids @extschema@.embedding[], OUT sizes bigint[], OUT inertia double precision, OUT iterations integer,
	OUT converged boolean, OUT seed bigint, OUT rows bigint, OUT skipped bigint,
	OUT preparation usercluster.preparation, OUT prepared_centroids @extschema@.embedding[])
AS 'MODULE_PATHNAME', 'usercluster_kmeans_fit' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION usercluster.kmeans_fit(text, integer, bigint, integer, integer, double precision, text, text,
										   @extschema@.embedding[], text, double precision, text, integer, integer) IS
'A summary of the fit that kmeans makes for the same arguments, with a key of any type: centroids and their sizes by falling
size, the sum of 1 - cosine or of squared euclidean distances, iterations of the best restart, whether it converged, the
seed, rows clustered and rows skipped because they had no embedding; the preparation, and the centroids as it changes them,
for nearest(prepare(embedding, preparation, language), prepared_centroids).';

CREATE FUNCTION usercluster.kmeans_cluster(
	embedding @extschema@.embedding, k integer, seed bigint DEFAULT 1, restarts integer DEFAULT 10,
	metric text DEFAULT 'cosine', preparation text DEFAULT 'auto')
RETURNS integer
AS 'MODULE_PATHNAME', 'usercluster_kmeans_cluster' LANGUAGE C WINDOW IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION usercluster.kmeans_cluster(@extschema@.embedding, integer, bigint, integer, text, text) IS
'Window function: the cluster of the row among the rows of its partition, 1 to k by falling size. NULL for a NULL embedding. A
partition with fewer than k distinct embeddings gets fewer clusters and one notice. Arguments other than the embedding are
taken from the first row of each partition, which is prepared by itself.';
