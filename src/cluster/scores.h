/*
 * scores.h
 *	  The inner loops over a tile of scores, sixteen rows at a time. Private to the room.
 *
 * A tile holds the scores of up to UC_BLOCK_ROWS rows against some centroids, centroid by centroid: [count,
 * UC_BLOCK_ROWS].
 */
#ifndef UC_CLUSTER_SCORES_H
#define UC_CLUSTER_SCORES_H

#include <stddef.h>
#include <stdint.h>

#define UC_BLOCK_ROWS 256

/* How many of at most k centroids a block of rows is scored against at a time, in a few milliseconds. */
static inline size_t
uc_tile_centroids(size_t dim, size_t k)
{
	const double one_product = 2.5e8;	/* multiplications */
	const size_t most = 1024;
	size_t		tile = dim < 1 ? most : (size_t) (one_product / ((double) dim * UC_BLOCK_ROWS));

	tile = tile > most ? most : tile;
	tile = tile > k ? k : tile;
	return tile < 1 ? 1 : tile;
}

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

	/*
	 * Moves a group's lower bounds down: bounds[row] = bounds[row] * shrink - drift; smallest[row] is brought down to
	 * it.
	 */
	void		(*lower_bounds) (float *bounds, float shrink, float drift, size_t rows, float *smallest);

	/*
	 * Offers a candidate centroid to rows: with d = scores[row] + squares[row] + square, becomes[row] is the smaller
	 * of now[row] and d. Returns the sum of becomes, and in `doubtful` how many d are at most floor + factor *
	 * (squares[row] + square), too small for what rounding has left of them. The arrays are readable up to a multiple
	 * of sixteen rows, and `becomes` writable.
	 */
	double		(*offer) (const float *scores, const float *squares, float square, const float *now, size_t rows,
						  float floor, float factor, float *becomes, int *doubtful);
} UcScoreKernels;

/* The set that belongs to uc_kernels(). All sets give the same bits. */
extern const UcScoreKernels *uc_score_kernels(void);

#endif
