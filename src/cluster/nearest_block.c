/*
 * nearest_block.c
 *	  The work of an assignment pass on one block of rows: which rows and groups need scores, the scores, and the ties.
 */
#include "cluster/nearest_block.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"

double
uc_nearest_exact(const UcNearest *nearest, size_t row, int32_t label)
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
	return uc_nearest_few_dimensions(nearest) ? 0 : nearest->points->squares[row];
}

/*
 * How far a score can be from the exact squared distance less the row's offset, apart from relative_error. The
 * product of two vectors errs by at most dim roundings of the product of their lengths. Where ties are judged in the
 * caller's space, the rounding of x and of the centroids to float counts too; the margin for a product is wide enough
 * for that anyway.
 */
static float
score_margin(const UcNearest *nearest, size_t row)
{
	bool		few = uc_nearest_few_dimensions(nearest);
	float		length,
				reach,
				margin;

	if (few && nearest->exact_rows == nearest->points->x)
		return 0x1p-120f;
	length = sqrtf(nearest->points->squares[row]) * UC_UP;
	reach = length + nearest->longest;
	margin = UC_ROUNDING * 8 * reach * reach;
	return few ? margin : margin + UC_ROUNDING * 2 * (float) (nearest->points->dim + 2) * length * nearest->longest;
}

static float
relative_error(const UcNearest *nearest)
{
	return uc_nearest_few_dimensions(nearest) ? UC_ROUNDING * (float) (nearest->points->dim + 4) : 0;
}

static float
upper_bound(float square, float margin, float relative)
{
	return sqrtf(fmaxf(0, square) * (1 + relative) + margin) * UC_UP;
}

static float
lower_bound(float square, float margin, float relative)
{
	return sqrtf(fmaxf(0, square * (1 - relative) - margin)) * UC_DOWN;
}

static void
lower_by(UcNearest *nearest, size_t row, int group, float bound)
{
	float	   *lower = uc_nearest_lower(nearest, row, group);

	if (bound < *lower)
		*lower = bound;
}

/* ---- a block: which rows need which groups ---- */

/* Lists a row for the groups that may hold a centroid within the distance. */
static void
need_groups_within(UcNearest *nearest, UcNearestScratch *scratch, int position, float distance)
{
	for (int g = 0; g < nearest->groups; g++)
	{
		float	   *lower = uc_nearest_lower(nearest, scratch->rows[position], g);

		if (*lower > distance)
			continue;
		scratch->members[g * UC_BLOCK_ROWS + scratch->member_count[g]++] = (uint16_t) position;
		*lower = INFINITY;
	}
}

/* Before the first pass nothing is known. */
static int
need_everything(UcNearest *nearest, UcNearestScratch *scratch, size_t begin, size_t end)
{
	int			count = 0;

	for (size_t row = begin; row < end; row++)
	{
		scratch->rows[count] = row;
		scratch->margin[count] = score_margin(nearest, row);
		scratch->score[count] = INFINITY;
		scratch->exact[count] = -1;
		for (int g = 0; g < nearest->groups; g++)
			*uc_nearest_lower(nearest, row, g) = 0;
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
list_crossing(UcNearest *nearest, UcNearestScratch *scratch, size_t begin, size_t end)
{
	const UcScoreKernels *kernels = uc_score_kernels();
	bool		judged_elsewhere = nearest->exact_rows != nearest->points->x;
	int			count = 0;

	for (size_t row = begin; row < end; row++)
	{
		nearest->upper[row] = (nearest->upper[row] + nearest->drift[nearest->labels[row]]) * UC_UP;
		scratch->smallest[row - begin] = INFINITY;
	}
	for (int g = 0; g < nearest->groups; g++)
		kernels->lower_bounds(uc_nearest_lower(nearest, begin, g), UC_DOWN, nearest->group_drift[g], end - begin,
							  scratch->smallest);
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
list_needs(UcNearest *nearest, UcNearestScratch *scratch, size_t begin, size_t end)
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

		if (uc_nearest_few_dimensions(nearest))
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
		exact = uc_nearest_exact(nearest, row, nearest->labels[row]);
		distance = (float) sqrt(exact * nearest->exact_scale) * UC_UP + slack;
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

/*
 * Among the part's centroids whose scores are within the limit, and the current label, the nearest by the exact
 * kernel.
 */
static int32_t
settle(UcNearest *nearest, UcNearestScratch *scratch, int column, int first, int count, const float *tile,
	   const float *offset, float limit)
{
	int			position = scratch->positions[column];
	size_t		row = scratch->rows[position];
	int32_t		best = nearest->labels[row];

	if (best >= 0 && scratch->exact[position] < 0)
		scratch->exact[position] = uc_nearest_exact(nearest, row, best);
	for (int j = 0; j < count; j++)
	{
		int32_t		candidate = first + j;
		double		exact;

		if (tile[j * UC_BLOCK_ROWS + column] + offset[j] > limit || candidate == nearest->labels[row])
			continue;
		exact = uc_nearest_exact(nearest, row, candidate);
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
take_scores(UcNearest *nearest, UcNearestScratch *scratch, int column, int first, int count, const float *tile,
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
fill_tile(UcNearest *nearest, UcNearestScratch *scratch, const float *rows, int row_count, int first, int count)
{
	size_t		dim = nearest->points->dim;
	const float *centroids = nearest->centroids + (size_t) first * dim;

	if (uc_nearest_few_dimensions(nearest))
		uc_score_kernels()->distances(scratch->gathered, centroids, dim, (size_t) count, scratch->tile);
	else
		uc_sgemm_nt((size_t) count, (size_t) row_count, dim, -2, centroids, dim, rows, dim, 0, scratch->tile,
					UC_BLOCK_ROWS);
}

/* Brings the rows of scratch->positions together; returns where they lie, which is in x where they are neighbours. */
static const float *
gather(UcNearest *nearest, UcNearestScratch *scratch, int count)
{
	size_t		dim = nearest->points->dim;
	size_t		first = scratch->rows[scratch->positions[0]],
				last = scratch->rows[scratch->positions[count - 1]];

	if (uc_nearest_few_dimensions(nearest))
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
score_groups(UcNearest *nearest, UcNearestScratch *scratch, int row_count, int first_group, int end_group,
			 UcSection *section)
{
	const UcScoreKernels *kernels = uc_score_kernels();
	const float *offsets = uc_nearest_few_dimensions(nearest) ? nearest->zeros : nearest->squares;
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

void
uc_nearest_assign_block(UcNearest *nearest, UcNearestScratch *scratch, size_t begin, size_t end, UcSection *section)
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
				*uc_nearest_lower(nearest, scratch->rows[position], g) = INFINITY;
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
