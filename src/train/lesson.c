/*
 * lesson.c
 *	  A step's texts through as many passes as they need, and the contrastive loss between.
 */
#include "train/lesson.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "train/adam.h"
#include "train/contrast.h"
#include "train/dropout.h"
#include "train/pass.h"

#define HEAD_RATE 1e-3			/* of fitting the head alone */
#define HEAD_STEPS 300			/* at most */

struct UcLesson
{
	const UcWeights *weights;
	const UcExamples *examples;
	const UcFineTuneOptions *options;
	size_t		capacity;		/* tokens of a pass */
	int			threads;
	UcPass	   *pass;
	size_t	   *numbers;		/* [2 * batch] texts of the step: the first ones, then the second ones */
	uint64_t   *keys;			/* [2 * batch] of their dropout */
	int32_t    *labels;			/* [batch] */
	uint32_t   *ids;			/* [capacity] */
	size_t	   *starts;			/* [2 * batch + 1] */
	const UcAdapters *adapters; /* NULL: weights are trained */
	const UcMasking *masking;	/* NULL, as all below, with other objectives */
	UcHead	   *head;
	uint64_t	mask_key;		/* of the step */
	size_t	   *places;			/* [capacity] in the batch of the words to guess */
	uint32_t   *targets;		/* [capacity] what they are */
	float	   *guessed;		/* [capacity, hidden] of the last layer */
	float	   *d_guessed;		/* [capacity, hidden] */
	float	   *d_tokens;		/* [capacity, hidden] */
	float	   *vectors;		/* [2 * batch, dimensions] */
	float	   *d_vectors;		/* [2 * batch, dimensions] */
};

size_t
uc_lesson_memory(const UcWeights *weights, const UcFineTuneOptions *o, size_t tokens, int threads)
{
	const UcModelConfig *c = &weights->model.config;
	size_t		rows = 2 * o->batch,
				bytes = uc_pass_memory(weights, tokens, rows, threads);

	bytes = uc_size_add(bytes, uc_size_mul(rows, 4 * sizeof(size_t) + 2 * sizeof(float) * c->dimensions));
	bytes = uc_size_add(bytes, uc_size_mul(tokens, sizeof(uint32_t) + sizeof(float) * o->adapter_rank * (size_t) threads));
	if (o->objective != UC_OBJECTIVE_MASKED)
		return uc_size_add(bytes, uc_contrast_memory(o->batch, c->dimensions));
	bytes = uc_size_add(bytes, uc_head_memory(weights, UC_HEAD_BLOCK, threads));
	bytes = uc_size_add(bytes, uc_adam_memory(uc_head_floats(weights)));
	bytes = uc_size_add(bytes, uc_size_mul(c->vocabulary, sizeof(size_t) + sizeof(bool)));
	return uc_size_add(bytes, uc_size_mul(tokens, 3 * sizeof(float) * c->hidden + sizeof(size_t) + sizeof(uint32_t)));
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
	l->threads = threads;
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
	l->adapters = adapters;
	return uc_pass_adapt(l->pass, adapters, err);
}

