-- What segments are about

CREATE FUNCTION usercluster.segment_keywords(
	query text, keywords integer DEFAULT 10, language text DEFAULT NULL, min_support integer DEFAULT NULL,
	max_phrase integer DEFAULT 3, stop_words text[] DEFAULT NULL)
RETURNS TABLE (segment text, rank integer, keyword text, weight double precision, support bigint)
AS 'MODULE_PATHNAME', 'usercluster_segment_keywords' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;

COMMENT ON FUNCTION usercluster.segment_keywords(text, integer, text, integer, integer, text[]) IS
'Words and phrases that set the texts of each segment apart, for a query (segment, text): by class-based TF-IDF, the share of the
segment''s texts with the keyword times the logarithm of that share over the mean share of all segments. support: texts of
the segment with the keyword, at least min_support (NULL: one for each 10 texts of the segment, from 1 to 5). A column or argument
language names the texts'' language, which is detected otherwise. Stop words are those of all_stop_words and of the argument.';
