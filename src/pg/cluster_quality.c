/*
 * cluster_quality.c
 *	  How good the clusters of a query's rows are, whoever made them: one row of figures, or the silhouette of each row.
 *
 * The query says which cluster each row is in, by any name or number. Rows without one, such as noise, count nowhere: to
 * the core they have no weight.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/silhouette.h"
#include "cluster/validity.h"
#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

#define EXACT_ROWS 10000		/* up to this many, rows times rows take a second or two */
#define SAMPLE_ROWS 5000

#define QUALITY_COLUMNS 9
#define SILHOUETTE_COLUMNS 3

/* Arguments in SQL: of cluster_quality, and of silhouette, whose keyed form has its key's type before the metric. */
enum
{
	QUALITY_QUERY, QUALITY_METRIC, QUALITY_SAMPLE, QUALITY_SEED, QUALITY_PREPARATION, QUALITY_FEATURE_WEIGHT
};
enum
{
	SILHOUETTE_QUERY, SILHOUETTE_METRIC, SILHOUETTE_PREPARATION, SILHOUETTE_FEATURE_WEIGHT
};
#define SILHOUETTE_KEY 1

/* ---- what choosing k shares ---- */

size_t
quality_sample_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return 0;
	if (PG_GETARG_INT32(argument) < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be at least 2, not %d", PG_GETARG_INT32(argument))));
	return PG_GETARG_INT32(argument);
}

size_t
quality_sample(size_t sample, UcMetric metric, size_t rows)
{
	if (sample == 0 && metric == UC_METRIC_EUCLIDEAN && rows > EXACT_ROWS)
		return SAMPLE_ROWS;
	return sample;
}

Datum
quality_datum(double value, bool *is_null)
{
	*is_null = isnan(value);
	return Float8GetDatum(value);
}

void
quality_require_cluster(const Rows *rows)
{
	if (!(rows->columns & ROWS_KNOWS(ROWS_CLUSTER)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a column \"cluster\""),
				 errhint("Return the key first, its embedding second, and then its cluster.")));
}

void
quality_tell_skipped(int64 skipped)
{
	if (skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without an embedding",
							   "skipped " INT64_FORMAT " rows without an embedding", (unsigned long) skipped, skipped)));
}

/* ---- rows with their clusters ---- */

typedef struct Clustered
{
	UcSilhouetteOptions options;	/* weights: of all rows, 0 for those without a cluster */
	PreparationOptions preparation;
	Rows		rows;
	Prepared	prepared;		/* the vectors that are measured */
	int32	   *labels;			/* [rows.count] 0 … k-1, arbitrary for rows without a cluster */
	int			k;
	size_t		without;		/* rows without a cluster */
} Clustered;

static size_t
measures_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Clustered *clustered = arg;
	int			k = Max(clustered->rows.labels[ROWS_CLUSTER].count, 1);
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&clustered->preparation, &clustered->rows, rows, dim, threads,
												 &prepared_dim);
	size_t		silhouettes = uc_silhouette_memory(rows, prepared_dim, k, &clustered->options, threads);
	size_t		measures = uc_validity_memory(rows, prepared_dim, k);

	/* and the silhouettes and weights that we hold ourselves */
	return uc_size_add(uc_size_add(preparation, Max(silhouettes, measures)), uc_size_mul(rows, 2 * sizeof(double)));
}

static void
set_weights(Clustered *clustered)
{
	Rows	   *rows = &clustered->rows;
	double	   *weights = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(double)));

	clustered->labels = rows->labels[ROWS_CLUSTER].codes;
	clustered->k = rows->labels[ROWS_CLUSTER].count;
	for (size_t i = 0; i < rows->count; i++)
	{
		weights[i] = rows->weights == NULL ? 1 : rows->weights[i];
		if (clustered->labels[i] >= 0)
			continue;
		clustered->labels[i] = 0;
		weights[i] = 0;
		clustered->without++;
	}
	clustered->options.weights = weights;
}

