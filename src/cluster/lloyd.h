/*
 * lloyd.h
 *	  Lloyd's iterations from given centroids, and the step from their end to a result in the caller's space.
 *	  Private to the room.
 */
#ifndef UC_CLUSTER_LLOYD_H
#define UC_CLUSTER_LLOYD_H

#include "cluster/nearest.h"

typedef struct UcLloyd
{
	const UcPoints *points;
	UcNearest	nearest;
	int32_t    *previous;		/* [rows] the labels that sums and counts stand for; -1: in none */
	double	   *sums;			/* [k, dim] of the rows of x by cluster */
	int64_t    *counts;			/* [k] rows, those of weight 0 left out */
	double	   *masses;			/* [k] sums of their weights; NULL where rows are alike */
	float	   *next;			/* [k, dim] where the centroids go */
	double	   *distances;		/* [rows] for finding the farthest rows */
	bool		spread;			/* no row is apart from its centroid: empty clusters stay empty */
} UcLloyd;

/* What the sum of a cluster is divided by to give its mean. */
static inline double
uc_lloyd_mass(const UcLloyd *lloyd, int j)
{
	return lloyd->masses == NULL ? (double) lloyd->counts[j] : lloyd->masses[j];
}

extern size_t uc_lloyd_memory(size_t rows, size_t dim, int k, int threads);
extern UcStatus uc_lloyd_create(UcLloyd *lloyd, const UcPoints *points, int k, int threads, UcError *err);
extern void uc_lloyd_free(UcLloyd *lloyd);

/* Begins at `start` [k, dim] in the space of the points. */
extern UcStatus uc_lloyd_begin(UcLloyd *lloyd, const float *start, int k, const UcRun *run, UcError *err);

/*
 * Goes on for at most `max_iterations`; tolerance as in UcKmeansOptions. Adds to `iterations`. Afterwards lloyd->next
 * holds the means of the current labels, where the centroids are.
 */
extern UcStatus uc_lloyd_iterate(UcLloyd *lloyd, int max_iterations, double tolerance, const UcRun *run,
								 int *iterations, bool *converged, UcError *err);

/* Takes a row of some weight from one cluster to another: its label, the sums and counts. */
extern void uc_lloyd_move_row(UcLloyd *lloyd, size_t row, int from, int to);

/* Puts lloyd->next where the current sums and counts say: the means, or for an empty cluster where its centroid is. */
extern void uc_lloyd_place_centroids(UcLloyd *lloyd);

/* Takes sums, counts and lloyd->next anew from the labels as they stand, whatever they stood for before. */
extern UcStatus uc_lloyd_retake(UcLloyd *lloyd, const UcRun *run, UcError *err);

/*
 * Turns where the iterations ended into a result whose parts agree: centroids in the caller's space, each row's label
 * its nearest one, distances to it, sizes and inertia. Clusters that stay empty because there are fewer distinct rows
 * are left out. The arrays of `result` were allocated for the options' k; iterations and converged are the caller's
 * to fill.
 */
extern UcStatus uc_lloyd_finish(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err);

/* The same with the labels as they stand, of which the centroids are the means, though others may be nearer. */
extern UcStatus uc_lloyd_finish_as_labelled(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err);

/*
 * The row farthest from its centroid, the first among equals, that has a weight (NULL: all have), can leave its cluster
 * and is farther than `beyond`; its distance is set to -1 so that it is found once. SIZE_MAX where there is none.
 */
extern size_t uc_take_farthest(double *distances, const int32_t *labels, const int64_t *counts, const double *weights,
							   size_t rows, double beyond);

#endif
