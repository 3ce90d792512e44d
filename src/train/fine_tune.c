/*
 * fine_tune.c
 *	  Epochs of steps, checks on what is held back, and the best weights met.
 */
#include "train/fine_tune.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "train/adam.h"
#include "train/adapters.h"
#include "train/examples.h"
#include "train/lesson.h"
#include "train/pass.h"
#include "train/structure.h"

#define CHECKS 2				/* in an epoch */
#define HEAD_PACE 10			/* of the head of masked words, times the encoder's rate */
#define PATIENCE 3				/* checks in a row that are not better */
#define PASS_TOKENS 4096		/* of one pass at most; a batch of more runs forward twice */
#define PASS_BYTES ((size_t) 400 << 20) /* what a pass is to stay below */

typedef struct Tuning
{
	UcWeights  *weights;
	const UcFineTuneOptions *options;
	const UcRun *run;
	UcExamples	examples;
	UcLesson   *lesson;
	UcAdapters *adapters;		/* NULL: the weights themselves are trained */
	UcParameters parameters;
	UcMasking	masking;		/* with UC_OBJECTIVE_MASKED */
	UcAdam	   *adam;
	UcRandom	random;
	float	   *best;			/* [parameters.total] */
	size_t		worse;			/* checks in a row */
	UcText	   *sample;			/* [sampled] texts whose groups are looked at; those held back first */
	size_t		sampled;
	UcFineTuneResult *result;
} Tuning;

static UcStatus
refuse(UcError *err, const char *what, const char *detail)
{
	uc_error(err, UC_INVALID_DATA, "%s", what);
	uc_error_detail(err, "%s", detail);
	return UC_INVALID_DATA;
}

static UcStatus
check_options(const UcFineTuneOptions *o, UcError *err)
{
	if (o->objective < UC_OBJECTIVE_PAIRS || o->objective > UC_OBJECTIVE_MASKED)
		return uc_error(err, UC_INVALID_ARGUMENT, "there is no objective %d", (int) o->objective);
	if (o->epochs < 1 || o->epochs > 1000)
		return uc_error(err, UC_INVALID_ARGUMENT, "epochs must be between 1 and 1000, not %zu", o->epochs);
	if (o->batch < 2 || o->batch > 1024)
		return uc_error(err, UC_INVALID_ARGUMENT, "batch must be between 2 and 1024 examples, not %zu", o->batch);
	if (!(o->rate > 0 && o->rate <= 1))
		return uc_error(err, UC_INVALID_ARGUMENT, "rate must be above 0 and at most 1, not %g", o->rate);
	if (!(o->decay >= 0 && o->decay < 1) || !(o->scale > 0 && o->scale <= 1000))
		return uc_error(err, UC_INVALID_ARGUMENT, "decay must be from 0 to below 1 and scale from above 0 to 1000, not %g and %g",
						o->decay, o->scale);
	if (!(o->dropout >= 0 && o->dropout <= 0.9))
		return uc_error(err, UC_INVALID_ARGUMENT, "dropout must be between 0 and 0.9, not %g", o->dropout);
	if (o->objective == UC_OBJECTIVE_UNSUPERVISED && o->dropout == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "without dropout nothing tells a text from itself");
	if (o->objective == UC_OBJECTIVE_MASKED && !(o->masked > 0 && o->masked <= 0.9))
		return uc_error(err, UC_INVALID_ARGUMENT, "the share masked must be above 0 and at most 0.9, not %g", o->masked);
	if (o->layers < 1 || o->max_tokens < 4)
		return uc_error(err, UC_INVALID_ARGUMENT, "at least one layer and 4 tokens are needed, not %zu and %zu", o->layers,
						o->max_tokens);
	return UC_OK;
}

static UcStatus
check_examples(const UcFineTuneOptions *o, size_t count, const int32_t *labels, UcError *err)
{
	bool		several = o->objective != UC_OBJECTIVE_LABELS;

	if ((labels != NULL) != (o->objective == UC_OBJECTIVE_LABELS))
		return uc_error(err, UC_INVALID_ARGUMENT, "labels go with the objective of labels, and with no other");
	if (count < 10)
		return refuse(err, "there is too little to train on", "At least 10 pairs or texts are needed.");
	for (size_t i = 1; i < count && !several; i++)
		several = labels[i] != labels[0];
	return several ? UC_OK : refuse(err, "all texts have the same label", "At least two labels are needed.");
}

