/*
 * match.c
 *	  Optimal matching by shortest augmenting paths.
 *
 * The smaller set ("few") joins one member at a time. A path from the new one to a free member of the larger set ("many")
 * that costs least, in costs reduced by the potentials, is found as by Dijkstra, and the pairs along it change places.
 */
#include "cluster/match.h"

#include <math.h>
#include <stdbool.h>

#include "base/memory.h"

#define FREE (-1)
#define TRIES 4				/* of each member before searches begin */

typedef struct Matching
{
	const double *benefit;
	size_t		few;
	size_t		many;
	size_t		few_stride;		/* of benefit, from one member of the smaller set to the next */
	size_t		many_stride;
	double	   *few_potential;	/* [few] */
	double	   *many_potential; /* [many] */
	int32_t    *partner;		/* [many] the member of the smaller set, or FREE */

	/* one search */
	double	   *distance;		/* [many] cost of the cheapest path found so far */
	int32_t    *before;			/* [many] the previous one of the larger set on it; FREE: the path begins here */
	bool	   *settled;		/* [many] */
} Matching;

static double
cost(const Matching *m, size_t few, size_t many)
{
	return -m->benefit[few * m->few_stride + many * m->many_stride];
}

/* Distances after one more step from the member `few`, which is `base` away from where the path begins. */
static void
relax(Matching *m, size_t few, int32_t from, double base)
{
	for (size_t j = 0; j < m->many; j++)
	{
		double		d;

		if (m->settled[j])
			continue;
		d = base + cost(m, few, j) - m->few_potential[few] - m->many_potential[j];
		if (d < m->distance[j])
		{
			m->distance[j] = d;
			m->before[j] = from;
		}
	}
}

/* Among equally near ones a free one, which ends the search. */
static int32_t
nearest_unsettled(const Matching *m)
{
	int32_t		nearest = FREE;

	for (size_t j = 0; j < m->many; j++)
	{
		if (m->settled[j])
			continue;
		if (nearest == FREE || m->distance[j] < m->distance[nearest] ||
			(m->distance[j] == m->distance[nearest] && m->partner[j] == FREE && m->partner[nearest] != FREE))
			nearest = (int32_t) j;
	}
	return nearest;
}

/*
 * The member of the larger set that costs `few` least; `gap` is how much more the next one costs. Infinite where there is no
 * other one.
 */
static size_t
cheapest(const Matching *m, size_t few, double *gap, double *least)
{
	double		first = INFINITY,
				second = INFINITY;
	size_t		which = 0;

	for (size_t j = 0; j < m->many; j++)
	{
		double		d = cost(m, few, j) - m->many_potential[j];

		if (d < first)
		{
			second = first;
			first = d;
			which = j;
		}
		else if (d < second)
			second = d;
	}
	*gap = second - first;
	*least = first;
	return which;
}

/*
 * Pairs most members without a search (augmenting row reduction): each takes its cheapest, which grows dearer for others by as
 * much as this one would lose with its second. Who is driven out tries again at once, unless it loses nothing.
 */
static UcStatus
reduce(Matching *m, bool *paired, const UcRun *run, UcError *err)
{
	size_t		steps = TRIES * m->few;

	for (size_t start = 0; start < m->few; start++)
	{
		size_t		few = start;

		while (steps > 0)
		{
			double		gap,
						least;
			size_t		j = cheapest(m, few, &gap, &least);
			int32_t		driven_out = m->partner[j];

			steps--;
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
			if (driven_out != FREE && gap == 0)
				break;
			if (driven_out != FREE)
			{
				/* what is free must cost what it always has */
				if (isinf(gap))
					break;
				m->many_potential[j] -= gap;
				least += gap;
				paired[driven_out] = false;
			}
			m->partner[j] = (int32_t) few;
			m->few_potential[few] = least;
			paired[few] = true;
			if (driven_out == FREE)
				break;
			few = (size_t) driven_out;
		}
	}
	return UC_OK;
}

