/*
 * embed.c
 *	  Batches of texts over threads.
 *
 * A task is a fixed run of neighbouring texts, so what shares a GEMM depends on the order of the texts alone. Each worker
 * keeps one encoder and one set of token buffers for the whole call.
 */
#include "embed/embed.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "embed/encoder.h"
#include "embed/prompt.h"
#include "embed/static.h"
#include "embed/windows.h"

#define TASK_TEXTS 8			/* enough short texts to fill a GEMM, few enough to share between threads */

typedef struct Worker
{
	UcEncoder  *encoder;		/* this, … */
	UcStaticSum *sum;			/* … or for a static model that */
	UcTokens	tokens;
	uint32_t   *ids;			/* [capacity] */
	UcPrompted	prompted;
} Worker;

typedef struct Job
{
	const UcModel *model;
	const UcTokenizer *tokenizer;
	const UcText *texts;
	size_t		count;
	const UcEmbedOptions *options;
	const UcRun *run;
	float	   *out;			/* [count, dimensions] */
	Worker	   *workers;		/* [threads] */
} Job;

typedef struct Poll
{
	UcSection  *section;
	int			worker;
} Poll;

static bool
poll_section(void *arg)
{
	Poll	   *poll = arg;

	return uc_section_stopped(poll->section, poll->worker);
}

const char *
uc_model_prompt(const UcModel *model)
{
	const char *prompt = uc_model_metadata(model, "prompt");

	return prompt == NULL ? "" : prompt;
}

static bool
is_static(const UcModel *model)
{
	return model->config.architecture == UC_ARCHITECTURE_STATIC;
}

static UcStatus
prepare_worker(const Job *job, Worker *worker, UcError *err)
{
	size_t		bytes = uc_size_mul(uc_encoder_capacity(job->model), sizeof(uint32_t));
	UcStatus	status;

	if (worker->encoder != NULL || worker->sum != NULL)
		return UC_OK;
	if (worker->ids == NULL)
		worker->ids = uc_alloc(bytes);
	if (worker->ids == NULL)
		return uc_out_of_memory(err, bytes);
	status = is_static(job->model) ? uc_static_create(job->model, &worker->sum, err)
		: uc_encoder_create(job->model, &worker->encoder, err);
	return status;
}

static UcStatus
tokenize_text(const Job *job, Worker *worker, size_t number, Poll *poll, UcError *err)
{
	UcRun		run = {.threads = 1,.max_memory = job->run->max_memory,.interrupted = poll_section,.interrupt_arg = poll};
	UcText		text = job->texts[number];
	size_t		limit = job->model->config.max_tokens;
	UcStatus	status = uc_prompted_text(&worker->prompted, &text, err);

	if (status == UC_OK)
		status = uc_tokenize(job->tokenizer, text.text, text.bytes, &run, &worker->tokens, err);
	if (status != UC_OK)
		return status;
	if (worker->tokens.count > limit && job->options->long_text == UC_LONG_REFUSE)
	{
		uc_error(err, UC_LIMIT_EXCEEDED, "text is longer than the model takes");
		uc_error_detail(err, "Text %zu has %zu tokens, and the model takes %zu.", number + 1, worker->tokens.count, limit);
		uc_error_hint(err, "Shorten it, let it be cut with truncation => 'truncate', or embed it in parts with 'window'.");
		return UC_LIMIT_EXCEEDED;
	}
	uc_tokens_truncate(&worker->tokens, limit);
	return UC_OK;
}

/* Embeds what the batch holds, which ends before text `next`, and empties it. */
static UcStatus
run_batch(const Job *job, Worker *worker, UcBatch *batch, size_t next, UcStop stop, UcError *err)
{
	float	   *out = job->out + (next - batch->texts) * job->model->config.dimensions;
	UcStatus	status = batch->texts == 0 ? UC_OK
		: worker->sum != NULL ? uc_static_run(worker->sum, batch, out, err)
		: uc_encoder_run(worker->encoder, batch, stop, out, err);

	batch->texts = 0;
	return status;
}

