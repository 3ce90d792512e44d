/*
 * adam.c
 *	  Weights in blocks over threads; the gradient's length is summed block by block in one order.
 */
#include "train/adam.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define BLOCK 65536				/* weights in one task */
#define KEEP_MEAN 0.9
#define KEEP_SQUARE 0.999
#define EPSILON 1e-8f
#define LONGEST 1.0				/* length to which gradients are clipped */

struct UcAdam
{
	UcWeights  *weights;
	UcAdamOptions options;
	size_t		trained;		/* offset of the first weight moved */
	size_t		count;
	size_t		step;
	float	   *gradient;		/* [count] */
	float	   *mean;			/* [count] */
	float	   *square;			/* [count] */
	double	   *squares;		/* [blocks] */
	float		rate;			/* of this step, the mean's correction included */
	float		shrink;			/* 1 - rate * decay */
	float		clip;
	float		correction;		/* of the square */
};

size_t
uc_adam_memory(const UcWeights *w, size_t layers)
{
	return uc_size_mul(3 * sizeof(float), w->total - uc_weights_trained(w, layers));
}

UcStatus
uc_adam_create(UcWeights *weights, size_t layers, const UcAdamOptions *options, UcAdam **out, UcError *err)
{
	UcAdam	   *a = uc_alloc_zeroed(sizeof *a);

	*out = NULL;
	if (a == NULL)
		return uc_out_of_memory(err, sizeof *a);
	a->weights = weights;
	a->options = *options;
	a->trained = uc_weights_trained(weights, layers);
	a->count = weights->total - a->trained;
	a->gradient = uc_alloc_zeroed(a->count * sizeof(float));
	a->mean = uc_alloc_zeroed(a->count * sizeof(float));
	a->square = uc_alloc_zeroed(a->count * sizeof(float));
	a->squares = uc_alloc_zeroed((a->count / BLOCK + 1) * sizeof(double));
	if (a->gradient == NULL || a->mean == NULL || a->square == NULL || a->squares == NULL)
	{
		uc_adam_free(a);
		return uc_out_of_memory(err, uc_adam_memory(weights, layers));
	}
	*out = a;
	return UC_OK;
}

void
uc_adam_free(UcAdam *a)
{
	if (a == NULL)
		return;
	uc_free(a->gradient);
	uc_free(a->mean);
	uc_free(a->square);
	uc_free(a->squares);
	uc_free(a);
}

float *
uc_adam_gradient(UcAdam *a)
{
	return a->gradient;
}

static UcStatus
measure_block(void *arg, size_t block, int worker, UcSection *section, UcError *err)
{
	UcAdam	   *a = arg;
	size_t		first = block * BLOCK,
				n = a->count - first < BLOCK ? a->count - first : BLOCK;

	a->squares[block] = uc_dot(a->gradient + first, a->gradient + first, n);
	return uc_section_stopped(section, worker) ? uc_interrupt_error(err) : UC_OK;
}

static void
move(UcAdam *a, size_t first, size_t n, float shrink)
{
	float	   *w = a->weights->values + a->trained + first,
			   *m = a->mean + first,
			   *v = a->square + first,
			   *g = a->gradient + first;

	for (size_t i = 0; i < n; i++)
	{
		float		d = g[i] * a->clip;

		m[i] += (float) (1 - KEEP_MEAN) * (d - m[i]);
		v[i] = (float) KEEP_SQUARE * v[i] + (float) (1 - KEEP_SQUARE) * d * d;
		w[i] = w[i] * shrink - a->rate * m[i] / (sqrtf(v[i] * a->correction) + EPSILON);
		g[i] = 0;
	}
}

/* Matrices decay; biases and norms are vectors. The type embeddings, a row, count as a matrix. */
static bool
decays(const UcWeight *w)
{
	return w->entry->rank == 2 || strncmp(w->entry->name, "embeddings.token_type", sizeof w->entry->name) == 0;
}

/* No look at the section: a step is whole or not at all, and takes a tenth of a second. */
static UcStatus
move_block(void *arg, size_t block, int worker, UcSection *section, UcError *err)
{
	UcAdam	   *a = arg;
	size_t		first = block * BLOCK,
				last = a->count - first < BLOCK ? a->count : first + BLOCK;

	for (size_t i = 0; i < a->weights->count; i++)
	{
		const UcWeight *w = &a->weights->tensors[i];
		size_t		from,
					to;

		if (w->offset < a->trained)
			continue;
		from = w->offset - a->trained;
		to = from + w->count;
		from = from < first ? first : from;
		to = to > last ? last : to;
		if (from < to)
			move(a, from, to - from, decays(w) ? a->shrink : 1.0f);
	}
	return UC_OK;
}

/* Part of the full rate: rising in the warm-up, then falling to 0 behind the last step. */
static double
schedule(const UcAdamOptions *o, size_t step)
{
	if (step < o->warm_up)
		return (double) step / (double) o->warm_up;
	return step >= o->steps ? 0 : (double) (o->steps - step) / (double) (o->steps - o->warm_up);
}

double
uc_adam_rate(const UcAdam *a)
{
	return a->options.rate * schedule(&a->options, a->step);
}

UcStatus
uc_adam_step(UcAdam *a, const UcRun *run, UcError *err)
{
	size_t		blocks = a->count / BLOCK + (a->count % BLOCK != 0);
	UcRun		whole = *run;
	double		length = 0,
				rate = uc_adam_rate(a);
	UcStatus	status = uc_parallel(run, blocks, measure_block, a, err);

	if (status != UC_OK)
		return status;
	for (size_t i = 0; i < blocks; i++)
		length += a->squares[i];
	length = sqrt(length);
	if (!isfinite(length))
		return uc_error(err, UC_INVALID_DATA, "the training gradient is not finite");
	a->step++;
	a->clip = (float) (length > LONGEST ? LONGEST / (length + 1e-6) : 1);
	a->rate = (float) (rate / (1 - pow(KEEP_MEAN, (double) a->step)));
	a->shrink = (float) (1 - rate * a->options.decay);
	a->correction = (float) (1 / (1 - pow(KEEP_SQUARE, (double) a->step)));
	whole.interrupted = NULL;
	return uc_parallel(&whole, blocks, move_block, a, err);
}
