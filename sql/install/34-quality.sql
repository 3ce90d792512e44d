-- How good clusters are, and how many to ask for

CREATE FUNCTION usercluster.choose_k(
	query text, kmin integer DEFAULT 2, kmax integer DEFAULT 10, seed bigint DEFAULT 1, fits integer DEFAULT 5,
	sample integer DEFAULT NULL, metric text DEFAULT 'cosine', restarts integer DEFAULT 1,
	max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4)
RETURNS TABLE (k integer, inertia double precision, silhouette double precision, silhouette_error double precision,
	simplified_silhouette double precision, calinski_harabasz double precision, davies_bouldin double precision,
	stability double precision, recommended boolean, reason text)
AS 'MODULE_PATHNAME', 'usercluster_choose_k' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10;

COMMENT ON FUNCTION usercluster.choose_k(text, integer, integer, bigint, integer, integer, text, integer, integer,
										 double precision) IS
'Clusters the rows of a query (key, embedding) with every k from kmin to kmax and measures each: one row per k, the
recommended one marked, with the reason. It has the highest silhouette of those whose fits from several seeds agree
(stability of at least 0.6).';

CREATE FUNCTION usercluster.stability(
	query text, k integer, seed bigint DEFAULT 1, fits integer DEFAULT 5, metric text DEFAULT 'cosine',
	restarts integer DEFAULT 1, max_iterations integer DEFAULT 300, tolerance double precision DEFAULT 1e-4)
RETURNS double precision
AS 'MODULE_PATHNAME', 'usercluster_stability' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;

COMMENT ON FUNCTION usercluster.stability(text, integer, bigint, integer, text, integer, integer, double precision) IS
'How far k-means fits from several seeds agree over the rows of a query (key, embedding): the mean adjusted Rand index of
all pairs of fits, 1 where the seed does not matter.';
