/*
 * seed_scalable.c
 *	  k-means||: a few passes over the rows, each of which takes at most k of them as candidates, and k-means++ and a few
 *	  iterations over the candidates, each weighing what the rows nearest to it weigh.
 *
 * A round draws systematically: one random number and equal steps along the summed distances. Each row has the chance of
 * the paper, its weight times its squared distance to the candidates so far, and the number of candidates, and so the
 * memory, is known beforehand. One pass offers a round's candidates to all rows in products as large as those of an
 * iteration, where k-means++ has a product with a handful of candidates for each centroid.
 */
#include "cluster/seed.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/group.h"
#include "cluster/lloyd.h"
#include "cluster/scores.h"

#define ROUNDS 3
#define ITERATIONS 10			/* over the candidates */

typedef struct Scratch
{
	float	   *columns;		/* [dim, UC_BLOCK_ROWS] where dimensions are few */
	float	   *tile;			/* [tile_candidates, UC_BLOCK_ROWS] */
	float		smallest[UC_BLOCK_ROWS];
	int32_t		which[UC_BLOCK_ROWS];
	float		second[UC_BLOCK_ROWS];
} Scratch;

typedef struct Scalable
{
	const UcPoints *points;
	size_t		most;			/* candidates there can be */
	size_t		count;			/* candidates there are */
	size_t		fresh;			/* the first of them that has not been offered */
	float	   *candidates;		/* [most, dim] */
	float	   *squares;		/* [most] their squared lengths */
	float	   *offsets;		/* [most] the same, or 0 where the scores are distances already */
	double	   *masses;			/* [most] weights of the rows nearest to each */
	float	   *distances;		/* [rows] squared, to the nearest candidate */
	int32_t    *nearest;		/* [rows] its number */
	size_t		tile_candidates;
	Scratch    *scratch;		/* [threads] */
} Scalable;

static size_t
most_candidates(size_t rows, int k)
{
	size_t		most = uc_size_add(uc_size_mul(ROUNDS, (size_t) k), 1);

	return most < rows ? most : rows;
}

static size_t
columns_bytes(size_t dim)
{
	return dim < UC_FEW_DIMENSIONS ? dim * UC_BLOCK_ROWS * sizeof(float) : 0;
}

size_t
uc_seed_scalable_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		most = most_candidates(rows, k),
				per_candidate = uc_size_add(uc_size_mul(dim, sizeof(float)), 2 * sizeof(float) + sizeof(double)),
				worker = uc_tile_centroids(dim, most) * UC_BLOCK_ROWS * sizeof(float) + columns_bytes(dim) + sizeof(Scratch),
				bytes = uc_size_mul(rows, sizeof(float) + sizeof(int32_t));

	bytes = uc_size_add(bytes, uc_size_mul(most, per_candidate));
	bytes = uc_size_add(bytes, uc_size_mul((size_t) threads, worker));
	bytes = uc_size_add(bytes, uc_lloyd_memory(most, dim, k, threads));
	bytes = uc_size_add(bytes, uc_size_mul((size_t) k, sizeof(double)));
	return uc_size_add(bytes, uc_group_memory(k, dim));
}

/* ---- candidates and what they are to the rows ---- */

/* What a row is drawn by. */
static double
share(const Scalable *scalable, size_t row)
{
	return uc_row_weight(scalable->points, row) * scalable->distances[row];
}

static UcStatus
sum_shares(const Scalable *scalable, double *total, const UcRun *run, UcError *err)
{
	*total = 0;
	for (size_t row = 0; row < scalable->points->rows; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		*total += share(scalable, row);
	}
	return UC_OK;
}

static void
add_candidate(Scalable *scalable, size_t row)
{
	const UcPoints *points = scalable->points;
	size_t		dim = points->dim,
				place = scalable->count++;

	memcpy(scalable->candidates + place * dim, points->x + row * dim, dim * sizeof(float));
	scalable->squares[place] = points->squares[row];
	scalable->offsets[place] = dim < UC_FEW_DIMENSIONS ? 0 : points->squares[row];
}

/* Takes at most `wanted` rows as candidates; `total` > 0 is the sum of all shares. */
static UcStatus
draw_candidates(Scalable *scalable, size_t wanted, double total, UcRandom *random, const UcRun *run, UcError *err)
{
	double		step = total / (double) wanted,
				offset = uc_random_unit(random),
				passed = 0;
	size_t		taken = 0;		/* steps, of which one row may cover several */

	for (size_t row = 0; row < scalable->points->rows && scalable->count < scalable->most; row++)
	{
		double		own = share(scalable, row);

		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		passed += own;
		if (own <= 0 || taken >= wanted || passed <= ((double) taken + offset) * step)
			continue;
		add_candidate(scalable, row);
		taken = (size_t) fmax((double) taken + 1, ceil(passed / step - offset));
	}
	return UC_OK;
}

