/*
 * k-means: what it refuses, what it promises about its result, and that its bounds never change a label.
 */
#include "check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "cluster/kmeans.h"
#include "kmeans_data.h"

/* ---- what is refused ---- */

static void
refused(const float *x, size_t rows, const UcKmeansOptions *options, UcStatus status, const char *message,
		const char *detail, const char *name)
{
	UcKmeans	result = {.k = 5};
	UcError		err = {0};

	CHECK_REFUSED(uc_kmeans(x, rows, 2, options, &one_thread, &result, &err), status, &err, message, "%s", name);
	CHECK(strstr(err.detail, detail) != NULL, "%s: the detail says \"%s\"", name, detail);
	CHECK(result.labels == NULL && result.k == 0, "%s: there is no result", name);
}

static void
refusals(void)
{
	float		x[] = {1, 2, 3, 4, 5, 6, 7, 8};
	float		start[] = {1, 2, 3, NAN};
	UcKmeansOptions options = options_for(0, UC_METRIC_EUCLIDEAN);

	refused(x, 4, &options, UC_INVALID_ARGUMENT, "number of clusters", "It is 0", "k = 0");
	options.k = -3;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "number of clusters", "It is -3", "k = -3");
	options.k = 5;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "more clusters", "5 clusters are asked for, and there are 4 rows",
			"k above the rows");
	options = options_for(2, UC_METRIC_EUCLIDEAN);
	refused(x, 0, &options, UC_INVALID_ARGUMENT, "more clusters", "there are 0 rows", "no rows");
	options.restarts = 0;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "restarts", "It is 0", "no restarts");
	options = options_for(2, UC_METRIC_EUCLIDEAN);
	options.max_iterations = -1;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "iterations", "It is -1", "no iterations");
	options = options_for(2, UC_METRIC_EUCLIDEAN);
	options.tolerance = -0.5;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "tolerance", "-0.5", "a negative tolerance");
	options.tolerance = NAN;
	refused(x, 4, &options, UC_INVALID_ARGUMENT, "tolerance", "nan", "a tolerance of NaN");
	options = options_for(2, UC_METRIC_EUCLIDEAN);
	options.centroids = start;
	refused(x, 4, &options, UC_INVALID_DATA, "centroid", "Centroid 2", "a given centroid with NaN");
	start[2] = start[3] = 0;
	options.metric = UC_METRIC_COSINE;
	refused(x, 4, &options, UC_INVALID_DATA, "centroid", "Centroid 2", "a given centroid without direction");
	options = options_for(2, UC_METRIC_EUCLIDEAN);
	x[5] = INFINITY;
	refused(x, 4, &options, UC_INVALID_DATA, "NaN or infinity", "Row 3", "a row with infinity");
	x[5] = NAN;
	options.metric = UC_METRIC_COSINE;
	refused(x, 4, &options, UC_INVALID_DATA, "NaN or infinity", "Row 3", "a row with NaN");
	x[6] = x[7] = 0;
	x[5] = 6;
	refused(x, 4, &options, UC_INVALID_DATA, "zero length", "Row 4", "a row of zeros by cosine");
}

static void
memory_limit(void)
{
	float	   *x = make_rows(1000, 16, 4, 3, 0, 1);
	UcKmeansOptions options = options_for(4, UC_METRIC_COSINE);
	size_t		needed = uc_kmeans_memory(1000, 16, &options, 1);
	UcRun		run = one_thread;
	UcKmeans	result;
	UcError		err = {0};

	run.max_memory = needed - 1;
	CHECK_REFUSED(uc_kmeans(x, 1000, 16, &options, &run, &result, &err), UC_MEMORY_LIMIT, &err,
				  "1000 rows of 16 dimensions", "one byte too few is refused");
	run.max_memory = needed;
	CHECK(uc_kmeans(x, 1000, 16, &options, &run, &result, &err) == UC_OK, "the estimate is enough");
	uc_kmeans_free(&result);
	CHECK(needed >= 1000 * 16 * sizeof(float), "the estimate covers the copy of the rows");
	options.k = 100;
	CHECK(uc_kmeans_memory(100000, 384, &options, 8) + 100000 * 384 * sizeof(float) < (size_t) 1 << 30,
		  "100000 rows of 384 dimensions in 100 clusters fit into 1 GB with their copy");
	options.k = 1000000;
	CHECK(uc_kmeans_memory(SIZE_MAX / 64, 16000, &options, 1) == SIZE_MAX,
		  "what cannot be represented is the largest size");
	uc_free(x);
}

