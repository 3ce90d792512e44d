/*
 * backward.c
 *	  The way back: first through each group of texts, leaving the gradient of every layer's inner results in place, then
 *	  the products that gather the weights' gradients over all tokens.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "train/pass_state.h"
#include "train/slope.h"

#define BLOCK_ROWS 128			/* of a weight's gradient in one task */

typedef struct Backward
{
	UcPass	   *pass;
	const float *d_vectors;		/* [texts, dimensions], or NULL … */
	const float *d_tokens;		/* … [tokens, hidden] */
	uint32_t	lowest;			/* layer trained */
	bool		embeddings;		/* trained too */
	float	   *gradient;
	size_t		trained;		/* offset of gradient[0] in the weights' values */
} Backward;

static float *
gradient_of(const Backward *b, const float *weight)
{
	return b->gradient + (uc_weight_offset(b->pass->weights, weight) - b->trained);
}

static void
add_rows(float *sum, const float *rows, size_t count, size_t n)
{
	for (size_t i = 0; i < count; i++)
		uc_kernels()->add(sum, rows + i * n, n);
}

/*
 * hat [rows, n] becomes the gradient before the norm, given dy behind it: rate * (g - mean(g) - hat * mean(g * hat)) with
 * g = dy * weight. sums [2, n] gathers the gradients of weight and bias.
 */
static void
norm_back(float *hat, const float *rate, const float *dy, size_t rows, size_t n, const float *weight, float *sums)
{
	for (size_t i = 0; i < rows; i++)
	{
		float	   *x = hat + i * n;
		const float *d = dy + i * n;
		double		mean = 0,
					along = 0;

		for (size_t j = 0; j < n; j++)
		{
			sums[j] += d[j] * x[j];
			sums[n + j] += d[j];
			mean += (double) d[j] * weight[j];
			along += (double) d[j] * weight[j] * x[j];
		}
		mean /= (double) n;
		along /= (double) n;
		for (size_t j = 0; j < n; j++)
			x[j] = (float) (rate[i] * ((double) d[j] * weight[j] - mean - x[j] * along));
	}
}

/* One text: d_context [tokens, hidden] turns the rows of qkv into their gradient, head by head. */
static void
attend_back(const UcPass *p, uint32_t number, size_t text, const float *d_context, UcPassScratch *s)
{
	const UcModelConfig *c = &p->weights->model.config;
	size_t		first = p->batch->starts[text],
				tokens = p->batch->starts[text + 1] - first,
				hidden = c->hidden,
				width = hidden / c->heads,
				stride = 3 * hidden;
	float	   *qkv = p->layers[number].qkv + first * stride;
	float		scale = 1.0f / sqrtf((float) width);

	for (size_t head = 0; head < c->heads; head++)
	{
		float	   *q = qkv + head * width,
				   *k = q + hidden,
				   *v = k + hidden,
				   *dq = s->d_head,
				   *dk = dq + tokens * width,
				   *dv = dk + tokens * width;
		const float *d = d_context + head * width;

		uc_sgemm_nt(tokens, tokens, width, 1.0f, q, stride, k, stride, 0.0f, s->scores, tokens);
		for (size_t i = 0; i < tokens; i++)
			uc_kernels()->softmax(s->scores + i * tokens, tokens, scale);
		uc_sgemm_nt(tokens, tokens, width, 1.0f, d, hidden, v, stride, 0.0f, s->d_scores, tokens);
		if (p->dropout != NULL)
			uc_dropout_rows(p->dropout, text, number, UC_DROPOUT_HEAD + head, 0, s->d_scores, tokens, tokens);
		for (size_t i = 0; i < tokens; i++)
		{
			float	   *share = s->scores + i * tokens,
					   *ds = s->d_scores + i * tokens;
			double		along = uc_dot(share, ds, tokens);

			for (size_t j = 0; j < tokens; j++)
				ds[j] = (float) (share[j] * (ds[j] - along));
		}
		if (p->dropout != NULL)
			uc_dropout_rows(p->dropout, text, number, UC_DROPOUT_HEAD + head, 0, s->scores, tokens, tokens);
		uc_sgemm_tn(tokens, width, tokens, 1.0f, s->scores, tokens, d, hidden, 0.0f, dv, width);
		uc_sgemm_nn(tokens, width, tokens, scale, s->d_scores, tokens, k, stride, 0.0f, dq, width);
		uc_sgemm_tn(tokens, width, tokens, scale, s->d_scores, tokens, q, stride, 0.0f, dk, width);
		for (size_t i = 0; i < tokens; i++)
		{
			memcpy(q + i * stride, dq + i * width, width * sizeof(float));
			memcpy(k + i * stride, dk + i * width, width * sizeof(float));
			memcpy(v + i * stride, dv + i * width, width * sizeof(float));
		}
	}
}

