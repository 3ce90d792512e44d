/*
 * watch_worker.c
 *	  The procedure process_queue(): makes the embeddings of queued rows, oldest first, as many workers at once as wanted.
 *
 * A batch is one transaction: its entries are locked (others skip them), their rows are read, embedded and written, and the entries go.
 * A worker that dies gives its entries back by that. What a row's failure did is undone in a subtransaction; that it failed is
 * committed with the batch: after a growing delay it is tried again, and after MOST_ATTEMPTS it stays as a dead letter.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/watch.h"
#include "pg/watch_attempt.h"
#include "pg/watch_entries.h"
#include "pg/watch_queue.h"
#include "pg/watch_skipped.h"

#define MOST_ATTEMPTS 5			/* as the view dead_letters has it */
#define FIRST_DELAY 10			/* seconds; doubled by each attempt */
#define BUSY_DELAY 1			/* of a row that somebody has locked; no attempt */
#define MODEL_DELAY 60			/* of all rows whose model cannot be used; no attempt */
#define MOST_BATCH_ROWS 10000

typedef struct Worker
{
	int			batch_rows;
	double		max_seconds;	/* 0: no limit */
	TimestampTz started;
	int64		embedded;
	int64		failed;
	int64		postponed;
} Worker;

/* ---- a batch ---- */

static void
note_failures(RowGroup *group, ErrorData **problems)
{
	for (int i = 0; i < group->count; i++)
		if (problems[i] != NULL)
		{
			group->entries[i]->outcome = ENTRY_FAILED;
			group->entries[i]->problem = problems[i]->message;
		}
}

