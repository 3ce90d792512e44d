/*
 * minibatch.c
 *	  Draw a batch, find its rows' nearest centroids, move those.
 *
 * Products are taken as they are: a row between two centroids may go to either, since the batch is a sample anyway. The
 * blocks of a batch do not depend on the threads, and sums are taken in the order of the batch.
 */
#include "cluster/minibatch.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/scores.h"

#define PATIENCE 10				/* batches without improvement */
#define STARVED 0.01			/* of the mean weight of a centroid */
#define REVIEW_ROWS 10			/* for each centroid, between two looks at which are starved */

typedef struct Minibatch
{
	const UcPoints *points;
	int			k;
	size_t		batch_rows;
	float	   *centroids;		/* [k, dim] the caller's */
	float	   *offsets;		/* [k] squared lengths; 0 where the scores are distances already */
	double	   *sums;			/* [k, dim] of the weighted rows so far */
	double	   *masses;			/* [k] of their weights */
	size_t	   *order;			/* [rows] in which rows come */
	size_t		position;		/* in it */
	size_t	   *rows;			/* [batch_rows] numbers of those of the batch */
	float	   *x;				/* [batch_rows, dim] they themselves */
	int32_t    *labels;			/* [batch_rows] */
	float	   *distances;		/* [batch_rows] squared */
	float	  **scratch;		/* [threads] each [k + dim, UC_BLOCK_ROWS] */
} Minibatch;

size_t
uc_minibatch_memory(size_t rows, size_t dim, int k, size_t batch_rows, int threads)
{
	size_t		per_centroid = uc_size_add(uc_size_mul(dim, sizeof(double)), sizeof(double) + sizeof(float)),
				per_row = uc_size_add(uc_size_mul(dim, sizeof(float)), sizeof(size_t) + sizeof(int32_t) + sizeof(float)),
				worker = uc_size_mul(uc_size_add((size_t) k, dim), UC_BLOCK_ROWS * sizeof(float)),
				bytes = uc_size_mul(rows, sizeof(size_t));

	bytes = uc_size_add(bytes, uc_size_mul((size_t) k, per_centroid));
	bytes = uc_size_add(bytes, uc_size_mul(batch_rows, per_row));
	return uc_size_add(bytes, uc_size_mul((size_t) threads, uc_size_add(worker, sizeof(float *))));
}

static bool
few_dimensions(const Minibatch *minibatch)
{
	return minibatch->points->dim < UC_FEW_DIMENSIONS;
}

/* ---- drawing ---- */

static void
shuffle(size_t *order, size_t rows, UcRandom *random)
{
	for (size_t i = rows; i > 1; i--)
	{
		size_t		j = uc_random_below(random, i),
					row = order[i - 1];

		order[i - 1] = order[j];
		order[j] = row;
	}
}

static void
draw_batch(Minibatch *minibatch, UcRandom *random)
{
	size_t		dim = minibatch->points->dim;

	for (size_t i = 0; i < minibatch->batch_rows; i++)
	{
		if (minibatch->position == 0)
			shuffle(minibatch->order, minibatch->points->rows, random);
		minibatch->rows[i] = minibatch->order[minibatch->position++];
		if (minibatch->position == minibatch->points->rows)
			minibatch->position = 0;
		memcpy(minibatch->x + i * dim, minibatch->points->x + minibatch->rows[i] * dim, dim * sizeof(float));
	}
}

/* ---- the nearest centroids ---- */

static UcStatus
assign_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Minibatch  *minibatch = arg;
	size_t		dim = minibatch->points->dim,
				k = (size_t) minibatch->k,
				step = uc_tile_centroids(dim, k),
				begin = task * UC_BLOCK_ROWS,
				left = minibatch->batch_rows - begin,
				count = left < UC_BLOCK_ROWS ? left : UC_BLOCK_ROWS;
	const float *x = minibatch->x + begin * dim;
	float	   *columns = minibatch->scratch[worker],
			   *tile = columns + dim * UC_BLOCK_ROWS,
				second[UC_BLOCK_ROWS];

	if (few_dimensions(minibatch))
	{
		for (size_t i = 0; i < count; i++)
			for (size_t column = 0; column < dim; column++)
				columns[column * UC_BLOCK_ROWS + i] = x[i * dim + column];
		uc_score_kernels()->distances(columns, minibatch->centroids, dim, k, tile);
	}
	else
		for (size_t first = 0; first < k && !uc_section_stopped(section, worker); first += step)
			uc_sgemm_nt(k - first < step ? k - first : step, count, dim, -2, minibatch->centroids + first * dim, dim, x, dim, 0,
						tile + first * UC_BLOCK_ROWS, UC_BLOCK_ROWS);
	uc_score_kernels()->smallest_two(tile, minibatch->offsets, k, count, minibatch->distances + begin,
									 minibatch->labels + begin, second);
	for (size_t i = begin; !few_dimensions(minibatch) && i < begin + count; i++)
		minibatch->distances[i] = fmaxf(0, minibatch->distances[i] + minibatch->points->squares[minibatch->rows[i]]);
	return UC_OK;
}

