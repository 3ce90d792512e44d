/*
 * silhouette.h
 *	  How much nearer each row is to its own cluster than to the next one (Rousseeuw,
 *	  https://doi.org/10.1016/0377-0427(87)90125-7).
 *
 * With a the mean distance to the other rows of the own cluster, and b the smallest mean distance to the rows of another
 * one, a row's silhouette is (b - a) / max(a, b); 0 for a row alone in its cluster and where both are 0. Distances are
 * euclidean, or 1 - cosine.
 *
 * A matrix of all distances is never made. Sums of cosines are products with the sum of a cluster's directions: the
 * cosine metric costs rows times clusters, and sampling is for the euclidean one, which costs rows times rows. It goes
 * through matrix products in blocks, and pairs whose distance is small beside their lengths are computed again in double.
 */
#ifndef UC_CLUSTER_SILHOUETTE_H
#define UC_CLUSTER_SILHOUETTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

typedef struct UcSilhouetteOptions
{
	UcMetric	metric;
	const double *weights;		/* [rows] finite, at least 0, or NULL: means over rows become weighted means; the row
								 * itself counts not at all in its own cluster, rows of weight 0 nowhere */
	size_t		sample;			/* rows to measure, each against all others; 0, or as many as there are: every row */
	uint64_t	seed;			/* of the sample */
} UcSilhouetteOptions;

typedef struct UcSilhouette
{
	double		mean;			/* NaN where it is not defined: one cluster, or every row in one of its own */
	double		error;			/* standard error of a sampled mean; NaN where every row was measured */
	size_t		measured;		/* rows */
} UcSilhouette;

extern size_t uc_silhouette_memory(size_t rows, size_t dim, int k, const UcSilhouetteOptions *options, int threads);

/*
 * Measures rows [count, dim] with labels [count] of 0 … k-1; numbers may be unused. `values` is [count] or NULL: each
 * row's silhouette, NaN for rows that were not measured. A sample is drawn from every cluster by its share, two rows at
 * least, without replacement, and its mean weighs clusters by their size. The result does not depend on the threads.
 * Errors: UC_INVALID_ARGUMENT (no rows, k), UC_INVALID_DATA (label, weight, a row that is not finite or by cosine has no
 * direction), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_silhouette(const float *rows, const int32_t *labels, size_t count, size_t dim, int k,
							  const UcSilhouetteOptions *options, const UcRun *run, double *values,
							  UcSilhouette *result, UcError *err);

#endif