/* A text beyond the model's limit will not become shorter by waiting; blank text has nothing to embed. */
static void
embed_entries(RowGroup *group)
{
	EmbedRequest request = watch_request(&group->watch);
	text	  **texts = palloc0(sizeof *texts * group->count);
	Embedding **embeddings = palloc(sizeof *embeddings * group->count);
	ErrorData **problems = palloc(sizeof *problems * group->count);

	for (int i = 0; i < group->count; i++)
		if (group->entries[i]->outcome == ENTRY_OPEN)
			texts[i] = watch_joined(group->entries[i]->texts);
	attempt_embed(&request, texts, group->count, embeddings, problems);
	for (int i = 0; i < group->count; i++)
	{
		Entry	   *entry = group->entries[i];

		if (problems[i] != NULL && problems[i]->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		{
			skipped_record(entry->relation, entry->number, texts[i], problems[i], entry->key);
			problems[i] = NULL;
		}
		entry->embedding = embeddings[i];
		if (entry->outcome == ENTRY_OPEN && embeddings[i] == NULL)
			entry->outcome = ENTRY_DONE;
	}
	note_failures(group, problems);
}

/* Whether the model is there and the right one; what is wrong with it is nothing that a row can help. */
static bool
model_usable(RowGroup *group)
{
	EmbedRequest request = watch_request(&group->watch);
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *problem = NULL;

	PG_TRY();
	{
		embed_check_model(&request);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		problem = CopyErrorData();
		if (problem->sqlerrcode != ERRCODE_UNDEFINED_OBJECT && problem->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE &&
			problem->sqlerrcode != ERRCODE_DATA_CORRUPTED && problem->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	if (problem == NULL)
		return true;
	ereport(WARNING,
			(errmsg("rows of table \"%s\" wait for their model: %s", RelationGetRelationName(group->relation),
					problem->message),
			 problem->detail != NULL ? errdetail_internal("%s", problem->detail) : 0,
			 problem->hint != NULL ? errhint("%s", problem->hint) : 0));
	for (int i = 0; i < group->count; i++)
	{
		group->entries[i]->outcome = ENTRY_BUSY;
		group->entries[i]->problem = problem->message;
	}
	return false;
}

static void
describe_group(void *arg, int first, int count)
{
	RowGroup   *group = arg;

	group->watched = watch_find(group->relation, group->entries[0]->number, &group->watch) && !group->watch.inherited &&
		model_usable(group);
	if (group->watched)
		entries_describe_key(group);
}

/*
 * Entries of one watch. Those whose table or watch is gone are done. Nobody else's rows wait for a table: where it is being
 * altered its entries come later, and what is wrong with it is their failure.
 */
static void
process_group(Worker *worker, Entry **entries, int count)
{
	RowGroup		group = {.entries = entries,.count = count};
	ErrorData **problems = palloc(sizeof *problems * count);
	ErrorData  *problem;

	bool		locked = ConditionalLockRelationOid(entries[0]->relation, RowExclusiveLock);

	for (int i = 0; i < count; i++)
		entries[i]->outcome = locked ? ENTRY_DONE : ENTRY_BUSY;
	if (!locked)
		return;
	group.relation = try_relation_open(entries[0]->relation, NoLock);
	if (group.relation == NULL)
		return;
	attempt_rows(describe_group, &group, 1, ATTEMPT_ANY, &problem);
	if (problem != NULL)
		for (int i = 0; i < count; i++)
		{
			entries[i]->outcome = ENTRY_FAILED;
			entries[i]->problem = problem->message;
		}
	else if (group.watched)
	{
		attempt_rows(entries_read, &group, count, ATTEMPT_ANY, problems);
		note_failures(&group, problems);
		embed_entries(&group);
		attempt_rows(entries_store, &group, count, ATTEMPT_ANY, problems);
		note_failures(&group, problems);
		for (int i = 0; i < count; i++)
			if (entries[i]->outcome == ENTRY_OPEN)
			{
				entries[i]->outcome = ENTRY_DONE;
				worker->embedded++;
			}
	}
	relation_close(group.relation, NoLock);
}

static Entry *
take_entries(Worker *worker, int *count)
{
	Oid			types[3] = {OIDOID, INT4OID, INT8OID};
	Datum		values[3] = {ObjectIdGetDatum(GetUserId()), Int32GetDatum(MOST_ATTEMPTS), Int64GetDatum(worker->batch_rows)};
	MemoryContext context = CurrentMemoryContext;
	Entry	   *entries;
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args("SELECT id, relation::pg_catalog.oid, number, key, attempts FROM usercluster.queued q"
							  " WHERE attempts OPERATOR(pg_catalog.<) $2 AND due OPERATOR(pg_catalog.<=) pg_catalog.now()"
							  " AND (NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
							  "                  WHERE c.oid OPERATOR(pg_catalog.=) q.relation::pg_catalog.oid)"
							  "      OR EXISTS (SELECT FROM pg_catalog.pg_class c"
							  "                 WHERE c.oid OPERATOR(pg_catalog.=) q.relation::pg_catalog.oid"
							  "                   AND pg_catalog.pg_has_role($1, c.relowner, 'USAGE')))"
							  " ORDER BY id LIMIT $3 FOR UPDATE OF q SKIP LOCKED",
							  3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read usercluster.queued");
	act_again(&before);
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.queued", "int8 oid int4 _text int4");
	*count = (int) SPI_processed;
	MemoryContextSwitchTo(context);
	entries = palloc0(sizeof *entries * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		null;

		entries[i].id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &null));
		entries[i].relation = DatumGetObjectId(SPI_getbinval(tuple, desc, 2, &null));
		entries[i].number = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &null));
		entries[i].key = PointerGetDatum(DatumGetArrayTypePCopy(SPI_getbinval(tuple, desc, 4, &null)));
		entries[i].attempts = DatumGetInt32(SPI_getbinval(tuple, desc, 5, &null));
	}
	SPI_freetuptable(SPI_tuptable);
	return entries;
}

