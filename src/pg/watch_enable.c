/*
 * watch_enable.c
 *	  enable_embedding() and disable_embedding(): the triggers of a watched column.
 *
 * Four triggers make a watch. Their names sort late, since triggers fire by name and others may change the text first.
 *
 *	zz_usercluster_N_row		BEFORE INSERT OR UPDATE OF columns, each row: embeds a few rows of a statement itself
 *	zz_usercluster_N_insert		AFTER INSERT, each row still without embedding: gathers a batch, or queues
 *	zz_usercluster_N_update		AFTER UPDATE, each row whose embedding does not belong to its text: the same
 *	zz_usercluster_N_statement	AFTER INSERT OR UPDATE, each statement: embeds the rest of the batch
 *
 * Row triggers of a partitioned table reach its partitions, those of later days too. Statement triggers do not, and one on the root
 * does not fire for a statement on a partition, so every table of the tree gets its own; rows of a partition without one are
 * embedded one by one (watch_triggers.c).
 *
 * No transition tables: they would copy every row of every statement, a million embeddings for an unrelated UPDATE, and do not
 * say where a row is stored. A WHEN clause queues only rows that need work, as a few bytes each.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/watch.h"
#include "pg/watch_queue.h"

typedef struct Settings
{
	const char *text_columns[WATCH_MAX_TEXTS];
	int			text_count;
	const char *embedding_column;
	const char *model;			/* NULL: the default */
	const char *mode;
	char	   *truncation;
} Settings;

static const char *
take_mode(FunctionCallInfo fcinfo, int number)
{
	const char *mode;

	usercluster_refuse_null(fcinfo, number, "mode");
	mode = text_to_cstring(PG_GETARG_TEXT_PP(number));
	if (strcmp(mode, "now") != 0 && strcmp(mode, "queue") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized mode \"%s\"", mode),
				 errhint("Use 'now' or 'queue'.")));
	return mode;
}

static void
take_text_columns(FunctionCallInfo fcinfo, Settings *settings)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	usercluster_refuse_null(fcinfo, 1, "text_columns");
	if (get_fn_expr_argtype(fcinfo->flinfo, 1) == TEXTOID)
	{
		settings->text_columns[0] = text_to_cstring(PG_GETARG_TEXT_PP(1));
		settings->text_count = 1;
		return;
	}
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	if (count < 1 || count > WATCH_MAX_TEXTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of text columns must be between 1 and %d, not %d", WATCH_MAX_TEXTS, count)));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("text_columns must not contain nulls")));
		settings->text_columns[i] = text_to_cstring(DatumGetTextPP(values[i]));
	}
	settings->text_count = count;
}

/* ---- what can be watched ---- */

static void
check_table(Relation relation, bool queue)
{
	if (relation->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partition", RelationGetRelationName(relation)),
				 errhint("Name the partitioned table.")));
	if (relation->rd_rel->relkind == RELKIND_RELATION &&
		(has_superclass(RelationGetRelid(relation)) || has_subclass(RelationGetRelid(relation))))
	{
		List	   *family = find_all_inheritors(RelationGetRelid(relation), NoLock, NULL);

		/* The flag of a table whose children are gone stays up. */
		if (has_superclass(RelationGetRelid(relation)) || list_length(family) > 1)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"%s\" inherits or is inherited from", RelationGetRelationName(relation)),
					 errdetail("Triggers of a table do not reach the rows of its children."),
					 errhint("Use a partitioned table.")));
	}
	if (queue && relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of the temporary table \"%s\" cannot be queued", RelationGetRelationName(relation)),
				 errdetail("Sessions that work off the queue do not see them."),
				 errhint("Use mode => 'now'.")));
	if (queue && !OidIsValid(watch_primary_key(relation)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key", RelationGetRelationName(relation)),
				 errdetail("The queue remembers rows by their primary key."),
				 errhint("Add one, or use mode => 'now'.")));
}

