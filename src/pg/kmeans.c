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
#include "utils/snapmgr.h"

#include "base/memory.h"
#include "cluster/extend.h"
#include "pg/centroids.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/kmeans_query.h"
#include "pg/kmeans_start.h"
#include "pg/kmeans_survey.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

typedef struct Fit
{
	MemoryContext context;		/* of everything below */
	UcKmeansOptions options;
	PreparationOptions preparation;
	KmeansWay	way;
	int			centroid_dim;	/* of given centroids, or 0 */
	Rows		rows;
	Prepared	prepared;
	const UcKmeans *result;		/* over the prepared rows */
	KmeansQuery *query;			/* NULL: the rows are in memory */
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

void
kmeans_check_rows(const Rows *rows, const UcKmeansOptions *options, int centroid_dim)
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
	if (fit->way.from_sample)
	{
		size_t		sample = Min(rows, kmeans_sample_size(fit->options.k));

		preparation = uc_size_add(preparation, sample_memory(sample, dim, fit->rows.feature_count));
		preparation = uc_size_add(preparation, uc_size_mul(sample, 2 * sizeof(float) * prepared_dim));
	}
	return uc_size_add(uc_size_add(preparation, rows < (size_t) fit->options.k ? 0 : centroids),
					   work_memory(rows, prepared_dim, threads, &options));
}

/* The sample is small beside the rows and the work on them, but a fit over it is done while they are there. */
static size_t
no_work(size_t rows, size_t dim, int threads, const void *arg)
{
	return 0;
}

/* init => 'sample': the centroids to start from, of which there may be fewer than asked for. */
static void
start_from_sample(Fit *fit, size_t memory)
{
	const Rows *rows = &fit->rows;
	Sample		sample;
	float	   *centroids;
	int			found;
	UcRun		run;
	UcError		err;

	sample_begin(&sample, kmeans_sample_size(fit->options.k), fit->options.seed, rows->weights != NULL, no_work, NULL);
	sample_rows(&sample, rows);
	if (sample.count == 0)
		return;					/* no row has a weight, which the fit refuses */
	centroids = kmeans_start(&sample, &fit->prepared, &fit->options,
							 uc_size_add(memory, sample_memory(sample.count, sample.dim, sample.feature_count)), &found);
	usercluster_run(&run);
	usercluster_check(uc_extend_centroids(fit->prepared.values, rows->weights, rows->count, fit->prepared.dim,
										  fit->options.metric, centroids, &found, fit->options.k, &run, &err), &err);
	fit->options.centroids = centroids;
	fit->options.k = found;
}

/* False where the rows need more memory than allowed, and another way is open. */
static bool
fit_in_memory(Fit *fit, const char *query, Oid key_type)
{
	RowsOptions rows_options;
	size_t		memory;

	kmeans_rows_options(&fit->options, &rows_options);
	rows_options.columns = KMEANS_COLUMNS;
	rows_options.work = fit_memory;
	rows_options.work_arg = fit;
	rows_options.may_exceed = fit->way.route == KMEANS_ROUTE_AUTO;
	query_read(query, key_type, &rows_options, &fit->rows);
	if (fit->rows.refused > 0)
		return false;
	kmeans_check_rows(&fit->rows, &fit->options, fit->centroid_dim);
	preparation_fit(&fit->preparation, &fit->rows, &fit->prepared);
	if (fit->prepared.changed && fit->options.centroids != NULL)
		fit->options.centroids = preparation_apply(&fit->prepared, fit->options.centroids, fit->options.k, NULL, NULL);
	memory = rows_memory(&fit->rows);
	if (fit->prepared.changed)
		memory = uc_size_add(memory, uc_size_mul(fit->rows.count, sizeof(float) * fit->prepared.dim));
	if (fit->way.from_sample)
		start_from_sample(fit, memory);
	fit->options.weights = fit->rows.weights;
	fit->result = kmeans_run(fit->prepared.values, fit->rows.count, fit->prepared.dim, memory, &fit->options);
	return true;
}

/* The rows that did not fit make way; says why the query is now run again and again, and what would avoid it. */
static void
leave_memory(Fit *fit)
{
	const size_t megabyte = 1024 * 1024;
	Rows	   *rows = &fit->rows;
	size_t		count = rows->count + rows->refused;
	size_t		needed = rows_memory_wanted(rows);
	UcError		err;

	/* where not even a sample fits, more memory is the only way */
	if (kmeans_survey_memory(count, rows->dim, rows->threads, &fit->options) > rows->max_memory)
		usercluster_check(uc_check_budget(psprintf("k-means over %zu rows of %d dimensions", count, rows->dim), needed,
										  rows->max_memory, &err), &err);
	ereport(NOTICE,
			(errmsg("k-means over %zu rows of %d dimensions runs the query once per iteration instead of keeping its rows",
					count, rows->dim),
			 errdetail("In memory it needs %zu MB, and %zu MB are allowed.", needed / megabyte + 1,
					   rows->max_memory / megabyte),
			 errhint("To keep them, run SET usercluster.max_memory = '%zuMB'.", needed / megabyte + 1)));
}

