/*
 * kmeans_groups.c
 *	  k-means by group over one query: the column group_key says which rows belong together, and each group gets clusters of
 *	  its own. Rows whose group_key is NULL are a group too, as in PARTITION BY.
 *
 * Each group is prepared by itself too, so that its clusters are those of kmeans over its rows alone.
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/kmeans_groups.h"
#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/progress.h"
#include "pg/query.h"

/* Arguments in SQL; the keyed form has its key's type before the seed, which moves the rest by one. */
enum
{
	ARG_QUERY = KMEANS_QUERY,
	ARG_K,
	ARG_SEED,
	ARG_RESTARTS,
	ARG_MAX_ITERATIONS,
	ARG_TOLERANCE,
	ARG_METRIC,
	ARG_PREPARATION,
	ARG_FEATURE_WEIGHT
};

#define SHOWN_NAME_BYTES 64

typedef struct GroupFits
{
	MemoryContext context;		/* of everything below */
	UcGroupOptions options;
	PreparationOptions preparation;
	Rows		rows;
	UcGroupedRows grouped;
	const UcGroupFit *fits;		/* [grouped.groups] */
} GroupFits;

static void
read_options(FunctionCallInfo fcinfo, int shift, GroupFits *fits)
{
	static const char *const names[] = {
		"query", "k", "seed", "restarts", "max_iterations", "tolerance", "metric", "preparation", "feature_weight"
	};
	UcKmeansOptions *options = &fits->options.kmeans;

	for (int i = 0; i <= ARG_FEATURE_WEIGHT; i++)
		usercluster_refuse_null(fcinfo, i < ARG_SEED ? i : i + shift, names[i]);
	uc_kmeans_defaults(options);
	options->k = PG_GETARG_INT32(ARG_K);
	options->seed = (uint64_t) PG_GETARG_INT64(ARG_SEED + shift);
	options->restarts = PG_GETARG_INT32(ARG_RESTARTS + shift);
	options->max_iterations = PG_GETARG_INT32(ARG_MAX_ITERATIONS + shift);
	options->tolerance = PG_GETARG_FLOAT8(ARG_TOLERANCE + shift);
	options->metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METRIC + shift)));
	kmeans_check_options(options);
	preparation_options(&fits->preparation, text_to_cstring(PG_GETARG_TEXT_PP(ARG_PREPARATION + shift)),
						PG_GETARG_FLOAT8(ARG_FEATURE_WEIGHT + shift), options->metric);
	fits->options.automatic = fits->preparation.choice == PREPARATION_AUTO;
	fits->options.method = fits->preparation.choice == PREPARATION_WHITENED ? UC_PREPARE_WHITENED :
		fits->preparation.choice == PREPARATION_NONE ? UC_PREPARE_NONE : UC_PREPARE_CENTRED;
	fits->options.feature_weight = fits->preparation.feature_weight;
}

/* While rows come in, their groups are not known: as if they were one. The core looks again at those they are. */
static size_t
fits_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const GroupFits *fits = arg;
	UcKmeansOptions options = fits->options.kmeans;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&fits->preparation, &fits->rows, rows, dim, threads, &prepared_dim);
	size_t		copies = uc_size_mul(rows, uc_size_add(uc_size_mul(prepared_dim, sizeof(float)), 2 * sizeof(double)));

	options.k = Min((size_t) options.k, rows);
	return uc_size_add(uc_size_add(preparation, copies), uc_kmeans_memory(rows, prepared_dim, &options, threads));
}

/* ---- the groups ---- */

/* Rows without a group_key are the last group. */
static int
group_of(const Labels *labels, size_t row)
{
	return labels->codes[row] < 0 ? labels->count : labels->codes[row];
}

static const char *
group_name(const GroupFits *fits, int group)
{
	const Labels *labels = &fits->rows.labels[ROWS_GROUP_KEY];

	return group == labels->count ? NULL : labels->names[group];
}

/* For a message. */
static const char *
shown_name(const GroupFits *fits, int group)
{
	const char *name = group_name(fits, group);
	int			length = name == NULL ? 0 : strlen(name);

	if (name == NULL)
		return "NULL";
	if (length <= SHOWN_NAME_BYTES)
		return psprintf("\"%s\"", name);
	return psprintf("\"%.*s...\"", pg_mbcliplen(name, length, SHOWN_NAME_BYTES), name);
}