static void
interrupts(UcInit init)
{
	const size_t rows = 6000;
	float	   *x = make_rows(rows, 32, 40, 1, 0, 2);
	UcKmeansOptions options = options_for(40, UC_METRIC_COSINE);
	Polls		polls = {.left = INT32_MAX};
	UcRun		run = one_thread;
	UcKmeans	result;
	UcError		err = {0};
	int			total,
				stopped = 0,
				tried = 0;

	options.init = init;
	run.interrupted = stop_after;
	run.interrupt_arg = &polls;
	uc_kmeans(x, rows, 32, &options, &run, &result, &err);
	uc_kmeans_free(&result);
	total = polls.made;
	CHECK(total > 100, "the callback is asked often (%d times)", total);
	for (int threads = 1; threads <= 3; threads += 2)
		for (int after = 0; after < total; after += 1 + total / 40)
		{
			run.threads = threads;
			polls = (Polls) {.left = after};
			/* with helpers at work the calling thread has fewer tasks, so the last polls may not come */
			if (uc_kmeans(x, rows, 32, &options, &run, &result, &err) == UC_OK)
			{
				stopped += threads > 1 && polls.made <= after;
				uc_kmeans_free(&result);
			}
			else
				stopped += err.status == UC_INTERRUPTED && result.labels == NULL && polls.made == after + 1;
			tried++;
		}
	CHECK(stopped == tried, "stopped at each of %d points, without a result and without another poll", tried);
	uc_free(x);
}

/* ---- what holds for every result ---- */

static void
consistent(size_t rows, size_t dim, int k, UcMetric metric, double offset)
{
	float	   *x = make_rows(rows, dim, k, 1.5, offset, rows + dim);
	UcKmeansOptions options = options_for(k, metric);
	UcKmeans	result = fit(x, rows, dim, &options, 1),
				plain;

	CHECK(result.k == k && labels_are_nearest(&result, x, metric),
		  "%zu x %zu, k = %d, %s: labels are the nearest centroids", rows, dim, k,
		  metric == UC_METRIC_COSINE ? "cosine" : "euclidean");
	CHECK(totals_agree(&result, metric), "sizes, order and inertia agree with labels and distances");
	uc_kernels_force_plain(true);
	plain = fit(x, rows, dim, &options, 1);
	uc_kernels_force_plain(false);
	CHECK(same_result(&result, &plain), "the plain kernels give the same result");
	uc_kmeans_free(&plain);
	uc_kmeans_free(&result);

	/* stopping after one iteration leaves centroids whose nearest rows are others than those they are the mean of */
	options.max_iterations = 1;
	result = fit(x, rows, dim, &options, 1);
	CHECK(!result.converged && result.iterations == 1, "one iteration does not converge, and says so");
	CHECK(labels_are_nearest(&result, x, metric) && totals_agree(&result, metric),
		  "the result agrees with itself even so");
	uc_kmeans_free(&result);
	uc_free(x);
}

static void
same_for_any_threads(size_t rows, size_t dim, int k, UcMetric metric)
{
	float	   *x = make_rows(rows, dim, k, 1, 0, 5);
	UcKmeansOptions options = options_for(k, metric);
	UcKmeans	one = fit(x, rows, dim, &options, 1),
				two = fit(x, rows, dim, &options, 2),
				three = fit(x, rows, dim, &options, 3);

	CHECK(one.k == k && same_result(&one, &two) && same_result(&one, &three),
		  "%zu x %zu, k = %d: 1, 2 and 3 threads give the same bits", rows, dim, k);
	uc_kmeans_free(&one);
	uc_kmeans_free(&two);
	uc_kmeans_free(&three);
	uc_free(x);
}

/* ---- the algorithm against a plain one ---- */

