/*
 * validity.h
 *	  How compact and how separate clusters are, measured by their centroids: rows times clusters, no pairs of rows.
 */
#ifndef UC_CLUSTER_VALIDITY_H
#define UC_CLUSTER_VALIDITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

/*
 * Clusters are represented by the mean of their rows, with the cosine metric by its direction. All but inertia are NaN
 * where they are not defined: one cluster, or every row in one of its own.
 */
typedef struct UcValidity
{
	int			clusters;		/* that have rows of positive weight */
	size_t		members;		/* rows of positive weight */
	double		inertia;		/* sum of 1 - cosine, or of squared euclidean distances, to the own centroid */
	double		simplified_silhouette;	/* mean of (b - a) / max(a, b) with a the distance to the own centroid and b the
										 * smallest to another one; 0 for a row alone in its cluster */
	double		calinski_harabasz;	/* variance between clusters over variance within, larger is better; 1 where there is
									 * none within. https://doi.org/10.1080/03610927408827101 */
	double		davies_bouldin; /* mean over clusters of the worst (spread + spread) / distance of centroids, smaller is
								 * better; 0 where no cluster has a spread. https://doi.org/10.1109/TPAMI.1979.4766909 */
} UcValidity;

extern size_t uc_validity_memory(size_t rows, size_t dim, int k);

/*
 * Measures rows [count, dim] with labels [count] of 0 … k-1 (numbers may be unused) and weights [count], or NULL: sums
 * and means become weighted ones, and rows of weight 0 count nowhere; the degrees of freedom of Calinski and Harabasz
 * are numbers of rows whatever the weights. The last two are euclidean, with the cosine metric between rows of unit
 * length. The result does not depend on the threads. Errors as for uc_silhouette.
 */
extern UcStatus uc_validity(const float *rows, const int32_t *labels, const double *weights, size_t count, size_t dim,
							int k, UcMetric metric, const UcRun *run, UcValidity *result, UcError *err);

#endif
