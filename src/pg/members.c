/*
 * members.c
 *	  Which rows of a query speak for their clusters, and which might as well be in another: typical_members and
 *	  border_members, over clusters that anybody has made.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/members.h"
#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

#define MOST_MEMBERS 1000		/* of a cluster that one call shows */

/* Arguments in SQL; the keyed forms have their key's type after the query. */
enum
{
	MEMBERS_QUERY, MEMBERS_N, MEMBERS_METRIC, MEMBERS_PREPARATION, MEMBERS_FEATURE_WEIGHT
};
#define MEMBERS_KEY 1

typedef struct Members
{
	int			n;				/* of each cluster */
	UcMetric	metric;
	PreparationOptions preparation;
	Rows		rows;
	Prepared	prepared;
	UcStanding	standing;
	size_t	   *order;			/* [rows.count] by cluster, then what was asked for first */
} Members;

static size_t
members_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Members *members = arg;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&members->preparation, &members->rows, rows, dim, threads, &prepared_dim);
	size_t		standing = uc_standing_memory(prepared_dim, members->rows.labels[ROWS_CLUSTER].count);

	return uc_size_add(uc_size_add(preparation, standing),
					   uc_size_mul(rows, 2 * sizeof(double) + sizeof(int32_t) + sizeof(size_t)));
}

static void
read_arguments(FunctionCallInfo fcinfo, int shift, Members *members)
{
	static const char *const names[] = {"query", "n", "metric", "preparation", "feature_weight"};

	for (int i = 0; i < (int) lengthof(names); i++)
		usercluster_refuse_null(fcinfo, i == MEMBERS_QUERY ? i : i + shift, names[i]);
	members->n = PG_GETARG_INT32(MEMBERS_N + shift);
	if (members->n < 1 || members->n > MOST_MEMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be from 1 to %d, not %d", MOST_MEMBERS, members->n)));
	members->metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(MEMBERS_METRIC + shift)));
	preparation_options(&members->preparation, text_to_cstring(PG_GETARG_TEXT_PP(MEMBERS_PREPARATION + shift)),
						PG_GETARG_FLOAT8(MEMBERS_FEATURE_WEIGHT + shift), members->metric);
}

static void
measure(Members *members)
{
	const Rows *rows = &members->rows;
	size_t		held = rows_memory(rows);
	UcRun		run;
	UcError		err;

	preparation_fit(&members->preparation, rows, &members->prepared);
	members->standing.distances = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(double)));
	members->standing.margins = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(double)));
	members->standing.next = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(int32_t)));
	members->order = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(rows->count, sizeof(size_t)));
	if (members->prepared.changed)
		held = uc_size_add(held, uc_size_mul(rows->count, sizeof(float) * members->prepared.dim));
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(held, run.max_memory);
	usercluster_check(uc_standing(members->prepared.values, rows->labels[ROWS_CLUSTER].codes, rows->weights, rows->count,
								  members->prepared.dim, rows->labels[ROWS_CLUSTER].count, members->metric, &run,
								  &members->standing, &err), &err);
}

typedef struct Ordering
{
	const int32 *clusters;
	const double *by;
} Ordering;

static int
compare_members(const void *a, const void *b, void *arg)
{
	const Ordering *ordering = arg;
	size_t		x = *(const size_t *) a,
				y = *(const size_t *) b;

	if (ordering->clusters[x] != ordering->clusters[y])
		return ordering->clusters[x] < ordering->clusters[y] ? -1 : 1;
	if (ordering->by[x] != ordering->by[y])
		return ordering->by[x] < ordering->by[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void
put_member(ReturnSetInfo *set, const Members *members, int rank, size_t row, bool border)
{
	char	  **names = members->rows.labels[ROWS_CLUSTER].names;
	const UcStanding *standing = &members->standing;
	int			next = standing->next[row];
	bool		nulls[6] = {false, false, false, false, next < 0, next < 0};
	Datum		values[6] = {
		CStringGetTextDatum(names[members->rows.labels[ROWS_CLUSTER].codes[row]]), Int32GetDatum(rank),
		members->rows.keys[row], Float8GetDatum(standing->distances[row])
	};

	if (border && next >= 0)
	{
		values[4] = CStringGetTextDatum(names[next]);
		values[5] = Float8GetDatum(standing->margins[row]);
	}
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

/* The rows of one cluster, order[0, count): by rising distance, or by rising margin for the border. */
static void
put_cluster(ReturnSetInfo *set, const Members *members, const size_t *order, size_t count, bool border)
{
	size_t	   *picked = palloc(sizeof(size_t) * members->n);
	size_t		found = Min((size_t) members->n, count);

	CHECK_FOR_INTERRUPTS();
	if (border)
		memcpy(picked, order, sizeof(size_t) * found);
	else
	{
		found = uc_typical_members(members->prepared.values, members->prepared.dim, members->metric, order,
								   members->standing.distances, count, members->n, picked);
		if (found == 0)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
	for (size_t i = 0; i < found; i++)
		put_member(set, members, (int) i + 1, picked[i], border);
	pfree(picked);
}

static void
return_members(FunctionCallInfo fcinfo, int shift, Oid key_type, bool border)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Members		members = {.n = 0};
	RowsOptions options = {
		.name = "comparing members",.columns = ROWS_KNOWS(ROWS_CLUSTER) | ROWS_KNOWS(ROWS_WEIGHT) | PREPARATION_COLUMNS,
		.work = members_memory,.work_arg = &members
	};
	const int32 *clusters;
	size_t		ordered = 0;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster members", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin(border ? "border_members" : "typical_members");
	read_arguments(fcinfo, shift, &members);
	options.directions = members.metric == UC_METRIC_COSINE;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(MEMBERS_QUERY)), key_type, &options, &members.rows);
	quality_require_cluster(&members.rows);
	quality_tell_skipped(members.rows.skipped);
	if (members.rows.count > 0)
		measure(&members);
	clusters = members.rows.labels[ROWS_CLUSTER].codes;
	for (size_t i = 0; i < members.rows.count; i++)
		if (clusters[i] >= 0 && !(border && members.standing.next[i] < 0))
			members.order[ordered++] = i;
	if (ordered > 0)
		qsort_arg(members.order, ordered, sizeof(size_t), compare_members,
				  &(Ordering) {clusters, border ? members.standing.margins : members.standing.distances});
	for (size_t first = 0, last; first < ordered; first = last)
	{
		for (last = first + 1; last < ordered && clusters[members.order[last]] == clusters[members.order[first]]; last++)
			;
		put_cluster(set, &members, members.order + first, last - first, border);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_typical_members)
{
	return_members(fcinfo, 0, INT8OID, false);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_typical_members_keyed)
{
	return_members(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, MEMBERS_KEY), false);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_border_members)
{
	return_members(fcinfo, 0, INT8OID, true);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_border_members_keyed)
{
	return_members(fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, MEMBERS_KEY), true);
	return (Datum) 0;
}
