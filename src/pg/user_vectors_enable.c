/*
 * user_vectors_enable.c
 *	  enable_user_vectors() and disable_user_vectors(): settings and triggers of a table of texts.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/definition.h"
#include "pg/embedding.h"
#include "pg/errors.h"
#include "pg/restricted.h"
#include "pg/user_vectors.h"
#include "pg/watch.h"

extern Datum usercluster_recency_weight(PG_FUNCTION_ARGS);

/* Arguments of enable_user_vectors, in their order. */
enum
{
	ARG_SOURCE, ARG_USER, ARG_EMBEDDING, ARG_TARGET, ARG_KEY, ARG_VECTOR, ARG_TIME, ARG_HALF_LIFE, ARG_WEIGHT, ARG_LANGUAGE,
	ARG_NEUTRAL
};

static void
run(const char *sql, int expected)
{
	if (SPI_execute(sql, false, 0) != expected)
		elog(ERROR, "could not execute \"%s\"", sql);
}

static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static void
refuse_nulls(FunctionCallInfo fcinfo)
{
	static const char *const required[] = {
		"source", "user_column", "embedding_column", "target", "key_column", "vector_column"
	};

	for (int i = 0; i < (int) lengthof(required); i++)
		usercluster_refuse_null(fcinfo, i, required[i]);
}

static void
check_half_life(FunctionCallInfo fcinfo)
{
	Interval   *half_life = PG_ARGISNULL(ARG_HALF_LIFE) ? NULL : PG_GETARG_INTERVAL_P(ARG_HALF_LIFE);

	if (PG_ARGISNULL(ARG_TIME) != (half_life == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time_column and half_life go together"),
				 errhint("Name both, such as time_column => 'written_at', half_life => '180 days', or neither.")));
	if (half_life != NULL)
		DirectFunctionCall3(usercluster_recency_weight, TimestampTzGetDatum(0), IntervalPGetDatum(half_life),
							TimestampTzGetDatum(0));
}

/* A column of the source that can be read as another type; refuses others. */
static void
check_castable(Relation source, const char *column, Oid type, const char *what)
{
	Oid			found = getBaseType(watch_column(source, column)->atttypid);

	if (!can_coerce_type(1, &found, &type, COERCION_ASSIGNMENT))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, not %s", column, RelationGetRelationName(source),
						format_type_be(found), what)));
}

static void
check_source(Relation source, FunctionCallInfo fcinfo)
{
	char	   *columns[USER_VECTOR_COLUMNS] = {
		text_argument(fcinfo, ARG_USER), text_argument(fcinfo, ARG_EMBEDDING), text_argument(fcinfo, ARG_TIME),
		text_argument(fcinfo, ARG_WEIGHT), text_argument(fcinfo, ARG_LANGUAGE)
	};
	Form_pg_attribute embedding = watch_column(source, columns[EMBEDDING_COLUMN]);

	if (source->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partition", RelationGetRelationName(source)),
				 errhint("Name the partitioned table.")));
	if (source->rd_rel->relkind == RELKIND_RELATION &&
		(has_superclass(RelationGetRelid(source)) ||
		 list_length(find_all_inheritors(RelationGetRelid(source), NoLock, NULL)) > 1))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" inherits or is inherited from", RelationGetRelationName(source)),
				 errdetail("Triggers of a table do not reach the rows of its children."),
				 errhint("Use a partitioned table.")));
	if (embedding->atttypid != embedding_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, not embedding", columns[EMBEDDING_COLUMN],
						RelationGetRelationName(source), format_type_be(embedding->atttypid)),
				 errhint("enable_embedding keeps an embedding beside a text.")));
	watch_equals(watch_column(source, columns[USER_COLUMN])->atttypid);
	if (columns[TIME_COLUMN] != NULL)
		check_castable(source, columns[TIME_COLUMN], TIMESTAMPTZOID, "a time");
	if (columns[WEIGHT_COLUMN] != NULL)
		check_castable(source, columns[WEIGHT_COLUMN], FLOAT8OID, "a number");
	if (columns[LANGUAGE_COLUMN] != NULL)
		check_castable(source, columns[LANGUAGE_COLUMN], TEXTOID, "text");
	else if (!PG_ARGISNULL(ARG_NEUTRAL) && PG_GETARG_BOOL(ARG_NEUTRAL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("language_neutral needs language_column"),
				 errhint("Fill a column with usercluster.detect_language(text), and name it.")));
	for (int i = 0; i < USER_VECTOR_COLUMNS; i++)
		for (int j = 0; j < i; j++)
			if (columns[i] != NULL && columns[j] != NULL && strcmp(columns[i], columns[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("column \"%s\" is named twice", columns[i])));
}

static void
check_right(Oid owner, Relation target, const char *column, AclMode mode)
{
	Oid			oid = RelationGetRelid(target);

	if (pg_class_aclcheck(oid, owner, mode) != ACLCHECK_OK &&
		pg_attribute_aclcheck(oid, watch_column(target, column)->attnum, owner, mode) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for column \"%s\" of table \"%s\"", column, RelationGetRelationName(target)),
				 errdetail("Vectors are written as role \"%s\", which owns the table of texts.",
						   GetUserNameFromId(owner, false)),
				 errhint("GRANT SELECT, UPDATE ON %s TO %s", watch_relation_name(target),
						 quote_identifier(GetUserNameFromId(owner, false)))));
}

