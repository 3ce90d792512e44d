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

#include "base/memory.h"
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

/*
 * The matrix of all pairs i < j. Rows lie in groups of UC_PAIR_GROUP, and the distances of one group to a column j side by
 * side: whoever walks down a column touches a quarter of the cache lines that rows stored one after the other would cost,
 * and still walks along a row in order. uc_pair of the first row of a group is the place of the whole group.
 */
#define UC_PAIR_GROUP 4
#define UC_PAIR_AHEAD 128	/* rows whose distances are fetched while those before them are looked at */

static inline size_t
uc_pair(size_t rows, size_t i, size_t j)
{
	size_t		group = i / UC_PAIR_GROUP;

	/* the groups before this one have rows, rows - 4, rows - 8 … columns */
	return UC_PAIR_GROUP * (group * (rows - UC_PAIR_GROUP / 2 * (group + 1)) + j) + i % UC_PAIR_GROUP;
}

/* Places of the matrix. */
static inline size_t
uc_pair_count(size_t rows)
{
	size_t		last = rows == 0 ? 0 : (rows - 1) / UC_PAIR_GROUP;
	size_t		before = last == 0 ? 0 : uc_size_mul(last, rows - UC_PAIR_GROUP / 2 * (last + 1));

	return uc_size_mul(UC_PAIR_GROUP, uc_size_add(before, rows));
}

/* All pairs: matrix [uc_pair_count(rows)], of which places that are no pair stay as they are. */
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
