/*
 * fine_tune.c
 *	  Epochs of contrastive steps, checks on what is held back, and the best weights met.
 */
#include "train/fine_tune.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "embed/prompt.h"
#include "train/adam.h"
#include "train/contrast.h"
#include "train/pass.h"

#define MOST_HELD 512			/* pairs */
#define CHECKS 2				/* in an epoch */
#define PATIENCE 3				/* checks in a row that are not better */
#define PASS_TOKENS 4096		/* of one pass; a batch of more runs forward twice */

typedef struct Tuning
{
	UcWeights  *weights;
	const UcFineTuneOptions *options;
	const UcRun *run;
	const int32_t *labels;		/* [count] or NULL */
	size_t		count;
	uint32_t   *ids;			/* of all texts, one behind the other */
	size_t	   *starts;			/* [texts + 1] */
	size_t	   *order;			/* [count]: the first `held` are held back */
	size_t		held;
	size_t	   *partners;		/* [count] with labels: texts sorted by label … */
	size_t	   *places;			/* [count] … and where each is among them */
	size_t		capacity;		/* tokens of a pass */
	UcPass	   *pass;
	UcAdam	   *adam;
	UcRandom	random;
	size_t	   *numbers;		/* [2 * batch] texts of a step: the first ones, then the second ones */
	int32_t    *step_labels;	/* [batch] */
	uint32_t   *batch_ids;		/* [capacity] */
	size_t	   *batch_starts;	/* [2 * batch + 1] */
	float	   *vectors;		/* [2 * batch, dimensions] */
	float	   *d_vectors;		/* [2 * batch, dimensions] */
	float	   *best;			/* [total] */
} Tuning;

static UcStatus
refuse(UcError *err, UcStatus status, const char *what, const char *detail)
{
	uc_error(err, status, "%s", what);
	uc_error_detail(err, "%s", detail);
	return status;
}

static UcStatus
check_options(const UcFineTuneOptions *o, UcError *err)
{
	if (o->epochs < 1 || o->epochs > 1000)
		return uc_error(err, UC_INVALID_ARGUMENT, "epochs must be between 1 and 1000, not %zu", o->epochs);
	if (o->batch < 2 || o->batch > 1024)
		return uc_error(err, UC_INVALID_ARGUMENT, "batch must be between 2 and 1024 pairs, not %zu", o->batch);
	if (!(o->rate > 0 && o->rate <= 1))
		return uc_error(err, UC_INVALID_ARGUMENT, "rate must be above 0 and at most 1, not %g", o->rate);
	if (!(o->decay >= 0 && o->decay < 1) || !(o->scale > 0 && o->scale <= 1000))
		return uc_error(err, UC_INVALID_ARGUMENT, "decay must be from 0 to below 1 and scale from above 0 to 1000, not %g and %g",
						o->decay, o->scale);
	if (o->layers < 1 || o->max_tokens < 4)
		return uc_error(err, UC_INVALID_ARGUMENT, "at least one layer and 4 tokens are needed, not %zu and %zu", o->layers,
						o->max_tokens);
	return UC_OK;
}

static UcStatus
tokenize_texts(Tuning *t, const UcTokenizer *tokenizer, const UcText *texts, size_t count, UcError *err)
{
	UcTokens	tokens = {0};
	UcPrompted	prompted = {0};
	size_t		room = 0;
	UcStatus	status = UC_OK;

	uc_prompted_begin(&prompted, t->options->prompt);
	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		UcText		text = texts[i];
		size_t		at = t->starts[i];

		status = uc_prompted_text(&prompted, &text, err);
		if (status == UC_OK)
			status = uc_tokenize(tokenizer, text.text, text.bytes, t->run, &tokens, err);
		if (status != UC_OK)
			break;
		uc_tokens_truncate(&tokens, t->options->max_tokens);
		if (tokens.count == 0)
		{
			status = uc_error(err, UC_INVALID_DATA, "text %zu has no tokens", i + 1);
			break;
		}
		if (at + tokens.count > room)
		{
			size_t		wanted = 2 * (at + tokens.count) + 1024;
			uint32_t   *larger = uc_alloc(uc_size_mul(wanted, sizeof *larger));

			if (larger == NULL)
			{
				status = uc_out_of_memory(err, uc_size_mul(wanted, sizeof *larger));
				break;
			}
			if (at > 0)
				memcpy(larger, t->ids, at * sizeof *larger);
			uc_free(t->ids);
			t->ids = larger;
			room = wanted;
		}
		for (size_t j = 0; j < tokens.count; j++)
			t->ids[at + j] = tokens.tokens[j].id;
		t->starts[i + 1] = at + tokens.count;
	}
	uc_prompted_end(&prompted);
	uc_tokens_free(&tokens);
	return status;
}