static void
execute_as_queue(const char *sql, int count, Oid *types, Datum *values, const char *nulls)
{
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args(sql, count, types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not write usercluster.queued");
	act_again(&before);
}

/* Nothing more to do for these. */
static void
remove_entries(const Entry *entries, int count)
{
	Oid			type = INT8ARRAYOID;
	Datum	   *ids = palloc(sizeof *ids * Max(count, 1));
	Datum		value;
	int			done = 0;

	for (int i = 0; i < count; i++)
		if (entries[i].outcome == ENTRY_DONE)
			ids[done++] = Int64GetDatum(entries[i].id);
	value = PointerGetDatum(construct_array(ids, done, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (done > 0)
		execute_as_queue("DELETE FROM usercluster.queued WHERE id OPERATOR(pg_catalog.=) ANY ($1)", 1, &type, &value, NULL);
}

/* Tried again after a delay; an attempt counts where it failed by the row's own fault. */
static void
postpone_entry(const Entry *entry)
{
	bool		failed = entry->outcome == ENTRY_FAILED;
	int			delay = failed ? FIRST_DELAY << Min(entry->attempts, MOST_ATTEMPTS) :
		entry->problem != NULL ? MODEL_DELAY : BUSY_DELAY;
	Oid			types[4] = {INT8OID, INT4OID, INT4OID, TEXTOID};
	Datum		values[4] = {
		Int64GetDatum(entry->id), Int32GetDatum(failed ? 1 : 0), Int32GetDatum(delay),
		entry->problem == NULL ? (Datum) 0 : CStringGetTextDatum(entry->problem)
	};

	execute_as_queue("UPDATE usercluster.queued SET attempts = attempts OPERATOR(pg_catalog.+) $2,"
					 " due = pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $3),"
					 " problem = $4 WHERE id OPERATOR(pg_catalog.=) $1", 4, types, values,
					 entry->problem == NULL ? "   n" : "    ");
}

static void
settle_entries(Worker *worker, const Entry *entries, int count)
{
	remove_entries(entries, count);
	for (int i = 0; i < count; i++)
	{
		if (entries[i].outcome == ENTRY_DONE)
			continue;
		worker->failed += entries[i].outcome == ENTRY_FAILED;
		worker->postponed += entries[i].outcome != ENTRY_FAILED;
		postpone_entry(&entries[i]);
	}
}

/* Entries are taken oldest first and done watch by watch; false where there are none that are due. */
static bool
process_batch(Worker *worker)
{
	int			count;
	Entry	   *entries = take_entries(worker, &count);
	Entry	  **group = palloc(sizeof *group * Max(count, 1));
	bool	   *taken = palloc0(sizeof *taken * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		int			size = 0;

		if (taken[i])
			continue;
		for (int j = i; j < count; j++)
			if (entries[j].relation == entries[i].relation && entries[j].number == entries[i].number)
			{
				taken[j] = true;
				group[size++] = &entries[j];
			}
		process_group(worker, group, size);
	}
	settle_entries(worker, entries, count);
	return count > 0;
}

static double
seconds_since(TimestampTz start)
{
	return (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
}

/* (seconds, rows of a batch). */
USERCLUSTER_FUNCTION(usercluster_process_queue)
{
	Worker		worker = {0};
	MemoryContext context;
	bool		more = true;
	double		seconds;

	watch_check_procedure(fcinfo, "process_queue");
	worker.max_seconds = watch_seconds(fcinfo, 0);
	usercluster_refuse_null(fcinfo, 1, "batch_rows");
	worker.batch_rows = PG_GETARG_INT32(1);
	if (worker.batch_rows < 1 || worker.batch_rows > MOST_BATCH_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_rows must be between 1 and %d, not %d", MOST_BATCH_ROWS, worker.batch_rows)));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "usercluster process_queue", ALLOCSET_DEFAULT_SIZES);
	progress_begin("process_queue");
	progress_phase("embedding queued rows", UC_UNKNOWN_TOTAL);
	worker.started = GetCurrentTimestamp();
	while (more && (worker.max_seconds == 0 || seconds_since(worker.started) < worker.max_seconds))
	{
		MemoryContext before = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		more = process_batch(&worker);
		MemoryContextSwitchTo(before);
		SPI_commit();
		progress_done((size_t) worker.embedded);
	}
	seconds = seconds_since(worker.started);
	ereport(NOTICE,
			(errmsg("%lld queued rows embedded in %.1f seconds (%.1f a second), %lld failed, %lld postponed",
					(long long) worker.embedded, seconds, seconds > 0 ? worker.embedded / seconds : 0.0,
					(long long) worker.failed, (long long) worker.postponed),
			 more ? errhint("Time is up; call process_queue again to go on.") : 0));
	MemoryContextDelete(context);
	SPI_finish();
	PG_RETURN_VOID();
}

/* (table): how many were given another chance. */
USERCLUSTER_FUNCTION(usercluster_retry_dead_letters)
{
	Relation	relation;
	Oid			types[2] = {OIDOID, INT4OID};
	Datum		values[2];
	uint64		count;

	usercluster_refuse_null(fcinfo, 0, "relation");
	relation = watch_open_table(PG_GETARG_OID(0), AccessShareLock);
	values[0] = ObjectIdGetDatum(RelationGetRelid(relation));
	values[1] = Int32GetDatum(MOST_ATTEMPTS);
	SPI_connect();
	execute_as_queue("UPDATE usercluster.queued SET attempts = 0, due = pg_catalog.now()"
					 " WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1 AND attempts OPERATOR(pg_catalog.>=) $2",
					 2, types, values, NULL);
	count = SPI_processed;
	SPI_finish();
	relation_close(relation, AccessShareLock);
	PG_RETURN_INT64((int64) count);
}
