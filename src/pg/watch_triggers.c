/*
 * watch_triggers.c
 *	  The trigger functions of a watched column.
 *
 * A few rows of a statement are embedded before they are stored, which costs no second version of the row and lets RETURNING show
 * the embedding. From then on rows are stored without one, gathered after the statement, embedded many at a time over
 * usercluster.threads, and updated: a COPY of 100,000 rows takes that way. An embedding that the row brings is kept, whatever made
 * it, so that a restore asks for no model.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/definition.h"
#include "pg/watch.h"

#define ROWS_BEFORE_STORING 8	/* of one statement in one table; more wait for the batch */
#define BATCH_ROWS 512
#define BATCH_BYTES (8 * 1024 * 1024)

/* ---- rows that wait for the batch ---- */

typedef struct WaitingRow
{
	ItemPointerData tid;
	ArrayType  *texts;
	Embedding  *stale;			/* what the row had when it was gathered; NULL: nothing */
} WaitingRow;

typedef struct Batch
{
	struct Batch *next;
	Oid			relation;		/* where the rows are stored */
	int			number;			/* of the watch */
	MemoryContext context;
	int			count;
	size_t		bytes;
	WaitingRow	rows[BATCH_ROWS];
} Batch;

/* Of this transaction. Rows of a statement that failed stay until the next flush, which does not find them. */
static Batch *batches;

static void
forget_batches(void *arg)
{
	batches = NULL;
}

static Batch *
batch_for(Oid relation, int number)
{
	Batch	   *batch;

	for (batch = batches; batch != NULL; batch = batch->next)
		if (batch->relation == relation && batch->number == number)
			return batch;
	batch = MemoryContextAllocZero(TopTransactionContext, sizeof(Batch));
	batch->context = AllocSetContextCreate(TopTransactionContext, "usercluster batch", ALLOCSET_DEFAULT_SIZES);
	if (batches == NULL)
	{
		MemoryContextCallback *callback = MemoryContextAllocZero(TopTransactionContext, sizeof(MemoryContextCallback));

		callback->func = forget_batches;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	batch->relation = relation;
	batch->number = number;
	batch->next = batches;
	batches = batch;
	return batch;
}

/* Where this transaction's latest version of the row is: a trigger of somebody else's can have updated it since. */
static bool
latest_version(Relation relation, ItemPointer tid)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan_tid(relation, snapshot);
	ItemPointerData before = *tid;

	if (table_tuple_tid_valid(scan, tid))
		table_tuple_get_latest_tid(scan, tid);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return !ItemPointerEquals(&before, tid);
}

static void
store(Relation relation, SPIPlanPtr plan, WaitingRow *row, Embedding *embedding)
{
	Datum		values[4] = {
		PointerGetDatum(embedding), PointerGetDatum(&row->tid), PointerGetDatum(row->texts), PointerGetDatum(row->stale)
	};
	char		nulls[5] = {embedding == NULL ? 'n' : ' ', ' ', ' ', row->stale == NULL ? 'n' : ' ', '\0'};

	/* Blank text, and no embedding as it should be. */
	if (embedding == NULL && row->stale == NULL)
		return;
	do
	{
		if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not update a watched row");
	} while (SPI_processed == 0 && latest_version(relation, &row->tid));
}

/* Where rows are being stored; one flush can bring about another. */
static Oid	storing = InvalidOid;

bool
watch_is_storing(Oid relation)
{
	return storing == relation;
}

static void
store_all(Relation relation, SPIPlanPtr plan, WaitingRow *rows, Embedding **embeddings, int count)
{
	Oid			outer = storing;

	PG_TRY();
	{
		storing = RelationGetRelid(relation);
		for (int i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			store(relation, plan, &rows[i], embeddings[i]);
		}
	}
	PG_FINALLY();
	{
		storing = outer;
	}
	PG_END_TRY();
}

