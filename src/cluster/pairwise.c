/*
 * pairwise.c
 *	  Distances between all pairs of rows: tiles of a float product, or pair by pair in double.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/pairwise.h"

#define TILE_ROWS 128			/* whole groups of the matrix */
#define TILE_COLUMNS 512

/* Up to this many multiplications, double precision costs less than a second. */
#define DIRECT_WORK 2e9

/* Largest relative error of a squared distance that is let stand. */
#define TOLERANCE 2e-6

/* What the parallel sections share. */
typedef struct Work
{
	const UcPairwise *pairwise;
	float	   *products;		/* [workers, TILE_ROWS, TILE_COLUMNS] */
	double	   *tiles;			/* [workers, TILE_COLUMNS] distances; only for the nearest */
	double	   *heaps;			/* [workers, TILE_ROWS, k]; only for the nearest */
	size_t		k;
	double	   *out;
} Work;

size_t
uc_pairwise_memory(size_t rows, size_t dim, int threads)
{
	size_t		copies = uc_size_mul(rows, uc_size_mul(dim, sizeof(double)));

	return uc_size_add(uc_size_add(copies, uc_size_mul(rows, sizeof(double))),
					   uc_size_add(uc_points_memory(rows, dim),
								   (size_t) threads * TILE_COLUMNS * (TILE_ROWS * sizeof(float) + sizeof(double))));
}

size_t
uc_pairwise_kth_memory(size_t k, int threads)
{
	return uc_size_mul((size_t) threads, uc_size_mul(k, TILE_ROWS * sizeof(double)));
}

/* ---- preparation ---- */

/* Unit rows are centred here; what centring does to euclidean rows, uc_points_prepare has done. */
static UcStatus
centre(UcPoints *points, const UcRun *run, UcError *err)
{
	size_t		dim = points->dim;
	double	   *mean = points->mean;

	for (size_t i = 0; i < points->rows; i++)
	{
		uc_kernels()->accumulate(mean, points->x + i * dim, 1.0 / (double) points->rows, dim);
		if (uc_row_loop_stopped(run, i))
			return uc_interrupt_error(err);
	}
	for (size_t i = 0; i < points->rows; i++)
	{
		float	   *x = points->x + i * dim;

		for (size_t j = 0; j < dim; j++)
			x[j] = (float) (x[j] - mean[j]);
		points->squares[i] = (float) uc_dot(x, x, dim);
		if (uc_row_loop_stopped(run, i))
			return uc_interrupt_error(err);
	}
	return UC_OK;
}

static UcStatus
prepare(UcPairwise *pairwise, const UcRun *run, UcError *err)
{
	UcPoints   *points = &pairwise->points;
	size_t		rows = points->rows;
	size_t		dim = points->dim;

	if (pairwise->distance != UC_DISTANCE_EUCLIDEAN)
	{
		pairwise->norms = uc_alloc(uc_size_mul(rows, sizeof(double)));
		if (pairwise->norms == NULL)
			return uc_out_of_memory(err, rows * sizeof(double));
		for (size_t i = 0; i < rows; i++)
			pairwise->norms[i] = sqrt(uc_dot(points->given + i * dim, points->given + i * dim, dim));
	}
	if (pairwise->distance == UC_DISTANCE_CHORD)
	{
		pairwise->unit = uc_alloc(uc_size_mul(rows, uc_size_mul(dim, sizeof(double))));
		if (pairwise->unit == NULL)
			return uc_out_of_memory(err, rows * dim * sizeof(double));
		for (size_t i = 0; i < rows; i++)
			for (size_t j = 0; j < dim; j++)
				pairwise->unit[i * dim + j] = points->given[i * dim + j] / pairwise->norms[i];
	}
	if (pairwise->distance == UC_DISTANCE_EUCLIDEAN && dim < UC_FEW_DIMENSIONS)
	{
		pairwise->columns = uc_alloc(uc_size_mul(rows, uc_size_mul(dim, sizeof(float))));
		if (pairwise->columns == NULL)
			return uc_out_of_memory(err, rows * dim * sizeof(float));
		for (size_t i = 0; i < rows; i++)
			for (size_t j = 0; j < dim; j++)
				pairwise->columns[j * rows + i] = points->given[i * dim + j];
	}
	pairwise->direct = dim < UC_FEW_DIMENSIONS || 0.5 * (double) rows * (double) rows * (double) dim <= DIRECT_WORK;
	pairwise->close = (float) ((2 + sqrt((double) dim) / 8) * UC_ROUNDING / TOLERANCE);
	return pairwise->direct || pairwise->distance == UC_DISTANCE_EUCLIDEAN ? UC_OK : centre(points, run, err);
}

