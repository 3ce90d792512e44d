-- Sentences and words of a text.

CREATE FUNCTION usercluster.sentences(input text, OUT sentence text, OUT start int, OUT stop int)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_sentences';
COMMENT ON FUNCTION usercluster.sentences(text) IS
'sentences of a text in any script (Unicode Standard Annex 29, by ICU), without the blanks around them, and their places: substr(input, start, stop - start). A line end ends a sentence; beyond 32 kB it is divided';
