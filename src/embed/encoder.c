/*
 * encoder.c
 *	  The BERT encoder, layer by layer, on weights used in place from the mapped model.
 */
#include "embed/encoder.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "embed/activation.h"

#define BATCH_TOKENS 512		/* GEMM is at full speed from about 256 rows */
#define ATTENTION_ROWS 128		/* queries whose scores are held at one time */
#define LEAST_ROWS 4			/* of a product, see linear() */
#define FLOP_PER_CALL 1e9		/* one GEMM call is about 10 ms at most: nothing can stop it */

struct UcEncoder
{
	const UcModel *model;
	size_t		capacity;		/* tokens */
	float	   *x;				/* [capacity, hidden] the residual stream */
	float	   *y;				/* [capacity, hidden] the next one */
	float	   *qkv;			/* [capacity, 3 * hidden] */
	float	   *context;		/* [capacity, hidden] what attention gathered */
	float	   *up;				/* [capacity, intermediate] */
	float	   *scores;			/* [ATTENTION_ROWS, max_tokens] */
	double	   *sum;			/* [hidden] for pooling */
	void	   *memory;			/* all of the above */
};

size_t
uc_encoder_capacity(const UcModel *model)
{
	return model->config.max_tokens > BATCH_TOKENS ? model->config.max_tokens : BATCH_TOKENS;
}

/* Hands out the next aligned piece of a block, or only counts when the block is not there yet. */
static void *
take(char *block, size_t *used, size_t count, size_t width, size_t size)
{
	size_t		bytes = uc_size_align(uc_size_mul(uc_size_mul(count, width), size));
	void	   *piece = block == NULL ? NULL : block + *used;

	*used = uc_size_add(*used, bytes);
	return piece;
}

/* A buffer of token rows, with room behind them for those that linear() adds. */
static float *
take_rows(const UcEncoder *e, char *block, size_t *used, size_t width)
{
	return take(block, used, e->capacity + LEAST_ROWS, width, sizeof(float));
}

static size_t
lay_out(UcEncoder *e, const UcModel *model, char *block)
{
	const UcModelConfig *c = &model->config;
	size_t		used = 0;

	e->model = model;
	e->capacity = uc_encoder_capacity(model);
	e->x = take_rows(e, block, &used, c->hidden);
	e->y = take_rows(e, block, &used, c->hidden);
	e->qkv = take_rows(e, block, &used, 3 * (size_t) c->hidden);
	e->context = take_rows(e, block, &used, c->hidden);
	e->up = take_rows(e, block, &used, c->intermediate);
	e->scores = take(block, &used, ATTENTION_ROWS, c->max_tokens, sizeof(float));
	e->sum = take(block, &used, 1, c->hidden, sizeof(double));
	return used;
}

size_t
uc_encoder_memory(const UcModel *model)
{
	UcEncoder	counted;

	return lay_out(&counted, model, NULL);
}

UcStatus
uc_encoder_create(const UcModel *model, UcEncoder **out, UcError *err)
{
	size_t		bytes = uc_encoder_memory(model);
	UcEncoder  *encoder = uc_alloc_zeroed(sizeof *encoder);
	char	   *block = uc_alloc(bytes);

	if (encoder == NULL || block == NULL)
	{
		uc_free(encoder);
		uc_free(block);
		return uc_out_of_memory(err, bytes);
	}
	uc_blas_prepare();
	lay_out(encoder, model, block);
	encoder->memory = block;
	*out = encoder;
	return UC_OK;
}

void
uc_encoder_free(UcEncoder *encoder)
{
	if (encoder == NULL)
		return;
	uc_free(encoder->memory);
	uc_free(encoder);
}

/*
 * y = x · weightᵀ + bias (+ residual) over rows of x [rows, in], weight [out, in], y [rows, out]. The bias and the
 * residual are laid into y first and GEMM adds to them. In blocks of rows, with a look at `stop` between.
 *
 * BLAS multiplies fewer than LEAST_ROWS rows by other kernels, which round otherwise: a text of three tokens would not have
 * the vector that it has in a batch. Rows of zeros fill such a block.
 */
