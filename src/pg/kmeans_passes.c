/*
 * kmeans_passes.c
 *	  Statements over the user's query, with the centroids as their first parameter and the preparation as their second.
 *
 * A statement is planned for its parameters: so they are constants to the functions it calls, which then need not compare
 * them from row to row.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/centroids.h"
#include "pg/kmeans_passes.h"
#include "pg/progress.h"

#define LIKELY_ROWS 100			/* per cluster: among so many first rows each cluster has appeared */

/* Takes one row of a statement's result, in a memory context that lasts until the next; false: no more are needed. */
typedef bool (*TakeRow) (void *arg, TupleTableSlot *slot);

typedef struct Receiver
{
	DestReceiver pub;
	TakeRow		take;
	void	   *arg;
	MemoryContext one_row;
} Receiver;

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->one_row);
	bool		more = receiver->take(receiver->arg, slot);

	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->one_row);
	return more;
}

static void
start_receiving(DestReceiver *self, int operation, TupleDesc description)
{
}

static void
stop_receiving(DestReceiver *self)
{
}

static ParamListInfo
parameters(const KmeansPasses *passes, const float *centroids, int k)
{
	ParamListInfo list = makeParamList(2);

	for (int i = 0; i < list->numParams; i++)
		list->params[i] = (ParamExternData) {.isnull = true,.pflags = PARAM_FLAG_CONST,.ptype = FLOAT4ARRAYOID};
	list->params[0].value = centroids_matrix(centroids, k, passes->dim);
	list->params[0].isnull = false;
	if (OidIsValid(passes->preparation_type))
		list->params[1] = (ParamExternData) {
			.value = passes->preparation,.pflags = PARAM_FLAG_CONST,.ptype = passes->preparation_type
		};
	return list;
}

