/*
 * embedding_aggregates.c
 *	  sum, avg and weighted_avg. The state is a plain float8[]: the rows' total weight, 1 each where there are no weights,
 *	  then the sums of the components in double; so parallel workers, and other servers, can pass it on. The empty state
 *	  is [0].
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/simd.h"
#include "pg/definition.h"
#include "pg/embedding.h"

/* [weight, sums …] of a state; refuses what no state of ours looks like, since SQL can call these functions by name. */
static double *
state_values(ArrayType *state, int *dim)
{
	if (ARR_NDIM(state) != 1 || ARR_HASNULL(state) || ARR_ELEMTYPE(state) != FLOAT8OID || ARR_DIMS(state)[0] < 1 ||
		ARR_DIMS(state)[0] > EMBEDDING_MAX_DIM + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("not the state of an aggregate over embeddings")));
	*dim = ARR_DIMS(state)[0] - 1;
	return (double *) ARR_DATA_PTR(state);
}

static ArrayType *
new_state(int dim)
{
	size_t		bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(double) * (dim + 1);
	ArrayType  *state = palloc0(bytes);

	SET_VARSIZE(state, bytes);
	state->ndim = 1;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = dim + 1;
	ARR_LBOUND(state)[0] = 1;
	return state;
}

static void
check_state_dim(int state, int other)
{
	if (state != other)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", state, other)));
}

/*
 * The state to change: of an aggregate's own memory the one given, elsewhere a copy. A first row replaces the empty state,
 * in the aggregate's memory so that it lives on.
 */
static ArrayType *
state_to_change(FunctionCallInfo fcinfo, int dim)
{
	MemoryContext aggregate,
				before;
	bool		in_aggregate = AggCheckCallContext(fcinfo, &aggregate) != 0;
	ArrayType  *state = in_aggregate ? PG_GETARG_ARRAYTYPE_P(0) : PG_GETARG_ARRAYTYPE_P_COPY(0);
	int			state_dim;

	state_values(state, &state_dim);
	if (state_dim > 0)
	{
		check_state_dim(state_dim, dim);
		return state;
	}
	if (!in_aggregate)
		return new_state(dim);
	before = MemoryContextSwitchTo(aggregate);
	state = new_state(dim);
	MemoryContextSwitchTo(before);
	return state;
}

/* (state, embedding [, weight]) */
USERCLUSTER_FUNCTION(usercluster_accumulate)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(1);
	double		weight = PG_NARGS() > 2 ? PG_GETARG_FLOAT8(2) : 1;
	ArrayType  *state;
	double	   *values;

	if (!isfinite(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("weight must be a finite number of at least 0, not %g", weight)));
	state = state_to_change(fcinfo, embedding->dim);
	values = (double *) ARR_DATA_PTR(state);
	values[0] += weight;
	uc_kernels()->accumulate(values + 1, embedding->x, weight, embedding->dim);
	PG_FREE_IF_COPY(embedding, 1);
	PG_RETURN_ARRAYTYPE_P(state);
}

USERCLUSTER_FUNCTION(usercluster_combine)
{
	ArrayType  *other = PG_GETARG_ARRAYTYPE_P(1);
	int			dim;
	double	   *added = state_values(other, &dim);
	ArrayType  *state;
	double	   *values;

	if (dim == 0)
	{
		state = PG_GETARG_ARRAYTYPE_P(0);
		state_values(state, &dim);
		PG_RETURN_ARRAYTYPE_P(state);
	}
	state = state_to_change(fcinfo, dim);
	values = (double *) ARR_DATA_PTR(state);
	for (int i = 0; i <= dim; i++)
		values[i] += added[i];
	PG_RETURN_ARRAYTYPE_P(state);
}

static Datum
finish(FunctionCallInfo fcinfo, bool average)
{
	int			dim;
	double	   *values = state_values(PG_GETARG_ARRAYTYPE_P(0), &dim);
	Embedding  *result;

	if (dim == 0 || !(values[0] > 0))
		PG_RETURN_NULL();
	result = embedding_new(dim);
	for (int i = 0; i < dim; i++)
	{
		double		value = average ? values[i + 1] / values[0] : values[i + 1];

		result->x[i] = (float) value;
		if (!isfinite(result->x[i]))
			embedding_refuse_overflow(i, dim, value);
	}
	PG_RETURN_EMBEDDING(result);
}

USERCLUSTER_FUNCTION(usercluster_sum_final)
{
	return finish(fcinfo, false);
}

USERCLUSTER_FUNCTION(usercluster_avg_final)
{
	return finish(fcinfo, true);
}

static double
seconds_of(const Interval *interval)
{
	return interval->time / (double) USECS_PER_SEC +
		SECS_PER_DAY * (interval->day + (double) DAYS_PER_MONTH * interval->month);
}

/* (at, half_life, as_of) → 2^-(age / half_life), at most 1 */
USERCLUSTER_FUNCTION(usercluster_recency_weight)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	double		half_life = seconds_of(PG_GETARG_INTERVAL_P(1));
	TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(2);

	if (!(half_life > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("half_life must be more than 0, not %g seconds", half_life)));
	if (TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be a finite time")));
	if (TIMESTAMP_IS_NOBEGIN(at))
		PG_RETURN_FLOAT8(0);
	if (at >= as_of)
		PG_RETURN_FLOAT8(1);
	PG_RETURN_FLOAT8(exp2(-((double) as_of - (double) at) / USECS_PER_SEC / half_life));
}
