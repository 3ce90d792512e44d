-- Why somebody is in a segment, and how two segments differ

CREATE FUNCTION usercluster.explain_assignment(
	name text, texts text[], language text DEFAULT NULL,
	OUT rank integer, OUT segment integer, OUT distance double precision, OUT margin double precision)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3
AS 'MODULE_PATHNAME', 'usercluster_explain_assignment';
COMMENT ON FUNCTION usercluster.explain_assignment(text, text[], text) IS
'Where the texts of one user stand in a segmentation: the nearest segment and the two next, with the distance to each, and how much further it is than the nearest';

CREATE FUNCTION usercluster.explain_assignment(
	name text, input text, language text DEFAULT NULL,
	OUT rank integer, OUT segment integer, OUT distance double precision, OUT margin double precision)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 3
BEGIN ATOMIC
	SELECT e.rank, e.segment, e.distance, e.margin FROM usercluster.explain_assignment(name, ARRAY[input], language) AS e;
END;
COMMENT ON FUNCTION usercluster.explain_assignment(text, text, text) IS 'explain_assignment of one text';

CREATE FUNCTION usercluster.explain_sentences(
	name text, texts text[], language text DEFAULT NULL,
	OUT rank integer, OUT text_number integer, OUT sentence text, OUT start integer, OUT stop integer,
	OUT pull double precision)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_explain_sentences';
COMMENT ON FUNCTION usercluster.explain_sentences(text, text[], text) IS
'What each sentence of one user''s texts does for the segment they are in, strongest first: pull is by how much the margin over the next segment shrinks when the sentence is left out, negative for one that speaks against the segment, NULL where nothing is left without it. sentence is substr of that text from start, stop - start characters';

CREATE FUNCTION usercluster.explain_sentences(
	name text, input text, language text DEFAULT NULL,
	OUT rank integer, OUT text_number integer, OUT sentence text, OUT start integer, OUT stop integer,
	OUT pull double precision)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE COST 1000000 ROWS 10
BEGIN ATOMIC
	SELECT e.rank, e.text_number, e.sentence, e.start, e.stop, e.pull
	FROM usercluster.explain_sentences(name, ARRAY[input], language) AS e;
END;
COMMENT ON FUNCTION usercluster.explain_sentences(text, text, text) IS 'explain_sentences of one text';

CREATE FUNCTION usercluster.segment_difference(
	name text, a integer, b integer, keywords integer DEFAULT 10,
	OUT segment integer, OUT rank integer, OUT keyword text, OUT weight double precision, OUT support bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20
AS 'MODULE_PATHNAME', 'usercluster_segment_difference';
COMMENT ON FUNCTION usercluster.segment_difference(text, integer, integer, integer) IS
'What sets two segments of a segmentation apart: the keywords of each in contrast to the other alone, as segment_keywords finds them. For whoever can act as the segmentation''s owner, since it reads the texts';