/* The mean loss of what is held back, in batches and pairs that are the same every time. */
static UcStatus
check_held(Tuning *t, double *loss, UcError *err)
{
	UcRandom	random;
	UcStatus	status = UC_OK;
	size_t		held = t->examples.held,
				batch = t->options->batch;
	double		sum = 0,
				one;

	uc_random_seed(&random, t->options->seed, 2);
	for (size_t at = 0; at < held && status == UC_OK; at += batch)
	{
		size_t		count = held - at < batch ? held - at : batch;

		status = uc_lesson_run(t->lesson, at, count, &random, NULL, t->run, &one, err);
		sum += one * (double) count;
	}
	*loss = sum / (double) held;
	return status;
}

static void
keep(Tuning *t, double held)
{
	t->result->held_after = held;
	t->result->kept_step = t->result->steps;
	uc_parameters_save(&t->parameters, t->best);
	t->worse = 0;
}

static UcStatus
check(Tuning *t, UcError *err)
{
	double		held;
	UcStatus	status = check_held(t, &held, err);

	if (status == UC_OK && held < t->result->held_after)
		keep(t, held);
	else
		t->worse++;
	return status;
}

static void
tell(const Tuning *t)
{
	if (t->options->watch != NULL)
		t->options->watch(t->options->watch_arg, t->result);
	uc_progress_done(t->run, t->result->steps);
}

static size_t
steps_of_epoch(const Tuning *t)
{
	size_t		learning = t->examples.count - t->examples.held;

	/* what is left over of an epoch is a batch of its own unless it is one alone */
	return learning / t->options->batch + (learning % t->options->batch >= 2);
}

static UcStatus
run_epoch(Tuning *t, UcError *err)
{
	const UcExamples *e = &t->examples;
	size_t		batch = t->options->batch,
				steps = steps_of_epoch(t),
				every = (steps + CHECKS - 1) / CHECKS;
	UcStatus	status = UC_OK;

	uc_examples_shuffle(&t->examples, &t->random);
	for (size_t step = 0; step < steps && status == UC_OK && t->worse < PATIENCE; step++)
	{
		size_t		at = e->held + step * batch,
					count = e->count - at < batch ? e->count - at : batch;

		t->result->last_rate = uc_adam_rate(t->adam);
		status = uc_lesson_run(t->lesson, at, count, &t->random, uc_adam_gradient(t->adam), t->run, &t->result->last_loss, err);
		if (status == UC_OK)
			status = uc_adam_step(t->adam, t->run, err);
		if (status == UC_OK && t->adapters != NULL)
			status = uc_adapters_merge(t->adapters, t->run, err);
		if (status != UC_OK)
			break;
		t->result->steps++;
		if ((step + 1) % every == 0 || step + 1 == steps)
			status = check(t, err);
		tell(t);
	}
	return status;
}

static UcStatus
train(Tuning *t, UcError *err)
{
	UcFineTuneResult *r = t->result;
	UcStatus	status = UC_OK;

	r->planned = t->options->epochs * steps_of_epoch(t);
	if (t->options->objective == UC_OBJECTIVE_MASKED)
		status = uc_lesson_fit_head(t->lesson, &t->random, t->run, err);
	if (status == UC_OK)
		status = check_held(t, &r->held_before, err);
	if (status != UC_OK)
		return status;
	keep(t, r->held_before);
	uc_progress_phase(t->run, "fine-tuning", r->planned);
	tell(t);
	for (size_t epoch = 0; epoch < t->options->epochs && status == UC_OK && t->worse < PATIENCE; epoch++)
		status = run_epoch(t, err);
	if (status == UC_INVALID_DATA)
	{
		r->not_finite = true;
		status = UC_OK;
	}
	uc_parameters_load(&t->parameters, t->best);
	return status == UC_OK && t->adapters != NULL ? uc_adapters_merge(t->adapters, t->run, err) : status;
}

/* By the model and the options alone: with the threads or the memory granted, sums would be rounded otherwise. */
static size_t
pass_tokens(const UcWeights *weights, const UcFineTuneOptions *o)
{
	size_t		rows = uc_size_mul(2, o->batch),
				most = uc_size_mul(rows, o->max_tokens),
				tokens = most < PASS_TOKENS ? most : PASS_TOKENS;

	while (tokens / 2 >= o->max_tokens && uc_pass_memory(weights, tokens, rows, 1) > PASS_BYTES)
		tokens /= 2;
	return tokens < o->max_tokens ? o->max_tokens : tokens;
}

