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

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/kmeans.h"
#include "pg/progress.h"

enum
{
	ARG_EMBEDDING,
	ARG_K,
	ARG_SEED,
	ARG_RESTARTS,
	ARG_METRIC,
	ARG_PREPARATION,
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

/* What is asked for in a partition. */
typedef struct Asked
{
	UcKmeansOptions options;
	PreparationOptions preparation;
	const Rows *rows;
} Asked;

/* The arguments as they stand in the current row, which is the partition's first. */
static void
read_arguments(WindowObject window, Asked *asked)
{
	static const char *const names[ARGS] = {"embedding", "k", "seed", "restarts", "metric", "preparation"};
	UcKmeansOptions *options = &asked->options;
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
	preparation_options(&asked->preparation, text_to_cstring(DatumGetTextPP(values[ARG_PREPARATION])), 1, options->metric);
	if (asked->preparation.choice == PREPARATION_GROUP_CENTRED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation => 'group-centred' needs languages, which the window function does not take"),
				 errhint("Use usercluster.kmeans_by_group with a column \"language\".")));
}

static size_t
partition_memory(size_t count, size_t dim, int threads, const void *arg)
{
	const Asked *asked = arg;
	UcKmeansOptions options = asked->options;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&asked->preparation, asked->rows, count, dim, threads, &prepared_dim);

	options.k = Min((size_t) options.k, count);
	return uc_size_add(preparation, uc_kmeans_memory(count, prepared_dim, &options, threads));
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
	RowsOptions rows_options;
	Rows		rows;
	Asked		asked = {.rows = &rows};

	progress_begin("kmeans_cluster");
	read_arguments(window, &asked);
	kmeans_rows_options(&asked.options, &rows_options);
	rows_options.work = partition_memory;
	rows_options.work_arg = &asked;
	rows_begin(&rows, InvalidOid, &rows_options);
	read_rows(window, count, &rows);
	if (rows.count > 0)
	{
		int			k = asked.options.k;
		size_t		memory = rows_memory(&rows);
		Prepared	prepared;
		const UcKmeans *result;

		preparation_fit(&asked.preparation, &rows, &prepared);
		if (prepared.changed)
			memory = uc_size_add(memory, uc_size_mul(rows.count, sizeof(float) * prepared.dim));
		asked.options.k = Min((size_t) k, rows.count);
		result = kmeans_run(prepared.values, rows.count, prepared.dim, memory, &asked.options);
		for (size_t i = 0; i < rows.count; i++)
			labels[DatumGetInt64(rows.keys[i])] = result->labels[i] + 1;
		tell(told, result, &asked.options, k);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_kmeans_cluster)
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
