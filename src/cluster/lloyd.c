/*
 * lloyd.c
 *	  Assign, move, repeat.
 *
 * The sums behind the centroids are kept and changed by the rows that move, in the order of the rows: they cost
 * little once few rows move, and no partial sums exist whose number could depend on the threads. Threads share them
 * by columns. Weights may differ by many powers of ten, so that what a heavy row leaves behind by rounding outweighs the
 * light ones: with weights the sums are taken anew.
 */
#include "cluster/lloyd.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/result.h"

#define POLL_FLOATS (1u << 20)	/* a millisecond of work between two polls */

size_t
uc_lloyd_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		centroid = uc_size_add(uc_size_mul(dim, sizeof(double) + sizeof(float)), sizeof(int64_t)),
				bytes = uc_size_mul(rows, sizeof(int32_t) + sizeof(double));

	bytes = uc_size_add(bytes, uc_size_mul((size_t) k, centroid));
	return uc_size_add(bytes, uc_nearest_memory(rows, dim, k, threads));
}

UcStatus
uc_lloyd_create(UcLloyd *lloyd, const UcPoints *points, int k, int threads, UcError *err)
{
	size_t		cells = uc_size_mul((size_t) k, points->dim);
	UcStatus	status;

	*lloyd = (UcLloyd) {.points = points};
	status = uc_nearest_create(&lloyd->nearest, points, k, threads, err);
	if (status != UC_OK)
		return status;
	lloyd->previous = uc_alloc(uc_size_mul(points->rows, sizeof(int32_t)));
	lloyd->distances = uc_alloc(uc_size_mul(points->rows, sizeof(double)));
	lloyd->sums = uc_alloc(uc_size_mul(cells, sizeof(double)));
	lloyd->next = uc_alloc(uc_size_mul(cells, sizeof(float)));
	lloyd->counts = uc_alloc(uc_size_mul((size_t) k, sizeof(int64_t)));
	if (points->weights != NULL)
		lloyd->masses = uc_alloc((size_t) k * sizeof(double));
	if (lloyd->previous == NULL || lloyd->distances == NULL || lloyd->sums == NULL || lloyd->next == NULL ||
		lloyd->counts == NULL || (points->weights != NULL && lloyd->masses == NULL))
	{
		uc_lloyd_free(lloyd);
		return uc_out_of_memory(err, uc_lloyd_memory(points->rows, points->dim, k, threads));
	}
	return UC_OK;
}

void
uc_lloyd_free(UcLloyd *lloyd)
{
	uc_nearest_free(&lloyd->nearest);
	uc_free(lloyd->previous);
	uc_free(lloyd->distances);
	uc_free(lloyd->sums);
	uc_free(lloyd->next);
	uc_free(lloyd->counts);
	uc_free(lloyd->masses);
	*lloyd = (UcLloyd) {0};
}

/* No row is in a cluster yet. */
static void
clear_sums(UcLloyd *lloyd, int k)
{
	memset(lloyd->sums, 0, (size_t) k * lloyd->points->dim * sizeof(double));
	memset(lloyd->counts, 0, (size_t) k * sizeof(int64_t));
	if (lloyd->masses != NULL)
		memset(lloyd->masses, 0, (size_t) k * sizeof(double));
	for (size_t row = 0; row < lloyd->points->rows; row++)
		lloyd->previous[row] = -1;
}

UcStatus
uc_lloyd_begin(UcLloyd *lloyd, const float *start, int k, const UcRun *run, UcError *err)
{
	clear_sums(lloyd, k);
	lloyd->spread = false;
	return uc_nearest_restart(&lloyd->nearest, start, k, run, err);
}

/* ---- sums and counts ---- */

typedef struct Transfer
{
	UcLloyd    *lloyd;
	const float *rows;			/* [rows, dim] what to add up */
	size_t		width;			/* columns of a slice */
} Transfer;

