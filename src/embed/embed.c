/*
 * embed.c
 *	  Batches of texts over threads.
 *
 * A task is a fixed run of neighbouring texts, so what shares a GEMM depends on the order of the texts alone. Each worker
 * keeps one encoder and one set of token buffers for the whole call.
 */
#include "embed/embed.h"

#include <string.h>

#include "base/memory.h"
#include "embed/encoder.h"

#define TASK_TEXTS 8			/* enough short texts to fill a GEMM, few enough to share between threads */

typedef struct Worker
{
	UcEncoder  *encoder;
	UcTokens	tokens;
	uint32_t   *ids;			/* [capacity] */
	char	   *prompted;		/* prompt and text together */
	size_t		prompted_bytes; /* allocated */
} Worker;

typedef struct Job
{
	const UcModel *model;
	const UcTokenizer *tokenizer;
	const UcText *texts;
	size_t		count;
	const UcEmbedOptions *options;
	size_t		prompt_bytes;
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

/* The text itself where there is no prompt, else both in the worker's buffer. */
static UcStatus
with_prompt(Worker *worker, const char *prompt, size_t prompt_bytes, UcText *text, UcError *err)
{
	size_t		bytes = uc_size_add(prompt_bytes, text->bytes);

	if (prompt_bytes == 0)
		return UC_OK;
	if (bytes > worker->prompted_bytes)
	{
		uc_free(worker->prompted);
		worker->prompted = uc_alloc(bytes);
		worker->prompted_bytes = worker->prompted == NULL ? 0 : bytes;
		if (worker->prompted == NULL)
			return uc_out_of_memory(err, bytes);
	}
	memcpy(worker->prompted, prompt, prompt_bytes);
	memcpy(worker->prompted + prompt_bytes, text->text, text->bytes);
	*text = (UcText) {worker->prompted, bytes};
	return UC_OK;
}

static UcStatus
prepare_worker(const Job *job, Worker *worker, UcError *err)
{
	size_t		bytes = uc_size_mul(uc_encoder_capacity(job->model), sizeof(uint32_t));
	UcStatus	status;

	if (worker->encoder != NULL)
		return UC_OK;
	worker->ids = uc_alloc(bytes);
	if (worker->ids == NULL)
		return uc_out_of_memory(err, bytes);
	status = uc_encoder_create(job->model, &worker->encoder, err);
	return status;
}

static UcStatus
tokenize_text(const Job *job, Worker *worker, size_t number, Poll *poll, UcError *err)
{
	UcRun		run = {.threads = 1,.max_memory = job->run->max_memory,.interrupted = poll_section,.interrupt_arg = poll};
	UcText		text = job->texts[number];
	size_t		limit = job->model->config.max_tokens;
	UcStatus	status = with_prompt(worker, job->options->prompt, job->prompt_bytes, &text, err);

	if (status == UC_OK)
		status = uc_tokenize(job->tokenizer, text.text, text.bytes, &run, &worker->tokens, err);
	if (status != UC_OK)
		return status;
	if (worker->tokens.count > limit && job->options->refuse_long)
	{
		uc_error(err, UC_LIMIT_EXCEEDED, "text is longer than the model takes");
		uc_error_detail(err, "Text %zu has %zu tokens, and the model takes %zu.", number + 1, worker->tokens.count, limit);
		uc_error_hint(err, "Shorten it, or let it be cut with truncation => 'truncate'.");
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
	UcStatus	status = batch->texts == 0 ? UC_OK : uc_encoder_run(worker->encoder, batch, stop, out, err);

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

UcStatus
uc_embed(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
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
	job.prompt_bytes = options->prompt == NULL ? 0 : strlen(options->prompt);
	status = uc_check_budget("embedding text", uc_size_mul(uc_encoder_memory(model), (size_t) granted.threads),
							 run->max_memory, err);
	if (status != UC_OK)
		return status;
	job.workers = uc_alloc_zeroed(uc_size_mul((size_t) granted.threads, sizeof *job.workers));
	if (job.workers == NULL)
		return uc_out_of_memory(err, uc_size_mul((size_t) granted.threads, sizeof *job.workers));

	status = uc_parallel(&granted, tasks, embed_task, &job, err);

	for (int i = 0; i < granted.threads; i++)
	{
		uc_encoder_free(job.workers[i].encoder);
		uc_tokens_free(&job.workers[i].tokens);
		uc_free(job.workers[i].ids);
		uc_free(job.workers[i].prompted);
	}
	uc_free(job.workers);
	return status;
}

UcStatus
uc_count_tokens(const UcTokenizer *tokenizer, UcText text, const char *prompt, const UcRun *run, size_t *count,
				UcError *err)
{
	Worker		worker = {0};
	UcStatus	status = with_prompt(&worker, prompt, prompt == NULL ? 0 : strlen(prompt), &text, err);

	if (status == UC_OK)
		status = uc_tokenize(tokenizer, text.text, text.bytes, run, &worker.tokens, err);
	if (status == UC_OK)
		*count = worker.tokens.count;
	uc_tokens_free(&worker.tokens);
	uc_free(worker.prompted);
	return status;
}
