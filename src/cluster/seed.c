/*
 * seed.c
 *	  k-means++ over the rows or a sample of them.
 *
 * The potential, which decides, is added up block by block, so that it does not depend on the threads. Where a product
 * cannot tell a distance from zero, the fixed-order kernel can: a row equal to a centroid is never drawn.
 */
#include "cluster/seed.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/scores.h"

#define SAMPLE_PER_CENTROID 128
#define SAMPLE_AT_LEAST 16384
#define SAMPLE_SHARE 8			/* of the rows: an eighth */
#define CHEAP_WORK 4e9			/* multiplications for which no sample is drawn */

typedef struct Seeding
{
	const UcPoints *points;
	size_t		count;			/* rows that take part */
	size_t	   *rows;			/* [count] their numbers, ascending, or NULL: all */
	int			tries;			/* candidates per centroid */
	float	  **distances;		/* [tries + 1] arrays of [count]: the current squared distances, then per candidate what
								 * they would become */
	double	   *potentials;		/* [blocks, tries] sums of the latter */
	double	   *block_sums;		/* [blocks] of the former */
	float	   *candidates;		/* [tries, dim] */
	float	   *squares;		/* [tries] their squared lengths; 0 where dimensions are few */
	struct Scratch *scratch;	/* [threads] */
} Seeding;

typedef struct Scratch
{
	float	   *gathered;		/* [UC_BLOCK_ROWS, dim], or [dim, UC_BLOCK_ROWS] where dimensions are few */
	float	   *scores;			/* [tries, UC_BLOCK_ROWS] */
	float		squares[UC_BLOCK_ROWS]; /* of the rows; 0 where dimensions are few */
} Scratch;

static int
try_count(int k)
{
	return 2 + (int) log((double) k);
}

static size_t
block_count(size_t rows)
{
	return (rows + UC_BLOCK_ROWS - 1) / UC_BLOCK_ROWS;
}

/* How many rows the seeding looks at. */
static size_t
sample_size(size_t rows, size_t dim, int k)
{
	size_t		size = uc_size_mul((size_t) k, SAMPLE_PER_CENTROID);

	if ((double) rows * (double) dim * k * try_count(k) <= CHEAP_WORK)
		return rows;
	if (size < SAMPLE_AT_LEAST)
		size = SAMPLE_AT_LEAST;
	if (size < rows / SAMPLE_SHARE)
		size = rows / SAMPLE_SHARE;
	return size < rows ? size : rows;
}

/* An array of distances ends with whole vectors. */
static size_t
padded(size_t rows)
{
	return block_count(rows) * UC_BLOCK_ROWS;
}

/* The sample may turn out too poor, so that all rows are needed: the estimate covers them. */
size_t
uc_seed_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		tries = (size_t) try_count(k),
				per_row = (tries + 1) * sizeof(float) + sizeof(size_t),
				per_block = (tries + 1) * sizeof(double),
				worker = uc_size_mul(UC_BLOCK_ROWS, uc_size_mul(dim + tries, sizeof(float)));

	worker = uc_size_mul((size_t) threads, uc_size_add(worker, sizeof(Scratch)));
	return uc_size_add(uc_size_add(uc_size_mul(padded(rows), per_row), uc_size_mul(block_count(rows), per_block)),
					   uc_size_add(worker, uc_size_mul(tries, (dim + 1) * sizeof(float))));
}

static size_t
row_number(const Seeding *seeding, size_t position)
{
	return seeding->rows == NULL ? position : seeding->rows[position];
}

static bool
few_dimensions(const Seeding *seeding)
{
	return seeding->points->dim < UC_FEW_DIMENSIONS;
}

/* ---- distances to the candidates ---- */