/* A slice of the columns of the sums: takes each row that moved out of its old cluster and into its new one. */
static UcStatus
transfer_columns(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Transfer   *transfer = arg;
	UcLloyd    *lloyd = transfer->lloyd;
	const int32_t *labels = lloyd->nearest.labels;
	const UcKernels *kernels = uc_kernels();
	size_t		dim = lloyd->points->dim,
				first = task * transfer->width,
				width = dim - first < transfer->width ? dim - first : transfer->width,
				poll_rows = POLL_FLOATS / width + 1;

	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		int32_t		from = lloyd->previous[row],
					to = labels[row];
		const float *x = transfer->rows + row * dim + first;

		if (row % poll_rows == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		if (from == to)
			continue;
		if (from >= 0)
			kernels->accumulate(lloyd->sums + (size_t) from * dim + first, x, -1.0, width);
		kernels->accumulate(lloyd->sums + (size_t) to * dim + first, x, uc_row_weight(lloyd->points, row), width);
	}
	return UC_OK;
}

/* Counts and masses of the current labels, after clear_sums. */
static void
count_anew(UcLloyd *lloyd)
{
	const double *weights = lloyd->points->weights;

	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		int32_t		label = lloyd->nearest.labels[row];

		lloyd->counts[label] += weights[row] > 0;
		lloyd->masses[label] += weights[row];
	}
}

/*
 * Brings the sums and counts from the previous labels to the current ones; `moved` becomes the number of rows that
 * differ.
 */
static UcStatus
transfer(UcLloyd *lloyd, const float *rows, size_t *moved, const UcRun *run, UcError *err)
{
	Transfer	job = {.lloyd = lloyd,.rows = rows};
	const int32_t *labels = lloyd->nearest.labels;
	size_t		count = 0,
				slices;
	UcRun		granted;
	UcStatus	status;

	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		if (labels[row] == lloyd->previous[row])
			continue;
		count++;
		if (lloyd->masses != NULL)
			continue;
		if (lloyd->previous[row] >= 0)
			lloyd->counts[lloyd->previous[row]]--;
		lloyd->counts[labels[row]]++;
	}
	*moved = count;
	if (count == 0)
		return UC_OK;
	if (lloyd->masses != NULL)
	{
		clear_sums(lloyd, lloyd->nearest.k);
		count_anew(lloyd);
		count = lloyd->points->rows;
	}
	granted = uc_run_for_work(run, 2.0 * (double) count * (double) lloyd->points->dim);
	slices = uc_column_slices(lloyd->points->dim, granted.threads, &job.width);
	status = uc_parallel(&granted, slices, transfer_columns, &job, err);
	if (status == UC_OK)
		memcpy(lloyd->previous, labels, lloyd->points->rows * sizeof(int32_t));
	return status;
}

void
uc_lloyd_move_row(UcLloyd *lloyd, size_t row, int from, int to)
{
	size_t		dim = lloyd->points->dim;
	const float *x = lloyd->points->x + row * dim;
	double		weight = uc_row_weight(lloyd->points, row);

	uc_kernels()->accumulate(lloyd->sums + (size_t) from * dim, x, -weight, dim);
	uc_kernels()->accumulate(lloyd->sums + (size_t) to * dim, x, weight, dim);
	lloyd->counts[from]--;
	lloyd->counts[to]++;
	if (lloyd->masses != NULL)
	{
		lloyd->masses[from] -= weight;
		lloyd->masses[to] += weight;
	}
	lloyd->previous[row] = to;
	uc_nearest_relabel(&lloyd->nearest, row, to);
}

/* ---- empty clusters ---- */

static bool
some_empty(const UcLloyd *lloyd)
{
	for (int j = 0; j < lloyd->nearest.k; j++)
		if (lloyd->counts[j] == 0)
			return true;
	return false;
}

size_t
uc_take_farthest(double *distances, const int32_t *labels, const int64_t *counts, const double *weights, size_t rows,
				 double beyond)
{
	size_t		farthest = SIZE_MAX;

	for (size_t row = 0; row < rows; row++)
		if (distances[row] > beyond && counts[labels[row]] > 1 && (weights == NULL || weights[row] > 0))
		{
			beyond = distances[row];
			farthest = row;
		}
	if (farthest != SIZE_MAX)
		distances[farthest] = -1;
	return farthest;
}