static bool
linear(float *x, size_t rows, size_t in, const float *weight, const float *bias, size_t out,
	   const float *residual, float *y, UcStop stop)
{
	size_t		block = (size_t) (FLOP_PER_CALL / (2.0 * (double) in * (double) out)) + LEAST_ROWS;

	for (size_t first = 0; first < rows; first += block)
	{
		size_t		n = rows - first < block ? rows - first : block;

		if (stop.stopped(stop.arg))
			return false;
		for (size_t i = first; i < first + n; i++)
		{
			memcpy(y + i * out, bias, out * sizeof(float));
			if (residual != NULL)
				uc_kernels()->add(y + i * out, residual + i * out, out);
		}
		if (n < LEAST_ROWS)
		{
			memset(x + (first + n) * in, 0, (LEAST_ROWS - n) * in * sizeof(float));
			memset(y + (first + n) * out, 0, (LEAST_ROWS - n) * out * sizeof(float));
			n = LEAST_ROWS;
		}
		uc_sgemm_nt(n, out, in, 1.0f, x + first * in, in, weight, in, 1.0f, y + first * out, out);
	}
	return true;
}

static void
normalize_rows(float *x, size_t rows, size_t width, const float *weight, const float *bias, float epsilon)
{
	for (size_t i = 0; i < rows; i++)
		uc_kernels()->layer_norm(x + i * width, weight, bias, epsilon, width);
}

/* Word, position and type embeddings of every token, then the layer norm. */
static void
look_up(UcEncoder *e, const UcBatch *batch)
{
	const UcModel *m = e->model;
	size_t		hidden = m->config.hidden;

	for (size_t t = 0; t < batch->texts; t++)
		for (size_t i = batch->starts[t]; i < batch->starts[t + 1]; i++)
		{
			float	   *row = e->x + i * hidden;

			uc_model_word(m, batch->ids[i], row);
			uc_kernels()->add(row, m->token_type, hidden);
			uc_kernels()->add(row, m->position + (i - batch->starts[t]) * hidden, hidden);
		}
	normalize_rows(e->x, batch->starts[batch->texts], hidden, m->norm_weight, m->norm_bias, m->config.layer_norm_epsilon);
}

/* Scaled dot-product attention of one head over one text of `tokens` tokens; q, k and v are columns of the qkv rows. */
static void
attend(UcEncoder *e, size_t first, size_t tokens, size_t head)
{
	size_t		hidden = e->model->config.hidden,
				width = hidden / e->model->config.heads,
				stride = 3 * hidden;
	const float *q = e->qkv + first * stride + head * width,
			   *k = q + hidden,
			   *v = k + hidden;
	float	   *context = e->context + first * hidden + head * width;
	float		scale = 1.0f / sqrtf((float) width);

	for (size_t row = 0; row < tokens; row += ATTENTION_ROWS)
	{
		size_t		rows = tokens - row < ATTENTION_ROWS ? tokens - row : ATTENTION_ROWS;

		uc_sgemm_nt(rows, tokens, width, 1.0f, q + row * stride, stride, k, stride, 0.0f, e->scores, tokens);
		for (size_t i = 0; i < rows; i++)
			uc_kernels()->softmax(e->scores + i * tokens, tokens, scale);
		uc_sgemm_nn(rows, width, tokens, 1.0f, e->scores, tokens, v, stride, 0.0f, context + row * hidden, hidden);
	}
}

static bool
attention(UcEncoder *e, const UcBatch *batch, UcStop stop)
{
	for (size_t t = 0; t < batch->texts; t++)
	{
		if (stop.stopped(stop.arg))
			return false;
		for (size_t head = 0; head < e->model->config.heads; head++)
			attend(e, batch->starts[t], batch->starts[t + 1] - batch->starts[t], head);
	}
	return true;
}