/* dx [tokens, hidden] of one text from the gradient of its pooled vector */
static void
pool_back(const UcPass *p, size_t text, const float *d_pooled, float *dx)
{
	size_t		h = p->weights->model.config.hidden,
				tokens = p->batch->starts[text + 1] - p->batch->starts[text];
	const float *rows = p->output + p->batch->starts[text] * h;

	memset(dx, 0, tokens * h * sizeof(float));
	switch ((UcPooling) p->weights->model.config.pooling)
	{
		case UC_POOLING_CLS:
			memcpy(dx, d_pooled, h * sizeof(float));
			break;
		case UC_POOLING_MAX:
			for (size_t j = 0; j < h; j++)
			{
				size_t		largest = 0;

				for (size_t i = 1; i < tokens; i++)
					if (rows[i * h + j] > rows[largest * h + j])
						largest = i;
				dx[largest * h + j] = d_pooled[j];
			}
			break;
		case UC_POOLING_MEAN:
			for (size_t i = 0; i < tokens; i++)
				for (size_t j = 0; j < h; j++)
					dx[i * h + j] = d_pooled[j] / (float) tokens;
			break;
	}
}

/* The gradient of one text's pooled vector, in its own place. */
static void
dense_back(const Backward *b, size_t text)
{
	const UcPass *p = b->pass;
	const UcModel *m = &p->weights->model;
	size_t		n = m->config.dimensions;
	const float *d = b->d_vectors + text * n;

	if (m->config.dense)
		uc_slope(m->config.dense_activation, p->dense + text * n, d, n);
	else
		memcpy(p->dense + text * n, d, n * sizeof(float));
}

static void
layer_back(const Backward *b, uint32_t number, size_t first_text, size_t last_text, float *sums, UcPassScratch *s)
{
	const UcPass *p = b->pass;
	const UcModelConfig *c = &p->weights->model.config;
	const UcLayer *w = &p->weights->model.layers[number];
	const UcPassLayer *l = &p->layers[number];
	size_t		first = p->batch->starts[first_text],
				rows = p->batch->starts[last_text] - first,
				h = c->hidden,
				wide = c->intermediate;
	float	   *d_output = l->output_hat + first * h,
			   *d_middle = l->middle_hat + first * h,
			   *d_up = l->up + first * wide,
			   *d_qkv = l->qkv + first * 3 * h;

	norm_back(d_output, l->output_rate + first, s->dx, rows, h, w->output_norm_weight, sums);
	memcpy(s->dy, d_output, rows * h * sizeof(float));
	uc_drop_texts(p, number, UC_DROPOUT_OUTPUT, first_text, last_text, d_output);
	add_rows(sums + 2 * h, d_output, rows, h);
	uc_sgemm_nn(rows, wide, h, 1.0f, d_output, h, w->down_weight, wide, 0.0f, s->wide, wide);
	uc_slope(c->activation, d_up, s->wide, rows * wide);
	add_rows(sums + 3 * h, d_up, rows, wide);
	uc_sgemm_nn(rows, h, wide, 1.0f, d_up, wide, w->up_weight, h, 1.0f, s->dy, h);

	sums += 3 * h + wide;
	norm_back(d_middle, l->middle_rate + first, s->dy, rows, h, w->attention_norm_weight, sums);
	memcpy(s->dx, d_middle, rows * h * sizeof(float));
	uc_drop_texts(p, number, UC_DROPOUT_ATTENTION, first_text, last_text, d_middle);
	add_rows(sums + 2 * h, d_middle, rows, h);
	uc_sgemm_nn(rows, h, h, 1.0f, d_middle, h, w->attention_weight, h, 0.0f, s->dy, h);
	for (size_t t = first_text; t < last_text; t++)
		attend_back(p, number, t, s->dy + (p->batch->starts[t] - first) * h, s);
	add_rows(sums + 3 * h, d_qkv, rows, 3 * h);
	uc_sgemm_nn(rows, h, 3 * h, 1.0f, d_qkv, 3 * h, w->qkv_weight, h, 1.0f, s->dx, h);
}

static size_t
sums_of_group(const UcModelConfig *c)
{
	return uc_layer_sums(c) * c->layers + 2 * (size_t) c->hidden;
}