/* Lists the members of each group in the order of the rows. */
static void
form_groups(GroupFits *fits)
{
	const Rows *rows = &fits->rows;
	const Labels *labels = &rows->labels[ROWS_GROUP_KEY];
	size_t	   *starts = palloc_extended(uc_size_mul((size_t) labels->count + 2, sizeof(size_t)),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	size_t	   *next = palloc_extended(uc_size_mul((size_t) labels->count + 1, sizeof(size_t)), MCXT_ALLOC_HUGE);
	size_t	   *members = palloc_extended(uc_size_mul(rows->count, sizeof(size_t)), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < rows->count; i++)
		starts[group_of(labels, i) + 1]++;
	for (int group = 0; group <= labels->count; group++)
	{
		starts[group + 1] += starts[group];
		next[group] = starts[group];
	}
	for (size_t i = 0; i < rows->count; i++)
		members[next[group_of(labels, i)]++] = i;
	pfree(next);
	fits->grouped.rows = rows->values;
	fits->grouped.dim = rows->dim;
	fits->grouped.weights = rows->weights;
	fits->grouped.features = rows->features;
	fits->grouped.feature_count = rows->feature_count;
	if (fits->preparation.choice != PREPARATION_CENTRED)
	{
		fits->grouped.languages = rows->labels[ROWS_LANGUAGE].codes;
		fits->grouped.language_count = rows->labels[ROWS_LANGUAGE].count;
	}
	fits->grouped.groups = labels->count + (starts[labels->count] < rows->count);
	fits->grouped.members = members;
	fits->grouped.starts = starts;
}

static void
check_weights(const GroupFits *fits)
{
	const UcGroupedRows *grouped = &fits->grouped;

	for (int group = 0; grouped->weights != NULL && group < grouped->groups; group++)
	{
		double		sum = 0;

		for (size_t i = grouped->starts[group]; i < grouped->starts[group + 1]; i++)
			sum += grouped->weights[grouped->members[i]];
		if (sum == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("cannot cluster rows whose weights are all 0"),
					 errdetail("The group %s has no other rows.", shown_name(fits, group))));
	}
}

/* ---- the fits ---- */

/* What the core has allocated; it ends with the memory context, also when an error has ended our stack. */
typedef struct OwnedFits
{
	MemoryContextCallback callback;
	int			groups;
	UcGroupFit	fits[FLEXIBLE_ARRAY_MEMBER];
} OwnedFits;

static void
free_fits(void *arg)
{
	OwnedFits  *owned = arg;

	uc_kmeans_groups_free(owned->fits, owned->groups);
}

static void
fit_groups(GroupFits *fits)
{
	int			groups = fits->grouped.groups;
	OwnedFits  *owned = palloc_extended(uc_size_add(sizeof *owned, uc_size_mul(groups, sizeof(UcGroupFit))), MCXT_ALLOC_HUGE);
	size_t		held = uc_size_add(rows_memory(&fits->rows), uc_size_mul(fits->rows.count, sizeof(size_t)));
	UcRun		run;
	UcError		err;

	usercluster_run(&run);
	run.max_memory -= Min(held, run.max_memory);
	progress_watch(&run);
	usercluster_check(uc_kmeans_groups(&fits->grouped, &fits->options, &run, owned->fits, &err), &err);
	owned->groups = groups;
	owned->callback.func = free_fits;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	fits->fits = owned->fits;
}

/* One notice of each kind, however many groups it is about. */
static void
tell(const GroupFits *fits)
{
	int			groups = fits->grouped.groups;
	int			fewer = 0,
				first_fewer = 0,
				not_converged = 0;

	quality_tell_skipped(fits->rows.skipped);
	for (int group = groups - 1; group >= 0; group--)
	{
		if (fits->fits[group].kmeans.k < fits->options.kmeans.k)
		{
			fewer++;
			first_fewer = group;
		}
		not_converged += !fits->fits[group].kmeans.converged;
	}
	if (fewer > 0)
		ereport(NOTICE,
				(errmsg("%d of %d groups have fewer distinct embeddings than the %d clusters asked for", fewer, groups,
						fits->options.kmeans.k),
				 errdetail("The first of them is %s; clusters found there: %d.", shown_name(fits, first_fewer),
						   fits->fits[first_fewer].kmeans.k)));
	if (not_converged > 0)
		ereport(NOTICE,
				(errmsg("k-means reached max_iterations (%d) before it converged in %d of %d groups",
						fits->options.kmeans.max_iterations, not_converged, groups),
				 errhint("Raise max_iterations or tolerance.")));
}

