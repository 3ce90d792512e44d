/*
 * choose_k.c
 *	  How many clusters to ask for, over a query: a row per k, and the stability of one k alone.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/choose_k.h"
#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

#define COLUMNS 10
#define WEAK_STRUCTURE 0.25		/* below this silhouette Kaufman and Rousseeuw see no substantial structure,
								 * https://doi.org/10.1002/9780470316801 */

/* Arguments of stability in SQL. */
enum
{
	STABILITY_QUERY, STABILITY_K, STABILITY_SEED, STABILITY_FITS, STABILITY_METRIC, STABILITY_RESTARTS,
	STABILITY_MAX_ITERATIONS, STABILITY_TOLERANCE, STABILITY_PREPARATION, STABILITY_FEATURE_WEIGHT
};

typedef struct Choosing
{
	UcChooseOptions options;
	PreparationOptions preparation;
	Rows		rows;
} Choosing;

static void
check_fits(int fits)
{
	if (fits < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fits must be at least 2, not %d", fits),
				 errdetail("Stability is how far fits from different seeds agree.")));
}

static void
read_options(FunctionCallInfo fcinfo, UcChooseOptions *options, PreparationOptions *preparation)
{
	static const char *const names[] = {
		"query", "kmin", "kmax", "seed", "fits", NULL, "metric", "restarts", "max_iterations", "tolerance", "preparation",
		"feature_weight"
	};

	for (int i = 0; i < CHOOSE_ARGUMENTS; i++)
		if (names[i] != NULL)
			usercluster_refuse_null(fcinfo, i, names[i]);
	uc_choose_defaults(options);
	options->k_min = PG_GETARG_INT32(CHOOSE_KMIN);
	options->k_max = PG_GETARG_INT32(CHOOSE_KMAX);
	options->fits = PG_GETARG_INT32(CHOOSE_FITS);
	options->sample = quality_sample_argument(fcinfo, CHOOSE_SAMPLE);
	options->kmeans.seed = (uint64_t) PG_GETARG_INT64(CHOOSE_SEED);
	options->kmeans.metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(CHOOSE_METRIC)));
	options->kmeans.restarts = PG_GETARG_INT32(CHOOSE_RESTARTS);
	options->kmeans.max_iterations = PG_GETARG_INT32(CHOOSE_MAX_ITERATIONS);
	options->kmeans.tolerance = PG_GETARG_FLOAT8(CHOOSE_TOLERANCE);
	options->kmeans.k = options->k_max;
	if (options->k_min < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("kmin must be at least 2, not %d", options->k_min)));
	if (options->k_min > options->k_max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kmin must be at most kmax: %d and %d", options->k_min, options->k_max)));
	check_fits(options->fits);
	kmeans_check_options(&options->kmeans);
	preparation_options(preparation, text_to_cstring(PG_GETARG_TEXT_PP(CHOOSE_PREPARATION)),
						PG_GETARG_FLOAT8(CHOOSE_FEATURE_WEIGHT), options->kmeans.metric);
}

/* For estimates, which ask only whether there are weights. */
static const double any_weight = 1;

/* Too large a k is cut, or refused with the number of rows, not as too much memory for a few of them. */
static size_t
choose_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Choosing *choosing = arg;
	UcChooseOptions options = choosing->options;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&choosing->preparation, &choosing->rows, rows, dim, threads, &prepared_dim);

	options.k_max = Min((size_t) options.k_max, Max(rows, 1));
	if (choosing->rows.columns & ROWS_KNOWS(ROWS_WEIGHT))
		options.kmeans.weights = &any_weight;
	return uc_size_add(preparation, uc_choose_memory(rows, prepared_dim, &options, threads));
}

static void
fit_range(UcChooseOptions *options, const Rows *rows)
{
	if (rows->count < (size_t) options->k_min)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kmin must be at most the number of rows: %d clusters, %zu rows", options->k_min, rows->count),
				 rows->skipped > 0 ?
				 errdetail("Rows without an embedding do not count: " INT64_FORMAT ".", rows->skipped) : 0));
	if (rows->count < (size_t) options->k_max)
	{
		ereport(NOTICE,
				(errmsg("kmax is cut to the number of rows: %zu instead of %d", rows->count, options->k_max)));
		options->k_max = (int) rows->count;
	}
}