/* Fills the scratch's scores so that with both squared lengths they are squared distances. */
static void
score_block(const Seeding *seeding, Scratch *scratch, size_t begin, size_t count)
{
	const UcPoints *points = seeding->points;
	size_t		dim = points->dim,
				tries = (size_t) seeding->tries;
	const float *rows = scratch->gathered;

	if (few_dimensions(seeding))
	{
		for (size_t i = 0; i < count; i++)
		{
			const float *x = points->x + row_number(seeding, begin + i) * dim;

			for (size_t column = 0; column < dim; column++)
				scratch->gathered[column * UC_BLOCK_ROWS + i] = x[column];
		}
		uc_score_kernels()->distances(scratch->gathered, seeding->candidates, dim, tries, scratch->scores);
		return;
	}
	for (size_t i = 0; i < count; i++)
		scratch->squares[i] = points->squares[row_number(seeding, begin + i)];
	if (seeding->rows == NULL)
		rows = points->x + begin * dim;
	else
		for (size_t i = 0; i < count; i++)
			memcpy(scratch->gathered + i * dim, points->x + seeding->rows[begin + i] * dim, dim * sizeof(float));
	uc_sgemm_nt(tries, count, dim, -2, seeding->candidates, dim, rows, dim, 0, scratch->scores, UC_BLOCK_ROWS);
}

/* Replaces the distances that are too small to be trusted, and returns the sum anew. */
static double
settle_doubtful(const Seeding *seeding, const Scratch *scratch, size_t begin, size_t count, size_t candidate,
				float limit, float factor)
{
	const UcPoints *points = seeding->points;
	const float *now = seeding->distances[0] + begin;
	float	   *becomes = seeding->distances[candidate + 1] + begin;
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		float		lengths = scratch->squares[i] + seeding->squares[candidate];

		if (scratch->scores[candidate * UC_BLOCK_ROWS + i] + lengths <= limit + factor * lengths)
		{
			double		exact = uc_squared_distance(points->x + row_number(seeding, begin + i) * points->dim,
													seeding->candidates + candidate * points->dim, points->dim);

			exact = exact <= points->identical ? 0 : exact;
			becomes[i] = (float) exact < now[i] ? (float) exact : now[i];
		}
		sum += becomes[i];
	}
	return sum;
}

static double
weighted_sum(const Seeding *seeding, const float *distances, size_t begin, size_t count)
{
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += seeding->points->weights[row_number(seeding, begin + i)] * distances[i];
	return sum;
}

static UcStatus
offer_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Seeding    *seeding = arg;
	Scratch    *scratch = &seeding->scratch[worker];
	size_t		begin = task * UC_BLOCK_ROWS,
				count = seeding->count - begin < UC_BLOCK_ROWS ? seeding->count - begin : UC_BLOCK_ROWS;
	/* a product errs by a rounding per dimension, relative to the lengths; a difference of components hardly at all */
	float		factor = few_dimensions(seeding) ? 0 : UC_ROUNDING * 4 * (float) (seeding->points->dim + 8),
				limit = 2 * (float) seeding->points->identical + 0x1p-120f;

	score_block(seeding, scratch, begin, count);
	for (size_t candidate = 0; candidate < (size_t) seeding->tries; candidate++)
	{
		int			doubtful;
		float	   *becomes = seeding->distances[candidate + 1] + begin;
		double		sum = uc_score_kernels()->offer(scratch->scores + candidate * UC_BLOCK_ROWS, scratch->squares,
													seeding->squares[candidate], seeding->distances[0] + begin,
													count, limit, factor, becomes, &doubtful);

		if (doubtful > 0)
			sum = settle_doubtful(seeding, scratch, begin, count, candidate, limit, factor);
		if (seeding->points->weights != NULL)
			sum = weighted_sum(seeding, becomes, begin, count);
		seeding->potentials[task * (size_t) seeding->tries + candidate] = sum;
	}
	return UC_OK;
}

/* ---- choosing ---- */

static void
set_candidate(Seeding *seeding, int candidate, size_t position)
{
	size_t		dim = seeding->points->dim,
				row = row_number(seeding, position);

	memcpy(seeding->candidates + (size_t) candidate * dim, seeding->points->x + row * dim, dim * sizeof(float));
	seeding->squares[candidate] = few_dimensions(seeding) ? 0 : seeding->points->squares[row];
}

static double
weighted_distance(const Seeding *seeding, size_t position)
{
	return uc_row_weight(seeding->points, row_number(seeding, position)) * seeding->distances[0][position];
}

