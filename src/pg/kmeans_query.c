/*
 * kmeans_query.c
 *	  The start, the iterations, and the result.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/extend.h"
#include "pg/kmeans_query.h"
#include "pg/kmeans_survey.h"
#include "pg/progress.h"

/* ---- empty clusters ---- */

/* True where the cluster has no row of any weight. */
static bool
is_empty(const KmeansState *state, int cluster)
{
	return !(kmeans_state_cluster(state, cluster)[KMEANS_CLUSTER_WEIGHT] > 0);
}

static int
count_empty(const KmeansState *state)
{
	int			empty = 0;

	for (int i = 0; i < state->k; i++)
		empty += is_empty(state, i);
	return empty;
}

static bool
is_apart(const KmeansQuery *fit, const FarRow *far)
{
	return far->distance > (fit->passes.metric == UC_METRIC_COSINE ? UC_SAME_DIRECTION : UC_SAME_POINT);
}

/* Takes the row out of its cluster and puts it into an empty one, by itself. */
static void
move_row(const KmeansState *state, const FarRow *far, int to)
{
	double	   *from = kmeans_state_cluster(state, far->cluster);
	double	   *into = kmeans_state_cluster(state, to);
	double		factor = state->metric == UC_METRIC_COSINE ? far->weight / sqrt(uc_dot(far->x, far->x, state->dim)) : far->weight;

	from[KMEANS_CLUSTER_ROWS] -= 1;
	from[KMEANS_CLUSTER_WEIGHT] -= far->weight;
	uc_kernels()->accumulate(from + KMEANS_CLUSTER_SUMS, far->x, -factor, state->dim);
	into[KMEANS_CLUSTER_ROWS] += 1;
	into[KMEANS_CLUSTER_WEIGHT] += far->weight;
	uc_kernels()->accumulate(into + KMEANS_CLUSTER_SUMS, far->x, factor, state->dim);
}

/*
 * An empty cluster takes the row farthest from its centroid, as with rows in memory. False where no row is apart from its
 * centroid: then empty clusters stay empty.
 */
static bool
repair(const KmeansQuery *fit, const KmeansState *state, const float *centroids)
{
	int			found,
				next = 0;
	FarRow	   *far = passes_farthest(&fit->passes, centroids, state->k, state->k, &found);

	for (int i = 0; i < state->k; i++)
	{
		if (!is_empty(state, i))
			continue;
		/* the only row of a cluster would leave that one empty */
		while (next < found && kmeans_state_cluster(state, far[next].cluster)[KMEANS_CLUSTER_ROWS] < 2)
			next++;
		if (next == found || !is_apart(fit, &far[next]))
			return false;
		move_row(state, &far[next++], i);
	}
	return true;
}

/* ---- the start ---- */

/* More centroids at the rows farthest from those there are, one by one, until there are k or no row lies apart. */
static void
extend(const KmeansQuery *fit, float *centroids, int *found, int k)
{
	size_t		dim = fit->passes.dim;

	while (*found < k)
	{
		int			count;
		FarRow	   *far = passes_farthest(&fit->passes, centroids, *found, 1, &count);

		if (count == 0 || !is_apart(fit, far))
			break;
		memcpy(centroids + (size_t) (*found)++ * dim, far->x, sizeof(float) * dim);
	}
}

/* Where the iterations begin, in the space of the prepared rows; `k` becomes the number of centroids. */
static float *
begin_at(const KmeansQuery *fit, const UcKmeansOptions *options, const Sample *sample, int *k)
{
	size_t		bytes = uc_size_mul(options->k, sizeof(float) * fit->prepared.dim);
	float	   *centroids;

	*k = options->k;
	if (options->centroids == NULL)
	{
		centroids = kmeans_start(sample, &fit->prepared, options,
								 sample_memory(sample->count, sample->dim, sample->feature_count), k);
		extend(fit, centroids, k, options->k);
		return centroids;
	}
	if (fit->prepared.changed)
		return preparation_apply(&fit->prepared, options->centroids, options->k, NULL, NULL);
	centroids = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	memcpy(centroids, options->centroids, bytes);
	return centroids;
}

/* ---- the iterations ---- */