/* False where no row counts. */
static bool
any_weight(const Clustered *clustered)
{
	for (size_t i = 0; i < clustered->rows.count; i++)
		if (clustered->options.weights[i] > 0)
			return true;
	return false;
}

static void
read_clustered(Clustered *clustered, const char *query, Oid key_type)
{
	RowsOptions rows_options = {
		.name = "measuring clusters",.directions = clustered->options.metric == UC_METRIC_COSINE,
		.columns = ROWS_KNOWS(ROWS_CLUSTER) | ROWS_KNOWS(ROWS_WEIGHT) | PREPARATION_COLUMNS,
		.work = measures_memory,.work_arg = clustered
	};

	query_read(query, key_type, &rows_options, &clustered->rows);
	quality_require_cluster(&clustered->rows);
	if (clustered->rows.count > 0)
	{
		set_weights(clustered);
		preparation_fit(&clustered->preparation, &clustered->rows, &clustered->prepared);
	}
	quality_tell_skipped(clustered->rows.skipped);
	if (clustered->without > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped %zu row without a cluster", "skipped %zu rows without a cluster",
							   (unsigned long) clustered->without, clustered->without)));
}

static void
run_for(const Clustered *clustered, UcRun *run)
{
	size_t		held = rows_memory(&clustered->rows);

	if (clustered->prepared.changed)
		held = uc_size_add(held, uc_size_mul(clustered->rows.count, sizeof(float) * clustered->prepared.dim));
	usercluster_run(run);
	progress_watch(run);
	run->max_memory -= Min(held, run->max_memory);
}

/* ---- one row of figures ---- */

static void
measure(const Clustered *clustered, UcSilhouette *silhouette, UcValidity *validity)
{
	const Rows *rows = &clustered->rows;
	UcRun		run;
	UcError		err;
	UcStatus	status;

	run_for(clustered, &run);
	status = uc_silhouette(clustered->prepared.values, clustered->labels, rows->count, clustered->prepared.dim, clustered->k, &clustered->options,
						   &run, NULL, silhouette, &err);
	usercluster_check(status, &err);
	status = uc_validity(clustered->prepared.values, clustered->labels, clustered->options.weights, rows->count,
						 clustered->prepared.dim, clustered->k, clustered->options.metric, &run, validity, &err);
	usercluster_check(status, &err);
}

USERCLUSTER_FUNCTION(usercluster_cluster_quality)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster cluster_quality", ALLOCSET_DEFAULT_SIZES);
	Clustered	clustered = {.k = 0};
	UcSilhouette silhouette = {.mean = NAN,.error = NAN};
	UcValidity	validity = {
		.inertia = NAN,.simplified_silhouette = NAN,.calinski_harabasz = NAN,.davies_bouldin = NAN
	};
	bool		nulls[QUALITY_COLUMNS] = {false};
	Datum		values[QUALITY_COLUMNS];
	TupleDesc	description;
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	usercluster_refuse_null(fcinfo, QUALITY_QUERY, "query");
	usercluster_refuse_null(fcinfo, QUALITY_METRIC, "metric");
	usercluster_refuse_null(fcinfo, QUALITY_SEED, "seed");
	usercluster_refuse_null(fcinfo, QUALITY_PREPARATION, "preparation");
	usercluster_refuse_null(fcinfo, QUALITY_FEATURE_WEIGHT, "feature_weight");
	MemoryContextSwitchTo(context);
	progress_begin("cluster_quality");
	clustered.options.metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(QUALITY_METRIC)));
	clustered.options.sample = quality_sample_argument(fcinfo, QUALITY_SAMPLE);
	clustered.options.seed = (uint64_t) PG_GETARG_INT64(QUALITY_SEED);
	preparation_options(&clustered.preparation, text_to_cstring(PG_GETARG_TEXT_PP(QUALITY_PREPARATION)),
						PG_GETARG_FLOAT8(QUALITY_FEATURE_WEIGHT), clustered.options.metric);
	read_clustered(&clustered, text_to_cstring(PG_GETARG_TEXT_PP(QUALITY_QUERY)), InvalidOid);
	clustered.options.sample = quality_sample(clustered.options.sample, clustered.options.metric, clustered.rows.count);
	if (any_weight(&clustered))
		measure(&clustered, &silhouette, &validity);
	MemoryContextSwitchTo(old);

	values[0] = Int32GetDatum(validity.clusters);
	values[1] = Int64GetDatum((int64) (clustered.rows.count - clustered.without));
	values[2] = Int64GetDatum(clustered.rows.skipped + (int64) clustered.without);
	values[3] = quality_datum(validity.inertia, &nulls[3]);
	values[4] = quality_datum(silhouette.mean, &nulls[4]);
	values[5] = quality_datum(silhouette.error, &nulls[5]);
	values[6] = quality_datum(validity.simplified_silhouette, &nulls[6]);
	values[7] = quality_datum(validity.calinski_harabasz, &nulls[7]);
	values[8] = quality_datum(validity.davies_bouldin, &nulls[8]);
	tuple = heap_form_tuple(BlessTupleDesc(description), values, nulls);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/* ---- the silhouette of each row ---- */

