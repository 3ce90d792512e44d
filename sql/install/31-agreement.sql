-- How far clusters agree with known classes: aggregates over (label, label)

CREATE FUNCTION usercluster.agreement_step(state internal, a "any", b "any") RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_agreement_step';
COMMENT ON FUNCTION usercluster.agreement_step(internal, "any", "any") IS 'internal: collects the labels of a row';

CREATE FUNCTION usercluster.adjusted_rand_index_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_adjusted_rand_index';
COMMENT ON FUNCTION usercluster.adjusted_rand_index_final(internal) IS 'internal: ends adjusted_rand_index';

CREATE AGGREGATE usercluster.adjusted_rand_index(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.adjusted_rand_index_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.adjusted_rand_index("any", "any") IS
'Adjusted Rand index of two labellings: 1 for the same partition, 0 on average by chance. Rows with a NULL do not count.';

CREATE FUNCTION usercluster.normalized_mutual_info_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_normalized_mutual_info';
COMMENT ON FUNCTION usercluster.normalized_mutual_info_final(internal) IS 'internal: ends normalized_mutual_info';

CREATE AGGREGATE usercluster.normalized_mutual_info(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.normalized_mutual_info_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.normalized_mutual_info("any", "any") IS
'Mutual information of two labellings over the mean of their entropies, 0 to 1. Rows with a NULL do not count.';

CREATE FUNCTION usercluster.homogeneity_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_homogeneity';
COMMENT ON FUNCTION usercluster.homogeneity_final(internal) IS 'internal: ends homogeneity';

CREATE AGGREGATE usercluster.homogeneity(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.homogeneity_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.homogeneity("any", "any") IS
'How far each cluster holds one class only, 0 to 1; 1 where there is one class. Rows with a NULL do not count.';

CREATE FUNCTION usercluster.completeness_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_completeness';
COMMENT ON FUNCTION usercluster.completeness_final(internal) IS 'internal: ends completeness';

CREATE AGGREGATE usercluster.completeness(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.completeness_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.completeness("any", "any") IS
'How far each class lies in one cluster only, 0 to 1; 1 where there is one cluster. Rows with a NULL do not count.';

CREATE FUNCTION usercluster.v_measure_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_v_measure';
COMMENT ON FUNCTION usercluster.v_measure_final(internal) IS 'internal: ends v_measure';

CREATE AGGREGATE usercluster.v_measure(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.v_measure_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.v_measure("any", "any") IS
'Harmonic mean of homogeneity and completeness, 0 to 1. Rows with a NULL do not count.';

CREATE FUNCTION usercluster.purity_final(state internal) RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'usercluster_purity';
COMMENT ON FUNCTION usercluster.purity_final(internal) IS 'internal: ends purity';

CREATE AGGREGATE usercluster.purity(cluster "any", class "any")
	(SFUNC = usercluster.agreement_step, STYPE = internal, FINALFUNC = usercluster.purity_final,
	PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE usercluster.purity("any", "any") IS
'Share of the rows that belong to the commonest class of their cluster. Rows with a NULL do not count.';