/* Pairs one more member of the smaller set. */
static UcStatus
augment(Matching *m, size_t start, const UcRun *run, UcError *err)
{
	size_t		few = start;
	int32_t		end = FREE;
	double		length;

	for (size_t j = 0; j < m->many; j++)
	{
		m->distance[j] = INFINITY;
		m->settled[j] = false;
	}
	relax(m, start, FREE, 0);
	for (;;)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		end = nearest_unsettled(m);
		if (m->partner[end] == FREE)
			break;
		m->settled[end] = true;
		few = (size_t) m->partner[end];
		relax(m, few, end, m->distance[end]);
	}

	length = m->distance[end];
	m->few_potential[start] += length;
	for (size_t j = 0; j < m->many; j++)
		if (m->settled[j])
		{
			m->few_potential[m->partner[j]] += length - m->distance[j];
			m->many_potential[j] -= length - m->distance[j];
		}
	for (int32_t j = end; j != FREE; j = m->before[j])
		m->partner[j] = m->before[j] == FREE ? (int32_t) start : m->partner[m->before[j]];
	return UC_OK;
}

size_t
uc_match_memory(size_t rows, size_t columns)
{
	size_t		few = rows < columns ? rows : columns,
				many = rows < columns ? columns : rows;

	return uc_size_add(uc_size_mul(few, sizeof(double) + sizeof(bool)),
					   uc_size_mul(many, 2 * sizeof(double) + 2 * sizeof(int32_t) + sizeof(bool)));
}

static UcStatus
check_finite(const double *benefit, size_t rows, size_t columns, UcError *err)
{
	for (size_t i = 0; i < rows * columns; i++)
		if (!isfinite(benefit[i]))
		{
			uc_error(err, UC_INVALID_DATA, "a benefit is not finite");
			uc_error_detail(err, "It is that of row %zu and column %zu.", i / columns + 1, i % columns + 1);
			return UC_INVALID_DATA;
		}
	return UC_OK;
}

UcStatus
uc_match(const double *benefit, size_t rows, size_t columns, const UcRun *run, int32_t *match, UcError *err)
{
	bool		transposed = rows > columns;
	Matching	m = {
		.benefit = benefit,
		.few = transposed ? columns : rows,.many = transposed ? rows : columns,
		.few_stride = transposed ? 1 : columns,.many_stride = transposed ? columns : 1
	};
	bool	   *paired;
	UcStatus	status = uc_check_budget("matching clusters", uc_match_memory(rows, columns), run->max_memory, err);

	for (size_t i = 0; i < rows; i++)
		match[i] = FREE;
	if (status != UC_OK || m.few == 0)
		return status;
	status = check_finite(benefit, rows, columns, err);
	if (status != UC_OK)
		return status;

	m.few_potential = uc_alloc_zeroed(m.few * sizeof(double));
	m.many_potential = uc_alloc_zeroed(m.many * sizeof(double));
	m.partner = uc_alloc(m.many * sizeof(int32_t));
	m.distance = uc_alloc(m.many * sizeof(double));
	m.before = uc_alloc(m.many * sizeof(int32_t));
	m.settled = uc_alloc(m.many * sizeof(bool));
	paired = uc_alloc_zeroed(m.few * sizeof(bool));
	if (m.few_potential == NULL || m.many_potential == NULL || m.partner == NULL || m.distance == NULL ||
		m.before == NULL || m.settled == NULL || paired == NULL)
		status = uc_out_of_memory(err, uc_match_memory(rows, columns));
	for (size_t j = 0; status == UC_OK && j < m.many; j++)
		m.partner[j] = FREE;
	if (status == UC_OK)
		status = reduce(&m, paired, run, err);
	for (size_t i = 0; status == UC_OK && i < m.few; i++)
		if (!paired[i])
			status = augment(&m, i, run, err);
	for (size_t j = 0; status == UC_OK && j < m.many; j++)
	{
		if (transposed)
			match[j] = m.partner[j];
		else if (m.partner[j] != FREE)
			match[m.partner[j]] = (int32_t) j;
	}
	uc_free(m.few_potential);
	uc_free(m.many_potential);
	uc_free(m.partner);
	uc_free(m.distance);
	uc_free(m.before);
	uc_free(m.settled);
	uc_free(paired);
	return status;
}