/* Gives each empty cluster the farthest row; `moved` counts them. */
static UcStatus
repair(UcLloyd *lloyd, size_t *moved, const UcRun *run, UcError *err)
{
	UcNearest  *nearest = &lloyd->nearest;
	const UcPoints *points = lloyd->points;
	UcStatus	status;

	if (lloyd->spread || !some_empty(lloyd))
		return UC_OK;
	status = uc_nearest_measure(nearest, lloyd->distances, run, err);
	if (status != UC_OK)
		return status;
	for (int j = 0; j < nearest->k; j++)
	{
		size_t		row;
		int32_t		from;

		if (lloyd->counts[j] > 0)
			continue;
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		row = uc_take_farthest(lloyd->distances, nearest->labels, lloyd->counts, points->weights, points->rows,
							   points->identical);
		if (row == SIZE_MAX)
		{
			lloyd->spread = true;
			return UC_OK;
		}
		from = nearest->labels[row];
		uc_lloyd_move_row(lloyd, row, from, j);
		(*moved)++;
	}
	return UC_OK;
}

/* ---- where the centroids go ---- */

/* The mean direction, or false where the rows cancel out (to within the rounding of x). */
static bool
unit_mean(const double *sum, double mass, size_t dim, float *out)
{
	double		square = 0,
				nothing = 1e-7 * mass;

	for (size_t i = 0; i < dim; i++)
		square += sum[i] * sum[i];
	if (square <= nothing * nothing)
		return false;
	for (size_t i = 0; i < dim; i++)
		out[i] = (float) (sum[i] / sqrt(square));
	return true;
}

static void
place_centroid(UcLloyd *lloyd, int j)
{
	size_t		dim = lloyd->points->dim;
	const double *sum = lloyd->sums + (size_t) j * dim;
	float	   *next = lloyd->next + (size_t) j * dim;
	double		mass = uc_lloyd_mass(lloyd, j);
	bool		empty = lloyd->counts[j] == 0 || !(mass > 0);

	if (!empty && lloyd->points->metric == UC_METRIC_EUCLIDEAN)
		for (size_t i = 0; i < dim; i++)
			next[i] = (float) (sum[i] / mass);
	else if (empty || !unit_mean(sum, mass, dim, next))
		memcpy(next, lloyd->nearest.centroids + (size_t) j * dim, dim * sizeof(float));
}

void
uc_lloyd_place_centroids(UcLloyd *lloyd)
{
	for (int j = 0; j < lloyd->nearest.k; j++)
		place_centroid(lloyd, j);
}

UcStatus
uc_lloyd_retake(UcLloyd *lloyd, const UcRun *run, UcError *err)
{
	size_t		moved;
	UcStatus	status;

	clear_sums(lloyd, lloyd->nearest.k);
	status = transfer(lloyd, lloyd->points->x, &moved, run, err);
	if (status == UC_OK)
		uc_lloyd_place_centroids(lloyd);
	return status;
}

UcStatus
uc_lloyd_iterate(UcLloyd *lloyd, int max_iterations, double tolerance, const UcRun *run, int *iterations,
				 bool *converged, UcError *err)
{
	double		enough = tolerance * lloyd->points->mean_variance;

	*converged = false;
	for (int iteration = 0; !*converged && iteration < max_iterations; iteration++)
	{
		size_t		moved;
		UcStatus	status = uc_nearest_assign(&lloyd->nearest, run, err);

		uc_progress_done(run, (size_t) ++*iterations);
		if (status == UC_OK)
			status = transfer(lloyd, lloyd->points->x, &moved, run, err);
		if (status == UC_OK)
			status = repair(lloyd, &moved, run, err);
		if (status != UC_OK)
			return status;
		uc_lloyd_place_centroids(lloyd);
		*converged = uc_nearest_move(&lloyd->nearest, lloyd->next) <= enough || moved == 0;
	}
	return UC_OK;
}

/* ---- the result in the caller's space ---- */

