/*
 * centroids.c
 *	  nearest: the cluster of one embedding among given centroids. Everything comes in as arguments, so it runs in parallel
 *	  workers and on other servers.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "pg/centroids.h"
#include "pg/kmeans.h"

PG_FUNCTION_INFO_V1(usercluster_nearest);

static void
check_centroid(const Centroids *centroids, int i, const Embedding *centroid)
{
	if (i > 0 && centroid->dim != centroids->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", centroids->dim, centroid->dim),
				 errdetail("Centroid %d has %d dimensions, and those before it have %d.", i + 1, centroid->dim,
						   centroids->dim)));
	embedding_check_finite(centroid);
}

/* Reads centroids in the current memory context; they point into `array`. */
static Centroids *
read_centroids(ArrayType *array, const text *metric)
{
	Centroids  *centroids = palloc0(sizeof *centroids);
	Datum	   *elements;
	bool	   *nulls;

	if (ARR_NDIM(array) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("centroids must be an array of one dimension, not %d", ARR_NDIM(array))));
	centroids->metric = kmeans_metric(metric);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, &centroids->k);
	centroids->x = palloc(sizeof(float *) * centroids->k);
	centroids->norms = palloc(sizeof(double) * centroids->k);
	for (int i = 0; i < centroids->k; i++)
	{
		Embedding  *centroid;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("centroid %d must not be null", i + 1)));
		centroid = DatumGetEmbedding(elements[i]);
		if (i == 0)
			centroids->dim = centroid->dim;
		check_centroid(centroids, i, centroid);
		centroids->x[i] = centroid->x;
		centroids->norms[i] = sqrt(uc_dot(centroid->x, centroid->x, centroid->dim));
		if (centroids->norms[i] == 0 && centroids->metric == UC_METRIC_COSINE)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("centroid %d has zero norm and no direction, which the cosine metric needs", i + 1)));
	}
	return centroids;
}

/* Of one call site: the centroids of the last call, and what they were read from. */
typedef struct Cached
{
	bool		constant;		/* both arguments are constants: no need to look at them again */
	ArrayType  *array;
	text	   *metric;
	Centroids  *centroids;
	MemoryContext context;		/* of the three above */
} Cached;

/* In an aggregate the arguments that the planner saw are those of the aggregate, which follow the state. */
static bool
is_constant(FunctionCallInfo fcinfo, int argument)
{
	Aggref	   *aggregate = AggCheckCallContext(fcinfo, NULL) ? AggGetAggref(fcinfo) : NULL;
	Node	   *call = fcinfo->flinfo->fn_expr;
	List	   *arguments = aggregate != NULL ? aggregate->args : call != NULL && IsA(call, FuncExpr) ? ((FuncExpr *) call)->args : NIL;
	int			position = aggregate != NULL ? argument - 1 : argument;
	Node	   *node = position < list_length(arguments) ? list_nth(arguments, position) : NULL;

	if (node != NULL && IsA(node, TargetEntry))
		node = (Node *) ((TargetEntry *) node)->expr;
	return node != NULL && IsA(node, Const);
}

static bool
is_same(const void *a, const void *b)
{
	return VARSIZE_ANY(a) == VARSIZE_ANY(b) && memcmp(a, b, VARSIZE_ANY(a)) == 0;
}

/*
 * A parameter may change between two calls that share fn_extra, so what is not a constant is compared with what was read:
 * that costs far less than the norms of all centroids.
 */
const Centroids *
centroids_argument(FunctionCallInfo fcinfo, int argument)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	ArrayType  *array;
	text	   *metric;
	MemoryContext old;

	if (cached != NULL && cached->constant)
		return cached->centroids;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	metric = PG_GETARG_TEXT_PP(argument + 1);
	if (cached != NULL && cached->centroids != NULL && is_same(cached->array, array) && is_same(cached->metric, metric))
		return cached->centroids;
	if (cached == NULL)
	{
		cached = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *cached);
		cached->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "usercluster centroids", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cached;
	}
	cached->centroids = NULL;
	cached->constant = false;
	MemoryContextReset(cached->context);
	old = MemoryContextSwitchTo(cached->context);
	cached->array = palloc(VARSIZE_ANY(array));
	memcpy(cached->array, array, VARSIZE_ANY(array));
	cached->metric = palloc(VARSIZE_ANY(metric));
	memcpy(cached->metric, metric, VARSIZE_ANY(metric));
	cached->centroids = read_centroids(cached->array, cached->metric);
	MemoryContextSwitchTo(old);
	cached->constant = is_constant(fcinfo, argument) && is_constant(fcinfo, argument + 1);
	return cached->centroids;
}

int
centroids_nearest(const Centroids *centroids, const Embedding *embedding, double *distance)
{
	const UcKernels *kernels = uc_kernels();
	bool		cosine = centroids->metric == UC_METRIC_COSINE;
	double		norm = cosine ? sqrt(kernels->dot(embedding->x, embedding->x, embedding->dim)) : 1;
	double		nearest = INFINITY;
	int			which = 0;

	if (embedding->dim != centroids->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", embedding->dim, centroids->dim),
				 errdetail("The embedding has %d dimensions, and the centroids have %d.", embedding->dim,
						   centroids->dim)));
	if (norm == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("embedding of zero norm has no direction, which the cosine metric needs")));
	for (int i = 0; i < centroids->k; i++)
	{
		double		d = cosine ?
			1 - kernels->dot(embedding->x, centroids->x[i], embedding->dim) / (norm * centroids->norms[i]) :
			kernels->squared_distance(embedding->x, centroids->x[i], embedding->dim);

		if (d < nearest)
		{
			nearest = d;
			which = i;
		}
	}
	*distance = cosine ? Max(nearest, 0) : sqrt(nearest);
	return which;
}

Datum
usercluster_nearest(PG_FUNCTION_ARGS)
{
	TupleDesc	description;
	double		distance;
	int			cluster = centroids_nearest(centroids_argument(fcinfo, 1), PG_GETARG_EMBEDDING(0), &distance);
	Datum		values[2] = {Int32GetDatum(cluster + 1), Float8GetDatum(distance)};
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

Datum
centroids_datum(const float *centroids, int k, size_t dim)
{
	Datum	   *elements = palloc(sizeof(Datum) * k);

	if (uc_size_mul(k, EMBEDDING_SIZE(dim)) > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d centroids of %zu dimensions do not fit into one array", k, dim),
				 errhint("Use usercluster.kmeans_centroids, which returns them as rows.")));
	for (int i = 0; i < k; i++)
	{
		Embedding  *centroid = embedding_new(dim);

		memcpy(centroid->x, centroids + i * dim, sizeof(float) * dim);
		elements[i] = PointerGetDatum(centroid);
	}
	return PointerGetDatum(construct_array(elements, k, embedding_type_oid(), -1, false, TYPALIGN_INT));
}
