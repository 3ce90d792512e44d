/*
 * watch_backfill.c
 *	  The procedure embed_missing(): embeds what a watched column lacks, a batch to a transaction.
 *
 * A pass goes through each table's blocks once, so that it needs no key, never reads a block twice, and knows how far it is. Rows are
 * read in one transaction and written in another; between them, while the model runs, no lock and no snapshot is held. A row is
 * written only where it still lies in its place with the same text and without an embedding; one that is locked or has changed is
 * left for another pass. What has been committed is done: a stop at any moment loses one batch of work and nothing else.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/watch.h"
#include "pg/watch_attempt.h"
#include "pg/watch_backfill.h"
#include "pg/watch_queue.h"
#include "pg/watch_skipped.h"

#define MOST_BLOCKS 8192
#define SECONDS_BETWEEN_NOTICES 10
#define MOST_BATCH_ROWS 100000
#define EMBED_MISSING_LOCK 60	/* kind of advisory lock; SQL's own are 1 and 2 */

typedef struct MissingRow
{
	ItemPointerData tid;
	ArrayType  *texts;
	Datum		key;			/* text[]; 0: the table has no primary key */
} MissingRow;

typedef struct Backfill
{
	Oid			relation;		/* the table that is watched */
	int			number;
	char	   *name;			/* of the table, for notices */
	int			batch_rows;
	double		max_seconds;	/* 0: no limit */
	TimestampTz started;
	TimestampTz noticed;
	MemoryContext batch;		/* reset for each batch; outlives transactions */
	SkippedTexts *skipped_before;
	int64		embedded;
	int64		skipped;		/* in this pass */
	int64		left;			/* rows of the last pass that were locked or changed meanwhile */
	double		done_share;		/* of the blocks of the first pass */
	/* the batch at hand */
	Oid			part;			/* where its rows are stored */
	MissingRow *rows;
	int			count;
	Embedding **embeddings;
	bool	   *stored;
} Backfill;

static double
seconds_since(TimestampTz start)
{
	return (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
}

static bool
time_is_up(const Backfill *job)
{
	return job->max_seconds > 0 && seconds_since(job->started) >= job->max_seconds;
}

static void
report_progress(Backfill *job)
{
	double		seconds = seconds_since(job->started);

	if (seconds_since(job->noticed) < SECONDS_BETWEEN_NOTICES)
		return;
	job->noticed = GetCurrentTimestamp();
	if (job->done_share > 0 && job->done_share < 1)
		ereport(NOTICE,
				(errmsg("%s: %lld rows embedded, %.1f a second, about %.0f seconds remain", job->name,
						(long long) job->embedded, job->embedded / seconds,
						seconds * (1 - job->done_share) / job->done_share)));
	else
		ereport(NOTICE,
				(errmsg("%s: %lld rows embedded, %.1f a second", job->name, (long long) job->embedded,
						job->embedded / seconds)));
}

/* A part of the table with its watch, or NULL where it is gone. */
static Relation
open_part(Oid part, int number, LOCKMODE lock, Watch *watch)
{
	Relation	relation = try_relation_open(part, lock);

	if (relation != NULL && !watch_find(relation, number, watch))
	{
		relation_close(relation, lock);
		return NULL;
	}
	return relation;
}

/* ---- one batch ---- */

static char *
key_sql(Relation relation)
{
	AttrNumber	attributes[INDEX_MAX_KEYS];
	StringInfoData sql;
	int			count;

	if (!OidIsValid(watch_primary_key(relation)))
		return "NULL::pg_catalog.text[]";
	count = queue_key(relation, attributes);
	initStringInfo(&sql);
	for (int i = 0; i < count; i++)
		appendStringInfo(&sql, "%s%s::pg_catalog.text", i == 0 ? "ARRAY[" : ", ", watch_column_name(relation, attributes[i]));
	appendStringInfoChar(&sql, ']');
	return sql.data;
}

/* Keeps what is not yet known to get no embedding. */
static void
keep_rows(Backfill *job)
{
	MemoryContext before = MemoryContextSwitchTo(job->batch);

	job->rows = palloc_extended(sizeof(MissingRow) * Max(SPI_processed, 1), MCXT_ALLOC_HUGE);
	job->count = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MissingRow *row = &job->rows[job->count];
		bool		null;

		row->tid = *(ItemPointer) DatumGetPointer(SPI_getbinval(tuple, desc, 1, &null));
		row->texts = DatumGetArrayTypePCopy(SPI_getbinval(tuple, desc, 2, &null));
		row->key = SPI_getbinval(tuple, desc, 3, &null);
		row->key = null ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(row->key));
		if (skipped_known(job->skipped_before, watch_joined(row->texts)))
			job->skipped++;
		else
			job->count++;
	}
	MemoryContextSwitchTo(before);
}

