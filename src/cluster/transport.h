/*
 * transport.h
 *	  Rows to clusters at the least total cost such that each cluster has at least so many: the minimum cost flow of
 *	  constrained k-means (Bradley, Bennett, Demiriz 2000, Microsoft Research MSR-TR-2000-65), solved exactly. Private to
 *	  the room.
 */
#ifndef UC_CLUSTER_TRANSPORT_H
#define UC_CLUSTER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef struct UcTransport
{
	size_t		rows;
	int			k;
	int32_t    *labels;			/* [rows] the solution */
	double	   *prices;			/* [k] what one row more costs in each cluster that would have too few, 0 elsewhere. The next
								 * solution can begin with them: 0 when nothing is known */
	const float *costs;			/* [k, rows] the caller's */
	size_t		least;
	size_t	   *counts;			/* [k] */
	size_t	   *spare;			/* [k] rows beyond the least that the cluster may have for nothing */
	double		pool_excess;	/* rows that must leave the pool; below 0 those that it has room for */
	size_t	   *first;			/* [k] the members of a cluster as a list; SIZE_MAX ends it */
	size_t	   *next;			/* [rows] */
	size_t	   *before;			/* [rows] */
	float	   *own;			/* [rows] cost of the current label */
	double	   *reduced;		/* [rows] the same less the price */
	size_t	   *cheapest;		/* [k] rows that are cheapest in a cluster without prices */
	bool	   *takes;			/* [k] ways may lead to the cluster */
	int		   *takers;			/* [k] these, in the order in which they became so */
	int			taker_count;
	struct UcShift *shifts;		/* [k, k] from a cluster to a taker: the rows that cost least to move */
	double	   *potential;		/* [k + 1] of the clusters, and at k of the pool of spare rows */
	double	   *distance;		/* [k + 1] least cost of a way, less what the potentials differ by */
	bool	   *settled;		/* [k + 1] it is final */
	int		   *via;			/* [k + 1] where the last step of it comes from; -1: the way begins here */
	size_t	   *path_rows;		/* [k + 2] the rows of one way */
	int		   *path;			/* [k + 2] and its stations, backwards */
} UcTransport;

extern size_t uc_transport_memory(size_t rows, int k);
extern UcStatus uc_transport_create(UcTransport *transport, size_t rows, int k, UcError *err);
extern void uc_transport_free(UcTransport *transport);

/*
 * Fills transport->labels for costs [k, rows], which are finite; `least` times k is at most rows. The result depends on
 * the costs alone, and where several are the cheapest on the prices of the call before. Not threaded. Errors:
 * UC_INTERRUPTED.
 */
extern UcStatus uc_transport_solve(UcTransport *transport, const float *costs, size_t least, const UcRun *run,
								   UcError *err);

#endif
