/*
 * Agreement of two labellings against values worked out by hand.
 */
#include "check.h"

#include <math.h>

#include "cluster/quality.h"

static const UcRun run = {.threads = 1,.max_memory = 1 << 20};

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

static UcAgreement
agreement_of(const int32_t *a, int a_count, const int32_t *b, int b_count, size_t rows)
{
	UcAgreement agreement = {.purity = -1};
	UcError		err = {0};

	uc_cluster_agreement(a, a_count, b, b_count, rows, &run, &agreement, &err);
	return agreement;
}

static void
refusals(void)
{
	const int32_t good[] = {0, 1, 1},
				negative[] = {0, -1, 1},
				large[] = {0, 1, 2};
	UcAgreement agreement;
	UcError		err = {0};
	UcRun		poor = {.threads = 1,.max_memory = 64};

	CHECK_REFUSED(uc_cluster_agreement(good, 2, good, 2, 0, &run, &agreement, &err), UC_INVALID_ARGUMENT, &err,
				  "no labels", "no rows are refused");
	CHECK_REFUSED(uc_cluster_agreement(good, 0, good, 2, 3, &run, &agreement, &err), UC_INVALID_ARGUMENT, &err,
				  "at least 1", "a count of no clusters is refused");
	CHECK_REFUSED(uc_cluster_agreement(negative, 2, good, 2, 3, &run, &agreement, &err), UC_INVALID_DATA, &err,
				  "outside its range", "a negative label is refused");
	CHECK(strstr(err.detail, "Row 2") != NULL, "the detail names the row");
	CHECK_REFUSED(uc_cluster_agreement(good, 2, large, 2, 3, &run, &agreement, &err), UC_INVALID_DATA, &err,
				  "outside its range", "a label beyond the count is refused");
	CHECK_REFUSED(uc_cluster_agreement(good, 1000, good, 1000, 3, &poor, &agreement, &err), UC_MEMORY_LIMIT, &err,
				  "comparing", "a table beyond the budget is refused");
}

static void
known_values(void)
{
	/* the table is 2 0 / 1 1 / 0 2 over six rows */
	const int32_t clusters[] = {0, 0, 1, 1, 2, 2},
				classes[] = {0, 0, 0, 1, 1, 1};
	UcAgreement agreement = agreement_of(clusters, 3, classes, 2, 6);
	double		h_clusters = log(3),
				h_classes = log(2),
				mutual = h_classes - (1.0 / 3) * log(2);	/* only the middle cluster is undecided */

	/* together in both: 2 pairs; in a cluster: 3; in a class: 6; of 15: (2 - 18/15) / ((3 + 6)/2 - 18/15) */
	CHECK(near(agreement.adjusted_rand, 0.8 / 3.3), "adjusted Rand index of a small table");
	CHECK(near(agreement.normalized_mutual_info, 2 * mutual / (h_clusters + h_classes)), "NMI of a small table");
	CHECK(near(agreement.homogeneity, mutual / h_classes), "homogeneity of a small table");
	CHECK(near(agreement.completeness, mutual / h_clusters), "completeness of a small table");
	CHECK(near(agreement.v_measure, 2 * mutual / (h_clusters + h_classes)), "V-measure is NMI over the arithmetic mean");
	CHECK(near(agreement.purity, 5.0 / 6), "purity of a small table");
}

static void
extremes(void)
{
	const int32_t a[] = {0, 0, 1, 1},
				renamed[] = {5, 5, 3, 3},
				crossed[] = {0, 1, 0, 1},
				one[] = {0, 0, 0, 0},
				each[] = {0, 1, 2, 3};
	UcAgreement agreement = agreement_of(a, 2, renamed, 7, 4);

	CHECK(agreement.adjusted_rand == 1 && near(agreement.normalized_mutual_info, 1) && agreement.purity == 1,
		  "renamed labels agree fully, unused numbers do not matter");
	agreement = agreement_of(a, 2, crossed, 2, 4);
	CHECK(near(agreement.adjusted_rand, -0.5) && agreement.normalized_mutual_info == 0 && agreement.purity == 0.5,
		  "crossed labels share no information");
	agreement = agreement_of(one, 1, one, 1, 4);
	CHECK(agreement.adjusted_rand == 1 && agreement.normalized_mutual_info == 1, "two partitions of one part agree");
	agreement = agreement_of(each, 4, each, 4, 4);
	CHECK(agreement.adjusted_rand == 1 && near(agreement.normalized_mutual_info, 1),
		  "two partitions of single rows agree");
	agreement = agreement_of(one, 1, a, 2, 4);
	CHECK(agreement.adjusted_rand == 0 && agreement.normalized_mutual_info == 0, "one part says nothing about two");
	CHECK(agreement.homogeneity == 0 && agreement.completeness == 1 && agreement.v_measure == 0,
		  "one cluster is complete, not homogeneous");
	agreement = agreement_of(a, 2, one, 1, 4);
	CHECK(agreement.homogeneity == 1 && agreement.completeness == 0 && agreement.v_measure == 0,
		  "clusters of one class are homogeneous, not complete");
	agreement = agreement_of(one, 1, one, 1, 1);
	CHECK(agreement.adjusted_rand == 1 && agreement.purity == 1, "a single row agrees with itself");
}

int
main(void)
{
	refusals();
	known_values();
	extremes();
	return check_done();
}
