-- Recommendations against what users turned to afterwards

CREATE FUNCTION usercluster.evaluate_recommendations(
	segmentation text, interactions text, n integer DEFAULT 10, split text DEFAULT 'time', share double precision DEFAULT 0.2,
	items text DEFAULT NULL, users text DEFAULT NULL, weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	half_life interval DEFAULT NULL, cold boolean DEFAULT false, sample integer DEFAULT 10000, seed bigint DEFAULT 1)
RETURNS TABLE (strategy text, tested bigint, hit_rate double precision, "precision" double precision, recall double precision,
	ndcg double precision, ndcg_low double precision, ndcg_high double precision, mrr double precision, coverage double precision,
	diversity double precision, lift double precision, lift_low double precision, lift_high double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 7
AS 'MODULE_PATHNAME', 'usercluster_evaluate_recommendations';
COMMENT ON FUNCTION usercluster.evaluate_recommendations(text, text, integer, text, double precision, text, text, jsonb, integer, interval, boolean, integer, bigint) IS
'How well each strategy of recommend finds what users turned to later: of each user the latest share of the interactions
(split => ''time'') or the last one (''last'') is kept back, by the column at, and the first n of all items that the user had not had
before are measured against it. One row for each strategy, and one for segments dealt out at random; ndcg with a 95 % interval, and its
lift over popular with one. cold: tested users without their interactions. The segmentation must not have seen texts on what is
kept back.';

CREATE FUNCTION usercluster.tune_recommendations(
	segmentation text, interactions text, n integer DEFAULT 10, split text DEFAULT 'time', share double precision DEFAULT 0.2,
	items text DEFAULT NULL, users text DEFAULT NULL, half_life interval DEFAULT NULL, cold boolean DEFAULT false,
	sample integer DEFAULT 2000, seed bigint DEFAULT 1)
RETURNS TABLE (weights jsonb, neighbours integer, validated bigint, tested bigint, validation_before double precision,
	validation_after double precision, test_before double precision, test_after double precision,
	lift double precision, lift_low double precision, lift_high double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1
AS 'MODULE_PATHNAME', 'usercluster_tune_recommendations';
COMMENT ON FUNCTION usercluster.tune_recommendations(text, text, integer, text, double precision, text, text, interval, boolean, integer, bigint) IS
'The weights and neighbours of recommend that do best for this segmentation: what comes before the part that evaluate_recommendations
keeps back is split once more, some 60 mixtures are measured on the latest of it by ndcg, and the best and the default are then
measured on the part that was not touched: test_before, test_after and their ratio, lift, with a 95 % interval';
