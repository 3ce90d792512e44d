/*
 * kmeans_partial.c
 *	  One step of k-means as an aggregate, for data that exceeds memory or one machine: rows are put to their nearest
 *	  centroid and summed by cluster; states are added, also across servers; then the centroids move.
 *
 * The state is a plain float8[]: metric, k, dim, and for each cluster rows, weight, inertia and the weighted sums of the
 * components (of unit vectors with the cosine metric), so that parallel query, foreign servers and files can carry it.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "pg/centroids.h"
#include "pg/definition.h"
#include "pg/kmeans_state.h"

enum
{
	STATE_METRIC,
	STATE_K,
	STATE_DIM,
	STATE_HEADER
};

static size_t
state_length(double k, double dim)
{
	return (size_t) (STATE_HEADER + k * (KMEANS_CLUSTER_SUMS + dim));
}

double *
kmeans_state_cluster(const KmeansState *state, int cluster)
{
	return state->values + STATE_HEADER + (size_t) cluster * (KMEANS_CLUSTER_SUMS + state->dim);
}

static void
refuse_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("not a state of kmeans_partial")));
}

/* Refuses what no state of ours looks like, since SQL can call these functions with anything. */
KmeansState
kmeans_state_read(ArrayType *array)
{
	KmeansState state = {(double *) ARR_DATA_PTR(array)};
	bool		valid = ARR_NDIM(array) == 1 && !ARR_HASNULL(array) && ARR_ELEMTYPE(array) == FLOAT8OID &&
		ARR_DIMS(array)[0] > STATE_HEADER;

	if (valid)
	{
		double		metric = state.values[STATE_METRIC];
		double		k = state.values[STATE_K];
		double		dim = state.values[STATE_DIM];

		valid = (metric == UC_METRIC_COSINE || metric == UC_METRIC_EUCLIDEAN) && k >= 1 && k <= INT_MAX &&
			dim >= 1 && dim <= EMBEDDING_MAX_DIM && k == floor(k) && dim == floor(dim) &&
			state_length(k, dim) == (size_t) ARR_DIMS(array)[0];
		if (valid)
		{
			state.metric = (int) metric;
			state.k = (int) k;
			state.dim = (int) dim;
		}
	}
	if (!valid)
		refuse_state();
	return state;
}

static ArrayType *
new_state(const UcLookup *centroids, KmeansState *state)
{
	size_t		length = state_length(centroids->k, centroids->dim);
	size_t		bytes = ARR_OVERHEAD_NONULLS(1) + uc_size_mul(length, sizeof(double));
	ArrayType  *array;

	if (bytes > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the state of %d clusters in %zu dimensions does not fit into one array", centroids->k,
						centroids->dim),
				 errdetail("It takes %zu bytes, and the limit is %zu.", bytes, (size_t) MaxAllocSize)));
	array = palloc0(bytes);
	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = (int) length;
	ARR_LBOUND(array)[0] = 1;
	state->values = (double *) ARR_DATA_PTR(array);
	state->values[STATE_METRIC] = state->metric = centroids->metric;
	state->values[STATE_K] = state->k = centroids->k;
	state->values[STATE_DIM] = state->dim = (int) centroids->dim;
	return array;
}

static void
check_same_shape(const KmeansState *a, int metric, int k, int dim)
{
	if (a->metric != metric || a->k != k || a->dim != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of kmeans_partial differ in shape"),
				 errdetail("One is of %d centroids in %d dimensions, the other of %d in %d; the metrics must agree as well.",
						   a->k, a->dim, k, dim)));
}

/* (state, embedding, centroids, metric [, weight]) */
USERCLUSTER_FUNCTION(usercluster_kmeans_accumulate)
{
	MemoryContext aggregate,
				old;
	bool		in_aggregate = AggCheckCallContext(fcinfo, &aggregate) != 0;
	ArrayType  *array;
	KmeansState state = {0};
	const UcLookup *centroids;
	Embedding  *embedding;
	double		weight = PG_NARGS() > 4 && !PG_ARGISNULL(4) ? PG_GETARG_FLOAT8(4) : 1;
	double		distance,
				scale,
			   *cluster;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3) || (PG_NARGS() > 4 && PG_ARGISNULL(4)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null",
						PG_ARGISNULL(2) ? "centroids" : PG_ARGISNULL(3) ? "metric" : "weight")));
	if (!isfinite(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("weight must be a finite number of at least 0, not %g", weight)));
	centroids = centroids_argument(fcinfo, 2);
	if (PG_ARGISNULL(0))
	{
		old = MemoryContextSwitchTo(in_aggregate ? aggregate : CurrentMemoryContext);
		array = new_state(centroids, &state);
		MemoryContextSwitchTo(old);
	}
	else
	{
		array = in_aggregate ? PG_GETARG_ARRAYTYPE_P(0) : PG_GETARG_ARRAYTYPE_P_COPY(0);
		state = kmeans_state_read(array);
		check_same_shape(&state, centroids->metric, centroids->k, (int) centroids->dim);
	}

	embedding = PG_GETARG_EMBEDDING(1);
	embedding_check_finite(embedding);
	cluster = kmeans_state_cluster(&state, centroids_nearest(centroids, embedding, &distance));
	scale = centroids->metric == UC_METRIC_EUCLIDEAN ? 1 :
		1 / sqrt(uc_dot(embedding->x, embedding->x, embedding->dim));
	cluster[KMEANS_CLUSTER_ROWS] += 1;
	cluster[KMEANS_CLUSTER_WEIGHT] += weight;
	cluster[KMEANS_CLUSTER_INERTIA] += weight * (centroids->metric == UC_METRIC_COSINE ? distance : distance * distance);
	uc_kernels()->accumulate(cluster + KMEANS_CLUSTER_SUMS, embedding->x, weight * scale, embedding->dim);
	PG_RETURN_ARRAYTYPE_P(array);
}

