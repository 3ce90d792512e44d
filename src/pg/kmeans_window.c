/*
 * kmeans_window.c
 *	  k-means as a window function: clusters within each partition.
 *
 * The whole partition is fitted at its first row, and the labels wait in partition-local memory. Rows are ordered
 * by value before the fit, so that labels do not depend on the order in which the partition happens to be read.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "pg/kmeans.h"
#include "pg/progress.h"

PG_FUNCTION_INFO_V1(usercluster_kmeans_cluster);

enum
{
	ARG_EMBEDDING,
	ARG_K,
	ARG_SEED,
	ARG_RESTARTS,
	ARG_METRIC,
	ARGS
};

/* Of one partition; zeroed by the server before its first row. */
typedef struct Partition
{
	bool		fitted;
	int32		labels[FLEXIBLE_ARRAY_MEMBER];	/* [rows of the partition], 1 … k, or 0 where the embedding is NULL */
} Partition;

/* Of one query: a notice for each of a thousand partitions would tell no more than the first one. */
typedef struct Told
{
	bool		fewer;
	bool		not_converged;
} Told;

/* The options as they stand in the current row, which is the partition's first. */
static void
read_options(WindowObject window, UcKmeansOptions *options)
{
	static const char *const names[ARGS] = {"embedding", "k", "seed", "restarts", "metric"};
	Datum		values[ARGS];

	for (int i = ARG_K; i < ARGS; i++)
	{
		bool		is_null;

		values[i] = WinGetFuncArgCurrent(window, i, &is_null);
		if (is_null)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be null", names[i])));
	}
	uc_kmeans_defaults(options);
	options->k = DatumGetInt32(values[ARG_K]);
	options->seed = (uint64_t) DatumGetInt64(values[ARG_SEED]);
	options->restarts = DatumGetInt32(values[ARG_RESTARTS]);
	options->metric = kmeans_metric(text_to_cstring(DatumGetTextPP(values[ARG_METRIC])));
	kmeans_check_options(options);
}

/* The partition's embeddings, each with its position in the partition as the key. */
static void
read_rows(WindowObject window, int64 count, Rows *rows)
{
	MemoryContext one_row = AllocSetContextCreate(CurrentMemoryContext, "usercluster row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(one_row);

	for (int64 i = 0; i < count; i++)
	{
		bool		is_null,
					is_out;
		Datum		datum = WinGetFuncArgInPartition(window, ARG_EMBEDDING, i, WINDOW_SEEK_HEAD, false,
													 &is_null, &is_out);

		if (!is_null)
			rows_append(rows, Int64GetDatum(i), DatumGetEmbedding(datum), NULL);
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(one_row);
	}
	MemoryContextSwitchTo(old);
	rows_finish(rows);
}

static Told *
told_in(FmgrInfo *function)
{
	if (function->fn_extra == NULL)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt, sizeof(Told));
	return function->fn_extra;
}

static void
tell(Told *told, const UcKmeans *result, const UcKmeansOptions *options, int asked)
{
	if (result->k < asked && !told->fewer)
	{
		told->fewer = true;
		ereport(NOTICE,
				(errmsg("a partition has fewer distinct embeddings than clusters were asked for"),
				 errdetail("Instead of %d it got %d; further such partitions are not reported.", asked, result->k)));
	}
	if (!result->converged && !told->not_converged)
	{
		told->not_converged = true;
		ereport(NOTICE,
				(errmsg("k-means reached its limit of %d iterations in a partition before it converged",
						options->max_iterations),
				 errdetail("Further such partitions are not reported.")));
	}
}

static void
fit_partition(WindowObject window, int64 count, Told *told, int32 *labels)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "usercluster k-means", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	UcKmeansOptions options;
	RowsOptions rows_options;
	Rows		rows;

	progress_begin("kmeans_cluster");
	read_options(window, &options);
	kmeans_rows_options(&options, &rows_options);
	rows_begin(&rows, InvalidOid, &rows_options);
	read_rows(window, count, &rows);
	if (rows.count > 0)
	{
		int			asked = options.k;
		const UcKmeans *result;

		options.k = Min((size_t) options.k, rows.count);
		result = kmeans_run(rows.values, rows.count, rows.dim, rows_memory(&rows), &options);
		for (size_t i = 0; i < rows.count; i++)
			labels[DatumGetInt64(rows.keys[i])] = result->labels[i] + 1;
		tell(told, result, &options, asked);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

Datum
usercluster_kmeans_cluster(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	int64		count = WinGetPartitionRowCount(window);
	int64		position = WinGetCurrentPosition(window);
	Partition  *partition = WinGetPartitionLocalMemory(window, offsetof(Partition, labels) + sizeof(int32) * count);

	if (!partition->fitted)
	{
		fit_partition(window, count, told_in(fcinfo->flinfo), partition->labels);
		partition->fitted = true;
	}
	/* Rows that have been answered need not be kept for us. */
	WinSetMarkPosition(window, position);
	if (partition->labels[position] == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(partition->labels[position]);
}
