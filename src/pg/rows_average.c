/*
 * rows_average.c
 *	  From several rows of one key, such as the texts of one user, to one.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "base/simd.h"
#include "pg/rows.h"

/* What one key's rows add up to. */
typedef struct Sums
{
	double	   *values;			/* [dim] */
	double	   *languages;		/* [languages] weight of each */
} Sums;

static double
weight_of(const Rows *rows, size_t row, bool weighted)
{
	return weighted ? rows->weights[row] : 1;
}

/* The mean of rows [begin, end) goes to the place `to`; false where it has no direction and should have one. */
static bool
average_values(Rows *rows, size_t begin, size_t end, bool weighted, double *sums, size_t to)
{
	float	   *mean = rows->values + to * rows->dim;
	double		mass = 0;
	bool		zero = true;

	memset(sums, 0, sizeof(double) * rows->dim);
	for (size_t i = begin; i < end; i++)
	{
		mass += weight_of(rows, i, weighted);
		uc_kernels()->accumulate(sums, rows->values + i * rows->dim, weight_of(rows, i, weighted), rows->dim);
	}
	for (int j = 0; j < rows->dim; j++)
	{
		mean[j] = (float) (sums[j] / mass);
		zero = zero && mean[j] == 0;
	}
	return !(zero && rows->options.directions);
}

static int32
main_language(const Rows *rows, size_t begin, size_t end, bool weighted, double *languages)
{
	const Labels *labels = &rows->labels[ROWS_LANGUAGE];
	int32		most = -1;

	memset(languages, 0, sizeof(double) * labels->count);
	for (size_t i = begin; i < end; i++)
		if (labels->codes[i] >= 0)
			languages[labels->codes[i]] += weight_of(rows, i, weighted);
	for (int32 i = 0; i < labels->count; i++)
		if (languages[i] > 0 && (most < 0 || languages[i] > languages[most]))
			most = i;
	return most;
}

static void
average_features(Rows *rows, size_t begin, size_t end, size_t to)
{
	size_t		width = rows->feature_count;

	for (size_t j = 0; j < width; j++)
	{
		double		sum = 0;
		size_t		known = 0;

		for (size_t i = begin; i < end; i++)
			if (!isnan(rows->features[i * width + j]))
			{
				sum += rows->features[i * width + j];
				known++;
			}
		rows->features[to * width + j] = known == 0 ? NAN : sum / known;
	}
}

void
rows_average(Rows *rows)
{
	bool		has_weights = rows->weights != NULL;
	bool		has_languages = rows->labels[ROWS_LANGUAGE].codes != NULL;
	Sums		sums = {
		palloc(sizeof(double) * Max(rows->dim, 1)),
		palloc(sizeof(double) * Max(rows->labels[ROWS_LANGUAGE].count, 1))
	};
	size_t		kept = 0;

	for (size_t begin = 0, end; begin < rows->count; begin = end)
	{
		bool		weighted = has_weights && rows->weights[begin] > 0;

		CHECK_FOR_INTERRUPTS();
		for (end = begin + 1; end < rows->count && rows_compare_keys(rows, rows->keys[begin], rows->keys[end]) == 0; end++)
			weighted = weighted || (has_weights && rows->weights[end] > 0);
		/* places before `begin` are free, and what is read is read before `begin` is written */
		if (!average_values(rows, begin, end, weighted, sums.values, kept))
		{
			rows->skipped++;
			continue;
		}
		if (has_languages)
			rows->labels[ROWS_LANGUAGE].codes[kept] = main_language(rows, begin, end, weighted, sums.languages);
		average_features(rows, begin, end, kept);
		rows->keys[kept++] = rows->keys[begin];
	}
	rows->count = kept;
	rows->columns &= ~ROWS_KNOWS(ROWS_WEIGHT);
	rows->weights = NULL;
	pfree(sums.values);
	pfree(sums.languages);
}
