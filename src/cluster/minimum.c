/*
 * minimum.c
 *	  Costs of all rows in all clusters, the transport, the means; and again.
 */
#include "cluster/minimum.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/scores.h"

size_t
uc_minimum_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		clusters = (size_t) k,
				cell = uc_size_mul(rows, uc_size_mul(clusters, sizeof(float))),
				per_row = sizeof(size_t) + sizeof(int32_t),
				per_cluster = uc_size_mul(dim + 1, sizeof(float)) + sizeof(int),
				scratch = uc_size_mul(clusters + dim, UC_BLOCK_ROWS * sizeof(float));

	cell = uc_size_add(cell, uc_size_add(uc_size_mul(rows, per_row), uc_size_mul(clusters, per_cluster)));
	cell = uc_size_add(cell, uc_size_mul((size_t) threads, uc_size_add(scratch, sizeof(float *))));
	return uc_size_add(cell, uc_transport_memory(rows, k));
}

static bool
create_scratch(UcMinimum *minimum, int k, int threads)
{
	minimum->scratch = uc_alloc_zeroed((size_t) threads * sizeof(float *));
	if (minimum->scratch == NULL)
		return false;
	minimum->workers = threads;
	for (int i = 0; i < threads; i++)
	{
		/* zeroed, because the kernels compute the lanes behind a block's last row too */
		minimum->scratch[i] = uc_alloc_zeroed(uc_size_mul((size_t) k + minimum->lloyd->points->dim,
														  UC_BLOCK_ROWS * sizeof(float)));
		if (minimum->scratch[i] == NULL)
			return false;
	}
	return true;
}

UcStatus
uc_minimum_create(UcMinimum *minimum, UcLloyd *lloyd, int k, size_t least, int threads, UcError *err)
{
	const UcPoints *points = lloyd->points;
	size_t		clusters = (size_t) k;
	UcStatus	status = UC_OK;

	*minimum = (UcMinimum) {.lloyd = lloyd,.least = least};
	minimum->places = uc_alloc(uc_size_mul(points->rows, sizeof(size_t)));
	minimum->labels = uc_alloc(uc_size_mul(points->rows, sizeof(int32_t)));
	minimum->clusters = uc_alloc(clusters * sizeof(int));
	minimum->centroids = uc_alloc(uc_size_mul(clusters, uc_size_mul(points->dim, sizeof(float))));
	minimum->squares = uc_alloc(clusters * sizeof(float));
	minimum->costs = uc_alloc(uc_size_mul(clusters, uc_size_mul(points->rows, sizeof(float))));
	if (minimum->places == NULL || minimum->labels == NULL || minimum->clusters == NULL || minimum->centroids == NULL ||
		minimum->squares == NULL || minimum->costs == NULL || !create_scratch(minimum, k, threads))
		status = uc_out_of_memory(err, uc_minimum_memory(points->rows, points->dim, k, threads));
	for (size_t row = 0; status == UC_OK && row < points->rows; row++)
		minimum->places[row] = uc_row_weight(points, row) > 0 ? minimum->counted++ : SIZE_MAX;
	if (status == UC_OK)
		status = uc_transport_create(&minimum->transport, minimum->counted, k, err);
	if (status != UC_OK)
		uc_minimum_free(minimum);
	return status;
}

void
uc_minimum_free(UcMinimum *minimum)
{
	for (int i = 0; minimum->scratch != NULL && i < minimum->workers; i++)
		uc_free(minimum->scratch[i]);
	uc_free(minimum->scratch);
	uc_free(minimum->places);
	uc_free(minimum->labels);
	uc_free(minimum->clusters);
	uc_free(minimum->centroids);
	uc_free(minimum->squares);
	uc_free(minimum->costs);
	uc_transport_free(&minimum->transport);
	*minimum = (UcMinimum) {0};
}

bool
uc_minimum_met(const UcMinimum *minimum)
{
	const UcNearest *nearest = &minimum->lloyd->nearest;
	size_t	   *counts = minimum->transport.counts;
	bool		met = true;

	memset(counts, 0, (size_t) nearest->k * sizeof(size_t));
	for (size_t row = 0; row < minimum->lloyd->points->rows; row++)
		counts[nearest->labels[row]] += minimum->places[row] != SIZE_MAX;
	for (int j = 0; j < nearest->k; j++)
		met = met && (counts[j] == 0 || counts[j] >= minimum->least);
	return met;
}

/* ---- costs ---- */

static bool
few_dimensions(const UcMinimum *minimum)
{
	return minimum->lloyd->points->dim < UC_FEW_DIMENSIONS;
}

/* tile [cluster_count, UC_BLOCK_ROWS] = squared distances of the block's rows; incomplete when the section is stopped. */
static void
measure_block(const UcMinimum *minimum, size_t begin, size_t count, float *tile, float *columns, int worker,
			  UcSection *section)
{
	const UcPoints *points = minimum->lloyd->points;
	size_t		dim = points->dim,
				clusters = (size_t) minimum->cluster_count,
				step = uc_tile_centroids(dim, clusters);
	const float *x = points->x + begin * dim;
	const float small = 0x1p-7f;	/* of the lengths: what is left then has lost digits */

	if (few_dimensions(minimum))
	{
		for (size_t i = 0; i < count; i++)
			for (size_t column = 0; column < dim; column++)
				columns[column * UC_BLOCK_ROWS + i] = x[i * dim + column];
		uc_score_kernels()->distances(columns, minimum->centroids, dim, clusters, tile);
		return;
	}
	for (size_t first = 0; first < clusters && !uc_section_stopped(section, worker); first += step)
		uc_sgemm_nt(clusters - first < step ? clusters - first : step, count, dim, -2, minimum->centroids + first * dim, dim,
					x, dim, 0, tile + first * UC_BLOCK_ROWS, UC_BLOCK_ROWS);
	for (size_t j = 0; j < clusters; j++)
		for (size_t i = 0; i < count; i++)
		{
			float	   *distance = &tile[j * UC_BLOCK_ROWS + i],
						lengths = points->squares[begin + i] + minimum->squares[j];

			*distance += lengths;
			if (*distance < small * lengths)
				*distance = (float) uc_squared_distance(x + i * dim, minimum->centroids + j * dim, dim);
		}
}