static SPIPlanPtr
prepare_store(Relation relation, const Watch *watch)
{
	Oid			embedding = embedding_type_oid();
	Oid			types[4] = {embedding, TIDOID, TEXTARRAYOID, embedding};
	const char *column = watch_column_name(relation, watch->embedding);
	SPIPlanPtr	plan = SPI_prepare(psprintf("UPDATE ONLY %s SET %s = $1 WHERE ctid OPERATOR(pg_catalog.=) $2"
											" AND %s OPERATOR(pg_catalog.=) $3 AND (%s IS NULL OR %s %s $4)",
											watch_relation_name(relation), column, watch_texts_sql(relation, watch), column,
											column, watch_equals(embedding)), 4, types);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * Embeds what waits and stores it, as the table's owner: who may insert need not be allowed to update. The batch is empty
 * before the first row is stored, since storing runs triggers that can come here again.
 */
static void
flush(Batch *batch)
{
	int			count = batch->count;
	MemoryContext work;
	WaitingRow *rows;
	text	  **texts;
	Embedding **embeddings;
	Relation	relation;
	Watch		watch;
	EmbedRequest request;
	ActingUser	before;
	SPIPlanPtr	plan;

	if (count == 0)
		return;
	work = batch->context;
	MemoryContextSetParent(work, CurrentMemoryContext);
	batch->context = AllocSetContextCreate(TopTransactionContext, "usercluster batch", ALLOCSET_DEFAULT_SIZES);
	batch->count = 0;
	batch->bytes = 0;
	SPI_connect();
	rows = palloc(sizeof *rows * count);
	memcpy(rows, batch->rows, sizeof *rows * count);

	/* What a statement that failed had left can be rows of a table that is gone with it. */
	relation = try_relation_open(batch->relation, RowExclusiveLock);
	if (relation != NULL && watch_find(relation, batch->number, &watch))
	{
		texts = palloc(sizeof *texts * count);
		embeddings = palloc(sizeof *embeddings * count);
		for (int i = 0; i < count; i++)
			texts[i] = watch_joined(rows[i].texts);
		request = watch_request(&watch);
		embed_texts(&request, texts, count, embeddings);
		act_as_owner(relation, &watch, false, &before);
		plan = prepare_store(relation, &watch);
		for (int i = 0; i < count; i++)
			if (embeddings[i] != NULL)
				watch_check_dimensions(relation, watch.embedding, embeddings[i]->dim);
		store_all(relation, plan, rows, embeddings, count);
		act_again(&before);
	}
	if (relation != NULL)
		table_close(relation, NoLock);
	SPI_finish();
	MemoryContextDelete(work);
}

/* ---- before a row is stored ---- */

typedef struct RowState
{
	Watch		watch;
	int			embedded;		/* rows of this statement that were embedded here */
} RowState;

static void
refuse_call(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("%s serves only triggers that enable_embedding made", name)));
}

/* Kept from row to row of one statement; a trigger that is called by another way starts anew each time, and is right still. */
static RowState *
row_state(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	RowState   *state = fcinfo->flinfo->fn_extra;
	MemoryContext before;

	if (state != NULL)
		return state;
	before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	state = palloc0(sizeof *state);
	watch_of_trigger(trigger->tg_relation, trigger->tg_trigger, &state->watch);
	MemoryContextSwitchTo(before);
	fcinfo->flinfo->fn_extra = state;
	return state;
}

static bool
column_changed(TupleDesc desc, AttrNumber number, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	Form_pg_attribute column = TupleDescAttr(desc, number - 1);
	bool		old_null,
				new_null;
	Datum		old_value = slot_getattr(old_row, number, &old_null);
	Datum		new_value = slot_getattr(new_row, number, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, column->attbyval, column->attlen);
}

/* Whether the row's embedding is missing or belongs to the text that it had before. */
static bool
needs_embedding(TriggerData *trigger, const Watch *watch)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		null;

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		slot_getattr(trigger->tg_trigslot, watch->embedding, &null);
		return null;
	}
	if (column_changed(desc, watch->embedding, trigger->tg_trigslot, trigger->tg_newslot))
		return false;
	for (int i = 0; i < watch->text_count; i++)
		if (column_changed(desc, watch->texts[i], trigger->tg_trigslot, trigger->tg_newslot))
			return true;
	return false;
}

USERCLUSTER_FUNCTION(usercluster_watch_row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	RowState   *state;
	HeapTuple	row;
	TupleTableSlot *slot;
	TupleDesc	desc;
	Embedding  *embedding = NULL;
	text	   *joined;
	int			number;
	Datum		value;
	bool		null,
				wait;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		refuse_call("watch_row");
	state = row_state(fcinfo, trigger);
	desc = RelationGetDescr(trigger->tg_relation);
	slot = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newslot : trigger->tg_trigslot;
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	if (!needs_embedding(trigger, &state->watch))
		return PointerGetDatum(row);

	joined = watch_joined(watch_texts(&state->watch, desc, slot));
	wait = state->watch.queue || state->embedded >= ROWS_BEFORE_STORING;
	if (joined != NULL && !wait)
	{
		EmbedRequest request = watch_request(&state->watch);

		embed_texts(&request, &joined, 1, &embedding);
		state->embedded++;
		if (embedding != NULL)
			watch_check_dimensions(trigger->tg_relation, state->watch.embedding, embedding->dim);
	}
	slot_getattr(slot, state->watch.embedding, &null);
	if (embedding == NULL && null)
		return PointerGetDatum(row);
	/* A text that waits has no embedding rather than that of the text before it. */
	value = PointerGetDatum(embedding);
	null = embedding == NULL;
	number = state->watch.embedding;
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &number, &value, &null));
}