static void
check_columns(Relation relation, const Settings *settings, int dimensions)
{
	Form_pg_attribute target = watch_column(relation, settings->embedding_column);

	for (int i = 0; i < settings->text_count; i++)
	{
		Form_pg_attribute source = watch_column(relation, settings->text_columns[i]);
		Oid			type = getBaseType(source->atttypid);

		if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" has type %s, not text", NameStr(source->attname),
							RelationGetRelationName(relation), format_type_be(source->atttypid))));
		if (source->attgenerated != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of relation \"%s\" is generated", NameStr(source->attname),
							RelationGetRelationName(relation)),
					 errdetail("Its value is not there yet when triggers see the row."),
					 errhint("Name the columns that it is made from.")));
		for (int j = 0; j < i; j++)
			if (strcmp(settings->text_columns[i], settings->text_columns[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is named twice", settings->text_columns[i])));
	}
	if (target->atttypid != embedding_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, not embedding", NameStr(target->attname),
						RelationGetRelationName(relation), format_type_be(target->atttypid)),
				 errhint("ALTER TABLE %s ADD COLUMN embedding embedding(%d)", watch_relation_name(relation), dimensions)));
	if (target->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of relation \"%s\" is generated", NameStr(target->attname),
						RelationGetRelationName(relation))));
	if (target->attnotnull)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of relation \"%s\" is not null", NameStr(target->attname),
						RelationGetRelationName(relation)),
				 errdetail("Rows without text have no embedding, and others wait for theirs."),
				 errhint("ALTER TABLE %s ALTER %s DROP NOT NULL", watch_relation_name(relation),
						 quote_identifier(NameStr(target->attname)))));
	watch_check_dimensions(relation, target->attnum, dimensions);
}

/* ---- triggers ---- */

static void
run(const char *sql)
{
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
}

/* "OLD.a::text COLLATE … <> NEW.a …" over all text columns; the built-in DISTINCT would look for = in the caller's path. */
static char *
text_changed(Relation relation, const Watch *watch)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < watch->text_count; i++)
	{
		const char *name = watch_column_name(relation, watch->texts[i]);

		appendStringInfo(&sql, "%s(OLD.%s IS NULL) OPERATOR(pg_catalog.<>) (NEW.%s IS NULL)"
						 " OR OLD.%s::pg_catalog.text COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.<>) NEW.%s::pg_catalog.text",
						 i == 0 ? "" : " OR ", name, name, name, name);
	}
	return sql.data;
}

/* A row that waits in the queue under another key is queued again. */
static char *
key_changed(Relation relation)
{
	AttrNumber	attributes[INDEX_MAX_KEYS];
	int			count = queue_key(relation, attributes);
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < count; i++)
	{
		const char *name = watch_column_name(relation, attributes[i]);

		appendStringInfo(&sql, "%sNOT OLD.%s %s NEW.%s", i == 0 ? "" : " OR ", name,
						 watch_equals(TupleDescAttr(RelationGetDescr(relation), attributes[i] - 1)->atttypid), name);
	}
	return sql.data;
}

static char *
some_text(Relation relation, const Watch *watch)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < watch->text_count; i++)
		appendStringInfo(&sql, "%sNEW.%s IS NOT NULL", i == 0 ? "" : " OR ", watch_column_name(relation, watch->texts[i]));
	return sql.data;
}

