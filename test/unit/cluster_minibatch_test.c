/*
 * Mini-batches: near the inertia of iterations over all rows, and what holds for every result.
 */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "cluster/kmeans.h"
#include "kmeans_data.h"

static UcKmeansOptions
in_batches(int k, UcMetric metric, size_t batch_rows)
{
	UcKmeansOptions options = options_for(k, metric);

	options.batch_rows = batch_rows;
	return options;
}

static void
near_all_rows(size_t rows, size_t dim, int k, UcMetric metric, bool weighted)
{
	float	   *x = make_rows(rows, dim, k, 1.2, 0, 5);
	double	   *weights = uc_alloc(rows * sizeof(double));
	UcKmeansOptions options = options_for(k, metric);
	UcKmeans	all,
				one,
				other;

	for (size_t row = 0; row < rows; row++)
		weights[row] = row % 10 == 0 ? 20 : (double) (row % 3);
	options.weights = weighted ? weights : NULL;
	all = fit(x, rows, dim, &options, 1);
	options.batch_rows = 256;
	one = fit(x, rows, dim, &options, 1);
	CHECK(one.k == k && one.converged && one.inertia < 1.08 * all.inertia,
		  "%zu x %zu, k = %d%s: %.4f times the inertia of all rows, after %d batches of 256", rows, dim, k,
		  weighted ? ", weighted" : "", one.inertia / all.inertia, one.iterations);
	CHECK(labels_are_nearest(&one, x, metric) && (weighted || totals_agree(&one, metric)),
		  "the result agrees with itself");
	for (int threads = 2; threads <= 3; threads++)
	{
		other = fit(x, rows, dim, &options, threads);
		CHECK(same_result(&one, &other), "1 and %d threads give the same bits", threads);
		uc_kmeans_free(&other);
	}
	uc_kernels_force_plain(true);
	other = fit(x, rows, dim, &options, 1);
	uc_kernels_force_plain(false);
	CHECK(same_result(&one, &other), "the plain kernels give the same result");
	uc_kmeans_free(&other);
	options.seed++;
	other = fit(x, rows, dim, &options, 1);
	CHECK(!same_result(&one, &other), "another seed gives another result");
	uc_kmeans_free(&other);
	options.seed--;
	options.max_iterations = 3;
	other = fit(x, rows, dim, &options, 1);
	CHECK(!other.converged && other.iterations == 3, "three batches are not enough, and it says so");
	uc_kmeans_free(&other);
	uc_kmeans_free(&one);
	uc_kmeans_free(&all);
	uc_free(weights);
	uc_free(x);
}

/* A batch of all rows or more is none. */
static void
whole_batch(void)
{
	float	   *x = make_rows(500, 20, 5, 1, 0, 7);
	UcKmeansOptions options = options_for(5, UC_METRIC_COSINE);
	UcKmeans	all = fit(x, 500, 20, &options, 1),
				batch;
	size_t		sizes[] = {500, 501, SIZE_MAX};

	for (int i = 0; i < 3; i++)
	{
		options.batch_rows = sizes[i];
		batch = fit(x, 500, 20, &options, 1);
		CHECK(same_result(&all, &batch), "a batch of %zu of 500 rows is all rows", sizes[i]);
		uc_kmeans_free(&batch);
	}
	uc_kmeans_free(&all);
	options.batch_rows = 1;
	batch = fit(x, 500, 20, &options, 1);
	CHECK(batch.k == 5 && labels_are_nearest(&batch, x, UC_METRIC_COSINE), "batches of one row work");
	uc_kmeans_free(&batch);
	uc_free(x);
}

/* Starting with all centroids far from all rows, only one of them gets any at first. */
static void
starved(void)
{
	float	   *x = make_rows(4000, 16, 6, 4, 0, 9);
	float		start[6 * 16];
	UcKmeansOptions options = in_batches(6, UC_METRIC_EUCLIDEAN, 200);
	UcKmeans	whole,
				batch;

	for (int i = 0; i < 6 * 16; i++)
		start[i] = (float) (1000 + i);
	options.centroids = start;
	batch = fit(x, 4000, 16, &options, 1);
	options = options_for(1, UC_METRIC_EUCLIDEAN);
	whole = fit(x, 4000, 16, &options, 1);
	CHECK(batch.k == 6 && batch.inertia < whole.inertia / 2, "starved centroids find rows (%.3f)",
		  batch.inertia / whole.inertia);
	uc_kmeans_free(&whole);
	uc_kmeans_free(&batch);
	uc_free(x);
}

static void
repeated_rows(size_t dim, UcMetric metric)
{
	enum
	{
	DISTINCT = 20, ROWS = 1000};
	float	   *few = make_rows(DISTINCT, dim, 5, 2, 0, 11),
			   *x = uc_alloc(ROWS * dim * sizeof(float));
	UcKmeansOptions options = in_batches(30, metric, 64);
	UcKmeans	result;

	for (size_t row = 0; row < ROWS; row++)
		memcpy(x + row * dim, few + (row * 7 % DISTINCT) * dim, dim * sizeof(float));
	result = fit(x, ROWS, dim, &options, 1);
	CHECK(result.k == DISTINCT && result.inertia < 1e-9 && identical_rows_share(&result, x),
		  "%zu dimensions: as many clusters as distinct rows", dim);
	uc_kmeans_free(&result);
	options.k = 6;
	result = fit(x, ROWS, dim, &options, 1);
	CHECK(result.k == 6 && identical_rows_share(&result, x), "identical rows share a cluster");
	uc_kmeans_free(&result);
	uc_free(few);
	uc_free(x);
}

static void
with_least_size(void)
{
	float	   *x = make_rows(2000, 24, 8, 2, 0, 13);
	UcKmeansOptions options = in_batches(10, UC_METRIC_COSINE, 300);
	UcKmeans	result;

	options.min_size = 150;
	result = fit(x, 2000, 24, &options, 1);
	CHECK(result.k == 10 && result.sizes[9] >= 150, "a least size holds too");
	uc_kmeans_free(&result);
	uc_free(x);
}

static void
interrupts(void)
{
	float	   *x = make_rows(3000, 32, 10, 1, 0, 2);
	UcKmeansOptions options = in_batches(10, UC_METRIC_COSINE, 256);

	stops_everywhere(x, 3000, 32, &options);
	uc_free(x);
}

int
main(void)
{
	near_all_rows(8000, 40, 20, UC_METRIC_EUCLIDEAN, false);
	near_all_rows(8000, 40, 20, UC_METRIC_COSINE, true);
	near_all_rows(20000, 3, 12, UC_METRIC_EUCLIDEAN, true);
	whole_batch();
	starved();
	repeated_rows(3, UC_METRIC_EUCLIDEAN);
	repeated_rows(33, UC_METRIC_COSINE);
	with_least_size();
	interrupts();
	return check_done();
}
