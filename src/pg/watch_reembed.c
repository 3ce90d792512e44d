/*
 * watch_reembed.c
 *	  The procedure re_embed(): a watched column changes its model.
 *
 * A second column is added and watched with the new model, filled while the first one serves, and takes its name in one transaction. What
 * has been done stays done when the call is stopped: the same call goes on. Whatever else depends on the first column would go with it,
 * so it is asked for before the work begins and again before the switch.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/watch.h"
#include "pg/watch_backfill.h"

typedef struct Change
{
	Oid			relation;
	char	   *column;			/* the one that serves */
	char	   *next;			/* the one that is filled */
	char	   *model;
	char	   *fingerprint;
	int			dimensions;
} Change;

static void
run(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
}

/* Indexes, views, privileges on the column in any table of the tree, but not the triggers of its watch. */
static void
refuse_dependents(Relation relation, const Change *change, int number)
{
	Oid			types[3] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[3];
	List	   *tree = find_all_inheritors(RelationGetRelid(relation), AccessShareLock, NULL);
	ListCell   *cell;
	StringInfoData found;

	initStringInfo(&found);
	foreach(cell, tree)
	{
		values[0] = ObjectIdGetDatum(lfirst_oid(cell));
		values[1] = CStringGetTextDatum(change->column);
		values[2] = CStringGetTextDatum(psprintf("%d", number));
		if (SPI_execute_with_args("SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)"
								  " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_depend d"
								  "  ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
								  "  AND d.refobjid OPERATOR(pg_catalog.=) a.attrelid AND d.refobjsubid OPERATOR(pg_catalog.=) a.attnum"
								  " WHERE a.attrelid OPERATOR(pg_catalog.=) $1"
								  "  AND a.attname::pg_catalog.text OPERATOR(pg_catalog.=) $2 AND NOT EXISTS ("
								  "   SELECT FROM pg_catalog.pg_trigger t"
								  "   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass"
								  "    AND t.oid OPERATOR(pg_catalog.=) d.objid"
								  "    AND EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.oid OPERATOR(pg_catalog.=) t.tgfoid"
								  "     AND p.pronamespace OPERATOR(pg_catalog.=) 'usercluster'::pg_catalog.regnamespace)"
								  "    AND pg_catalog.split_part(pg_catalog.encode(t.tgargs, 'escape'), '\\000', 1)"
								  "     OPERATOR(pg_catalog.=) $3)"
								  " UNION ALL SELECT 'privileges on the column' FROM pg_catalog.pg_attribute a"
								  "  WHERE a.attrelid OPERATOR(pg_catalog.=) $1"
								  "   AND a.attname::pg_catalog.text OPERATOR(pg_catalog.=) $2 AND a.attacl IS NOT NULL",
								  3, types, values, NULL, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not read pg_depend");
		for (uint64 i = 0; i < SPI_processed; i++)
			appendStringInfo(&found, "%s%s", found.len == 0 ? "" : ", ",
							 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	}
	if (found.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("column \"%s\" of relation \"%s\" cannot be replaced because other objects depend on it",
						change->column, RelationGetRelationName(relation)),
				 errdetail("They are: %s.", found.data),
				 errhint("Drop them, and make them again when re_embed has switched.")));
}

/* ALTER TABLE refuses a table that the session holds open: it is closed, still locked, and opened again. */
static Relation
alter_table(Relation relation, const char *action)
{
	Oid			oid = RelationGetRelid(relation);
	char	   *sql = psprintf("ALTER TABLE %s %s", watch_relation_name(relation), action);

	table_close(relation, NoLock);
	run(sql);
	return table_open(oid, NoLock);
}

static Relation
add_column(Relation relation, const Watch *watch, const Change *change)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), watch->embedding - 1);
	char	   *type = format_type_extended(column->atttypid, column->atttypmod >= 0 ? change->dimensions : -1,
											FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);

	return alter_table(relation, psprintf("ADD COLUMN %s %s", quote_identifier(change->next), type));
}

