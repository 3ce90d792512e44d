/*
 * centroids.c
 *	  nearest: the cluster of one embedding among given centroids. Everything comes in as arguments, so it runs in parallel
 *	  workers and on other servers.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "pg/centroids.h"
#include "pg/kmeans.h"

PG_FUNCTION_INFO_V1(usercluster_nearest);
PG_FUNCTION_INFO_V1(usercluster_centroid_matrix);

/* Points x at the rows of an array of embeddings. */
static void
read_embeddings(ArrayType *array, Centroids *centroids)
{
	Datum	   *elements;
	bool	   *nulls;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("centroids must be an array of one dimension, not %d", ARR_NDIM(array))));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, &centroids->k);
	centroids->x = palloc(sizeof(float *) * centroids->k);
	for (int i = 0; i < centroids->k; i++)
	{
		Embedding  *centroid;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("centroid %d must not be null", i + 1)));
		centroid = DatumGetEmbedding(elements[i]);
		if (i == 0)
			centroids->dim = centroid->dim;
		else if (centroid->dim != centroids->dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("different embedding dimensions %d and %d", centroids->dim, centroid->dim),
					 errdetail("Centroid %d has %d dimensions, and those before it have %d.", i + 1, centroid->dim,
							   centroids->dim)));
		embedding_check_finite(centroid);
		centroids->x[i] = centroid->x;
	}
}

/* Points x at the rows of a matrix. */
static void
read_matrix(ArrayType *array, Centroids *centroids)
{
	const float *values = (const float *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("centroids must be a matrix of a row each, not an array of %d dimensions", ARR_NDIM(array))));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("centroids must not hold nulls")));
	centroids->k = ARR_DIMS(array)[0];
	centroids->dim = ARR_DIMS(array)[1];
	centroids->x = palloc(sizeof(float *) * centroids->k);
	for (int i = 0; i < centroids->k; i++)
	{
		centroids->x[i] = values + (size_t) i * centroids->dim;
		for (int j = 0; j < centroids->dim; j++)
			if (!isfinite(centroids->x[i][j]))
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION), errmsg("centroid %d holds NaN or infinity", i + 1)));
	}
}

static void
measure_norms(Centroids *centroids)
{
	centroids->norms = palloc(sizeof(double) * centroids->k);
	for (int i = 0; i < centroids->k; i++)
	{
		centroids->norms[i] = sqrt(uc_dot(centroids->x[i], centroids->x[i], centroids->dim));
		if (centroids->norms[i] == 0 && centroids->metric == UC_METRIC_COSINE)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("centroid %d has zero norm and no direction, which the cosine metric needs", i + 1)));
	}
}

/* Reads centroids in the current memory context; they point into the matrix. */
static Centroids *
read_centroids(ArrayType *matrix, Oid metric)
{
	Centroids  *centroids = palloc0(sizeof *centroids);

	centroids->metric = kmeans_metric(DatumGetCString(DirectFunctionCall1(enum_out, ObjectIdGetDatum(metric))));
	read_matrix(matrix, centroids);
	measure_norms(centroids);
	return centroids;
}

const Centroids *
centroids_from_embeddings(ArrayType *array, UcMetric metric)
{
	Centroids  *centroids = palloc0(sizeof *centroids);

	centroids->metric = metric;
	read_embeddings(array, centroids);
	measure_norms(centroids);
	return centroids;
}

/* (embedding[]) → real[][] */
Datum
usercluster_centroid_matrix(PG_FUNCTION_ARGS)
{
	Centroids	centroids = {0};
	size_t		bytes;
	ArrayType  *matrix;

	read_embeddings(PG_GETARG_ARRAYTYPE_P(0), &centroids);
	if (centroids.k == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT4OID));
	bytes = ARR_OVERHEAD_NONULLS(2) + uc_size_mul(centroids.k, sizeof(float) * centroids.dim);
	if (bytes > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d centroids of %d dimensions do not fit into one array", centroids.k, centroids.dim)));
	matrix = palloc0(bytes);
	SET_VARSIZE(matrix, bytes);
	matrix->ndim = 2;
	matrix->elemtype = FLOAT4OID;
	ARR_DIMS(matrix)[0] = centroids.k;
	ARR_DIMS(matrix)[1] = centroids.dim;
	ARR_LBOUND(matrix)[0] = ARR_LBOUND(matrix)[1] = 1;
	for (int i = 0; i < centroids.k; i++)
		memcpy((float *) ARR_DATA_PTR(matrix) + (size_t) i * centroids.dim, centroids.x[i], sizeof(float) * centroids.dim);
	PG_RETURN_ARRAYTYPE_P(matrix);
}

/* Of one call site: the centroids of the last call, and what they were read from. */
typedef struct Cached
{
	bool		constant;		/* both arguments are constants: no need to look at them again */
	ArrayType  *matrix;
	Oid			metric;
	Centroids  *centroids;
	MemoryContext context;		/* of matrix and centroids */
} Cached;

/* In an aggregate the arguments that the planner saw are those of the aggregate, which follow the state. */
static bool
is_constant(FunctionCallInfo fcinfo, int argument)
{
	Aggref	   *aggregate = AggCheckCallContext(fcinfo, NULL) ? AggGetAggref(fcinfo) : NULL;
	Node	   *call = fcinfo->flinfo->fn_expr;
	List	   *arguments = aggregate != NULL ? aggregate->args :
		call != NULL && IsA(call, FuncExpr) ? ((FuncExpr *) call)->args : NIL;
	int			position = aggregate != NULL ? argument - 1 : argument;
	Node	   *node = position < list_length(arguments) ? list_nth(arguments, position) : NULL;

	if (node != NULL && IsA(node, TargetEntry))
		node = (Node *) ((TargetEntry *) node)->expr;
	return node != NULL && IsA(node, Const);
}

/*
 * A parameter may change between two calls that share fn_extra, so what is not a constant is compared with what was read:
 * that costs far less than the norms of all centroids.
 */
const Centroids *
centroids_argument(FunctionCallInfo fcinfo, int argument)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	ArrayType  *matrix;
	Oid			metric;
	MemoryContext old;

	if (cached != NULL && cached->constant)
		return cached->centroids;
	matrix = PG_GETARG_ARRAYTYPE_P(argument);
	metric = PG_GETARG_OID(argument + 1);
	if (cached != NULL && cached->centroids != NULL && cached->metric == metric &&
		VARSIZE(cached->matrix) == VARSIZE(matrix) && memcmp(cached->matrix, matrix, VARSIZE(matrix)) == 0)
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
	cached->matrix = palloc(VARSIZE(matrix));
	memcpy(cached->matrix, matrix, VARSIZE(matrix));
	cached->metric = metric;
	cached->centroids = read_centroids(cached->matrix, metric);
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
