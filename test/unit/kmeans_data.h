/*
 * kmeans_data.h
 *	  Rows to cluster, and what any result must satisfy: for the tests of k-means.
 */
#ifndef KMEANS_DATA_H
#define KMEANS_DATA_H

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"

static const UcRun one_thread = {.threads = 1,.max_memory = (size_t) 1 << 30};

/* ---- data ---- */

static double
normal(UcRandom *random)
{
	return sqrt(-2 * log(1 - uc_random_unit(random))) * cos(6.283185307179586 * uc_random_unit(random));
}

/* `blobs` clouds of unit spread whose centres lie `apart` times that from each other, all moved by `offset`. */
static float *
make_rows(size_t rows, size_t dim, int blobs, double apart, double offset, uint64_t seed)
{
	float	   *x = uc_alloc(rows * dim * sizeof(float));
	double	   *centres = uc_alloc((size_t) blobs * dim * sizeof(double));
	UcRandom	random;

	uc_random_seed(&random, seed, 99);
	for (size_t i = 0; i < (size_t) blobs * dim; i++)
		centres[i] = offset + apart * normal(&random);
	for (size_t row = 0; row < rows; row++)
	{
		size_t		blob = uc_random_below(&random, (uint64_t) blobs);

		for (size_t i = 0; i < dim; i++)
			x[row * dim + i] = (float) (centres[blob * dim + i] + normal(&random));
	}
	uc_free(centres);
	return x;
}

static UcKmeansOptions
options_for(int k, UcMetric metric)
{
	UcKmeansOptions options;

	uc_kmeans_defaults(&options);
	options.k = k;
	options.metric = metric;
	options.restarts = 2;
	options.seed = 7;
	return options;
}

static UcKmeans
fit(const float *x, size_t rows, size_t dim, const UcKmeansOptions *options, int threads)
{
	UcRun		run = one_thread;
	UcKmeans	result;
	UcError		err = {0};

	run.threads = threads;
	if (uc_kmeans(x, rows, dim, options, &run, &result, &err) != UC_OK)
		printf("# unexpected failure: %s (%s)\n", err.message, err.detail);
	return result;
}

/* ---- properties of a result ---- */

static double
distance_by_definition(const float *x, const float *c, size_t dim, UcMetric metric)
{
	double		square = 0,
				xc = 0,
				xx = 0,
				cc = 0;

	for (size_t i = 0; i < dim; i++)
	{
		double		difference = (double) x[i] - (double) c[i];

		square += difference * difference;
		xc += (double) x[i] * (double) c[i];
		xx += (double) x[i] * (double) x[i];
		cc += (double) c[i] * (double) c[i];
	}
	return metric == UC_METRIC_COSINE ? 1 - xc / sqrt(xx * cc) : sqrt(square);
}

static bool
labels_are_nearest(const UcKmeans *result, const float *x, UcMetric metric)
{
	for (size_t row = 0; row < result->rows; row++)
	{
		const float *point = x + row * result->dim;
		double		own = distance_by_definition(point, result->centroids + (size_t) result->labels[row] * result->dim,
												 result->dim, metric);

		for (int j = 0; j < result->k; j++)
			if (distance_by_definition(point, result->centroids + (size_t) j * result->dim, result->dim, metric) <
				own - 1e-12 * (1 + own))
				return false;
		if (fabs(own - result->distances[row]) > 1e-9 * (1 + own))
			return false;
	}
	return true;
}

#endif
