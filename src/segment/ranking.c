/*
 * ranking.c
 *	  Measures of ranked lists, and the bootstrap.
 */
#include "segment/ranking.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

#define RESAMPLES 1000

static int
contains(const int32_t *kept, size_t count, int32_t item)
{
	size_t		low = 0,
				high = count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (kept[middle] == item)
			return 1;
		if (kept[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

void
uc_ranking_measure(const int32_t *list, size_t count, size_t n, const int32_t *kept, size_t kept_count,
				   double measures[UC_RANKING_MEASURES])
{
	double		gain = 0,
				best = 0,
				first = 0;
	size_t		hits = 0;

	for (size_t i = 0; i < count && i < n; i++)
		if (contains(kept, kept_count, list[i]))
		{
			hits++;
			gain += 1 / log2((double) i + 2);
			if (first == 0)
				first = 1 / (double) (i + 1);
		}
	for (size_t i = 0; i < kept_count && i < n; i++)
		best += 1 / log2((double) i + 2);
	measures[UC_HIT] = hits > 0;
	measures[UC_PRECISION] = (double) hits / (double) n;
	measures[UC_RECALL] = (double) hits / (double) kept_count;
	measures[UC_NDCG] = gain / best;
	measures[UC_RECIPROCAL_RANK] = first;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Means of ratios of a set that the draws choose from; NaN where the base has none. */
static double
ratio(double sum, double base, size_t count, int with_base)
{
	if (with_base)
		return base > 0 ? sum / base : NAN;
	return sum / (double) count;
}

UcStatus
uc_bootstrap(const double *values, const double *base, size_t count, uint64_t seed, const UcRun *run, UcEstimate *estimate,
			 UcError *err)
{
	double	   *drawn = uc_alloc(RESAMPLES * sizeof *drawn);
	size_t		usable = 0;
	double		sum = 0,
				base_sum = 0;
	UcRandom	random;

	if (drawn == NULL)
		return uc_out_of_memory(err, RESAMPLES * sizeof *drawn);
	for (size_t i = 0; i < count; i++)
	{
		sum += values[i];
		base_sum += base == NULL ? 0 : base[i];
	}
	*estimate = (UcEstimate) {count == 0 ? NAN : ratio(sum, base_sum, count, base != NULL), NAN, NAN};
	uc_random_seed(&random, seed, 0);
	for (int r = 0; r < RESAMPLES && count >= 2; r++)
	{
		double		part = 0,
					base_part = 0;

		if (uc_interrupted(run))
		{
			uc_free(drawn);
			return uc_interrupt_error(err);
		}
		for (size_t i = 0; i < count; i++)
		{
			size_t		pick = uc_random_below(&random, count);

			part += values[pick];
			base_part += base == NULL ? 0 : base[pick];
		}
		drawn[usable] = ratio(part, base_part, count, base != NULL);
		usable += !isnan(drawn[usable]);
	}
	if (usable > 0)
	{
		qsort(drawn, usable, sizeof *drawn, compare_doubles);
		estimate->low = drawn[(size_t) (0.025 * (double) (usable - 1) + 0.5)];
		estimate->high = drawn[(size_t) (0.975 * (double) (usable - 1) + 0.5)];
	}
	uc_free(drawn);
	return UC_OK;
}