/* The nearest of a tile's candidates to a row that is too near to one for the scores to tell how near. */
static void
settle_row(Scalable *scalable, const Scratch *scratch, size_t row, size_t column, size_t first, size_t count, float limit,
		   float factor)
{
	const UcPoints *points = scalable->points;
	float		square = points->dim < UC_FEW_DIMENSIONS ? 0 : points->squares[row];

	for (size_t j = 0; j < count; j++)
	{
		float		lengths = square + scalable->offsets[first + j];
		double		exact;

		if (scratch->tile[j * UC_BLOCK_ROWS + column] + lengths > limit + 3 * factor * lengths)
			continue;
		exact = uc_squared_distance(points->x + row * points->dim, scalable->candidates + (first + j) * points->dim,
									points->dim);
		exact = exact <= points->identical ? 0 : exact;
		if ((float) exact < scalable->distances[row])
		{
			scalable->distances[row] = (float) exact;
			scalable->nearest[row] = (int32_t) (first + j);
		}
	}
}

/* Takes in what a tile of candidates says about a block of rows. */
static void
take_tile(Scalable *scalable, Scratch *scratch, size_t begin, size_t rows, size_t first, size_t count)
{
	const UcPoints *points = scalable->points;
	bool		few = points->dim < UC_FEW_DIMENSIONS;
	/* as in seed.c: what a product, relative to the lengths, cannot tell from zero */
	float		factor = few ? 0 : UC_ROUNDING * 4 * (float) (points->dim + 8),
				limit = 2 * (float) points->identical + 0x1p-120f;

	uc_score_kernels()->smallest_two(scratch->tile, scalable->offsets + first, count, rows, scratch->smallest,
									 scratch->which, scratch->second);
	for (size_t i = 0; i < rows; i++)
	{
		size_t		row = begin + i,
					candidate = first + (size_t) scratch->which[i];
		float		square = few ? 0 : points->squares[row],
					distance = scratch->smallest[i] + square;

		if (distance <= limit + factor * (square + scalable->offsets[candidate]))
			settle_row(scalable, scratch, row, i, first, count, limit, factor);
		else if (distance < scalable->distances[row])
		{
			scalable->distances[row] = distance;
			scalable->nearest[row] = (int32_t) candidate;
		}
	}
}

static void
transpose(const float *x, size_t rows, size_t dim, float *columns)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t column = 0; column < dim; column++)
			columns[column * UC_BLOCK_ROWS + i] = x[i * dim + column];
}

static UcStatus
offer_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Scalable   *scalable = arg;
	Scratch    *scratch = &scalable->scratch[worker];
	size_t		dim = scalable->points->dim,
				begin = task * UC_BLOCK_ROWS,
				left = scalable->points->rows - begin,
				rows = left < UC_BLOCK_ROWS ? left : UC_BLOCK_ROWS;
	const float *x = scalable->points->x + begin * dim;

	if (scratch->columns != NULL)
		transpose(x, rows, dim, scratch->columns);
	for (size_t first = scalable->fresh, count; first < scalable->count; first += count)
	{
		const float *candidates = scalable->candidates + first * dim;

		count = scalable->count - first;
		count = count < scalable->tile_candidates ? count : scalable->tile_candidates;
		if (uc_section_stopped(section, worker))
			return UC_OK;
		if (scratch->columns != NULL)
			uc_score_kernels()->distances(scratch->columns, candidates, dim, count, scratch->tile);
		else
			uc_sgemm_nt(count, rows, dim, -2, candidates, dim, x, dim, 0, scratch->tile, UC_BLOCK_ROWS);
		take_tile(scalable, scratch, begin, rows, first, count);
	}
	return UC_OK;
}

static UcStatus
offer_candidates(Scalable *scalable, const UcRun *run, UcError *err)
{
	const UcPoints *points = scalable->points;
	size_t		fresh = scalable->count - scalable->fresh;
	UcRun		granted = uc_run_for_work(run, (double) points->rows * (double) points->dim * (double) fresh);
	UcStatus	status = uc_parallel(&granted, (points->rows + UC_BLOCK_ROWS - 1) / UC_BLOCK_ROWS, offer_block, scalable,
									 err);

	scalable->fresh = scalable->count;
	return status;
}

/* Draws and offers, round by round; `potential` becomes the sum of the shares that are left. */
static UcStatus
gather_candidates(Scalable *scalable, int k, double *potential, UcRandom *random, const UcRun *run, UcError *err)
{
	size_t		rows = scalable->points->rows;
	UcStatus	status;

	uc_progress_phase(run, "seeding", (size_t) k);	/* which the choice among the candidates goes through */
	/* the first by weight alone */
	for (size_t row = 0; row < rows; row++)
		scalable->distances[row] = 1;
	status = sum_shares(scalable, potential, run, err);
	if (status == UC_OK)
		status = draw_candidates(scalable, 1, *potential, random, run, err);
	for (size_t row = 0; row < rows; row++)
		scalable->distances[row] = INFINITY;
	for (int round = 0; status == UC_OK; round++)
	{
		status = offer_candidates(scalable, run, err);
		if (status == UC_OK)
			status = sum_shares(scalable, potential, run, err);
		if (status != UC_OK || round == ROUNDS || *potential <= 0)
			break;
		status = draw_candidates(scalable, (size_t) k, *potential, random, run, err);
	}
	return status;
}

