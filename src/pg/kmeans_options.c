/*
 * kmeans_options.c
 *	  The arguments of the SQL forms of k-means, and what is refused among them before a query runs.
 */
#include "postgres.h"

#include <math.h>

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/centroids.h"
#include "pg/errors.h"
#include "pg/kmeans.h"

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
	ARG_INIT,
	ARG_CENTROIDS,
	ARG_PREPARATION,
	ARG_FEATURE_WEIGHT,
	ARG_ROUTE,
	ARG_MIN_SIZE,
	ARG_BATCH_ROWS
};

UcMetric
kmeans_metric(const char *metric)
{
	if (strcmp(metric, "cosine") == 0)
		return UC_METRIC_COSINE;
	if (strcmp(metric, "euclidean") == 0)
		return UC_METRIC_EUCLIDEAN;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized metric \"%s\"", metric),
			 errhint("Use 'cosine' or 'euclidean'.")));
}

static void
check_at_least_one(int value, const char *name)
{
	if (value < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be at least 1, not %d", name, value)));
}

void
kmeans_check_options(const UcKmeansOptions *options)
{
	check_at_least_one(options->k, "k");
	check_at_least_one(options->restarts, "restarts");
	check_at_least_one(options->max_iterations, "max_iterations");
	if (!isfinite(options->tolerance) || options->tolerance < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tolerance must be a finite number of at least 0, not %g", options->tolerance)));
}

/* The centroids to start from, as [k, dim]; `dim` is set to theirs. */
static const float *
given_centroids(ArrayType *array, int k, UcMetric metric, int *dim)
{
	const UcLookup *given = centroids_from_embeddings(array, metric);

	if (given->k != k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must equal the number of given centroids"),
				 errdetail("k is %d, and the number of centroids is %d.", k, given->k)));
	*dim = (int) given->dim;
	return given->centroids;
}

/* `given`: whether there are centroids to start from; `from_sample` is set where the start is a fit over a sample. */
static UcInit
chosen_init(const char *init, bool given, bool *from_sample)
{
	UcInit		chosen = UC_INIT_AUTO;
	bool		wants_centroids = strcmp(init, "given") == 0;

	*from_sample = strcmp(init, "sample") == 0;
	if (strcmp(init, "k-means++") == 0)
		chosen = UC_INIT_PLUS_PLUS;
	else if (strcmp(init, "k-means||") == 0)
		chosen = UC_INIT_SCALABLE;
	else if (strcmp(init, "auto") != 0 && !wants_centroids && !*from_sample)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized init \"%s\"", init),
				 errhint("Use 'auto', 'k-means++', 'k-means||', 'sample', or 'given' with centroids.")));
	if (wants_centroids && !given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init => 'given' needs centroids"),
				 errhint("Pass centroids => an array of k embeddings.")));
	if (given && (chosen != UC_INIT_AUTO || *from_sample))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init => '%s' cannot be combined with centroids", init),
				 errhint("Leave out one of them.")));
	return chosen;
}

/* Seeds are drawn from rows in memory: of all of them, or of a sample. */
static KmeansRoute
chosen_route(const char *route, const char *init, UcInit chosen)
{
	if (strcmp(route, "memory") == 0)
		return KMEANS_ROUTE_MEMORY;
	if (strcmp(route, "query") != 0 && strcmp(route, "auto") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized route \"%s\"", route),
				 errhint("Use 'auto', 'memory' or 'query'.")));
	if (strcmp(route, "query") == 0 && chosen != UC_INIT_AUTO)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("init => '%s' needs all rows in memory, which route => 'query' does not keep", init),
				 errhint("Use init => 'sample', or route => 'memory'.")));
	if (chosen != UC_INIT_AUTO)
		return KMEANS_ROUTE_MEMORY;
	return strcmp(route, "query") == 0 ? KMEANS_ROUTE_QUERY : KMEANS_ROUTE_AUTO;
}

/*
 * min_size and batch_rows, of which NULL asks for nothing. Rows must then be in memory: for the transport between clusters,
 * and to be drawn at random.
 */
static void
read_sizes(FunctionCallInfo fcinfo, int shift, UcKmeansOptions *options, KmeansRoute *route)
{
	const char *asked = NULL;

	if (!PG_ARGISNULL(ARG_MIN_SIZE + shift))
	{
		int			min_size = PG_GETARG_INT32(ARG_MIN_SIZE + shift);

		if (min_size < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("min_size must be at least 0, not %d", min_size)));
		options->min_size = min_size;
		asked = min_size > 0 ? "min_size" : NULL;
	}
	if (!PG_ARGISNULL(ARG_BATCH_ROWS + shift))
	{
		int			batch_rows = PG_GETARG_INT32(ARG_BATCH_ROWS + shift);

		check_at_least_one(batch_rows, "batch_rows");
		options->batch_rows = batch_rows;
		asked = "batch_rows";
	}
	if (asked == NULL)
		return;
	if (*route == KMEANS_ROUTE_QUERY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs all rows in memory, which route => 'query' does not keep", asked),
				 errhint("Leave out %s, or use route => 'memory'.", asked)));
	*route = KMEANS_ROUTE_MEMORY;
}

int
kmeans_read_options(FunctionCallInfo fcinfo, int shift, UcKmeansOptions *options, PreparationOptions *preparation,
					KmeansWay *way)
{
	static const char *const names[] = {
		"query", "k", "seed", "restarts", "max_iterations", "tolerance", "metric", "init",
		NULL, "preparation", "feature_weight", "route"
	};
	const char *init;
	bool		given;
	int			dim = 0;

	for (int i = 0; i <= ARG_ROUTE; i++)
		if (names[i] != NULL)
			usercluster_refuse_null(fcinfo, i < ARG_SEED ? i : i + shift, names[i]);
	uc_kmeans_defaults(options);
	options->k = PG_GETARG_INT32(ARG_K);
	options->seed = (uint64_t) PG_GETARG_INT64(ARG_SEED + shift);
	options->restarts = PG_GETARG_INT32(ARG_RESTARTS + shift);
	options->max_iterations = PG_GETARG_INT32(ARG_MAX_ITERATIONS + shift);
	options->tolerance = PG_GETARG_FLOAT8(ARG_TOLERANCE + shift);
	options->metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METRIC + shift)));
	kmeans_check_options(options);

	given = !PG_ARGISNULL(ARG_CENTROIDS + shift);
	init = text_to_cstring(PG_GETARG_TEXT_PP(ARG_INIT + shift));
	options->init = chosen_init(init, given, &way->from_sample);
	way->route = chosen_route(text_to_cstring(PG_GETARG_TEXT_PP(ARG_ROUTE + shift)), init, options->init);
	read_sizes(fcinfo, shift, options, &way->route);
	if (given)
		options->centroids = given_centroids(PG_GETARG_ARRAYTYPE_P(ARG_CENTROIDS + shift), options->k,
											 options->metric, &dim);
	preparation_options(preparation, text_to_cstring(PG_GETARG_TEXT_PP(ARG_PREPARATION + shift)),
						PG_GETARG_FLOAT8(ARG_FEATURE_WEIGHT + shift), options->metric);
	/* whoever gives centroids knows the space they are in */
	if (given && preparation->choice == PREPARATION_AUTO)
		preparation->choice = PREPARATION_NONE;
	return dim;
}