/* Embeds texts first … first + n - 1, in as many batches as their tokens need. */
static UcStatus
embed_task(void *arg, size_t task, int worker_number, UcSection *section, UcError *err)
{
	const Job  *job = arg;
	Worker	   *worker = &job->workers[worker_number];
	Poll		poll = {section, worker_number};
	UcStop		stop = {poll_section, &poll};
	size_t		first = task * TASK_TEXTS,
				last = first + TASK_TEXTS < job->count ? first + TASK_TEXTS : job->count,
				capacity = uc_encoder_capacity(job->model),
				dimensions = job->model->config.dimensions;
	size_t		starts[TASK_TEXTS + 1] = {0};
	UcBatch		batch = {.starts = starts};
	UcStatus	status = prepare_worker(job, worker, err);

	batch.ids = worker->ids;
	for (size_t i = first; i < last && status == UC_OK; i++)
	{
		status = tokenize_text(job, worker, i, &poll, err);
		if (status != UC_OK)
			break;
		if (starts[batch.texts] + worker->tokens.count > capacity || worker->tokens.count == 0)
			status = run_batch(job, worker, &batch, i, stop, err);
		if (worker->tokens.count == 0)
		{
			memset(job->out + i * dimensions, 0, dimensions * sizeof(float));
			continue;
		}
		for (size_t j = 0; j < worker->tokens.count; j++)
			worker->ids[starts[batch.texts] + j] = worker->tokens.tokens[j].id;
		starts[batch.texts + 1] = starts[batch.texts] + worker->tokens.count;
		batch.texts++;
	}
	return status != UC_OK ? status : run_batch(job, worker, &batch, last, stop, err);
}

bool
uc_embedding_empty(const float *vector, size_t dimensions)
{
	for (size_t i = 0; i < dimensions; i++)
		if (vector[i] != 0)
			return false;
	return true;
}

/* Texts one by one, each within the model's limit or cut or refused. */
static UcStatus
embed_each(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
		 const UcEmbedOptions *options, const UcRun *run, float *out, UcError *err)
{
	size_t		tasks = count / TASK_TEXTS + (count % TASK_TEXTS != 0);
	UcRun		granted = *run;
	Job			job = {.model = model,.tokenizer = tokenizer,.texts = texts,.count = count,.options = options,
	.run = run,.out = out};
	UcStatus	status;

	if (granted.threads < 1)
		granted.threads = 1;
	if ((size_t) granted.threads > tasks)
		granted.threads = tasks == 0 ? 1 : (int) tasks;
	status = uc_check_budget("embedding text",
							 uc_size_mul(is_static(model) ? uc_static_memory(model) : uc_encoder_memory(model),
										 (size_t) granted.threads),
							 run->max_memory, err);
	if (status != UC_OK)
		return status;
	job.workers = uc_alloc_zeroed(uc_size_mul((size_t) granted.threads, sizeof *job.workers));
	if (job.workers == NULL)
		return uc_out_of_memory(err, uc_size_mul((size_t) granted.threads, sizeof *job.workers));
	for (int i = 0; i < granted.threads; i++)
		uc_prompted_begin(&job.workers[i].prompted, options->prompt);

	status = uc_parallel_phase(&granted, "embedding texts", count, tasks, embed_task, &job, err);

	for (int i = 0; i < granted.threads; i++)
	{
		uc_encoder_free(job.workers[i].encoder);
		uc_static_free(job.workers[i].sum);
		uc_tokens_free(&job.workers[i].tokens);
		uc_free(job.workers[i].ids);
		uc_prompted_end(&job.workers[i].prompted);
	}
	uc_free(job.workers);
	return status;
}

/* The windows of all texts, one after the other. */
typedef struct Windows
{
	UcText	   *parts;			/* [count] */
	size_t	   *tokens;			/* [count] */
	size_t	   *ends;			/* [texts] where each text's windows end */
	size_t		count;
	size_t		capacity;
} Windows;

static void
free_windows(Windows *windows)
{
	uc_free(windows->parts);
	uc_free(windows->tokens);
	uc_free(windows->ends);
}

static UcStatus
add_windows(Windows *windows, UcText text, const UcWindow *found, size_t count, UcError *err)
{
	size_t		needed = uc_size_add(windows->count, count);

	if (needed > windows->capacity)
	{
		size_t		capacity = uc_size_mul(needed, 2);
		UcText	   *parts = uc_alloc(uc_size_mul(capacity, sizeof *parts));
		size_t	   *tokens = uc_alloc(uc_size_mul(capacity, sizeof *tokens));

		if (parts != NULL && tokens != NULL && windows->count > 0)
		{
			memcpy(parts, windows->parts, windows->count * sizeof *parts);
			memcpy(tokens, windows->tokens, windows->count * sizeof *tokens);
		}
		uc_free(windows->parts);
		uc_free(windows->tokens);
		windows->parts = parts;
		windows->tokens = tokens;
		windows->capacity = capacity;
		if (parts == NULL || tokens == NULL)
			return uc_out_of_memory(err, uc_size_mul(capacity, sizeof *parts));
	}
	for (size_t i = 0; i < count; i++)
	{
		windows->parts[windows->count] = (UcText) {text.text + found[i].start, found[i].stop - found[i].start};
		windows->tokens[windows->count++] = found[i].tokens;
	}
	return UC_OK;
}

