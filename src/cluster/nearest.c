/*
 * nearest.c
 *	  The assignment pass: bounds, blocks of rows, ties.
 */
#include "cluster/nearest.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/group.h"
#include "cluster/scores.h"

#define GROUP_CENTROIDS 10
#define MAX_GROUPS 64
#define MAX_TILE_CENTROIDS 1024
#define ONE_PRODUCT 2.5e8		/* multiplications in one matrix product: a few milliseconds */
#define TASK_WORK 2e6			/* multiplications worth a task of their own */

/* Widening of bounds that stands for the roundings of the float arithmetic on them. */
#define UP (1 + 0x1p-21f)
#define DOWN (1 - 0x1p-21f)

/* One worker's memory, for one block of rows at a time. Positions count the rows of the block that need scores. */
typedef struct UcNearestScratch
{
	float	   *gathered;		/* [UC_BLOCK_ROWS, dim], or [dim, UC_BLOCK_ROWS] where dimensions are few */
	float	   *tile;			/* [tile_centroids, UC_BLOCK_ROWS] */
	uint16_t   *members;		/* [groups, UC_BLOCK_ROWS] positions that need the group */
	int			member_count[MAX_GROUPS];
	size_t		rows[UC_BLOCK_ROWS];	/* by position */
	float		margin[UC_BLOCK_ROWS];	/* by position: largest error of a score */
	float		score[UC_BLOCK_ROWS];	/* by position: of the current label; infinity where there is none */
	double		exact[UC_BLOCK_ROWS];	/* by position: of the current label; negative where not computed */
	float		smallest[UC_BLOCK_ROWS];	/* the four below by column of the tile */
	int32_t		which[UC_BLOCK_ROWS];
	float		second[UC_BLOCK_ROWS];
	uint16_t	positions[UC_BLOCK_ROWS];
} Scratch;

static bool
few_dimensions(const UcNearest *nearest)
{
	return nearest->points->dim < UC_FEW_DIMENSIONS;
}

/* Groups pay where distances are dear; each costs a float a row. */
static int
group_count(size_t dim, int k)
{
	size_t		groups = (size_t) k / GROUP_CENTROIDS,
				worth = dim < UC_FEW_DIMENSIONS ? 1 : dim / 8;

	if (groups > worth)
		groups = worth;
	if (groups > MAX_GROUPS)
		groups = MAX_GROUPS;
	return groups < 1 ? 1 : (int) groups;
}

static size_t
tile_centroids(size_t dim, int k)
{
	size_t		tile = (size_t) (ONE_PRODUCT / ((double) dim * UC_BLOCK_ROWS));

	if (tile > MAX_TILE_CENTROIDS)
		tile = MAX_TILE_CENTROIDS;
	if (tile > (size_t) k)
		tile = (size_t) k;
	return tile < 1 ? 1 : tile;
}

size_t
uc_nearest_memory(size_t rows, size_t dim, int k, int threads)
{
	size_t		groups = (size_t) group_count(dim, k),
				per_row = sizeof(int32_t) + sizeof(float) + groups * sizeof(float),
				per_centroid = uc_size_add(uc_size_mul(dim, sizeof(float)), 6 * sizeof(float)),
				worker = uc_size_mul(UC_BLOCK_ROWS, uc_size_mul(uc_size_add(dim, tile_centroids(dim, k)), sizeof(float)));

	worker = uc_size_add(worker, sizeof(Scratch) + groups * UC_BLOCK_ROWS * sizeof(uint16_t));
	return uc_size_add(uc_size_add(uc_size_mul(rows, per_row), uc_size_mul((size_t) k, per_centroid)),
					   uc_size_mul((size_t) threads, worker));
}

