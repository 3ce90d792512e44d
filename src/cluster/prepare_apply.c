/*
 * prepare_apply.c
 *	  A fitted preparation over rows, old or new.
 */
#include "cluster/prepare.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/moments.h"
#include "cluster/points.h"

#define BLOCK_ROWS 256			/* rows of a task: one product */

/* A vector whose length has shrunk by this factor holds only rounding. */
#define VANISHED 1e-6

typedef struct ApplyWork
{
	const UcPreparation *preparation;
	const float *rows;
	size_t		count;
	const int32_t *groups;
	const double *features;
	float	   *out;
	float	   *scratch;		/* [threads, BLOCK_ROWS, dim] centred rows; NULL without whitening */
	double		smallest;		/* squared length below which a projected row has vanished */
} ApplyWork;

static void
scale_to_unit(float *x, size_t n, double squares)
{
	double		factor = 1 / sqrt(squares);

	for (size_t i = 0; i < n; i++)
		x[i] = (float) (x[i] * factor);
}

/* Centres a row into `centred`; a row that lies at its mean becomes zero there. */
static UcStatus
centre(const ApplyWork *work, size_t row, float *centred, bool *vanished, UcError *err)
{
	const UcPreparation *preparation = work->preparation;
	size_t		dim = preparation->dim;
	const float *x = work->rows + row * dim;
	double		squares = uc_dot(x, x, dim),
				scale;

	if (!isfinite(squares))
		return uc_prepare_bad_row(row, "a vector with NaN or infinity", err);
	scale = uc_prepare_scale(x, dim, preparation->directions);
	if (scale == 0)
		return uc_prepare_bad_row(row, "a vector of zero length by cosine", err);
	*vanished = uc_prepare_centre(preparation, x, scale, work->groups == NULL ? -1 : work->groups[row], centred)
		<= VANISHED * VANISHED * squares * scale * scale;
	return UC_OK;
}

static void
write_features(const ApplyWork *work, size_t row, float *out)
{
	const UcPreparation *preparation = work->preparation;
	double		limit = UC_FEATURE_LIMIT * preparation->feature_weight;

	for (size_t i = 0; i < preparation->features; i++)
	{
		double		value = work->features == NULL ? NAN : work->features[row * preparation->features + i];
		double		z = (value - preparation->feature_mean[i]) * preparation->feature_scale[i];

		if (isnan(z))			/* missing, or an infinite deviation of a constant */
			z = 0;
		out[i] = (float) fmax(-limit, fmin(limit, z));
	}
}

/* Rows that are only centred, or only scaled. */
static UcStatus
apply_centring(const ApplyWork *work, size_t row, float *out, UcError *err)
{
	const UcPreparation *preparation = work->preparation;
	size_t		dim = preparation->dim;
	bool		vanished;
	UcStatus	status = centre(work, row, out, &vanished, err);

	if (status != UC_OK || !preparation->directions)
		return status;
	if (vanished)
		memcpy(out, work->rows + row * dim, dim * sizeof(float));
	scale_to_unit(out, dim, uc_dot(out, out, dim));
	return UC_OK;
}

static UcStatus
apply_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const ApplyWork *work = arg;
	const UcPreparation *preparation = work->preparation;
	size_t		dim = preparation->dim,
				out_dim = preparation->out_dim,
				width = out_dim + preparation->features,
				begin = task * BLOCK_ROWS,
				rows = work->count - begin < BLOCK_ROWS ? work->count - begin : BLOCK_ROWS;
	float	   *out = work->out + begin * width;
	float	   *centred = work->scratch == NULL ? NULL : work->scratch + (size_t) worker * BLOCK_ROWS * dim;
	UcStatus	status = UC_OK;

	if (uc_section_stopped(section, worker))
		return UC_OK;
	for (size_t i = 0; status == UC_OK && i < rows; i++)
	{
		bool		vanished = false;

		if (centred == NULL)
			status = apply_centring(work, begin + i, out + i * width, err);
		else
			status = centre(work, begin + i, centred + i * dim, &vanished, err);
		if (vanished)
			memset(centred + i * dim, 0, dim * sizeof(float));
		write_features(work, begin + i, out + i * width + out_dim);
	}
	if (status != UC_OK || centred == NULL)
		return status;

	uc_sgemm_nt(rows, out_dim, dim, 1, centred, dim, preparation->projection, dim, 0, out, width);
	for (size_t i = 0; preparation->directions && i < rows; i++)
	{
		double		squares = uc_dot(out + i * width, out + i * width, out_dim);

		if (squares > work->smallest)
			scale_to_unit(out + i * width, out_dim, squares);
		else
		{
			memset(out + i * width, 0, out_dim * sizeof(float));
			out[i * width] = 1;
		}
	}
	return UC_OK;
}

UcStatus
uc_prepare_apply(const UcPreparation *preparation, const float *rows, size_t count, const int32_t *groups,
				 const double *features, const UcRun *run, float *out, UcError *err)
{
	ApplyWork	work = {.preparation = preparation,.rows = rows,.count = count,.groups = groups,.features = features,
		.out = out};
	size_t		tasks = count / BLOCK_ROWS + (count % BLOCK_ROWS != 0);
	UcRun		granted = uc_run_for_work(run, (double) count * (double) preparation->dim *
										  (double) (1 + preparation->components));
	UcStatus	status;

	if (preparation->components > 0)
	{
		/* one task has one worker, and rows that come one by one should not pay for a block */
		size_t		held = tasks > 1 ? (size_t) granted.threads * BLOCK_ROWS : count + 1;
		size_t		bytes = uc_size_mul(uc_size_mul(held, preparation->dim), sizeof(float));

		status = uc_check_budget("preparing rows", bytes, run->max_memory, err);
		if (status != UC_OK)
			return status;
		work.scratch = uc_alloc(bytes);
		if (work.scratch == NULL)
			return uc_out_of_memory(err, bytes);
		work.smallest = VANISHED * VANISHED * uc_dot(preparation->projection, preparation->projection, preparation->dim);
		uc_blas_prepare();
	}
	status = uc_parallel_phase(&granted, "preparing rows", count, tasks, apply_block, &work, err);
	uc_free(work.scratch);
	return status;
}