/* ---- from the candidates to the centroids ---- */

static void
weigh_candidates(Scalable *scalable)
{
	memset(scalable->masses, 0, scalable->count * sizeof(double));
	for (size_t row = 0; row < scalable->points->rows; row++)
		scalable->masses[scalable->nearest[row]] += uc_row_weight(scalable->points, row);
}

/* A few iterations over the candidates from the centroids that k-means++ has chosen among them. */
static UcStatus
improve(const UcPoints *candidates, int k, float *centroids, const UcRun *run, UcError *err)
{
	UcLloyd		lloyd;
	int			iterations = 0;
	bool		converged;
	UcStatus	status = uc_lloyd_create(&lloyd, candidates, k, run->threads, err);

	if (status == UC_OK)
		status = uc_lloyd_begin(&lloyd, centroids, k, run, err);
	if (status == UC_OK)
		status = uc_lloyd_iterate(&lloyd, ITERATIONS, 1e-4, run, &iterations, &converged, err);
	if (status == UC_OK)
		memcpy(centroids, lloyd.next, (size_t) k * candidates->dim * sizeof(float));
	uc_lloyd_free(&lloyd);
	return status;
}

static UcStatus
choose_among(Scalable *scalable, int k, bool greedy, UcRandom *random, float *centroids, int *found, const UcRun *run,
			 UcError *err)
{
	UcPoints	candidates = *scalable->points;
	UcStatus	status;

	weigh_candidates(scalable);
	candidates.rows = scalable->count;
	candidates.x = scalable->candidates;
	candidates.squares = scalable->squares;
	candidates.weights = scalable->masses;
	candidates.given = NULL;
	candidates.given_weights = NULL;
	status = uc_seed_centroids(&candidates, k, greedy, random, centroids, found, run, err);
	if (status == UC_OK && *found == k)
		status = improve(&candidates, k, centroids, run, err);
	return status;
}

static bool
create(Scalable *scalable, const UcPoints *points, int k, int threads)
{
	size_t		most = most_candidates(points->rows, k);

	*scalable = (Scalable) {.points = points,.most = most,.tile_candidates = uc_tile_centroids(points->dim, most)};
	scalable->candidates = uc_alloc(uc_size_mul(most, uc_size_mul(points->dim, sizeof(float))));
	scalable->squares = uc_alloc(most * sizeof(float));
	scalable->offsets = uc_alloc(most * sizeof(float));
	scalable->masses = uc_alloc(most * sizeof(double));
	scalable->distances = uc_alloc(uc_size_mul(points->rows, sizeof(float)));
	scalable->nearest = uc_alloc(uc_size_mul(points->rows, sizeof(int32_t)));
	scalable->scratch = uc_alloc_zeroed((size_t) threads * sizeof(Scratch));
	if (scalable->candidates == NULL || scalable->squares == NULL || scalable->offsets == NULL ||
		scalable->masses == NULL || scalable->distances == NULL || scalable->nearest == NULL || scalable->scratch == NULL)
		return false;
	for (int i = 0; i < threads; i++)
	{
		Scratch    *scratch = &scalable->scratch[i];

		/* zeroed, because the kernels compute the lanes behind a block's last row too */
		scratch->tile = uc_alloc_zeroed(scalable->tile_candidates * UC_BLOCK_ROWS * sizeof(float));
		if (scratch->tile == NULL)
			return false;
		if (points->dim >= UC_FEW_DIMENSIONS)
			continue;
		scratch->columns = uc_alloc_zeroed(columns_bytes(points->dim));
		if (scratch->columns == NULL)
			return false;
	}
	return true;
}

static void
destroy(Scalable *scalable, int threads)
{
	for (int i = 0; scalable->scratch != NULL && i < threads; i++)
	{
		uc_free(scalable->scratch[i].columns);
		uc_free(scalable->scratch[i].tile);
	}
	uc_free(scalable->scratch);
	uc_free(scalable->candidates);
	uc_free(scalable->squares);
	uc_free(scalable->offsets);
	uc_free(scalable->masses);
	uc_free(scalable->distances);
	uc_free(scalable->nearest);
}

UcStatus
uc_seed_scalable(const UcPoints *points, int k, bool greedy, UcRandom *random, float *centroids, int *found,
				 const UcRun *run, UcError *err)
{
	Scalable	scalable;
	double		potential = 0;
	UcStatus	status = UC_OK;

	*found = 0;
	if (!create(&scalable, points, k, run->threads))
		status = uc_out_of_memory(err, uc_seed_scalable_memory(points->rows, points->dim, k, run->threads));
	if (status == UC_OK)
		status = gather_candidates(&scalable, k, &potential, random, run, err);
	if (status == UC_OK)
		status = choose_among(&scalable, k, greedy, random, centroids, found, run, err);
	destroy(&scalable, run->threads);
	/* a few rows can carry so much of the distances that too few others were drawn, though there are more */
	if (status == UC_OK && *found < k && potential > 0)
		status = uc_seed_centroids(points, k, greedy, random, centroids, found, run, err);
	return status;
}