static bool
create_scratch(UcNearest *nearest)
{
	size_t		dim = nearest->points->dim,
				block = UC_BLOCK_ROWS * sizeof(float);

	nearest->scratch = uc_alloc_zeroed((size_t) nearest->workers * sizeof(Scratch));
	if (nearest->scratch == NULL)
		return false;
	for (int i = 0; i < nearest->workers; i++)
	{
		Scratch    *scratch = &nearest->scratch[i];

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
	nearest->tile_centroids = tile_centroids(points->dim, k);
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

static float *
lower_of(const UcNearest *nearest, size_t row, int group)
{
	return nearest->lower + (size_t) group * nearest->points->rows + row;
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
	nearest->longest = (float) sqrt(longest) * UP;
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

			nearest->drift[j] = (nearest->drift[j] + (float) sqrt(square)) * UP;
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
		*lower_of(nearest, row, g) = 0;
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

/* ---- one row ---- */

static double
exact_distance(const UcNearest *nearest, size_t row, int32_t label)
{
	size_t		dim = nearest->points->dim;
	const float *x = nearest->exact_rows + row * dim,
			   *c = nearest->exact_centroids + (size_t) label * dim;
	double		products[3];

	if (!nearest->exact_cosine)
		return uc_squared_distance(x, c, dim);
	uc_kernels()->dot_and_norms(x, c, dim, products);
	return fmax(0, 1 - products[0] / sqrt(products[1] * products[2]));
}

static float
row_offset(const UcNearest *nearest, size_t row)
{
	return few_dimensions(nearest) ? 0 : nearest->points->squares[row];
}

/*
 * How far a score can be from the exact squared distance less the row's offset, apart from relative_error. The product of
 * two vectors errs by at most dim roundings of the product of their lengths. Where ties are judged in the caller's space,
 * the rounding of x and of the centroids to float counts too; the margin for a product is wide enough for that anyway.
 */
static float
score_margin(const UcNearest *nearest, size_t row)
{
	float		length = sqrtf(nearest->points->squares[row]) * UP,
				reach = length + nearest->longest,
				margin = UC_ROUNDING * 8 * reach * reach;

	if (!few_dimensions(nearest))
		return margin + UC_ROUNDING * 2 * (float) (nearest->points->dim + 2) * length * nearest->longest;
	return nearest->exact_rows == nearest->points->x ? 0x1p-120f : margin;
}

static float
relative_error(const UcNearest *nearest)
{
	return few_dimensions(nearest) ? UC_ROUNDING * (float) (nearest->points->dim + 4) : 0;
}

static float
upper_bound(float square, float margin, float relative)
{
	return sqrtf(fmaxf(0, square) * (1 + relative) + margin) * UP;
}

static float
lower_bound(float square, float margin, float relative)
{
	return sqrtf(fmaxf(0, square * (1 - relative) - margin)) * DOWN;
}

static void
lower_by(UcNearest *nearest, size_t row, int group, float bound)
{
	float	   *lower = lower_of(nearest, row, group);

	if (bound < *lower)
		*lower = bound;
}

/* ---- a block: which rows need which groups ---- */

/* Lists a row for the groups that may hold a centroid within the distance. */
static void
need_groups_within(UcNearest *nearest, Scratch *scratch, int position, float distance)
{
	for (int g = 0; g < nearest->groups; g++)
	{
		float	   *lower = lower_of(nearest, scratch->rows[position], g);

		if (*lower > distance)
			continue;
		scratch->members[g * UC_BLOCK_ROWS + scratch->member_count[g]++] = (uint16_t) position;
		*lower = INFINITY;
	}
}

/* Before the first pass nothing is known. */
static int
need_everything(UcNearest *nearest, Scratch *scratch, size_t begin, size_t end)
{
	int			count = 0;

	for (size_t row = begin; row < end; row++)
	{
		scratch->rows[count] = row;
		scratch->margin[count] = score_margin(nearest, row);
		scratch->score[count] = INFINITY;
		scratch->exact[count] = -1;
		for (int g = 0; g < nearest->groups; g++)
			*lower_of(nearest, row, g) = 0;
		need_groups_within(nearest, scratch, count++, INFINITY);
	}
	return count;
}

static void
prefetch_row(const UcNearest *nearest, size_t row)
{
	const char *x = (const char *) (nearest->exact_rows + row * nearest->points->dim);
	size_t		bytes = nearest->points->dim * sizeof(float);
	const size_t most = 4096;

	for (size_t i = 0; i < bytes && i < most; i += UC_ALIGNMENT)
		__builtin_prefetch(x + i);
}

/* Moves the block's bounds with the centroids and lists the rows whose own bounds cross; returns how many. */
static int
list_crossing(UcNearest *nearest, Scratch *scratch, size_t begin, size_t end)
{
	const UcScoreKernels *kernels = uc_score_kernels();
	bool		judged_elsewhere = nearest->exact_rows != nearest->points->x;
	int			count = 0;

	for (size_t row = begin; row < end; row++)
	{
		nearest->upper[row] = (nearest->upper[row] + nearest->drift[nearest->labels[row]]) * UP;
		scratch->smallest[row - begin] = INFINITY;
	}
	for (int g = 0; g < nearest->groups; g++)
		kernels->lower_bounds(lower_of(nearest, begin, g), DOWN, nearest->group_drift[g], end - begin, scratch->smallest);
	for (size_t row = begin; row < end; row++)
	{
		float		slack = 0;

		/* the bounds are distances in x: the rounding that separates them from the caller's space counts twice */
		if (judged_elsewhere)
			slack = UC_ROUNDING * 16 * (sqrtf(nearest->points->squares[row]) + nearest->longest);
		if (nearest->upper[row] + slack < scratch->smallest[row - begin])
			continue;
		scratch->rows[count] = row;
		scratch->margin[count] = slack;
		scratch->smallest[count++] = scratch->smallest[row - begin];
	}
	return count;
}

/* Lists the rows that need scores and the groups they need; returns how many rows. */
static int
list_needs(UcNearest *nearest, Scratch *scratch, size_t begin, size_t end)
{
	int			crossing,
				count = 0;

	memset(scratch->member_count, 0, sizeof scratch->member_count);
	if (nearest->labels[begin] < 0)
		return need_everything(nearest, scratch, begin, end);
	crossing = list_crossing(nearest, scratch, begin, end);
	for (int i = 0; i < crossing; i++)
	{
		size_t		row = scratch->rows[i];
		float		slack = scratch->margin[i],
					distance;
		double		exact;

		if (few_dimensions(nearest))
		{
			/* all distances cost about as much as one by the exact kernel */
			scratch->rows[count] = row;
			scratch->margin[count] = score_margin(nearest, row);
			scratch->score[count] = INFINITY;
			scratch->exact[count] = -1;
			need_groups_within(nearest, scratch, count++, INFINITY);
			continue;
		}
		if (i + 1 < crossing)
			prefetch_row(nearest, scratch->rows[i + 1]);
		exact = exact_distance(nearest, row, nearest->labels[row]);
		distance = (float) sqrt(exact * nearest->exact_scale) * UP + slack;
		nearest->upper[row] = distance;
		if (distance < scratch->smallest[i])
			continue;
		scratch->rows[count] = row;
		scratch->margin[count] = score_margin(nearest, row);
		scratch->exact[count] = exact;
		scratch->score[count] = (float) (exact * nearest->exact_scale) - row_offset(nearest, row);
		need_groups_within(nearest, scratch, count++, distance);
	}
	return count;
}

/* ---- a block: scores, and what they say ---- */

/* Among the part's centroids whose scores are within the limit, and the current label, the nearest by the exact kernel. */
static int32_t
settle(UcNearest *nearest, Scratch *scratch, int column, int first, int count, const float *tile, const float *offset,
	   float limit)
{
	int			position = scratch->positions[column];
	size_t		row = scratch->rows[position];
	int32_t		best = nearest->labels[row];

	if (best >= 0 && scratch->exact[position] < 0)
		scratch->exact[position] = exact_distance(nearest, row, best);
	for (int j = 0; j < count; j++)
	{
		int32_t		candidate = first + j;
		double		exact;

		if (tile[j * UC_BLOCK_ROWS + column] + offset[j] > limit || candidate == nearest->labels[row])
			continue;
		exact = exact_distance(nearest, row, candidate);
		if (best < 0 || exact < scratch->exact[position] ||
			(exact == scratch->exact[position] && nearest->rank[candidate] < nearest->rank[best]))
		{
			best = candidate;
			scratch->exact[position] = exact;
		}
	}
	scratch->score[position] = (float) (scratch->exact[position] * nearest->exact_scale) - row_offset(nearest, row);
	return best;
}

/* Takes in what a column of the tile says about the centroids first … first+count-1, all of one group. */
static void
take_scores(UcNearest *nearest, Scratch *scratch, int column, int first, int count, const float *tile,
			const float *offset)
{
	int			position = scratch->positions[column];
	size_t		row = scratch->rows[position];
	float		margin = scratch->margin[position],
				relative = relative_error(nearest),
				from_score = row_offset(nearest, row),
				low = scratch->smallest[column],
				held = scratch->score[position],
				best = low < held ? low : held,
				limit = best + 2.1f * (margin + relative * fmaxf(0, best));
	int32_t		before = nearest->labels[row],
				lowest = first + scratch->which[column],
				after = before;

	if (low <= limit && !(lowest == before && scratch->second[column] > limit))
	{
		if (held > limit && scratch->second[column] > limit)
		{
			after = lowest;
			scratch->score[position] = low;
			scratch->exact[position] = -1;
		}
		else
			after = settle(nearest, scratch, column, first, count, tile, offset, limit);
		nearest->labels[row] = after;
		if (before >= 0 && after != before)
			lower_by(nearest, row, nearest->group_of[before], lower_bound(held + from_score, margin, relative));
	}
	low = lowest == after ? scratch->second[column] : low;
	lower_by(nearest, row, nearest->group_of[first], lower_bound(low + from_score, margin, relative));
}

/* Fills the tile for the rows of scratch->positions against the centroids first … first+count-1. */
static void
fill_tile(UcNearest *nearest, Scratch *scratch, const float *rows, int row_count, int first, int count)
{
	size_t		dim = nearest->points->dim;
	const float *centroids = nearest->centroids + (size_t) first * dim;

	if (few_dimensions(nearest))
		uc_score_kernels()->distances(scratch->gathered, centroids, dim, (size_t) count, scratch->tile);
	else
		uc_sgemm_nt((size_t) count, (size_t) row_count, dim, -2, centroids, dim, rows, dim, 0, scratch->tile,
					UC_BLOCK_ROWS);
}

/* Brings the rows of scratch->positions together; returns where they lie, which is in x where they are neighbours. */
static const float *
gather(UcNearest *nearest, Scratch *scratch, int count)
{
	size_t		dim = nearest->points->dim;
	size_t		first = scratch->rows[scratch->positions[0]],
				last = scratch->rows[scratch->positions[count - 1]];

	if (few_dimensions(nearest))
	{
		for (int column = 0; column < count; column++)
		{
			const float *x = nearest->points->x + scratch->rows[scratch->positions[column]] * dim;

			for (size_t i = 0; i < dim; i++)
				scratch->gathered[i * UC_BLOCK_ROWS + (size_t) column] = x[i];
		}
		return NULL;
	}
	if (last - first + 1 == (size_t) count)
		return nearest->points->x + first * dim;
	for (int column = 0; column < count; column++)
		memcpy(scratch->gathered + (size_t) column * dim,
			   nearest->points->x + scratch->rows[scratch->positions[column]] * dim, dim * sizeof(float));
	return scratch->gathered;
}

/* Scores the rows of scratch->positions against the groups first_group … end_group-1, tile by tile. */
static void
score_groups(UcNearest *nearest, Scratch *scratch, int row_count, int first_group, int end_group, UcSection *section)
{
	const UcScoreKernels *kernels = uc_score_kernels();
	const float *offsets = few_dimensions(nearest) ? nearest->zeros : nearest->squares;
	const float *rows = gather(nearest, scratch, row_count);
	int			end = nearest->group_start[end_group],
				tile = (int) nearest->tile_centroids;

	for (int first = nearest->group_start[first_group]; first < end; first += tile)
	{
		int			tile_end = first + tile < end ? first + tile : end;
		int			part_end;

		if (uc_section_stopped(section, (int) (scratch - nearest->scratch)))
			return;
		fill_tile(nearest, scratch, rows, row_count, first, tile_end - first);
		/* a group may go on in the next tile: its parts are taken in one after the other */
		for (int part = first; part < tile_end; part = part_end)
		{
			int			group_end = nearest->group_start[nearest->group_of[part] + 1];
			float	   *tile_part = scratch->tile + (part - first) * UC_BLOCK_ROWS;

			part_end = group_end < tile_end ? group_end : tile_end;
			kernels->smallest_two(tile_part, offsets + part, (size_t) (part_end - part), (size_t) row_count,
								  scratch->smallest, scratch->which, scratch->second);
			for (int column = 0; column < row_count; column++)
				take_scores(nearest, scratch, column, part, part_end - part, tile_part, offsets + part);
		}
	}
}

static void
assign_block(UcNearest *nearest, Scratch *scratch, size_t begin, size_t end, UcSection *section)
{
	int			count = list_needs(nearest, scratch, begin, end);
	double		pairs = 0;

	for (int g = 0; g < nearest->groups; g++)
		pairs += (double) scratch->member_count[g] * (nearest->group_start[g + 1] - nearest->group_start[g]);

	/* Products over one group run at a third of the speed of one over all centroids. */
	if (count > 0 && 3 * pairs > (double) count * nearest->k)
	{
		for (int position = 0; position < count; position++)
		{
			scratch->positions[position] = (uint16_t) position;
			for (int g = 0; g < nearest->groups; g++)
				*lower_of(nearest, scratch->rows[position], g) = INFINITY;
		}
		score_groups(nearest, scratch, count, 0, nearest->groups, section);
	}
	else
		for (int g = 0; g < nearest->groups; g++)
			if (scratch->member_count[g] > 0)
			{
				memcpy(scratch->positions, scratch->members + g * UC_BLOCK_ROWS, sizeof scratch->positions);
				score_groups(nearest, scratch, scratch->member_count[g], g, g + 1, section);
			}

	for (int position = 0; position < count; position++)
	{
		size_t		row = scratch->rows[position];
		float		square = scratch->score[position] + row_offset(nearest, row);

		nearest->upper[row] = upper_bound(square, scratch->margin[position], relative_error(nearest));
	}
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
		assign_block(nearest, &nearest->scratch[worker], begin, begin + UC_BLOCK_ROWS < end ? begin + UC_BLOCK_ROWS : end,
					 section);
	return UC_OK;
}

static UcStatus
measure_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Pass	   *pass = arg;
	size_t		end = task_end(pass->nearest, task);

	for (size_t row = task * pass->nearest->task_rows; row < end; row++)
		pass->distances[row] = exact_distance(pass->nearest, row, pass->nearest->labels[row]);
	return UC_OK;
}

static UcStatus
run_pass(UcNearest *nearest, UcTask body, double *distances, const UcRun *run, UcError *err)
{
	Pass		pass = {.nearest = nearest,.distances = distances};
	size_t		rows = nearest->points->rows,
				tasks = (rows + nearest->task_rows - 1) / nearest->task_rows;
	UcRun		granted = uc_run_for_work(run, (double) rows * (double) nearest->points->dim * (distances ? 1 : nearest->k));

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