/* Lloyd's iterations in double as the textbook has them; after[i] is the inertia of the centroids after i iterations. */
static void
textbook(const float *x, size_t rows, size_t dim, const float *start, int k, int iterations, double *after)
{
	double	   *c = uc_alloc((size_t) k * dim * sizeof(double)),
			   *sum = uc_alloc((size_t) k * dim * sizeof(double));
	size_t	   *count = uc_alloc((size_t) k * sizeof(size_t));

	for (size_t i = 0; i < (size_t) k * dim; i++)
		c[i] = start[i];
	for (int iteration = 0; iteration <= iterations; iteration++)
	{
		memset(sum, 0, (size_t) k * dim * sizeof(double));
		memset(count, 0, (size_t) k * sizeof(size_t));
		after[iteration] = 0;
		for (size_t row = 0; row < rows; row++)
		{
			double		best = DBL_MAX;
			size_t		label = 0;

			for (size_t j = 0; j < (size_t) k; j++)
			{
				double		square = 0;

				for (size_t i = 0; i < dim; i++)
					square += (x[row * dim + i] - c[j * dim + i]) * (x[row * dim + i] - c[j * dim + i]);
				if (square < best)
				{
					best = square;
					label = j;
				}
			}
			after[iteration] += best;
			count[label]++;
			for (size_t i = 0; i < dim; i++)
				sum[label * dim + i] += x[row * dim + i];
		}
		for (size_t j = 0; j < (size_t) k; j++)
			for (size_t i = 0; count[j] > 0 && i < dim; i++)
				c[j * dim + i] = sum[j * dim + i] / (double) count[j];
	}
	uc_free(c);
	uc_free(sum);
	uc_free(count);
}

static void
follows_the_textbook(size_t rows, size_t dim, int k)
{
	float	   *x = make_rows(rows, dim, k / 2 + 1, 0.7, 3, dim);
	UcKmeansOptions options = options_for(k, UC_METRIC_EUCLIDEAN);
	double		expected[21],
				largest = 0,
				before = INFINITY;
	bool		falls = true;

	options.centroids = x;		/* the first k rows */
	options.tolerance = 0;
	textbook(x, rows, dim, options.centroids, k, 20, expected);
	for (int iterations = 1; iterations <= 20; iterations++)
	{
		UcKmeans	result;

		options.max_iterations = iterations;
		result = fit(x, rows, dim, &options, 1);
		largest = fmax(largest, fabs(result.inertia / expected[iterations] - 1));
		falls = falls && result.inertia <= before * (1 + 1e-9);
		before = result.inertia;
		uc_kmeans_free(&result);
	}
	CHECK(largest < 1e-6, "%zu x %zu, k = %d: the inertia of plain Lloyd at each of 20 iterations (off by %.1g)", rows,
		  dim, k, largest);
	CHECK(falls, "the inertia never rises");
	uc_free(x);
}

/* The least inertia of any division of a few rows into k parts, by trying all. */
static double
optimum(const float *x, int rows, size_t dim, int k)
{
	double		best = INFINITY;
	int			all = 1;

	for (int row = 0; row < rows; row++)
		all *= k;
	for (int code = 0; code < all; code++)
	{
		double		inertia = 0;

		for (int part = 0; part < k; part++)
			for (size_t i = 0; i < dim; i++)
			{
				double		sum = 0,
							squares = 0;
				int			count = 0;

				for (int row = 0, rest = code; row < rows; row++, rest /= k)
					if (rest % k == part)
					{
						double		value = x[(size_t) row * dim + i];

						sum += value;
						squares += value * value;
						count++;
					}
				inertia += count > 0 ? squares - sum * sum / count : 0;
			}
		best = fmin(best, inertia);
	}
	return best;
}

static void
finds_the_optimum(void)
{
	int			found = 0,
				tried = 0;

	for (int rows = 3; rows <= 8; rows++)
		for (int k = 1; k <= 3; k++)
			for (int set = 0; set < 10; set++)
			{
				float	   *x = make_rows((size_t) rows, 2, 3, 2, 0, (uint64_t) (rows * 100 + k * 10 + set));
				UcKmeansOptions options = options_for(k, UC_METRIC_EUCLIDEAN);
				UcKmeans	result;

				options.restarts = 20;
				result = fit(x, (size_t) rows, 2, &options, 1);
				found += result.inertia <= optimum(x, rows, 2, k) * (1 + 1e-5) + 1e-6;
				tried++;
				uc_kmeans_free(&result);
				uc_free(x);
			}
	CHECK(found == tried, "the optimum of %d tiny sets (%d found)", tried, found);
}

/* ---- duplicates, empty clusters, extremes ---- */

