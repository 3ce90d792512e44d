-- Hierarchical clustering over a query: clusters of a cut, and the tree

CREATE FUNCTION usercluster.hierarchical(
	query text, k integer DEFAULT NULL, height double precision DEFAULT NULL, method text DEFAULT 'ward',
	metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (id bigint, cluster integer)
AS 'MODULE_PATHNAME', 'usercluster_hierarchical' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.hierarchical(text, integer, double precision, text, text, text, double precision) IS
'Joins the rows of a query (integer key, embedding; weight, language and features where
there are any) step by step and cuts the tree into k clusters,
or at a height; numbered from 1 by falling size. method is ward, average, complete, single or weighted; metric is cosine or
euclidean, and Ward with cosine measures euclidean distances between rows of length 1. One row for each row with an
embedding, ordered by key. Rows beyond usercluster.max_memory are gathered into micro-clusters first, with a notice.
preparation and feature_weight are those of kmeans. For
other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.hierarchical(
	query text, key anyelement, k integer DEFAULT NULL, height double precision DEFAULT NULL, method text DEFAULT 'ward',
	metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (id anyelement, cluster integer)
AS 'MODULE_PATHNAME', 'usercluster_hierarchical_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.hierarchical(text, anyelement, integer, double precision, text, text, text,
										 double precision) IS
'hierarchical with a key of any type that can be sorted, given as key => NULL::uuid. The value of key is not used.';

CREATE FUNCTION usercluster.linkage(
	query text, method text DEFAULT 'ward', metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (step integer, left_node integer, right_node integer, height double precision, size bigint)
AS 'MODULE_PATHNAME', 'usercluster_linkage' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;

COMMENT ON FUNCTION usercluster.linkage(text, text, text, text, double precision) IS
'The tree that hierarchical cuts, one row per step by rising height. The n rows with an embedding are nodes 1 to n in the order
of their keys, and step s makes node n + s: these numbers are one above those in the linkage matrix of SciPy. size counts the
rows in the new node.';