/* The second column with its watch, made or found as an earlier call left it. */
static Relation
begin_change(Relation relation, const Watch *watch, const Change *change, int *next_number)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), change->next);
	Watch		next = *watch;

	if (number > 0)
	{
		if (!watch_find_or_number(relation, number, &next) || strcmp(next.fingerprint, change->fingerprint) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" exists, and is not one that re_embed fills from model \"%s\"",
							change->next, RelationGetRelationName(relation), change->model),
					 errhint("ALTER TABLE %s DROP COLUMN %s CASCADE, or rename it.", watch_relation_name(relation),
							 quote_identifier(change->next))));
	}
	else
	{
		relation = add_column(relation, watch, change);
		number = get_attnum(RelationGetRelid(relation), change->next);
		watch_find_or_number(relation, number, &next);
		next.embedding = number;
		next.model = change->model;
		next.fingerprint = change->fingerprint;
		queue_forget(relation, next.number);
		watch_create(relation, &next);
		watch_complete(relation, &next);
	}
	*next_number = next.number;
	return relation;
}

/* In one transaction: the first column goes, and the second takes its name. */
static void
switch_columns(const Change *change)
{
	Relation	relation = watch_open_table(change->relation, AccessExclusiveLock);
	Watch		watch,
				next;

	watch_of_column(relation, change->column, &watch);
	watch_of_column(relation, change->next, &next);
	if (strcmp(next.fingerprint, change->fingerprint) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of relation \"%s\" is filled by another model meanwhile", change->next,
						RelationGetRelationName(relation))));
	refuse_dependents(relation, change, watch.number);
	watch_drop(relation, &watch);
	queue_forget(relation, watch.number);
	relation = alter_table(relation, psprintf("DROP COLUMN %s", quote_identifier(change->column)));
	relation = alter_table(relation, psprintf("RENAME COLUMN %s TO %s", quote_identifier(change->next),
											  quote_identifier(change->column)));
	table_close(relation, NoLock);
}

/* False where the column is filled by that model already. */
static bool
prepare_change(FunctionCallInfo fcinfo, MemoryContext context, Change *change, int *number)
{
	Relation	relation;
	Watch		watch;
	const OpenModel *open;

	change->relation = PG_GETARG_OID(0);
	open = models_get(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	change->model = MemoryContextStrdup(context, open->name);
	change->fingerprint = MemoryContextStrdup(context, open->model->fingerprint);
	change->dimensions = (int) open->model->config.dimensions;

	relation = watch_open_table(change->relation, AccessExclusiveLock);
	watch_of_column(relation, PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)), &watch);
	change->column = MemoryContextStrdup(context, NameStr(TupleDescAttr(RelationGetDescr(relation), watch.embedding - 1)->attname));
	change->next = MemoryContextStrdup(context, watch_next_name(relation, &watch));
	if (strcmp(watch.fingerprint, change->fingerprint) == 0)
	{
		ereport(NOTICE,
				(errmsg("column \"%s\" of relation \"%s\" is filled by model \"%s\" already", change->column,
						RelationGetRelationName(relation), watch.model)));
		table_close(relation, NoLock);
		return false;
	}
	refuse_dependents(relation, change, watch.number);
	relation = begin_change(relation, &watch, change, number);
	table_close(relation, NoLock);
	return true;
}

/* (table, model, embedding column, rows of a batch, seconds). */
USERCLUSTER_FUNCTION(usercluster_re_embed)
{
	Change		change = {0};
	BackfillLimits limits;
	MemoryContext context;
	int			number = 0;

	watch_check_procedure(fcinfo, "re_embed");
	usercluster_refuse_null(fcinfo, 0, "relation");
	usercluster_refuse_null(fcinfo, 1, "model");
	backfill_arguments(fcinfo, 3, 4, &limits);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	progress_begin("re_embed");
	context = AllocSetContextCreate(PortalContext, "usercluster re_embed", ALLOCSET_DEFAULT_SIZES);
	if (prepare_change(fcinfo, context, &change, &number))
	{
		SPI_commit();
		if (backfill_column(change.relation, number, &limits))
		{
			switch_columns(&change);
			SPI_commit();
			ereport(NOTICE,
					(errmsg("column \"%s\" of relation \"%s\" now holds embeddings of model \"%s\"", change.column,
							get_rel_name(change.relation), change.model)));
		}
	}
	MemoryContextDelete(context);
	SPI_finish();
	PG_RETURN_VOID();
}
