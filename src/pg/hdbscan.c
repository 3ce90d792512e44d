/*
 * hdbscan.c
 *	  Density clustering over a query.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/hdbscan.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

/* Arguments in SQL. The keyed form has its key's type before min_cluster_size, which moves the rest by one. */
enum
{
	ARG_QUERY,
	ARG_MIN_CLUSTER_SIZE,
	ARG_MIN_SAMPLES,
	ARG_METRIC,
	ARG_SELECTION,
	ARG_PREPARATION,
	ARG_FEATURE_WEIGHT
};
#define ARG_KEY 1

typedef struct Options
{
	UcHdbscanOptions core;
	PreparationOptions preparation;
	Rows	   *rows;			/* being gathered */
} Options;

typedef struct OwnedResult
{
	MemoryContextCallback callback;
	UcHdbscan	result;
} OwnedResult;

static bool
selects_leaves(const text *name)
{
	char	   *selection = text_to_cstring(name);

	if (strcmp(selection, "eom") != 0 && strcmp(selection, "leaf") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized selection \"%s\"", selection),
				 errhint("Use 'eom' (excess of mass) or 'leaf'.")));
	return strcmp(selection, "leaf") == 0;
}

static void
read_options(FunctionCallInfo fcinfo, int shift, Options *all)
{
	UcHdbscanOptions *options = &all->core;

	usercluster_refuse_null(fcinfo, ARG_QUERY, "query");
	usercluster_refuse_null(fcinfo, ARG_MIN_CLUSTER_SIZE + shift, "min_cluster_size");
	usercluster_refuse_null(fcinfo, ARG_METRIC + shift, "metric");
	usercluster_refuse_null(fcinfo, ARG_SELECTION + shift, "selection");
	usercluster_refuse_null(fcinfo, ARG_PREPARATION + shift, "preparation");
	usercluster_refuse_null(fcinfo, ARG_FEATURE_WEIGHT + shift, "feature_weight");
	options->min_cluster_size = PG_GETARG_INT32(ARG_MIN_CLUSTER_SIZE + shift);
	options->min_samples = PG_ARGISNULL(ARG_MIN_SAMPLES + shift) ?
		options->min_cluster_size : PG_GETARG_INT32(ARG_MIN_SAMPLES + shift);
	options->metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METRIC + shift)));
	options->leaves = selects_leaves(PG_GETARG_TEXT_PP(ARG_SELECTION + shift));
	preparation_options(&all->preparation, text_to_cstring(PG_GETARG_TEXT_PP(ARG_PREPARATION + shift)),
						PG_GETARG_FLOAT8(ARG_FEATURE_WEIGHT + shift), options->metric);
	if (options->min_cluster_size < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_cluster_size must be at least 2, not %d", options->min_cluster_size)));
	if (options->min_samples < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_samples must be at least 1, not %d", options->min_samples)));
}

static size_t
work_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Options *options = arg;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&options->preparation, options->rows, rows, dim, threads, &prepared_dim);

	return uc_size_add(preparation, uc_hdbscan_memory(rows, prepared_dim, &options->core, threads));
}

static void
free_result(void *arg)
{
	uc_hdbscan_free(arg);
}

/* The result is of the current memory context. */
static const UcHdbscan *
run_hdbscan(const Rows *rows, const Options *options)
{
	OwnedResult *owned = palloc0(sizeof *owned);
	Prepared	prepared;
	UcRun		run;
	UcError		err;
	UcStatus	status;
	size_t		held = rows_memory(rows);

	preparation_fit(&options->preparation, rows, &prepared);
	if (prepared.changed)
		held = uc_size_add(held, uc_size_mul(rows->count, sizeof(float) * prepared.dim));
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(held, run.max_memory);
	status = uc_hdbscan(prepared.values, rows->count, prepared.dim, &options->core, &run, &owned->result, &err);
	usercluster_check(status, &err);
	owned->callback.func = free_result;
	owned->callback.arg = &owned->result;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	return &owned->result;
}

static void
return_clusters(FunctionCallInfo fcinfo, int shift, Oid key_type)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster hdbscan", ALLOCSET_DEFAULT_SIZES);
	RowsOptions rows_options = {.name = "HDBSCAN",.columns = PREPARATION_COLUMNS,.work = work_memory};
	Options		options;
	const UcHdbscan *result = NULL;
	Rows		rows;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(context);
	progress_begin("hdbscan");
	read_options(fcinfo, shift, &options);
	rows_options.directions = options.core.metric == UC_METRIC_COSINE;
	rows_options.work_arg = &options;
	options.rows = &rows;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY)), key_type, &rows_options, &rows);
	if (rows.skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without an embedding",
							   "skipped " INT64_FORMAT " rows without an embedding",
							   (unsigned long) rows.skipped, rows.skipped)));
	/* a default is no request for more samples than there are rows */
	if (PG_ARGISNULL(ARG_MIN_SAMPLES + shift))
		options.core.min_samples = Min((size_t) options.core.min_samples, Max(rows.count, 1));
	if (rows.count > 0)
		result = run_hdbscan(&rows, &options);
	MemoryContextSwitchTo(old);
	for (size_t i = 0; i < rows.count; i++)
	{
		bool		nulls[3] = {false, result->labels[i] < 0, false};
		Datum		values[3] = {
			rows.keys[i], Int32GetDatum(result->labels[i] + 1), Float8GetDatum(result->membership[i])
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_hdbscan)
{
	return_clusters(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_hdbscan_keyed)
{
	return_clusters(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, ARG_KEY));
	return (Datum) 0;
}
