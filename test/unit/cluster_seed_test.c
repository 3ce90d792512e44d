/*
 * k-means||: what it promises whatever the rows, and that its seeds are as good as those of k-means++.
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
scalable(int k, UcMetric metric)
{
	UcKmeansOptions options = options_for(k, metric);

	options.init = UC_INIT_SCALABLE;
	return options;
}

static void
same_for_any_threads(size_t rows, size_t dim, int k, UcMetric metric, bool weighted)
{
	float	   *x = make_rows(rows, dim, k, 1, 0, 5);
	double	   *weights = uc_alloc(rows * sizeof(double));
	UcKmeansOptions options = scalable(k, metric);
	UcKmeans	one,
				other;

	for (size_t row = 0; row < rows; row++)
		weights[row] = (double) (row * 7 % 5);
	options.weights = weighted ? weights : NULL;
	one = fit(x, rows, dim, &options, 1);
	for (int threads = 2; threads <= 3; threads++)
	{
		other = fit(x, rows, dim, &options, threads);
		CHECK(one.k == k && same_result(&one, &other), "%zu x %zu, k = %d%s: 1 and %d threads give the same bits", rows,
			  dim, k, weighted ? ", weighted" : "", threads);
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
	CHECK(labels_are_nearest(&other, x, metric), "labels are the nearest centroids");
	uc_kmeans_free(&other);
	uc_kmeans_free(&one);
	uc_free(weights);
	uc_free(x);
}

/* Means over a few seeds, since each seed has its luck. */
static double
mean_inertia(const float *x, size_t rows, size_t dim, UcKmeansOptions options)
{
	const int	seeds = 5;
	double		sum = 0;

	options.restarts = 1;
	options.refine = false;
	for (int seed = 0; seed < seeds; seed++)
	{
		UcKmeans	result;

		options.seed = (uint64_t) seed;
		result = fit(x, rows, dim, &options, 2);
		sum += result.inertia / seeds;
		uc_kmeans_free(&result);
	}
	return sum;
}

static void
as_good_as_plus_plus(size_t rows, size_t dim, int k, int blobs, UcMetric metric, double light)
{
	float	   *x = make_rows(rows, dim, blobs, 2, 0, 13);
	double	   *weights = uc_alloc(rows * sizeof(double));
	UcKmeansOptions options = options_for(k, metric);
	double		ratio[2];

	/* all but every twentieth row of this weight */
	for (size_t row = 0; row < rows; row++)
		weights[row] = row % 20 == 0 ? 1 : light;
	options.weights = weights;

	for (int iterations = 1; iterations <= 50; iterations += 49)
	{
		double		plus_plus;

		options.max_iterations = iterations;
		options.init = UC_INIT_PLUS_PLUS;
		plus_plus = mean_inertia(x, rows, dim, options);
		options.init = UC_INIT_SCALABLE;
		ratio[iterations > 1] = mean_inertia(x, rows, dim, options) / plus_plus;
	}
	CHECK(ratio[0] < 1.05 && ratio[1] < 1.02,
		  "%zu x %zu, k = %d, weights 1 and %g: inertia is that of k-means++ times %.4f after an iteration, %.4f after 50",
		  rows, dim, k, light, ratio[0], ratio[1]);
	uc_free(weights);
	uc_free(x);
}

static void
repeated_rows(size_t dim, UcMetric metric)
{
	enum
	{
	DISTINCT = 30, TIMES = 40, ROWS = DISTINCT * TIMES};
	float	   *few = make_rows(DISTINCT, dim, 5, 2, 0, 11),
			   *x = uc_alloc(ROWS * dim * sizeof(float));
	UcKmeansOptions options;
	int			ks[] = {7, DISTINCT, DISTINCT + 5, 600};

	for (size_t row = 0; row < ROWS; row++)
		memcpy(x + row * dim, few + (row * 7 % DISTINCT) * dim, dim * sizeof(float));
	for (int i = 0; i < 4; i++)
	{
		UcKmeans	result;
		int			expected = ks[i] < DISTINCT ? ks[i] : DISTINCT;

		options = scalable(ks[i], metric);
		result = fit(x, ROWS, dim, &options, 1);
		CHECK(result.k == expected && identical_rows_share(&result, x) &&
			  (expected < DISTINCT || result.inertia < 1e-9),
			  "%zu dimensions: %d clusters of %d distinct rows are %d", dim, ks[i], DISTINCT, result.k);
		uc_kmeans_free(&result);
	}
	uc_free(few);
	uc_free(x);
}

