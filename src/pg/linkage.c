/*
 * linkage.c
 *	  Hierarchical clustering over a query: the clusters of a cut, or the tree itself.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/linkage.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

/* Arguments of hierarchical in SQL. The keyed form has its key's type before k, which moves the rest by one. */
enum
{
	ARG_QUERY,
	ARG_K,
	ARG_HEIGHT,
	ARG_METHOD,
	ARG_METRIC,
	ARG_PREPARATION,
	ARG_FEATURE_WEIGHT
};
#define ARG_KEY 1

/* Arguments of linkage */
enum
{
	LINKAGE_QUERY,
	LINKAGE_METHOD,
	LINKAGE_METRIC,
	LINKAGE_PREPARATION,
	LINKAGE_FEATURE_WEIGHT
};

typedef struct OwnedTree
{
	MemoryContextCallback callback;
	UcLinkage	tree;
} OwnedTree;

static UcLinkageMethod
method_of(const char *method)
{
	static const char *const names[] = {"ward", "average", "complete", "single", "weighted"};
	static const UcLinkageMethod methods[] = {
		UC_LINKAGE_WARD, UC_LINKAGE_AVERAGE, UC_LINKAGE_COMPLETE, UC_LINKAGE_SINGLE, UC_LINKAGE_WEIGHTED
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(method, names[i]) == 0)
			return methods[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized method \"%s\"", method),
			 errhint("Use 'ward', 'average', 'complete', 'single' or 'weighted'.")));
}

void
linkage_options(FunctionCallInfo fcinfo, int method, LinkageOptions *options)
{
	static const char *const names[] = {"method", "metric", "preparation", "feature_weight"};

	usercluster_refuse_null(fcinfo, 0, "query");
	for (int i = 0; i < lengthof(names); i++)
		usercluster_refuse_null(fcinfo, method + i, names[i]);
	memset(options, 0, sizeof *options);
	options->method_name = text_to_cstring(PG_GETARG_TEXT_PP(method));
	options->method = method_of(options->method_name);
	options->metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(method + 1)));
	preparation_options(&options->preparation, text_to_cstring(PG_GETARG_TEXT_PP(method + 2)),
						PG_GETARG_FLOAT8(method + 3), options->metric);
}

static size_t
work_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const LinkageOptions *options = arg;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&options->preparation, options->rows, rows, dim, threads, &prepared_dim);
	size_t		tree = uc_linkage_memory(rows, prepared_dim, options->method, options->metric, threads);

	return uc_size_add(uc_size_add(preparation, options->fixed_bytes),
					   uc_size_add(tree, uc_size_mul(rows, options->row_bytes)));
}

/* What is held beside the tree: the rows, what they became, and what the caller makes of them. */
static size_t
held_memory(const LinkageOptions *options, const Prepared *prepared)
{
	const Rows *rows = options->rows;
	size_t		values = prepared->changed ? uc_size_mul(rows->count, sizeof(float) * prepared->dim) : 0;
	size_t		callers = uc_size_add(options->fixed_bytes, uc_size_mul(rows->count, options->row_bytes));

	return uc_size_add(uc_size_add(rows_memory(rows), values), callers);
}

static void
free_tree(void *arg)
{
	uc_linkage_free(arg);
}

const UcLinkage *
linkage_run(const char *query, Oid key_type, LinkageOptions *options, Rows *rows)
{
	RowsOptions rows_options = {
		.name = "hierarchical clustering",.columns = ROWS_KNOWS(ROWS_WEIGHT) | PREPARATION_COLUMNS | options->columns
	};
	OwnedTree  *owned = palloc0(sizeof *owned);
	Prepared	prepared;
	UcRun		run;
	UcError		err;
	UcStatus	status;

	rows_options.directions = options->metric == UC_METRIC_COSINE;
	rows_options.work = work_memory;
	rows_options.work_arg = options;
	options->rows = rows;
	query_read(query, key_type, &rows_options, rows);
	if (rows->skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without an embedding",
							   "skipped " INT64_FORMAT " rows without an embedding",
							   (unsigned long) rows->skipped, rows->skipped)));
	if (rows->count == 0)
		return NULL;
	preparation_fit(&options->preparation, rows, &prepared);
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(held_memory(options, &prepared), run.max_memory);
	status = uc_linkage(prepared.values, rows->count, prepared.dim, options->method, options->metric, rows->weights, &run,
						&owned->tree, &err);
	usercluster_check(status, &err);
	owned->callback.func = free_tree;
	owned->callback.arg = &owned->tree;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	if (owned->tree.leaf_of != NULL)
		ereport(NOTICE,
				(errmsg("joined micro-clusters instead of single rows"),
				 errdetail("The distances between all %zu rows do not fit into usercluster.max_memory. %zu micro-clusters stand for them.",
						   rows->count, owned->tree.leaves),
				 errhint("Raise usercluster.max_memory for a tree over the rows themselves.")));
	return &owned->tree;
}

