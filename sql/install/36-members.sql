-- Which rows speak for their clusters, and which might as well be in another

CREATE FUNCTION usercluster.typical_members(
	query text, n integer DEFAULT 3, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (cluster text, rank integer, id bigint, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_typical_members' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 30;

COMMENT ON FUNCTION usercluster.typical_members(text, integer, text, text, double precision) IS
'The members of each cluster that speak for it: near its centroid and unlike each other, best first, from the rows of a query
(integer key, embedding, cluster; weight, language and features where there are any). Identical embeddings count as one. Up to n of each
cluster. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.typical_members(
	query text, key anyelement, n integer DEFAULT 3, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (cluster text, rank integer, id anyelement, distance double precision)
AS 'MODULE_PATHNAME', 'usercluster_typical_members_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 30;

COMMENT ON FUNCTION usercluster.typical_members(text, anyelement, integer, text, text, double precision) IS
'The members of each cluster that speak for it: near its centroid and unlike each other, best first, from the rows of a query
(a key of any type, given as key => NULL::uuid, embedding, cluster; weight, language and features where there are any). Identical embeddings count as one. Up to n of each
cluster.';

CREATE FUNCTION usercluster.border_members(
	query text, n integer DEFAULT 3, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (cluster text, rank integer, id bigint, distance double precision, next_cluster text, margin double precision)
AS 'MODULE_PATHNAME', 'usercluster_border_members' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 30;

COMMENT ON FUNCTION usercluster.border_members(text, integer, text, text, double precision) IS
'The members of each cluster that might as well be in another: those for which the centroid of next_cluster is at most margin further
away than their own, smallest margin first (negative where it is nearer), from the rows of a query (integer key, embedding, cluster; weight,
language and features where there are any). Up to n of each cluster; none where there is one cluster alone. For other keys pass key => NULL::type.';

CREATE FUNCTION usercluster.border_members(
	query text, key anyelement, n integer DEFAULT 3, metric text DEFAULT 'cosine', preparation text DEFAULT 'auto',
	feature_weight double precision DEFAULT 1)
RETURNS TABLE (cluster text, rank integer, id anyelement, distance double precision, next_cluster text, margin double precision)
AS 'MODULE_PATHNAME', 'usercluster_border_members_keyed' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 30;

COMMENT ON FUNCTION usercluster.border_members(text, anyelement, integer, text, text, double precision) IS
'The members of each cluster that might as well be in another: those for which the centroid of next_cluster is at most margin further
away than their own, smallest margin first (negative where it is nearer), from the rows of a query (a key of any type, given as key => NULL::uuid, embedding, cluster; weight,
language and features where there are any). Up to n of each cluster; none where there is one cluster alone.';
