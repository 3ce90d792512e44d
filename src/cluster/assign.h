/*
 * assign.h
 *	  The nearest of given centroids for every row, and how clearly it is the nearest.
 *
 * Distances are those of the fixed-order kernels: a row gets the same answer alone and among others, on every machine.
 */
#ifndef UC_CLUSTER_ASSIGN_H
#define UC_CLUSTER_ASSIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

typedef struct UcAssignment
{
	int32_t    *labels;			/* [count] 0 … k-1, among equals the lowest */
	double	   *distances;		/* [count] 1 - cosine, or euclidean */
	double	   *margins;		/* [count] how much further the next centroid is; NaN where there is only one */
} UcAssignment;

/*
 * Fills the caller's arrays for rows [count, dim] and centroids [k, dim], k at least 1. Errors: UC_INVALID_DATA where a
 * row or a centroid has no direction with the cosine metric, or a distance is not finite; UC_OUT_OF_MEMORY;
 * UC_INTERRUPTED.
 */
extern UcStatus uc_assign(const float *rows, size_t count, size_t dim, const float *centroids, int k, UcMetric metric,
						  const UcRun *run, const UcAssignment *out, UcError *err);

#endif
