/*
 * nearest.h
 *	  Finding the nearest centroid of every row, exactly, at the price of the rows that could have changed.
 *
 * Each row keeps an upper bound of the distance to its own centroid and a lower bound per group of centroids of the
 * distance to any other one in it (Yinyang k-means, https://proceedings.mlr.press/v37/ding15.html; with one group,
 * Hamerly's bounds, https://doi.org/10.1137/1.9781611972801.12). When the centroids have moved, the bounds move with
 * them, and a row whose upper bound stays below a group's lower bound needs no distance to that group. What remains
 * is gathered and computed by matrix products, whose rounding is bounded too: centroids that it cannot tell apart are
 * compared by the fixed-order kernels of base/simd.h. Labels are therefore those of plain Lloyd iterations in exact
 * arithmetic over x, whatever the products' rounding, and identical rows share theirs. Private to the room.
 */
#ifndef UC_CLUSTER_NEAREST_H
#define UC_CLUSTER_NEAREST_H

#include "cluster/points.h"

typedef struct UcNearest
{
	const UcPoints *points;
	int			k;
	int			groups;
	int32_t    *labels;			/* [rows] -1 before the first pass; then the nearest centroid, among equals the lowest
								 * rank */
	float	   *upper;			/* [rows] at least the distance to the own centroid */
	float	   *lower;			/* [groups, rows] at most the distance to any other centroid of the group */

	/* The centroids, ordered by group. */
	float	   *centroids;		/* [k, dim] in the space of x */
	int32_t    *rank;			/* [k] number by which ties are settled */
	float	   *squares;		/* [k] squared lengths */
	float	   *zeros;			/* [k] the offsets where scores are distances already */
	float	   *drift;			/* [k] how far the centroid has moved since the last pass, at most */
	float	   *group_drift;	/* [groups] largest drift of the group */
	int32_t    *group_of;		/* [k] */
	int32_t    *group_start;	/* [groups + 1] */
	float		longest;		/* length of the longest centroid, rounded up */

	/* What decides between centroids that the scores cannot tell apart, and what uc_nearest_measure reports. */
	const float *exact_rows;	/* [rows, dim] */
	const float *exact_centroids;	/* [k, dim] */
	bool		exact_cosine;	/* by 1 - cosine instead of the squared distance */
	double		exact_scale;	/* from that to squared distances in the space of x */

	size_t		tile_centroids; /* how many centroids are scored at a time */
	size_t		task_rows;
	int			workers;
	struct UcNearestScratch *scratch;	/* [workers] */
} UcNearest;

extern size_t uc_nearest_memory(size_t rows, size_t dim, int k, int threads);
extern UcStatus uc_nearest_create(UcNearest *nearest, const UcPoints *points, int k, int threads, UcError *err);
extern void uc_nearest_free(UcNearest *nearest);

/*
 * Starts over with these centroids [k, dim] of the space of x, k at most that of create; they are ordered by group
 * here.
 */
extern UcStatus uc_nearest_restart(UcNearest *nearest, const float *centroids, int k, const UcRun *run, UcError *err);

/*
 * Moves the centroids to the given places [k, dim] in the nearest's own order and returns the sum of the squared
 * shifts. Labels stand until the next pass.
 */
extern double uc_nearest_move(UcNearest *nearest, const float *centroids);

/* Puts a row into another cluster; the next pass looks at it afresh. */
extern void uc_nearest_relabel(UcNearest *nearest, size_t row, int32_t label);

/*
 * From now on ties are settled, and distances measured, between the caller's rows and these centroids in the caller's
 * space, in the metric of the points; the scores keep using x. NULL returns to distances in x.
 */
extern void uc_nearest_judge_by(UcNearest *nearest, const float *centroids);

/* One pass: brings the labels up to date. */
extern UcStatus uc_nearest_assign(UcNearest *nearest, const UcRun *run, UcError *err);

/* distances[row] = squared distance (or 1 - cosine) to the own centroid, in double. */
extern UcStatus uc_nearest_measure(UcNearest *nearest, double *distances, const UcRun *run, UcError *err);

#endif
