/*
 * centroids.h
 *	  Centroids as SQL passes them, a matrix that postgres_fdw can send, and the nearest of them to one embedding.
 */
#ifndef USERCLUSTER_CENTROIDS_H
#define USERCLUSTER_CENTROIDS_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/array.h"

#include "cluster/lookup.h"
#include "pg/embedding.h"


/*
 * The centroids in argument `argument`, real[][] of a row each, under the metric (the enum) in the argument after it; both
 * must not be NULL. They are read again only where they differ from those of the last call from the same place. Refuses
 * what is no matrix (2202E), NULL (22004), NaN and infinity, and zero norm with the cosine metric (22000).
 */
extern const UcLookup *centroids_argument(FunctionCallInfo fcinfo, int argument);

/*
 * The centroids of an array of embeddings, in the current memory context. Refuses an array of several
 * dimensions (2202E), NULL (22004), different dimensions, and zero norm with the cosine metric (22000).
 */
extern const UcLookup *centroids_from_embeddings(ArrayType *array, UcMetric metric);

/*
 * The nearest centroid, 0 … k-1, among equals the lowest, and in `distance` 1 - cosine or the euclidean one. Refuses
 * another dimension and, with the cosine metric, zero norm (22000).
 */
extern int	centroids_nearest(const UcLookup *centroids, const Embedding *embedding, double *distance);

/*
 * Whether the planner made the argument of this call, also of an aggregate, a constant: then it is the same in every call
 * from this place.
 */
extern bool argument_is_constant(FunctionCallInfo fcinfo, int argument);

/* The array [k, dim] as real[][]; refuses what does not fit into one (54000). */
extern Datum centroids_matrix(const float *centroids, int k, int dim);

/* The array [k, dim] as embedding[]; refuses what does not fit into one (54000). */
extern Datum centroids_datum(const float *centroids, int k, size_t dim);

#endif