static void
fit_by_query(Fit *fit, const char *query, Oid key_type)
{
	fit->query = palloc(sizeof(KmeansQuery));
	kmeans_query_fit(fit->query, query, key_type, &fit->options, &fit->preparation, fit->centroid_dim);
	fit->rows = fit->query->rows;
	fit->prepared = fit->query->prepared;
	fit->result = &fit->query->result;
}

/* Leaves the fit's own memory context current; end_fit returns to the one before. */
static void
run_fit(FunctionCallInfo fcinfo, const char *command, int shift, Oid key_type, Fit *fit)
{
	const char *query;
	int			asked;

	memset(fit, 0, sizeof *fit);
	fit->context = AllocSetContextCreate(CurrentMemoryContext, "usercluster k-means", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(fit->context);
	progress_begin(command);
	fit->centroid_dim = kmeans_read_options(fcinfo, shift, &fit->options, &fit->preparation, &fit->way);
	query = text_to_cstring(PG_GETARG_TEXT_PP(KMEANS_QUERY));
	asked = fit->options.k;
	if (fit->way.route == KMEANS_ROUTE_QUERY)
		fit_by_query(fit, query, key_type);
	else
	{
		MemoryContext rows_context = AllocSetContextCreate(fit->context, "usercluster rows", ALLOCSET_DEFAULT_SIZES);

		MemoryContextSwitchTo(rows_context);
		if (!fit_in_memory(fit, query, key_type))
		{
			leave_memory(fit);
			MemoryContextSwitchTo(fit->context);
			MemoryContextDelete(rows_context);
			fit_by_query(fit, query, key_type);
		}
		MemoryContextSwitchTo(fit->context);
	}
	fit->options.k = asked;
	tell(fit);
}

static void
end_fit(Fit *fit, MemoryContext old)
{
	if (fit->query != NULL)
		PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(fit->context);
}

/* The centroids [k, rows.dim] in the space of the embeddings. */
static const float *
own_centroids(const Fit *fit)
{
	if (fit->query != NULL)
		return kmeans_query_means(fit->query);
	if (!fit->prepared.changed)
		return fit->result->centroids;
	return kmeans_means(&fit->rows, NULL, fit->result, fit->options.metric);
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
	if (fit.query != NULL)
		kmeans_query_rows(fit.query, set);
	for (size_t i = 0; fit.query == NULL && i < fit.rows.count; i++)
	{
		bool		nulls[3] = {false};
		Datum		values[3] = {
			fit.rows.keys[i], Int32GetDatum(fit.result->labels[i] + 1), Float8GetDatum(fit.result->distances[i])
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	end_fit(&fit, old);
}

USERCLUSTER_FUNCTION(usercluster_kmeans)
{
	return_rows(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_kmeans_keyed)
{
	return_rows(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, KMEANS_KEY));
	return (Datum) 0;
}

static Datum
centroid_datum(const float *x, int dim)
{
	Embedding  *centroid = embedding_new(dim);

	memcpy(centroid->x, x, sizeof(float) * dim);
	return PointerGetDatum(centroid);
}

USERCLUSTER_FUNCTION(usercluster_kmeans_centroids)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	Fit			fit;
	const float *centroids;

	InitMaterializedSRF(fcinfo, 0);
	run_fit(fcinfo, "kmeans_centroids", 0, InvalidOid, &fit);
	centroids = own_centroids(&fit);
	for (int i = 0; i < fit.result->k; i++)
	{
		bool		nulls[4] = {false};
		Datum		values[4] = {
			Int32GetDatum(i + 1), Int64GetDatum(fit.result->sizes[i]), Float8GetDatum(fit.result->cluster_inertia[i]),
			centroid_datum(centroids + (size_t) i * fit.rows.dim, fit.rows.dim)
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		pfree(DatumGetPointer(values[3]));
	}
	end_fit(&fit, old);
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

USERCLUSTER_FUNCTION(usercluster_kmeans_fit)
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
			centroids_datum(own_centroids(&fit), fit.result->k, fit.rows.dim), sizes_datum(fit.result),
			Float8GetDatum(fit.result->inertia),
			Int32GetDatum(fit.result->iterations), BoolGetDatum(fit.result->converged),
			Int64GetDatum((int64) fit.options.seed), Int64GetDatum(fit.result->rows), Int64GetDatum(fit.rows.skipped),
			preparation_datum(&fit.prepared, &fit.rows, TupleDescAttr(description, 8)->atttypid),
			centroids_datum(fit.result->centroids, fit.result->k, fit.prepared.dim)
		};

		MemoryContextSwitchTo(old);
		tuple = heap_form_tuple(BlessTupleDesc(description), values, nulls);
	}
	end_fit(&fit, old);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}