UcStatus
uc_pairwise_create(UcPairwise *pairwise, const float *rows, size_t count, size_t dim, UcDistance distance,
				   const UcRun *run, UcError *err)
{
	UcMetric	metric = distance == UC_DISTANCE_EUCLIDEAN ? UC_METRIC_EUCLIDEAN : UC_METRIC_COSINE;
	UcStatus	status;

	memset(pairwise, 0, sizeof *pairwise);
	pairwise->distance = distance;
	status = uc_points_prepare(&pairwise->points, rows, NULL, count, dim, metric, run, err);
	if (status == UC_OK)
		status = prepare(pairwise, run, err);
	if (status != UC_OK)
		uc_pairwise_free(pairwise);
	return status;
}

void
uc_pairwise_free(UcPairwise *pairwise)
{
	uc_points_free(&pairwise->points);
	uc_free(pairwise->unit);
	uc_free(pairwise->norms);
	uc_free(pairwise->columns);
	memset(pairwise, 0, sizeof *pairwise);
}

/* ---- one pair, one row, one tile ---- */

#define LANES 8

static double
squared_apart(const double *a, const double *b, size_t dim)
{
	double		lanes[LANES] = {0};
	double		sum = 0;
	size_t		c = 0;

	for (; c + LANES <= dim; c += LANES)
		for (int lane = 0; lane < LANES; lane++)
			lanes[lane] += (a[c + lane] - b[c + lane]) * (a[c + lane] - b[c + lane]);
	for (; c < dim; c++)
		sum += (a[c] - b[c]) * (a[c] - b[c]);
	for (int lane = 0; lane < LANES; lane++)
		sum += lanes[lane];
	return sum;
}

static double
measure(const UcPairwise *pairwise, size_t i, size_t j)
{
	size_t		dim = pairwise->points.dim;
	const float *a = pairwise->points.given + i * dim;
	const float *b = pairwise->points.given + j * dim;
	double		apart;

	if (pairwise->distance == UC_DISTANCE_EUCLIDEAN)
		return sqrt(uc_squared_distance(a, b, dim));
	if (pairwise->distance == UC_DISTANCE_CHORD)
		return sqrt(squared_apart(pairwise->unit + i * dim, pairwise->unit + j * dim, dim));
	apart = 1 - uc_dot(a, b, dim) / (pairwise->norms[i] * pairwise->norms[j]);
	return apart > 0 ? apart : 0;
}

/* Component by component over all of the rows. */
void
uc_pairwise_squares(const UcPairwise *pairwise, size_t row, size_t begin, size_t end, double *restrict out)
{
	size_t		rows = pairwise->points.rows;

	for (size_t j = begin; j < end; j++)
		out[j - begin] = 0;
	for (size_t c = 0; c < pairwise->points.dim; c++)
	{
		const float *column = pairwise->columns + c * rows;
		double		own = column[row];

		for (size_t j = begin; j < end; j++)
		{
			double		apart = own - (double) column[j];

			out[j - begin] += apart * apart;
		}
	}
}

/* Distances of a row to rows begin … end-1. */
static void
measure_columns(const UcPairwise *pairwise, size_t i, size_t begin, size_t end, double *restrict out)
{
	uc_pairwise_squares(pairwise, i, begin, end, out);
	for (size_t j = begin; j < end; j++)
		out[j - begin] = sqrt(out[j - begin]);
}

void
uc_pairwise_row(const UcPairwise *pairwise, size_t row, const uint8_t *skip, double *out)
{
	if (pairwise->columns != NULL)
	{
		measure_columns(pairwise, row, 0, pairwise->points.rows, out);
		return;
	}
	for (size_t j = 0; j < pairwise->points.rows; j++)
		if (!skip[j])
			out[j] = measure(pairwise, row, j);
}

/* Distances of one row to rows begin … end-1, from their products with it; or without, where there are none. */
static void
finish_row(const UcPairwise *pairwise, size_t i, size_t begin, size_t end, const float *products, double *out)
{
	const UcPoints *points = &pairwise->points;

	if (products == NULL && pairwise->columns != NULL)
	{
		measure_columns(pairwise, i, begin, end, out);
		return;
	}
	for (size_t j = begin; j < end; j++)
	{
		float		squares,
					apart;

		if (products == NULL)
		{
			out[j - begin] = measure(pairwise, i, j);
			continue;
		}
		squares = points->squares[i] + points->squares[j];
		apart = squares - 2 * products[j - begin];
		/* written so that a NaN from an overflow is measured too */
		if (!(apart >= pairwise->close * squares) || !isfinite(apart))
			out[j - begin] = measure(pairwise, i, j);
		else if (pairwise->distance == UC_DISTANCE_COSINE)
			out[j - begin] = 0.5 * apart;
		else
			out[j - begin] = sqrt((double) apart) / points->scale;
	}
}

