/*
 * forward.c
 *	  Memory of a pass, and the way forward (the arithmetic of embed/encoder.c, keeping what it computes).
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "embed/activation.h"
#include "train/pass_state.h"

static void *
take(char *block, size_t *used, size_t count, size_t size)
{
	void	   *piece = block == NULL ? NULL : block + *used;

	*used = uc_size_add(*used, uc_size_align(uc_size_mul(count, size)));
	return piece;
}

static float *
take_rows(char *block, size_t *used, size_t rows, size_t width)
{
	return take(block, used, uc_size_mul(rows, width), sizeof(float));
}

static size_t
lay_out(UcPass *p, const UcWeights *weights, size_t tokens, size_t texts, int threads, char *block)
{
	const UcModelConfig *c = &weights->model.config;
	size_t		used = 0,
				group = UC_GROUP_TOKENS + c->max_tokens,
				square = uc_size_mul(c->max_tokens, c->max_tokens);

	p->group_starts = take(block, &used, texts + 1, sizeof(size_t));
	p->layers = take(block, &used, c->layers, sizeof(UcPassLayer));
	p->scratch = take(block, &used, (size_t) threads, sizeof(UcPassScratch));
	p->embedded_hat = take_rows(block, &used, tokens, c->hidden);
	p->embedded_rate = take_rows(block, &used, tokens, 1);
	p->output = take_rows(block, &used, tokens, c->hidden);
	p->pooled = take_rows(block, &used, texts, c->hidden);
	p->dense = take_rows(block, &used, texts, c->dimensions);
	/* a group holds UC_GROUP_TOKENS tokens or is the last one */
	p->partial = take_rows(block, &used, tokens / UC_GROUP_TOKENS + 1, uc_layer_sums(c) * c->layers + 2 * (size_t) c->hidden);
	for (uint32_t i = 0; i < c->layers; i++)
	{
		UcPassLayer layer = {
			.input = take_rows(block, &used, tokens, c->hidden),
			.qkv = take_rows(block, &used, tokens, 3 * (size_t) c->hidden),
			.context = take_rows(block, &used, tokens, c->hidden),
			.middle_hat = take_rows(block, &used, tokens, c->hidden),
			.middle_rate = take_rows(block, &used, tokens, 1),
			.middle = take_rows(block, &used, tokens, c->hidden),
			.up = take_rows(block, &used, tokens, c->intermediate),
			.active = take_rows(block, &used, tokens, c->intermediate),
			.output_hat = take_rows(block, &used, tokens, c->hidden),
			.output_rate = take_rows(block, &used, tokens, 1)
		};

		if (block != NULL)
			p->layers[i] = layer;
	}
	for (int i = 0; i < threads; i++)
	{
		UcPassScratch scratch = {
			.dx = take_rows(block, &used, group, c->hidden),
			.dy = take_rows(block, &used, group, c->hidden),
			.wide = take_rows(block, &used, group, c->intermediate),
			.scores = take_rows(block, &used, square, 1),
			.d_scores = take_rows(block, &used, square, 1),
			.d_head = take_rows(block, &used, 3 * (size_t) c->max_tokens, c->hidden / c->heads)
		};

		if (block != NULL)
			p->scratch[i] = scratch;
	}
	return used;
}

size_t
uc_pass_memory(const UcWeights *weights, size_t tokens, size_t texts, int threads)
{
	UcPass		counted;

	return lay_out(&counted, weights, tokens, texts, threads, NULL);
}

UcStatus
uc_pass_create(const UcWeights *weights, size_t tokens, size_t texts, int threads, UcPass **out, UcError *err)
{
	size_t		bytes = uc_pass_memory(weights, tokens, texts, threads);
	UcPass	   *pass = uc_alloc_zeroed(sizeof *pass);
	char	   *block = uc_alloc(bytes);

	*out = NULL;
	if (pass == NULL || block == NULL)
	{
		uc_free(pass);
		uc_free(block);
		return uc_out_of_memory(err, bytes);
	}
	uc_blas_prepare();
	lay_out(pass, weights, tokens, texts, threads, block);
	pass->weights = weights;
	pass->capacity = tokens;
	pass->most_texts = texts;
	pass->threads = threads;
	pass->memory = block;
	*out = pass;
	return UC_OK;
}

void
uc_pass_free(UcPass *pass)
{
	if (pass == NULL)
		return;
	uc_free(pass->memory);
	uc_free(pass->adapter_rows);
	uc_free(pass);
}

/* y [rows, out] = x [rows, in] · weightᵀ + bias (+ residual) */
static void
linear(const float *x, size_t rows, size_t in, const float *weight, const float *bias, size_t out, const float *residual,
	   float *y)
{
	for (size_t i = 0; i < rows; i++)
	{
		memcpy(y + i * out, bias, out * sizeof(float));
		if (residual != NULL)
			uc_kernels()->add(y + i * out, residual + i * out, out);
	}
	uc_sgemm_nt(rows, out, in, 1.0f, x, in, weight, in, 1.0f, y, out);
}