static bool
same_tree(Relation source, Relation target)
{
	Oid			root = RelationGetRelid(target);

	if (target->rd_rel->relispartition)
		root = llast_oid(get_partition_ancestors(root));
	return root == RelationGetRelid(source);
}

static void
check_target(Relation source, Relation target, const char *user_column, const char *key_column, const char *vector_column)
{
	Form_pg_attribute vector;
	Oid			owner = source->rd_rel->relowner;
	Oid			user = getBaseType(watch_column(source, user_column)->atttypid);
	Oid			key;

	if (target->rd_rel->relkind != RELKIND_RELATION && target->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(target))));
	if (same_tree(source, target))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("texts and vectors of users must be in different tables")));
	vector = watch_column(target, vector_column);
	if (vector->atttypid != embedding_type_oid() || vector->attgenerated != '\0' || vector->attnotnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" cannot hold vectors of users", vector_column,
						RelationGetRelationName(target)),
				 errdetail("It must be of type embedding, not generated, and may be null where a user has no text."),
				 errhint("ALTER TABLE %s ADD COLUMN vector embedding", watch_relation_name(target))));
	key = getBaseType(watch_column(target, key_column)->atttypid);
	if (!can_coerce_type(1, &user, &key, COERCION_IMPLICIT))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("key column \"%s\" of type %s does not take users of type %s", key_column, format_type_be(key),
						format_type_be(user))));
	check_right(owner, target, key_column, ACL_SELECT);
	check_right(owner, target, vector_column, ACL_SELECT);
	check_right(owner, target, vector_column, ACL_UPDATE);
}

/* Without an index that begins with the column, each change reads the whole table. */
static void
advise_index(Relation relation, const char *column, const char *what)
{
	AttrNumber	number = watch_column(relation, column)->attnum;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(relation))
	{
		HeapTuple	row = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		bool		serves = HeapTupleIsValid(row) && ((Form_pg_index) GETSTRUCT(row))->indisvalid &&
			((Form_pg_index) GETSTRUCT(row))->indkey.values[0] == number;

		if (HeapTupleIsValid(row))
			ReleaseSysCache(row);
		if (serves)
			return;
	}
	ereport(NOTICE,
			(errmsg("no index begins with column \"%s\" of relation \"%s\"", column, RelationGetRelationName(relation)),
			 errdetail("Each statement that changes texts reads the whole table for %s.", what),
			 errhint("CREATE INDEX ON %s (%s)", watch_relation_name(relation), quote_identifier(column))));
}

/* ---- triggers ---- */

static void
drop_triggers(Relation source)
{
	Oid			function = watch_function("keep_user_vectors");
	List	   *tree = find_all_inheritors(RelationGetRelid(source), ShareRowExclusiveLock, NULL);
	ListCell   *cell,
			   *name;

	foreach(cell, tree)
	{
		Relation	relation = table_open(lfirst_oid(cell), NoLock);
		TriggerDesc *triggers = relation->trigdesc;
		List	   *names = NIL;

		for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
			if (triggers->triggers[i].tgfoid == function && !triggers->triggers[i].tgisclone)
				names = lappend(names, pstrdup(triggers->triggers[i].tgname));
		foreach(name, names)
			run(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(name)), watch_relation_name(relation)), SPI_OK_UTILITY);
		table_close(relation, NoLock);
	}
}

/* After those of a watched column by name, so that they see its embeddings. */
static void
create_triggers(Relation source, FunctionCallInfo fcinfo)
{
	static const int arguments[USER_VECTOR_COLUMNS] = {ARG_USER, ARG_EMBEDDING, ARG_TIME, ARG_WEIGHT, ARG_LANGUAGE};
	static const char *const events[][3] = {
		{"insert", "INSERT", "REFERENCING NEW TABLE AS new_texts"},
		{"update", "UPDATE", "REFERENCING OLD TABLE AS old_texts NEW TABLE AS new_texts"},
		{"delete", "DELETE", "REFERENCING OLD TABLE AS old_texts"},
		{"truncate", "TRUNCATE", ""}
	};
	List	   *tree = find_all_inheritors(RelationGetRelid(source), ShareRowExclusiveLock, NULL);
	ListCell   *cell;
	StringInfoData columns;
	char		letters[USER_VECTOR_COLUMNS + 1] = "";

	initStringInfo(&columns);
	for (int i = 0; i < USER_VECTOR_COLUMNS; i++)
		if (!PG_ARGISNULL(arguments[i]))
		{
			appendStringInfo(&columns, "%s%s", i == 0 ? "" : ", ", quote_identifier(text_argument(fcinfo, arguments[i])));
			strncat(letters, &USER_VECTOR_LETTERS[i], 1);
		}
	run(psprintf("CREATE TRIGGER zzz_usercluster_users_columns BEFORE UPDATE OF %s ON %s FOR EACH ROW WHEN (false)"
				 " EXECUTE FUNCTION usercluster.keep_user_vectors(%s)", columns.data, watch_relation_name(source), letters),
		SPI_OK_UTILITY);
	foreach(cell, tree)
	{
		Relation	relation = table_open(lfirst_oid(cell), NoLock);

		if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("partition \"%s\" is a foreign table", RelationGetRelationName(relation))));
		for (int i = 0; i < (int) lengthof(events); i++)
			run(psprintf("CREATE TRIGGER zzz_usercluster_users_%s AFTER %s ON %s %s FOR EACH STATEMENT"
						 " EXECUTE FUNCTION usercluster.keep_user_vectors()", events[i][0], events[i][1],
						 watch_relation_name(relation), events[i][2]), SPI_OK_UTILITY);
		table_close(relation, NoLock);
	}
}

