/*
 * cluster_lookup_test.c
 *	  The nearest of a few centroids is the one that the exact kernels say, also where a product in float cannot tell.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/simd.h"
#include "check.h"
#include "cluster/lookup.h"

#define MOST_K 40
#define MOST_DIM 400

/* What uc_lookup_nearest must answer: every distance by the exact kernels, the first of the smallest. */
static int
plain(const UcLookup *lookup, const float *row, double *distance, double *second)
{
	double		norm = sqrt(uc_dot(row, row, lookup->dim));
	int			which = 0;

	*distance = *second = INFINITY;
	for (int i = 0; i < lookup->k; i++)
	{
		const float *centroid = lookup->centroids + i * lookup->dim;
		double		d = lookup->metric == UC_METRIC_COSINE ?
			1 - uc_dot(row, centroid, lookup->dim) / (norm * lookup->norms[i]) :
			uc_squared_distance(row, centroid, lookup->dim);

		if (d < *distance)
		{
			*second = *distance;
			*distance = d;
			which = i;
		}
		else if (d < *second)
			*second = d;
	}
	*second = lookup->metric == UC_METRIC_COSINE ? fmax(*second, 0) : sqrt(*second);
	*distance = lookup->metric == UC_METRIC_COSINE ? fmax(*distance, 0) : sqrt(*distance);
	return which;
}

static float
normal(UcRandom *random)
{
	double		sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uc_random_unit(random);
	return (float) (sum - 6);
}

/* Rows around centroids that differ from each other by `apart` only, everything multiplied by `scale`. */
static void
compare(const char *what, UcMetric metric, int k, size_t dim, float apart, float scale)
{
	static float centroids[MOST_K * MOST_DIM];
	float		row[MOST_DIM],
				centre[MOST_DIM],
				products[MOST_K];
	double		norms[MOST_K];
	UcLookup	lookup = {centroids, k, dim, metric, norms, products};
	UcRandom	random;
	int			same = 0;

	uc_random_seed(&random, 5, 0);
	for (size_t j = 0; j < dim; j++)
		centre[j] = normal(&random);
	for (int i = 0; i < k; i++)
		for (size_t j = 0; j < dim; j++)
			centroids[i * dim + j] = scale * (centre[j] + apart * normal(&random));
	memcpy(centroids + (k - 1) * dim, centroids, dim * sizeof(float));	/* equal ones: the first is to be named */
	CHECK(uc_lookup_begin(&lookup) == -1, "every centroid has a direction or needs none");
	for (int n = 0; n < 200; n++)
	{
		double		expected,
					expected_second,
					distance,
					second;

		for (size_t j = 0; j < dim; j++)
			row[j] = scale * (centre[j] + apart * normal(&random));
		same += uc_lookup_nearest(&lookup, row, &distance, &second) == plain(&lookup, row, &expected, &expected_second) &&
			distance == expected && second == expected_second &&
			uc_lookup_nearest(&lookup, row, &distance, NULL) >= 0 && distance == expected;
	}
	CHECK(same == 200, "%s, %d centroids of %zu dimensions: %d of 200 rows", what, k, dim, same);
}

int
main(void)
{
	float		zero[6] = {1, 0, 0, 0, 0, 1};
	double		norms[3];
	float		products[3];
	UcLookup	lookup = {zero, 3, 2, UC_METRIC_COSINE, norms, products};

	CHECK(uc_lookup_begin(&lookup) == 1, "the second centroid has no direction");
	lookup.metric = UC_METRIC_EUCLIDEAN;
	CHECK(uc_lookup_begin(&lookup) == -1, "every centroid has a direction or needs none");
	for (int metric = UC_METRIC_COSINE; metric <= UC_METRIC_EUCLIDEAN; metric++)
	{
		compare("few", metric, 3, 2, 1, 1);
		for (size_t dim = 1; dim <= 16; dim++)
			compare("few dimensions", metric, 40, dim, 1, 1);
		compare("few dimensions, close together", metric, 40, 3, 1e-4f, 1);
		compare("few dimensions, closer than floats tell", metric, 40, 3, 1e-7f, 1);
		compare("few dimensions, large", metric, 40, 3, 1, 1e18f);
		compare("few dimensions, too large for float squares", metric, 40, 3, 1, 1e30f);
		compare("few dimensions, too small for float squares", metric, 40, 3, 1, 1e-30f);
		compare("many", metric, 40, 384, 1, 1);
		compare("odd", metric, 17, 131, 1, 1);
		compare("close together", metric, 40, 384, 1e-4f, 1);
		compare("closer than float products tell", metric, 40, 384, 1e-7f, 1);
		compare("large", metric, 40, 384, 1, 1e18f);
		compare("too large for float products", metric, 40, 384, 1, 1e30f);
		compare("small", metric, 40, 384, 1, 1e-18f);
		compare("too small for float products", metric, 40, 384, 1, 1e-30f);
	}
	return check_done();
}