/* hat becomes (hat - mean) / standard deviation row by row, rate the factor, y = hat * weight + bias. */
static void
layer_norm(float *hat, float *rate, float *y, size_t rows, size_t n, const float *weight, const float *bias, float epsilon)
{
	for (size_t i = 0; i < rows; i++)
	{
		float	   *row = hat + i * n;
		double		sum = 0,
					squares = 0,
					mean;

		for (size_t j = 0; j < n; j++)
			sum += row[j];
		mean = sum / (double) n;
		for (size_t j = 0; j < n; j++)
			squares += (row[j] - mean) * (row[j] - mean);
		rate[i] = (float) (1.0 / sqrt(squares / (double) n + epsilon));
		for (size_t j = 0; j < n; j++)
		{
			row[j] = (float) (row[j] - mean) * rate[i];
			y[i * n + j] = row[j] * weight[j] + bias[j];
		}
	}
}

static void
attend(const UcPass *p, uint32_t number, size_t text, float *scores)
{
	const UcModelConfig *c = &p->weights->model.config;
	const UcPassLayer *layer = &p->layers[number];
	size_t		first = p->batch->starts[text],
				tokens = p->batch->starts[text + 1] - first,
				hidden = c->hidden,
				width = hidden / c->heads,
				stride = 3 * hidden;

	for (size_t head = 0; head < c->heads; head++)
	{
		const float *q = layer->qkv + first * stride + head * width;

		uc_sgemm_nt(tokens, tokens, width, 1.0f, q, stride, q + hidden, stride, 0.0f, scores, tokens);
		for (size_t i = 0; i < tokens; i++)
			uc_kernels()->softmax(scores + i * tokens, tokens, 1.0f / sqrtf((float) width));
		if (p->dropout != NULL)
			uc_dropout_rows(p->dropout, text, number, UC_DROPOUT_HEAD + head, 0, scores, tokens, tokens);
		uc_sgemm_nn(tokens, width, tokens, 1.0f, scores, tokens, q + 2 * hidden, stride, 0.0f,
					layer->context + first * hidden + head * width, hidden);
	}
}

static void
look_up(const UcPass *p, size_t text, float *y)
{
	const UcModel *m = &p->weights->model;
	size_t		hidden = m->config.hidden;

	for (size_t i = p->batch->starts[text]; i < p->batch->starts[text + 1]; i++)
	{
		float	   *row = p->embedded_hat + i * hidden;

		uc_model_word(m, p->batch->ids[i], row);
		uc_kernels()->add(row, m->token_type, hidden);
		uc_kernels()->add(row, m->position + (i - p->batch->starts[text]) * hidden, hidden);
		layer_norm(row, p->embedded_rate + i, y + i * hidden, 1, hidden, m->norm_weight, m->norm_bias,
				   m->config.layer_norm_epsilon);
	}
	uc_drop_texts(p, 0, UC_DROPOUT_EMBEDDINGS, text, text + 1, y + p->batch->starts[text] * hidden);
}

static void
run_layer(const UcPass *p, uint32_t number, size_t first_text, size_t last_text, float *scores)
{
	const UcModelConfig *c = &p->weights->model.config;
	const UcLayer *w = &p->weights->model.layers[number];
	const UcPassLayer *l = &p->layers[number];
	size_t		first = p->batch->starts[first_text],
				rows = p->batch->starts[last_text] - first,
				h = c->hidden,
				wide = c->intermediate;
	float	   *next = (number + 1 < c->layers ? p->layers[number + 1].input : p->output) + first * h;

	linear(l->input + first * h, rows, h, w->qkv_weight, w->qkv_bias, 3 * h, NULL, l->qkv + first * 3 * h);
	for (size_t t = first_text; t < last_text; t++)
		attend(p, number, t, scores);
	linear(l->context + first * h, rows, h, w->attention_weight, w->attention_bias, h,
		   p->dropout == NULL ? l->input + first * h : NULL, l->middle_hat + first * h);
	if (p->dropout != NULL)
	{
		uc_drop_texts(p, number, UC_DROPOUT_ATTENTION, first_text, last_text, l->middle_hat + first * h);
		uc_kernels()->add(l->middle_hat + first * h, l->input + first * h, rows * h);
	}
	layer_norm(l->middle_hat + first * h, l->middle_rate + first, l->middle + first * h, rows, h, w->attention_norm_weight,
			   w->attention_norm_bias, c->layer_norm_epsilon);
	linear(l->middle + first * h, rows, h, w->up_weight, w->up_bias, wide, NULL, l->up + first * wide);
	memcpy(l->active + first * wide, l->up + first * wide, rows * wide * sizeof(float));
	uc_activate(c->activation, l->active + first * wide, rows * wide);
	linear(l->active + first * wide, rows, wide, w->down_weight, w->down_bias, h,
		   p->dropout == NULL ? l->middle + first * h : NULL, l->output_hat + first * h);
	if (p->dropout != NULL)
	{
		uc_drop_texts(p, number, UC_DROPOUT_OUTPUT, first_text, last_text, l->output_hat + first * h);
		uc_kernels()->add(l->output_hat + first * h, l->middle + first * h, rows * h);
	}
	layer_norm(l->output_hat + first * h, l->output_rate + first, next, rows, h, w->output_norm_weight, w->output_norm_bias,
			   c->layer_norm_epsilon);
}