/* A position drawn by its weight times its squared distance; potential > 0 is the sum of the block sums. */
static size_t
draw_position(const Seeding *seeding, double potential, UcRandom *random)
{
	double		target = uc_random_unit(random) * potential;
	size_t		blocks = block_count(seeding->count),
				block = 0,
				last = SIZE_MAX;

	while (block + 1 < blocks && target >= seeding->block_sums[block])
		target -= seeding->block_sums[block++];
	/* rounding can carry the target past the last row that has a distance: then that row is taken */
	for (size_t i = block * UC_BLOCK_ROWS; i < seeding->count; i++)
	{
		double		distance = weighted_distance(seeding, i);

		if (distance <= 0)
			continue;
		last = i;
		if (target < distance)
			return i;
		target -= distance;
	}
	for (size_t i = block * UC_BLOCK_ROWS; last == SIZE_MAX && i-- > 0;)
		if (weighted_distance(seeding, i) > 0)
			last = i;
	return last;
}

/* Computes what each candidate would make of the potential, and keeps the best, the first among equals. */
static UcStatus
choose_candidate(Seeding *seeding, float *centroid, double *potential, const UcRun *run, UcError *err)
{
	size_t		tries = (size_t) seeding->tries,
				blocks = block_count(seeding->count),
				best = 0;
	float	   *distances;
	UcRun		granted = uc_run_for_work(run, (double) seeding->count * (double) (seeding->points->dim * tries));
	UcStatus	status = uc_parallel(&granted, blocks, offer_block, seeding, err);

	if (status != UC_OK)
		return status;
	*potential = INFINITY;
	for (size_t candidate = 0; candidate < tries; candidate++)
	{
		double		sum = 0;

		for (size_t block = 0; block < blocks; block++)
			sum += seeding->potentials[block * tries + candidate];
		if (sum < *potential)
		{
			*potential = sum;
			best = candidate;
		}
	}
	for (size_t block = 0; block < blocks; block++)
		seeding->block_sums[block] = seeding->potentials[block * tries + best];
	distances = seeding->distances[0];
	seeding->distances[0] = seeding->distances[best + 1];
	seeding->distances[best + 1] = distances;
	memcpy(centroid, seeding->candidates + best * seeding->points->dim, seeding->points->dim * sizeof(float));
	return UC_OK;
}

/* The first position, drawn by weight; the sample may have rows of weight 0 only, of which any does. */
static size_t
draw_first(const Seeding *seeding, UcRandom *random)
{
	double		total = 0,
				target;
	size_t		last = 0;

	if (seeding->points->weights == NULL)
		return uc_random_below(random, seeding->count);
	for (size_t i = 0; i < seeding->count; i++)
		total += uc_row_weight(seeding->points, row_number(seeding, i));
	target = uc_random_unit(random) * total;
	for (size_t i = 0; i < seeding->count; i++)
	{
		double		weight = uc_row_weight(seeding->points, row_number(seeding, i));

		if (weight <= 0)
			continue;
		last = i;
		if (target < weight)
			break;
		target -= weight;
	}
	return last;
}

static UcStatus
choose_all(Seeding *seeding, int k, UcRandom *random, float *centroids, int *found, const UcRun *run, UcError *err)
{
	size_t		first = draw_first(seeding, random);
	double		potential;
	UcStatus	status;

	/* the several candidates for the first are one */
	for (int i = 0; i < seeding->tries; i++)
		set_candidate(seeding, i, first);
	for (size_t i = 0; i < seeding->count; i++)
		seeding->distances[0][i] = INFINITY;
	uc_progress_phase(run, "seeding", (size_t) k);
	status = choose_candidate(seeding, centroids, &potential, run, err);
	for (*found = 1; status == UC_OK && *found < k && potential > 0;)
	{
		for (int i = 0; i < seeding->tries; i++)
			set_candidate(seeding, i, draw_position(seeding, potential, random));
		status = choose_candidate(seeding, centroids + (size_t) *found * seeding->points->dim, &potential, run, err);
		uc_progress_done(run, (size_t) ++*found);
	}
	return status;
}