static UcStatus
assign_batch(Minibatch *minibatch, const UcRun *run, UcError *err)
{
	size_t		dim = minibatch->points->dim;
	UcRun		granted = uc_run_for_work(run, (double) minibatch->batch_rows * (double) dim * minibatch->k);

	for (int j = 0; j < minibatch->k; j++)
	{
		const float *centroid = minibatch->centroids + (size_t) j * dim;

		minibatch->offsets[j] = few_dimensions(minibatch) ? 0 : (float) uc_dot(centroid, centroid, dim);
	}
	return uc_parallel(&granted, (minibatch->batch_rows + UC_BLOCK_ROWS - 1) / UC_BLOCK_ROWS, assign_block, minibatch,
					   err);
}

/* ---- where the centroids go ---- */

static void
place_centroid(Minibatch *minibatch, int j)
{
	size_t		dim = minibatch->points->dim;
	const double *sum = minibatch->sums + (size_t) j * dim;
	float	   *centroid = minibatch->centroids + (size_t) j * dim;
	double		divisor = minibatch->masses[j];

	if (minibatch->points->metric == UC_METRIC_COSINE)
	{
		double		square = 0;

		for (size_t i = 0; i < dim; i++)
			square += sum[i] * sum[i];
		/* rows that cancel out say nothing about a direction */
		divisor = sqrt(square) > 1e-7 * divisor ? sqrt(square) : 0;
	}
	for (size_t i = 0; divisor > 0 && i < dim; i++)
		centroid[i] = (float) (sum[i] / divisor);
}

/* Adds the batch to the sums; returns its mean inertia. */
static double
take_batch(Minibatch *minibatch)
{
	size_t		dim = minibatch->points->dim;
	double		inertia = 0,
				mass = 0;

	for (size_t i = 0; i < minibatch->batch_rows; i++)
	{
		double		weight = uc_row_weight(minibatch->points, minibatch->rows[i]);
		int32_t		label = minibatch->labels[i];

		uc_kernels()->accumulate(minibatch->sums + (size_t) label * dim, minibatch->x + i * dim, weight, dim);
		minibatch->masses[label] += weight;
		inertia += weight * minibatch->distances[i];
		mass += weight;
	}
	for (int j = 0; j < minibatch->k; j++)
		place_centroid(minibatch, j);
	return mass > 0 ? inertia / mass : 0;
}

/* A row of the batch by weight times squared distance, which becomes 0 so that it is drawn once; SIZE_MAX: none is left. */
static size_t
draw_far_row(Minibatch *minibatch, UcRandom *random)
{
	double		total = 0,
				target;
	size_t		drawn = SIZE_MAX;

	for (size_t i = 0; i < minibatch->batch_rows; i++)
		total += uc_row_weight(minibatch->points, minibatch->rows[i]) * minibatch->distances[i];
	target = uc_random_unit(random) * total;
	for (size_t i = 0; i < minibatch->batch_rows; i++)
	{
		double		share = uc_row_weight(minibatch->points, minibatch->rows[i]) * minibatch->distances[i];

		if (share <= 0)
			continue;
		drawn = i;
		if (target < share)
			break;
		target -= share;
	}
	if (drawn != SIZE_MAX)
		minibatch->distances[drawn] = 0;
	return drawn;
}

/* Puts starved centroids onto rows of the batch, with as much weight behind them as the least of the others has. */
static void
feed_starved(Minibatch *minibatch, UcRandom *random)
{
	size_t		dim = minibatch->points->dim;
	double		total = 0,
				limit,
				least = INFINITY;

	for (int j = 0; j < minibatch->k; j++)
		total += minibatch->masses[j];
	limit = STARVED * total / minibatch->k;
	for (int j = 0; j < minibatch->k; j++)
		if (minibatch->masses[j] >= limit)
			least = fmin(least, minibatch->masses[j]);
	for (int j = 0; j < minibatch->k; j++)
	{
		size_t		row;
		double	   *sum = minibatch->sums + (size_t) j * dim;

		if (minibatch->masses[j] >= limit)
			continue;
		row = draw_far_row(minibatch, random);
		if (row == SIZE_MAX)
			return;
		memcpy(minibatch->centroids + (size_t) j * dim, minibatch->x + row * dim, dim * sizeof(float));
		for (size_t i = 0; i < dim; i++)
			sum[i] = least * minibatch->x[row * dim + i];
		minibatch->masses[j] = least;
	}
}

