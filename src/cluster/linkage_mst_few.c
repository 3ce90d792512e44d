/*
 * linkage_mst_few.c
 *	  Prim's algorithm over rows of few dimensions, whose distances cost less than looking at them.
 *
 * Each step measures squared distances and compares them with bounds, which a compiler does several at a time. Only where
 * one is below its bound is a root drawn and the nearest row noted; that becomes rare soon. Every block of rows remembers
 * its nearest row, and looks for another one when that has changed.
 */
#include <math.h>

#include "base/memory.h"
#include "cluster/linkage_mst_few.h"

#define BLOCK 512
#define POLL_WORK 3e7			/* multiplications between two looks at the interrupt */
#define SLACK (1 + 1e-12)		/* more than squaring and the root can round away */

typedef struct Block
{
	double		least;			/* of `nearest`, among rows that are not reached */
	size_t		row;			/* the first one with it */
	size_t		left;			/* rows that are not reached */
} Block;

typedef struct Few
{
	const UcPairwise *pairwise;
	const double *core;			/* or NULL */
	double	   *nearest;		/* [rows] to what is reached */
	double	   *bound;			/* [rows] a squared distance above it is not nearer; -1: reached */
	int32_t    *from;			/* [rows] over this row */
	Block	   *blocks;			/* [block_count] */
	size_t		block_count;
} Few;

static size_t
count_blocks(size_t rows)
{
	return rows / BLOCK + 1;
}

size_t
uc_spanning_tree_few_memory(size_t rows)
{
	return uc_size_add(uc_size_mul(rows, 2 * sizeof(double) + sizeof(int32_t)),
					   uc_size_mul(count_blocks(rows), sizeof(Block)));
}

static size_t
block_end(const Few *few, size_t block)
{
	size_t		rows = few->pairwise->points.rows,
				end = (block + 1) * BLOCK;

	return end < rows ? end : rows;
}

static void
find_least(Few *few, size_t block)
{
	Block	   *found = &few->blocks[block];

	found->least = INFINITY;
	for (size_t i = block * BLOCK; i < block_end(few, block); i++)
		if (few->bound[i] >= 0 && few->nearest[i] < found->least)
		{
			found->least = few->nearest[i];
			found->row = i;
		}
}

static bool
any_within(const double *restrict squares, const double *restrict bounds, size_t count)
{
	int64_t		any = 0;

	for (size_t j = 0; j < count; j++)
		any |= squares[j] <= bounds[j];
	return any != 0;
}

/* What is now nearer over `row`; returns whether anything is. */
static bool
reach_block(Few *few, size_t row, size_t block)
{
	double		squares[BLOCK];
	size_t		begin = block * BLOCK,
				end = block_end(few, block);
	bool		changed = false;

	uc_pairwise_squares(few->pairwise, row, begin, end, squares);
	if (!any_within(squares, few->bound + begin, end - begin))
		return false;
	for (size_t i = begin; i < end; i++)
	{
		double		apart;

		if (!(squares[i - begin] <= few->bound[i]))
			continue;
		apart = sqrt(squares[i - begin]);
		if (few->core != NULL)
			apart = fmax(apart, fmax(few->core[i], few->core[row]));
		if (apart < few->nearest[i])
		{
			few->nearest[i] = apart;
			few->bound[i] = apart * apart * SLACK;
			few->from[i] = (int32_t) row;
			changed = true;
		}
	}
	return changed;
}

/* Reaches out from `row`; returns the row that is nearest to all that are reached, the first among equals. */
static size_t
step(Few *few, size_t row)
{
	double		best = INFINITY;
	size_t		found = row;

	few->bound[row] = -1;
	few->blocks[row / BLOCK].left--;
	for (size_t block = 0; block < few->block_count; block++)
	{
		Block	   *here = &few->blocks[block];

		if (here->left == 0)
			continue;
		if (reach_block(few, row, block) || block == row / BLOCK)
			find_least(few, block);
		if (here->least < best)
		{
			best = here->least;
			found = here->row;
		}
	}
	return found;
}

static UcStatus
grow(Few *few, UcMerge *edges, const UcRun *run, UcError *err)
{
	const UcPoints *points = &few->pairwise->points;
	double		step_work = (double) points->rows * (double) points->dim;
	double		work = 0;
	size_t		row = 0;

	for (size_t i = 0; i < points->rows; i++)
		few->nearest[i] = few->bound[i] = INFINITY;
	for (size_t block = 0; block < few->block_count; block++)
		few->blocks[block].left = block_end(few, block) - block * BLOCK;
	uc_progress_phase(run, "growing the tree", points->rows - 1);
	for (size_t i = 0; i + 1 < points->rows; i++)
	{
		row = step(few, row);
		edges[i] = (UcMerge) {.left = few->from[row],.right = (int32_t) row,.height = few->nearest[row]};
		if ((work += step_work) >= POLL_WORK)
		{
			work = 0;
			uc_progress_done(run, i + 1);
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
		}
	}
	uc_progress_done(run, SIZE_MAX);
	return UC_OK;
}

UcStatus
uc_spanning_tree_few(const UcPairwise *pairwise, const double *core, UcMerge *edges, const UcRun *run, UcError *err)
{
	size_t		rows = pairwise->points.rows;
	size_t		bytes = uc_spanning_tree_few_memory(rows);
	Few			few = {.pairwise = pairwise,.core = core,.block_count = count_blocks(rows)};
	UcStatus	status;

	few.blocks = uc_alloc_zeroed(bytes);
	if (few.blocks == NULL)
		return uc_out_of_memory(err, bytes);
	few.nearest = (double *) (few.blocks + few.block_count);
	few.bound = few.nearest + rows;
	few.from = (int32_t *) (few.bound + rows);
	status = grow(&few, edges, run, err);
	uc_free(few.blocks);
	return status;
}
