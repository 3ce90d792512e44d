/*
 * watch_entries.c
 *	  The rows of a watched table that entries of the queue name by their primary key: reading their texts, storing their embeddings.
 *
 * As their table's owner in a security-restricted operation, so that a superuser's nightly job runs no trigger or expression of
 * anybody's with its own rights.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/watch_entries.h"
#include "pg/watch_queue.h"

void
entries_describe_key(RowGroup *group)
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
						 watch_equals(column->atttypid), i + 1);
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

void
entries_read(void *arg, int first, int count)
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
void
entries_store(void *arg, int first, int count)
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
	int			open = 0;

	for (int i = first; i < first + count; i++)
		open += group->entries[i]->outcome == ENTRY_OPEN || group->entries[i]->outcome == ENTRY_BUSY;
	if (open == 0)
		return;
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