static void
run(const KmeansPasses *passes, const char *statement, const float *centroids, int k, TakeRow take, void *arg)
{
	Receiver	receiver = {
		.pub = {.receiveSlot = receive,.rStartup = start_receiving,.rShutdown = stop_receiving,
		.rDestroy = stop_receiving,.mydest = DestTuplestore},
		.take = take,.arg = arg
	};
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster pass", ALLOCSET_DEFAULT_SIZES);
	SPIExecuteOptions options = {.read_only = true,.dest = &receiver.pub};
	int			result;

	CHECK_FOR_INTERRUPTS();
	MemoryContextSwitchTo(context);
	receiver.one_row = AllocSetContextCreate(context, "usercluster row", ALLOCSET_DEFAULT_SIZES);
	options.params = parameters(passes, centroids, k);
	SPI_connect();
	result = SPI_execute_extended(statement, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- what the statements say of a row ---- */

static const char *
vector(const KmeansPasses *passes)
{
	if (!OidIsValid(passes->preparation_type))
		return "q.embedding";
	return psprintf("usercluster.prepare(q.embedding, $2, %s, %s)",
					passes->form.language == NULL ? "NULL" : passes->form.language,
					passes->form.columns & ROWS_KNOWS(ROWS_FEATURES) ? "q.features::pg_catalog.float8[]" : "NULL");
}

static const char *
metric(const KmeansPasses *passes)
{
	return passes->metric == UC_METRIC_COSINE ? "'cosine'" : "'euclidean'";
}

static bool
is_weighted(const KmeansPasses *passes)
{
	return passes->form.columns & ROWS_KNOWS(ROWS_WEIGHT);
}

static const char *
nearest(const KmeansPasses *passes)
{
	return psprintf("usercluster.nearest(%s, $1, %s)", vector(passes), metric(passes));
}

static const char *
last_argument(const KmeansPasses *passes)
{
	return is_weighted(passes) ? ", q.weight::pg_catalog.float8" : "";
}

/* (cluster, distance) as nearest returns it. */
static void
read_nearest(Datum datum, int k, int *cluster, double *distance)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(datum);
	bool		is_null;

	*cluster = DatumGetInt32(GetAttributeByNum(row, 1, &is_null)) - 1;
	*distance = DatumGetFloat8(GetAttributeByNum(row, 2, &is_null));
	if (*cluster < 0 || *cluster >= k)
		elog(ERROR, "cluster %d out of range", *cluster + 1);
}

/* ---- the state ---- */

typedef struct TakenState
{
	MemoryContext context;
	ArrayType  *state;			/* NULL: the query gave no rows */
} TakenState;

static bool
take_state(void *arg, TupleTableSlot *slot)
{
	TakenState *taken = arg;
	bool		is_null;
	Datum		datum = slot_getattr(slot, 1, &is_null);

	MemoryContextSwitchTo(taken->context);
	taken->state = is_null ? NULL : DatumGetArrayTypePCopy(datum);
	return true;
}

KmeansState
passes_state(const KmeansPasses *passes, const float *centroids, int k)
{
	TakenState	taken = {.context = CurrentMemoryContext};
	KmeansState state;
	double		rows = 0;

	run(passes, psprintf("SELECT usercluster.kmeans_partial(%s, $1, %s%s) FROM %s", vector(passes), metric(passes),
						 last_argument(passes), passes->form.from), centroids, k, take_state, &taken);
	if (taken.state == NULL)
		query_refuse_change();
	state = kmeans_state_read(taken.state);
	for (int i = 0; i < state.k; i++)
		rows += kmeans_state_cluster(&state, i)[KMEANS_CLUSTER_ROWS];
	if (rows != (double) passes->rows)
		query_refuse_change();
	return state;
}

/* ---- far rows ---- */

typedef struct TakenFar
{
	MemoryContext context;
	const KmeansPasses *passes;
	int			k;
	FarRow	   *rows;
	int			count;
} TakenFar;

static bool
take_far(void *arg, TupleTableSlot *slot)
{
	TakenFar   *taken = arg;
	FarRow	   *far = &taken->rows[taken->count];
	bool		is_null;
	Embedding  *embedding = DatumGetEmbedding(slot_getattr(slot, 1, &is_null));

	if (embedding->dim != taken->passes->dim)
		query_refuse_change();
	read_nearest(slot_getattr(slot, 2, &is_null), taken->k, &far->cluster, &far->distance);
	far->weight = is_weighted(taken->passes) ? DatumGetFloat8(slot_getattr(slot, 3, &is_null)) : 1;
	far->x = MemoryContextAlloc(taken->context, sizeof(float) * embedding->dim);
	memcpy(far->x, embedding->x, sizeof(float) * embedding->dim);
	taken->count++;
	return true;
}

FarRow *
passes_farthest(const KmeansPasses *passes, const float *centroids, int k, int wanted, int *found)
{
	TakenFar	taken = {.context = CurrentMemoryContext,.passes = passes,.k = k};

	taken.rows = palloc_extended(uc_size_mul(wanted, sizeof(FarRow)), MCXT_ALLOC_HUGE);
	run(passes, psprintf("SELECT %s, %s%s FROM %s WHERE q.embedding IS NOT NULL%s ORDER BY (%s).distance DESC, %s LIMIT %d",
						 vector(passes), nearest(passes), last_argument(passes), passes->form.from,
						 is_weighted(passes) ? " AND q.weight OPERATOR(pg_catalog.>) 0" : "", nearest(passes), passes->form.order, wanted),
		centroids, k, take_far, &taken);
	*found = taken.count;
	return taken.rows;
}

/* ---- sums in the space of the embeddings ---- */

typedef struct TakenSums
{
	int			k;
	int			dim;
	double	   *sums;			/* [k, dim] */
	double	   *weights;		/* [k] */
} TakenSums;

static bool
take_sums(void *arg, TupleTableSlot *slot)
{
	TakenSums  *taken = arg;
	bool		is_null;
	int			cluster = DatumGetInt32(slot_getattr(slot, 1, &is_null)) - 1;
	KmeansState state = kmeans_state_read(DatumGetArrayTypeP(slot_getattr(slot, 2, &is_null)));
	const double *sums = kmeans_state_cluster(&state, 0);

	if (cluster < 0 || cluster >= taken->k || state.dim != taken->dim)
		query_refuse_change();
	memcpy(taken->sums + (size_t) cluster * taken->dim, sums + KMEANS_CLUSTER_SUMS, sizeof(double) * taken->dim);
	taken->weights[cluster] = sums[KMEANS_CLUSTER_WEIGHT];
	return true;
}

void
passes_sums(const KmeansPasses *passes, const float *centroids, int k, int dim, double *sums, double *weights)
{
	TakenSums	taken = {.k = k,.dim = dim,.sums = sums,.weights = weights};

	/* one centroid, anywhere: all rows of a group are nearest to it */
	run(passes, psprintf("SELECT (%s).cluster, usercluster.kmeans_partial(q.embedding, "
						 "ARRAY[pg_catalog.array_fill(1::pg_catalog.float4, ARRAY[%d])], %s%s) "
						 "FROM %s WHERE q.embedding IS NOT NULL GROUP BY 1",
						 nearest(passes), dim, metric(passes), last_argument(passes), passes->form.from),
		centroids, k, take_sums, &taken);
}

/* ---- rows in the order of their keys ---- */

typedef struct TakenRows
{
	const KmeansPasses *passes;
	int			k;
	int		   *places;			/* [k] of passes_first_rows */
	int			seen;			/* clusters */
	ReturnSetInfo *set;			/* of passes_rows */
	size_t		count;
} TakenRows;

static bool
take_first(void *arg, TupleTableSlot *slot)
{
	TakenRows  *taken = arg;
	bool		is_null;
	int			cluster;
	double		distance;

	read_nearest(slot_getattr(slot, 2, &is_null), taken->k, &cluster, &distance);
	if (taken->places[cluster] == taken->k)
		taken->places[cluster] = taken->seen++;
	return taken->seen < taken->k;
}

/* The smaller integers become the bigint of the result. */
static Datum
key_of(const TakenRows *taken, TupleTableSlot *slot)
{
	bool		is_null;
	Datum		key = slot_getattr(slot, 1, &is_null);
	int16		length = TupleDescAttr(slot->tts_tupleDescriptor, 0)->attlen;

	if (taken->passes->key_type == INT8OID && length == sizeof(int16))
		return Int64GetDatum(DatumGetInt16(key));
	if (taken->passes->key_type == INT8OID && length == sizeof(int32))
		return Int64GetDatum(DatumGetInt32(key));
	return key;
}

static bool
take_row(void *arg, TupleTableSlot *slot)
{
	TakenRows  *taken = arg;
	bool		nulls[3] = {false};
	Datum		values[3] = {key_of(taken, slot)};
	bool		is_null;
	int			cluster;
	double		distance;

	read_nearest(slot_getattr(slot, 2, &is_null), taken->k, &cluster, &distance);
	values[1] = Int32GetDatum(cluster + 1);
	values[2] = Float8GetDatum(distance);
	tuplestore_putvalues(taken->set->setResult, taken->set->setDesc, values, nulls);
	progress_done(++taken->count);
	return true;
}

/*
 * Only keys and results are sorted, not the embeddings: rows of one key come in the order of their clusters and distances.
 * `limit` 0: all rows; otherwise only the first ones are looked at.
 */
static const char *
ordered_rows(const KmeansPasses *passes, int limit)
{
	const char *from = passes->form.from;

	if (limit > 0)
		from = psprintf("(SELECT q.* FROM %s WHERE q.embedding IS NOT NULL ORDER BY %s LIMIT %d) AS q", from,
						passes->form.order, limit);
	return psprintf("SELECT q.key, %s FROM %s WHERE q.embedding IS NOT NULL ORDER BY %s, 2", nearest(passes), from,
					passes->form.key_order);
}

void
passes_first_rows(const KmeansPasses *passes, const float *centroids, int k, int *places)
{
	TakenRows	taken = {.passes = passes,.k = k,.places = places};
	int			limit = (int) Min((double) k * LIKELY_ROWS, (double) INT_MAX);

	/* few rows are sorted much faster than all, and are nearly always enough */
	for (int attempt = 0; attempt < 2 && taken.seen < k; attempt++)
	{
		for (int i = 0; i < k; i++)
			places[i] = k;
		taken.seen = 0;
		run(passes, ordered_rows(passes, attempt == 0 ? limit : 0), centroids, k, take_first, &taken);
	}
}

void
passes_rows(const KmeansPasses *passes, const float *centroids, int k, ReturnSetInfo *set)
{
	TakenRows	taken = {.passes = passes,.k = k,.set = set};

	progress_phase("assigning rows", passes->rows);
	run(passes, ordered_rows(passes, 0), centroids, k, take_row, &taken);
	if (taken.count != passes->rows)
		query_refuse_change();
}