static void
forget(Oid source)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(source)};
	ActingUser	before;

	act_as_keeper(&before);
	/* with what tables left behind that are gone */
	if (SPI_execute_with_args("DELETE FROM usercluster.user_vector_store WHERE source::pg_catalog.oid OPERATOR(pg_catalog.=) $1"
							  " OR NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) source::pg_catalog.oid)",
							  1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not forget settings of user vectors");
	act_again(&before);
}

static void
keep_settings(Relation source, Relation target, FunctionCallInfo fcinfo)
{
	Oid			types[7] = {OIDOID, OIDOID, TEXTOID, TEXTOID, INTERVALOID, BOOLOID, TEXTOID};
	Datum		values[7] = {
		ObjectIdGetDatum(RelationGetRelid(source)), ObjectIdGetDatum(RelationGetRelid(target)), PG_GETARG_DATUM(ARG_KEY),
		PG_GETARG_DATUM(ARG_VECTOR), PG_GETARG_DATUM(ARG_HALF_LIFE), PG_GETARG_DATUM(ARG_NEUTRAL),
		CStringGetTextDatum(restricted_current_path())
	};
	char		nulls[8] = {
		' ', ' ', ' ', ' ', PG_ARGISNULL(ARG_HALF_LIFE) ? 'n' : ' ', PG_ARGISNULL(ARG_NEUTRAL) ? 'n' : ' ', ' ', '\0'
	};
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args("INSERT INTO usercluster.user_vector_store"
							  " (source, target, key_column, vector_column, half_life, neutral, search_path)"
							  " VALUES ($1::pg_catalog.regclass, $2::pg_catalog.regclass, $3, $4, $5, $6, $7)",
							  7, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not keep settings of user vectors");
	act_again(&before);
}

void
user_vectors_keep_means(const UserVectors *vectors, Datum means)
{
	Oid			types[2] = {OIDOID, user_vectors_means_type()};
	Datum		values[2] = {ObjectIdGetDatum(RelationGetRelid(vectors->source)), means};
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args("UPDATE usercluster.user_vector_store SET means = $2"
							  " WHERE source::pg_catalog.oid OPERATOR(pg_catalog.=) $1", 2, types, values,
							  means == (Datum) 0 ? " n" : NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not keep the means of languages");
	act_again(&before);
}

/* Again: new settings, and partitions made since. */
USERCLUSTER_FUNCTION(usercluster_enable_user_vectors)
{
	Relation	source,
				target;
	UserVectors vectors;

	refuse_nulls(fcinfo);
	check_half_life(fcinfo);
	source = watch_open_table(PG_GETARG_OID(ARG_SOURCE), ShareRowExclusiveLock);
	target = try_relation_open(PG_GETARG_OID(ARG_TARGET), AccessShareLock);
	if (target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(ARG_TARGET))));
	check_source(source, fcinfo);
	check_target(source, target, text_argument(fcinfo, ARG_USER), text_argument(fcinfo, ARG_KEY),
				 text_argument(fcinfo, ARG_VECTOR));
	advise_index(source, text_argument(fcinfo, ARG_USER), "the texts of a user");
	advise_index(target, text_argument(fcinfo, ARG_KEY), "the row of a user");

	SPI_connect();
	drop_triggers(source);
	forget(RelationGetRelid(source));
	create_triggers(source, fcinfo);
	keep_settings(source, target, fcinfo);
	CommandCounterIncrement();
	user_vectors_require(source, &vectors);
	user_vectors_keep_means(&vectors, user_vectors_means(&vectors));
	SPI_finish();
	table_close(target, NoLock);
	table_close(source, NoLock);
	PG_RETURN_VOID();
}

USERCLUSTER_FUNCTION(usercluster_disable_user_vectors)
{
	Relation	source;
	UserVectors vectors;

	usercluster_refuse_null(fcinfo, 0, "source");
	source = watch_open_table(PG_GETARG_OID(0), ShareRowExclusiveLock);
	SPI_connect();
	user_vectors_require(source, &vectors);
	drop_triggers(source);
	forget(RelationGetRelid(source));
	SPI_finish();
	table_close(source, NoLock);
	PG_RETURN_VOID();
}
