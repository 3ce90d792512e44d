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
#include "pg/definition.h"
#include "pg/kmeans.h"
#include "pg/stored.h"

/* Room for what uc_lookup_begin fills in, and the refusal of what it finds. */
static UcLookup *
begin_lookup(const float *centroids, int k, int dim, UcMetric metric)
{
	UcLookup   *lookup = palloc0(sizeof *lookup);
	int			without_direction;

	lookup->centroids = centroids;
	lookup->k = k;
	lookup->dim = dim;
	lookup->metric = metric;
	lookup->norms = palloc(sizeof(double) * k);
	lookup->products = palloc(sizeof(float) * k);
	without_direction = uc_lookup_begin(lookup);
	if (without_direction >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("centroid %d has zero norm and no direction, which the cosine metric needs",
						without_direction + 1)));
	return lookup;
}

/* The embeddings of an array; refuses those that no centroids can be. */
static Embedding **
read_embeddings(ArrayType *array, int *k)
{
	Datum	   *elements;
	bool	   *nulls;
	Embedding **embeddings;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("centroids must be an array of one dimension, not %d", ARR_NDIM(array))));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, k);
	embeddings = palloc(sizeof *embeddings * *k);
	for (int i = 0; i < *k; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("centroid %d must not be null", i + 1)));
		embeddings[i] = DatumGetEmbedding(elements[i]);
		if (embeddings[i]->dim != embeddings[0]->dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("different embedding dimensions %d and %d", embeddings[0]->dim, embeddings[i]->dim),
					 errdetail("Centroid %d has %d dimensions, and those before it have %d.", i + 1, embeddings[i]->dim,
							   embeddings[0]->dim)));
		embedding_check_finite(embeddings[i]);
	}
	return embeddings;
}

static void
copy_rows(float *values, Embedding **embeddings, int k)
{
	for (int i = 0; i < k; i++)
		memcpy(values + (size_t) i * embeddings[i]->dim, embeddings[i]->x, sizeof(float) * embeddings[i]->dim);
}

const UcLookup *
centroids_from_embeddings(ArrayType *array, UcMetric metric)
{
	int			k;
	Embedding **embeddings = read_embeddings(array, &k);
	int			dim = k > 0 ? embeddings[0]->dim : 0;
	float	   *values = palloc_extended(uc_size_mul(k, sizeof(float) * dim), MCXT_ALLOC_HUGE);

	copy_rows(values, embeddings, k);
	return begin_lookup(values, k, dim, metric);
}

/* Reads centroids in the current memory context; they point into the matrix. */
static const UcLookup *
centroids_from_matrix(ArrayType *matrix, Oid metric)
{
	const float *values = (const float *) ARR_DATA_PTR(matrix);
	int			k,
				dim;

	if (ARR_NDIM(matrix) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("centroids must be a matrix of a row each, not an array of %d dimensions", ARR_NDIM(matrix))));
	if (ARR_HASNULL(matrix) && array_contains_nulls(matrix))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("centroids must not hold nulls")));
	k = ARR_DIMS(matrix)[0];
	dim = ARR_DIMS(matrix)[1];
	for (int i = 0; i < k; i++)
		for (int j = 0; j < dim; j++)
			if (!isfinite(values[(size_t) i * dim + j]))
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION), errmsg("centroid %d holds NaN or infinity", i + 1)));
	return begin_lookup(values, k, dim,
						kmeans_metric(DatumGetCString(DirectFunctionCall1(enum_out, ObjectIdGetDatum(metric)))));
}