static void
duplicates(size_t dim, UcMetric metric)
{
	const size_t distinct = 37,
				rows = distinct * 9;
	float	   *few = make_rows(distinct, dim, 5, 2, 0, 11),
			   *x = uc_alloc(rows * dim * sizeof(float));
	UcKmeansOptions options = options_for(12, metric);
	UcKmeans	result;

	for (size_t row = 0; row < rows; row++)
		memcpy(x + row * dim, few + (row * 7 % distinct) * dim, dim * sizeof(float));
	result = fit(x, rows, dim, &options, 1);
	CHECK(result.k == 12 && identical_rows_share(&result, x), "%zu dimensions: identical rows share a cluster", dim);
	uc_kmeans_free(&result);

	options.k = 100;
	result = fit(x, rows, dim, &options, 1);
	CHECK(result.k == (int) distinct && identical_rows_share(&result, x) && totals_agree(&result, metric),
		  "more clusters than distinct rows: as many as those");
	CHECK(result.inertia < 1e-9 && result.converged, "and no inertia is left");
	uc_kmeans_free(&result);

	options.centroids = x;		/* with repetitions, and more than distinct rows */
	result = fit(x, rows, dim, &options, 1);
	CHECK(result.k == (int) distinct && identical_rows_share(&result, x),
		  "the same from given centroids that repeat (%d clusters)", result.k);
	uc_kmeans_free(&result);
	uc_free(few);
	uc_free(x);
}

static void
one_place(UcMetric metric)
{
	float		x[40];
	UcKmeansOptions options = options_for(3, metric);
	UcKmeans	result;

	for (int i = 0; i < 40; i++)
		x[i] = i % 2 ? 0.1f : -3.3f;
	result = fit(x, 20, 2, &options, 1);
	CHECK(result.k == 1 && result.sizes[0] == 20 && result.inertia < 1e-12,
		  "rows that are all the same are one cluster");
	uc_kmeans_free(&result);
}

static void
one_and_all(void)
{
	float	   *x = make_rows(50, 3, 4, 2, 10, 3);
	UcKmeansOptions options = options_for(1, UC_METRIC_EUCLIDEAN);
	UcKmeans	result = fit(x, 50, 3, &options, 1);
	double		mean = 0;

	for (int row = 0; row < 50; row++)
		mean += x[row * 3] / 50;
	CHECK(result.k == 1 && fabs(result.centroids[0] - mean) < 1e-5 && result.converged, "k = 1 gives the mean");
	uc_kmeans_free(&result);
	options.k = 50;
	result = fit(x, 50, 3, &options, 1);
	CHECK(result.k == 50 && result.inertia == 0, "k = rows gives each row its own cluster");
	uc_kmeans_free(&result);
	uc_free(x);
}

static void
empty_clusters(UcMetric metric)
{
	const size_t rows = 300;
	float	   *x = make_rows(rows, 20, 6, 3, 0, 21),
			   *start = uc_alloc(6 * 20 * sizeof(float));
	UcKmeansOptions options = options_for(6, metric);
	UcKmeans	result;

	/* all start in one place, or where no row is */
	for (int i = 0; i < 6 * 20; i++)
		start[i] = i < 3 * 20 ? x[i % 20] : 1e30f;
	options.centroids = start;
	result = fit(x, rows, 20, &options, 1);
	CHECK(result.k == 6 && totals_agree(&result, metric) && labels_are_nearest(&result, x, metric),
		  "clusters that start empty are filled");
	uc_kmeans_free(&result);
	uc_free(start);
	uc_free(x);
}

static void
extremes(void)
{
	const size_t rows = 600;
	float	   *x = make_rows(rows, 8, 4, 20, 0, 31),
			   *moved = uc_alloc(rows * 8 * sizeof(float));
	UcKmeansOptions options = options_for(4, UC_METRIC_EUCLIDEAN);
	UcKmeans	result = fit(x, rows, 8, &options, 1),
				other;
	const float scales[] = {1e-34f, 1e30f};

	for (int s = 0; s < 2; s++)
	{
		for (size_t i = 0; i < rows * 8; i++)
			moved[i] = x[i] * scales[s];
		other = fit(moved, rows, 8, &options, 1);
		CHECK(other.k == 4 && memcmp(result.labels, other.labels, rows * sizeof(int32_t)) == 0,
			  "values of the order of %g give the same labels", scales[s]);
		uc_kmeans_free(&other);
	}
	for (size_t i = 0; i < rows * 8; i++)
		moved[i] = 1e6f + x[i] / 4;
	other = fit(moved, rows, 8, &options, 1);
	CHECK(other.k == 4 && memcmp(result.labels, other.labels, rows * sizeof(int32_t)) == 0,
		  "an offset of a million gives the same labels");
	CHECK(labels_are_nearest(&other, moved, UC_METRIC_EUCLIDEAN), "and they are the nearest centroids");
	uc_kmeans_free(&other);
	uc_kmeans_free(&result);
	uc_free(moved);
	uc_free(x);
}

