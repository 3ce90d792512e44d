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
	size_t	   *listed;			/* [rows] the rows that a trial looks at, ascending */
	size_t		listed_count;
	uint8_t    *sides;			/* [rows] by place in the list: which half of its cluster the row belongs to */
	float	   *directions;		/* [k, dim] from the centre of half 0 to that of half 1 */
	double	   *thresholds;		/* [k] a row whose product with the direction is above is in half 1 */
	double	   *halves;			/* [2, k, dim] sums of the listed rows by half */
	double	   *half_masses;	/* [2, k] sums of the weights of those rows */
	double	   *lengths;		/* [k] of the clusters' sums */
	struct UcMove *moves;		/* [k] */
	int		   *by_gain;		/* [k] */
	int		   *by_loss;		/* [k] */
} UcRefine;

extern size_t uc_refine_memory(size_t rows, size_t dim, int k);
extern UcStatus uc_refine_create(UcRefine *refine, UcLloyd *lloyd, int k, UcError *err);
extern void uc_refine_free(UcRefine *refine);

/*
 * To be called when lloyd->next holds the means of the current clusters. Splits each cluster in two on trial, and
 * where the best splits gain more than the cheapest merges lose, changes the centroids of lloyd->next accordingly:
 * `changes` says how many pairs. Every change lowers the inertia before a single row has been assigned anew.
 */
extern UcStatus uc_refine_propose(UcRefine *refine, UcRandom *random, int *changes, const UcRun *run, UcError *err);

#endif