/* What a component of the (unit) rows varies on average; from the spread within the clusters and that between their means. */
static double
mean_variance(const KmeansState *state, const float *centroids)
{
	size_t		dim = state->dim;
	double	   *mean = palloc0(sizeof(double) * dim);
	double		total = 0,
				spread = 0;

	for (int j = 0; j < state->k; j++)
	{
		const double *cluster = kmeans_state_cluster(state, j);

		total += cluster[KMEANS_CLUSTER_WEIGHT];
		for (size_t i = 0; i < dim; i++)
			mean[i] += cluster[KMEANS_CLUSTER_SUMS + i];
	}
	for (size_t i = 0; i < dim; i++)
		mean[i] /= total;
	for (int j = 0; j < state->k; j++)
	{
		const double *cluster = kmeans_state_cluster(state, j);
		const float *centroid = centroids + j * dim;
		double		weight = cluster[KMEANS_CLUSTER_WEIGHT],
					scale = 1,
					moved = 0,
					apart = 0;

		if (!(weight > 0))
			continue;
		if (state->metric == UC_METRIC_COSINE)
			scale = 1 / sqrt(uc_dot(centroid, centroid, dim));
		for (size_t i = 0; i < dim; i++)
		{
			double		own = cluster[KMEANS_CLUSTER_SUMS + i] / weight;

			moved += (own - centroid[i] * scale) * (own - centroid[i] * scale);
			apart += (own - mean[i]) * (own - mean[i]);
		}
		/* the squared distance of unit vectors is twice 1 - cosine */
		spread += (state->metric == UC_METRIC_COSINE ? 2 : 1) * cluster[KMEANS_CLUSTER_INERTIA] + weight * (apart - moved);
	}
	pfree(mean);
	return Max(spread, 0) / total / dim;
}

/* Moves the centroids to where the state says; returns the sum of the squared shifts. */
static double
move_centroids(const KmeansState *state, float *centroids)
{
	size_t		dim = state->dim;
	float	   *next = palloc(sizeof(float) * dim);
	double		shift = 0;

	for (int i = 0; i < state->k; i++)
	{
		kmeans_state_place(state, i, centroids + i * dim, next);
		shift += uc_squared_distance(next, centroids + i * dim, dim);
		memcpy(centroids + i * dim, next, sizeof(float) * dim);
	}
	pfree(next);
	return shift;
}

/* Sums over parallel workers differ in the last bits: a shift by one rounding of each component is none. */
static double
rounding(const float *centroids, size_t count)
{
	const double half_ulp = 0x1p-24;

	return 4 * half_ulp * half_ulp * uc_dot(centroids, centroids, count);
}

static void
iterate(KmeansQuery *fit, const UcKmeansOptions *options, float *centroids, int k)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "usercluster iteration", ALLOCSET_DEFAULT_SIZES);
	double		enough = 0;
	bool		spread = false;

	progress_phase("iterating", options->max_iterations);
	while (!fit->result.converged && fit->result.iterations < options->max_iterations)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		KmeansState state = passes_state(&fit->passes, centroids, k);
		double		shift;

		if (fit->result.iterations == 0)
			enough = options->tolerance * mean_variance(&state, centroids);
		if (!spread && count_empty(&state) > 0)
			spread = !repair(fit, &state, centroids);
		shift = move_centroids(&state, centroids);
		fit->result.converged = shift <= Max(enough, rounding(centroids, (size_t) k * fit->passes.dim));
		progress_done(++fit->result.iterations);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/* ---- the result ---- */

/* Puts a far row in the place of each empty cluster's centroid; false where there is none. */
static bool
replace_empty(const KmeansQuery *fit, const KmeansState *state, float *centroids)
{
	int			found,
				next = 0;
	FarRow	   *far = passes_farthest(&fit->passes, centroids, state->k, state->k, &found);
	bool		replaced = false;

	for (int i = 0; i < state->k; i++)
	{
		if (!is_empty(state, i))
			continue;
		if (next == found || !is_apart(fit, &far[next]))
			return replaced;
		memcpy(centroids + (size_t) i * state->dim, far[next++].x, sizeof(float) * state->dim);
		replaced = true;
	}
	return replaced;
}

/* Leaves out the centroids of empty clusters; returns how many remain. Their rows, all of weight 0, go elsewhere. */
static int
drop_empty(const KmeansState *state, float *centroids)
{
	int			kept = 0;

	for (int i = 0; i < state->k; i++)
		if (!is_empty(state, i))
			memmove(centroids + (size_t) kept++ * state->dim, centroids + (size_t) i * state->dim, sizeof(float) * state->dim);
	return kept;
}

/* The final state: no cluster of it is empty. */
static KmeansState
settle(KmeansQuery *fit, float *centroids, int *k)
{
	KmeansState state = passes_state(&fit->passes, centroids, *k);

	/* each replacement lowers the inertia; the limit is for rounding only */
	for (int round = 0; round < *k && count_empty(&state) > 0 && replace_empty(fit, &state, centroids); round++)
		state = passes_state(&fit->passes, centroids, *k);
	if (count_empty(&state) > 0)
	{
		*k = drop_empty(&state, centroids);
		state = passes_state(&fit->passes, centroids, *k);
	}
	return state;
}

typedef struct Order
{
	int64		size;
	int			place;			/* of the cluster's first row among those of clusters of its size */
	int			cluster;
} Order;

