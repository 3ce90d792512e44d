/*
 * kmeans_data.h
 *	  Rows to cluster, and what any result must satisfy: for the tests of k-means.
 */
#ifndef KMEANS_DATA_H
#define KMEANS_DATA_H

#include "check.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"

static const UcRun one_thread = {.threads = 1,.max_memory = (size_t) 1 << 30};

/* ---- data ---- */

static inline double
normal(UcRandom *random)
{
	return sqrt(-2 * log(1 - uc_random_unit(random))) * cos(6.283185307179586 * uc_random_unit(random));
}

/* `blobs` clouds of unit spread whose centres lie `apart` times that from each other, all moved by `offset`. */
static inline float *
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

static inline UcKmeansOptions
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

static inline UcKmeans
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

static inline double
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

static inline bool
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

static inline bool
totals_agree(const UcKmeans *result, UcMetric metric)
{
	double		inertia = 0;
	bool		good = true;
	int64_t    *sizes = uc_alloc_zeroed((size_t) result->k * sizeof(int64_t));
	size_t	   *first = uc_alloc((size_t) result->k * sizeof(size_t));

	for (size_t row = result->rows; row-- > 0;)
	{
		double		distance = result->distances[row];

		sizes[result->labels[row]]++;
		first[result->labels[row]] = row;
		inertia += metric == UC_METRIC_COSINE ? distance : distance * distance;
	}
	for (int j = 0; j < result->k; j++)
	{
		good = good && sizes[j] == result->sizes[j] && sizes[j] > 0;
		if (j > 0)
			good = good && (sizes[j - 1] > sizes[j] || (sizes[j - 1] == sizes[j] && first[j - 1] < first[j]));
	}
	uc_free(sizes);
	uc_free(first);
	return good && fabs(inertia - result->inertia) <= 1e-9 * (1 + inertia);
}

static inline bool
same_result(const UcKmeans *a, const UcKmeans *b)
{
	return a->k == b->k && a->inertia == b->inertia && a->iterations == b->iterations &&
		memcmp(a->labels, b->labels, a->rows * sizeof(int32_t)) == 0 &&
		memcmp(a->centroids, b->centroids, (size_t) a->k * a->dim * sizeof(float)) == 0 &&
		memcmp(a->distances, b->distances, a->rows * sizeof(double)) == 0;
}

static inline bool
identical_rows_share(const UcKmeans *result, const float *x)
{
	size_t		bytes = result->dim * sizeof(float);

	for (size_t a = 0; a < result->rows; a++)
		for (size_t b = a + 1; b < result->rows; b++)
			if (result->labels[a] != result->labels[b] && memcmp(x + a * result->dim, x + b * result->dim, bytes) == 0)
				return false;
	return true;
}

/* ---- stopping ---- */

typedef struct Polls
{
	int			left;
	int			made;
} Polls;

static inline bool
stop_after(void *arg)
{
	Polls	   *polls = arg;

	polls->made++;
	return polls->left-- <= 0;
}

/* On one thread, wherever it asks. */
static inline void
stops_everywhere(const float *x, size_t rows, size_t dim, const UcKmeansOptions *options)
{
	Polls		polls = {.left = INT32_MAX};
	UcRun		run = one_thread;
	UcKmeans	result;
	UcError		err = {0};
	int			total,
				stopped = 0,
				tried = 0;

	run.interrupted = stop_after;
	run.interrupt_arg = &polls;
	uc_kmeans(x, rows, dim, options, &run, &result, &err);
	uc_kmeans_free(&result);
	total = polls.made;
	for (int after = 0; after < total; after += 1 + total / 50)
	{
		polls = (Polls) {.left = after};
		stopped += uc_kmeans(x, rows, dim, options, &run, &result, &err) == UC_INTERRUPTED && result.labels == NULL;
		tried++;
	}
	CHECK(tried > 40 && stopped == tried, "stopped at each of %d points", tried);
}

#endif
