/*
 * minimum.h
 *	  Iterations in which every cluster keeps at least so many rows: the assignment is that of least inertia among those that
 *	  give each cluster enough (transport.h), and the centroids are means as ever. Private to the room.
 *
 * Rows of weight 0 do not count; they take the nearest centroid.
 */
#ifndef UC_CLUSTER_MINIMUM_H
#define UC_CLUSTER_MINIMUM_H

#include "cluster/lloyd.h"
#include "cluster/transport.h"

typedef struct UcMinimum
{
	UcLloyd    *lloyd;
	size_t		least;			/* rows in a cluster */
	size_t		counted;		/* rows of some weight */
	size_t	   *places;			/* [rows] where a row stands among these; SIZE_MAX: it has no weight */
	int		   *clusters;		/* [k] those that are not empty */
	int			cluster_count;
	float	   *centroids;		/* [cluster_count, dim] theirs */
	float	   *squares;		/* [cluster_count] squared lengths; 0 where dimensions are few */
	float	   *costs;			/* [cluster_count, counted] weights times squared distances */
	int32_t    *labels;			/* [rows] places among clusters */
	UcTransport transport;
	float	  **scratch;		/* [workers] each [k + dim, UC_BLOCK_ROWS] */
	int			workers;
} UcMinimum;

extern size_t uc_minimum_memory(size_t rows, size_t dim, int k, int threads);

/* For the lloyd's points and at most k clusters. */
extern UcStatus uc_minimum_create(UcMinimum *minimum, UcLloyd *lloyd, int k, size_t least, int threads, UcError *err);
extern void uc_minimum_free(UcMinimum *minimum);

/* Whether the labels as they stand give each cluster that is not empty enough rows. */
extern bool uc_minimum_met(const UcMinimum *minimum);

/*
 * From where the lloyd's iterations have ended; the clusters that are empty there stay so. At least one iteration, whatever
 * is left; adds to `iterations`. Ends with the lloyd ready for uc_lloyd_finish_as_labelled.
 */
extern UcStatus uc_minimum_iterate(UcMinimum *minimum, int max_iterations, double tolerance, const UcRun *run,
								   int *iterations, bool *converged, UcError *err);

#endif
