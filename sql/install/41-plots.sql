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

CREATE FUNCTION usercluster.linkage_plot(
	query text, k integer DEFAULT NULL, cut_height double precision DEFAULT NULL, method text DEFAULT 'ward',
	metric text DEFAULT 'cosine', preparation text DEFAULT 'auto', feature_weight double precision DEFAULT 1,
	leaves integer DEFAULT NULL, title text DEFAULT NULL, width integer DEFAULT 800, height integer DEFAULT 600)
RETURNS text
AS 'MODULE_PATHNAME', 'usercluster_linkage_plot' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;

COMMENT ON FUNCTION usercluster.linkage_plot(text, integer, double precision, text, text, text, double precision, integer,
											 text, integer, integer) IS
'A picture, as SVG, of the tree that hierarchical cuts: root on the left, leaves on the right, labelled by a column named text
or else by the key; clusters of k, or of cut_height, in colour, numbered as hierarchical numbers them. Of trees with more
leaves than there is room for, or more than wanted, the last merges are drawn; a leaf of several rows is a triangle with the commonest
of their texts. width and height are the picture''s, in pixels.';

CREATE FUNCTION usercluster.choose_k_plot(
	query text, kmin integer DEFAULT 2, kmax integer DEFAULT 10, seed bigint DEFAULT 1, fits integer DEFAULT 5,
	sample integer DEFAULT NULL, metric text DEFAULT 'cosine', restarts integer DEFAULT 1,
	max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4, preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1, title text DEFAULT NULL, width integer DEFAULT 800,
	height integer DEFAULT 600)
RETURNS text
AS 'MODULE_PATHNAME', 'usercluster_choose_k_plot' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION usercluster.choose_k_plot(text, integer, integer, bigint, integer, integer, text, integer, integer,
											  double precision, text, double precision, text, integer, integer) IS
'A picture, as SVG, of what choose_k says with the same arguments: silhouette, stability and inertia over k, the recommended k
marked and its reason below. Hollow marks are of numbers of clusters whose stability is below 0.6; bars are two standard errors
of a sampled silhouette.';
