/*
 * prepare.h
 *	  What is done to vectors before they are clustered, fitted once and applied alike to rows that come later.
 *
 * Language models put all texts into one narrow cone, and texts of one language into a narrower one inside it. Centring
 * takes the common part away: the mean of all rows, or that of each row's group (its language), shrunk towards the overall
 * mean where the group is small. Soft whitening then projects the rows on the first principal components and divides each
 * coordinate by the square root of its singular value, so that the few directions in which the model varies most do not
 * decide alone. Where clustering goes by directions, rows have unit length before and after.
 *
 * Attributes (age, spend, visits) may be joined to the prepared vector: standardised, times a weight.
 *
 * The same rows in the same order give the same bits whatever the number of threads.
 */
#ifndef UC_CLUSTER_PREPARE_H
#define UC_CLUSTER_PREPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef enum UcPreparationMethod
{
	UC_PREPARE_NONE,			/* unit length only, where directions count */
	UC_PREPARE_CENTRED,
	UC_PREPARE_WHITENED
} UcPreparationMethod;

/*
 * What is subtracted from a group of n rows is the overall mean plus n / (n + UC_GROUP_SHRINKAGE) of the way to its own: a
 * single row keeps five sixths of what sets it apart, and 100 rows are centred almost completely. 1 to 20 work alike.
 */
#define UC_GROUP_SHRINKAGE 5.0

/* Attributes further from their mean than this many standard deviations count as this far. */
#define UC_FEATURE_LIMIT 1e6

typedef struct UcPreparation
{
	UcPreparationMethod method; /* what was done: less than asked where the rows do not vary */
	bool		directions;		/* rows are scaled to unit length before and after */
	size_t		dim;			/* of the embeddings */
	size_t		out_dim;		/* of a prepared vector, features not counted */
	size_t		components;		/* 0 without whitening */
	float	   *mean;			/* [dim] weighted mean of all rows; NULL with UC_PREPARE_NONE */
	int			groups;			/* 0: none */
	float	   *group_means;	/* [groups, dim], shrunk */
	float	   *projection;		/* [components, dim] eigenvectors of the covariance, each divided by eigenvalue^(1/4) */
	size_t		features;		/* 0: none */
	double	   *feature_mean;	/* [features] */
	double	   *feature_scale;	/* [features] what a deviation is multiplied by: weight / (sd · √features), 0 if constant */
	double		feature_weight;
} UcPreparation;

typedef struct UcPrepareInput
{
	const float *rows;			/* [count, dim] */
	size_t		count;			/* at least 1 */
	size_t		dim;			/* at least 1 */
	const double *weights;		/* [count] at least 0 and not all 0, as if a row stood there so often; NULL: 1 each */
	const int32_t *groups;		/* [count] 0 … group_count-1, or -1: unknown; NULL: none */
	int			group_count;
	const double *features;		/* [count, feature_count], NaN where missing; NULL: none */
	size_t		feature_count;
	double		feature_weight; /* at least 0 */
	bool		directions;		/* cosine: rows must not be zero */
} UcPrepareInput;

/*
 * The rule for those who do not choose, from measurements on eight sets with two models (bench/README.md):
 *
 *	- euclidean metric or fewer than 64 dimensions: as they are, or centred where there are groups. Such numbers have units
 *	  and a zero that mean something.
 *	- fewer than 16 rows: the same. A mean of so few is more noise than common part.
 *	- fewer than 256 rows: centred. On 50 to 200 rows whitening neither gained nor lost; from 400 on it gained.
 *	- else whitened with 100 components.
 */
extern void uc_prepare_auto(size_t count, size_t dim, bool directions, bool groups, UcPreparationMethod *method,
							size_t *components);

/*
 * Components of whitening that was asked for without their number: 100, but at most dim and at most count - 1, which is all
 * that so many rows can vary in. Keeping fewer than the rows have was worse the fewer the rows.
 */
extern size_t uc_prepare_components(size_t count, size_t dim);

/* Bytes that uc_prepare_fit allocates beyond the caller's rows, the preparation included; SIZE_MAX if not representable. */
extern size_t uc_prepare_memory(const UcPrepareInput *input, UcPreparationMethod method, size_t components, int threads);

/*
 * Learns the preparation from the rows, which are not changed. `components` 0 means by the rule. A covariance that has
 * fewer directions gives fewer components; rows that do not vary at all are only centred, as `method` then says.
 * `preparation` is filled on UC_OK and ended by uc_prepare_free; on any other status it holds nothing.
 * Errors: UC_INVALID_ARGUMENT, UC_INVALID_DATA (the row in the detail), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_prepare_fit(const UcPrepareInput *input, UcPreparationMethod method, size_t components,
							   const UcRun *run, UcPreparation *preparation, UcError *err);

/*
 * Prepares rows [count, dim] into out [count, out_dim + features]; groups and features as in UcPrepareInput, NULL where all
 * are unknown. A group unknown or unseen takes the overall mean. A row that lies at its mean has no direction left: it
 * keeps its own direction where it was only centred, and becomes the first axis where it was whitened.
 */
extern UcStatus uc_prepare_apply(const UcPreparation *preparation, const float *rows, size_t count, const int32_t *groups,
								 const double *features, const UcRun *run, float *out, UcError *err);

/* Takes a zeroed struct too. */
extern void uc_prepare_free(UcPreparation *preparation);

#endif