void
watch_create(Relation relation, const Watch *watch)
{
	char	   *table = watch_relation_name(relation);
	const char *embedding = watch_column_name(relation, watch->embedding);
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < watch->text_count; i++)
		appendStringInfo(&columns, "%s, ", watch_column_name(relation, watch->texts[i]));
	appendStringInfoString(&columns, embedding);
	run(psprintf("CREATE TRIGGER zz_usercluster_%d_row BEFORE INSERT OR UPDATE OF %s ON %s FOR EACH ROW"
				 " EXECUTE FUNCTION usercluster.watch_row(%d, %s, %s, %s, %s, %s)",
				 watch->number, columns.data, table, watch->number, watch->queue ? "queue" : "now",
				 quote_literal_cstr(watch->model), quote_literal_cstr(watch->fingerprint),
				 watch->truncation, quote_literal_cstr(watch->search_path)));
	run(psprintf("CREATE TRIGGER zz_usercluster_%d_insert AFTER INSERT ON %s FOR EACH ROW WHEN (NEW.%s IS NULL AND (%s))"
				 " EXECUTE FUNCTION usercluster.watch_gather(%d)",
				 watch->number, table, embedding, some_text(relation, watch), watch->number));
	run(psprintf("CREATE TRIGGER zz_usercluster_%d_update AFTER UPDATE ON %s FOR EACH ROW"
				 " WHEN ((%s) AND (NEW.%s IS NULL OR NEW.%s %s OLD.%s)%s)"
				 " EXECUTE FUNCTION usercluster.watch_gather(%d)",
				 watch->number, table, text_changed(relation, watch), embedding, embedding,
				 watch_equals(embedding_type_oid()), embedding,
				 watch->queue ? psprintf(" OR NEW.%s IS NULL AND (%s)", embedding, key_changed(relation)) : "",
				 watch->number));
}

/* The next trigger of this watch on the relation itself that calls `function`, from place *next on. */
static const char *
next_trigger(Relation relation, const Watch *watch, Oid function, int *next)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (; triggers != NULL && *next < triggers->numtriggers; (*next)++)
	{
		const Trigger *trigger = &triggers->triggers[*next];

		if (trigger->tgfoid == function && !trigger->tgisclone && trigger->tgnargs > 0 &&
			pg_strtoint32(trigger->tgargs[0]) == watch->number)
		{
			(*next)++;
			return pstrdup(trigger->tgname);
		}
	}
	return NULL;
}

void
watch_complete(Relation root, const Watch *watch)
{
	Oid			function = watch_function("watch_statement");
	List	   *tree = find_all_inheritors(RelationGetRelid(root), ShareRowExclusiveLock, NULL);
	ListCell   *cell;

	foreach(cell, tree)
	{
		Relation	relation = table_open(lfirst_oid(cell), NoLock);
		int			next = 0;

		if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("partition \"%s\" is a foreign table", RelationGetRelationName(relation)),
					 errdetail("Embeddings are kept in ordinary and partitioned tables only.")));
		if (!watch->queue && next_trigger(relation, watch, function, &next) == NULL)
			run(psprintf("CREATE TRIGGER zz_usercluster_%d_statement AFTER INSERT OR UPDATE ON %s FOR EACH STATEMENT"
						 " EXECUTE FUNCTION usercluster.watch_statement(%d)", watch->number, watch_relation_name(relation),
						 watch->number));
		table_close(relation, NoLock);
	}
}

/* By what they call, not by name: a trigger can have been renamed. */
void
watch_drop(Relation root, const Watch *watch)
{
	static const char *const functions[] = {"watch_row", "watch_gather", "watch_statement"};
	List	   *tree = find_all_inheritors(RelationGetRelid(root), ShareRowExclusiveLock, NULL);
	ListCell   *cell;

	foreach(cell, tree)
	{
		Relation	relation = table_open(lfirst_oid(cell), NoLock);
		List	   *names = NIL;
		ListCell   *name;

		for (int i = 0; i < lengthof(functions); i++)
		{
			Oid			function = watch_function(functions[i]);
			int			next = 0;
			const char *found;

			while ((found = next_trigger(relation, watch, function, &next)) != NULL)
				names = lappend(names, unconstify(char *, found));
		}
		foreach(name, names)
			run(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(name)), watch_relation_name(relation)));
		table_close(relation, NoLock);
	}
}

bool
watch_find_or_number(Relation relation, AttrNumber embedding, Watch *watch)
{
	Watch	   *watches;
	int			count = watch_list(relation, &watches);

	watch->number = 1;
	for (int i = 0; i < count; i++)
	{
		if (watches[i].embedding == embedding)
		{
			*watch = watches[i];
			return true;
		}
		if (watches[i].number == watch->number)
			watch->number++;
	}
	return false;
}

