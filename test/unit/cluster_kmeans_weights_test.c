/*
 * k-means with weights: what it refuses, and that a row of weight 3 is as good as three.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "kmeans_data.h"

/* ---- weights ---- */

static void
refuses_weights(const double *weights, const char *detail, const char *what)
{
	static const float x[] = {0, 1, 2};
	UcKmeansOptions options = options_for(2, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;
	UcError		err = {0};

	options.weights = weights;
	CHECK(uc_kmeans(x, 3, 1, &options, &one_thread, &result, &err) == UC_INVALID_DATA &&
		  strstr(err.detail, detail) != NULL, what);
}

static void
bad_weights(void)
{
	refuses_weights((const double[]) {1, -1, 1}, "row 2", "a negative weight is refused with its row");
	refuses_weights((const double[]) {1, 1, NAN}, "row 3", "a weight that is NaN is refused with its row");
	refuses_weights((const double[]) {INFINITY, 1, 1}, "row 1", "an infinite weight is refused with its row");
	refuses_weights((const double[]) {0, 0, 0}, "1 to 3", "weights that are all 0 are refused");
}

static bool
same_centroids(const UcKmeans *a, const UcKmeans *b)
{
	for (size_t i = 0; i < (size_t) a->k * a->dim; i++)
		if (fabs((double) a->centroids[i] - (double) b->centroids[i]) > 4e-7 * (1 + fabs((double) a->centroids[i])))
			return false;
	return a->k == b->k;
}

/* Weights of 0 to 3 against so many copies of the rows, from the same centroids. */
static void
weights_repeat_rows(size_t dim, UcMetric metric)
{
	enum
	{
	ROWS = 600, K = 7};
	float	   *x = make_rows(ROWS, dim, K, 6, 1, 5),
			   *repeated = uc_alloc(3 * ROWS * dim * sizeof(float));
	double		weights[ROWS];
	size_t		count = 0;
	size_t		origin[3 * ROWS];
	UcKmeansOptions options = options_for(K, metric);
	UcKmeans	plain,
				weighted;
	bool		same = true;
	int			number[K];

	for (size_t row = 0; row < ROWS; row++)
	{
		weights[row] = (double) (row * 7 % 4);
		for (int i = 0; i < (int) weights[row]; i++)
		{
			memcpy(repeated + count * dim, x + row * dim, dim * sizeof(float));
			origin[count++] = row;
		}
	}
	options.centroids = x;
	options.tolerance = 0;
	plain = fit(repeated, count, dim, &options, 1);
	options.weights = weights;
	weighted = fit(x, ROWS, dim, &options, 1);
	CHECK(fabs(plain.inertia - weighted.inertia) <= 1e-9 * plain.inertia, "a weight is as good as so many rows: inertia");
	/* clusters are numbered by rows, which are more in the one */
	for (size_t i = 0; i < count; i++)
		number[weighted.labels[origin[i]]] = plain.labels[i];
	for (size_t i = 0; i < count; i++)
		same = same && number[weighted.labels[origin[i]]] == plain.labels[i];
	CHECK(same && plain.k == weighted.k, "a weight is as good as so many rows: labels");
	for (int j = 0; j < weighted.k; j++)
		for (size_t i = 0; i < dim; i++)
		{
			double		a = weighted.centroids[(size_t) j * dim + i],
						b = plain.centroids[(size_t) number[j] * dim + i];

			same = same && fabs(a - b) <= 4e-7 * (1 + fabs(a));
		}
	CHECK(same, "a weight is as good as so many rows: centroids");
	CHECK(labels_are_nearest(&weighted, x, metric), "rows of weight 0 have labels and distances too");
	uc_kmeans_free(&plain);
	uc_kmeans_free(&weighted);
	uc_free(x);
	uc_free(repeated);
}

static void
weights_of_any_scale(UcMetric metric)
{
	enum
	{
	ROWS = 5000, DIM = 24, K = 20};
	float	   *x = make_rows(ROWS, DIM, K, 3, 1, 8);
	double	   *weights = uc_alloc(ROWS * sizeof(double));
	UcKmeansOptions options = options_for(K, metric);
	UcKmeans	plain = fit(x, ROWS, DIM, &options, 1),
				first,
				other;
	UcRandom	random;

	options.weights = weights;
	for (size_t row = 0; row < ROWS; row++)
		weights[row] = 1;
	first = fit(x, ROWS, DIM, &options, 1);
	CHECK(same_result(&first, &plain), "weights of 1 give the bits of no weights");
	uc_kmeans_free(&first);
	for (size_t row = 0; row < ROWS; row++)
		weights[row] = 0.3;
	first = fit(x, ROWS, DIM, &options, 1);
	CHECK(memcmp(first.labels, plain.labels, ROWS * sizeof(int32_t)) == 0 && same_centroids(&first, &plain) &&
		  fabs(first.inertia - 0.3 * plain.inertia) <= 1e-9 * first.inertia, "equal weights change the inertia only");
	uc_kmeans_free(&first);
	uc_random_seed(&random, 3, 4);
	for (size_t row = 0; row < ROWS; row++)
		weights[row] = row % 10 == 0 ? 0 : 5 * uc_random_unit(&random);
	first = fit(x, ROWS, DIM, &options, 1);
	for (int threads = 2; threads <= 3; threads++)
	{
		other = fit(x, ROWS, DIM, &options, threads);
		CHECK(memcmp(first.labels, other.labels, ROWS * sizeof(int32_t)) == 0 && first.inertia == other.inertia &&
			  memcmp(first.centroids, other.centroids, K * DIM * sizeof(float)) == 0,
			  "with weights, threads do not change a bit");
		uc_kmeans_free(&other);
	}
	for (int step = 0; step < 2; step++)
	{
		double		factor = step == 0 ? 1e300 : 1e-305;

		for (size_t row = 0; row < ROWS; row++)
			weights[row] *= factor;
		other = fit(x, ROWS, DIM, &options, 1);
		CHECK(memcmp(first.labels, other.labels, ROWS * sizeof(int32_t)) == 0, "the scale of the weights changes no label");
		uc_kmeans_free(&other);
	}
	uc_kmeans_free(&first);
	uc_kmeans_free(&plain);
	uc_free(weights);
	uc_free(x);
}

/* Far rows of weight 0 attract no centroid, and make no cluster where there is nothing else. */
static void
weightless_rows(void)
{
	static const float x[] = {0, 1, 10, 11, 500, -900};
	UcKmeansOptions options = options_for(2, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;

	options.weights = (const double[]) {1, 3, 2, 2, 0, 0};
	result = fit(x, 6, 1, &options, 1);
	CHECK(result.k == 2 && fabs(result.inertia - 1.75) < 1e-6, "rows of weight 0 add nothing to the inertia");
	CHECK(result.labels[4] == result.labels[2] && result.labels[5] == result.labels[0] &&
		  fabs((double) result.centroids[result.labels[0]] - 0.75) < 1e-6, "rows of weight 0 pull no centroid");
	CHECK(result.sizes[0] == 3 && result.sizes[1] == 3, "sizes count rows of weight 0");
	uc_kmeans_free(&result);
	options.k = 4;
	options.weights = (const double[]) {1, 1e-12, 0, 0, 0, 0};
	result = fit(x, 6, 1, &options, 1);
	CHECK(result.k == 2 && result.inertia < 1e-20, "rows of weight 0 make no cluster of their own");
	uc_kmeans_free(&result);
}

int
main(void)
{
	bad_weights();
	weights_repeat_rows(3, UC_METRIC_EUCLIDEAN);
	weights_repeat_rows(32, UC_METRIC_EUCLIDEAN);
	weights_repeat_rows(32, UC_METRIC_COSINE);
	weights_of_any_scale(UC_METRIC_EUCLIDEAN);
	weights_of_any_scale(UC_METRIC_COSINE);
	weightless_rows();
	return check_done();
}
