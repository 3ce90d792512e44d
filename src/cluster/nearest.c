/*
 * nearest.c
 *	  The state of the search: centroids and how they move, groups, memory, passes over all rows.
 */
#include "cluster/nearest.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/group.h"
#include "cluster/nearest_block.h"

#define GROUP_CENTROIDS 10
#define TASK_WORK 2e6			/* multiplications worth a task of their own */

/* Groups pay where distances are dear; each costs a float a row. */
static int
group_count(size_t dim, int k)
{
	size_t		groups = (size_t) k / GROUP_CENTROIDS,
				worth = dim < UC_FEW_DIMENSIONS ? 1 : dim / 8;

	if (groups > worth)
		groups = worth;
	if (groups > UC_MAX_GROUPS)
		groups = UC_MAX_GROUPS;
	return groups < 1 ? 1 : (int) groups;
}

size_t
uc_nearest_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		groups = (size_t) group_count(dim, k),
				per_row = sizeof(int32_t) + sizeof(float) + groups * sizeof(float),
				per_centroid = uc_size_add(uc_size_mul(dim, sizeof(float)), 6 * sizeof(float)),
				worker = uc_size_mul(uc_size_add(dim, uc_tile_centroids(dim, (size_t) k)), UC_BLOCK_ROWS * sizeof(float));

	worker = uc_size_add(worker, sizeof(UcNearestScratch) + groups * UC_BLOCK_ROWS * sizeof(uint16_t));
	return uc_size_add(uc_size_add(uc_size_mul(rows, per_row), uc_size_mul((size_t) k, per_centroid)),
					   uc_size_mul((size_t) threads, worker));
}

static bool
create_scratch(UcNearest *nearest)
{
	size_t		dim = nearest->points->dim,
				block = UC_BLOCK_ROWS * sizeof(float);

	nearest->scratch = uc_alloc_zeroed((size_t) nearest->workers * sizeof(UcNearestScratch));
	if (nearest->scratch == NULL)
		return false;
	for (int i = 0; i < nearest->workers; i++)
	{
		UcNearestScratch    *scratch = &nearest->scratch[i];

		/* zeroed, because the kernels compute the lanes behind a block's last row too */
		scratch->gathered = uc_alloc_zeroed(uc_size_mul(dim, block));
		scratch->tile = uc_alloc_zeroed(uc_size_mul(nearest->tile_centroids, block));
		scratch->members = uc_alloc((size_t) nearest->groups * UC_BLOCK_ROWS * sizeof(uint16_t));
		if (scratch->gathered == NULL || scratch->tile == NULL || scratch->members == NULL)
			return false;
	}
	return true;
}

UcStatus
uc_nearest_create(UcNearest *nearest, const UcPoints *points, int k, int threads, UcError *err)
{
	size_t		rows = points->rows,
				count = (size_t) k,
				groups = (size_t) group_count(points->dim, k);

	*nearest = (UcNearest) {.points = points,.k = k,.groups = (int) groups,.workers = threads};
	nearest->tile_centroids = uc_tile_centroids(points->dim, count);
	nearest->labels = uc_alloc(uc_size_mul(rows, sizeof(int32_t)));
	nearest->upper = uc_alloc(uc_size_mul(rows, sizeof(float)));
	nearest->lower = uc_alloc(uc_size_mul(rows, groups * sizeof(float)));
	nearest->centroids = uc_alloc(uc_size_mul(count, uc_size_mul(points->dim, sizeof(float))));
	nearest->rank = uc_alloc(count * sizeof(int32_t));
	nearest->squares = uc_alloc(count * sizeof(float));
	nearest->zeros = uc_alloc_zeroed(count * sizeof(float));
	nearest->drift = uc_alloc(count * sizeof(float));
	nearest->group_of = uc_alloc(count * sizeof(int32_t));
	nearest->group_drift = uc_alloc(groups * sizeof(float));
	nearest->group_start = uc_alloc((groups + 1) * sizeof(int32_t));
	if (nearest->labels == NULL || nearest->upper == NULL || nearest->lower == NULL || nearest->centroids == NULL ||
		nearest->rank == NULL || nearest->squares == NULL || nearest->zeros == NULL || nearest->drift == NULL ||
		nearest->group_of == NULL || nearest->group_drift == NULL || nearest->group_start == NULL ||
		!create_scratch(nearest))
	{
		uc_nearest_free(nearest);
		return uc_out_of_memory(err, uc_nearest_memory(rows, points->dim, k, threads));
	}
	return UC_OK;
}

void
uc_nearest_free(UcNearest *nearest)
{
	for (int i = 0; nearest->scratch != NULL && i < nearest->workers; i++)
	{
		uc_free(nearest->scratch[i].gathered);
		uc_free(nearest->scratch[i].tile);
		uc_free(nearest->scratch[i].members);
	}
	uc_free(nearest->scratch);
	uc_free(nearest->labels);
	uc_free(nearest->upper);
	uc_free(nearest->lower);
	uc_free(nearest->centroids);
	uc_free(nearest->rank);
	uc_free(nearest->squares);
	uc_free(nearest->zeros);
	uc_free(nearest->drift);
	uc_free(nearest->group_of);
	uc_free(nearest->group_drift);
	uc_free(nearest->group_start);
	*nearest = (UcNearest) {0};
}

/* ---- where the centroids are ---- */

static void
measure_centroids(UcNearest *nearest)
{
	size_t		dim = nearest->points->dim;
	double		longest = 0;

	for (int j = 0; j < nearest->k; j++)
	{
		const float *c = nearest->centroids + (size_t) j * dim;
		double		square = uc_dot(c, c, dim);

		nearest->squares[j] = (float) square;
		longest = fmax(longest, square);
	}
	nearest->longest = (float) sqrt(longest) * UC_UP;
}