static UcStatus
backward_group(void *arg, size_t group, int worker, UcSection *section, UcError *err)
{
	const Backward *b = arg;
	const UcPass *p = b->pass;
	const UcModel *m = &p->weights->model;
	const UcModelConfig *c = &m->config;
	UcPassScratch *s = &p->scratch[worker];
	size_t		first_text = p->group_starts[group],
				last_text = p->group_starts[group + 1],
				first = p->batch->starts[first_text],
				h = c->hidden;
	float	   *sums = p->partial + group * sums_of_group(c);

	memset(sums, 0, sums_of_group(c) * sizeof(float));
	if (b->d_tokens != NULL)
		memcpy(s->dx, b->d_tokens + first * h, (p->batch->starts[last_text] - first) * h * sizeof(float));
	for (size_t t = first_text; t < last_text && b->d_tokens == NULL; t++)
	{
		const float *d_pooled = p->dense + t * c->dimensions;

		dense_back(b, t);
		if (c->dense)
		{
			uc_sgemm_nn(1, h, c->dimensions, 1.0f, d_pooled, c->dimensions, m->dense_weight, h, 0.0f, s->dy, h);
			d_pooled = s->dy;
		}
		pool_back(p, t, d_pooled, s->dx + (p->batch->starts[t] - first) * h);
	}
	for (uint32_t i = c->layers; i-- > b->lowest;)
	{
		if (uc_section_stopped(section, worker))
			return uc_interrupt_error(err);
		layer_back(b, i, first_text, last_text, sums + i * uc_layer_sums(c), s);
	}
	if (!b->embeddings)
		return UC_OK;
	uc_drop_texts(p, 0, UC_DROPOUT_EMBEDDINGS, first_text, last_text, s->dx);
	norm_back(p->embedded_hat + first * h, p->embedded_rate + first, s->dx, p->batch->starts[last_text] - first, h,
			  m->norm_weight, sums + c->layers * uc_layer_sums(c));
	return UC_OK;
}

/* Adds what the groups summed at `at` to a tensor's gradient, in the order of the groups. */
static size_t
gather(const Backward *b, const float *weight, size_t at, size_t n)
{
	const UcPass *p = b->pass;

	for (size_t g = 0; g < p->groups; g++)
		uc_kernels()->add(gradient_of(b, weight), p->partial + g * sums_of_group(&p->weights->model.config) + at, n);
	return at + n;
}

static void
gather_layer(const Backward *b, uint32_t number)
{
	const UcModelConfig *c = &b->pass->weights->model.config;
	const UcLayer *w = &b->pass->weights->model.layers[number];
	size_t		h = c->hidden,
				at = number * uc_layer_sums(c);

	at = gather(b, w->output_norm_weight, at, h);
	at = gather(b, w->output_norm_bias, at, h);
	at = gather(b, w->down_bias, at, h);
	at = gather(b, w->up_bias, at, c->intermediate);
	at = gather(b, w->attention_norm_weight, at, h);
	at = gather(b, w->attention_norm_bias, at, h);
	at = gather(b, w->attention_bias, at, h);
	gather(b, w->qkv_bias, at, 3 * h);
}

static void
gather_embeddings(const Backward *b)
{
	const UcPass *p = b->pass;
	const UcModel *m = &p->weights->model;
	size_t		h = m->config.hidden,
				at = m->config.layers * uc_layer_sums(&m->config);
	float	   *word = gradient_of(b, (const float *) m->word),
			   *position = gradient_of(b, m->position),
			   *type = gradient_of(b, m->token_type);

	at = gather(b, m->norm_weight, at, h);
	gather(b, m->norm_bias, at, h);
	for (size_t t = 0; t < p->batch->texts; t++)
		for (size_t i = p->batch->starts[t]; i < p->batch->starts[t + 1]; i++)
		{
			const float *d = p->embedded_hat + i * h;

			uc_kernels()->add(word + p->batch->ids[i] * h, d, h);
			uc_kernels()->add(position + (i - p->batch->starts[t]) * h, d, h);
			uc_kernels()->add(type, d, h);
		}
}

static void
gather_dense(const Backward *b)
{
	const UcPass *p = b->pass;
	const UcModel *m = &p->weights->model;
	size_t		n = m->config.dimensions,
				h = m->config.hidden;

	uc_sgemm_tn(n, h, p->batch->texts, 1.0f, p->dense, n, p->pooled, h, 1.0f, gradient_of(b, m->dense_weight), h);
	add_rows(gradient_of(b, m->dense_bias), p->dense, p->batch->texts, n);
}

static size_t
blocks_of(size_t rows)
{
	return rows / BLOCK_ROWS + (rows % BLOCK_ROWS != 0);
}

/* One block of rows of a weight [out, in]: d_out ᵀ · x over all tokens. */
static void
gather_block(const Backward *b, const float *weight, size_t out, size_t in, size_t block, const float *d_out, const float *x)
{
	const UcPass *p = b->pass;
	size_t		first = block * BLOCK_ROWS,
				rows = out - first < BLOCK_ROWS ? out - first : BLOCK_ROWS;

	uc_sgemm_tn(rows, in, p->batch->starts[p->batch->texts], 1.0f, d_out + first, out, x, in, 1.0f,
				gradient_of(b, weight) + first * in, in);
}

