/*
 * embedding_cast.c
 *	  Between embeddings and arrays of floats.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "utils/array.h"

#include "pg/definition.h"
#include "pg/embedding.h"

/* A zeroed embedding as long as the array, which must be flat and without NULL. */
static Embedding *
embedding_for_array(ArrayType *array, int32 typmod)
{
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be one-dimensional to become an embedding"),
				 errdetail("It has %d dimensions.", ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls to become an embedding")));
	if (typmod >= 0 && count != typmod)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, count)));
	return embedding_new(count);
}

USERCLUSTER_FUNCTION(usercluster_float4_array_to_embedding)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Embedding  *embedding = embedding_for_array(array, PG_GETARG_INT32(1));

	memcpy(embedding->x, ARR_DATA_PTR(array), sizeof(float) * embedding->dim);
	embedding_check_finite(embedding);
	PG_RETURN_EMBEDDING(embedding);
}

USERCLUSTER_FUNCTION(usercluster_float8_array_to_embedding)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Embedding  *embedding = embedding_for_array(array, PG_GETARG_INT32(1));
	const double *values = (const double *) ARR_DATA_PTR(array);

	for (int i = 0; i < embedding->dim; i++)
	{
		embedding->x[i] = (float) values[i];
		if (isinf(embedding->x[i]) && isfinite(values[i]))
			embedding_refuse_overflow(i, embedding->dim, values[i]);
	}
	embedding_check_finite(embedding);
	PG_RETURN_EMBEDDING(embedding);
}

static ArrayType *
new_array(int count, Oid type, int width)
{
	size_t		bytes = ARR_OVERHEAD_NONULLS(1) + (size_t) count * width;
	ArrayType  *array = palloc0(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->elemtype = type;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

USERCLUSTER_FUNCTION(usercluster_embedding_to_float4_array)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);
	ArrayType  *array = new_array(embedding->dim, FLOAT4OID, sizeof(float));

	memcpy(ARR_DATA_PTR(array), embedding->x, sizeof(float) * embedding->dim);
	PG_RETURN_ARRAYTYPE_P(array);
}

USERCLUSTER_FUNCTION(usercluster_embedding_to_float8_array)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);
	ArrayType  *array = new_array(embedding->dim, FLOAT8OID, sizeof(double));
	double	   *values = (double *) ARR_DATA_PTR(array);

	for (int i = 0; i < embedding->dim; i++)
		values[i] = embedding->x[i];
	PG_RETURN_ARRAYTYPE_P(array);
}
