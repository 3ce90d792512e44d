/*
 * exchange.c
 *	  Hartigan's exchange of single rows (https://doi.org/10.2307/2346830, its optimal-transfer stage without the
 *	  shortcuts).
 *
 * As in refine.c a cluster's inertia is that of its rows about the origin less its worth, |S|²/n or |S| of the sum S
 * of its n rows; a row goes where the sum of the worths rises most.
 */
#include "cluster/exchange.h"

#include <math.h>

#include "base/memory.h"

#define MOST_WORK 2e6			/* multiplications of one round over the rows: a few milliseconds */
#define MOST_ROUNDS 20

static double
worth(const UcLloyd *lloyd, double sum_square, double mass)
{
	if (!(mass > 0))
		return 0;
	sum_square = fmax(0, sum_square);
	return lloyd->points->metric == UC_METRIC_COSINE ? sqrt(sum_square) : sum_square / mass;
}

static double
product(const double *sum, const float *x, size_t dim)
{
	double		total = 0;

	for (size_t i = 0; i < dim; i++)
		total += sum[i] * x[i];
	return total;
}

static double
square_of_sum(const UcLloyd *lloyd, int j)
{
	size_t		dim = lloyd->points->dim;
	const double *sum = lloyd->sums + (size_t) j * dim;
	double		total = 0;

	for (size_t i = 0; i < dim; i++)
		total += sum[i] * sum[i];
	return total;
}

/* Where the row is best off; its own cluster unless another is better by more than rounding. */
static int
best_cluster(const UcLloyd *lloyd, const double *squares, size_t row)
{
	size_t		dim = lloyd->points->dim;
	const float *x = lloyd->points->x + row * dim;
	double		weight = uc_row_weight(lloyd->points, row),
				square = weight * weight * lloyd->points->squares[row];
	int			own = lloyd->previous[row],
				best = own;
	double		without = squares[own] - 2 * weight * product(lloyd->sums + (size_t) own * dim, x, dim) + square,
				own_mass = uc_lloyd_mass(lloyd, own),
				stays = worth(lloyd, squares[own], own_mass) - worth(lloyd, without, own_mass - weight),
				most = stays + 1e-6 * (weight * lloyd->points->squares[row] + fabs(stays));

	if (lloyd->counts[own] < 2 || weight == 0)
		return own;
	for (int j = 0; j < lloyd->nearest.k; j++)
	{
		double		with,
					goes;

		if (j == own)
			continue;
		with = squares[j] + 2 * weight * product(lloyd->sums + (size_t) j * dim, x, dim) + square;
		goes = worth(lloyd, with, uc_lloyd_mass(lloyd, j) + weight) - worth(lloyd, squares[j], uc_lloyd_mass(lloyd, j));
		if (goes > most)
		{
			most = goes;
			best = j;
		}
	}
	return best;
}

static size_t
one_round(UcLloyd *lloyd, double *squares)
{
	size_t		moved = 0;

	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		int			from = lloyd->previous[row],
					to = best_cluster(lloyd, squares, row);

		if (to == from)
			continue;
		uc_lloyd_move_row(lloyd, row, from, to);
		squares[from] = square_of_sum(lloyd, from);
		squares[to] = square_of_sum(lloyd, to);
		moved++;
	}
	return moved;
}

UcStatus
uc_exchange_rows(UcLloyd *lloyd, size_t *moved, const UcRun *run, UcError *err)
{
	size_t		k = (size_t) lloyd->nearest.k,
				in_round = 1;
	double	   *squares;

	*moved = 0;
	if ((double) lloyd->points->rows * (double) lloyd->points->dim * (double) k > MOST_WORK)
		return UC_OK;
	squares = uc_alloc(k * sizeof(double));
	if (squares == NULL)
		return uc_out_of_memory(err, k * sizeof(double));
	for (int j = 0; j < lloyd->nearest.k; j++)
		squares[j] = square_of_sum(lloyd, j);
	for (int round = 0; round < MOST_ROUNDS && in_round > 0; round++)
	{
		if (uc_interrupted(run))
		{
			uc_free(squares);
			return uc_interrupt_error(err);
		}
		in_round = one_round(lloyd, squares);
		*moved += in_round;
	}
	uc_free(squares);
	return UC_OK;
}
