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
#define ZEROS ((size_t) 1 << 22)	/* set between two looks for a cancel */
#define KEEP_MEAN 0.9
#define KEEP_SQUARE 0.999
#define EPSILON 1e-8f
#define LONGEST 1.0				/* length to which gradients are clipped */

struct UcAdam
{
	const UcParameters *parameters;
	UcAdamOptions options;
	size_t		count;			/* floats */
	size_t		step;
	float	   *gradient;		/* [count] */
	float	   *mean;			/* [count] */
	float	   *square;			/* [count] */
	double	   *squares;		/* [blocks] */
	double		rate;			/* of this step */
	double		mean_correction;
	float		clip;
	float		correction;		/* of the square */
};

size_t
uc_adam_memory(size_t total)
{
	return uc_size_mul(3 * sizeof(float), total);
}

/* Zeros so many that a cancel is looked for in between. */
static UcStatus
take_zeros(float **zeros, size_t count, const UcRun *run, UcError *err)
{
	*zeros = uc_alloc(count * sizeof(float));
	if (*zeros == NULL)
		return uc_out_of_memory(err, uc_adam_memory(count));
	for (size_t i = 0; i < count; i += ZEROS)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		memset(*zeros + i, 0, (count - i < ZEROS ? count - i : ZEROS) * sizeof(float));
	}
	return UC_OK;
}

UcStatus
uc_adam_create(const UcParameters *parameters, const UcAdamOptions *options, const UcRun *run, UcAdam **out, UcError *err)
{
	UcAdam	   *a = uc_alloc_zeroed(sizeof *a);
	float	  **moments[] = {&a->gradient, &a->mean, &a->square};
	UcStatus	status = UC_OK;

	*out = NULL;
	if (a == NULL)
		return uc_out_of_memory(err, sizeof *a);
	a->parameters = parameters;
	a->options = *options;
	a->count = parameters->total;
	a->squares = uc_alloc_zeroed((a->count / BLOCK + 1) * sizeof(double));
	if (a->squares == NULL)
		status = uc_out_of_memory(err, uc_adam_memory(a->count));
	for (size_t i = 0; i < sizeof moments / sizeof *moments && status == UC_OK; i++)
		status = take_zeros(moments[i], a->count, run, err);
	if (status != UC_OK)
	{
		uc_adam_free(a);
		return status;
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

/* Floats [first, first + n) of a part. */
static void
move(UcAdam *a, const UcPart *part, size_t first, size_t n)
{
	float	   *w = part->values + first,
			   *m = a->mean + part->offset + first,
			   *v = a->square + part->offset + first,
			   *g = a->gradient + part->offset + first,
				rate = (float) (a->rate * part->pace / a->mean_correction),
				shrink = (float) (part->decays ? 1 - a->rate * part->pace * a->options.decay : 1),
				clip = a->clip,
				correction = a->correction;

	for (size_t i = 0; i < n; i++)
	{
		float		d = g[i] * clip;

		m[i] += (float) (1 - KEEP_MEAN) * (d - m[i]);
		v[i] = (float) KEEP_SQUARE * v[i] + (float) (1 - KEEP_SQUARE) * d * d;
		w[i] = w[i] * shrink - rate * m[i] / (sqrtf(v[i] * correction) + EPSILON);
		g[i] = 0;
	}
}

static UcStatus
move_block(void *arg, size_t block, int worker, UcSection *section, UcError *err)
{
	UcAdam	   *a = arg;
	size_t		first = block * BLOCK,
				last = a->count - first < BLOCK ? a->count : first + BLOCK;

	if (uc_section_stopped(section, worker))
		return uc_interrupt_error(err);
	for (size_t i = 0; i < a->parameters->count; i++)
	{
		const UcPart *part = &a->parameters->parts[i];
		size_t		from = part->offset < first ? first : part->offset,
					to = part->offset + part->count > last ? last : part->offset + part->count;

		if (from < to)
			move(a, part, from - part->offset, to - from);
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
	a->rate = rate;
	a->mean_correction = 1 - pow(KEEP_MEAN, (double) a->step);
	a->correction = (float) (1 / (1 - pow(KEEP_SQUARE, (double) a->step)));
	return uc_parallel(run, blocks, move_block, a, err);
}
