/*
 * linkage_mst.c
 *	  Prim's algorithm over a matrix of distances, or over rows of distances measured as they are needed.
 */
#include <math.h>

#include "base/memory.h"
#include "cluster/linkage_mst.h"
#include "cluster/linkage_mst_few.h"

#define POLL_WORK 3e7			/* multiplications between two looks at the interrupt */

typedef struct Prim
{
	const UcPairwise *pairwise;
	const double *core;			/* or NULL */
	double	   *matrix;			/* or NULL */
	double	   *distances;		/* [rows] from the row last reached, where there is no matrix */
	double	   *nearest;		/* [rows] to what is reached */
	int32_t    *from;			/* [rows] over this row */
	uint8_t    *reached;		/* [rows] */
} Prim;

size_t
uc_spanning_tree_memory(size_t rows, bool matrix)
{
	size_t		arrays = uc_size_mul(rows, 2 * sizeof(double) + sizeof(int32_t) + 1);

	if (arrays < uc_spanning_tree_few_memory(rows))
		arrays = uc_spanning_tree_few_memory(rows);
	return matrix ? uc_size_add(arrays, uc_size_mul(uc_pair_count(rows), sizeof(double))) : arrays;
}

/* Reaches out from `row`; returns the row that is nearest to all that are reached, the first among equals. */
static size_t
step(Prim *prim, size_t row)
{
	size_t		rows = prim->pairwise->points.rows;
	size_t		found = rows;
	double		best = INFINITY;

	prim->reached[row] = 1;
	if (prim->matrix == NULL)
		uc_pairwise_row(prim->pairwise, row, prim->reached, prim->distances);
	for (size_t i = 0; i < rows; i++)
	{
		double		apart;

		if (prim->matrix != NULL && i % UC_PAIR_GROUP == 0 && i + UC_PAIR_AHEAD < row)
			__builtin_prefetch(prim->matrix + uc_pair(rows, i + UC_PAIR_AHEAD, row));
		if (prim->reached[i])
			continue;
		if (prim->matrix == NULL)
			apart = prim->distances[i];
		else
			apart = prim->matrix[i < row ? uc_pair(rows, i, row) : uc_pair(rows, row, i)];
		if (prim->core != NULL)
			apart = fmax(apart, fmax(prim->core[i], prim->core[row]));
		if (apart < prim->nearest[i])
		{
			prim->nearest[i] = apart;
			prim->from[i] = (int32_t) row;
		}
		if (prim->nearest[i] < best)
		{
			best = prim->nearest[i];
			found = i;
		}
	}
	return found;
}

static UcStatus
grow(Prim *prim, UcMerge *edges, const UcRun *run, UcError *err)
{
	const UcPoints *points = &prim->pairwise->points;
	double		step_work = (double) points->rows * (prim->matrix == NULL ? (double) points->dim : 4);
	double		work = 0;
	size_t		row = 0;

	for (size_t i = 0; i < points->rows; i++)
	{
		prim->nearest[i] = INFINITY;
		prim->reached[i] = 0;
	}
	uc_progress_phase(run, "growing the tree", points->rows - 1);
	for (size_t i = 0; i + 1 < points->rows; i++)
	{
		row = step(prim, row);
		edges[i].left = prim->from[row];
		edges[i].right = (int32_t) row;
		edges[i].height = prim->nearest[row];
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
uc_spanning_tree(const UcPairwise *pairwise, const double *core, bool matrix, UcMerge *edges, const UcRun *run,
				 UcError *err)
{
	size_t		rows = pairwise->points.rows;
	size_t		bytes = uc_size_mul(rows, 2 * sizeof(double) + sizeof(int32_t) + 1);
	size_t		matrix_bytes = uc_size_mul(uc_pair_count(rows), sizeof(double));
	Prim		prim = {.pairwise = pairwise,.core = core};
	UcStatus	status = UC_OK;

	if (pairwise->columns != NULL && !matrix)
		return uc_spanning_tree_few(pairwise, core, edges, run, err);
	prim.distances = uc_alloc(bytes);
	if (prim.distances == NULL)
		return uc_out_of_memory(err, bytes);
	prim.nearest = prim.distances + rows;
	prim.from = (int32_t *) (prim.nearest + rows);
	prim.reached = (uint8_t *) (prim.from + rows);
	if (matrix && matrix_bytes > 0)
	{
		prim.matrix = uc_alloc(matrix_bytes);
		status = prim.matrix == NULL ? uc_out_of_memory(err, matrix_bytes) :
			uc_pairwise_matrix(pairwise, prim.matrix, run, err);
	}
	if (status == UC_OK)
		status = grow(&prim, edges, run, err);
	uc_free(prim.matrix);
	uc_free(prim.distances);
	return status;
}