/* Floats that are trained. */
static size_t
trained_floats(const UcWeights *weights, const UcFineTuneOptions *o)
{
	size_t		floats = o->adapter_rank > 0 ? uc_adapters_floats(weights, o->layers, o->adapter_rank)
		: weights->total - uc_weights_trained(weights, o->layers);

	return o->objective == UC_OBJECTIVE_MASKED ? uc_size_add(floats, uc_head_floats(weights)) : floats;
}

/* Of the working copy, the best of what is trained, the lesson, the optimiser, the examples. */
size_t
uc_fine_tune_memory(const UcWeights *weights, const UcFineTuneOptions *options, const UcText *texts, size_t count, int threads)
{
	size_t		trained = trained_floats(weights, options),
				bytes = uc_size_mul(uc_size_add(weights->total, trained), sizeof(float));

	bytes = uc_size_add(bytes, uc_lesson_memory(weights, options, pass_tokens(weights, options), threads));
	bytes = uc_size_add(bytes, uc_adam_memory(trained));
	if (options->adapter_rank > 0)
		bytes = uc_size_add(bytes, uc_adapters_memory(weights, options->layers, options->adapter_rank));
	return uc_size_add(bytes, uc_examples_memory(texts, count, options));
}

static UcStatus
check_memory(const UcWeights *weights, const UcFineTuneOptions *options, const UcText *texts, size_t count, const UcRun *run,
			 UcError *err)
{
	size_t		bytes = uc_fine_tune_memory(weights, options, texts, count, run->threads);
	UcStatus	status = uc_check_budget("fine-tuning this model", bytes, run->max_memory, err);

	if (status != UC_OK && bytes != SIZE_MAX)
		uc_error_hint(err, "Run SET usercluster.max_memory = '%zuMB', or train fewer layers, or adapters of them.",
					  (bytes >> 20) + 1);
	return status;
}

/* The head of masked words, the last of what is trained. */
static UcStatus
prepare_head(Tuning *t, const UcTokenizer *tokenizer, UcError *err)
{
	UcStatus	status = uc_masking_make(&t->masking, tokenizer, t->weights->model.config.vocabulary, t->options->masked, err);

	if (status == UC_OK)
		status = uc_lesson_mask(t->lesson, &t->masking, err);
	return status != UC_OK ? status
		: uc_parameters_add(&t->parameters, uc_head_values(uc_lesson_head(t->lesson)), uc_head_floats(t->weights), false,
							HEAD_PACE, err);
}

static UcStatus
prepare(Tuning *t, const UcTokenizer *tokenizer, UcError *err)
{
	const UcFineTuneOptions *o = t->options;
	UcAdamOptions adam = {.rate = o->rate,.decay = o->decay,.steps = o->epochs * steps_of_epoch(t)};
	UcStatus	status;

	adam.warm_up = adam.steps / 10;
	status = uc_lesson_create(t->weights, &t->examples, o, pass_tokens(t->weights, o), t->run->threads, &t->lesson, err);
	if (status == UC_OK && o->adapter_rank > 0)
		status = uc_adapters_create(t->weights, o->layers, o->adapter_rank, o->seed, &t->adapters, err);
	if (status == UC_OK && t->adapters != NULL)
		status = uc_lesson_adapt(t->lesson, t->adapters, err);
	if (status == UC_OK)
		status = t->adapters != NULL ? uc_parameters_add_adapters(&t->parameters, t->adapters, err)
			: uc_parameters_add_weights(&t->parameters, t->weights, o->layers, err);
	if (status == UC_OK && o->objective == UC_OBJECTIVE_MASKED)
		status = prepare_head(t, tokenizer, err);
	if (status == UC_OK)
		status = uc_adam_create(&t->parameters, &adam, t->run, &t->adam, err);
	if (status != UC_OK)
		return status;
	t->best = uc_alloc(uc_size_mul(t->parameters.total, sizeof(float)));
	return t->best != NULL ? UC_OK : uc_out_of_memory(err, uc_size_mul(t->parameters.total, sizeof(float)));
}

static UcStatus
check_rank(const UcWeights *weights, const UcFineTuneOptions *o, UcError *err)
{
	if (o->adapter_rank <= weights->model.config.hidden)
		return UC_OK;
	return uc_error(err, UC_INVALID_ARGUMENT, "adapter rank must be between 0 and the model's width %u, not %zu",
					weights->model.config.hidden, o->adapter_rank);
}

/* The options, with no more tokens than the model takes. */
static UcFineTuneOptions
grant(const UcWeights *weights, const UcFineTuneOptions *options)
{
	UcFineTuneOptions granted = *options;

	if (granted.max_tokens > weights->model.config.max_tokens)
		granted.max_tokens = weights->model.config.max_tokens;
	return granted;
}

