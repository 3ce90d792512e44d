/*
 * moments.c
 *	  Column sums by slices of columns; the covariance by strips of its upper triangle, one product per block of rows.
 *
 * A product sums a block of rows in float, whose rounding stays near 1e-7 of the largest variance; blocks are added in
 * double, so that it does not grow with the rows.
 */
#include "cluster/moments.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/points.h"

#define FILL_ROWS 128			/* rows of a block that one task centres */
#define STRIP 128				/* columns of a strip; a product of 2 · 128 · 1,024 · dim operations */
#define POLL_ROWS 1024

typedef struct MeanWork
{
	const UcPrepareInput *input;
	const double *scales;
	size_t		width;			/* columns of a slice */
	double	   *sums;			/* [1 + groups, dim] overall first */
} MeanWork;

typedef struct CovarianceWork
{
	const UcPrepareInput *input;
	const double *scales;
	const UcPreparation *preparation;
	size_t		begin;			/* of the block */
	size_t		rows;			/* in the block */
	float	   *block;			/* [UC_MOMENTS_BLOCK, dim] centred, times √weight */
	float	   *products;		/* [threads, STRIP, dim] */
	double	   *covariance;		/* [dim, dim] */
} CovarianceWork;

double
uc_prepare_scale(const float *row, size_t dim, bool directions)
{
	double		squares;

	if (!directions)
		return 1;
	squares = uc_dot(row, row, dim);
	return squares > 0 ? 1 / sqrt(squares) : 0;
}

double
uc_prepare_centre(const UcPreparation *preparation, const float *row, double scale, int32_t group, float *out)
{
	size_t		dim = preparation->dim;
	const float *mean = preparation->mean;

	if (mean != NULL && group >= 0 && group < preparation->groups)
		mean = preparation->group_means + (size_t) group * dim;
	if (mean == NULL)
		for (size_t i = 0; i < dim; i++)
			out[i] = (float) (row[i] * scale);
	else
		for (size_t i = 0; i < dim; i++)
			out[i] = (float) (row[i] * scale - (double) mean[i]);
	return uc_dot(out, out, dim);
}

static double
weight_of(const UcPrepareInput *input, size_t row)
{
	return input->weights == NULL ? 1 : input->weights[row];
}

static UcStatus
sum_columns(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	MeanWork   *work = arg;
	const UcPrepareInput *input = work->input;
	size_t		dim = input->dim,
				begin = task * work->width,
				width = dim - begin < work->width ? dim - begin : work->width;
	const UcKernels *kernels = uc_kernels();

	for (size_t row = 0; row < input->count; row++)
	{
		const float *x = input->rows + row * dim + begin;
		double		factor = weight_of(input, row) * work->scales[row];

		if (row % POLL_ROWS == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		kernels->accumulate(work->sums + begin, x, factor, width);
		if (input->groups != NULL && input->groups[row] >= 0)
			kernels->accumulate(work->sums + (1 + (size_t) input->groups[row]) * dim + begin, x, factor, width);
	}
	return UC_OK;
}

size_t
uc_moments_means_memory(const UcPrepareInput *input)
{
	size_t		groups = input->groups == NULL ? 0 : (size_t) input->group_count;

	return uc_size_mul(uc_size_mul(1 + groups, uc_size_add(input->dim, 1)), sizeof(double));
}

void
uc_moments_shrink(const double *sum, double total, const double *mean, size_t dim, float *out)
{
	double		kept = total / (total + UC_GROUP_SHRINKAGE);

	for (size_t i = 0; i < dim; i++)
		out[i] = (float) (total > 0 ? mean[i] + kept * (sum[i] / total - mean[i]) : mean[i]);
}

UcStatus
uc_moments_means(const UcPrepareInput *input, const double *scales, const UcRun *run, UcPreparation *preparation,
				 double *energy, UcError *err)
{
	size_t		dim = input->dim,
				groups = (size_t) preparation->groups,
				bytes = uc_moments_means_memory(input);
	MeanWork	work = {.input = input,.scales = scales,.sums = uc_alloc_zeroed(bytes)};
	UcRun		granted = uc_run_for_work(run, (double) input->count * (double) dim);
	UcStatus	status;

	if (work.sums == NULL)
		return uc_out_of_memory(err, bytes);
	status = uc_parallel(&granted, uc_column_slices(dim, granted.threads, &work.width), sum_columns, &work, err);
	if (status == UC_OK)
	{
		double	   *totals = work.sums + (1 + groups) * dim;	/* [1 + groups] */
		double		squares = 0;

		for (size_t row = 0; row < input->count; row++)
		{
			const float *x = input->rows + row * dim;
			double		weight = weight_of(input, row);

			if (row % POLL_ROWS == 0 && uc_interrupted(run))
			{
				uc_free(work.sums);
				return uc_interrupt_error(err);
			}
			totals[0] += weight;
			if (groups > 0 && input->groups[row] >= 0)
				totals[1 + input->groups[row]] += weight;
			squares += weight * (input->directions ? 1 : uc_dot(x, x, dim));
		}
		*energy = squares / totals[0];
		for (size_t i = 0; i < dim; i++)
		{
			work.sums[i] /= totals[0];
			preparation->mean[i] = (float) work.sums[i];
		}
		for (size_t group = 0; group < groups; group++)
			uc_moments_shrink(work.sums + (1 + group) * dim, totals[1 + group], work.sums, dim, preparation->group_means + group * dim);
	}
	uc_free(work.sums);
	return status;
}

static UcStatus
fill_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	CovarianceWork *work = arg;
	size_t		dim = work->input->dim,
				end = (task + 1) * FILL_ROWS < work->rows ? (task + 1) * FILL_ROWS : work->rows;

	for (size_t i = task * FILL_ROWS; i < end; i++)
	{
		size_t		row = work->begin + i;
		float	   *x = work->block + i * dim;
		float		root = (float) sqrt(weight_of(work->input, row));

		uc_prepare_centre(work->preparation, work->input->rows + row * dim, work->scales[row],
						  work->input->groups == NULL ? -1 : work->input->groups[row], x);
		if (root != 1)
			for (size_t j = 0; j < dim; j++)
				x[j] *= root;
	}
	return UC_OK;
}

