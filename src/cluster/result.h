/*
 * result.h
 *	  Allocating a UcKmeans, and filling it with clusters in their final order. Private to the room.
 */
#ifndef UC_CLUSTER_RESULT_H
#define UC_CLUSTER_RESULT_H

#include "cluster/kmeans.h"

extern size_t uc_result_memory(size_t rows, size_t dim, int k);

/* Ended by uc_kmeans_free. */
extern UcStatus uc_result_create(UcKmeans *result, size_t rows, size_t dim, int k, UcError *err);

/*
 * Takes labels [rows] of k clusters, the rows' squared distances or 1 - cosine to their centroids, the rows' weights or
 * NULL, the clusters' sizes,
 * and result->centroids in that order; leaves out empty clusters and numbers the others by falling size, ties by their
 * first row. `spare` [k, dim] is overwritten.
 */
extern UcStatus uc_result_fill(UcKmeans *result, const int32_t *labels, const double *measured, const double *weights,
							   const int64_t *sizes, int k, float *spare, UcMetric metric, const UcRun *run, UcError *err);

#endif
