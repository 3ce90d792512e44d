/*
 * watch_worker.c
 *	  The procedure process_queue(): makes the embeddings of queued rows, oldest first, as many workers at once as wanted.
 *
 * A batch is one transaction: its entries are locked (others skip them), their rows are read, embedded and written, and the entries go.
 * A worker that dies gives its entries back by that. What a row's failure did is undone in a subtransaction; that it failed is
 * committed with the batch: after a growing delay it is tried again, and after MOST_ATTEMPTS it stays as a dead letter.
 *
 * Rows are read and written as their table's owner in a security-restricted operation, so that a superuser's nightly job runs no
 * trigger or expression of anybody's with its own rights.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "pg/models.h"
#include "pg/watch.h"
#include "pg/watch_attempt.h"
#include "pg/watch_queue.h"
#include "pg/watch_skipped.h"

PG_FUNCTION_INFO_V1(usercluster_process_queue);
PG_FUNCTION_INFO_V1(usercluster_retry_dead_letters);

#define MOST_ATTEMPTS 5			/* as the view dead_letters has it */
#define FIRST_DELAY 10			/* seconds; doubled by each attempt */
#define BUSY_DELAY 1			/* of a row that somebody has locked; no attempt */
#define MODEL_DELAY 60			/* of all rows whose model cannot be used; no attempt */
#define MOST_BATCH_ROWS 10000

typedef enum Outcome
{
	ENTRY_OPEN,					/* has text, and no embedding yet */
	ENTRY_DONE,					/* embedded, or nothing to embed any more */
	ENTRY_BUSY,					/* locked, or changed meanwhile */
	ENTRY_FAILED
} Outcome;

typedef struct Entry
{
	int64		id;
	Oid			relation;
	int			number;
	Datum		key;			/* text[] */
	int			attempts;
	ArrayType  *texts;			/* of the row, once it is read; NULL: none */
	Embedding  *embedding;
	Outcome		outcome;
	char	   *problem;
} Entry;

/* Entries of one watch, with the plans that read and write its rows. */
typedef struct RowGroup
{
	Relation	relation;
	Watch		watch;
	Entry	  **entries;
	int			count;
	int			key_count;
	Oid			inputs[INDEX_MAX_KEYS];
	Oid			parameters[INDEX_MAX_KEYS];
	Oid			types[INDEX_MAX_KEYS + 2];	/* key, then texts, then embedding */
	int32		modifiers[INDEX_MAX_KEYS];
	char	   *by_key;			/* condition over the parameters of the key */
} RowGroup;

typedef struct Worker
{
	int			batch_rows;
	double		max_seconds;	/* 0: no limit */
	TimestampTz started;
	int64		embedded;
	int64		failed;
	int64		postponed;
} Worker;

/* ---- the rows of a watch ---- */

/* OPERATOR(schema.=) of a type: the caller's search_path decides nothing here. */
static char *
equals_operator(Oid type)
{
	Oid			oid = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	row = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;
	char	   *name;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "type %u of a primary key has no equality", type);
	operator = (Form_pg_operator) GETSTRUCT(row);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(operator->oprnamespace)), NameStr(operator->oprname));
	ReleaseSysCache(row);
	return name;
}

static void
describe_key(RowGroup *group)
{
	AttrNumber	attributes[INDEX_MAX_KEYS];
	StringInfoData sql;

	group->key_count = queue_key(group->relation, attributes);
	initStringInfo(&sql);
	for (int i = 0; i < group->key_count; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(group->relation), attributes[i] - 1);

		group->types[i] = column->atttypid;
		group->modifiers[i] = column->atttypmod;
		getTypeInputInfo(column->atttypid, &group->inputs[i], &group->parameters[i]);
		appendStringInfo(&sql, "%s%s %s $%d", i == 0 ? "" : " AND ", watch_column_name(group->relation, attributes[i]),
						 equals_operator(column->atttypid), i + 1);
	}
	group->types[group->key_count] = TEXTARRAYOID;
	group->types[group->key_count + 1] = embedding_type_oid();
	group->by_key = sql.data;
}

