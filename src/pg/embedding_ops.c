/*
 * embedding_ops.c
 *	  Operators and functions of the type: distances, arithmetic, order, hash.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"

#include "base/simd.h"
#include "pg/definition.h"
#include "pg/embedding.h"

/* Both arguments, of one dimension. */
static void
two_arguments(FunctionCallInfo fcinfo, Embedding **a, Embedding **b)
{
	*a = PG_GETARG_EMBEDDING(0);
	*b = PG_GETARG_EMBEDDING(1);
	embedding_check_same_dim(*a, *b);
}

static void
refuse_zero_norm(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s of an embedding of zero norm is undefined", what),
			 errhint("Leave such rows out with WHERE norm(embedding) > 0.")));
}

USERCLUSTER_FUNCTION(usercluster_l2_distance)
{
	Embedding  *a,
			   *b;

	two_arguments(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(sqrt(uc_squared_distance(a->x, b->x, a->dim)));
}

USERCLUSTER_FUNCTION(usercluster_cosine_distance)
{
	Embedding  *a,
			   *b;
	double		products[3],
				cosine;

	two_arguments(fcinfo, &a, &b);
	uc_kernels()->dot_and_norms(a->x, b->x, a->dim, products);
	if (products[1] == 0 || products[2] == 0)
		refuse_zero_norm("cosine distance");
	cosine = products[0] / (sqrt(products[1]) * sqrt(products[2]));
	PG_RETURN_FLOAT8(1.0 - Max(-1.0, Min(1.0, cosine)));
}

USERCLUSTER_FUNCTION(usercluster_inner_product)
{
	Embedding  *a,
			   *b;

	two_arguments(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(uc_dot(a->x, b->x, a->dim));
}

USERCLUSTER_FUNCTION(usercluster_negative_inner_product)
{
	Embedding  *a,
			   *b;

	two_arguments(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(-uc_dot(a->x, b->x, a->dim));
}

USERCLUSTER_FUNCTION(usercluster_dims)
{
	PG_RETURN_INT32(PG_GETARG_EMBEDDING(0)->dim);
}

USERCLUSTER_FUNCTION(usercluster_norm)
{
	Embedding  *a = PG_GETARG_EMBEDDING(0);

	PG_RETURN_FLOAT8(sqrt(uc_dot(a->x, a->x, a->dim)));
}

USERCLUSTER_FUNCTION(usercluster_l2_normalize)
{
	Embedding  *a = PG_GETARG_EMBEDDING(0);
	Embedding  *result = embedding_new(a->dim);
	double		norm = sqrt(uc_dot(a->x, a->x, a->dim));

	if (norm == 0)
		refuse_zero_norm("direction");
	for (int i = 0; i < a->dim; i++)
		result->x[i] = (float) (a->x[i] / norm);
	PG_RETURN_EMBEDDING(result);
}

static inline void
put_component(Embedding *result, int i, double value)
{
	result->x[i] = (float) value;
	if (!isfinite(result->x[i]))
		embedding_refuse_overflow(i, result->dim, value);
}

USERCLUSTER_FUNCTION(usercluster_embedding_add)
{
	Embedding  *a,
			   *b,
			   *result;

	two_arguments(fcinfo, &a, &b);
	result = embedding_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		put_component(result, i, (double) a->x[i] + b->x[i]);
	PG_RETURN_EMBEDDING(result);
}

USERCLUSTER_FUNCTION(usercluster_embedding_subtract)
{
	Embedding  *a,
			   *b,
			   *result;

	two_arguments(fcinfo, &a, &b);
	result = embedding_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		put_component(result, i, (double) a->x[i] - b->x[i]);
	PG_RETURN_EMBEDDING(result);
}

static Embedding *
scaled(const Embedding *a, double factor)
{
	Embedding  *result = embedding_new(a->dim);

	if (!isfinite(factor))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("an embedding cannot be multiplied by %s",
																  isnan(factor) ? "NaN" : "infinity")));
	for (int i = 0; i < a->dim; i++)
		put_component(result, i, a->x[i] * factor);
	return result;
}

USERCLUSTER_FUNCTION(usercluster_embedding_scale)
{
	PG_RETURN_EMBEDDING(scaled(PG_GETARG_EMBEDDING(0), PG_GETARG_FLOAT8(1)));
}

USERCLUSTER_FUNCTION(usercluster_scale_embedding)
{
	PG_RETURN_EMBEDDING(scaled(PG_GETARG_EMBEDDING(1), PG_GETARG_FLOAT8(0)));
}

/* ---- order: by components, then the shorter first; -0 equals 0 ---- */

static int
compare(FunctionCallInfo fcinfo)
{
	Embedding  *a = PG_GETARG_EMBEDDING(0),
			   *b = PG_GETARG_EMBEDDING(1);
	int			result = 0;

	for (int i = 0; i < Min(a->dim, b->dim) && result == 0; i++)
		result = (a->x[i] > b->x[i]) - (a->x[i] < b->x[i]);
	if (result == 0)
		result = (a->dim > b->dim) - (a->dim < b->dim);
	/* An index build compares many: what was detoasted goes at once. */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

USERCLUSTER_FUNCTION(usercluster_embedding_lt)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_le)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_eq)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_ne)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_ge)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_gt)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

USERCLUSTER_FUNCTION(usercluster_embedding_cmp)
{
	PG_RETURN_INT32(compare(fcinfo));
}

/* The components' bytes with -0 made 0, so that equal embeddings have equal hashes. */
static float *
hash_form(const Embedding *embedding)
{
	float	   *x = palloc(sizeof(float) * embedding->dim);

	for (int i = 0; i < embedding->dim; i++)
		x[i] = embedding->x[i] == 0 ? 0.0f : embedding->x[i];
	return x;
}

USERCLUSTER_FUNCTION(usercluster_embedding_hash)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);

	return hash_any((unsigned char *) hash_form(embedding), (int) (sizeof(float) * embedding->dim));
}

USERCLUSTER_FUNCTION(usercluster_embedding_hash_extended)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);

	return hash_any_extended((unsigned char *) hash_form(embedding), (int) (sizeof(float) * embedding->dim),
							 (uint64) PG_GETARG_INT64(1));
}
