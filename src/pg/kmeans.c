/*
 * kmeans.c
 *	  k-means over a query: the assignment of every row, the centroids, or the summary of the fit.
 *
 * All forms take the same arguments and go the same way: arguments, rows, one core call, notices, result. What
 * they allocate beside the result lies in a memory context that ends the core's memory with it, also when an error
 * passes by.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/centroids.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

PG_FUNCTION_INFO_V1(usercluster_kmeans);
PG_FUNCTION_INFO_V1(usercluster_kmeans_keyed);
PG_FUNCTION_INFO_V1(usercluster_kmeans_centroids);
PG_FUNCTION_INFO_V1(usercluster_kmeans_fit);

typedef struct Fit
{
	MemoryContext context;		/* of everything below */
	UcKmeansOptions options;
	PreparationOptions preparation;
	Rows		rows;
	Prepared	prepared;
	const UcKmeans *result;		/* over the prepared rows */
	float	   *centroids;		/* [k, rows.dim] in the space of the embeddings */
} Fit;

/* ---- what the window form shares ---- */

/* Too large a k is refused as such, with the number of rows, not as too much memory for a few of them. */
static size_t
work_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	UcKmeansOptions options = *(const UcKmeansOptions *) arg;

	options.k = Min((size_t) options.k, rows);
	return uc_kmeans_memory(rows, dim, &options, threads);
}

void
kmeans_rows_options(const UcKmeansOptions *options, RowsOptions *rows_options)
{
	memset(rows_options, 0, sizeof *rows_options);
	rows_options->name = "k-means";
	rows_options->directions = options->metric == UC_METRIC_COSINE;
	rows_options->work = work_memory;
	rows_options->work_arg = options;
}

typedef struct OwnedResult
{
	MemoryContextCallback callback;
	UcKmeans	result;
} OwnedResult;

static void
free_result(void *arg)
{
	uc_kmeans_free(arg);
}

const UcKmeans *
kmeans_run(const float *values, size_t count, size_t dim, size_t memory, const UcKmeansOptions *options)
{
	OwnedResult *owned = palloc0(sizeof *owned);
	UcRun		run;
	UcError		err;
	UcStatus	status;

	usercluster_run(&run);
	run.max_memory -= Min(memory, run.max_memory);
	progress_watch(&run);
	status = uc_kmeans(values, count, dim, options, &run, &owned->result, &err);
	usercluster_check(status, &err);
	owned->callback.func = free_result;
	owned->callback.arg = &owned->result;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	return &owned->result;
}

/* ---- the fit ---- */

static void
check_rows(const Rows *rows, const UcKmeansOptions *options, int centroid_dim)
{
	if ((size_t) options->k > rows->count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at most the number of rows: %d clusters, %zu rows", options->k, rows->count),
				 rows->skipped > 0 ?
				 errdetail("Rows without an embedding do not count: " INT64_FORMAT ".", rows->skipped) : 0));
	if (centroid_dim != 0 && centroid_dim != rows->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", centroid_dim, rows->dim),
				 errdetail("The given centroids have %d dimensions, and the query's rows have %d.",
						   centroid_dim, rows->dim)));
}

static void
tell(const Fit *fit)
{
	const UcKmeans *result = fit->result;

	if (fit->rows.skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without an embedding",
							   "skipped " INT64_FORMAT " rows without an embedding",
							   (unsigned long) fit->rows.skipped, fit->rows.skipped)));
	if (result->k < fit->options.k)
		ereport(NOTICE,
				(errmsg_plural("found %d cluster instead of %d, because there are no more distinct embeddings",
							   "found %d clusters instead of %d, because there are no more distinct embeddings",
							   result->k, result->k, fit->options.k),
				 fit->options.metric == UC_METRIC_COSINE ?
				 errdetail("With the cosine metric, embeddings of one direction count as one.") : 0));
	if (!result->converged)
		ereport(NOTICE,
				(errmsg("k-means reached max_iterations (%d) before it converged", fit->options.max_iterations),
				 errhint("Raise max_iterations or tolerance.")));
}

/* Preparation, the fit, and where the prepared rows have another space the sums for the centroids in that of the rows. */
static size_t
fit_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Fit  *fit = arg;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&fit->preparation, &fit->rows, rows, dim, threads, &prepared_dim);
	size_t		centroids = uc_size_mul(fit->options.k, uc_size_mul(dim, sizeof(double) + sizeof(float)));
	UcKmeansOptions options = fit->options;
	double		weighted;		/* the estimate asks only whether there are weights */

	if (fit->rows.columns & ROWS_KNOWS(ROWS_WEIGHT))
		options.weights = &weighted;

	return uc_size_add(uc_size_add(preparation, rows < (size_t) fit->options.k ? 0 : centroids),
					   work_memory(rows, prepared_dim, threads, &options));
}