/* Rows from `first` on, in their order, before block `stop`, and at most a batch; returns how many, with the last one's place. */
static int
read_rows(Backfill *job, Relation relation, const Watch *watch, ItemPointer first, BlockNumber stop, ItemPointer last)
{
	ItemPointerData end;
	Oid			types[3] = {TIDOID, TIDOID, INT8OID};
	Datum		values[3] = {PointerGetDatum(first), PointerGetDatum(&end), Int64GetDatum(job->batch_rows)};
	char	   *texts = watch_texts_sql(relation, watch);
	ActingUser	before;
	int			modes,
				found;
	bool		null;

	ItemPointerSet(&end, stop, 0);
	act_as_owner(relation, watch, true, &before);
	modes = queue_transmission_modes();
	if (SPI_execute_with_args(psprintf("SELECT ctid, %s, %s FROM ONLY %s WHERE %s IS NULL AND ctid OPERATOR(pg_catalog.>=) $1"
									   " AND ctid OPERATOR(pg_catalog.<) $2"
									   " AND pg_catalog.num_nonnulls(VARIADIC %s) OPERATOR(pg_catalog.>) 0 ORDER BY ctid LIMIT $3",
									   texts, key_sql(relation), watch_relation_name(relation),
									   watch_column_name(relation, watch->embedding), texts),
							  3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read rows without embedding");
	queue_transmission_end(modes);
	act_again(&before);
	found = (int) SPI_processed;
	if (found > 0)
		*last = *(ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[found - 1], SPI_tuptable->tupdesc, 1, &null));
	keep_rows(job);
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* Rows that are locked are left: nobody waits for another, and no deadlock can arise. */
static void
store_rows(void *arg, int first, int count)
{
	Backfill   *job = arg;
	Watch		watch;
	Relation	relation = open_part(job->part, job->number, RowExclusiveLock, &watch);
	Oid			types[3] = {embedding_type_oid(), TIDOID, TEXTARRAYOID};
	const char *table,
			   *column;
	ActingUser	before;
	SPIPlanPtr	plan;

	memset(job->stored + first, 0, sizeof *job->stored * count);
	if (relation == NULL)
		return;
	SPI_connect();
	table = watch_relation_name(relation);
	column = watch_column_name(relation, watch.embedding);
	act_as_owner(relation, &watch, true, &before);
	plan = SPI_prepare(psprintf("UPDATE ONLY %s SET %s = $1 WHERE ctid OPERATOR(pg_catalog.=)"
								" (SELECT ctid FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) $2 AND %s IS NULL"
								" AND %s OPERATOR(pg_catalog.=) $3 FOR NO KEY UPDATE SKIP LOCKED)",
								table, column, table, column, watch_texts_sql(relation, &watch)), 3, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	for (int i = first; i < first + count; i++)
	{
		Datum		values[3] = {
			PointerGetDatum(job->embeddings[i]), PointerGetDatum(&job->rows[i].tid), PointerGetDatum(job->rows[i].texts)
		};

		if (job->embeddings[i] == NULL)
			continue;
		CHECK_FOR_INTERRUPTS();
		watch_check_dimensions(relation, watch.embedding, job->embeddings[i]->dim);
		if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not update a watched row");
		job->stored[i] = SPI_processed > 0;
	}
	act_again(&before);
	SPI_finish();
	relation_close(relation, NoLock);
}

/* Embeds and stores the rows at hand, and records those that get nothing. */
static void
finish_batch(Backfill *job, const Watch *watch)
{
	EmbedRequest request = watch_request(watch);
	MemoryContext before = MemoryContextSwitchTo(job->batch);
	text	  **texts = palloc_extended(sizeof *texts * job->count, MCXT_ALLOC_HUGE);
	ErrorData **embedding_problems = palloc_extended(sizeof *embedding_problems * job->count, MCXT_ALLOC_HUGE),
			  **storing_problems = palloc_extended(sizeof *storing_problems * job->count, MCXT_ALLOC_HUGE);

	job->embeddings = palloc_extended(sizeof *job->embeddings * job->count, MCXT_ALLOC_HUGE);
	job->stored = palloc_extended(sizeof *job->stored * job->count, MCXT_ALLOC_HUGE);
	for (int i = 0; i < job->count; i++)
		texts[i] = watch_joined(job->rows[i].texts);
	attempt_embed(&request, texts, job->count, job->embeddings, embedding_problems);
	attempt_rows(store_rows, job, job->count, ATTEMPT_DATA, storing_problems);
	for (int i = 0; i < job->count; i++)
	{
		ErrorData  *problem = embedding_problems[i] != NULL ? embedding_problems[i] : storing_problems[i];

		if (problem == NULL && job->embeddings[i] != NULL)
		{
			job->embedded += job->stored[i];
			job->left += !job->stored[i];
			continue;
		}
		job->skipped++;
		skipped_record(job->relation, job->number, texts[i], problem, job->rows[i].key);
		skipped_add(job->skipped_before, texts[i]);
	}
	MemoryContextSwitchTo(before);
}

/* Where a pass through a table's blocks is. */
typedef struct Place
{
	ItemPointerData next;		/* first row not yet looked at */
	BlockNumber end;			/* of the pass: rows that come later have triggers */
	BlockNumber blocks;			/* to look at in one go */
} Place;

/* Reads the next rows, at most a batch, and moves on behind them; blocks to look at follow from how many there were. */
static void
read_batch(Backfill *job, Relation relation, const Watch *watch, Place *place)
{
	BlockNumber first = ItemPointerGetBlockNumberNoCheck(&place->next);
	BlockNumber stop = Min(first + place->blocks, place->end);
	ItemPointerData last;
	int			found = read_rows(job, relation, watch, &place->next, stop, &last);

	if (found == job->batch_rows)
	{
		place->blocks = ItemPointerGetBlockNumber(&last) - first + 1;
		ItemPointerSet(&place->next, ItemPointerGetBlockNumber(&last), ItemPointerGetOffsetNumber(&last) + 1);
		return;
	}
	if (found < job->batch_rows / 2)
		place->blocks = Min(place->blocks * 2, MOST_BLOCKS);
	ItemPointerSet(&place->next, stop, 0);
}

/* One table of the tree; false where time is up. */
static bool
fill_part(Backfill *job, Oid part, double share_before, double share)
{
	MemoryContext context = CurrentMemoryContext;
	Place		place = {.end = InvalidBlockNumber,.blocks = 1};

	ItemPointerSet(&place.next, 0, 0);
	MemoryContextSwitchTo(job->batch);
	do
	{
		Watch		watch;
		Relation	relation;
		BlockNumber done;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(job->batch);
		relation = open_part(part, job->number, AccessShareLock, &watch);
		if (relation == NULL)
			break;
		if (place.end == InvalidBlockNumber)
			place.end = RelationGetNumberOfBlocks(relation);
		job->part = part;
		read_batch(job, relation, &watch, &place);
		relation_close(relation, AccessShareLock);
		SPI_commit();
		if (job->count > 0)
		{
			finish_batch(job, &watch);
			SPI_commit();
		}
		done = ItemPointerGetBlockNumberNoCheck(&place.next);
		job->done_share = share_before + share * (place.end == 0 ? 1 : (double) done / place.end);
		report_progress(job);
		progress_done((size_t) (job->embedded + job->skipped));
	} while (ItemPointerGetBlockNumberNoCheck(&place.next) < place.end && !time_is_up(job));
	MemoryContextSwitchTo(context);
	return !time_is_up(job);
}

/* All tables of the tree that hold rows, in a list that outlives transactions. */
static List *
parts_of(Oid relation, MemoryContext context)
{
	List	   *tree = find_all_inheritors(relation, AccessShareLock, NULL);
	List	   *parts = NIL;
	ListCell   *cell;

	foreach(cell, tree)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION)
		{
			MemoryContext before = MemoryContextSwitchTo(context);

			parts = lappend_oid(parts, lfirst_oid(cell));
			MemoryContextSwitchTo(before);
		}
	}
	return parts;
}

/* Passes go on as long as rows were left and others stored. */
static bool
fill(Backfill *job, MemoryContext context)
{
	List	   *parts = parts_of(job->relation, context);
	int64		stored_before;

	do
	{
		ListCell   *cell;
		int			number = 0;

		stored_before = job->embedded;
		job->left = 0;
		job->skipped = 0;
		foreach(cell, parts)
			if (!fill_part(job, lfirst_oid(cell), (double) number++ / list_length(parts), 1.0 / list_length(parts)))
				return false;
	} while (job->left > 0 && job->embedded > stored_before);
	return true;
}

/* The table or the watch can have gone while no lock was held; then nothing was finished. */
static void
check_still_watched(const Backfill *job)
{
	Watch		watch;
	Relation	relation = open_part(job->relation, job->number, AccessShareLock, &watch);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the column of relation \"%s\" is no longer watched", job->name),
				 errdetail("%lld rows were embedded before that.", (long long) job->embedded)));
	relation_close(relation, AccessShareLock);
}

