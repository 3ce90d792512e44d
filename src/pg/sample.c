/*
 * sample.c
 *	  The rows of smallest hash, in a heap until all have been seen.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"	/* VARDATA_ANY, from version 16 on */
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/errors.h"
#include "pg/sample.h"

#define FIRST_CAPACITY 1024

void
sample_begin(Sample *sample, size_t wanted, uint64 seed, bool weighted, RowsWork work, const void *work_arg)
{
	memset(sample, 0, sizeof *sample);
	sample->wanted = wanted;
	sample->seed = seed;
	sample->weighted = weighted;
	sample->work = work;
	sample->work_arg = work_arg;
	sample->context = CurrentMemoryContext;
}

size_t
sample_memory(size_t count, size_t dim, int feature_count)
{
	size_t		row = uc_size_mul(dim, sizeof(float)) + sizeof(uint64) + sizeof(double) * (feature_count + 1) +
		sizeof(int32) + sizeof(size_t);

	return uc_size_mul(count, row);
}

/* ---- the hash ---- */

/* A key may stand for many rows, so the embedding belongs to it. */
static uint64
hash_row(const Sample *sample, const Rows *rows, Datum key, const float *x)
{
	const void *bytes = &key;
	size_t		length = sizeof key;
	uint64		hash;

	if (!rows->key_by_value)
	{
		bytes = DatumGetPointer(key);
		if (rows->key_length == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(key);

			bytes = VARDATA_ANY(value);
			length = VARSIZE_ANY_EXHDR(value);
		}
		else
			length = rows->key_length == -2 ? strlen(bytes) : (size_t) rows->key_length;
	}
	hash = hash_bytes_extended(bytes, (int) length, sample->seed);
	return hash_bytes_extended((const unsigned char *) x, (int) (sizeof(float) * rows->dim), hash);
}

/* ---- the heap ---- */

static void
sift_down(Sample *sample, size_t place)
{
	size_t	   *heap = sample->heap;
	size_t		row = heap[place];

	for (;;)
	{
		size_t		child = 2 * place + 1;

		if (child >= sample->count)
			break;
		if (child + 1 < sample->count && sample->hashes[heap[child + 1]] > sample->hashes[heap[child]])
			child++;
		if (sample->hashes[heap[child]] <= sample->hashes[row])
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = row;
}

static void
grow(const Sample *sample, void **data, size_t width, size_t capacity)
{
	size_t		bytes = uc_size_mul(capacity, width);

	*data = *data == NULL ? MemoryContextAllocHuge(sample->context, bytes) : repalloc_huge(*data, bytes);
}

static void
reserve(Sample *sample, const Rows *rows)
{
	size_t		capacity = Min(Max(FIRST_CAPACITY, 2 * sample->capacity), sample->wanted);
	size_t		needed = uc_size_add(sample_memory(capacity, rows->dim, sample->feature_count),
									 sample->work(capacity, rows->dim, rows->threads, sample->work_arg));
	UcError		err;

	usercluster_check(uc_check_budget(psprintf("%s over a sample of %zu rows of %d dimensions", rows->options.name, capacity,
											   rows->dim),
									  needed, rows->max_memory, &err), &err);
	sample->dim = rows->dim;
	grow(sample, (void **) &sample->hashes, sizeof(uint64), capacity);
	grow(sample, (void **) &sample->values, sizeof(float) * sample->dim, capacity);
	grow(sample, (void **) &sample->languages, sizeof(int32), capacity);
	grow(sample, (void **) &sample->heap, sizeof(size_t), capacity);
	if (sample->weighted)
		grow(sample, (void **) &sample->weights, sizeof(double), capacity);
	if (sample->feature_count > 0)
		grow(sample, (void **) &sample->features, sizeof(double) * sample->feature_count, capacity);
	sample->capacity = capacity;
}

/* Rows before the first with features have none. */
static void
begin_features(Sample *sample, int feature_count)
{
	sample->feature_count = feature_count;
	if (sample->capacity == 0)
		return;
	grow(sample, (void **) &sample->features, sizeof(double) * feature_count, sample->capacity);
	for (size_t i = 0; i < sample->count * feature_count; i++)
		sample->features[i] = NAN;
}

void
sample_offer(Sample *sample, const Rows *rows, Datum key, const float *x, double weight, int32 language,
			 const double *features, int feature_count)
{
	uint64		hash;
	size_t		row;

	if (features != NULL && sample->feature_count == 0)
		begin_features(sample, feature_count);
	if (!(weight > 0))
		return;
	hash = hash_row(sample, rows, key, x);
	if (sample->count < sample->wanted)
	{
		if (sample->count == sample->capacity)
			reserve(sample, rows);
		row = sample->count++;
		sample->heap[row] = row;
	}
	else if (hash < sample->hashes[sample->heap[0]])
		row = sample->heap[0];
	else
		return;
	sample->hashes[row] = hash;
	memcpy(sample->values + row * sample->dim, x, sizeof(float) * sample->dim);
	sample->languages[row] = language;
	if (sample->weighted)
		sample->weights[row] = weight;
	for (int i = 0; i < sample->feature_count; i++)
		sample->features[row * sample->feature_count + i] = features == NULL ? NAN : features[i];
	if (sample->heaped)
		sift_down(sample, 0);
	else if (sample->count == sample->wanted)
	{
		for (size_t place = sample->count / 2; place-- > 0;)
			sift_down(sample, place);
		sample->heaped = true;
	}
}

/* ---- the end ---- */

static int
compare_hashes(const void *a, const void *b, void *arg)
{
	const uint64 *hashes = arg;
	uint64		x = hashes[*(const size_t *) a];
	uint64		y = hashes[*(const size_t *) b];

	return x < y ? -1 : x > y;
}

static void
permute(const Sample *sample, void **data, size_t width)
{
	char	   *from = *data;
	char	   *to;

	if (from == NULL || sample->count == 0)
		return;
	to = MemoryContextAllocHuge(sample->context, uc_size_mul(sample->count, width));
	for (size_t i = 0; i < sample->count; i++)
		memcpy(to + i * width, from + sample->heap[i] * width, width);
	pfree(from);
	*data = to;
}

void
sample_finish(Sample *sample)
{
	for (size_t i = 0; i < sample->count; i++)
		sample->heap[i] = i;
	qsort_arg(sample->heap, sample->count, sizeof(size_t), compare_hashes, sample->hashes);
	permute(sample, (void **) &sample->values, sizeof(float) * sample->dim);
	permute(sample, (void **) &sample->weights, sizeof(double));
	permute(sample, (void **) &sample->features, sizeof(double) * sample->feature_count);
	permute(sample, (void **) &sample->languages, sizeof(int32));
	permute(sample, (void **) &sample->hashes, sizeof(uint64));
}

void
sample_rows(Sample *sample, const Rows *rows)
{
	const int32 *languages = rows->labels[ROWS_LANGUAGE].codes;

	for (size_t i = 0; i < rows->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		sample_offer(sample, rows, rows->keys[i], rows->values + i * rows->dim, rows->weights == NULL ? 1 : rows->weights[i],
					 languages == NULL ? -1 : languages[i],
					 rows->features == NULL ? NULL : rows->features + i * rows->feature_count, rows->feature_count);
	}
	sample_finish(sample);
}