static void
pool(const UcPass *p, size_t text)
{
	size_t		h = p->weights->model.config.hidden,
				tokens = p->batch->starts[text + 1] - p->batch->starts[text];
	const float *rows = p->output + p->batch->starts[text] * h;
	float	   *pooled = p->pooled + text * h;

	memcpy(pooled, rows, h * sizeof(float));
	if (p->weights->model.config.pooling == UC_POOLING_MAX)
		for (size_t i = 1; i < tokens; i++)
			for (size_t j = 0; j < h; j++)
				pooled[j] = fmaxf(pooled[j], rows[i * h + j]);
	if (p->weights->model.config.pooling == UC_POOLING_MEAN)
		for (size_t j = 0; j < h; j++)
		{
			double		sum = 0;

			for (size_t i = 0; i < tokens; i++)
				sum += rows[i * h + j];
			pooled[j] = (float) (sum / (double) tokens);
		}
}

typedef struct Forward
{
	UcPass	   *pass;
	float	   *vectors;		/* [texts, dimensions] or NULL */
} Forward;

static UcStatus
forward_group(void *arg, size_t group, int worker, UcSection *section, UcError *err)
{
	const Forward *forward = arg;
	const UcPass *p = forward->pass;
	const UcModel *m = &p->weights->model;
	size_t		first = p->group_starts[group],
				last = p->group_starts[group + 1],
				n = m->config.dimensions;

	for (size_t t = first; t < last; t++)
		look_up(p, t, m->config.layers > 0 ? p->layers[0].input : p->output);
	for (uint32_t i = 0; i < m->config.layers; i++)
	{
		if (uc_section_stopped(section, worker))
			return uc_interrupt_error(err);
		run_layer(p, i, first, last, p->scratch[worker].scores);
	}
	for (size_t t = first; t < last && forward->vectors != NULL; t++)
	{
		float	   *vector = forward->vectors + t * n;

		pool(p, t);
		if (!m->config.dense)
		{
			memcpy(vector, p->pooled + t * n, n * sizeof(float));
			continue;
		}
		linear(p->pooled + t * m->config.hidden, 1, m->config.hidden, m->dense_weight, m->dense_bias, n, NULL, p->dense + t * n);
		memcpy(vector, p->dense + t * n, n * sizeof(float));
		uc_activate(m->config.dense_activation, vector, n);
	}
	return UC_OK;
}

const float *
uc_pass_tokens(const UcPass *p)
{
	return p->output;
}

void
uc_pass_drop(UcPass *p, const UcDropout *dropout)
{
	p->dropout = dropout;
}

UcStatus
uc_pass_adapt(UcPass *p, const UcAdapters *adapters, UcError *err)
{
	size_t		floats = adapters == NULL ? 0 : uc_size_mul(uc_size_mul((size_t) p->threads, p->capacity), adapters->rank);

	uc_free(p->adapter_rows);
	p->adapters = adapters;
	p->adapter_rows = floats == 0 ? NULL : uc_alloc(uc_size_mul(floats, sizeof(float)));
	return floats == 0 || p->adapter_rows != NULL ? UC_OK : uc_out_of_memory(err, uc_size_mul(floats, sizeof(float)));
}

UcStatus
uc_pass_forward(UcPass *p, const UcBatch *batch, const UcRun *run, float *vectors, UcError *err)
{
	Forward		forward = {p, vectors};
	UcRun		granted = *run;
	size_t		begun = 0;

	granted.threads = run->threads < p->threads ? run->threads : p->threads;
	p->batch = batch;
	p->groups = 0;
	p->group_starts[0] = 0;
	for (size_t t = 0; t < batch->texts; t++)
		if (batch->starts[t + 1] - begun >= UC_GROUP_TOKENS || t + 1 == batch->texts)
		{
			p->group_starts[++p->groups] = t + 1;
			begun = batch->starts[t + 1];
		}
	return uc_parallel(&granted, p->groups, forward_group, &forward, err);
}
