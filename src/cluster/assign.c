/*
 * assign.c
 *	  The nearest of given centroids for every row.
 */
#include "cluster/assign.h"

#include <math.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/points.h"

#define BLOCK_ROWS 256			/* of a task */
#define POLL_PRODUCTS 4000000	/* multiplications between two looks at whether to stop: a few milliseconds */

typedef struct AssignWork
{
	const float *rows;
	size_t		count;
	size_t		dim;
	const float *centroids;
	int			k;
	bool		cosine;
	const double *norms;		/* [k] lengths of the centroids */
	const UcAssignment *out;
} AssignWork;

static UcStatus
assign_row(const AssignWork *work, size_t row, UcError *err)
{
	const UcKernels *kernels = uc_kernels();
	const float *x = work->rows + row * work->dim;
	double		norm = work->cosine ? sqrt(kernels->dot(x, x, work->dim)) : 1;
	double		nearest = INFINITY,
				second = INFINITY;
	int			label = 0;

	if (norm == 0)
	{
		uc_error(err, UC_INVALID_DATA, "a vector of zero length has no direction, which the cosine metric needs");
		uc_error_detail(err, "It is that of row %zu.", row + 1);
		return UC_INVALID_DATA;
	}
	for (int i = 0; i < work->k; i++)
	{
		const float *centroid = work->centroids + (size_t) i * work->dim;
		double		d = work->cosine ? 1 - kernels->dot(x, centroid, work->dim) / (norm * work->norms[i]) :
			kernels->squared_distance(x, centroid, work->dim);

		if (d < nearest)
		{
			second = nearest;
			nearest = d;
			label = i;
		}
		else if (d < second)
			second = d;
	}
	if (!isfinite(nearest))
	{
		uc_error(err, UC_INVALID_DATA, "the distance of a vector to the centroids is not finite");
		uc_error_detail(err, "It is that of row %zu.", row + 1);
		return UC_INVALID_DATA;
	}
	if (work->cosine)
	{
		nearest = fmax(nearest, 0);
		second = fmax(second, 0);
	}
	else
	{
		nearest = sqrt(nearest);
		second = sqrt(second);
	}
	work->out->labels[row] = label;
	work->out->distances[row] = nearest;
	work->out->margins[row] = work->k == 1 ? NAN : second - nearest;
	return UC_OK;
}

static UcStatus
assign_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const AssignWork *work = arg;
	size_t		begin = task * BLOCK_ROWS,
				end = work->count - begin < BLOCK_ROWS ? work->count : begin + BLOCK_ROWS;
	double		products = 0;
	UcStatus	status = UC_OK;

	for (size_t row = begin; status == UC_OK && row < end; row++)
	{
		if (products <= 0)
		{
			if (uc_section_stopped(section, worker))
				return UC_OK;
			products = POLL_PRODUCTS;
		}
		products -= (double) work->k * (double) work->dim;
		status = assign_row(work, row, err);
	}
	return status;
}

UcStatus
uc_assign(const float *rows, size_t count, size_t dim, const float *centroids, int k, UcMetric metric, const UcRun *run,
		  const UcAssignment *out, UcError *err)
{
	double	   *norms = uc_alloc(uc_size_mul((size_t) k, sizeof(double)));
	AssignWork	work = {.rows = rows,.count = count,.dim = dim,.centroids = centroids,.k = k,
		.cosine = metric == UC_METRIC_COSINE,.norms = norms,.out = out};
	UcRun		granted = uc_run_for_work(run, (double) count * (double) k * (double) dim);
	UcStatus	status = UC_OK;

	if (norms == NULL)
		return uc_out_of_memory(err, uc_size_mul((size_t) k, sizeof(double)));
	for (int i = 0; status == UC_OK && i < k; i++)
	{
		const float *centroid = centroids + (size_t) i * dim;

		norms[i] = sqrt(uc_dot(centroid, centroid, dim));
		if (norms[i] == 0 && work.cosine)
			status = uc_error(err, UC_INVALID_DATA,
							  "centroid %d has zero length and no direction, which the cosine metric needs", i + 1);
	}
	if (status == UC_OK)
		status = uc_parallel_phase(&granted, "assigning rows", count, count / BLOCK_ROWS + (count % BLOCK_ROWS != 0), assign_block, &work, err);
	uc_free(norms);
	return status;
}