/* ---- hierarchical ---- */

void
linkage_check_cut(bool by_k, int k, bool by_height, double height, const char *height_name)
{
	if (by_k && by_height)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k and %s exclude each other", height_name),
				 errhint("Pass k => a number of clusters, or %s => a distance at which to cut the tree.", height_name)));
	if (by_k && k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be at least 1, not %d", k)));
	if (by_height && !(height >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a number of at least 0, not %g", height_name, height)));
}

static void
return_clusters(FunctionCallInfo fcinfo, int shift, Oid key_type)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster hierarchical", ALLOCSET_DEFAULT_SIZES);
	bool		by_k = !PG_ARGISNULL(ARG_K + shift);
	bool		by_height = !PG_ARGISNULL(ARG_HEIGHT + shift);
	const UcLinkage *tree;
	LinkageOptions options;
	Rows		rows;
	int32_t    *labels;
	size_t		clusters;
	UcError		err;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(context);
	progress_begin("hierarchical");
	linkage_options(fcinfo, ARG_METHOD + shift, &options);
	options.row_bytes = sizeof(int32_t);
	if (!by_k && !by_height)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("either k or height must be given"),
				 errhint("Pass k => a number of clusters, or height => a distance at which to cut the tree.")));
	linkage_check_cut(by_k, by_k ? PG_GETARG_INT32(ARG_K + shift) : 0,
					  by_height, by_height ? PG_GETARG_FLOAT8(ARG_HEIGHT + shift) : 0, "height");
	tree = linkage_run(text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY)), key_type, &options, &rows);
	if (tree != NULL)
	{
		labels = palloc_extended(uc_size_mul(rows.count, sizeof(int32_t)), MCXT_ALLOC_HUGE);
		usercluster_check(by_k ? uc_tree_cut(tree, PG_GETARG_INT32(ARG_K + shift), labels, &err) :
						  uc_tree_cut_height(tree, PG_GETARG_FLOAT8(ARG_HEIGHT + shift), labels, &clusters, &err), &err);
		MemoryContextSwitchTo(old);
		for (size_t i = 0; i < rows.count; i++)
		{
			bool		nulls[2] = {false};
			Datum		values[2] = {rows.keys[i], Int32GetDatum(labels[i] + 1)};

			CHECK_FOR_INTERRUPTS();
			tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_hierarchical)
{
	return_clusters(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_hierarchical_keyed)
{
	return_clusters(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, ARG_KEY));
	return (Datum) 0;
}

/* ---- linkage ---- */

USERCLUSTER_FUNCTION(usercluster_linkage)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster linkage", ALLOCSET_DEFAULT_SIZES);
	const UcLinkage *tree;
	LinkageOptions options;
	Rows		rows;

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(context);
	progress_begin("linkage");
	linkage_options(fcinfo, LINKAGE_METHOD, &options);
	tree = linkage_run(text_to_cstring(PG_GETARG_TEXT_PP(LINKAGE_QUERY)), InvalidOid, &options, &rows);
	MemoryContextSwitchTo(old);
	for (size_t i = 0; tree != NULL && i + 1 < tree->leaves; i++)
	{
		const UcMerge *merge = &tree->merges[i];
		bool		nulls[5] = {false};
		Datum		values[5] = {
			Int32GetDatum((int32) i + 1), Int32GetDatum(merge->left + 1), Int32GetDatum(merge->right + 1),
			Float8GetDatum(merge->height), Int64GetDatum(merge->size)
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}
