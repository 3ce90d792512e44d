/*
 * extend.h
 *	  More centroids for rows that have more distinct points than there are centroids, such as those found in a sample.
 */
#ifndef UC_CLUSTER_EXTEND_H
#define UC_CLUSTER_EXTEND_H

#include "cluster/kmeans.h"

/* Rows nearer than this to a centroid are that point: 1 - cosine, and the euclidean distance. */
#define UC_SAME_DIRECTION 1e-14
#define UC_SAME_POINT 0.0

/*
 * Adds to centroids [k, dim], of which there are *found (at least one), the row farthest from all of them, the first among
 * equals, until there are k or no row of any weight lies apart; weights [count] or NULL. Errors: UC_OUT_OF_MEMORY,
 * UC_INTERRUPTED.
 */
extern UcStatus uc_extend_centroids(const float *rows, const double *weights, size_t count, size_t dim, UcMetric metric,
									float *centroids, int *found, int k, const UcRun *run, UcError *err);

#endif