static void
shuffle(UcRandom *random, size_t *list, size_t count)
{
	for (size_t i = count; i > 1; i--)
	{
		size_t		j = uc_random_below(random, i),
					kept = list[i - 1];

		list[i - 1] = list[j];
		list[j] = kept;
	}
}

static int
by_label(const void *a, const void *b, void *arg)
{
	const Tuning *t = arg;
	size_t		x = *(const size_t *) a,
				y = *(const size_t *) b;

	if (t->labels[x] != t->labels[y])
		return t->labels[x] < t->labels[y] ? -1 : 1;
	return (x > y) - (x < y);
}

/* Another text of the same label among partners[from, to), which are sorted; the text itself where it is alone. */
static size_t
partner_of(Tuning *t, size_t text, size_t from, size_t to)
{
	size_t		place = t->places[text],
				first = place,
				last = place + 1,
				drawn;

	while (first > from && t->labels[t->partners[first - 1]] == t->labels[text])
		first--;
	while (last < to && t->labels[t->partners[last]] == t->labels[text])
		last++;
	if (last - first < 2)
		return text;
	drawn = first + uc_random_below(&t->random, last - first - 1);
	return t->partners[drawn >= place ? drawn + 1 : drawn];
}

/* Pairs order[at] … of the step; their labels too. */
static void
choose_pairs(Tuning *t, size_t at, size_t pairs, bool held)
{
	for (size_t i = 0; i < pairs; i++)
	{
		size_t		number = t->order[at + i];

		t->numbers[i] = number;
		if (t->labels == NULL)
			t->numbers[pairs + i] = t->count + number;
		else
		{
			t->numbers[pairs + i] = held ? partner_of(t, number, 0, t->held) : partner_of(t, number, t->held, t->count);
			t->step_labels[i] = t->labels[number];
		}
	}
}

/* As many of the step's texts from `first` on as one pass takes; where the batch ends. */
static size_t
fill_batch(const Tuning *t, size_t first, size_t texts, UcBatch *batch)
{
	size_t		i;

	*batch = (UcBatch) {t->batch_ids, t->batch_starts, 0};
	t->batch_starts[0] = 0;
	for (i = first; i < texts; i++)
	{
		size_t		from = t->starts[t->numbers[i]],
					tokens = t->starts[t->numbers[i] + 1] - from,
					at = t->batch_starts[batch->texts];

		if (at + tokens > t->capacity)
			break;
		memcpy(t->batch_ids + at, t->ids + from, tokens * sizeof *t->ids);
		t->batch_starts[++batch->texts] = at + tokens;
	}
	return i;
}

/* The loss of the pairs chosen and, with `learn`, its gradient in the optimiser. */
static UcStatus
run_pairs(Tuning *t, size_t pairs, bool learn, double *loss, UcError *err)
{
	size_t		n = t->weights->model.config.dimensions;
	UcBatch		batch;
	UcStatus	status = UC_OK;
	size_t		passes = 0;

	for (size_t first = 0, next; first < 2 * pairs && status == UC_OK; first = next, passes++)
	{
		next = fill_batch(t, first, 2 * pairs, &batch);
		status = uc_pass_forward(t->pass, &batch, t->run, t->vectors + first * n, err);
	}
	if (status == UC_OK)
		status = uc_contrast(t->vectors, pairs, n, t->labels == NULL ? NULL : t->step_labels, t->options->scale, loss,
							 learn ? t->d_vectors : NULL, err);
	for (size_t first = 0, next; learn && first < 2 * pairs && status == UC_OK; first = next)
	{
		next = fill_batch(t, first, 2 * pairs, &batch);
		if (passes > 1)
			status = uc_pass_forward(t->pass, &batch, t->run, t->vectors + first * n, err);
		if (status == UC_OK)
			status = uc_pass_backward(t->pass, t->d_vectors + first * n, t->options->layers, uc_adam_gradient(t->adam), t->run, err);
	}
	return status;
}

