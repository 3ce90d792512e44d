/*
 * distil_ridge.c
 *	  Conjugate gradients for some columns at a time.
 */
#include "embed/distil_ridge.h"

#include <string.h>

#include "base/memory.h"

#define COLUMNS 32				/* that one task solves: their row is two cache lines */
#define STEPS 100				/* at most */
#define TOLERANCE 1e-8			/* of the squared residual */
#define POLLED 4096				/* rows between two polls: some milliseconds */

/* One task. Matrices are [rows, COLUMNS], `t` is [columns, COLUMNS]. */
typedef struct Solver
{
	const UcRidge *ridge;
	UcSection  *section;
	int			worker;
	float	   *x,
			   *r,
			   *p,
			   *q,
			   *t;
	double		norms[COLUMNS];
	double		goals[COLUMNS];
} Solver;

static size_t
block_floats(size_t rows, size_t columns)
{
	return uc_size_mul(uc_size_add(uc_size_mul(4, rows), columns), COLUMNS);
}

static size_t
count_tasks(size_t dim)
{
	return (dim + COLUMNS - 1) / COLUMNS;
}

size_t
uc_ridge_memory(size_t rows, size_t columns, size_t dim, const UcRun *run)
{
	size_t		tasks = count_tasks(dim),
				threads = run->threads < 1 ? 1 : (size_t) run->threads;

	return uc_size_mul(uc_size_mul(block_floats(rows, columns), sizeof(float)), threads < tasks ? threads : tasks);
}

/* True: the work is to end. */
static bool
stopped(const Solver *s, size_t row)
{
	return row % POLLED == 0 && uc_section_stopped(s->section, s->worker);
}

/* t = Aᵀ·x */
static bool
spread(const Solver *s, const float *x)
{
	const UcRidge *ridge = s->ridge;

	memset(s->t, 0, ridge->columns * COLUMNS * sizeof *s->t);
	for (size_t i = 0; i < ridge->rows; i++)
	{
		if (stopped(s, i))
			return false;
		for (size_t k = ridge->starts[i]; k < ridge->starts[i + 1]; k++)
		{
			float	   *to = s->t + (size_t) ridge->ids[k] * COLUMNS;

			for (int j = 0; j < COLUMNS; j++)
				to[j] += ridge->values[k] * x[i * COLUMNS + j];
		}
	}
	return true;
}

/* q = (A·Aᵀ + λI)·p, and p·q of each column. */
static bool
apply(const Solver *s, double *curvature)
{
	const UcRidge *ridge = s->ridge;

	if (!spread(s, s->p))
		return false;
	for (size_t i = 0; i < ridge->rows; i++)
	{
		float	   *row = s->q + i * COLUMNS;

		if (stopped(s, i))
			return false;
		for (int j = 0; j < COLUMNS; j++)
			row[j] = (float) ridge->penalty * s->p[i * COLUMNS + j];
		for (size_t k = ridge->starts[i]; k < ridge->starts[i + 1]; k++)
			for (int j = 0; j < COLUMNS; j++)
				row[j] += ridge->values[k] * s->t[(size_t) ridge->ids[k] * COLUMNS + j];
		for (int j = 0; j < COLUMNS; j++)
			curvature[j] += (double) row[j] * s->p[i * COLUMNS + j];
	}
	return true;
}

/* One step for each column; false: all have come to an end, or the work is to. */
static bool
step(Solver *s)
{
	double		lengths[COLUMNS] = {0},
				next[COLUMNS] = {0};
	bool		more = false;

	if (!apply(s, lengths))
		return false;
	for (int j = 0; j < COLUMNS; j++)
		lengths[j] = s->norms[j] > s->goals[j] && lengths[j] > 0 ? s->norms[j] / lengths[j] : 0;
	for (size_t i = 0; i < s->ridge->rows; i++)
		for (int j = 0; j < COLUMNS; j++)
		{
			size_t		at = i * COLUMNS + (size_t) j;

			s->x[at] += (float) lengths[j] * s->p[at];
			s->r[at] -= (float) lengths[j] * s->q[at];
			next[j] += (double) s->r[at] * s->r[at];
		}
	for (size_t i = 0; i < s->ridge->rows; i++)
		for (int j = 0; j < COLUMNS; j++)
		{
			size_t		at = i * COLUMNS + (size_t) j;

			s->p[at] = s->r[at] + (s->norms[j] > 0 ? (float) (next[j] / s->norms[j]) : 0) * s->p[at];
		}
	for (int j = 0; j < COLUMNS; j++)
	{
		s->norms[j] = next[j];
		more = more || next[j] > s->goals[j];
	}
	return more;
}

/* Columns of V: those of the task. */
static UcStatus
solve(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const UcRidge *ridge = arg;
	size_t		n = ridge->rows * COLUMNS,
				first = task * COLUMNS,
				width = ridge->dim - first < COLUMNS ? ridge->dim - first : COLUMNS,
				bytes = uc_size_mul(block_floats(ridge->rows, ridge->columns), sizeof(float));
	float	   *block = uc_alloc_zeroed(bytes);
	Solver		s = {.ridge = ridge,.section = section,.worker = worker};

	if (block == NULL)
		return uc_out_of_memory(err, bytes);
	s.x = block;
	s.r = s.x + n;
	s.p = s.r + n;
	s.q = s.p + n;
	s.t = s.q + n;
	for (size_t i = 0; i < ridge->rows; i++)
		for (size_t j = 0; j < width; j++)
		{
			float		value = ridge->target[i * ridge->dim + first + j];

			s.r[i * COLUMNS + j] = s.p[i * COLUMNS + j] = value;
			s.norms[j] += (double) value * value;
		}
	for (int j = 0; j < COLUMNS; j++)
		s.goals[j] = TOLERANCE * s.norms[j];
	for (int i = 0; i < STEPS && step(&s);)
		i++;
	if (spread(&s, s.x))
		for (size_t i = 0; i < ridge->columns; i++)
			memcpy(ridge->out + i * ridge->dim + first, s.t + i * COLUMNS, width * sizeof(float));
	uc_free(block);
	return UC_OK;
}

UcStatus
uc_ridge_fit(const UcRidge *ridge, const UcRun *run, UcError *err)
{
	UcRidge		given = *ridge;

	return uc_parallel_phase(run, ridge->phase, ridge->columns, count_tasks(ridge->dim), solve, &given, err);
}
