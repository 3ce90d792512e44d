-- Aggregates that compare two labellings of the same rows
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- labels that cannot be hashed, too many pairs of labels, and calls outside an aggregate
SELECT usercluster.purity(i, json_build_object('a', i)) FROM generate_series(1, 3) i;
SELECT usercluster.v_measure(json_build_object('a', i), i) FROM generate_series(1, 3) i;
SELECT usercluster.agreement_step(NULL, 1, 2);
SELECT usercluster.purity_final(NULL);
SET usercluster.max_memory = '1MB';
DO $$
BEGIN
	PERFORM usercluster.adjusted_rand_index(i, -i) FROM generate_series(1, 20000) i;
	RAISE NOTICE 'accepted';
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'refused';
END $$;
RESET usercluster.max_memory;

-- no rows, and rows with a NULL
SELECT usercluster.purity(1, 2) IS NULL, usercluster.adjusted_rand_index(1, 2) IS NULL FROM generate_series(1, 0);
SELECT usercluster.normalized_mutual_info(NULL::int, i) IS NULL FROM generate_series(1, 3) i;
SELECT usercluster.homogeneity(NULL::int, i) IS NULL, usercluster.completeness(i, NULL::text) IS NULL,
		usercluster.v_measure(NULL::int, i) IS NULL FROM generate_series(1, 3) i;
SELECT round((usercluster.purity(a, b) * 3)::numeric, 6)
	FROM (VALUES (1, 'x'), (1, 'y'), (2, 'y'), (NULL, 'x'), (2, NULL)) v(a, b);

-- figures of scikit-learn 1.9.1 for [0,0,1,1,2,2,2] and [a,a,b,c,b,b,c], whatever the labels are called
WITH v(a, b) AS (VALUES (0, 'a'), (0, 'a'), (1, 'b'), (1, 'c'), (2, 'b'), (2, 'b'), (2, 'c'))
SELECT abs(usercluster.adjusted_rand_index(a, b) - 0.2125) < 1e-9,
		abs(usercluster.normalized_mutual_info(a, b) - 0.5636355530993449) < 1e-9,
		round((usercluster.purity(a, b) * 7)::numeric, 6) FROM v
UNION ALL
SELECT abs(usercluster.adjusted_rand_index(b || repeat('x', 3000), -1.5 * a) - 0.2125) < 1e-9,
		abs(usercluster.normalized_mutual_info(md5(b)::uuid, ARRAY[a]) - 0.5636355530993449) < 1e-9,
		round((usercluster.purity(a::smallint, b::name) * 7)::numeric, 6) FROM v;

-- the same partition, independent ones, one part each, groups and windows
SELECT abs(usercluster.adjusted_rand_index(i % 3, 7 - i % 3) - 1) < 1e-9,
		abs(usercluster.normalized_mutual_info(i % 3, chr(65 + i % 3)) - 1) < 1e-9,
		abs(usercluster.purity(i, 1) - 1) < 1e-9, abs(usercluster.adjusted_rand_index(1, 'x'::text) - 1) < 1e-9
	FROM generate_series(1, 999) i;
SELECT abs(usercluster.adjusted_rand_index(i % 10, i / 10 % 10)) < 0.02,
		usercluster.normalized_mutual_info(i % 10, i / 10 % 10) < 1e-9,
		round(usercluster.purity(i % 10, i / 10 % 10)::numeric, 6)
	FROM generate_series(0, 9999) i;
SELECT g, round(usercluster.purity(i % 2, i % 4)::numeric, 6) FROM generate_series(1, 2) g, generate_series(1, 4 * g) i
	GROUP BY g ORDER BY g;
SELECT round((usercluster.purity(1, i % 2) OVER (ORDER BY i))::numeric, 6) FROM generate_series(1, 4) i;

-- homogeneity, completeness and V-measure: figures of scikit-learn 1.9.1 for classes [0,0,0,1,1,1] in clusters [0,0,1,1,2,2]
WITH v(cluster, class) AS (VALUES (0, 'x'), (0, 'x'), (1, 'x'), (1, 'y'), (2, 'y'), (2, 'y'))
SELECT abs(usercluster.homogeneity(cluster, class) - 0.6666666666666669) < 1e-12,
		abs(usercluster.completeness(cluster, class) - 0.420619835714305) < 1e-12,
		abs(usercluster.v_measure(cluster, class) - 0.5158037429793889) < 1e-12,
		usercluster.homogeneity(class, cluster) = usercluster.completeness(cluster, class) FROM v;
SELECT usercluster.homogeneity(i, 1) = 1, usercluster.completeness(i, 1) = 0, usercluster.v_measure(i, 1) = 0,
		usercluster.completeness(1, i) = 1, usercluster.v_measure(i, -i) > 1 - 1e-12 FROM generate_series(1, 9) i;
