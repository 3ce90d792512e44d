-- Pictures

CREATE FUNCTION usercluster.cluster_plot(
	query text, title text DEFAULT NULL, width integer DEFAULT 800, height integer DEFAULT 600, seed bigint DEFAULT 1,
	metric text DEFAULT 'cosine', preparation text DEFAULT 'auto', feature_weight double precision DEFAULT 1)
RETURNS text
AS 'MODULE_PATHNAME', 'usercluster_cluster_plot' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION usercluster.cluster_plot(text, text, integer, integer, bigint, text, text, double precision) IS
'A picture, as SVG, of the rows of a query: key, embedding and a column named cluster, whoever filled it. Vectors are
prepared as kmeans prepares them and projected on their first two principal components. Rows whose cluster is NULL are
drawn grey, as noise. Of more than 5000 rows as many are drawn, chosen by the seed; the axes and the centres are of all.';