void
uc_lesson_free(UcLesson *l)
{
	if (l == NULL)
		return;
	uc_pass_free(l->pass);
	uc_head_free(l->head);
	uc_free(l->places);
	uc_free(l->targets);
	uc_free(l->guessed);
	uc_free(l->d_guessed);
	uc_free(l->d_tokens);
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

/* Floats of the encoder's gradient. */
static size_t
encoder_floats(const UcLesson *l)
{
	return l->adapters != NULL ? l->adapters->total : l->weights->total - uc_weights_trained(l->weights, l->options->layers);
}

/* Masks the batch, the step's texts from `first` on; how many words are to be guessed. */
static size_t
mask_batch(UcLesson *l, size_t first, const UcBatch *batch)
{
	size_t		words = 0;

	for (size_t i = 0; i < batch->texts; i++)
	{
		size_t		at = l->starts[i],
					tokens = l->starts[i + 1] - at;
		const uint32_t *ids = l->examples->ids + l->examples->starts[l->numbers[first + i]];
		size_t		chosen = uc_mask_text(l->masking, ids, tokens, uc_dropout_key(l->mask_key, first + i), l->ids + at,
										  l->places + words);

		for (size_t j = 0; j < chosen; j++, words++)
		{
			l->targets[words] = ids[l->places[words]];
			l->places[words] += at;
		}
	}
	return words;
}

/* One batch: forward, the head, and where gradients are wanted back. `share` is 1 / words of the step. */
static UcStatus
run_masked_batch(UcLesson *l, size_t first, const UcBatch *batch, double share, UcDropout *dropout, float *d_encoder,
				 float *d_head, const UcRun *run, double *loss, UcError *err)
{
	const UcModel *m = &l->weights->model;
	size_t		h = m->config.hidden,
				words = mask_batch(l, first, batch);
	bool		embeddings = d_encoder != NULL && l->adapters == NULL && l->options->layers >= m->config.layers;
	UcStatus	status;

	dropout->keys = l->keys + first;
	uc_pass_drop(l->pass, dropout->rate > 0 ? dropout : NULL);
	status = uc_pass_forward(l->pass, batch, run, NULL, err);
	if (status != UC_OK || words == 0)
		return status;
	for (size_t i = 0; i < words; i++)
		memcpy(l->guessed + i * h, uc_pass_tokens(l->pass) + l->places[i] * h, h * sizeof(float));
	status = uc_head_run(l->head, l->guessed, l->targets, words, share, l->d_guessed, d_head,
						 embeddings ? d_encoder + uc_weight_offset(l->weights, (const float *) m->word) : NULL, run, loss, err);
	if (status != UC_OK || d_encoder == NULL)
		return status;
	memset(l->d_tokens, 0, l->starts[batch->texts] * h * sizeof(float));
	for (size_t i = 0; i < words; i++)
		memcpy(l->d_tokens + l->places[i] * h, l->d_guessed + i * h, h * sizeof(float));
	return uc_pass_backward_tokens(l->pass, l->d_tokens, l->options->layers, d_encoder, run, err);
}

/* The step's texts, one to an example. No gradient: both NULL; the head's alone: d_encoder NULL. */
static UcStatus
run_masked(UcLesson *l, size_t count, UcDropout *dropout, float *d_encoder, float *d_head, const UcRun *run, double *loss,
		   UcError *err)
{
	UcBatch		batch;
	UcStatus	status = UC_OK;
	size_t		words = 0;

	for (size_t first = 0, next; first < count; first = next)
	{
		next = fill_batch(l, first, count, &batch);
		words += mask_batch(l, first, &batch);
	}
	*loss = 0;
	for (size_t first = 0, next; words > 0 && first < count && status == UC_OK; first = next)
	{
		next = fill_batch(l, first, count, &batch);
		status = run_masked_batch(l, first, &batch, 1.0 / (double) words, dropout, d_encoder, d_head, run, loss, err);
	}
	return status;
}

static UcStatus
run_contrast(UcLesson *l, size_t count, UcDropout *dropout, float *gradient, const UcRun *run, double *loss, UcError *err)
{
	const UcExamples *e = l->examples;
	size_t		n = l->weights->model.config.dimensions,
				passes = 0;
	UcBatch		batch;
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < count && e->labels != NULL; i++)
		l->labels[i] = e->labels[l->numbers[i]];
	for (size_t first = 0, next; first < 2 * count && status == UC_OK; first = next, passes++)
	{
		next = fill_batch(l, first, 2 * count, &batch);
		status = forward(l, first, &batch, dropout, run, err);
	}
	if (status == UC_OK)
		status = uc_contrast(l->vectors, count, n, e->labels == NULL ? NULL : l->labels, l->options->scale, loss,
							 gradient != NULL ? l->d_vectors : NULL, err);
	for (size_t first = 0, next; gradient != NULL && first < 2 * count && status == UC_OK; first = next)
	{
		next = fill_batch(l, first, 2 * count, &batch);
		if (passes > 1)
			status = forward(l, first, &batch, dropout, run, err);
		if (status == UC_OK)
			status = uc_pass_backward(l->pass, l->d_vectors + first * n, l->options->layers, gradient, run, err);
	}
	return status;
}

