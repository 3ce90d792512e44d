/*
 * prepare_stream.h
 *	  A preparation fitted to rows that pass by and are not kept: once for the means, and for whitening once more.
 *
 * In the order and with the weights of uc_prepare_fit it comes to the same result, to rounding in the last bits of the means
 * where the first pass has another order. The covariance is added up in blocks, so its pass needs that order.
 */
#ifndef UC_CLUSTER_PREPARE_STREAM_H
#define UC_CLUSTER_PREPARE_STREAM_H

#include "cluster/prepare.h"

/* Rows of a block of the second pass; only the last one may have fewer. */
#define UC_STREAM_BLOCK 1024

typedef struct UcPrepareStream
{
	size_t		dim;
	bool		directions;		/* rows are scaled to unit length first */
	size_t		count;			/* rows that have passed by first */
	double		total;			/* sum of their weights */
	double		squares;		/* weighted sum of their squared lengths, after scaling */
	double	   *sums;			/* [dim] weighted, of the scaled rows */
	int			groups;			/* seen so far */
	int			group_capacity;
	double	   *group_sums;		/* [groups, dim] */
	double	   *group_totals;	/* [groups] */
	size_t		features;		/* 0 until a row has some */
	struct UcFeatureMoments *feature_moments;	/* [features] */

	float	   *block;			/* of the second pass: scratch */
	double	   *covariance;		/* [dim, dim] */
	double		covered;		/* sum of the weights in it */
} UcPrepareStream;

/* Bytes that the stream and the preparation allocate with so many groups; `whitened`: the second pass included. */
extern size_t uc_prepare_stream_memory(size_t dim, int groups, bool whitened, size_t count, int threads);

extern UcStatus uc_prepare_stream_begin(UcPrepareStream *stream, size_t dim, bool directions, UcError *err);

/* Takes a zeroed struct too. */
extern void uc_prepare_stream_free(UcPrepareStream *stream);

/*
 * One row of the first pass: finite, not zero where directions count. `group` is -1 or any number, the next new one at most
 * one above those seen. features [feature_count] may be NULL, and NaN within; their number does not change once it is not 0.
 */
extern UcStatus uc_prepare_stream_add(UcPrepareStream *stream, const float *row, double weight, int32_t group,
									  const double *features, size_t feature_count, UcError *err);

/*
 * The preparation as far as the first pass tells; ended by uc_prepare_free. order [groups] is the place of each group in the
 * result, NULL: without groups. With UC_PREPARE_WHITENED it is a centring until the second pass has ended.
 */
extern UcStatus uc_prepare_stream_means(const UcPrepareStream *stream, UcPreparationMethod method, const int32_t *order,
										double feature_weight, UcPreparation *preparation, UcError *err);

/* A block of the second pass: rows [count, dim], weights [count] or NULL, groups [count] in the order of the result, or NULL. */
extern UcStatus uc_prepare_stream_block(UcPrepareStream *stream, const UcPreparation *preparation, const float *rows,
										const double *weights, const int32_t *groups, size_t count, const UcRun *run,
										UcError *err);

/* Ends the second pass: whitens the preparation, with the components of uc_prepare_components. */
extern UcStatus uc_prepare_stream_whiten(UcPrepareStream *stream, const UcRun *run, UcPreparation *preparation, UcError *err);

#endif
