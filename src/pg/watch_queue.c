/*
 * watch_queue.c
 *	  The queue of rows whose embedding is to be made later: who may write to it, and what.
 *
 * The queue's table is hidden. Its one writer is queue_append, called from a row trigger: the relation is the trigger's own, the
 * key is the row's own, and nothing else can be said. So a role that may insert into a watched table needs no other right, and one
 * that makes such a trigger on a table of its own queues rows of that table alone.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "pg/watch.h"
#include "pg/watch_queue.h"

struct QueueTarget
{
	Oid			relation;		/* the table that is watched; above the row's own where that is a partition */
	int			number;
	int			key_count;
	AttrNumber	attributes[INDEX_MAX_KEYS];	/* of the key, in the row's own relation */
	FmgrInfo	outputs[INDEX_MAX_KEYS];
};

Oid
queue_owner(void)
{
	Oid			table = get_relname_relid("queued", get_namespace_oid("usercluster", false));
	HeapTuple	row = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table usercluster.queued of extension usercluster does not exist")));
	owner = ((Form_pg_class) GETSTRUCT(row))->relowner;
	ReleaseSysCache(row);
	return owner;
}

int
queue_transmission_modes(void)
{
	int			nest_level = NewGUCNestLevel();

	if (DateStyle != USE_ISO_DATES)
		SetConfigOption("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION);
	if (IntervalStyle != INTSTYLE_POSTGRES)
		SetConfigOption("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION);
	if (extra_float_digits < 1)
		SetConfigOption("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION);
	return nest_level;
}

void
queue_transmission_end(int nest_level)
{
	AtEOXact_GUC(true, nest_level);
}

/* The primary key's columns; refuses a table that has none. */
int
queue_key(Relation relation, AttrNumber *attributes)
{
	Oid			oid = watch_primary_key(relation);
	Relation	index;
	int			count;

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key", RelationGetRelationName(relation)),
				 errdetail("The queue remembers rows by their primary key."),
				 errhint("Add one, or use mode => 'now'.")));
	index = index_open(oid, AccessShareLock);
	count = IndexRelationGetNumberOfKeyAttributes(index);
	for (int i = 0; i < count; i++)
		attributes[i] = index->rd_index->indkey.values[i];
	index_close(index, AccessShareLock);
	return count;
}

/* The relation whose own watch this is, which is the row's or one above it. */
static Relation
watched_root(Relation relation, const Watch *watch)
{
	ListCell   *cell;

	if (!watch->inherited)
		return table_open(RelationGetRelid(relation), AccessShareLock);
	foreach(cell, get_partition_ancestors(RelationGetRelid(relation)))
	{
		Relation	above = table_open(lfirst_oid(cell), AccessShareLock);
		Watch		found;

		if (watch_find(above, watch->number, &found) && !found.inherited)
			return above;
		table_close(above, AccessShareLock);
	}
	elog(ERROR, "no table above \"%s\" is watched", RelationGetRelationName(relation));
}

QueueTarget *
queue_target(Relation relation, const Watch *watch)
{
	QueueTarget *target = palloc0(sizeof *target);
	Relation	root = watched_root(relation, watch);

	target->relation = RelationGetRelid(root);
	target->number = watch->number;
	target->key_count = queue_key(root, target->attributes);
	for (int i = 0; i < target->key_count; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(root), target->attributes[i] - 1);
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(column->atttypid, &output, &varlena);
		fmgr_info(output, &target->outputs[i]);
		if (root->rd_id != relation->rd_id)
			target->attributes[i] = get_attnum(RelationGetRelid(relation), NameStr(column->attname));
	}
	table_close(root, NoLock);
	return target;
}

/* The key as text that any session reads back as the same value, whatever its settings are. */
static Datum
key_text(QueueTarget *target, TupleTableSlot *slot)
{
	Datum		values[INDEX_MAX_KEYS];
	int			nest_level = queue_transmission_modes();

	for (int i = 0; i < target->key_count; i++)
	{
		bool		null;
		Datum		value = slot_getattr(slot, target->attributes[i], &null);

		values[i] = CStringGetTextDatum(OutputFunctionCall(&target->outputs[i], value));
	}
	queue_transmission_end(nest_level);
	return PointerGetDatum(construct_array(values, target->key_count, TEXTOID, -1, false, TYPALIGN_INT));
}

void
queue_append(QueueTarget *target, TupleTableSlot *slot)
{
	static SPIPlanPtr plan;
	Datum		values[3];
	ActingUser	before;

	SPI_connect();
	values[0] = ObjectIdGetDatum(target->relation);
	values[1] = Int32GetDatum(target->number);
	values[2] = key_text(target, slot);
	act_as_keeper(&before);
	if (plan == NULL)
	{
		Oid			types[3] = {REGCLASSOID, INT4OID, TEXTARRAYOID};
		SPIPlanPtr	fresh = SPI_prepare("INSERT INTO usercluster.queued (relation, number, key) VALUES ($1, $2, $3)", 3,
										types);

		if (fresh == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(fresh);
		plan = fresh;
	}
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not queue a row");
	act_again(&before);
	SPI_finish();
}

void
queue_forget(Relation relation, int number)
{
	Oid			types[2] = {OIDOID, INT4OID};
	Datum		values[2] = {ObjectIdGetDatum(RelationGetRelid(relation)), Int32GetDatum(number)};
	ActingUser	before;

	act_as_keeper(&before);
	/* Entries that a worker has in hand are not waited for, since it waits for the table; it finds no watch and drops them. */
	if (SPI_execute_with_args("DELETE FROM usercluster.queued WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
							  "SELECT id FROM usercluster.queued WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1"
							  " AND number OPERATOR(pg_catalog.=) $2 FOR UPDATE SKIP LOCKED))",
							  2, types, values, NULL, false, 0) < 0 ||
		SPI_execute_with_args("DELETE FROM usercluster.skipped WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1"
							  " AND number OPERATOR(pg_catalog.=) $2", 2, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not forget a watched column");
	act_again(&before);
}