UcStatus
uc_lesson_run(UcLesson *l, size_t at, size_t count, UcRandom *random, float *gradient, const UcRun *run, double *loss,
			  UcError *err)
{
	UcObjective objective = l->examples->objective;
	bool		drops = gradient != NULL || objective == UC_OBJECTIVE_UNSUPERVISED;
	UcDropout	dropout = {.rate = drops ? (float) l->options->dropout : 0};
	uint64_t	key = dropout.rate > 0 ? uc_random_next(random) : 0;

	uc_examples_choose(l->examples, at, count, random, l->numbers);
	for (size_t i = 0; i < 2 * count; i++)
		l->keys[i] = uc_dropout_key(key, i);
	if (objective != UC_OBJECTIVE_MASKED)
		return run_contrast(l, count, &dropout, gradient, run, loss, err);
	l->mask_key = uc_random_next(random);
	return run_masked(l, count, &dropout, gradient, gradient == NULL ? NULL : gradient + encoder_floats(l), run, loss, err);
}

UcStatus
uc_lesson_mask(UcLesson *l, const UcMasking *masking, UcError *err)
{
	const UcExamples *e = l->examples;
	size_t		h = l->weights->model.config.hidden,
				bytes = uc_size_mul(masking->vocabulary, sizeof(size_t)),
				words = 0;
	size_t	   *counts = uc_alloc_zeroed(bytes);
	UcStatus	status;

	l->masking = masking;
	l->places = uc_alloc(l->capacity * sizeof(size_t));
	l->targets = uc_alloc(l->capacity * sizeof(uint32_t));
	l->guessed = uc_alloc(uc_size_mul(l->capacity, h * sizeof(float)));
	l->d_guessed = uc_alloc(uc_size_mul(l->capacity, h * sizeof(float)));
	l->d_tokens = uc_alloc(uc_size_mul(l->capacity, h * sizeof(float)));
	if (counts == NULL || l->places == NULL || l->targets == NULL || l->guessed == NULL ||
		l->d_guessed == NULL || l->d_tokens == NULL)
	{
		uc_free(counts);
		return uc_out_of_memory(err, uc_size_add(bytes, uc_size_mul(l->capacity, 3 * h * sizeof(float))));
	}
	for (size_t i = 0; i < e->starts[e->texts]; i++)
		if (!masking->special[e->ids[i]])
		{
			counts[e->ids[i]]++;
			words++;
		}
	if (words == 0)
		status = uc_error(err, UC_INVALID_DATA, "the texts have no words that could be masked");
	else
		status = uc_head_create(l->weights, counts, UC_HEAD_BLOCK, l->threads, &l->head, err);
	uc_free(counts);
	return status;
}

UcHead *
uc_lesson_head(UcLesson *l)
{
	return l->head;
}

UcStatus
uc_lesson_fit_head(UcLesson *l, UcRandom *random, const UcRun *run, UcError *err)
{
	const UcExamples *e = l->examples;
	size_t		batch = l->options->batch,
				steps = (e->count - e->held) / batch;
	UcAdamOptions options = {.rate = HEAD_RATE};
	UcDropout	none = {0};
	UcParameters parameters = {0};
	UcAdam	   *adam = NULL;
	double		loss;
	UcStatus	status = uc_parameters_add(&parameters, uc_head_values(l->head), uc_head_floats(l->weights), false, 1, err);

	steps = steps < 1 ? 1 : steps > HEAD_STEPS ? HEAD_STEPS : steps;
	options.steps = steps;
	options.warm_up = steps / 10;
	if (status == UC_OK)
		status = uc_adam_create(&parameters, &options, run, &adam, err);
	uc_progress_phase(run, "fitting the head", steps);
	for (size_t step = 0; step < steps && status == UC_OK; step++)
	{
		size_t		at = e->held + step * batch;

		uc_examples_choose(e, at, e->count - at < batch ? e->count - at : batch, random, l->numbers);
		l->mask_key = uc_random_next(random);
		status = run_masked(l, e->count - at < batch ? e->count - at : batch, &none, NULL, uc_adam_gradient(adam), run, &loss, err);
		if (status == UC_OK)
			status = uc_adam_step(adam, run, err);
		uc_progress_done(run, step + 1);
	}
	uc_adam_free(adam);
	uc_parameters_free(&parameters);
	return status;
}