/* The mean loss of what is held back, in batches and pairs that are the same every time. */
static UcStatus
check_held(Tuning *t, double *loss, UcError *err)
{
	UcRandom	kept = t->random;
	UcStatus	status = UC_OK;
	double		sum = 0,
				one;

	uc_random_seed(&t->random, t->options->seed, 2);
	for (size_t at = 0; at < t->held && status == UC_OK; at += t->options->batch)
	{
		size_t		pairs = t->held - at < t->options->batch ? t->held - at : t->options->batch;

		choose_pairs(t, at, pairs, true);
		status = run_pairs(t, pairs, false, &one, err);
		sum += one * (double) pairs;
	}
	t->random = kept;
	*loss = sum / (double) t->held;
	return status;
}

static UcStatus
train(Tuning *t, UcFineTuneResult *result, UcError *err)
{
	size_t		learning = t->count - t->held,
				batch = t->options->batch,
				per_epoch = learning / batch + (learning % batch >= 2),
				every = (per_epoch + CHECKS - 1) / CHECKS,
				worse = 0;
	UcStatus	status = check_held(t, &result->held_before, err);

	if (status != UC_OK)
		return status;
	result->held_after = result->held_before;
	memcpy(t->best, t->weights->values, t->weights->total * sizeof(float));
	uc_progress_phase(t->run, "fine-tuning", t->options->epochs * per_epoch);
	for (size_t epoch = 0; epoch < t->options->epochs && status == UC_OK && worse < PATIENCE; epoch++)
	{
		shuffle(&t->random, t->order + t->held, learning);
		for (size_t step = 0; step < per_epoch && status == UC_OK && worse < PATIENCE; step++)
		{
			size_t		at = t->held + step * batch,
						pairs = t->count - at < batch ? t->count - at : batch;
			double		held;

			choose_pairs(t, at, pairs, false);
			status = run_pairs(t, pairs, true, &result->last_loss, err);
			if (status == UC_OK)
				status = uc_adam_step(t->adam, t->run, err);
			if (status != UC_OK)
				break;
			uc_progress_done(t->run, ++result->steps);
			if ((step + 1) % every != 0 && step + 1 < per_epoch)
				continue;
			status = check_held(t, &held, err);
			if (status != UC_OK)
				break;
			if (held < result->held_after)
			{
				result->held_after = held;
				result->kept_step = result->steps;
				memcpy(t->best, t->weights->values, t->weights->total * sizeof(float));
				worse = 0;
			}
			else
				worse++;
		}
	}
	if (status == UC_INVALID_DATA)
	{
		result->not_finite = true;
		status = UC_OK;
	}
	memcpy(t->weights->values, t->best, t->weights->total * sizeof(float));
	return status;
}