static ArrayType *
new_matrix(int k, int dim)
{
	size_t		bytes = ARR_OVERHEAD_NONULLS(2) + uc_size_mul(k, sizeof(float) * dim);
	ArrayType  *matrix;

	if (bytes > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d centroids of %d dimensions do not fit into one array", k, dim)));
	matrix = palloc0(bytes);
	SET_VARSIZE(matrix, bytes);
	matrix->ndim = 2;
	matrix->elemtype = FLOAT4OID;
	ARR_DIMS(matrix)[0] = k;
	ARR_DIMS(matrix)[1] = dim;
	ARR_LBOUND(matrix)[0] = ARR_LBOUND(matrix)[1] = 1;
	return matrix;
}

Datum
centroids_matrix(const float *centroids, int k, int dim)
{
	ArrayType  *matrix = new_matrix(k, dim);

	memcpy(ARR_DATA_PTR(matrix), centroids, uc_size_mul(k, sizeof(float) * dim));
	return PointerGetDatum(matrix);
}

/* (embedding[]) → real[][] */
USERCLUSTER_FUNCTION(usercluster_centroid_matrix)
{
	int			k;
	Embedding **embeddings = read_embeddings(PG_GETARG_ARRAYTYPE_P(0), &k);
	ArrayType  *matrix;

	if (k == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT4OID));
	matrix = new_matrix(k, embeddings[0]->dim);
	copy_rows((float *) ARR_DATA_PTR(matrix), embeddings, k);
	PG_RETURN_ARRAYTYPE_P(matrix);
}

/* Of one call site: the centroids of the last call, and what they were read from. */
typedef struct Cached
{
	bool		constant;		/* both arguments are constants: no need to look at them again */
	bool		stored;			/* the argument was a value stored out of line: */
	struct varatt_external where;	/* this one */
	ArrayType  *matrix;
	Oid			metric;
	const UcLookup *centroids;
	MemoryContext context;		/* of matrix and centroids */
	TupleDesc	result;			/* of nearest; NULL until it is asked for */
} Cached;

/* In an aggregate the arguments that the planner saw are those of the aggregate, which follow the state. */
bool
argument_is_constant(FunctionCallInfo fcinfo, int argument)
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
const UcLookup *
centroids_argument(FunctionCallInfo fcinfo, int argument)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	Oid			metric;
	struct varatt_external where;
	bool		stored;
	ArrayType  *matrix;
	MemoryContext old;

	if (cached != NULL && cached->constant)
		return cached->centroids;
	metric = PG_GETARG_OID(argument + 1);
	stored = stored_value(PG_GETARG_DATUM(argument), &where);
	if (cached != NULL && cached->centroids != NULL && cached->metric == metric && stored && cached->stored &&
		memcmp(&cached->where, &where, sizeof where) == 0)
		return cached->centroids;
	matrix = PG_GETARG_ARRAYTYPE_P(argument);
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
	cached->stored = stored;
	cached->where = where;
	cached->centroids = centroids_from_matrix(cached->matrix, metric);
	MemoryContextSwitchTo(old);
	cached->constant = argument_is_constant(fcinfo, argument) && argument_is_constant(fcinfo, argument + 1);
	return cached->centroids;
}

int
centroids_nearest(const UcLookup *centroids, const Embedding *embedding, double *distance)
{
	if ((size_t) embedding->dim != centroids->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %zu", embedding->dim, centroids->dim),
				 errdetail("The embedding has %d dimensions, and the centroids have %zu.", embedding->dim,
						   centroids->dim)));
	if (centroids->metric == UC_METRIC_COSINE && uc_dot(embedding->x, embedding->x, embedding->dim) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("embedding of zero norm has no direction, which the cosine metric needs")));
	return uc_lookup_nearest(centroids, embedding->x, distance, NULL);
}

/* Looking the type up costs as much as finding the nearest centroid; after centroids_argument. */
static TupleDesc
result_type(FunctionCallInfo fcinfo)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	MemoryContext old;
	TupleDesc	description;

	if (cached->result != NULL)
		return cached->result;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	cached->result = BlessTupleDesc(description);
	MemoryContextSwitchTo(old);
	return cached->result;
}

USERCLUSTER_FUNCTION(usercluster_nearest)
{
	double		distance;
	int			cluster = centroids_nearest(centroids_argument(fcinfo, 1), PG_GETARG_EMBEDDING(0), &distance);
	Datum		values[2] = {Int32GetDatum(cluster + 1), Float8GetDatum(distance)};
	bool		nulls[2] = {false};

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_type(fcinfo), values, nulls)));
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