static double *
silhouettes_of(const Clustered *clustered)
{
	const Rows *rows = &clustered->rows;
	double	   *silhouettes = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(double)));
	UcSilhouette mean;
	UcRun		run;
	UcError		err;
	UcStatus	status;

	run_for(clustered, &run);
	status = uc_silhouette(clustered->prepared.values, clustered->labels, rows->count, clustered->prepared.dim, clustered->k, &clustered->options,
						   &run, silhouettes, &mean, &err);
	usercluster_check(status, &err);
	return silhouettes;
}

static void
return_silhouettes(FunctionCallInfo fcinfo, int shift, Oid key_type)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Clustered	clustered = {.k = 0};
	const double *silhouettes;

	InitMaterializedSRF(fcinfo, 0);
	usercluster_refuse_null(fcinfo, SILHOUETTE_QUERY, "query");
	usercluster_refuse_null(fcinfo, SILHOUETTE_METRIC + shift, "metric");
	usercluster_refuse_null(fcinfo, SILHOUETTE_PREPARATION + shift, "preparation");
	usercluster_refuse_null(fcinfo, SILHOUETTE_FEATURE_WEIGHT + shift, "feature_weight");
	context = AllocSetContextCreate(old, "usercluster silhouette", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("silhouette");
	clustered.options.metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(SILHOUETTE_METRIC + shift)));
	preparation_options(&clustered.preparation, text_to_cstring(PG_GETARG_TEXT_PP(SILHOUETTE_PREPARATION + shift)),
						PG_GETARG_FLOAT8(SILHOUETTE_FEATURE_WEIGHT + shift), clustered.options.metric);
	read_clustered(&clustered, text_to_cstring(PG_GETARG_TEXT_PP(SILHOUETTE_QUERY)), key_type);
	silhouettes = any_weight(&clustered) ? silhouettes_of(&clustered) : NULL;
	for (size_t i = 0; silhouettes != NULL && i < clustered.rows.count; i++)
	{
		bool		nulls[SILHOUETTE_COLUMNS] = {false};
		Datum		values[SILHOUETTE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		if (clustered.options.weights[i] == 0)
			continue;
		values[0] = clustered.rows.keys[i];
		values[1] = CStringGetTextDatum(clustered.rows.labels[ROWS_CLUSTER].names[clustered.labels[i]]);
		values[2] = quality_datum(silhouettes[i], &nulls[2]);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		pfree(DatumGetPointer(values[1]));
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_silhouette)
{
	return_silhouettes(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_silhouette_keyed)
{
	return_silhouettes(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, SILHOUETTE_KEY));
	return (Datum) 0;
}