static UcStatus
prepare(Tuning *t, size_t texts, UcError *err)
{
	const UcFineTuneOptions *o = t->options;
	size_t		rows = 2 * o->batch,
				n = t->weights->model.config.dimensions,
				bytes;
	UcAdamOptions adam = {.rate = o->rate,.decay = o->decay};
	UcStatus	status;

	t->capacity = rows * o->max_tokens < PASS_TOKENS ? rows * o->max_tokens : PASS_TOKENS;
	if (t->capacity < o->max_tokens)
		t->capacity = o->max_tokens;
	bytes = uc_size_add(uc_pass_memory(t->weights, t->capacity, rows, t->run->threads), uc_adam_memory(t->weights, o->layers));
	status = uc_check_budget("fine-tuning this model", uc_size_add(bytes, t->weights->total * 2 * sizeof(float)),
							 t->run->max_memory, err);
	if (status != UC_OK)
		return status;
	t->starts = uc_alloc_zeroed(uc_size_mul(texts + 1, sizeof(size_t)));
	t->order = uc_alloc(uc_size_mul(t->count, sizeof(size_t)));
	t->partners = uc_alloc(uc_size_mul(t->count, sizeof(size_t)));
	t->places = uc_alloc(uc_size_mul(t->count, sizeof(size_t)));
	t->numbers = uc_alloc(rows * sizeof(size_t));
	t->step_labels = uc_alloc(o->batch * sizeof(int32_t));
	t->batch_ids = uc_alloc(t->capacity * sizeof(uint32_t));
	t->batch_starts = uc_alloc((rows + 1) * sizeof(size_t));
	t->vectors = uc_alloc(rows * n * sizeof(float));
	t->d_vectors = uc_alloc(rows * n * sizeof(float));
	t->best = uc_alloc(t->weights->total * sizeof(float));
	if (t->starts == NULL || t->order == NULL || t->partners == NULL || t->places == NULL || t->numbers == NULL ||
		t->step_labels == NULL || t->batch_ids == NULL || t->batch_starts == NULL || t->vectors == NULL ||
		t->d_vectors == NULL || t->best == NULL)
		return uc_out_of_memory(err, bytes);

	uc_random_seed(&t->random, o->seed, 1);
	for (size_t i = 0; i < t->count; i++)
		t->order[i] = i;
	shuffle(&t->random, t->order, t->count);
	t->held = t->count / 10 < MOST_HELD ? t->count / 10 : MOST_HELD;
	if (t->held < 2)
		t->held = 2;
	if (t->labels != NULL)
	{
		memcpy(t->partners, t->order, t->count * sizeof(size_t));
		qsort_r(t->partners, t->held, sizeof(size_t), by_label, t);
		qsort_r(t->partners + t->held, t->count - t->held, sizeof(size_t), by_label, t);
		for (size_t i = 0; i < t->count; i++)
			t->places[t->partners[i]] = i;
	}
	adam.steps = o->epochs * ((t->count - t->held) / o->batch + ((t->count - t->held) % o->batch >= 2));
	adam.warm_up = adam.steps / 10;
	status = uc_pass_create(t->weights, t->capacity, rows, t->run->threads, &t->pass, err);
	return status != UC_OK ? status : uc_adam_create(t->weights, o->layers, &adam, &t->adam, err);
}

static void
free_pieces(Tuning *t)
{
	void	   *pieces[] = {t->ids, t->starts, t->order, t->partners, t->places, t->numbers, t->step_labels, t->batch_ids,
	t->batch_starts, t->vectors, t->d_vectors, t->best};

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		uc_free(pieces[i]);
}

UcStatus
uc_fine_tune(UcWeights *weights, const UcTokenizer *tokenizer, const UcText *texts, size_t count, const int32_t *labels,
		const UcFineTuneOptions *options, const UcRun *run, UcFineTuneResult *result, UcError *err)
{
	UcFineTuneOptions granted = *options;
	Tuning		t = {.weights = weights,.options = &granted,.run = run,.labels = labels,.count = count};
	size_t		number = labels == NULL ? 2 * count : count;
	UcStatus	status = check_options(options, err);
	bool		several = labels == NULL;

	memset(result, 0, sizeof *result);
	if (status != UC_OK)
		return status;
	if (granted.max_tokens > weights->model.config.max_tokens)
		granted.max_tokens = weights->model.config.max_tokens;
	if (count < 10)
		return refuse(err, UC_INVALID_DATA, "there is too little to train on", "At least 10 pairs or labelled texts are needed.");
	for (size_t i = 1; i < count && !several; i++)
		several = labels[i] != labels[0];
	if (!several)
		return refuse(err, UC_INVALID_DATA, "all texts have the same label", "At least two labels are needed.");
	status = prepare(&t, number, err);
	if (status == UC_OK)
		status = tokenize_texts(&t, tokenizer, texts, number, err);
	if (status == UC_OK)
		status = train(&t, result, err);
	uc_pass_free(t.pass);
	uc_adam_free(t.adam);
	free_pieces(&t);
	return status;
}