/* Leaves the fit's own memory context current; the caller returns to the one before and deletes the fit's. */
static void
run_fit(FunctionCallInfo fcinfo, const char *command, int shift, Oid key_type, Fit *fit)
{
	RowsOptions rows_options;
	int			centroid_dim;
	size_t		memory;

	memset(fit, 0, sizeof *fit);
	fit->context = AllocSetContextCreate(CurrentMemoryContext, "usercluster k-means", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(fit->context);
	progress_begin(command);
	centroid_dim = kmeans_read_options(fcinfo, shift, &fit->options, &fit->preparation);
	kmeans_rows_options(&fit->options, &rows_options);
	rows_options.columns = PREPARATION_COLUMNS | ROWS_KNOWS(ROWS_WEIGHT);
	rows_options.work = fit_memory;
	rows_options.work_arg = fit;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(KMEANS_QUERY)), key_type, &rows_options, &fit->rows);
	check_rows(&fit->rows, &fit->options, centroid_dim);
	preparation_fit(&fit->preparation, &fit->rows, &fit->prepared);
	if (fit->prepared.changed && fit->options.centroids != NULL)
		fit->options.centroids = preparation_apply(&fit->prepared, fit->options.centroids, fit->options.k);
	memory = rows_memory(&fit->rows);
	if (fit->prepared.changed)
		memory = uc_size_add(memory, uc_size_mul(fit->rows.count, sizeof(float) * fit->prepared.dim));
	fit->options.weights = fit->rows.weights;
	fit->result = kmeans_run(fit->prepared.values, fit->rows.count, fit->prepared.dim, memory, &fit->options);
	fit->centroids = fit->prepared.changed ? kmeans_means(&fit->rows, NULL, fit->result, fit->options.metric) : fit->result->centroids;
	tell(fit);
}

/* ---- results ---- */

/* The rows of the fit, into the tuplestore of the set-returning call. */
static void
return_rows(FunctionCallInfo fcinfo, int shift, Oid key_type)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	Fit			fit;

	InitMaterializedSRF(fcinfo, 0);
	run_fit(fcinfo, "kmeans", shift, key_type, &fit);
	MemoryContextSwitchTo(old);
	for (size_t i = 0; i < fit.rows.count; i++)
	{
		bool		nulls[3] = {false};
		Datum		values[3] = {
			fit.rows.keys[i], Int32GetDatum(fit.result->labels[i] + 1), Float8GetDatum(fit.result->distances[i])
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	MemoryContextDelete(fit.context);
}

Datum
usercluster_kmeans(PG_FUNCTION_ARGS)
{
	return_rows(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

Datum
usercluster_kmeans_keyed(PG_FUNCTION_ARGS)
{
	return_rows(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, KMEANS_KEY));
	return (Datum) 0;
}

static Datum
centroid_datum(const Fit *fit, int cluster)
{
	Embedding  *centroid = embedding_new(fit->rows.dim);

	memcpy(centroid->x, fit->centroids + (size_t) cluster * fit->rows.dim, sizeof(float) * fit->rows.dim);
	return PointerGetDatum(centroid);
}

Datum
usercluster_kmeans_centroids(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	Fit			fit;

	InitMaterializedSRF(fcinfo, 0);
	run_fit(fcinfo, "kmeans_centroids", 0, InvalidOid, &fit);
	for (int i = 0; i < fit.result->k; i++)
	{
		bool		nulls[4] = {false};
		Datum		values[4] = {
			Int32GetDatum(i + 1), Int64GetDatum(fit.result->sizes[i]), Float8GetDatum(fit.result->cluster_inertia[i]),
			centroid_datum(&fit, i)
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		pfree(DatumGetPointer(values[3]));
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(fit.context);
	return (Datum) 0;
}

static Datum
sizes_datum(const UcKmeans *result)
{
	Datum	   *sizes = palloc(sizeof(Datum) * result->k);

	for (int i = 0; i < result->k; i++)
		sizes[i] = Int64GetDatum(result->sizes[i]);
	return PointerGetDatum(construct_array(sizes, result->k, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
usercluster_kmeans_fit(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	TupleDesc	description;
	Fit			fit;
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	run_fit(fcinfo, "kmeans_fit", 0, InvalidOid, &fit);
	{
		bool		nulls[10] = {false};
		Datum		values[10] = {
			centroids_datum(fit.centroids, fit.result->k, fit.rows.dim), sizes_datum(fit.result), Float8GetDatum(fit.result->inertia),
			Int32GetDatum(fit.result->iterations), BoolGetDatum(fit.result->converged),
			Int64GetDatum((int64) fit.options.seed), Int64GetDatum(fit.result->rows), Int64GetDatum(fit.rows.skipped),
			preparation_datum(&fit.prepared, &fit.rows, TupleDescAttr(description, 8)->atttypid),
			centroids_datum(fit.result->centroids, fit.result->k, fit.prepared.dim)
		};

		MemoryContextSwitchTo(old);
		tuple = heap_form_tuple(BlessTupleDesc(description), values, nulls);
	}
	MemoryContextDelete(fit.context);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}