/* Rows begin … of the covariance, from the diagonal on. */
static UcStatus
add_strip(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	CovarianceWork *work = arg;
	size_t		dim = work->input->dim,
				begin = task * STRIP,
				height = dim - begin < STRIP ? dim - begin : STRIP,
				width = dim - begin;
	float	   *product = work->products + (size_t) worker * STRIP * dim;

	if (uc_section_stopped(section, worker))
		return UC_OK;
	uc_sgemm_tn(height, width, work->rows, 1, work->block + begin, dim, work->block + begin, dim, 0, product, width);
	for (size_t i = 0; i < height; i++)
		uc_kernels()->accumulate(work->covariance + (begin + i) * dim + begin, product + i * width, 1, width);
	return UC_OK;
}

size_t
uc_moments_covariance_memory(size_t dim, int threads)
{
	return uc_size_mul(uc_size_mul(UC_MOMENTS_BLOCK + (size_t) threads * STRIP, dim), sizeof(float));
}

UcStatus
uc_moments_add_block(const UcPrepareInput *input, const double *scales, const UcPreparation *preparation, size_t begin,
					 float *scratch, const UcRun *run, double *covariance, UcError *err)
{
	size_t		dim = input->dim;
	CovarianceWork work = {
		.input = input,.scales = scales,.preparation = preparation,.begin = begin,.block = scratch,
		.products = scratch + UC_MOMENTS_BLOCK * dim,.covariance = covariance
	};
	UcRun		granted;
	UcStatus	status;

	work.rows = input->count - begin < UC_MOMENTS_BLOCK ? input->count - begin : UC_MOMENTS_BLOCK;
	granted = uc_run_for_work(run, (double) work.rows * (double) dim * (double) dim);
	status = uc_parallel(&granted, (work.rows + FILL_ROWS - 1) / FILL_ROWS, fill_block, &work, err);
	if (status == UC_OK)
		status = uc_parallel(&granted, (dim + STRIP - 1) / STRIP, add_strip, &work, err);
	return status;
}

UcStatus
uc_moments_end_covariance(double *covariance, size_t dim, double total, UcError *err)
{
	for (size_t i = 0; i < dim; i++)
		for (size_t j = i; j < dim; j++)
		{
			covariance[i * dim + j] /= total;
			covariance[j * dim + i] = covariance[i * dim + j];
			if (!isfinite(covariance[i * dim + j]))
			{
				uc_error(err, UC_INVALID_DATA, "cannot whiten vectors whose squares exceed the range of real");
				uc_error_hint(err, "Divide them by a constant, or only centre them.");
				return UC_INVALID_DATA;
			}
		}
	return UC_OK;
}

UcStatus
uc_moments_covariance(const UcPrepareInput *input, const double *scales, const UcPreparation *preparation, const UcRun *run,
					  double *covariance, UcError *err)
{
	size_t		dim = input->dim;
	float	   *scratch = uc_alloc(uc_moments_covariance_memory(dim, run->threads));
	double		total = 0;
	UcStatus	status = UC_OK;

	if (scratch == NULL)
		return uc_out_of_memory(err, uc_moments_covariance_memory(dim, run->threads));
	uc_blas_prepare();
	memset(covariance, 0, dim * dim * sizeof(double));
	uc_progress_phase(run, "measuring the covariance", input->count);
	for (size_t begin = 0; status == UC_OK && begin < input->count; begin += UC_MOMENTS_BLOCK)
	{
		status = uc_moments_add_block(input, scales, preparation, begin, scratch, run, covariance, err);
		uc_progress_done(run, begin + UC_MOMENTS_BLOCK);
	}
	uc_free(scratch);
	if (status != UC_OK)
		return status;
	for (size_t row = 0; row < input->count; row++)
		total += weight_of(input, row);
	return uc_moments_end_covariance(covariance, dim, total, err);
}
