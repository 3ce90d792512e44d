/*
 * kmeans_start.c
 *	  A fit over a sample, whose restarts cost little, for rows that many passes would cost much.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/kmeans_start.h"

#define SAMPLE_AT_LEAST 10000
#define SAMPLE_PER_CLUSTER 50

size_t
kmeans_sample_size(int k)
{
	return Max((size_t) SAMPLE_AT_LEAST, (size_t) k * SAMPLE_PER_CLUSTER);
}

float *
kmeans_start(const Sample *sample, const Prepared *prepared, const UcKmeansOptions *options, size_t memory, int *found)
{
	size_t		bytes = uc_size_mul(sizeof(float), prepared->dim);
	float	   *centroids = palloc_extended(uc_size_mul(options->k, bytes), MCXT_ALLOC_HUGE);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "usercluster sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	UcKmeansOptions own = *options;
	float	   *values = sample->values;
	const UcKmeans *fit;

	if (prepared->changed)
		values = preparation_apply(prepared, sample->values, sample->count, sample->languages, sample->features);
	own.k = (int) Min((size_t) own.k, sample->count);
	own.weights = sample->weights;
	own.min_size = 0;			/* is about all rows */
	own.batch_rows = 0;
	fit = kmeans_run(values, sample->count, prepared->dim,
					 uc_size_add(memory, uc_size_mul(sample->count, 2 * bytes)), &own);
	memcpy(centroids, fit->centroids, uc_size_mul(fit->k, bytes));
	*found = fit->k;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return centroids;
}
