/*
 * silhouette_sums.h
 *	  For some rows, the weighted sums of their distances to the members of every cluster. Private to the room.
 */
#ifndef UC_CLUSTER_SILHOUETTE_SUMS_H
#define UC_CLUSTER_SILHOUETTE_SUMS_H

#include "cluster/points.h"
#include "cluster/quality_partition.h"

#define UC_SILHOUETTE_BLOCK 128 /* rows whose sums are computed at a time */

/*
 * One of three ways, by metric and dimension. Rows are named by their position in the order of the partition. With the
 * euclidean metric the unit of the distances is one of the way's own.
 */
typedef struct UcSilhouetteSums
{
	const UcPartition *partition;
	const float *rows;			/* [rows, dim] the caller's */
	size_t		dim;
	UcMetric	metric;
	float	   *directions;		/* cosine: [2, k, dim] sums of unit vectors, and what rounding them to float has lost */
	float	   *columns;		/* euclidean, few dimensions: [dim, members] */
	float	   *ordered;		/* euclidean, many: [members, dim] */
	UcPoints	points;			/* over `ordered` */
	double	   *means;			/* [k, dim] of the clusters, in the caller's space */
	size_t		scratch_bytes;	/* of one worker */
	char	   *scratch;		/* [threads, scratch_bytes] */
} UcSilhouetteSums;

extern size_t uc_silhouette_sums_memory(size_t rows, size_t dim, int k, UcMetric metric, int threads);

/* Checks and arranges the rows. Ended by uc_silhouette_sums_free, which takes a zeroed struct too. */
extern UcStatus uc_silhouette_sums_create(UcSilhouetteSums *sums, const UcPartition *partition, const float *rows,
										  size_t dim, UcMetric metric, const UcRun *run, UcError *err);
extern void uc_silhouette_sums_free(UcSilhouetteSums *sums);

/*
 * out [count, k] for the rows at these positions, which rise, 1 … UC_SILHOUETTE_BLOCK of them; incomplete when the section has been
 * stopped.
 */
extern void uc_silhouette_sums_block(UcSilhouetteSums *sums, const size_t *positions, size_t count, double *out,
									 int worker, UcSection *section);

#endif
