/*
 * HDBSCAN on rows whose clusters are plain to see, and what must be refused.
 */
#include "check.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/hdbscan.h"

static const UcRun run = {.threads = 2,.max_memory = (size_t) 1 << 30};

static bool
stop(void *arg)
{
	return true;
}

static void
refusals(void)
{
	const float rows[] = {1, 2, 3, NAN};
	UcHdbscanOptions options = {.min_cluster_size = 2,.min_samples = 2,.metric = UC_METRIC_EUCLIDEAN};
	UcHdbscanOptions bad = options;
	UcRun		poor = {.threads = 1,.max_memory = 100};
	UcRun		stopped = {.threads = 2,.max_memory = (size_t) 1 << 30,.interrupted = stop};
	float	   *many = uc_alloc_zeroed(3000 * 64 * sizeof(float));
	UcHdbscan	result;
	UcError		err = {0};

	CHECK_REFUSED(uc_hdbscan(rows, 0, 1, &options, &run, &result, &err), UC_INVALID_ARGUMENT, &err, "no rows",
				  "no rows are refused");
	bad.min_cluster_size = 1;
	CHECK_REFUSED(uc_hdbscan(rows, 3, 1, &bad, &run, &result, &err), UC_INVALID_ARGUMENT, &err, "min_cluster_size",
				  "clusters of one row are refused");
	bad = options;
	bad.min_samples = 0;
	CHECK_REFUSED(uc_hdbscan(rows, 3, 1, &bad, &run, &result, &err), UC_INVALID_ARGUMENT, &err, "at least 1",
				  "no samples are refused");
	bad.min_samples = 4;
	CHECK_REFUSED(uc_hdbscan(rows, 3, 1, &bad, &run, &result, &err), UC_INVALID_ARGUMENT, &err, "at most",
				  "more samples than rows are refused");
	CHECK(uc_hdbscan(rows, 4, 1, &options, &run, &result, &err) == UC_INVALID_DATA, "NaN is refused");
	CHECK(uc_hdbscan(rows, 3, 1, &options, &poor, &result, &err) == UC_MEMORY_LIMIT, "too small a budget is refused");
	CHECK(uc_hdbscan(many, 3000, 64, &options, &stopped, &result, &err) == UC_INTERRUPTED, "an interrupt ends the work");
	uc_free(many);
}

/*
 * On a line: 0 1 2, far off 10 11 12 13, and one at 100. Each three or four hold together at density 1; the parts of
 * the root are born at density 1/8.
 */
static void
known_values(void)
{
	const float rows[] = {0, 1, 2, 100, 10, 11, 12, 13.5f};
	const int32_t labels[] = {1, 1, 1, -1, 0, 0, 0, 0};
	const double membership[] = {1, 1, 1, 0, 1, 1, 1, 1 / 1.5};
	UcHdbscan	result;
	UcError		err = {0};

	for (int leaves = 0; leaves < 2; leaves++)
	{
		UcHdbscanOptions options = {.min_cluster_size = 3,.min_samples = 1,.metric = UC_METRIC_EUCLIDEAN,
		.leaves = leaves};
		bool		right = true;

		CHECK(uc_hdbscan(rows, 8, 1, &options, &run, &result, &err) == UC_OK && result.clusters == 2, "two clusters");
		for (int i = 0; i < 8 && result.labels != NULL; i++)
			right = right && result.labels[i] == labels[i] && fabs(result.membership[i] - membership[i]) < 1e-9;
		CHECK(right, "labels, noise and memberships");
		uc_hdbscan_free(&result);
	}
}

static void
edges(void)
{
	const float same[] = {2, 2, 2, 2, 2, 2};
	UcHdbscanOptions options = {.min_cluster_size = 2,.min_samples = 1,.metric = UC_METRIC_COSINE};
	UcHdbscan	result;
	UcError		err = {0};

	CHECK(uc_hdbscan(same, 1, 2, &options, &run, &result, &err) == UC_OK && result.clusters == 0 &&
		  result.labels[0] == -1, "one row is noise");
	uc_hdbscan_free(&result);
	CHECK(uc_hdbscan(same, 2, 2, &options, &run, &result, &err) == UC_OK && result.clusters == 0, "so are two");
	uc_hdbscan_free(&result);
	options.min_cluster_size = 100;
	CHECK(uc_hdbscan(same, 6, 1, &options, &run, &result, &err) == UC_OK && result.clusters == 0,
		  "clusters larger than all rows are not found");
	uc_hdbscan_free(&result);
}

/* Two clouds in many dimensions, with the matrix of distances and without, on one thread and on two. */
static void
memory_does_not_matter(void)
{
	size_t		rows = 600,
				dim = 32;
	float	   *x = uc_alloc(rows * dim * sizeof(float));
	UcHdbscanOptions options = {.min_cluster_size = 20,.min_samples = 5,.metric = UC_METRIC_COSINE};
	UcRun		poor = {.threads = 1};
	UcHdbscan	a,
				b;
	UcRandom	random;
	UcError		err = {0};
	bool		right = true;

	uc_random_seed(&random, 1, 0);
	for (size_t i = 0; i < rows * dim; i++)
		x[i] = (float) (uc_random_unit(&random) + 3 * (double) (i / dim % 2 == i % 2));
	poor.max_memory = uc_hdbscan_memory(rows, dim, &options, 1);
	CHECK(uc_hdbscan(x, rows, dim, &options, &run, &a, &err) == UC_OK && a.clusters == 2, "two clouds are found");
	CHECK(uc_hdbscan(x, rows, dim, &options, &poor, &b, &err) == UC_OK && b.clusters == 2, "also with little memory");
	for (size_t i = 0; i < rows && a.labels != NULL && b.labels != NULL; i++)
		right = right && a.labels[i] == b.labels[i] && fabs(a.membership[i] - b.membership[i]) < 1e-9
			&& (a.labels[i] < 0 || a.labels[i] == a.labels[a.labels[0] == a.labels[i] ? 0 : 1]);
	CHECK(right, "the same labels and memberships either way");
	uc_hdbscan_free(&a);
	uc_hdbscan_free(&b);
	uc_free(x);
}

int
main(void)
{
	refusals();
	known_values();
	edges();
	memory_does_not_matter();
	return check_done();
}