/* Selection sampling (Knuth, volume 2, 3.4.2, algorithm S): `size` of the rows, ascending. */
static UcStatus
draw_sample(size_t *sample, size_t size, size_t rows, UcRandom *random, const UcRun *run, UcError *err)
{
	size_t		taken = 0;

	for (size_t row = 0; taken < size; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		if (uc_random_unit(random) * (double) (rows - row) < (double) (size - taken))
			sample[taken++] = row;
	}
	return UC_OK;
}

static bool
create_scratch(Seeding *seeding, int threads)
{
	seeding->scratch = uc_alloc_zeroed((size_t) threads * sizeof(Scratch));
	if (seeding->scratch == NULL)
		return false;
	for (int i = 0; i < threads; i++)
	{
		Scratch    *scratch = &seeding->scratch[i];

		/* zeroed, because the kernels compute the lanes behind a block's last row too */
		scratch->gathered = uc_alloc_zeroed(uc_size_mul(seeding->points->dim, UC_BLOCK_ROWS * sizeof(float)));
		scratch->scores = uc_alloc_zeroed((size_t) seeding->tries * UC_BLOCK_ROWS * sizeof(float));
		if (scratch->gathered == NULL || scratch->scores == NULL)
			return false;
	}
	return true;
}

static void
free_seeding(Seeding *seeding, float *storage, int threads)
{
	for (int i = 0; seeding->scratch != NULL && i < threads; i++)
	{
		uc_free(seeding->scratch[i].gathered);
		uc_free(seeding->scratch[i].scores);
	}
	uc_free(seeding->scratch);
	uc_free(storage);
	uc_free(seeding->distances);
	uc_free(seeding->potentials);
	uc_free(seeding->block_sums);
	uc_free(seeding->candidates);
	uc_free(seeding->squares);
}

static UcStatus
seed_from(const UcPoints *points, size_t *rows, size_t count, int k, bool greedy, UcRandom *random, float *centroids,
		  int *found, const UcRun *run, UcError *err)
{
	Seeding		seeding = {.points = points,.count = count,.rows = rows,.tries = greedy ? try_count(k) : 1};
	size_t		tries = (size_t) seeding.tries,
				blocks = block_count(count);
	float	   *storage = uc_alloc_zeroed(uc_size_mul(padded(count), (tries + 1) * sizeof(float)));
	UcStatus	status;

	seeding.distances = uc_alloc((tries + 1) * sizeof(float *));
	seeding.potentials = uc_alloc(uc_size_mul(blocks, tries * sizeof(double)));
	seeding.block_sums = uc_alloc(uc_size_mul(blocks, sizeof(double)));
	seeding.candidates = uc_alloc(uc_size_mul(tries, uc_size_mul(points->dim, sizeof(float))));
	seeding.squares = uc_alloc(tries * sizeof(float));
	if (storage == NULL || seeding.distances == NULL || seeding.potentials == NULL || seeding.block_sums == NULL ||
		seeding.candidates == NULL || seeding.squares == NULL || !create_scratch(&seeding, run->threads))
		status = uc_out_of_memory(err, uc_seed_memory(count, points->dim, k, run->threads));
	else
	{
		for (size_t i = 0; i <= tries; i++)
			seeding.distances[i] = storage + i * padded(count);
		status = choose_all(&seeding, k, random, centroids, found, run, err);
	}
	free_seeding(&seeding, storage, run->threads);
	return status;
}

UcStatus
uc_seed_centroids(const UcPoints *points, int k, bool greedy, UcRandom *random, float *centroids, int *found,
				  const UcRun *run, UcError *err)
{
	size_t		size = sample_size(points->rows, points->dim, k);
	size_t	   *sample;
	UcStatus	status;

	*found = 0;
	if (size < points->rows)
	{
		sample = uc_alloc(uc_size_mul(size, sizeof(size_t)));
		if (sample == NULL)
			return uc_out_of_memory(err, uc_size_mul(size, sizeof(size_t)));
		status = draw_sample(sample, size, points->rows, random, run, err);
		if (status == UC_OK)
			status = seed_from(points, sample, size, k, greedy, random, centroids, found, run, err);
		uc_free(sample);
		if (status != UC_OK || *found == k)
			return status;
	}
	return seed_from(points, NULL, points->rows, k, greedy, random, centroids, found, run, err);
}