/* ---- after the statement ---- */

typedef struct Gathering
{
	Watch		watch;
	bool		statement_follows;	/* whatever table of the tree the statement named, its own trigger fires at the end */
	QueueTarget *target;		/* mode queue */
} Gathering;

static bool
has_statement_trigger(Relation relation, int number)
{
	Oid			function = watch_function("watch_statement");
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == function && trigger->tgenabled != TRIGGER_DISABLED && trigger->tgnargs == 1 &&
			pg_strtoint32(trigger->tgargs[0]) == number)
			return true;
	}
	return false;
}

static bool
statement_follows(Relation relation, int number)
{
	ListCell   *cell;

	if (!has_statement_trigger(relation, number))
		return false;
	if (!relation->rd_rel->relispartition)
		return true;
	foreach(cell, get_partition_ancestors(RelationGetRelid(relation)))
	{
		Relation	above = table_open(lfirst_oid(cell), AccessShareLock);
		bool		has = has_statement_trigger(above, number);

		table_close(above, NoLock);
		if (!has)
			return false;
	}
	return true;
}

static Gathering *
gather_state(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	Gathering *state = fcinfo->flinfo->fn_extra;
	MemoryContext before;
	int			number;

	if (state != NULL)
		return state;
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1)
		refuse_call("watch_gather");
	number = pg_strtoint32(trigger->tg_trigger->tgargs[0]);
	before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	state = palloc0(sizeof *state);
	if (!watch_find(trigger->tg_relation, number, &state->watch))
		refuse_call("watch_gather");
	if (state->watch.queue)
		state->target = queue_target(trigger->tg_relation, &state->watch);
	state->statement_follows = !state->watch.queue && statement_follows(trigger->tg_relation, number);
	MemoryContextSwitchTo(before);
	fcinfo->flinfo->fn_extra = state;
	return state;
}

/* Another trigger changed the text after watch_row had seen it: no row that waits shows the embedding of another text. */
static void
clear_stale(Relation relation, const Watch *watch, TupleTableSlot *slot)
{
	WaitingRow	row = {.tid = slot->tts_tid};
	ActingUser	before;
	Datum		stale;
	bool		null;

	stale = slot_getattr(slot, watch->embedding, &null);
	if (null)
		return;
	row.stale = DatumGetEmbedding(stale);
	row.texts = watch_texts(watch, RelationGetDescr(relation), slot);
	SPI_connect();
	act_as_owner(relation, watch, false, &before);
	store(relation, prepare_store(relation, watch), &row, NULL);
	act_again(&before);
	SPI_finish();
}

USERCLUSTER_FUNCTION(usercluster_watch_gather)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Gathering *state;
	TupleTableSlot *slot;
	Batch	   *batch;
	WaitingRow *row;
	MemoryContext before;
	Datum		stale;
	bool		null;

	if (!CALLED_AS_TRIGGER(fcinfo))
		refuse_call("watch_gather");
	state = gather_state(fcinfo, trigger);
	slot = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newslot : trigger->tg_trigslot;
	if (state->watch.queue)
	{
		clear_stale(trigger->tg_relation, &state->watch, slot);
		queue_append(state->target, slot);
		return PointerGetDatum(NULL);
	}
	batch = batch_for(RelationGetRelid(trigger->tg_relation), state->watch.number);
	if (batch->count == BATCH_ROWS)
		flush(batch);
	before = MemoryContextSwitchTo(batch->context);
	row = &batch->rows[batch->count];
	row->tid = slot->tts_tid;
	row->texts = watch_texts(&state->watch, RelationGetDescr(trigger->tg_relation), slot);
	stale = slot_getattr(slot, state->watch.embedding, &null);
	row->stale = null ? NULL : (Embedding *) PG_DETOAST_DATUM_COPY(stale);
	MemoryContextSwitchTo(before);
	batch->count++;
	batch->bytes += VARSIZE(row->texts);
	if (!state->statement_follows || batch->count == BATCH_ROWS || batch->bytes > BATCH_BYTES)
		flush(batch);
	return PointerGetDatum(NULL);
}

USERCLUSTER_FUNCTION(usercluster_watch_statement)
{
	int			number;

	if (!CALLED_AS_TRIGGER(fcinfo) || ((TriggerData *) fcinfo->context)->tg_trigger->tgnargs != 1)
		refuse_call("watch_statement");
	number = pg_strtoint32(((TriggerData *) fcinfo->context)->tg_trigger->tgargs[0]);
	for (Batch *batch = batches; batch != NULL; batch = batch->next)
		if (batch->number == number)
			flush(batch);
	return PointerGetDatum(NULL);
}
