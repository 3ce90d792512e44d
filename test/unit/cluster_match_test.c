/*
 * Optimal matching against trying every way, and the assignment of rows to given centroids.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "cluster/assign.h"
#include "cluster/match.h"

#define LARGEST 7
#define LARGE 400

static uint64_t state = 11;
static const UcRun run = {.threads = 2,.max_memory = (size_t) 1 << 30};

static double
uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double) (state >> 11) / 9007199254740992.0;
}

/* The most that rows from `row` on can add, with the columns in `taken` gone; `skips` rows may stay alone. */
static double
best_of_all(const double *benefit, size_t rows, size_t columns, size_t row, unsigned taken, size_t skips)
{
	double		best = -INFINITY;

	if (row == rows)
		return 0;
	if (skips > 0)
		best = best_of_all(benefit, rows, columns, row + 1, taken, skips - 1);
	for (size_t j = 0; j < columns; j++)
		if (!(taken & (1u << j)))
			best = fmax(best, benefit[row * columns + j] +
						best_of_all(benefit, rows, columns, row + 1, taken | (1u << j), skips));
	return best;
}

/* The sum of a matching that pairs the smaller set completely and nobody twice; NaN for any other. */
static double
sum_of(const double *benefit, size_t rows, size_t columns, const int32_t *match)
{
	bool		taken[LARGE] = {false};
	size_t		pairs = 0;
	double		sum = 0;

	for (size_t i = 0; i < rows; i++)
	{
		if (match[i] < 0)
			continue;
		if ((size_t) match[i] >= columns || taken[match[i]])
			return NAN;
		taken[match[i]] = true;
		pairs++;
		sum += benefit[i * columns + match[i]];
	}
	return pairs == (rows < columns ? rows : columns) ? sum : NAN;
}

static void
test_refusals(void)
{
	double		benefit[4] = {1, NAN, 0, 1};
	int32_t		match[2];
	UcRun		poor = {.threads = 1,.max_memory = 8};
	UcError		err;

	CHECK_REFUSED(uc_match(benefit, 2, 2, &run, match, &err), UC_INVALID_DATA, &err, "not finite", "NaN is refused");
	CHECK(strstr(err.detail, "row 1 and column 2") != NULL, "with its place");
	benefit[1] = 0;
	CHECK_REFUSED(uc_match(benefit, 2, 2, &poor, match, &err), UC_MEMORY_LIMIT, &err, "matching", "too little memory");
}

static void
test_small(void)
{
	double		benefit[LARGEST * LARGEST];
	int32_t		match[LARGEST];
	UcError		err;
	int			wrong = 0;

	for (int trial = 0; trial < 3000; trial++)
	{
		size_t		rows = 1 + (size_t) (uniform() * LARGEST),
					columns = 1 + (size_t) (uniform() * (rows < 6 ? LARGEST : 6));
		double		found,
					best;

		/* every other trial has many ties and negative numbers */
		for (size_t i = 0; i < rows * columns; i++)
			benefit[i] = trial % 2 == 0 ? uniform() : floor(uniform() * 5) - 2;
		if (uc_match(benefit, rows, columns, &run, match, &err) != UC_OK)
			wrong++;
		found = sum_of(benefit, rows, columns, match);
		best = best_of_all(benefit, rows, columns, 0, 0, rows > columns ? rows - columns : 0);
		wrong += !(fabs(found - best) < 1e-9);
	}
	CHECK(wrong == 0, "3000 matchings of up to 7 by 7 are as good as the best of all (%d are not)", wrong);
	CHECK(uc_match(benefit, 0, 3, &run, match, &err) == UC_OK, "no rows");
	match[0] = match[1] = 5;
	CHECK(uc_match(benefit, 2, 0, &run, match, &err) == UC_OK && match[0] == -1 && match[1] == -1, "no columns");
}

/* Row i belongs to column (i * 7) % n, whatever noise there is. */
static void
test_large(void)
{
	double	   *benefit = malloc(sizeof(double) * LARGE * LARGE);
	int32_t		match[LARGE];
	UcError		err;
	int			right = 0;

	for (size_t i = 0; i < LARGE; i++)
		for (size_t j = 0; j < LARGE; j++)
			benefit[i * LARGE + j] = uniform() + (j == i * 7 % LARGE ? 2 : 0);
	CHECK(uc_match(benefit, LARGE, LARGE, &run, match, &err) == UC_OK, "400 by 400");
	for (size_t i = 0; i < LARGE; i++)
		right += match[i] == (int32_t) (i * 7 % LARGE);
	CHECK(right == LARGE, "finds the permutation that was hidden (%d of %d)", right, LARGE);
	free(benefit);
}

static bool
stop(void *arg)
{
	return true;
}

static void
test_interrupt(void)
{
	UcRun		stopped = {.threads = 1,.max_memory = 1 << 20,.interrupted = stop};
	double		benefit = 1;
	float		x = 1;
	int32_t		match;
	double		d,
				m;
	UcAssignment out = {&match, &d, &m};
	UcError		err;

	CHECK(uc_match(&benefit, 1, 1, &stopped, &match, &err) == UC_INTERRUPTED, "matching stops when asked to");
	CHECK(uc_assign(&x, 1, 1, &x, 1, UC_METRIC_COSINE, &stopped, &out, &err) == UC_INTERRUPTED, "assigning too");
}

static void
test_assign(void)
{
	static const float centroids[6] = {1, 0, 0, 2, 3, 4};
	static const float rows[8] = {2, 0, 0, 1, 3, 4.1f, 0, 0};
	int32_t		labels[4];
	double		distances[4],
				margins[4];
	UcAssignment out = {labels, distances, margins};
	UcError		err;

	CHECK_REFUSED(uc_assign(rows, 4, 2, centroids, 3, UC_METRIC_COSINE, &run, &out, &err), UC_INVALID_DATA, &err,
				  "no direction", "a row without direction is refused");
	CHECK_REFUSED(uc_assign(rows, 3, 2, rows + 2, 3, UC_METRIC_COSINE, &run, &out, &err), UC_INVALID_DATA, &err,
				  "centroid 3", "a centroid without direction too");
	CHECK(uc_assign(rows, 3, 2, centroids, 3, UC_METRIC_COSINE, &run, &out, &err) == UC_OK &&
		  labels[0] == 0 && labels[1] == 1 && labels[2] == 2, "cosine: the nearest by direction");
	CHECK(fabs(distances[0]) < 1e-12 && fabs(margins[0] - .4) < 1e-7 && fabs(margins[1] - .2) < 1e-7,
		  "the margin is the way from the nearest to the next");
	CHECK(uc_assign(rows, 4, 2, centroids, 3, UC_METRIC_EUCLIDEAN, &run, &out, &err) == UC_OK &&
		  labels[3] == 0 && fabs(distances[3] - 1) < 1e-12 && fabs(margins[3] - 1) < 1e-12, "euclidean distances");
	CHECK(uc_assign(rows, 4, 2, centroids, 1, UC_METRIC_EUCLIDEAN, &run, &out, &err) == UC_OK &&
		  labels[2] == 0 && isnan(margins[2]), "with one centroid there is no margin");
}

int
main(void)
{
	test_refusals();
	test_small();
	test_large();
	test_interrupt();
	test_assign();
	return check_done();
}
