/*
 * lookup.h
 *	  The nearest of a few centroids to one row at a time, for callers that never have the rows together.
 *
 * A product in float narrows the centroids down to those within its rounding error of the nearest; the fixed-order kernels of
 * base/simd.h decide between them. The answer is theirs for all centroids, whatever the product's rounding.
 */
#ifndef UC_CLUSTER_LOOKUP_H
#define UC_CLUSTER_LOOKUP_H

#include <stddef.h>

#include "cluster/kmeans.h"

typedef struct UcLookup
{
	const float *centroids;		/* [k, dim], finite; the caller's */
	int			k;
	size_t		dim;
	UcMetric	metric;
	double	   *norms;			/* [k] lengths; the caller's memory */
	float	   *products;		/* [k] scratch of one call; the caller's memory */
} UcLookup;

/*
 * Fills in the norms of a lookup whose other fields are set. Returns the first centroid that has no direction where the
 * cosine metric needs one, or -1.
 */
extern int	uc_lookup_begin(UcLookup *lookup);

/*
 * The nearest centroid to row [dim], 0 … k-1, among equals the lowest; k is at least 1, the row is finite and, with the
 * cosine metric, not zero. `distance` is 1 - cosine, or euclidean; `second` (may be NULL) that of the next centroid, infinite
 * where there is none.
 */
extern int	uc_lookup_nearest(const UcLookup *lookup, const float *row, double *distance, double *second);

#endif