static int
by_size(const void *a, const void *b)
{
	const Order *x = a;
	const Order *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* By falling size, ties by the first row, which costs a pass only where there are ties. */
static Order *
order_clusters(const KmeansQuery *fit, const KmeansState *state, const float *centroids)
{
	Order	   *order = palloc(sizeof(Order) * state->k);
	int		   *places;

	for (int i = 0; i < state->k; i++)
		order[i] = (Order) {.size = (int64) kmeans_state_cluster(state, i)[KMEANS_CLUSTER_ROWS],.cluster = i};
	qsort(order, state->k, sizeof *order, by_size);
	for (int i = 1; i < state->k; i++)
	{
		if (order[i].size != order[i - 1].size)
			continue;
		places = palloc(sizeof(int) * state->k);
		passes_first_rows(&fit->passes, centroids, state->k, places);
		for (int j = 0; j < state->k; j++)
			order[j].place = places[order[j].cluster];
		qsort(order, state->k, sizeof *order, by_size);
		break;
	}
	return order;
}

static void
fill_result(KmeansQuery *fit, const KmeansState *state, const float *centroids)
{
	UcKmeans   *result = &fit->result;
	size_t		dim = state->dim;
	Order	   *order = order_clusters(fit, state, centroids);

	result->k = state->k;
	result->rows = fit->rows.count;
	result->dim = dim;
	result->centroids = palloc_extended(uc_size_mul(state->k, sizeof(float) * dim), MCXT_ALLOC_HUGE);
	result->sizes = palloc(sizeof(int64_t) * state->k);
	result->cluster_inertia = palloc(sizeof(double) * state->k);
	for (int i = 0; i < state->k; i++)
	{
		memcpy(result->centroids + i * dim, centroids + order[i].cluster * dim, sizeof(float) * dim);
		result->sizes[i] = order[i].size;
		result->cluster_inertia[i] = kmeans_state_cluster(state, order[i].cluster)[KMEANS_CLUSTER_INERTIA];
		result->inertia += result->cluster_inertia[i];
	}
	pfree(order);
}

static Oid
preparation_type(void)
{
	return typenameTypeId(NULL, makeTypeNameFromNameList(list_make2(makeString(pstrdup("usercluster")),
																	makeString(pstrdup("preparation")))));
}

void
kmeans_query_fit(KmeansQuery *fit, const char *query, Oid key_type, const UcKmeansOptions *options,
				 const PreparationOptions *preparation, int centroid_dim)
{
	Sample		sample;
	float	   *centroids;
	KmeansState state;
	int			k;

	memset(fit, 0, sizeof *fit);
	/* what this statement has written before is seen, and what others write from now on is not */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	query_form(query, key_type, KMEANS_COLUMNS, &fit->passes.form);
	kmeans_survey(query, &fit->passes.form, key_type, options, preparation, centroid_dim, &fit->rows, &fit->prepared, &sample);
	fit->passes.metric = options->metric;
	fit->passes.key_type = key_type;
	fit->passes.rows = fit->rows.count;
	fit->passes.dim = fit->prepared.dim;
	if (fit->prepared.changed)
	{
		fit->passes.preparation_type = preparation_type();
		fit->passes.preparation = preparation_datum(&fit->prepared, &fit->rows, fit->passes.preparation_type);
	}
	centroids = begin_at(fit, options, &sample, &k);
	iterate(fit, options, centroids, k);
	state = settle(fit, centroids, &k);
	fill_result(fit, &state, centroids);
}

const float *
kmeans_query_means(const KmeansQuery *fit)
{
	size_t		dim = fit->rows.dim;
	int			k = fit->result.k;
	bool		cosine = fit->passes.metric == UC_METRIC_COSINE;
	double	   *sums,
			   *weights;
	float	   *means;

	if (!fit->prepared.changed)
		return fit->result.centroids;
	sums = palloc_extended(uc_size_mul(k, dim * sizeof(double)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	weights = palloc0(sizeof(double) * k);
	means = palloc_extended(uc_size_mul(k, dim * sizeof(float)), MCXT_ALLOC_HUGE);
	passes_sums(&fit->passes, fit->result.centroids, k, (int) dim, sums, weights);
	for (int j = 0; j < k; j++)
	{
		double	   *sum = sums + j * dim;
		double		square = 0;

		for (size_t i = 0; i < dim; i++)
			square += sum[i] * sum[i];
		for (size_t i = 0; i < dim; i++)
			means[j * dim + i] = (float) (cosine && square > 0 ? sum[i] / sqrt(square) : sum[i] / weights[j]);
	}
	pfree(sums);
	pfree(weights);
	return means;
}

void
kmeans_query_rows(const KmeansQuery *fit, ReturnSetInfo *set)
{
	passes_rows(&fit->passes, fit->result.centroids, fit->result.k, set);
}