static void
directions(void)
{
	const float opposite[] = {1, 0, -1, 0, 0, 1};
	const float start[] = {0.6f, 0.8f};
	float	   *x = make_rows(400, 16, 5, 1, 0, 41);
	UcKmeansOptions options = options_for(5, UC_METRIC_COSINE);
	UcKmeans	result = fit(x, 400, 16, &options, 1),
				scaled;
	bool		unit = true;

	for (int j = 0; j < result.k; j++)
	{
		double		square = 0;

		for (int i = 0; i < 16; i++)
			square += (double) result.centroids[j * 16 + i] * result.centroids[j * 16 + i];
		unit = unit && fabs(square - 1) < 1e-6;
	}
	CHECK(unit, "centroids have unit length");
	for (size_t i = 0; i < 400 * 16; i++)
		x[i] *= (float) (1 + i / 16 % 4);
	scaled = fit(x, 400, 16, &options, 1);
	CHECK(memcmp(result.labels, scaled.labels, 400 * sizeof(int32_t)) == 0, "the length of a row does not matter");
	uc_kmeans_free(&scaled);
	uc_kmeans_free(&result);
	uc_free(x);

	options = options_for(1, UC_METRIC_COSINE);
	options.centroids = start;
	result = fit(opposite, 2, 2, &options, 1);
	CHECK(result.k == 1 && fabs(result.centroids[0] - 0.6) < 1e-6 && fabs(result.inertia - 2) < 1e-6,
		  "rows that cancel out leave their centroid where it was");
	uc_kmeans_free(&result);
}

static void
ties(void)
{
	const float x[] = {-2, 2, -2, 2, 0};
	const float start[] = {2, -2};
	UcKmeansOptions options = options_for(2, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;

	options.centroids = start;
	options.max_iterations = 1;
	result = fit(x, 5, 1, &options, 1);
	CHECK(result.sizes[0] == 3 && result.labels[4] == result.labels[1],
		  "a row between two centroids goes to the first");
	uc_kmeans_free(&result);
}

int
main(void)
{
	refusals();
	memory_limit();
	interrupts(UC_INIT_PLUS_PLUS);
	interrupts(UC_INIT_SCALABLE);

	consistent(700, 2, 6, UC_METRIC_EUCLIDEAN, 0);
	consistent(700, 2, 6, UC_METRIC_COSINE, 0);
	consistent(900, 15, 25, UC_METRIC_EUCLIDEAN, 1000);
	consistent(900, 17, 25, UC_METRIC_EUCLIDEAN, 0);
	consistent(900, 100, 60, UC_METRIC_EUCLIDEAN, 5);
	consistent(900, 100, 60, UC_METRIC_COSINE, 5);
	same_for_any_threads(6000, 40, 50, UC_METRIC_EUCLIDEAN);
	same_for_any_threads(6000, 40, 50, UC_METRIC_COSINE);
	same_for_any_threads(100000, 2, 12, UC_METRIC_EUCLIDEAN);

	follows_the_textbook(1500, 3, 20);
	follows_the_textbook(1500, 24, 30);
	follows_the_textbook(1200, 96, 120);
	follows_the_textbook(2300, 16, 1100);
	finds_the_optimum();

	duplicates(3, UC_METRIC_EUCLIDEAN);
	duplicates(33, UC_METRIC_EUCLIDEAN);
	duplicates(33, UC_METRIC_COSINE);
	one_place(UC_METRIC_EUCLIDEAN);
	one_place(UC_METRIC_COSINE);
	one_and_all();
	empty_clusters(UC_METRIC_EUCLIDEAN);
	empty_clusters(UC_METRIC_COSINE);
	extremes();
	directions();
	ties();
	return check_done();
}
