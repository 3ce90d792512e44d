/*
 * sample.h
 *	  A sample of rows that does not depend on the order in which they come: those with the smallest hashes of key and
 *	  embedding. So every way to read a query, also in parallel, gives the same sample.
 */
#ifndef USERCLUSTER_SAMPLE_H
#define USERCLUSTER_SAMPLE_H

#include "pg/rows.h"

typedef struct Sample
{
	size_t		wanted;			/* rows at most */
	uint64		seed;
	RowsWork	work;			/* on the sample, for the memory allowed */
	const void *work_arg;

	size_t		count;
	size_t		capacity;
	int			dim;
	int			feature_count;	/* NaN where a row has none */
	bool		weighted;
	uint64	   *hashes;			/* [count] ascending once it is finished */
	float	   *values;			/* [count, dim] */
	double	   *weights;		/* [count], or NULL */
	double	   *features;		/* [count, feature_count], or NULL */
	int32	   *languages;		/* [count] as the caller numbers them */
	size_t	   *heap;			/* [count] rows; the largest hash first while heaped */
	bool		heaped;			/* since there are as many rows as wanted */
	MemoryContext context;
} Sample;

/* Begins in the current memory context. Which rows are taken depends on the seed too. */
extern void sample_begin(Sample *sample, size_t wanted, uint64 seed, bool weighted, RowsWork work, const void *work_arg);

/*
 * Offers a row of rows->dim numbers, whose key is of the rows' key type; features [feature_count] may be NULL. Rows of weight
 * 0 are not taken. Refuses (53400) a sample that needs more memory than allowed.
 */
extern void sample_offer(Sample *sample, const Rows *rows, Datum key, const float *x, double weight, int32 language,
						 const double *features, int feature_count);

/* Orders the sample by hash. */
extern void sample_finish(Sample *sample);

/* Bytes of a sample of so many rows. */
extern size_t sample_memory(size_t count, size_t dim, int feature_count);

/* The sample of rows that are in memory, as if they had been offered one by one. */
extern void sample_rows(Sample *sample, const Rows *rows);

#endif
