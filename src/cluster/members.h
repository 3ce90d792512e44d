/*
 * members.h
 *	  Where rows stand among clusters that somebody has made: near the middle of their own, or on the border to the next.
 */
#ifndef UC_CLUSTER_MEMBERS_H
#define UC_CLUSTER_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

typedef struct UcStanding
{
	double	   *distances;		/* [count] to the own centroid: 1 - cosine, or euclidean; NaN without a cluster */
	double	   *margins;		/* [count] how much further the nearest other centroid is, negative where it is nearer; NaN
								 * where there is none */
	int32_t    *next;			/* [count] that centroid, or -1 */
} UcStanding;

/* Bytes that uc_standing allocates. */
extern size_t uc_standing_memory(size_t dim, int k);

/*
 * Fills the caller's arrays for rows [count, dim] with labels [count] of 0 … k-1, or -1 for rows in no cluster. Centroids are
 * the means of their rows by weights [count] (NULL: all alike), of unit vectors with the cosine metric; rows of a cluster
 * without weight count alike. Errors: UC_INVALID_DATA (a row without direction with the cosine metric), UC_MEMORY_LIMIT,
 * UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_standing(const float *rows, const int32_t *labels, const double *weights, size_t count, size_t dim, int k,
							UcMetric metric, const UcRun *run, const UcStanding *out, UcError *err);

/*
 * Of the members of one cluster, given by rising distance from its centroid, n that are near it and unlike each other: the
 * nearest one, then again and again the one that gains most, its distance from those picked less that from the
 * centroid. Puts row numbers into picked [n] and returns how many: fewer where members are fewer, and identical rows
 * count as one (0 where there is no memory). Only the nearest quarter of the members, or ten times n where that is more,
 * is looked at.
 */
extern size_t uc_typical_members(const float *rows, size_t dim, UcMetric metric, const size_t *members, const double *distances,
								 size_t count, size_t n, size_t *picked);

#endif