static int32_t
nearest_in_tile(const UcMinimum *minimum, const float *tile, size_t column)
{
	int32_t		best = 0;

	for (int32_t j = 1; j < minimum->cluster_count; j++)
		if (tile[(size_t) j * UC_BLOCK_ROWS + column] < tile[(size_t) best * UC_BLOCK_ROWS + column])
			best = j;
	return best;
}

static UcStatus
cost_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcMinimum  *minimum = arg;
	const UcPoints *points = minimum->lloyd->points;
	float	   *columns = minimum->scratch[worker],
			   *tile = columns + points->dim * UC_BLOCK_ROWS;
	size_t		begin = task * UC_BLOCK_ROWS,
				left = points->rows - begin,
				count = left < UC_BLOCK_ROWS ? left : UC_BLOCK_ROWS;

	measure_block(minimum, begin, count, tile, columns, worker, section);
	for (size_t i = 0; i < count; i++)
		if (minimum->places[begin + i] == SIZE_MAX)
			minimum->labels[begin + i] = nearest_in_tile(minimum, tile, i);
	for (size_t j = 0; j < (size_t) minimum->cluster_count; j++)
	{
		float	   *costs = minimum->costs + j * minimum->counted;

		for (size_t i = 0; i < count; i++)
			if (minimum->places[begin + i] != SIZE_MAX)
				costs[minimum->places[begin + i]] =
					(float) (uc_row_weight(points, begin + i) * tile[j * UC_BLOCK_ROWS + i]);
	}
	return UC_OK;
}

static UcStatus
compute_costs(UcMinimum *minimum, const UcRun *run, UcError *err)
{
	const UcNearest *nearest = &minimum->lloyd->nearest;
	size_t		rows = minimum->lloyd->points->rows,
				dim = minimum->lloyd->points->dim;
	UcRun		granted = uc_run_for_work(run, (double) rows * (double) dim * minimum->cluster_count);

	for (int j = 0; j < minimum->cluster_count; j++)
	{
		float	   *centroid = minimum->centroids + (size_t) j * dim;

		memcpy(centroid, nearest->centroids + (size_t) minimum->clusters[j] * dim, dim * sizeof(float));
		minimum->squares[j] = few_dimensions(minimum) ? 0 : (float) uc_dot(centroid, centroid, dim);
	}
	return uc_parallel(&granted, (rows + UC_BLOCK_ROWS - 1) / UC_BLOCK_ROWS, cost_block, minimum, err);
}

/* ---- iterations ---- */

static void
list_clusters(UcMinimum *minimum)
{
	const UcNearest *nearest = &minimum->lloyd->nearest;
	size_t	   *counts = minimum->transport.counts;

	uc_minimum_met(minimum);	/* counts the rows */
	minimum->cluster_count = 0;
	for (int j = 0; j < nearest->k; j++)
		if (counts[j] > 0)
			minimum->clusters[minimum->cluster_count++] = j;
}

/* Takes over the labels of the transport; returns how many rows of some weight have moved. */
static size_t
take_labels(UcMinimum *minimum)
{
	UcNearest  *nearest = &minimum->lloyd->nearest;
	size_t		moved = 0;

	for (size_t row = 0; row < minimum->lloyd->points->rows; row++)
	{
		size_t		place = minimum->places[row];
		int32_t		label = minimum->clusters[place == SIZE_MAX ? minimum->labels[row] :
											  minimum->transport.labels[place]];

		if (label == nearest->labels[row])
			continue;
		uc_nearest_relabel(nearest, row, label);
		moved += place != SIZE_MAX;
	}
	return moved;
}

UcStatus
uc_minimum_iterate(UcMinimum *minimum, int max_iterations, double tolerance, const UcRun *run, int *iterations,
				   bool *converged, UcError *err)
{
	UcLloyd    *lloyd = minimum->lloyd;
	double		enough = tolerance * lloyd->points->mean_variance;
	int			left = max_iterations < 1 ? 1 : max_iterations;

	uc_progress_phase(run, "filling small clusters", UC_UNKNOWN_TOTAL);
	list_clusters(minimum);
	minimum->transport.k = minimum->cluster_count;
	memset(minimum->transport.prices, 0, (size_t) minimum->cluster_count * sizeof(double));
	for (*converged = false; !*converged && left > 0; left--)
	{
		size_t		moved = 0;
		UcStatus	status = compute_costs(minimum, run, err);

		uc_progress_done(run, (size_t) ++*iterations);
		if (status == UC_OK)
			status = uc_transport_solve(&minimum->transport, minimum->costs, minimum->least, run, err);
		if (status == UC_OK)
		{
			moved = take_labels(minimum);
			status = uc_lloyd_retake(lloyd, run, err);
		}
		if (status != UC_OK)
			return status;
		*converged = uc_nearest_move(&lloyd->nearest, lloyd->next) <= enough || moved == 0;
	}
	return UC_OK;
}
