-- Recommendations in a table

CREATE PROCEDURE usercluster.store_recommendations(
	segmentation text, target text, n integer DEFAULT 10, interactions text DEFAULT NULL, items text DEFAULT NULL, users text DEFAULT NULL,
	strategy text DEFAULT 'blend', weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	diversity double precision DEFAULT 0, half_life interval DEFAULT NULL, repeat boolean DEFAULT false, language text DEFAULT 'en')
LANGUAGE C AS 'MODULE_PATHNAME', 'usercluster_store_recommendations';
COMMENT ON PROCEDURE usercluster.store_recommendations(text, text, integer, text, text, text, text, jsonb, integer, double precision, interval, boolean, text) IS
'Writes what recommend_all finds into a table of user_id, rank, item, score, reason, source and computed_at, which is made where there is
none, with keys of the types that interactions returns. Rows of the same item, reason and source whose score
moves by at most 0.01 are not written, those of users without recommendations are deleted. All in one transaction; readers see the old ones until it ends.';
