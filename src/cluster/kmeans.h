/*
 * kmeans.h
 *	  k-means over the rows of a matrix in memory.
 *
 * Lloyd's algorithm (https://doi.org/10.1109/TIT.1982.1056489) from k-means++ seeds
 * (https://dl.acm.org/doi/10.5555/1283383.1283494) or k-means|| seeds (https://doi.org/10.14778/2180912.2180915), best
 * of several restarts by inertia; or mini-batches (https://doi.org/10.1145/1772690.1772862), for a first answer on many
 * rows. With the cosine metric rows and centroids have unit length (spherical k-means).
 *
 * Where the iterations come to rest, a cluster that gains by being split may pay for two others that lose less by being
 * merged, and single rows of small data may change places; then the iterations go on. Each such change lowers the
 * inertia, so that the result is never worse than the local optimum it left.
 *
 * The same rows in the same order, the same options and seed give the same labels whatever the number of threads.
 * Each row is in the cluster of its nearest centroid, and identical rows share one, unless a least size has to part them.
 * Clusters are numbered by falling size, ties by their first row.
 *
 * A row of weight 3 is as good as three such rows: in the means, the inertia, the seeds, the refinement and the
 * tolerance. Rows of weight 0 get a label and move nothing; they make no cluster of their own. Sizes count rows.
 */
#ifndef UC_CLUSTER_KMEANS_H
#define UC_CLUSTER_KMEANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef enum UcMetric
{
	UC_METRIC_COSINE,
	UC_METRIC_EUCLIDEAN
} UcMetric;

typedef enum UcInit
{
	UC_INIT_AUTO,				/* what costs less and ends as well: k-means|| for many clusters in many dimensions */
	UC_INIT_PLUS_PLUS,			/* k-means++, over a sample where there are many rows */
	UC_INIT_SCALABLE			/* k-means|| */
} UcInit;

typedef struct UcKmeansOptions
{
	int			k;				/* clusters asked for: 1 … rows */
	UcMetric	metric;
	int			restarts;		/* at least 1; with given centroids there is one */
	int			max_iterations; /* per restart, those after a refinement included; at least 1 */
	double		tolerance;		/* converged when the centroids' summed squared shift is at most this times the mean
								 * variance of a column; at least 0 */
	bool		refine;			/* look for a way on where the iterations come to rest; not with given centroids */
	uint64_t	seed;
	UcInit		init;			/* how each restart chooses its centroids */
	size_t		min_size;		/* rows of some weight that each cluster has at least; 0: as it comes. k times this is at
								 * most the number of such rows */
	size_t		batch_rows;		/* mini-batches of so many rows instead of iterations over all, and one such iteration at the
								 * end; iterations and their limit count batches, which end by the tolerance as
								 * minibatch.h says. 0, or not fewer than the rows: all rows */
	const float *centroids;		/* [k, dim] to start from instead, or NULL */
	const double *weights;		/* [rows] how much each row counts, finite, at least 0, not all 0; or NULL: all alike */
} UcKmeansOptions;

typedef struct UcKmeans
{
	int			k;				/* clusters found: fewer than asked where there are fewer distinct rows of any weight */
	size_t		rows;
	size_t		dim;
	int32_t    *labels;			/* [rows], 0 … k-1 */
	double	   *distances;		/* [rows] to the own centroid: 1 - cosine, or euclidean */
	float	   *centroids;		/* [k, dim]; unit length with the cosine metric */
	int64_t    *sizes;			/* [k] rows per cluster, falling; of whatever weight */
	double	   *cluster_inertia;	/* [k] */
	double		inertia;		/* sum of 1 - cosine, or of squared euclidean distances, times the weights */
	int			iterations;		/* of the best restart, those after a refinement included */
	bool		converged;		/* the best restart, within max_iterations */
} UcKmeans;

/* Defaults of every option but k. */
extern void uc_kmeans_defaults(UcKmeansOptions *options);

/* Bytes that uc_kmeans allocates beyond the caller's rows; SIZE_MAX where they cannot be represented. */
extern size_t uc_kmeans_memory(size_t rows, size_t dim, const UcKmeansOptions *options, int threads);

/*
 * Clusters rows [rows, dim]. They must be finite, and of non-zero norm with the cosine metric; they are not changed.
 * `result` is filled on UC_OK and ended by uc_kmeans_free; on any other status it holds nothing.
 * Errors: UC_INVALID_ARGUMENT (k, options), UC_INVALID_DATA (the row's number in the detail), UC_MEMORY_LIMIT,
 * UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_kmeans(const float *rows, size_t count, size_t dim, const UcKmeansOptions *options, const UcRun *run,
						  UcKmeans *result, UcError *err);
extern void uc_kmeans_free(UcKmeans *result);

#endif
