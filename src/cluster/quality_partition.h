/*
 * quality_partition.h
 *	  Rows in the order of their clusters, as the measures of a clustering take them. Private to the room.
 */
#ifndef UC_CLUSTER_QUALITY_PARTITION_H
#define UC_CLUSTER_QUALITY_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct UcPartition
{
	int			k;				/* clusters that have members: numbers without any are left out */
	size_t		members;		/* rows of positive weight; the others count nowhere */
	size_t	   *order;			/* [members] rows, by cluster and then by number */
	size_t	   *start;			/* [k + 1] where each cluster begins in the order */
	int32_t    *cluster;		/* [members] of 0 … k-1, by position in the order */
	double	   *weight;			/* [members] by position in the order */
	double	   *weights;		/* [k] sum of the cluster's */
	double		total;			/* sum of all weights */
} UcPartition;

extern size_t uc_partition_memory(size_t rows, int k);

/*
 * Orders rows with labels [rows] of 0 … k-1 and weights [rows], or NULL: one each. Ended by uc_partition_free, which
 * takes a zeroed struct too. Errors: UC_INVALID_ARGUMENT (no rows, k), UC_INVALID_DATA (label, weight; the row's number
 * in the detail), UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_partition_create(UcPartition *partition, const int32_t *labels, const double *weights, size_t rows,
									int k, UcError *err);
extern void uc_partition_free(UcPartition *partition);

/* False where silhouette and the like have no meaning: one cluster, or every member a cluster of its own. */
static inline int
uc_partition_comparable(const UcPartition *partition)
{
	return partition->k >= 2 && (size_t) partition->k < partition->members;
}

#endif
