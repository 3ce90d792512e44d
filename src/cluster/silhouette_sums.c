/*
 * silhouette_sums.c
 *	  Three ways to sums of distances: by sums of directions, component by component, by matrix products.
 */
#include "cluster/silhouette_sums.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-math-errno")	/* square roots of many at a time */
#endif

#define BLOCK UC_SILHOUETTE_BLOCK
#define TILE 512				/* members whose distances to a block of rows are computed at a time */
#define LANES 8
#define DIRECT_DIMENSIONS 32	/* below this many, in double and component by component */
#define POLL_ROWS 4096

/* A squared distance below this share of both squared lengths has lost too much in the product's rounding. */
#define DOUBTFUL (1.0f / 32)

/* A mean of 1 - cosine below this is what rounding makes of rows of one direction. */
#define SAME_DIRECTION 1e-14

static size_t
scratch_size(size_t dim, UcMetric metric)
{
	if (metric == UC_METRIC_COSINE)
		return UC_ALIGNMENT;
	if (dim < DIRECT_DIMENSIONS)
		return TILE * sizeof(double);
	return uc_size_add(uc_size_mul(BLOCK + TILE, uc_size_mul(dim, sizeof(float))),
					   (BLOCK * TILE + BLOCK + TILE) * sizeof(float));
}

size_t
uc_silhouette_sums_memory(size_t rows, size_t dim, int k, UcMetric metric, int threads)
{
	size_t		matrix = uc_size_mul(rows, uc_size_mul(dim, sizeof(float))),
				bytes = uc_size_mul((size_t) threads, scratch_size(dim, metric));

	if (metric == UC_METRIC_COSINE)
		return uc_size_add(bytes, uc_size_mul((size_t) k + 1, uc_size_mul(dim, 2 * sizeof(float) + sizeof(double))));
	if (dim < DIRECT_DIMENSIONS)
		return uc_size_add(bytes, matrix);
	bytes = uc_size_add(bytes, uc_size_mul((size_t) k, uc_size_mul(dim, sizeof(double))));
	return uc_size_add(bytes, uc_size_add(matrix, uc_points_memory(rows, dim)));
}

/* ---- arranging the rows ---- */

static UcStatus
check_row(const float *x, size_t row, size_t dim, UcMetric metric, UcError *err)
{
	bool		zero = true;

	for (size_t i = 0; i < dim; i++)
	{
		if (!isfinite(x[i]))
		{
			uc_error(err, UC_INVALID_DATA, "cannot measure vectors with NaN or infinity");
			uc_error_detail(err, "Row %zu is not finite at position %zu.", row + 1, i + 1);
			return UC_INVALID_DATA;
		}
		zero = zero && x[i] == 0;
	}
	if (zero && metric == UC_METRIC_COSINE)
	{
		uc_error(err, UC_INVALID_DATA, "cannot measure a vector of zero length by cosine");
		uc_error_detail(err, "Row %zu has only zeros.", row + 1);
		uc_error_hint(err, "Leave such rows out, or use the euclidean metric.");
		return UC_INVALID_DATA;
	}
	return UC_OK;
}

static double
inverse_length(const float *x, size_t dim)
{
	return 1 / sqrt(uc_dot(x, x, dim));
}

static UcStatus
sum_directions(UcSilhouetteSums *sums, const UcRun *run, UcError *err)
{
	const UcPartition *partition = sums->partition;
	size_t		dim = sums->dim,
				all = (size_t) partition->k * dim;
	double	   *sum = uc_alloc(uc_size_mul(dim, sizeof(double)));

	if (sum == NULL)
		return uc_out_of_memory(err, uc_size_mul(dim, sizeof(double)));
	for (int c = 0; c < partition->k; c++)
	{
		memset(sum, 0, dim * sizeof(double));
		for (size_t position = partition->start[c]; position < partition->start[c + 1]; position++)
		{
			const float *x = sums->rows + partition->order[position] * dim;

			if (position % POLL_ROWS == 0 && uc_interrupted(run))
			{
				uc_free(sum);
				return uc_interrupt_error(err);
			}
			uc_kernels()->accumulate(sum, x, partition->weight[position] * inverse_length(x, dim), dim);
		}
		for (size_t i = 0; i < dim; i++)
		{
			float		high = (float) sum[i];

			sums->directions[(size_t) c * dim + i] = high;
			sums->directions[all + (size_t) c * dim + i] = (float) (sum[i] - high);
		}
	}
	uc_free(sum);
	return UC_OK;
}