/* Temporary objects come last, unless the path says where: else they would come first. */
static char *
path_without_temporary(void)
{
	const char *path = GetConfigOption("search_path", false, false);

	if (strstr(path, "pg_temp") != NULL)
		return pstrdup(path);
	return path[0] == '\0' ? pstrdup("pg_temp") : psprintf("%s, pg_temp", path);
}

static bool
same_texts(const Watch *a, const Watch *b)
{
	return a->text_count == b->text_count && memcmp(a->texts, b->texts, sizeof a->texts[0] * a->text_count) == 0;
}

/* (table, text column or columns, embedding column, model, mode, truncation). Again with the same settings: new partitions join. */
USERCLUSTER_FUNCTION(usercluster_enable_embedding)
{
	Settings	settings = {0};
	Watch		watch = {0},
				present = {0};
	Relation	relation;
	const OpenModel *open;
	int			dimensions;

	usercluster_refuse_null(fcinfo, 0, "relation");
	take_text_columns(fcinfo, &settings);
	usercluster_refuse_null(fcinfo, 2, "embedding_column");
	settings.embedding_column = text_to_cstring(PG_GETARG_TEXT_PP(2));
	settings.model = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	settings.mode = take_mode(fcinfo, 4);
	usercluster_refuse_null(fcinfo, 5, "truncation");
	settings.truncation = text_to_cstring(PG_GETARG_TEXT_PP(5));
	embed_long_text(settings.truncation);

	relation = watch_open_table(PG_GETARG_OID(0), ShareRowExclusiveLock);
	watch.queue = strcmp(settings.mode, "queue") == 0;
	watch.truncation = settings.truncation;
	watch.search_path = path_without_temporary();
	check_table(relation, watch.queue);
	open = models_get(settings.model);
	watch.model = pstrdup(open->name);
	watch.fingerprint = pstrdup(open->model->fingerprint);
	dimensions = (int) open->model->config.dimensions;
	check_columns(relation, &settings, dimensions);
	watch.text_count = settings.text_count;
	for (int i = 0; i < settings.text_count; i++)
		watch.texts[i] = watch_column(relation, settings.text_columns[i])->attnum;
	watch.embedding = watch_column(relation, settings.embedding_column)->attnum;

	SPI_connect();
	if (watch_find_or_number(relation, watch.embedding, &present))
	{
		if (strcmp(present.fingerprint, watch.fingerprint) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of relation \"%s\" is filled by another model", settings.embedding_column,
							RelationGetRelationName(relation)),
					 errdetail("It is \"%s\" with fingerprint %s; \"%s\" has %s.", present.model, present.fingerprint,
							   watch.model, watch.fingerprint),
					 errhint("CALL usercluster.re_embed(table, model) fills a second column and then switches.")));
		watch.number = present.number;
		if (!same_texts(&watch, &present) || watch.queue != present.queue || strcmp(watch.truncation, present.truncation) != 0 ||
			strcmp(watch.model, present.model) != 0 || strcmp(watch.search_path, present.search_path) != 0)
		{
			watch_drop(relation, &present);
			watch_create(relation, &watch);
		}
	}
	else
	{
		watch.number = present.number;
		/* A watch of this number can have gone with its column. */
		queue_forget(relation, watch.number);
		watch_create(relation, &watch);
	}
	watch_complete(relation, &watch);
	SPI_finish();
	table_close(relation, NoLock);
	PG_RETURN_VOID();
}

USERCLUSTER_FUNCTION(usercluster_disable_embedding)
{
	Relation	relation;
	Watch		watch;

	usercluster_refuse_null(fcinfo, 0, "relation");
	relation = watch_open_table(PG_GETARG_OID(0), ShareRowExclusiveLock);
	watch_of_column(relation, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)), &watch);
	SPI_connect();
	watch_drop(relation, &watch);
	queue_forget(relation, watch.number);
	SPI_finish();
	table_close(relation, NoLock);
	PG_RETURN_VOID();
}
