/*
 * pairwise.h
 *	  Distances between all pairs of rows, in double. Private to the room.
 *
 * Little work is done pair by pair in double. Much work goes through float products of centred rows, whose squared
 * distances carry an error proportional to the rows' squared lengths: a pair whose distance is so small beside its
 * lengths that this error would show (about 1e-6 of the distance) is measured again in double.
 */
#ifndef UC_CLUSTER_PAIRWISE_H
#define UC_CLUSTER_PAIRWISE_H

#include "cluster/points.h"

typedef enum UcDistance
{
	UC_DISTANCE_EUCLIDEAN,
	UC_DISTANCE_COSINE,			/* 1 - cosine */
	UC_DISTANCE_CHORD			/* euclidean, between the rows scaled to unit length */
} UcDistance;

typedef struct UcPairwise
{
	UcDistance	distance;
	UcPoints	points;			/* x is centred, unless everything is measured in double */
	double	   *norms;			/* [rows] lengths of the caller's rows; NULL with the euclidean distance */
	double	   *unit;			/* [rows, dim] the rows at unit length; NULL but for chords */
	float	   *columns;		/* [dim, rows] for the euclidean distance where dimensions are few; or NULL */
	bool		direct;			/* everything in double */
	float		close;			/* a squared distance below this times the squared lengths is measured again */
} UcPairwise;

/* Bytes that create and the calls below allocate, the caller's buffers not counted. */
extern size_t uc_pairwise_memory(size_t rows, size_t dim, int threads);

/*
 * Errors: UC_INVALID_DATA (a row that is not finite, or has no direction where one is needed), UC_OUT_OF_MEMORY,
 * UC_INTERRUPTED. Ended by uc_pairwise_free, which takes a zeroed struct too. The rows must outlive it.
 */
extern UcStatus uc_pairwise_create(UcPairwise *pairwise, const float *rows, size_t count, size_t dim,
								   UcDistance distance, const UcRun *run, UcError *err);
extern void uc_pairwise_free(UcPairwise *pairwise);

/* Number of pairs, and the place of pair i < j among them: row by row. */
static inline size_t
uc_pair_count(size_t rows)
{
	return uc_size_mul(rows, rows - 1) / 2;
}

static inline size_t
uc_pair(size_t rows, size_t i, size_t j)
{
	return i * (2 * rows - i - 1) / 2 + (j - i - 1);
}

/* All pairs: matrix [uc_pair_count(rows)]. */
extern UcStatus uc_pairwise_matrix(const UcPairwise *pairwise, double *matrix, const UcRun *run, UcError *err);

/*
 * The distances in double from one row to all whose `skip` byte is zero: out[j], rows long. Where dimensions are few,
 * the others are filled too.
 */
extern void uc_pairwise_row(const UcPairwise *pairwise, size_t row, const uint8_t *skip, double *out);

/* Where there are columns: the squared distances from one row to rows begin … end-1, in double, into out [end - begin]. */
extern void uc_pairwise_squares(const UcPairwise *pairwise, size_t row, size_t begin, size_t end, double *out);

/* kth[row]: distance to the k-th nearest row, the row itself being the first; k is 1 … rows. */
extern UcStatus uc_pairwise_kth_nearest(const UcPairwise *pairwise, size_t k, double *kth, const UcRun *run,
										UcError *err);
extern size_t uc_pairwise_kth_memory(size_t k, int threads);

#endif