/* (state, state), strict */
USERCLUSTER_FUNCTION(usercluster_kmeans_add)
{
	bool		in_aggregate = AggCheckCallContext(fcinfo, NULL) != 0;
	ArrayType  *array = in_aggregate ? PG_GETARG_ARRAYTYPE_P(0) : PG_GETARG_ARRAYTYPE_P_COPY(0);
	KmeansState into = kmeans_state_read(array);
	KmeansState other = kmeans_state_read(PG_GETARG_ARRAYTYPE_P(1));
	size_t		length = state_length(into.k, into.dim);

	check_same_shape(&into, other.metric, other.k, other.dim);
	for (size_t i = STATE_HEADER; i < length; i++)
		into.values[i] += other.values[i];
	PG_RETURN_ARRAYTYPE_P(array);
}

static ArrayType *
sizes_array(const KmeansState *state)
{
	Datum	   *sizes = palloc(sizeof(Datum) * state->k);

	for (int i = 0; i < state->k; i++)
		sizes[i] = Int64GetDatum((int64) kmeans_state_cluster(state, i)[KMEANS_CLUSTER_ROWS]);
	return construct_array(sizes, state->k, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

void
kmeans_state_place(const KmeansState *state, int which, const float *now, float *next)
{
	const double *cluster = kmeans_state_cluster(state, which);
	double		scale = cluster[KMEANS_CLUSTER_WEIGHT] > 0 ? 1 / cluster[KMEANS_CLUSTER_WEIGHT] : 0;
	double		square = 0;

	for (int i = 0; i < state->dim; i++)
		square += cluster[KMEANS_CLUSTER_SUMS + i] * cluster[KMEANS_CLUSTER_SUMS + i];
	if (state->metric == UC_METRIC_COSINE)
		scale = square > 0 ? 1 / sqrt(square) : 0;
	for (int i = 0; i < state->dim; i++)
	{
		double		value = scale > 0 ? cluster[KMEANS_CLUSTER_SUMS + i] * scale : now[i];

		next[i] = (float) value;
		if (!isfinite(next[i]))
			embedding_refuse_overflow(i, state->dim, value);
	}
}

/* (state, centroids, metric) → centroids, sizes, inertia, shift; strict */
USERCLUSTER_FUNCTION(usercluster_kmeans_step)
{
	KmeansState state = kmeans_state_read(PG_GETARG_ARRAYTYPE_P(0));
	const UcLookup *centroids = centroids_argument(fcinfo, 1);
	float	   *next;
	double		inertia = 0,
				shift = 0;
	TupleDesc	description;
	bool		nulls[4] = {false};
	Datum		values[4];

	check_same_shape(&state, centroids->metric, centroids->k, (int) centroids->dim);
	next = palloc_extended(uc_size_mul(state.k, uc_size_mul(state.dim, sizeof(float))), MCXT_ALLOC_HUGE);
	for (int i = 0; i < state.k; i++)
	{
		const double *cluster = kmeans_state_cluster(&state, i);
		double		rows = cluster[KMEANS_CLUSTER_ROWS];
		const float *now = centroids->centroids + (size_t) i * state.dim;
		float	   *place = next + (size_t) i * state.dim;

		CHECK_FOR_INTERRUPTS();
		/* beyond this a double does not count rows */
		if (!(rows >= 0 && rows <= 0x1p53))
			refuse_state();
		kmeans_state_place(&state, i, now, place);
		inertia += cluster[KMEANS_CLUSTER_INERTIA];
		shift += uc_squared_distance(place, now, state.dim);
	}
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = centroids_datum(next, state.k, state.dim);
	values[1] = PointerGetDatum(sizes_array(&state));
	values[2] = Float8GetDatum(inertia);
	values[3] = Float8GetDatum(shift);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
