/*
 * assign.c
 *	  The nearest of given centroids for every row.
 */
#include "cluster/assign.h"

#include <math.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/lookup.h"
#include "cluster/points.h"

#define BLOCK_ROWS 256			/* of a task */
#define POLL_PRODUCTS 4000000	/* multiplications between two looks at whether to stop: a few milliseconds */

typedef struct AssignWork
{
	const float *rows;
	size_t		count;
	const UcLookup *lookup;
	float	   *products;		/* [threads, k] */
	const UcAssignment *out;
} AssignWork;

static UcStatus
assign_row(const AssignWork *work, const UcLookup *lookup, size_t row, UcError *err)
{
	const float *x = work->rows + row * lookup->dim;
	double		nearest,
				second;
	int			label;

	if (lookup->metric == UC_METRIC_COSINE && uc_dot(x, x, lookup->dim) == 0)
	{
		uc_error(err, UC_INVALID_DATA, "a vector of zero length has no direction, which the cosine metric needs");
		uc_error_detail(err, "It is that of row %zu.", row + 1);
		return UC_INVALID_DATA;
	}
	label = uc_lookup_nearest(lookup, x, &nearest, &second);
	if (!isfinite(nearest))
	{
		uc_error(err, UC_INVALID_DATA, "the distance of a vector to the centroids is not finite");
		uc_error_detail(err, "It is that of row %zu.", row + 1);
		return UC_INVALID_DATA;
	}
	work->out->labels[row] = label;
	work->out->distances[row] = nearest;
	work->out->margins[row] = lookup->k == 1 ? NAN : second - nearest;
	return UC_OK;
}

static UcStatus
assign_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const AssignWork *work = arg;
	UcLookup	lookup = *work->lookup;
	size_t		begin = task * BLOCK_ROWS,
				end = work->count - begin < BLOCK_ROWS ? work->count : begin + BLOCK_ROWS;
	double		products = 0;
	UcStatus	status = UC_OK;

	lookup.products = work->products + (size_t) worker * (size_t) lookup.k;
	for (size_t row = begin; status == UC_OK && row < end; row++)
	{
		if (products <= 0)
		{
			if (uc_section_stopped(section, worker))
				return UC_OK;
			products = POLL_PRODUCTS;
		}
		products -= (double) lookup.k * (double) lookup.dim;
		status = assign_row(work, &lookup, row, err);
	}
	return status;
}

UcStatus
uc_assign(const float *rows, size_t count, size_t dim, const float *centroids, int k, UcMetric metric, const UcRun *run,
		  const UcAssignment *out, UcError *err)
{
	UcLookup	lookup = {.centroids = centroids,.k = k,.dim = dim,.metric = metric};
	AssignWork	work = {.rows = rows,.count = count,.lookup = &lookup,.out = out};
	UcRun		granted = uc_run_for_work(run, (double) count * (double) k * (double) dim);
	size_t		bytes = uc_size_mul((size_t) k, sizeof(double) + (size_t) granted.threads * sizeof(float));
	UcStatus	status = UC_OK;

	lookup.norms = uc_alloc(uc_size_mul((size_t) k, sizeof(double)));
	work.products = uc_alloc(uc_size_mul((size_t) k, (size_t) granted.threads * sizeof(float)));
	if (lookup.norms == NULL || work.products == NULL)
		status = uc_out_of_memory(err, bytes);
	else
	{
		int			without_direction = uc_lookup_begin(&lookup);

		if (without_direction >= 0)
			status = uc_error(err, UC_INVALID_DATA,
							  "centroid %d has zero length and no direction, which the cosine metric needs",
							  without_direction + 1);
	}
	if (status == UC_OK)
		status = uc_parallel_phase(&granted, "assigning rows", count, count / BLOCK_ROWS + (count % BLOCK_ROWS != 0),
								   assign_block, &work, err);
	uc_free(lookup.norms);
	uc_free(work.products);
	return status;
}
