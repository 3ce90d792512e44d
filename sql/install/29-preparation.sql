-- what is done to embeddings before they are clustered, kept so that later ones can be treated alike

CREATE TYPE usercluster.preparation AS (
	method text,
	directions boolean,
	mean @extschema@.embedding,
	languages text[],
	language_means @extschema@.embedding[],
	components @extschema@.embedding[],
	feature_means double precision[],
	feature_scales double precision[],
	feature_weight double precision
);
COMMENT ON TYPE usercluster.preparation IS
'how embeddings were changed before clustering: method (none, centred, whitened), whether lengths are put to 1 before and after, the mean of all rows, the means of their languages, the principal components (each divided by the square root of its singular value), and how features were standardised';

CREATE FUNCTION usercluster.prepare(
	embedding @extschema@.embedding, preparation usercluster.preparation, language text DEFAULT NULL,
	features double precision[] DEFAULT NULL)
RETURNS @extschema@.embedding
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500
AS 'MODULE_PATHNAME', 'usercluster_prepare';
COMMENT ON FUNCTION usercluster.prepare(@extschema@.embedding, usercluster.preparation, text, double precision[]) IS
'an embedding as clustering would see it: nearest(prepare(embedding, fit.preparation, language), fit.prepared_centroids) is its cluster. A language that the fit has not seen takes the mean of all rows; features that are NULL count as average';

CREATE FUNCTION usercluster.fit_preparation(
	query text, preparation text DEFAULT 'auto', metric text DEFAULT 'cosine', feature_weight double precision DEFAULT 1)
RETURNS usercluster.preparation
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_fit_preparation';
COMMENT ON FUNCTION usercluster.fit_preparation(text, text, text, double precision) IS
'the preparation of the rows of a query (key, embedding; weight, language and features where there are any), as kmeans makes it; for prepare';