static const float *
multiply(const Work *work, size_t row, size_t rows, size_t column, size_t columns, int worker)
{
	const UcPoints *points = &work->pairwise->points;
	float	   *products = work->products + (size_t) worker * TILE_ROWS * TILE_COLUMNS;

	if (work->pairwise->direct)
		return NULL;
	uc_sgemm_nt(rows, columns, points->dim, 1, points->x + row * points->dim, points->dim,
				points->x + column * points->dim, points->dim, 0, products, TILE_COLUMNS);
	return products;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- all pairs ---- */

static UcStatus
matrix_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Work	   *work = arg;
	size_t		rows = work->pairwise->points.rows;
	size_t		begin = task * TILE_ROWS;
	size_t		end = min_size(begin + TILE_ROWS, rows);

	double		distances[TILE_COLUMNS];

	for (size_t column = begin; column < rows; column += TILE_COLUMNS)
	{
		size_t		columns = min_size(TILE_COLUMNS, rows - column);
		const float *products = multiply(work, begin, end - begin, column, columns, worker);

		for (size_t i = begin; i < end; i++)
		{
			size_t		first = i + 1 > column ? i + 1 : column;
			double	   *out;

			if (first >= column + columns)
				continue;
			finish_row(work->pairwise, i, first, column + columns,
					   products == NULL ? NULL : products + (i - begin) * TILE_COLUMNS + (first - column), distances);
			out = work->out + uc_pair(rows, i, first);
			for (size_t j = 0; j < column + columns - first; j++)
				out[j * UC_PAIR_GROUP] = distances[j];
		}
		if (uc_section_stopped(section, worker))
			break;
	}
	return UC_OK;
}

static UcStatus
run_tasks(Work *work, const char *phase, UcTask task, const UcRun *run, UcError *err)
{
	const UcPoints *points = &work->pairwise->points;
	UcRun		granted = uc_run_for_work(run, (double) points->rows * (double) points->rows * (double) points->dim);
	size_t		tile = (size_t) granted.threads * TILE_ROWS * TILE_COLUMNS;
	UcStatus	status;

	uc_blas_prepare();
	if (!work->pairwise->direct)
	{
		work->products = uc_alloc(tile * sizeof(float));
		if (work->products == NULL)
			return uc_out_of_memory(err, tile * sizeof(float));
	}
	status = uc_parallel_phase(&granted, phase, points->rows, (points->rows + TILE_ROWS - 1) / TILE_ROWS, task, work,
							   err);
	uc_free(work->products);
	return status;
}

UcStatus
uc_pairwise_matrix(const UcPairwise *pairwise, double *matrix, const UcRun *run, UcError *err)
{
	Work		work = {.pairwise = pairwise,.out = matrix};

	return run_tasks(&work, "measuring distances", matrix_task, run, err);
}

/* ---- the k-th nearest ---- */

/* Replaces the largest of a heap of k values, which lies at its top, by a smaller one. */
static void
replace_largest(double *heap, size_t k, double value)
{
	size_t		place = 0;

	for (;;)
	{
		size_t		child = 2 * place + 1;

		if (child >= k)
			break;
		if (child + 1 < k && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= value)
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = value;
}

static UcStatus
nearest_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Work	   *work = arg;
	size_t		rows = work->pairwise->points.rows;
	size_t		begin = task * TILE_ROWS;
	size_t		end = min_size(begin + TILE_ROWS, rows);
	double	   *heaps = work->heaps + (size_t) worker * TILE_ROWS * work->k;
	double	   *distances = work->tiles + (size_t) worker * TILE_COLUMNS;

	for (size_t i = 0; i < (end - begin) * work->k; i++)
		heaps[i] = INFINITY;
	for (size_t column = 0; column < rows; column += TILE_COLUMNS)
	{
		size_t		columns = min_size(TILE_COLUMNS, rows - column);
		const float *products = multiply(work, begin, end - begin, column, columns, worker);

		for (size_t i = begin; i < end; i++)
		{
			double	   *heap = heaps + (i - begin) * work->k;

			finish_row(work->pairwise, i, column, column + columns,
					   products == NULL ? NULL : products + (i - begin) * TILE_COLUMNS, distances);
			if (i >= column && i < column + columns)
				distances[i - column] = 0;
			for (size_t j = 0; j < columns; j++)
				if (distances[j] < heap[0])
					replace_largest(heap, work->k, distances[j]);
		}
		if (uc_section_stopped(section, worker))
			return UC_OK;
	}
	for (size_t i = begin; i < end; i++)
		work->out[i] = heaps[(i - begin) * work->k];
	return UC_OK;
}

UcStatus
uc_pairwise_kth_nearest(const UcPairwise *pairwise, size_t k, double *kth, const UcRun *run, UcError *err)
{
	Work		work = {.pairwise = pairwise,.k = k,.out = kth};
	size_t		bytes = uc_size_mul((size_t) run->threads, TILE_COLUMNS * sizeof(double));
	UcStatus	status;

	work.tiles = uc_alloc(bytes);
	work.heaps = uc_alloc(uc_pairwise_kth_memory(k, run->threads));
	status = work.tiles == NULL || work.heaps == NULL ?
		uc_out_of_memory(err, uc_size_add(bytes, uc_pairwise_kth_memory(k, run->threads))) : UC_OK;
	if (status == UC_OK)
		status = run_tasks(&work, "finding neighbours", nearest_task, run, err);
	uc_free(work.tiles);
	uc_free(work.heaps);
	return status;
}