/* The centroids of the current labels, from the caller's own rows: free of the rounding of x. */
static UcStatus
final_centroids(UcLloyd *lloyd, float *out, const UcRun *run, UcError *err)
{
	const UcPoints *points = lloyd->points;
	size_t		dim = points->dim,
				moved;
	UcStatus	status;

	if (points->metric == UC_METRIC_COSINE)
	{
		uc_lloyd_place_centroids(lloyd);
		memcpy(out, lloyd->next, (size_t) lloyd->nearest.k * dim * sizeof(float));
		return UC_OK;
	}
	clear_sums(lloyd, lloyd->nearest.k);
	status = transfer(lloyd, points->given, &moved, run, err);
	for (int j = 0; status == UC_OK && j < lloyd->nearest.k; j++)
		if (lloyd->counts[j] > 0)
			for (size_t i = 0; i < dim; i++)
				out[(size_t) j * dim + i] = (float) (lloyd->sums[(size_t) j * dim + i] / uc_lloyd_mass(lloyd, j));
		else
			uc_points_leave(points, lloyd->nearest.centroids + (size_t) j * dim, out + (size_t) j * dim);
	return status;
}

/* Labels and distances by the centroids of `result`. */
static UcStatus
judge(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err)
{
	UcNearest  *nearest = &lloyd->nearest;
	size_t		dim = lloyd->points->dim;
	UcStatus	status;

	for (int j = 0; j < nearest->k; j++)
		uc_points_enter(lloyd->points, result->centroids + (size_t) j * dim, lloyd->next + (size_t) j * dim);
	uc_nearest_move(nearest, lloyd->next);
	uc_nearest_judge_by(nearest, result->centroids);
	status = uc_nearest_assign(nearest, run, err);
	if (status == UC_OK)
		status = uc_nearest_measure(nearest, lloyd->distances, run, err);
	memset(lloyd->counts, 0, (size_t) nearest->k * sizeof(int64_t));
	for (size_t row = 0; status == UC_OK && row < lloyd->points->rows; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		lloyd->counts[nearest->labels[row]] += uc_row_weight(lloyd->points, row) > 0;
	}
	return status;
}

/* Puts a far row in the place of each empty cluster's centroid; false where there is no row to put. */
static bool
replace_empty(UcLloyd *lloyd, UcKmeans *result)
{
	const UcPoints *points = lloyd->points;
	double		identical = points->metric == UC_METRIC_COSINE ? points->identical / 2 : 0;
	bool		replaced = false;

	for (int j = 0; j < lloyd->nearest.k; j++)
	{
		size_t		row;
		float	   *centroid = result->centroids + (size_t) j * points->dim;

		if (lloyd->counts[j] > 0)
			continue;
		row = uc_take_farthest(lloyd->distances, lloyd->nearest.labels, lloyd->counts, points->weights, points->rows,
							   identical);
		if (row == SIZE_MAX)
			return replaced;
		if (points->metric == UC_METRIC_COSINE)
			memcpy(centroid, points->x + row * points->dim, points->dim * sizeof(float));
		else
			memcpy(centroid, points->given + row * points->dim, points->dim * sizeof(float));
		replaced = true;
	}
	return replaced;
}

static UcStatus
fill_result(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err)
{
	/* sizes count rows of weight 0 too */
	for (size_t row = 0; lloyd->masses != NULL && row < lloyd->points->rows; row++)
		lloyd->counts[lloyd->nearest.labels[row]] += lloyd->points->weights[row] == 0;
	return uc_result_fill(result, lloyd->nearest.labels, lloyd->distances, lloyd->points->given_weights, lloyd->counts,
						  lloyd->nearest.k, lloyd->next, lloyd->points->metric, run, err);
}

UcStatus
uc_lloyd_finish(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err)
{
	UcStatus	status = final_centroids(lloyd, result->centroids, run, err);

	if (status == UC_OK)
		status = judge(lloyd, result, run, err);
	/* each replacement lowers the inertia; the limit is for rounding only */
	for (int round = 0; status == UC_OK && round < lloyd->nearest.k && some_empty(lloyd); round++)
	{
		if (!replace_empty(lloyd, result))
			break;
		status = judge(lloyd, result, run, err);
	}
	return status == UC_OK ? fill_result(lloyd, result, run, err) : status;
}

UcStatus
uc_lloyd_finish_as_labelled(UcLloyd *lloyd, UcKmeans *result, const UcRun *run, UcError *err)
{
	UcStatus	status = final_centroids(lloyd, result->centroids, run, err);

	uc_nearest_judge_by(&lloyd->nearest, result->centroids);
	if (status == UC_OK)
		status = uc_nearest_measure(&lloyd->nearest, lloyd->distances, run, err);
	return status == UC_OK ? fill_result(lloyd, result, run, err) : status;
}