/* One layer: x → x, through y. False when stopped. */
static bool
run_layer(UcEncoder *e, const UcLayer *layer, const UcBatch *batch, UcStop stop)
{
	const UcModelConfig *c = &e->model->config;
	size_t		tokens = batch->starts[batch->texts],
				hidden = c->hidden;

	if (!linear(e->x, tokens, hidden, layer->qkv_weight, layer->qkv_bias, 3 * hidden, NULL, e->qkv, stop) ||
		!attention(e, batch, stop) ||
		!linear(e->context, tokens, hidden, layer->attention_weight, layer->attention_bias, hidden, e->x, e->y, stop))
		return false;
	normalize_rows(e->y, tokens, hidden, layer->attention_norm_weight, layer->attention_norm_bias, c->layer_norm_epsilon);

	if (!linear(e->y, tokens, hidden, layer->up_weight, layer->up_bias, c->intermediate, NULL, e->up, stop))
		return false;
	uc_activate(c->activation, e->up, tokens * c->intermediate);
	if (!linear(e->up, tokens, c->intermediate, layer->down_weight, layer->down_bias, hidden, e->y, e->x, stop))
		return false;
	normalize_rows(e->x, tokens, hidden, layer->output_norm_weight, layer->output_norm_bias, c->layer_norm_epsilon);
	return true;
}

/* rows [tokens, hidden] of one text → pooled [hidden] */
static void
pool(UcEncoder *e, const float *rows, size_t tokens, float *pooled)
{
	size_t		hidden = e->model->config.hidden;

	switch ((UcPooling) e->model->config.pooling)
	{
		case UC_POOLING_CLS:
			memcpy(pooled, rows, hidden * sizeof(float));
			break;
		case UC_POOLING_MAX:
			memcpy(pooled, rows, hidden * sizeof(float));
			for (size_t i = 1; i < tokens; i++)
				for (size_t j = 0; j < hidden; j++)
					pooled[j] = fmaxf(pooled[j], rows[i * hidden + j]);
			break;
		case UC_POOLING_MEAN:
			memset(e->sum, 0, hidden * sizeof(double));
			for (size_t i = 0; i < tokens; i++)
				uc_kernels()->accumulate(e->sum, rows + i * hidden, 1.0, hidden);
			for (size_t j = 0; j < hidden; j++)
				pooled[j] = (float) (e->sum[j] / (double) tokens);
			break;
	}
}

static UcStatus
finish(const UcModel *model, float *vector, UcError *err)
{
	size_t		n = model->config.dimensions;
	double		length = sqrt(uc_dot(vector, vector, n));

	if (!isfinite(length) || length == 0)
	{
		uc_error(err, UC_INVALID_DATA, "the model gives a vector that is %s", length == 0 ? "zero" : "not finite");
		uc_error_hint(err, "Run usercluster-model verify on the model file.");
		return UC_INVALID_DATA;
	}
	if (model->config.normalize)
		for (size_t i = 0; i < n; i++)
			vector[i] = (float) (vector[i] / length);
	return UC_OK;
}

UcStatus
uc_encoder_run(UcEncoder *e, const UcBatch *batch, UcStop stop, float *out, UcError *err)
{
	const UcModel *m = e->model;
	size_t		hidden = m->config.hidden,
				dimensions = m->config.dimensions;

	look_up(e, batch);
	for (uint32_t i = 0; i < m->config.layers; i++)
		if (!run_layer(e, &m->layers[i], batch, stop))
			return uc_error(err, UC_INTERRUPTED, "interrupted");

	for (size_t t = 0; t < batch->texts; t++)
	{
		size_t		first = batch->starts[t],
					tokens = batch->starts[t + 1] - first;
		float	   *vector = out + t * dimensions;
		float	   *pooled = m->config.dense ? e->y : vector;
		UcStatus	status;

		pool(e, e->x + first * hidden, tokens, pooled);
		if (m->config.dense)
		{
			for (size_t j = 0; j < dimensions; j++)
				vector[j] = (float) (uc_dot(m->dense_weight + j * hidden, pooled, hidden) + m->dense_bias[j]);
			uc_activate(m->config.dense_activation, vector, dimensions);
		}
		status = finish(m, vector, err);
		if (status != UC_OK)
			return status;
	}
	return UC_OK;
}