static void
forget_drift(UcNearest *nearest)
{
	memset(nearest->drift, 0, (size_t) nearest->k * sizeof(float));
	memset(nearest->group_drift, 0, (size_t) nearest->groups * sizeof(float));
}

UcStatus
uc_nearest_restart(UcNearest *nearest, const float *centroids, int k, const UcRun *run, UcError *err)
{
	size_t		dim = nearest->points->dim;
	UcStatus	status;

	nearest->k = k;
	nearest->groups = group_count(dim, k);
	status = uc_group_centroids(centroids, k, dim, nearest->groups, nearest->rank, nearest->group_start, run, err);
	if (status != UC_OK)
		return status;
	for (int g = 0; g < nearest->groups; g++)
		for (int j = nearest->group_start[g]; j < nearest->group_start[g + 1]; j++)
		{
			nearest->group_of[j] = g;
			memcpy(nearest->centroids + (size_t) j * dim, centroids + (size_t) nearest->rank[j] * dim,
				   dim * sizeof(float));
		}
	forget_drift(nearest);
	for (size_t row = 0; row < nearest->points->rows; row++)
		nearest->labels[row] = -1;
	nearest->task_rows = UC_BLOCK_ROWS;
	while ((double) nearest->task_rows * k * (double) dim < TASK_WORK)
		nearest->task_rows *= 2;
	measure_centroids(nearest);
	uc_nearest_judge_by(nearest, NULL);
	return UC_OK;
}

double
uc_nearest_move(UcNearest *nearest, const float *centroids)
{
	size_t		dim = nearest->points->dim;
	double		total = 0;

	for (int g = 0; g < nearest->groups; g++)
	{
		float		largest = 0;

		for (int j = nearest->group_start[g]; j < nearest->group_start[g + 1]; j++)
		{
			const float *from = nearest->centroids + (size_t) j * dim;
			double		square = uc_squared_distance(from, centroids + (size_t) j * dim, dim);

			nearest->drift[j] = (nearest->drift[j] + (float) sqrt(square)) * UC_UP;
			largest = fmaxf(largest, nearest->drift[j]);
			total += square;
		}
		nearest->group_drift[g] = largest;
	}
	memcpy(nearest->centroids, centroids, (size_t) nearest->k * dim * sizeof(float));
	measure_centroids(nearest);
	return total;
}

void
uc_nearest_relabel(UcNearest *nearest, size_t row, int32_t label)
{
	nearest->labels[row] = label;
	nearest->upper[row] = INFINITY;
	for (int g = 0; g < nearest->groups; g++)
		*uc_nearest_lower(nearest, row, g) = 0;
}

void
uc_nearest_judge_by(UcNearest *nearest, const float *centroids)
{
	const UcPoints *points = nearest->points;

	if (centroids == NULL)
	{
		nearest->exact_rows = points->x;
		nearest->exact_centroids = nearest->centroids;
		nearest->exact_cosine = false;
		nearest->exact_scale = 1;
		return;
	}
	nearest->exact_rows = points->given;
	nearest->exact_centroids = centroids;
	nearest->exact_cosine = points->metric == UC_METRIC_COSINE;
	/* unit vectors: |a - b|² = 2 (1 - a·b) */
	nearest->exact_scale = nearest->exact_cosine ? 2 : points->scale * points->scale;
}

/* ---- passes ---- */

typedef struct Pass
{
	UcNearest  *nearest;
	double	   *distances;		/* [rows] for measuring only */
} Pass;

static size_t
task_end(const UcNearest *nearest, size_t task)
{
	size_t		end = (task + 1) * nearest->task_rows;

	return end < nearest->points->rows ? end : nearest->points->rows;
}

static UcStatus
assign_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcNearest  *nearest = ((Pass *) arg)->nearest;
	size_t		end = task_end(nearest, task);

	for (size_t begin = task * nearest->task_rows; begin < end; begin += UC_BLOCK_ROWS)
	{
		size_t		block_end = begin + UC_BLOCK_ROWS < end ? begin + UC_BLOCK_ROWS : end;

		uc_nearest_assign_block(nearest, &nearest->scratch[worker], begin, block_end, section);
	}
	return UC_OK;
}

static UcStatus
measure_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Pass	   *pass = arg;
	size_t		end = task_end(pass->nearest, task);

	for (size_t row = task * pass->nearest->task_rows; row < end; row++)
		pass->distances[row] = uc_nearest_exact(pass->nearest, row, pass->nearest->labels[row]);
	return UC_OK;
}

static UcStatus
run_pass(UcNearest *nearest, UcTask body, double *distances, const UcRun *run, UcError *err)
{
	Pass		pass = {.nearest = nearest,.distances = distances};
	size_t		rows = nearest->points->rows,
				tasks = (rows + nearest->task_rows - 1) / nearest->task_rows;
	double		per_row = (double) nearest->points->dim * (distances ? 1 : nearest->k);
	UcRun		granted = uc_run_for_work(run, (double) rows * per_row);

	if (granted.threads > nearest->workers)
		granted.threads = nearest->workers;
	return uc_parallel(&granted, tasks, body, &pass, err);
}

UcStatus
uc_nearest_assign(UcNearest *nearest, const UcRun *run, UcError *err)
{
	UcStatus	status = run_pass(nearest, assign_task, NULL, run, err);

	forget_drift(nearest);
	return status;
}

UcStatus
uc_nearest_measure(UcNearest *nearest, double *distances, const UcRun *run, UcError *err)
{
	return run_pass(nearest, measure_task, distances, run, err);
}
