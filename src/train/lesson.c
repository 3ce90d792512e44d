/*
 * lesson.c
 *	  A step's texts through as many passes as they need, and the contrastive loss between.
 */
#include "train/lesson.h"

#include <string.h>

#include "base/memory.h"
#include "train/contrast.h"
#include "train/dropout.h"
#include "train/pass.h"

struct UcLesson
{
	const UcWeights *weights;
	const UcExamples *examples;
	const UcFineTuneOptions *options;
	size_t		capacity;		/* tokens of a pass */
	UcPass	   *pass;
	size_t	   *numbers;		/* [2 * batch] texts of the step: the first ones, then the second ones */
	uint64_t   *keys;			/* [2 * batch] of their dropout */
	int32_t    *labels;			/* [batch] */
	uint32_t   *ids;			/* [capacity] */
	size_t	   *starts;			/* [2 * batch + 1] */
	float	   *vectors;		/* [2 * batch, dimensions] */
	float	   *d_vectors;		/* [2 * batch, dimensions] */
};

size_t
uc_lesson_memory(const UcWeights *weights, const UcFineTuneOptions *o, size_t tokens, int threads)
{
	size_t		rows = 2 * o->batch;

	return uc_size_add(uc_size_add(uc_pass_memory(weights, tokens, rows, threads),
								   uc_size_mul(tokens, sizeof(float) * o->adapter_rank * (size_t) threads)),
					   uc_size_mul(rows, 4 * sizeof(size_t) + 2 * sizeof(float) * weights->model.config.dimensions));
}

UcStatus
uc_lesson_create(const UcWeights *weights, const UcExamples *examples, const UcFineTuneOptions *o, size_t tokens, int threads,
				 UcLesson **out, UcError *err)
{
	size_t		rows = 2 * o->batch,
				n = weights->model.config.dimensions;
	UcLesson   *l = uc_alloc_zeroed(sizeof *l);
	UcStatus	status;

	*out = NULL;
	if (l == NULL)
		return uc_out_of_memory(err, sizeof *l);
	l->weights = weights;
	l->examples = examples;
	l->options = o;
	l->capacity = tokens;
	l->numbers = uc_alloc(rows * sizeof(size_t));
	l->keys = uc_alloc(rows * sizeof(uint64_t));
	l->labels = uc_alloc(o->batch * sizeof(int32_t));
	l->ids = uc_alloc(tokens * sizeof(uint32_t));
	l->starts = uc_alloc((rows + 1) * sizeof(size_t));
	l->vectors = uc_alloc(rows * n * sizeof(float));
	l->d_vectors = uc_alloc(rows * n * sizeof(float));
	if (l->numbers == NULL || l->keys == NULL || l->labels == NULL || l->ids == NULL || l->starts == NULL ||
		l->vectors == NULL || l->d_vectors == NULL)
		status = uc_out_of_memory(err, uc_lesson_memory(weights, o, tokens, threads));
	else
		status = uc_pass_create(weights, tokens, rows, threads, &l->pass, err);
	if (status != UC_OK)
	{
		uc_lesson_free(l);
		return status;
	}
	*out = l;
	return UC_OK;
}

UcStatus
uc_lesson_adapt(UcLesson *l, const UcAdapters *adapters, UcError *err)
{
	return uc_pass_adapt(l->pass, adapters, err);
}

void
uc_lesson_free(UcLesson *l)
{
	if (l == NULL)
		return;
	uc_pass_free(l->pass);
	uc_free(l->numbers);
	uc_free(l->keys);
	uc_free(l->labels);
	uc_free(l->ids);
	uc_free(l->starts);
	uc_free(l->vectors);
	uc_free(l->d_vectors);
	uc_free(l);
}

/* As many of the step's texts from `first` on as one pass takes; where the batch ends. */
static size_t
fill_batch(const UcLesson *l, size_t first, size_t texts, UcBatch *batch)
{
	const UcExamples *e = l->examples;
	size_t		i;

	*batch = (UcBatch) {l->ids, l->starts, 0};
	l->starts[0] = 0;
	for (i = first; i < texts; i++)
	{
		size_t		from = e->starts[l->numbers[i]],
					tokens = e->starts[l->numbers[i] + 1] - from,
					at = l->starts[batch->texts];

		if (at + tokens > l->capacity)
			break;
		memcpy(l->ids + at, e->ids + from, tokens * sizeof *e->ids);
		l->starts[++batch->texts] = at + tokens;
	}
	return i;
}

/* The texts of `batch`, the step's from `first` on, to vectors. */
static UcStatus
forward(UcLesson *l, size_t first, const UcBatch *batch, UcDropout *dropout, const UcRun *run, UcError *err)
{
	dropout->keys = l->keys + first;
	uc_pass_drop(l->pass, dropout->rate > 0 ? dropout : NULL);
	return uc_pass_forward(l->pass, batch, run, l->vectors + first * l->weights->model.config.dimensions, err);
}

UcStatus
uc_lesson_run(UcLesson *l, size_t at, size_t count, UcRandom *random, float *gradient, const UcRun *run, double *loss,
			  UcError *err)
{
	const UcExamples *e = l->examples;
	size_t		n = l->weights->model.config.dimensions;
	bool		drops = gradient != NULL || e->objective == UC_OBJECTIVE_UNSUPERVISED;
	UcDropout	dropout = {.rate = drops ? (float) l->options->dropout : 0};
	uint64_t	key = dropout.rate > 0 ? uc_random_next(random) : 0;
	UcBatch		batch;
	UcStatus	status = UC_OK;
	size_t		passes = 0;

	uc_examples_choose(e, at, count, random, l->numbers);
	for (size_t i = 0; i < 2 * count; i++)
		l->keys[i] = uc_dropout_key(key, i);
	for (size_t i = 0; i < count && e->labels != NULL; i++)
		l->labels[i] = e->labels[l->numbers[i]];
	for (size_t first = 0, next; first < 2 * count && status == UC_OK; first = next, passes++)
	{
		next = fill_batch(l, first, 2 * count, &batch);
		status = forward(l, first, &batch, &dropout, run, err);
	}
	if (status == UC_OK)
		status = uc_contrast(l->vectors, count, n, e->labels == NULL ? NULL : l->labels, l->options->scale, loss,
							 gradient != NULL ? l->d_vectors : NULL, err);
	for (size_t first = 0, next; gradient != NULL && first < 2 * count && status == UC_OK; first = next)
	{
		next = fill_batch(l, first, 2 * count, &batch);
		if (passes > 1)
			status = forward(l, first, &batch, &dropout, run, err);
		if (status == UC_OK)
			status = uc_pass_backward(l->pass, l->d_vectors + first * n, l->options->layers, gradient, run, err);
	}
	return status;
}