/* What makes a weight's gradient. */
typedef struct Product
{
	const float *weight;
	size_t		out,
				in;
	const float *d_out,			/* [tokens, out] */
			   *x;				/* [tokens, in] */
} Product;

static void
products_of(const UcPass *p, uint32_t number, Product products[UC_ADAPTED])
{
	size_t		h = p->weights->model.config.hidden,
				wide = p->weights->model.config.intermediate;
	const UcLayer *w = &p->weights->model.layers[number];
	const UcPassLayer *l = &p->layers[number];

	products[0] = (Product) {w->qkv_weight, 3 * h, h, l->qkv, l->input};
	products[1] = (Product) {w->attention_weight, h, h, l->middle_hat, l->context};
	products[2] = (Product) {w->up_weight, wide, h, l->up, l->middle};
	products[3] = (Product) {w->down_weight, h, wide, l->output_hat, l->active};
}

/* Block `block` of a layer's four weights; false behind the last. */
static bool
gather_weight(const Backward *b, uint32_t number, size_t block)
{
	Product		products[UC_ADAPTED];

	products_of(b->pass, number, products);
	for (size_t i = 0; i < UC_ADAPTED; i++)
	{
		if (block < blocks_of(products[i].out))
		{
			gather_block(b, products[i].weight, products[i].out, products[i].in, block, products[i].d_out, products[i].x);
			return true;
		}
		block -= blocks_of(products[i].out);
	}
	return false;
}

/* The last task is the embeddings', the others' are layer by layer: four weights in blocks of rows, and the sums. */
static UcStatus
gather_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const Backward *b = arg;
	const UcPass *p = b->pass;
	const UcModelConfig *c = &p->weights->model.config;
	size_t		h = c->hidden,
				wide = c->intermediate,
				each = blocks_of(3 * h) + 2 * blocks_of(h) + blocks_of(wide) + 1;
	uint32_t	number = b->lowest + (uint32_t) (task / each);
	size_t		block = task % each;

	if (uc_section_stopped(section, worker))
		return uc_interrupt_error(err);
	if (number == c->layers)
	{
		if (b->embeddings)
			gather_embeddings(b);
		if (c->dense && b->d_tokens == NULL)
			gather_dense(b);
		return UC_OK;
	}
	if (!gather_weight(b, number, block))
		gather_layer(b, number);
	return UC_OK;
}

static UcStatus
gather_adapter(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const Backward *b = arg;
	const UcPass *p = b->pass;
	const UcAdapters *adapters = p->adapters;
	Product		products[UC_ADAPTED];
	const Product *product = &products[task % UC_ADAPTED];

	if (uc_section_stopped(section, worker))
		return uc_interrupt_error(err);
	products_of(p, adapters->lowest + (uint32_t) (task / UC_ADAPTED), products);
	uc_adapter_gradient(adapters, &adapters->adapters[task], product->d_out, product->x, p->batch->starts[p->batch->texts],
						p->adapter_rows + (size_t) worker * p->capacity * adapters->rank, b->gradient);
	return UC_OK;
}

static UcStatus
run_back(UcPass *p, const float *d_vectors, const float *d_tokens, size_t layers, float *gradient, const UcRun *run,
		 UcError *err)
{
	const UcModelConfig *c = &p->weights->model.config;
	size_t		h = c->hidden,
				each = blocks_of(3 * h) + 2 * blocks_of(h) + blocks_of(c->intermediate) + 1;
	Backward	b = {.pass = p,.d_vectors = d_vectors,.d_tokens = d_tokens,.gradient = gradient,
	.embeddings = layers >= c->layers && p->adapters == NULL,.trained = uc_weights_trained(p->weights, layers)};
	UcRun		granted = *run;
	UcStatus	status;

	b.lowest = layers >= c->layers ? 0 : c->layers - (uint32_t) layers;
	granted.threads = run->threads < p->threads ? run->threads : p->threads;
	status = uc_parallel(&granted, p->groups, backward_group, &b, err);
	if (status == UC_OK && p->adapters != NULL)
		return uc_parallel(&granted, p->adapters->count, gather_adapter, &b, err);
	if (status == UC_OK)
		status = uc_parallel(&granted, (c->layers - b.lowest) * each + 1, gather_task, &b, err);
	return status;
}

UcStatus
uc_pass_backward(UcPass *p, const float *d_vectors, size_t layers, float *gradient, const UcRun *run, UcError *err)
{
	return run_back(p, d_vectors, NULL, layers, gradient, run, err);
}

UcStatus
uc_pass_backward_tokens(UcPass *p, const float *d_tokens, size_t layers, float *gradient, const UcRun *run, UcError *err)
{
	return run_back(p, NULL, d_tokens, layers, gradient, run, err);
}