static bool
fill_and_report(Backfill *job, MemoryContext context)
{
	bool		whole = fill(job, context);
	double		seconds = seconds_since(job->started);

	check_still_watched(job);
	ereport(NOTICE,
			(errmsg("%s: %lld rows embedded in %.1f seconds (%.1f a second), %lld skipped", job->name,
					(long long) job->embedded, seconds, seconds > 0 ? job->embedded / seconds : 0.0,
					(long long) job->skipped),
			 job->left > 0 ? errdetail("%lld rows were locked or changed meanwhile.", (long long) job->left) : 0,
			 !whole ? errhint("Time is up; make the same call again to go on.") :
			 job->left > 0 ? errhint("Make the same call again for them.") : 0));
	return whole && job->left == 0;
}

void
backfill_arguments(FunctionCallInfo fcinfo, int batch_rows, int max_seconds, BackfillLimits *limits)
{
	usercluster_refuse_null(fcinfo, batch_rows, "batch_rows");
	limits->batch_rows = PG_GETARG_INT32(batch_rows);
	limits->max_seconds = watch_seconds(fcinfo, max_seconds);
	if (limits->batch_rows < 1 || limits->batch_rows > MOST_BATCH_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_rows must be between 1 and %d, not %d", MOST_BATCH_ROWS, limits->batch_rows)));
}

bool
backfill_column(Oid relation, int number, const BackfillLimits *limits)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "usercluster backfill", ALLOCSET_DEFAULT_SIZES);
	Backfill	job = {
		.relation = relation,.number = number,.batch_rows = limits->batch_rows,.max_seconds = limits->max_seconds,
		.started = GetCurrentTimestamp(),.noticed = GetCurrentTimestamp(),
		.batch = AllocSetContextCreate(context, "usercluster batch", ALLOCSET_DEFAULT_SIZES)
	};
	LOCKTAG		lock;
	volatile bool whole = false;

	if (get_rel_name(relation) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
	job.name = MemoryContextStrdup(context, get_rel_name(relation));
	progress_phase("embedding rows", UC_UNKNOWN_TOTAL);
	SET_LOCKTAG_ADVISORY(lock, MyDatabaseId, relation, number, EMBED_MISSING_LOCK);
	if (LockAcquire(&lock, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session fills this column of relation \"%s\"", job.name)));
	PG_TRY();
	{
		job.skipped_before = skipped_load(relation, number, context);
		whole = fill_and_report(&job, context);
	}
	PG_FINALLY();
	{
		LockRelease(&lock, ExclusiveLock, true);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
	return whole;
}

/* (table, rows of a batch, seconds, embedding column). */
USERCLUSTER_FUNCTION(usercluster_embed_missing)
{
	BackfillLimits limits;
	Relation	relation;
	Watch		watch;

	watch_check_procedure(fcinfo, "embed_missing");
	usercluster_refuse_null(fcinfo, 0, "relation");
	backfill_arguments(fcinfo, 1, 2, &limits);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	relation = watch_open_table(PG_GETARG_OID(0), AccessShareLock);
	watch_of_column(relation, PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)), &watch);
	relation_close(relation, NoLock);
	progress_begin("embed_missing");
	backfill_column(PG_GETARG_OID(0), watch.number, &limits);
	SPI_finish();
	PG_RETURN_VOID();
}
