/*
 * quality.c
 *	  Agreement of two labellings, from the table of how many rows each pair of labels has.
 */
#include "cluster/quality.h"

#include <math.h>
#include <stdbool.h>

#include "base/memory.h"

typedef struct Table
{
	size_t		rows;
	size_t		clusters;
	size_t		classes;
	int64_t    *cells;			/* [clusters, classes] */
	int64_t    *cluster_sizes;	/* [clusters] */
	int64_t    *class_sizes;	/* [classes] */
} Table;

static UcStatus
check_counts(int clusters, int classes, size_t rows, UcError *err)
{
	if (rows == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no labels to compare");
	if (clusters >= 1 && classes >= 1)
		return UC_OK;
	uc_error(err, UC_INVALID_ARGUMENT, "the numbers of clusters and classes must be at least 1");
	uc_error_detail(err, "They are %d and %d.", clusters, classes);
	return UC_INVALID_ARGUMENT;
}

static UcStatus
count_pairs(Table *table, const int32_t *clusters, const int32_t *classes, const UcRun *run, UcError *err)
{
	const size_t poll_rows = 1 << 20;

	for (size_t row = 0; row < table->rows; row++)
	{
		/* a negative label becomes a large one */
		size_t		a = (size_t) clusters[row],
					b = (size_t) classes[row];

		if (row % poll_rows == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (a >= table->clusters || b >= table->classes)
		{
			uc_error(err, UC_INVALID_DATA, "a label is outside its range");
			uc_error_detail(err, "Row %zu has the labels %d and %d; they must be below %zu and %zu.", row + 1,
							clusters[row], classes[row], table->clusters, table->classes);
			return UC_INVALID_DATA;
		}
		table->cells[a * table->classes + b]++;
		table->cluster_sizes[a]++;
		table->class_sizes[b]++;
	}
	return UC_OK;
}

static double
sum_of_squares(const int64_t *counts, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double) counts[i] * (double) counts[i];
	return sum;
}

/* In nats. */
static double
entropy(const int64_t *counts, size_t n, size_t rows)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		if (counts[i] > 0)
			sum += (double) counts[i] * (log((double) rows) - log((double) counts[i]));
	return sum / (double) rows;
}

/* From the numbers of ordered pairs of rows that are together in both, in one, in none. */
static double
adjusted_rand(const Table *table)
{
	double		n = (double) table->rows,
				cells = sum_of_squares(table->cells, table->clusters * table->classes),
				by_cluster = sum_of_squares(table->cluster_sizes, table->clusters),
				by_class = sum_of_squares(table->class_sizes, table->classes),
				together = cells - n,
				in_class_only = by_class - cells,
				in_cluster_only = by_cluster - cells,
				apart = n * n - by_class - by_cluster + cells;

	if (in_class_only == 0 && in_cluster_only == 0)
		return 1;
	return 2 * (together * apart - in_class_only * in_cluster_only) /
		((together + in_class_only) * (in_class_only + apart) +
		 (together + in_cluster_only) * (in_cluster_only + apart));
}

/* What both labellings have in common, in nats. */
static double
mutual_information(const Table *table, double clusters, double classes)
{
	double		mutual = clusters + classes - entropy(table->cells, table->clusters * table->classes, table->rows);
	const double nothing = 1e-15;	/* what rounding leaves of the difference of equal entropies */

	return mutual <= nothing * (clusters + classes) ? 0 : mutual;
}

static double
share_of(double mutual, double entropy)
{
	return entropy == 0 ? 1 : fmin(1, mutual / entropy);
}

/* The measures that come from entropies. */
static void
measure_information(const Table *table, UcAgreement *agreement)
{
	double		clusters = entropy(table->cluster_sizes, table->clusters, table->rows),
				classes = entropy(table->class_sizes, table->classes, table->rows),
				mutual = mutual_information(table, clusters, classes),
				sum;

	agreement->normalized_mutual_info = share_of(2 * mutual, clusters + classes);
	agreement->homogeneity = share_of(mutual, classes);
	agreement->completeness = share_of(mutual, clusters);
	sum = agreement->homogeneity + agreement->completeness;
	agreement->v_measure = sum == 0 ? 0 : 2 * agreement->homogeneity * agreement->completeness / sum;
}

static double
purity(const Table *table)
{
	int64_t		pure = 0;

	for (size_t a = 0; a < table->clusters; a++)
	{
		int64_t		commonest = 0;

		for (size_t b = 0; b < table->classes; b++)
			if (table->cells[a * table->classes + b] > commonest)
				commonest = table->cells[a * table->classes + b];
		pure += commonest;
	}
	return (double) pure / (double) table->rows;
}

UcStatus
uc_cluster_agreement(const int32_t *clusters, int cluster_count, const int32_t *classes, int class_count, size_t rows,
					 const UcRun *run, UcAgreement *agreement, UcError *err)
{
	Table		table = {.rows = rows,.clusters = (size_t) cluster_count,.classes = (size_t) class_count};
	UcStatus	status = check_counts(cluster_count, class_count, rows, err);
	size_t		cells,
				bytes;

	if (status != UC_OK)
		return status;
	cells = uc_size_add(uc_size_mul(table.clusters, table.classes), table.clusters + table.classes);
	bytes = uc_size_mul(cells, sizeof(int64_t));
	status = uc_check_budget("comparing two labellings", bytes, run->max_memory, err);
	if (status != UC_OK)
		return status;
	table.cells = uc_alloc_zeroed(bytes);
	if (table.cells == NULL)
		return uc_out_of_memory(err, bytes);
	table.cluster_sizes = table.cells + table.clusters * table.classes;
	table.class_sizes = table.cluster_sizes + table.clusters;

	status = count_pairs(&table, clusters, classes, run, err);
	if (status == UC_OK)
	{
		agreement->adjusted_rand = adjusted_rand(&table);
		agreement->purity = purity(&table);
		measure_information(&table, agreement);
	}
	uc_free(table.cells);
	return status;
}