static UcStatus
find_means(UcSilhouetteSums *sums, const UcRun *run, UcError *err)
{
	const UcPartition *partition = sums->partition;
	size_t		dim = sums->dim,
				bytes = uc_size_mul((size_t) partition->k, uc_size_mul(dim, sizeof(double)));

	sums->means = uc_alloc_zeroed(bytes);
	if (sums->means == NULL)
		return uc_out_of_memory(err, bytes);
	for (size_t position = 0; position < partition->members; position++)
	{
		int			c = partition->cluster[position];
		double		share = 1.0 / (double) (partition->start[c + 1] - partition->start[c]);

		if (position % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_kernels()->accumulate(sums->means + (size_t) c * dim, sums->ordered + position * dim, share, dim);
	}
	return UC_OK;
}

static UcStatus
arrange(UcSilhouetteSums *sums, const UcRun *run, UcError *err)
{
	const UcPartition *partition = sums->partition;
	size_t		dim = sums->dim;
	UcStatus	status;

	for (size_t position = 0; position < partition->members; position++)
	{
		size_t		row = partition->order[position];
		const float *x = sums->rows + row * dim;

		status = check_row(x, row, dim, sums->metric, err);
		if (status != UC_OK)
			return status;
		if (position % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (sums->columns != NULL)
			for (size_t i = 0; i < dim; i++)
				sums->columns[i * partition->members + position] = x[i];
		if (sums->ordered != NULL)
			memcpy(sums->ordered + position * dim, x, dim * sizeof(float));
	}
	if (sums->directions != NULL)
		return sum_directions(sums, run, err);
	if (sums->ordered == NULL)
		return UC_OK;
	uc_blas_prepare();
	status = find_means(sums, run, err);
	if (status != UC_OK)
		return status;
	return uc_points_prepare(&sums->points, sums->ordered, NULL, partition->members, dim, UC_METRIC_EUCLIDEAN, run, err);
}

UcStatus
uc_silhouette_sums_create(UcSilhouetteSums *sums, const UcPartition *partition, const float *rows, size_t dim,
						  UcMetric metric, const UcRun *run, UcError *err)
{
	size_t		matrix = uc_size_mul(partition->members, uc_size_mul(dim, sizeof(float))),
				threads = run->threads < 1 ? 1 : (size_t) run->threads;
	float	  **kept = metric == UC_METRIC_COSINE ? &sums->directions :
		dim < DIRECT_DIMENSIONS ? &sums->columns : &sums->ordered;
	UcStatus	status;

	*sums = (UcSilhouetteSums) {.partition = partition,.rows = rows,.dim = dim,.metric = metric};
	if (metric == UC_METRIC_COSINE)
		matrix = uc_size_mul(2 * (size_t) partition->k, uc_size_mul(dim, sizeof(float)));
	*kept = uc_alloc(matrix);
	sums->scratch_bytes = uc_size_align(scratch_size(dim, metric));
	sums->scratch = uc_alloc(uc_size_mul(threads, sums->scratch_bytes));
	if (*kept == NULL || sums->scratch == NULL)
		status = uc_out_of_memory(err, uc_size_add(matrix, uc_size_mul(threads, sums->scratch_bytes)));
	else
		status = arrange(sums, run, err);
	if (status != UC_OK)
		uc_silhouette_sums_free(sums);
	return status;
}

void
uc_silhouette_sums_free(UcSilhouetteSums *sums)
{
	uc_free(sums->directions);
	uc_free(sums->columns);
	uc_free(sums->ordered);
	uc_points_free(&sums->points);
	uc_free(sums->means);
	uc_free(sums->scratch);
	*sums = (UcSilhouetteSums) {0};
}

/* ---- by sums of directions ---- */

/* The row's own distance of 0 is part of its cluster's sum, as in the other ways. */
static void
cosine_sums(const UcSilhouetteSums *sums, size_t position, double *out)
{
	const UcPartition *partition = sums->partition;
	size_t		dim = sums->dim;
	const float *x = sums->rows + partition->order[position] * dim;
	const float *high = sums->directions;
	const float *low = high + (size_t) partition->k * dim;
	double		factor = inverse_length(x, dim);

	for (int c = 0; c < partition->k; c++)
	{
		double		cosines = factor * (uc_dot(x, high + (size_t) c * dim, dim) + uc_dot(x, low + (size_t) c * dim, dim)),
					sum = partition->weights[c] - cosines;

		out[c] = sum > SAME_DIRECTION * partition->weights[c] ? sum : 0;
	}
}

/* ---- the sum over a stretch of squared distances ---- */

/* weight may be NULL: all are 1. */
static double
sum_roots_float(const float *squared, const double *weight, size_t n)
{
	double		lanes[LANES] = {0};
	double		sum = 0;
	size_t		j = 0;

	for (; j + LANES <= n; j += LANES)
		for (int l = 0; l < LANES; l++)
			lanes[l] += (double) sqrtf(squared[j + l]) * weight[j + l];
	for (; j < n; j++)
		sum += (double) sqrtf(squared[j]) * weight[j];
	for (int l = 0; l < LANES; l++)
		sum += lanes[l];
	return sum;
}

static double
sum_roots_double(const double *squared, const double *weight, size_t n)
{
	double		lanes[LANES] = {0};
	double		sum = 0;
	size_t		j = 0;

	for (; j + LANES <= n; j += LANES)
		for (int l = 0; l < LANES; l++)
			lanes[l] += sqrt(squared[j + l]) * weight[j + l];
	for (; j < n; j++)
		sum += sqrt(squared[j]) * weight[j];
	for (int l = 0; l < LANES; l++)
		sum += lanes[l];
	return sum;
}

/* The end of the part of [begin, end) that lies in one cluster. */
static size_t
part_end(const UcPartition *partition, size_t begin, size_t end)
{
	size_t		cluster_end = partition->start[partition->cluster[begin] + 1];

	return cluster_end < end ? cluster_end : end;
}

/* ---- component by component ---- */

static void
direct_sums(const UcSilhouetteSums *sums, size_t position, double *squared, double *out)
{
	const UcPartition *partition = sums->partition;
	const float *x = sums->rows + partition->order[position] * sums->dim;
	size_t		end;

	for (size_t begin = 0; begin < partition->members; begin = end)
	{
		size_t		count;

		end = begin + TILE < partition->members ? begin + TILE : partition->members;
		end = part_end(partition, begin, end);
		count = end - begin;
		memset(squared, 0, count * sizeof(double));
		for (size_t i = 0; i < sums->dim; i++)
		{
			const float *column = sums->columns + i * partition->members + begin;
			double		value = x[i];

			for (size_t j = 0; j < count; j++)
				squared[j] += (column[j] - value) * (column[j] - value);
		}
		out[partition->cluster[begin]] += sum_roots_double(squared, partition->weight + begin, count);
	}
}

/*
 * ---- by matrix products ----
 *
 * Rows of other clusters are reached from the mean of all rows, those of the own cluster from its own mean: the members
 * of a tight cluster far out would otherwise all be too near each other for the products' rounding.
 */

typedef struct Tile
{
	float	   *targets;		/* [BLOCK, dim] the rows whose distances are summed */
	float	   *target_squares; /* [BLOCK] */
	float	   *members;		/* [TILE, dim] around the mean of a cluster */
	float	   *member_squares; /* [TILE] */
	float	   *products;		/* [BLOCK, TILE] */
} Tile;

static Tile
tile_of(const UcSilhouetteSums *sums, int worker)
{
	float	   *scratch = (float *) (sums->scratch + (size_t) worker * sums->scratch_bytes);
	Tile		tile = {.targets = scratch};

	tile.members = tile.targets + BLOCK * sums->dim;
	tile.products = tile.members + TILE * sums->dim;
	tile.target_squares = tile.products + BLOCK * TILE;
	tile.member_squares = tile.target_squares + BLOCK;
	return tile;
}

/* Turns products into squared distances; returns how many are too small for what rounding has left of them. */
static int
square_distances(float *products, const float *squares, float square, size_t n)
{
	int			doubtful = 0;

	for (size_t j = 0; j < n; j++)
	{
		float		lengths = squares[j] + square,
					distance = lengths - 2 * products[j];

		doubtful += distance <= DOUBTFUL * lengths;
		products[j] = distance > 0 ? distance : 0;
	}
	return doubtful;
}

/* The sum of the distances of the row at `position` to n members from `first` on, of one cluster. */
static double
sum_products(const UcSilhouetteSums *sums, size_t position, size_t first, size_t n, float *products,
			 const float *squares, float square)
{
	const float *x = sums->ordered + position * sums->dim;
	double		unit = sums->points.scale * sums->points.scale;

	if (square_distances(products, squares, square, n) > 0)
		for (size_t j = 0; j < n; j++)
			if (products[j] <= DOUBTFUL * (squares[j] + square))
				products[j] =
					(float) (unit * uc_squared_distance(x, sums->ordered + (first + j) * sums->dim, sums->dim));
	return sum_roots_float(products, sums->partition->weight + first, n);
}

static void
sum_others(const UcSilhouetteSums *sums, const Tile *tile, const size_t *positions, size_t count, double *out,
		   int worker, UcSection *section)
{
	const UcPartition *partition = sums->partition;
	const float *squares = sums->points.squares;
	size_t		dim = sums->dim;
	int			lowest = partition->cluster[positions[0]],
				highest = partition->cluster[positions[count - 1]];

	for (size_t i = 0; i < count; i++)
		memcpy(tile->targets + i * dim, sums->points.x + positions[i] * dim, dim * sizeof(float));
	for (size_t first = 0; first < partition->members; first += TILE)
	{
		size_t		end = first + TILE < partition->members ? first + TILE : partition->members,
					part;

		if (uc_section_stopped(section, worker))
			return;
		if (lowest == highest && partition->cluster[first] == lowest && partition->cluster[end - 1] == lowest)
			continue;
		uc_sgemm_nt(count, end - first, dim, 1, tile->targets, dim, sums->points.x + first * dim, dim, 0,
					tile->products, TILE);
		for (size_t i = 0; i < count; i++)
			for (size_t begin = first; begin < end; begin = part)
			{
				int			c = partition->cluster[begin];

				part = part_end(partition, begin, end);
				if (c != partition->cluster[positions[i]])
					out[i * (size_t) partition->k + (size_t) c] +=
						sum_products(sums, positions[i], begin, part - begin, tile->products + i * TILE + (begin - first),
									 squares + begin, squares[positions[i]]);
			}
	}
}

/* A row around the mean of its cluster, in the unit of the points; returns its squared length. */
static float
move_to_mean(const UcSilhouetteSums *sums, size_t position, float *to)
{
	const float *x = sums->ordered + position * sums->dim;
	const double *mean = sums->means + (size_t) sums->partition->cluster[position] * sums->dim;

	for (size_t i = 0; i < sums->dim; i++)
		to[i] = (float) ((x[i] - mean[i]) * sums->points.scale);
	return (float) uc_dot(to, to, sums->dim);
}

/* For targets of one cluster. */
static void
sum_own(const UcSilhouetteSums *sums, const Tile *tile, const size_t *positions, size_t count, double *out, int worker,
		UcSection *section)
{
	const UcPartition *partition = sums->partition;
	size_t		dim = sums->dim;
	int			own = partition->cluster[positions[0]];

	for (size_t i = 0; i < count; i++)
		tile->target_squares[i] = move_to_mean(sums, positions[i], tile->targets + i * dim);
	for (size_t first = partition->start[own]; first < partition->start[own + 1]; first += TILE)
	{
		size_t		left = partition->start[own + 1] - first,
					n = left < TILE ? left : TILE;

		if (uc_section_stopped(section, worker))
			return;
		for (size_t j = 0; j < n; j++)
			tile->member_squares[j] = move_to_mean(sums, first + j, tile->members + j * dim);
		uc_sgemm_nt(count, n, dim, 1, tile->targets, dim, tile->members, dim, 0, tile->products, TILE);
		for (size_t i = 0; i < count; i++)
			out[i * (size_t) partition->k + (size_t) own] +=
				sum_products(sums, positions[i], first, n, tile->products + i * TILE, tile->member_squares,
							 tile->target_squares[i]);
	}
}

/* Positions rise, so that the targets of one cluster are neighbours. */
static void
product_sums(const UcSilhouetteSums *sums, const size_t *positions, size_t count, double *out, int worker,
			 UcSection *section)
{
	const UcPartition *partition = sums->partition;
	Tile		tile = tile_of(sums, worker);
	size_t		end;

	sum_others(sums, &tile, positions, count, out, worker, section);
	for (size_t begin = 0; begin < count; begin = end)
	{
		for (end = begin + 1; end < count && partition->cluster[positions[end]] == partition->cluster[positions[begin]];)
			end++;
		sum_own(sums, &tile, positions + begin, end - begin, out + begin * (size_t) partition->k, worker, section);
	}
}

void
uc_silhouette_sums_block(UcSilhouetteSums *sums, const size_t *positions, size_t count, double *out, int worker,
						 UcSection *section)
{
	size_t		k = (size_t) sums->partition->k;
	double	   *squared = (double *) (sums->scratch + (size_t) worker * sums->scratch_bytes);

	memset(out, 0, count * k * sizeof(double));
	if (sums->ordered != NULL)
		product_sums(sums, positions, count, out, worker, section);
	else
		for (size_t i = 0; i < count; i++)
		{
			if (uc_section_stopped(section, worker))
				return;
			if (sums->directions != NULL)
				cosine_sums(sums, positions[i], out + i * k);
			else
				direct_sums(sums, positions[i], squared, out + i * k);
		}
}