static UcStatus
find_windows(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count, const char *prompt,
			 const UcRun *run, Windows *windows, UcError *err)
{
	UcWindower *windower;
	UcStatus	status = uc_windower_open(tokenizer, model->config.max_tokens, prompt, run, &windower, err);

	windows->ends = status == UC_OK ? uc_alloc(uc_size_mul(count, sizeof *windows->ends)) : NULL;
	if (status == UC_OK && windows->ends == NULL)
		status = uc_out_of_memory(err, uc_size_mul(count, sizeof *windows->ends));
	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		const UcWindow *found;
		size_t		n;

		status = uc_windower_part(windower, texts[i], run, &found, &n, err);
		if (status == UC_OK)
			status = add_windows(windows, texts[i], found, n, err);
		windows->ends[i] = windows->count;
	}
	uc_windower_close(windower);
	return status;
}

/* The mean of vectors [count, dim] by weight, of length 1 where the model's are. */
static void
weighted_mean(const float *vectors, const size_t *weights, size_t count, size_t dim, bool normalize, double *sums, float *out)
{
	double		total = 0,
				square = 0;

	memset(sums, 0, dim * sizeof *sums);
	for (size_t i = 0; i < count; i++)
	{
		uc_kernels()->accumulate(sums, vectors + i * dim, (double) weights[i], dim);
		total += (double) weights[i];
	}
	for (size_t j = 0; j < dim; j++)
		square += sums[j] * sums[j];
	if (normalize && square > 0)
		total = sqrt(square);
	for (size_t j = 0; j < dim; j++)
		out[j] = (float) (sums[j] / total);
}

static UcStatus
embed_windows(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
			  const UcEmbedOptions *options, const UcRun *run, float *out, UcError *err)
{
	Windows		windows = {0};
	size_t		dim = model->config.dimensions,
				bytes,
				first = 0;
	float	   *vectors = NULL;
	double	   *sums = NULL;
	UcRun		granted = *run;
	UcStatus	status = find_windows(model, tokenizer, texts, count, options->prompt, run, &windows, err);

	bytes = uc_size_add(uc_size_mul(windows.count, uc_size_mul(dim, sizeof(float))), uc_size_mul(dim, sizeof(double)));
	if (status == UC_OK)
		status = uc_check_budget("embedding long texts in windows", bytes, run->max_memory, err);
	if (status == UC_OK)
	{
		granted.max_memory -= bytes;
		sums = uc_alloc(uc_size_mul(dim, sizeof *sums));
		vectors = uc_alloc(uc_size_mul(windows.count, uc_size_mul(dim, sizeof(float))));
		if (sums == NULL || vectors == NULL)
			status = uc_out_of_memory(err, bytes);
	}
	if (status == UC_OK)
		status = embed_each(model, tokenizer, windows.parts, windows.count, options, &granted, vectors, err);
	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		size_t		n = windows.ends[i] - first;

		if (n == 1)
			memcpy(out + i * dim, vectors + first * dim, dim * sizeof(float));
		else
			weighted_mean(vectors + first * dim, windows.tokens + first, n, dim, model->config.normalize, sums, out + i * dim);
		first = windows.ends[i];
	}
	free_windows(&windows);
	uc_free(vectors);
	uc_free(sums);
	return status;
}

UcStatus
uc_embed(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
		 const UcEmbedOptions *options, const UcRun *run, float *out, UcError *err)
{
	return (options->long_text == UC_LONG_WINDOWS && count > 0 ? embed_windows : embed_each)
		(model, tokenizer, texts, count, options, run, out, err);
}

UcStatus
uc_count_tokens(const UcTokenizer *tokenizer, UcText text, const char *prompt, const UcRun *run, size_t *count,
				UcError *err)
{
	UcPrompted	prompted;
	UcTokens	tokens = {0};
	UcStatus	status;

	uc_prompted_begin(&prompted, prompt);
	status = uc_prompted_text(&prompted, &text, err);
	if (status == UC_OK)
		status = uc_tokenize(tokenizer, text.text, text.bytes, run, &tokens, err);
	if (status == UC_OK)
		*count = tokens.count;
	uc_tokens_free(&tokens);
	uc_prompted_end(&prompted);
	return status;
}