/* Leaves the fits' own memory context current; the caller returns to the one before and deletes the fits'. */
static void
run_fits(FunctionCallInfo fcinfo, const char *command, int shift, Oid key_type, GroupFits *fits)
{
	RowsOptions rows_options = {.name = "k-means by group",.work = fits_memory,.work_arg = fits};

	memset(fits, 0, sizeof *fits);
	fits->context = AllocSetContextCreate(CurrentMemoryContext, "usercluster k-means by group", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(fits->context);
	progress_begin(command);
	read_options(fcinfo, shift, fits);
	rows_options.directions = fits->options.kmeans.metric == UC_METRIC_COSINE;
	rows_options.columns = KMEANS_COLUMNS | ROWS_KNOWS(ROWS_GROUP_KEY);
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY)), key_type, &rows_options, &fits->rows);
	if (!(fits->rows.columns & ROWS_KNOWS(ROWS_GROUP_KEY)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a column \"group_key\""),
				 errhint("Return the key first, its embedding second, and then what names its group AS group_key.")));
	if (fits->rows.count > 0)
	{
		preparation_require_columns(&fits->preparation, fits->rows.columns);
		form_groups(fits);
		check_weights(fits);
		fit_groups(fits);
	}
	tell(fits);
}

/* ---- results ---- */

static Datum
name_datum(const GroupFits *fits, int group, bool *is_null)
{
	const char *name = group_name(fits, group);

	*is_null = name == NULL;
	return name == NULL ? (Datum) 0 : CStringGetTextDatum(name);
}

static void
return_rows(FunctionCallInfo fcinfo, int shift, Oid key_type)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	GroupFits	fits;

	InitMaterializedSRF(fcinfo, 0);
	run_fits(fcinfo, "kmeans_by_group", shift, key_type, &fits);
	for (int group = 0; group < fits.grouped.groups; group++)
	{
		const UcKmeans *result = &fits.fits[group].kmeans;
		bool		nulls[4] = {false};
		Datum		values[4];

		values[0] = name_datum(&fits, group, &nulls[0]);
		for (size_t i = 0; i < result->rows; i++)
		{
			CHECK_FOR_INTERRUPTS();
			values[1] = fits.rows.keys[fits.grouped.members[fits.grouped.starts[group] + i]];
			values[2] = Int32GetDatum(result->labels[i] + 1);
			values[3] = Float8GetDatum(result->distances[i]);
			tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(fits.context);
}

USERCLUSTER_FUNCTION(usercluster_kmeans_by_group)
{
	return_rows(fcinfo, 0, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_kmeans_by_group_keyed)
{
	return_rows(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, KMEANS_KEY));
	return (Datum) 0;
}

static void
return_centroids_of(const GroupFits *fits, int group, ReturnSetInfo *set)
{
	const UcKmeans *result = &fits->fits[group].kmeans;
	size_t		dim = fits->rows.dim;
	float	   *means = fits->fits[group].prepared ?
		kmeans_means(&fits->rows, fits->grouped.members + fits->grouped.starts[group], result, fits->options.kmeans.metric) :
		NULL;
	const float *centroids = means != NULL ? means : result->centroids;
	bool		nulls[5] = {false};
	Datum		values[5];

	values[0] = name_datum(fits, group, &nulls[0]);
	for (int i = 0; i < result->k; i++)
	{
		Embedding  *centroid = embedding_new(dim);

		CHECK_FOR_INTERRUPTS();
		memcpy(centroid->x, centroids + i * dim, sizeof(float) * dim);
		values[1] = Int32GetDatum(i + 1);
		values[2] = Int64GetDatum(result->sizes[i]);
		values[3] = Float8GetDatum(result->cluster_inertia[i]);
		values[4] = PointerGetDatum(centroid);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		pfree(centroid);
	}
	if (means != NULL)
		pfree(means);
}

USERCLUSTER_FUNCTION(usercluster_kmeans_centroids_by_group)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	GroupFits	fits;

	InitMaterializedSRF(fcinfo, 0);
	run_fits(fcinfo, "kmeans_centroids_by_group", 0, InvalidOid, &fits);
	for (int group = 0; group < fits.grouped.groups; group++)
		return_centroids_of(&fits, group, set);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(fits.context);
	return (Datum) 0;
}
