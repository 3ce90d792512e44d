/*
 * kmeans_state.h
 *	  The state of the aggregate kmeans_partial, for the code that drives it.
 */
#ifndef USERCLUSTER_KMEANS_STATE_H
#define USERCLUSTER_KMEANS_STATE_H

#include "postgres.h"
#include "utils/array.h"

typedef struct KmeansState
{
	double	   *values;			/* in the array */
	int			metric;			/* UcMetric */
	int			k;
	int			dim;
} KmeansState;

/* What there is of one cluster. */
enum
{
	KMEANS_CLUSTER_ROWS,
	KMEANS_CLUSTER_WEIGHT,
	KMEANS_CLUSTER_INERTIA,		/* about the centroid that the rows are nearest to */
	KMEANS_CLUSTER_SUMS			/* [dim] weighted; of unit vectors with the cosine metric */
};

/* Points into the array; refuses what is no state (22023). */
extern KmeansState kmeans_state_read(ArrayType *array);
extern double *kmeans_state_cluster(const KmeansState *state, int cluster);

/*
 * Where a cluster's centroid goes from `now`: to the mean, of unit length with the cosine metric; without weight it stays.
 * Refuses what float4 cannot hold (22003).
 */
extern void kmeans_state_place(const KmeansState *state, int cluster, const float *now, float *next);

#endif