/* A row so far away that all draws fall on it, and a few more at each of the next scales. */
static void
far_rows(UcMetric metric)
{
	enum
	{
	ROWS = 500, DIM = 20, K = 40};
	float	   *x = make_rows(ROWS, DIM, 5, 2, 0, 17);
	UcKmeansOptions options = scalable(K, metric);
	UcKmeans	result;

	for (size_t row = 0; row < 6; row++)
		for (size_t i = 0; i < DIM; i++)
			x[row * DIM + i] *= powf(100, (float) row);
	result = fit(x, ROWS, DIM, &options, 1);
	CHECK(result.k == K && labels_are_nearest(&result, x, metric) && totals_agree(&result, metric),
		  "a few far rows leave as many clusters as asked for");
	uc_kmeans_free(&result);
	uc_free(x);
}

static void
weights_in_the_seeds(void)
{
	enum
	{
	ROWS = 400, DIM = 17};
	float	   *x = make_rows(ROWS, DIM, 4, 3, 0, 19);
	double		weights[ROWS];
	UcKmeansOptions options = scalable(4, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;

	/* only four rows have a weight: they are the centroids */
	for (int row = 0; row < ROWS; row++)
		weights[row] = row % 100 == 50 ? 1 + row : 0;
	options.weights = weights;
	result = fit(x, ROWS, DIM, &options, 1);
	CHECK(result.k == 4 && result.inertia < 1e-9, "rows of weight 0 are no candidates");
	uc_kmeans_free(&result);
	options.k = 9;
	result = fit(x, ROWS, DIM, &options, 1);
	CHECK(result.k == 4 && result.inertia < 1e-9, "and no clusters where more are asked for");
	uc_kmeans_free(&result);
	uc_free(x);
}

static void
every_row(void)
{
	float	   *x = make_rows(60, 24, 4, 3, 0, 23);
	UcKmeansOptions options = scalable(60, UC_METRIC_EUCLIDEAN);
	UcKmeans	result = fit(x, 60, 24, &options, 1);

	CHECK(result.k == 60 && result.inertia == 0, "k = rows gives each row its own cluster");
	uc_kmeans_free(&result);
	options.k = 1;
	result = fit(x, 1, 24, &options, 1);
	CHECK(result.k == 1 && result.inertia == 0, "one row is one cluster");
	uc_kmeans_free(&result);
	uc_free(x);
}

/* Many clusters take k-means|| by themselves, few do not. */
static void
automatic(size_t rows, size_t dim, int k, UcInit expected)
{
	float	   *x = make_rows(rows, dim, k, 1, 0, 29);
	UcKmeansOptions options = options_for(k, UC_METRIC_EUCLIDEAN);
	UcKmeans	chosen,
				named;

	options.restarts = 1;
	options.max_iterations = 2;
	chosen = fit(x, rows, dim, &options, 1);
	options.init = expected;
	named = fit(x, rows, dim, &options, 1);
	CHECK(same_result(&chosen, &named), "%zu x %zu, k = %d chooses %s", rows, dim, k,
		  expected == UC_INIT_SCALABLE ? "k-means||" : "k-means++");
	uc_kmeans_free(&named);
	options.init = expected == UC_INIT_SCALABLE ? UC_INIT_PLUS_PLUS : UC_INIT_SCALABLE;
	named = fit(x, rows, dim, &options, 1);
	CHECK(!same_result(&chosen, &named), "which differs from the other");
	uc_kmeans_free(&named);
	uc_kmeans_free(&chosen);
	uc_free(x);
}

int
main(void)
{
	same_for_any_threads(6000, 40, 50, UC_METRIC_EUCLIDEAN, false);
	same_for_any_threads(6000, 40, 50, UC_METRIC_COSINE, true);
	same_for_any_threads(30000, 3, 12, UC_METRIC_EUCLIDEAN, true);
	as_good_as_plus_plus(4000, 64, 50, 40, UC_METRIC_EUCLIDEAN, 1);
	as_good_as_plus_plus(4000, 64, 50, 40, UC_METRIC_EUCLIDEAN, 0.001);
	as_good_as_plus_plus(4000, 64, 200, 40, UC_METRIC_COSINE, 1);
	repeated_rows(3, UC_METRIC_EUCLIDEAN);
	repeated_rows(33, UC_METRIC_EUCLIDEAN);
	repeated_rows(33, UC_METRIC_COSINE);
	far_rows(UC_METRIC_EUCLIDEAN);
	far_rows(UC_METRIC_COSINE);
	weights_in_the_seeds();
	every_row();
	automatic(800, 16, 100, UC_INIT_SCALABLE);
	automatic(800, 16, 99, UC_INIT_PLUS_PLUS);
	automatic(799, 16, 100, UC_INIT_PLUS_PLUS);
	automatic(800, 15, 100, UC_INIT_PLUS_PLUS);
	return check_done();
}