/* What a call may use beside the rows and, where they are others, the prepared ones. */
static void
run_for(const Rows *rows, const Prepared *prepared, UcRun *run)
{
	size_t		held = rows_memory(rows);

	if (prepared->changed)
		held = uc_size_add(held, uc_size_mul(rows->count, sizeof(float) * prepared->dim));
	usercluster_run(run);
	progress_watch(run);
	run->max_memory -= Min(held, run->max_memory);
}

const char *
choose_k_reason(const Choices *choices, int choice)
{
	const UcChoice *this = &choices->choices[choice];
	bool		best = choices->reason == UC_CHOICE_BEST;

	if (isnan(this->silhouette.mean))
		return "every row is a cluster of its own";
	if (choice != choices->recommended)
		return best && this->stability < UC_STABLE ? psprintf("stability is below %.1f", UC_STABLE) :
			psprintf("%s is not higher than with k = %d", best ? "silhouette" : "stability",
					 choices->choices[choices->recommended].k);
	return psprintf("%s%s",
					best ? psprintf("highest silhouette of those with a stability of at least %.1f", UC_STABLE) :
					psprintf("no k has a stability of at least %.1f; this one has the highest", UC_STABLE),
					this->silhouette.mean < WEAK_STRUCTURE ?
					psprintf("; weak structure (silhouette below %.2f): what the clusters are for may decide as well",
							 WEAK_STRUCTURE) : "");
}

void
choose_k_measure(FunctionCallInfo fcinfo, Choices *choices)
{
	Choosing	choosing = {.options.fits = 0};
	UcChooseOptions *options = &choosing.options;
	RowsOptions rows_options = {
		.name = "choosing k",.columns = KMEANS_COLUMNS,.work = choose_memory,.work_arg = &choosing
	};
	const Rows *rows = &choosing.rows;
	Prepared	prepared;
	UcRun		run;
	UcError		err;
	UcStatus	status;

	read_options(fcinfo, options, &choosing.preparation);
	rows_options.directions = options->kmeans.metric == UC_METRIC_COSINE;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(CHOOSE_QUERY)), InvalidOid, &rows_options, &choosing.rows);
	quality_tell_skipped(rows->skipped);
	fit_range(options, rows);
	options->kmeans.weights = rows->weights;
	options->sample = quality_sample(options->sample, options->kmeans.metric, rows->count);
	preparation_fit(&choosing.preparation, rows, &prepared);

	choices->choices = palloc_extended(uc_size_mul(options->k_max - options->k_min + 1, sizeof(UcChoice)), MCXT_ALLOC_HUGE);
	run_for(rows, &prepared, &run);
	status = uc_choose_k(prepared.values, rows->count, prepared.dim, options, &run, choices->choices, &choices->count, &err);
	usercluster_check(status, &err);
	if (choices->count < options->k_max - options->k_min + 1)
		ereport(NOTICE,
				(errmsg("k ends at %d, because there are no more distinct embeddings",
						options->k_min + choices->count - 1)));
	choices->recommended = uc_choose_recommend(choices->choices, choices->count, &choices->reason);
}

