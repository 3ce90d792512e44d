/*
 * scores.h
 *	  The inner loops over a tile of scores, sixteen rows at a time. Private to the room.
 *
 * A tile holds the scores of up to UC_BLOCK_ROWS rows against some centroids, centroid by centroid: [count, UC_BLOCK_ROWS].
 */
#ifndef UC_CLUSTER_SCORES_H
#define UC_CLUSTER_SCORES_H

#include <stddef.h>
#include <stdint.h>

#define UC_BLOCK_ROWS 256

typedef struct UcScoreKernels
{
	/*
	 * Squared distances of rows to centroids, component by component; for few dimensions, where a matrix product
	 * would spend its time on packing. columns: [dim, UC_BLOCK_ROWS]; centroids: [count, dim].
	 */
	void		(*distances) (const float *columns, const float *centroids, size_t dim, size_t count, float *tile);

	/*
	 * For each row the smallest of tile[j] + offset[j], its j (the lowest among equals) and the second smallest
	 * (infinity where count is 1).
	 */
	void		(*smallest_two) (const float *tile, const float *offset, size_t count, size_t rows,
								 float *smallest, int32_t *which, float *second);
} UcScoreKernels;

/* The set that belongs to uc_kernels(). All sets give the same bits. */
extern const UcScoreKernels *uc_score_kernels(void);

#endif
