/*
 * refine.h
 *	  The way out of a local optimum: a cluster that gains by being split pays for two that lose little by being merged.
 *	  Private to the room.
 */
#ifndef UC_CLUSTER_REFINE_H
#define UC_CLUSTER_REFINE_H

#include "base/random.h"
#include "cluster/lloyd.h"

typedef struct UcRefine
{
	UcLloyd    *lloyd;
	uint8_t    *sides;			/* [rows] which half of its cluster's trial split the row belongs to */
	float	   *directions;		/* [k, dim] from the second half's centre to the first's */
	double	   *thresholds;		/* [k] a row whose product with the direction is above is in the first half */
	double	   *halves;			/* [k, dim] sums of the rows of the first half */
	int64_t    *half_counts;	/* [k] */
	struct UcMove *moves;		/* [k] */
	int		   *by_gain;		/* [k] */
	int		   *by_loss;		/* [k] */
} UcRefine;

extern size_t uc_refine_memory(size_t rows, size_t dim, int k);
extern UcStatus uc_refine_create(UcRefine *refine, UcLloyd *lloyd, int k, UcError *err);
extern void uc_refine_free(UcRefine *refine);

/*
 * To be called when the centroids are the means of their clusters. Splits each cluster in two on trial, and where the best
 * splits gain more than the cheapest merges lose, puts the centroids of lloyd->next accordingly: `changes` says how many
 * pairs. Every change lowers the inertia before a single row has been assigned anew.
 */
extern UcStatus uc_refine_propose(UcRefine *refine, UcRandom *random, int *changes, const UcRun *run, UcError *err);

#endif