static UcStatus
run_batches(Minibatch *minibatch, int max_batches, double tolerance, UcRandom *random, const UcRun *run, int *batches,
			bool *converged, UcError *err)
{
	double		alpha = fmin(1, 2.0 * (double) minibatch->batch_rows / (double) (minibatch->points->rows + 1)),
				smoothed = 0,
				best = INFINITY;
	size_t		reviewed = 0;	/* rows since the last look at who is starved */
	int			waited = 0;

	uc_progress_phase(run, "taking batches", UC_UNKNOWN_TOTAL);
	*converged = false;
	for (*batches = 0; !*converged && *batches < max_batches; ++*batches)
	{
		double		inertia;
		UcStatus	status;

		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		draw_batch(minibatch, random);
		status = assign_batch(minibatch, run, err);
		if (status != UC_OK)
			return status;
		inertia = take_batch(minibatch);
		uc_progress_done(run, (size_t) *batches + 1);
		reviewed += minibatch->batch_rows;
		if (reviewed >= (size_t) minibatch->k * REVIEW_ROWS)
		{
			reviewed = 0;
			feed_starved(minibatch, random);
		}
		/* the first batch was measured by the seeds */
		if (*batches == 0)
			continue;
		smoothed = *batches == 1 ? inertia : (1 - alpha) * smoothed + alpha * inertia;
		waited = smoothed < best * (1 - tolerance) ? 0 : waited + 1;
		if (waited == 0)
			best = smoothed;
		*converged = waited >= PATIENCE || smoothed == 0;
	}
	return UC_OK;
}

static bool
create(Minibatch *minibatch, int threads)
{
	size_t		k = (size_t) minibatch->k,
				dim = minibatch->points->dim,
				rows = minibatch->points->rows,
				batch_rows = minibatch->batch_rows;

	minibatch->offsets = uc_alloc(k * sizeof(float));
	minibatch->sums = uc_alloc_zeroed(uc_size_mul(k, uc_size_mul(dim, sizeof(double))));
	minibatch->masses = uc_alloc_zeroed(k * sizeof(double));
	minibatch->order = uc_alloc(uc_size_mul(rows, sizeof(size_t)));
	minibatch->rows = uc_alloc(uc_size_mul(batch_rows, sizeof(size_t)));
	minibatch->x = uc_alloc(uc_size_mul(batch_rows, uc_size_mul(dim, sizeof(float))));
	minibatch->labels = uc_alloc(uc_size_mul(batch_rows, sizeof(int32_t)));
	minibatch->distances = uc_alloc(uc_size_mul(batch_rows, sizeof(float)));
	minibatch->scratch = uc_alloc_zeroed((size_t) threads * sizeof(float *));
	if (minibatch->offsets == NULL || minibatch->sums == NULL || minibatch->masses == NULL || minibatch->order == NULL ||
		minibatch->rows == NULL || minibatch->x == NULL || minibatch->labels == NULL || minibatch->distances == NULL ||
		minibatch->scratch == NULL)
		return false;
	for (size_t row = 0; row < rows; row++)
		minibatch->order[row] = row;
	for (int i = 0; i < threads; i++)
	{
		/* zeroed, because the kernels compute the lanes behind a block's last row too */
		minibatch->scratch[i] = uc_alloc_zeroed(uc_size_mul(k + dim, UC_BLOCK_ROWS * sizeof(float)));
		if (minibatch->scratch[i] == NULL)
			return false;
	}
	return true;
}

static void
destroy(Minibatch *minibatch, int threads)
{
	for (int i = 0; minibatch->scratch != NULL && i < threads; i++)
		uc_free(minibatch->scratch[i]);
	uc_free(minibatch->scratch);
	uc_free(minibatch->offsets);
	uc_free(minibatch->sums);
	uc_free(minibatch->masses);
	uc_free(minibatch->order);
	uc_free(minibatch->rows);
	uc_free(minibatch->x);
	uc_free(minibatch->labels);
	uc_free(minibatch->distances);
}

UcStatus
uc_minibatch(const UcPoints *points, float *centroids, int k, size_t batch_rows, int max_batches, double tolerance,
			 UcRandom *random, const UcRun *run, int *batches, bool *converged, UcError *err)
{
	Minibatch	minibatch = {.points = points,.k = k,.batch_rows = batch_rows,.centroids = centroids};
	UcStatus	status;

	if (create(&minibatch, run->threads))
		status = run_batches(&minibatch, max_batches, tolerance, random, run, batches, converged, err);
	else
		status = uc_out_of_memory(err, uc_minibatch_memory(points->rows, points->dim, k, batch_rows, run->threads));
	destroy(&minibatch, run->threads);
	return status;
}