UcStatus
uc_fine_tune_check(const UcWeights *weights, const UcFineTuneOptions *options, const UcRun *run, UcError *err)
{
	UcFineTuneOptions granted = grant(weights, options);
	UcStatus	status = check_options(options, err);

	if (status == UC_OK)
		status = check_rank(weights, options, err);
	return status != UC_OK ? status : check_memory(weights, &granted, NULL, 0, run, err);
}

/* The first texts of pairs; of those held back before others. */
static UcStatus
choose_sample(Tuning *t, const UcText *texts, UcError *err)
{
	size_t		most = t->examples.count < UC_STRUCTURE_TEXTS ? t->examples.count : UC_STRUCTURE_TEXTS;

	t->sample = uc_alloc(uc_size_mul(most, sizeof *t->sample));
	if (t->sample == NULL)
		return uc_out_of_memory(err, uc_size_mul(most, sizeof *t->sample));
	for (t->sampled = 0; t->sampled < most; t->sampled++)
		t->sample[t->sampled] = texts[t->examples.order[t->sampled]];
	return UC_OK;
}

/* Of the sample, with the weights as they are. NAN with labels. */
static UcStatus
measure_structure(Tuning *t, const UcTokenizer *tokenizer, UcStructure *structure, UcError *err)
{
	UcEmbedOptions options = {.prompt = t->options->prompt};
	UcRun		quiet = *t->run;
	size_t		n = t->weights->model.config.dimensions,
				bytes = uc_size_mul(uc_size_mul(t->sampled, n), sizeof(float));
	float	   *vectors;
	UcStatus	status;

	*structure = (UcStructure) {NAN, NAN};
	if (t->options->objective == UC_OBJECTIVE_LABELS)
		return UC_OK;
	quiet.progress = NULL;
	vectors = uc_alloc(bytes);
	if (vectors == NULL)
		return uc_out_of_memory(err, bytes);
	status = uc_embed(&t->weights->model, tokenizer, t->sample, t->sampled, &options, &quiet, vectors, err);
	if (status == UC_OK)
		status = uc_structure(vectors, t->sampled, n, t->options->seed, &quiet, structure, err);
	uc_free(vectors);
	return status;
}

static UcStatus
train_and_judge(Tuning *t, const UcTokenizer *tokenizer, UcError *err)
{
	UcFineTuneResult *r = t->result;
	UcStatus	status = measure_structure(t, tokenizer, &r->structure_before, err);

	if (status == UC_OK)
		status = train(t, err);
	if (status == UC_OK)
		status = measure_structure(t, tokenizer, &r->structure_after, err);
	if (status == UC_OK && r->structure_after.agreement < r->structure_before.agreement &&
		r->structure_after.silhouette < r->structure_before.silhouette)
		r->kept_step = 0;
	return status;
}

UcStatus
uc_fine_tune(UcWeights *weights, const UcTokenizer *tokenizer, const UcText *texts, size_t count, const int32_t *labels,
			 const UcFineTuneOptions *options, const UcRun *run, UcFineTuneResult *result, UcError *err)
{
	UcFineTuneOptions granted = grant(weights, options);
	Tuning		t = {.weights = weights,.options = &granted,.run = run,.result = result};
	UcStatus	status = check_options(options, err);

	memset(result, 0, sizeof *result);
	if (status == UC_OK)
		status = check_rank(weights, options, err);
	if (status == UC_OK)
		status = check_examples(options, count, labels, err);
	if (status != UC_OK)
		return status;
	status = check_memory(weights, &granted, texts, options->objective == UC_OBJECTIVE_PAIRS ? 2 * count : count, run, err);
	if (status != UC_OK)
		return status;
	uc_random_seed(&t.random, options->seed, 1);
	status = uc_examples_make(&t.examples, tokenizer, texts, count, labels, &granted, &t.random, run, err);
	if (status == UC_OK)
		status = prepare(&t, tokenizer, err);
	if (status == UC_OK)
		status = choose_sample(&t, texts, err);
	if (status == UC_OK)
		status = train_and_judge(&t, tokenizer, err);
	uc_lesson_free(t.lesson);
	uc_adam_free(t.adam);
	uc_adapters_free(t.adapters);
	uc_parameters_free(&t.parameters);
	uc_masking_free(&t.masking);
	uc_examples_free(&t.examples);
	uc_free(t.best);
	uc_free(t.sample);
	return status;
}