static void
key_values(const RowGroup *group, const Entry *entry, Datum *values)
{
	Datum	   *parts;
	bool	   *nulls;
	int			count,
				modes;

	deconstruct_array(DatumGetArrayTypeP(entry->key), TEXTOID, -1, false, TYPALIGN_INT, &parts, &nulls, &count);
	if (count != group->key_count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the primary key of table \"%s\" has changed since the row was queued",
						RelationGetRelationName(group->relation)),
				 errhint("CALL usercluster.embed_missing for rows without an embedding.")));
	modes = queue_transmission_modes();
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("a queued key contains a null")));
		values[i] = OidInputFunctionCall(group->inputs[i], TextDatumGetCString(parts[i]), group->parameters[i],
										 group->modifiers[i]);
	}
	queue_transmission_end(modes);
}

static SPIPlanPtr
prepare(RowGroup *group, int parameters, const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, parameters, group->types);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* Reads the texts of rows that still lack their embedding. */
static void
read_entries(void *arg, int first, int count)
{
	RowGroup	   *group = arg;
	MemoryContext context = CurrentMemoryContext;
	ActingUser	before;
	SPIPlanPtr	plan;

	SPI_connect();
	act_as_owner(group->relation, &group->watch, true, &before);
	plan = prepare(group, group->key_count,
				   psprintf("SELECT %s FROM %s WHERE %s AND %s IS NULL", watch_texts_sql(group->relation, &group->watch),
							watch_relation_name(group->relation), group->by_key,
							watch_column_name(group->relation, group->watch.embedding)));
	for (int i = first; i < first + count; i++)
	{
		Entry	   *entry = group->entries[i];
		Datum		values[INDEX_MAX_KEYS];

		key_values(group, entry, values);
		if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read a queued row");
		entry->outcome = ENTRY_DONE;
		if (SPI_processed > 0)
		{
			bool		null;
			Datum		texts = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
			MemoryContext spi = MemoryContextSwitchTo(context);

			entry->texts = DatumGetArrayTypePCopy(texts);
			entry->outcome = ENTRY_OPEN;
			MemoryContextSwitchTo(spi);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	act_again(&before);
	SPI_finish();
}

/* A row that somebody has locked is not waited for: it is still the same only when they are through. */
static void
store_entries(void *arg, int first, int count)
{
	RowGroup	   *group = arg;
	const char *column = watch_column_name(group->relation, group->watch.embedding);
	char	   *table = watch_relation_name(group->relation);
	char	   *same = psprintf("%s AND %s OPERATOR(pg_catalog.=) $%d AND %s IS NULL", group->by_key,
								watch_texts_sql(group->relation, &group->watch), group->key_count + 1, column);
	ActingUser	before;
	SPIPlanPtr	lock,
				update,
				missing;

	SPI_connect();
	act_as_owner(group->relation, &group->watch, true, &before);
	lock = prepare(group, group->key_count + 1,
				   psprintf("SELECT FROM %s WHERE %s FOR NO KEY UPDATE SKIP LOCKED", table, same));
	update = prepare(group, group->key_count + 2,
					 psprintf("UPDATE %s SET %s = $%d WHERE %s", table, column, group->key_count + 2, same));
	missing = prepare(group, group->key_count, psprintf("SELECT FROM %s WHERE %s AND %s IS NULL", table, group->by_key, column));
	for (int i = first; i < first + count; i++)
	{
		Entry	   *entry = group->entries[i];
		Datum		values[INDEX_MAX_KEYS + 2];

		if (entry->outcome == ENTRY_DONE || entry->outcome == ENTRY_FAILED)
			continue;
		CHECK_FOR_INTERRUPTS();
		watch_check_dimensions(group->relation, group->watch.embedding, entry->embedding->dim);
		key_values(group, entry, values);
		values[group->key_count] = PointerGetDatum(entry->texts);
		values[group->key_count + 1] = PointerGetDatum(entry->embedding);
		entry->outcome = ENTRY_BUSY;
		if (SPI_execute_plan(lock, values, NULL, false, 1) == SPI_OK_SELECT && SPI_processed > 0 &&
			SPI_execute_plan(update, values, NULL, false, 0) == SPI_OK_UPDATE && SPI_processed > 0)
			entry->outcome = ENTRY_OPEN;
		/* A row that was queued twice has its embedding by now. */
		else if (SPI_execute_plan(missing, values, NULL, false, 1) == SPI_OK_SELECT && SPI_processed == 0)
			entry->outcome = ENTRY_DONE;
	}
	act_again(&before);
	SPI_finish();
}

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

/* Entries of one watch. Those whose table or watch is gone are done. */
static void
process_group(Worker *worker, Entry **entries, int count)
{
	RowGroup		group = {.entries = entries,.count = count};
	ErrorData **problems = palloc(sizeof *problems * count);

	for (int i = 0; i < count; i++)
		entries[i]->outcome = ENTRY_DONE;
	group.relation = try_relation_open(entries[0]->relation, RowExclusiveLock);
	if (group.relation == NULL)
		return;
	if (watch_find(group.relation, entries[0]->number, &group.watch) && !group.watch.inherited && model_usable(&group))
	{
		describe_key(&group);
		attempt_rows(read_entries, &group, count, ATTEMPT_ANY, problems);
		note_failures(&group, problems);
		embed_entries(&group);
		attempt_rows(store_entries, &group, count, ATTEMPT_ANY, problems);
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

static void
settle_entries(Worker *worker, Entry *entries, int count)
{
	for (int i = 0; i < count; i++)
	{
		Entry	   *entry = &entries[i];
		bool		failed = entry->outcome == ENTRY_FAILED;
		int			delay = failed ? FIRST_DELAY << Min(entry->attempts, MOST_ATTEMPTS) : entry->problem != NULL ? MODEL_DELAY : BUSY_DELAY;
		Oid			types[4] = {INT8OID, INT4OID, INT4OID, TEXTOID};
		Datum		values[4] = {
			Int64GetDatum(entry->id), Int32GetDatum(failed ? 1 : 0), Int32GetDatum(delay),
			entry->problem == NULL ? (Datum) 0 : CStringGetTextDatum(entry->problem)
		};

		if (entry->outcome == ENTRY_DONE)
		{
			execute_as_queue("DELETE FROM usercluster.queued WHERE id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
			continue;
		}
		worker->failed += failed;
		worker->postponed += !failed;
		execute_as_queue("UPDATE usercluster.queued SET attempts = attempts OPERATOR(pg_catalog.+) $2,"
						 " due = pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $3),"
						 " problem = $4 WHERE id OPERATOR(pg_catalog.=) $1", 4, types, values,
						 entry->problem == NULL ? "   n" : "    ");
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
Datum
usercluster_process_queue(PG_FUNCTION_ARGS)
{
	Worker		worker = {0};
	MemoryContext context;
	bool		more = true;
	double		seconds;

	watch_check_procedure(fcinfo, "process_queue");
	worker.max_seconds = watch_seconds(fcinfo, 0);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"batch_rows\" must not be null")));
	worker.batch_rows = PG_GETARG_INT32(1);
	if (worker.batch_rows < 1 || worker.batch_rows > MOST_BATCH_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_rows must be between 1 and %d, not %d", MOST_BATCH_ROWS, worker.batch_rows)));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "usercluster process_queue", ALLOCSET_DEFAULT_SIZES);
	worker.started = GetCurrentTimestamp();
	while (more && (worker.max_seconds == 0 || seconds_since(worker.started) < worker.max_seconds))
	{
		MemoryContext before = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		more = process_batch(&worker);
		MemoryContextSwitchTo(before);
		SPI_commit();
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
Datum
usercluster_retry_dead_letters(PG_FUNCTION_ARGS)
{
	Relation	relation;
	Oid			types[2] = {OIDOID, INT4OID};
	Datum		values[2];
	uint64		count;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"relation\" must not be null")));
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