static void
return_choices(ReturnSetInfo *set, const Choices *choices)
{
	for (int i = 0; i < choices->count; i++)
	{
		const UcChoice *choice = &choices->choices[i];
		bool		nulls[COLUMNS] = {false};
		Datum		values[COLUMNS] = {
			Int32GetDatum(choice->k), Float8GetDatum(choice->inertia),
			quality_datum(choice->silhouette.mean, &nulls[2]), quality_datum(choice->silhouette.error, &nulls[3]),
			quality_datum(choice->validity.simplified_silhouette, &nulls[4]),
			quality_datum(choice->validity.calinski_harabasz, &nulls[5]),
			quality_datum(choice->validity.davies_bouldin, &nulls[6]),
			Float8GetDatum(choice->stability), BoolGetDatum(i == choices->recommended),
			CStringGetTextDatum(choose_k_reason(choices, i))
		};

		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}

USERCLUSTER_FUNCTION(usercluster_choose_k)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Choices		choices;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster choose_k", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("choose_k");
	choose_k_measure(fcinfo, &choices);
	return_choices((ReturnSetInfo *) fcinfo->resultinfo, &choices);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* ---- the stability of one k ---- */

typedef struct Stability
{
	UcKmeansOptions kmeans;
	int			fits;
	PreparationOptions preparation;
	Rows		rows;
} Stability;

static void
read_stability_options(FunctionCallInfo fcinfo, Stability *options)
{
	static const char *const names[] = {
		"query", "k", "seed", "fits", "metric", "restarts", "max_iterations", "tolerance", "preparation", "feature_weight"
	};

	for (int i = 0; i <= STABILITY_FEATURE_WEIGHT; i++)
		usercluster_refuse_null(fcinfo, i, names[i]);
	uc_kmeans_defaults(&options->kmeans);
	options->kmeans.k = PG_GETARG_INT32(STABILITY_K);
	options->kmeans.seed = (uint64_t) PG_GETARG_INT64(STABILITY_SEED);
	options->kmeans.metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(STABILITY_METRIC)));
	options->kmeans.restarts = PG_GETARG_INT32(STABILITY_RESTARTS);
	options->kmeans.max_iterations = PG_GETARG_INT32(STABILITY_MAX_ITERATIONS);
	options->kmeans.tolerance = PG_GETARG_FLOAT8(STABILITY_TOLERANCE);
	options->fits = PG_GETARG_INT32(STABILITY_FITS);
	check_fits(options->fits);
	kmeans_check_options(&options->kmeans);
	preparation_options(&options->preparation, text_to_cstring(PG_GETARG_TEXT_PP(STABILITY_PREPARATION)),
						PG_GETARG_FLOAT8(STABILITY_FEATURE_WEIGHT), options->kmeans.metric);
}

static size_t
stability_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Stability *options = arg;
	UcKmeansOptions kmeans = options->kmeans;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&options->preparation, &options->rows, rows, dim, threads, &prepared_dim);

	kmeans.k = Min((size_t) kmeans.k, rows);
	if (options->rows.columns & ROWS_KNOWS(ROWS_WEIGHT))
		kmeans.weights = &any_weight;
	return uc_size_add(preparation, uc_stability_memory(rows, prepared_dim, &kmeans, options->fits, threads));
}

USERCLUSTER_FUNCTION(usercluster_stability)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster stability", ALLOCSET_DEFAULT_SIZES);
	Stability	options = {.fits = 0};
	RowsOptions rows_options = {
		.name = "stability",.columns = KMEANS_COLUMNS,.work = stability_memory,.work_arg = &options
	};
	const Rows *rows = &options.rows;
	Prepared	prepared;
	UcRun		run;
	UcError		err;
	UcStatus	status;
	double		stability = 0;

	MemoryContextSwitchTo(context);
	progress_begin("stability");
	read_stability_options(fcinfo, &options);
	rows_options.directions = options.kmeans.metric == UC_METRIC_COSINE;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(STABILITY_QUERY)), InvalidOid, &rows_options, &options.rows);
	quality_tell_skipped(rows->skipped);
	if ((size_t) options.kmeans.k > rows->count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at most the number of rows: %d clusters, %zu rows", options.kmeans.k, rows->count)));
	options.kmeans.weights = rows->weights;
	preparation_fit(&options.preparation, rows, &prepared);
	run_for(rows, &prepared, &run);
	status = uc_cluster_stability(prepared.values, rows->count, prepared.dim, &options.kmeans, options.fits, &run, &stability,
								  &err);
	usercluster_check(status, &err);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_FLOAT8(stability);
}
