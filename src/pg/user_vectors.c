/*
 * user_vectors.c
 *	  Vectors of users from their texts: what is computed, and the triggers that ask for it.
 *
 * The rows of the affected users are locked in the order of their keys before texts are read, and the texts are read with a snapshot
 * taken after that: of two sessions that bring texts of one user, the later sees what the earlier has committed. The lock is the one
 * that foreign keys to the users get along with.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "cluster/prepare.h"
#include "pg/definition.h"
#include "pg/embedding.h"
#include "pg/user_vectors.h"
#include "pg/watch.h"

/* ---- settings ---- */

static bool
read_columns(Relation source, UserVectors *vectors)
{
	Oid			function = watch_function("keep_user_vectors");
	TriggerDesc *triggers = source->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid != function || !TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgnargs != 1 ||
			strlen(trigger->tgargs[0]) != (size_t) trigger->tgnattr)
			continue;
		for (int j = 0; j < trigger->tgnattr; j++)
		{
			const char *letter = strchr(USER_VECTOR_LETTERS, trigger->tgargs[0][j]);

			if (letter != NULL)
				vectors->columns[letter - USER_VECTOR_LETTERS] = trigger->tgattr[j];
		}
		return vectors->columns[USER_COLUMN] != 0 && vectors->columns[EMBEDDING_COLUMN] != 0;
	}
	return false;
}

static char *
text_of(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

bool
user_vectors_find(Relation source, UserVectors *vectors)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(RelationGetRelid(source))};
	ActingUser	before;
	Datum		value;
	bool		null,
				found;

	memset(vectors, 0, sizeof *vectors);
	vectors->source = source;
	act_as_keeper(&before);
	if (SPI_execute_with_args("SELECT target::pg_catalog.oid, key_column, vector_column, search_path, resume_after, half_life, means,"
							  " COALESCE(neutral, true), neutral IS NULL FROM usercluster.user_vector_store"
							  " WHERE source::pg_catalog.oid OPERATOR(pg_catalog.=) $1", 1, types, values, NULL, false, 1)
		!= SPI_OK_SELECT)
		elog(ERROR, "could not read settings of user vectors");
	act_again(&before);
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.user_vector_store",
							 "oid text text text text interval preparation bool bool");
	found = SPI_processed > 0;
	if (found)
	{
		vectors->target = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
		vectors->key_column = text_of(2);
		vectors->vector_column = text_of(3);
		vectors->search_path = text_of(4);
		vectors->resume_after = text_of(5);
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 6, &null);
		vectors->half_life = null ? NULL : DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 7, &null);
		vectors->means = null ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		vectors->neutral = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 8, &null));
		vectors->auto_neutral = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 9, &null));
	}
	SPI_freetuptable(SPI_tuptable);
	return found && read_columns(source, vectors);
}

void
user_vectors_require(Relation source, UserVectors *vectors)
{
	if (!user_vectors_find(source, vectors))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation \"%s\" keeps no user vectors", RelationGetRelationName(source)),
				 errhint("Begin with SELECT usercluster.enable_user_vectors(table of texts, user column, embedding column,"
						 " table of users, key column, vector column).")));
}

/* ---- statements ---- */

char *
user_vectors_type(Relation relation, const char *column)
{
	return format_type_extended(getBaseType(watch_column(relation, column)->atttypid), -1,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

static Oid
user_type(const UserVectors *vectors)
{
	return getBaseType(TupleDescAttr(RelationGetDescr(vectors->source), vectors->columns[USER_COLUMN] - 1)->atttypid);
}

Oid
user_vectors_array_type(const UserVectors *vectors)
{
	return get_array_type(user_type(vectors));
}

const char *
user_vectors_name(const UserVectors *vectors, int column)
{
	return watch_column_name(vectors->source, vectors->columns[column]);
}

static char *
user_type_name(const UserVectors *vectors)
{
	return format_type_extended(user_type(vectors), -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* Schema of the type embedding and of what belongs to it. */
static const char *
type_schema(void)
{
	HeapTuple	row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(embedding_type_oid()));
	Oid			schema;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for type embedding");
	schema = ((Form_pg_type) GETSTRUCT(row))->typnamespace;
	ReleaseSysCache(row);
	return quote_identifier(get_namespace_name(schema));
}

/* Which of a user's texts count; `row` is the name of the source in the query. */
static char *
counted(const UserVectors *vectors, const char *row)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s.%s IS NOT NULL", row, user_vectors_name(vectors, EMBEDDING_COLUMN));
	if (vectors->means != (Datum) 0)
		appendStringInfo(&sql, " AND %s.norm(%s.%s) OPERATOR(pg_catalog.>) 0", type_schema(), row,
						 user_vectors_name(vectors, EMBEDDING_COLUMN));
	if (vectors->columns[WEIGHT_COLUMN] != 0)
		appendStringInfo(&sql, " AND %s.%s IS NOT NULL", row, user_vectors_name(vectors, WEIGHT_COLUMN));
	if (vectors->columns[TIME_COLUMN] != 0)
		appendStringInfo(&sql, " AND %s.%s IS NOT NULL", row, user_vectors_name(vectors, TIME_COLUMN));
	return sql.data;
}

/* Ages are counted from the user's newest text: later, all weights have changed by one factor, which the mean does not show. */
char *
user_vectors_sql(const UserVectors *vectors)
{
	const char *user = user_vectors_name(vectors, USER_COLUMN);
	const char *type = user_type_name(vectors);
	const char *table = watch_relation_name(vectors->source);
	const char *equals = watch_equals(user_type(vectors));
	StringInfoData value,
				weight,
				newest;

	initStringInfo(&value);
	if (vectors->means == (Datum) 0)
		appendStringInfo(&value, "s.%s", user_vectors_name(vectors, EMBEDDING_COLUMN));
	else
		appendStringInfo(&value, "usercluster.prepare(s.%s, $2, s.%s::pg_catalog.text)",
						 user_vectors_name(vectors, EMBEDDING_COLUMN), user_vectors_name(vectors, LANGUAGE_COLUMN));
	initStringInfo(&weight);
	if (vectors->columns[WEIGHT_COLUMN] != 0)
		appendStringInfo(&weight, "s.%s::pg_catalog.float8", user_vectors_name(vectors, WEIGHT_COLUMN));
	else
		appendStringInfoString(&weight, "1::pg_catalog.float8");
	initStringInfo(&newest);
	if (vectors->columns[TIME_COLUMN] != 0)
	{
		const char *at = user_vectors_name(vectors, TIME_COLUMN);

		appendStringInfo(&weight, " OPERATOR(pg_catalog.*) usercluster.recency_weight(s.%s::pg_catalog.timestamptz, $3,"
						 " COALESCE(n.newest, 'epoch'::pg_catalog.timestamptz))", at);
		appendStringInfo(&newest, " JOIN (SELECT m.%s::%s AS u, pg_catalog.max(m.%s::pg_catalog.timestamptz)"
						 " FILTER (WHERE pg_catalog.isfinite(m.%s::pg_catalog.timestamptz)) AS newest FROM %s AS m"
						 " WHERE m.%s::%s %s ANY ($1) AND %s GROUP BY 1) AS n ON n.u %s s.%s::%s",
						 user, type, at, at, table, user, type, equals, counted(vectors, "m"), equals, user, type);
	}
	return psprintf("SELECT s.%s::%s AS u, %s.weighted_avg(%s, %s) AS v FROM %s AS s%s WHERE s.%s::%s %s ANY ($1) AND %s GROUP BY 1",
					user, type, type_schema(), value.data, weight.data, table, newest.data, user, type, equals,
					counted(vectors, "s"));
}

Oid
user_vectors_means_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("preparation"),
						   ObjectIdGetDatum(get_namespace_oid("usercluster", false)));
}

void
user_vectors_run(const UserVectors *vectors, const char *sql, Datum keys, bool read_only, int expected)
{
	Oid			types[3] = {user_vectors_array_type(vectors), user_vectors_means_type(), INTERVALOID};
	Datum		values[3] = {keys, vectors->means, PointerGetDatum(vectors->half_life)};
	char		nulls[4] = {' ', vectors->means == (Datum) 0 ? 'n' : ' ', vectors->half_life == NULL ? 'n' : ' ', '\0'};

	if (SPI_execute_with_args(sql, 3, types, values, nulls, read_only, 0) != expected)
		elog(ERROR, "could not compute user vectors");
}

/* The target with its owner's checks; NULL where the table is gone. */
static Relation
open_target(const UserVectors *vectors)
{
	return OidIsValid(vectors->target) ? try_relation_open(vectors->target, RowExclusiveLock) : NULL;
}

void
user_vectors_recompute(const UserVectors *vectors, Datum keys)
{
	Relation	target = open_target(vectors);
	ActingUser	before;
	const char *key,
			   *vector,
			   *type,
			   *equals;

	if (target == NULL)
		return;
	key = quote_identifier(vectors->key_column);
	vector = quote_identifier(vectors->vector_column);
	type = user_vectors_type(target, vectors->key_column);
	equals = watch_equals(watch_column(target, vectors->key_column)->atttypid);
	act_as_owner(vectors->source, &(Watch) {.search_path = vectors->search_path}, false, &before);
	user_vectors_run(vectors, psprintf("SELECT FROM %s AS t WHERE t.%s::%s %s ANY ($1::%s[]) ORDER BY t.%s FOR NO KEY UPDATE",
									   watch_relation_name(target), key, type, equals, type, key),
					 keys, false, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		UserVectors now;

		/* A refresh can have changed the means while this waited. */
		act_again(&before);
		user_vectors_require(vectors->source, &now);
		act_as_owner(vectors->source, &(Watch) {.search_path = now.search_path}, false, &before);
		user_vectors_run(&now, psprintf("UPDATE %s AS t SET %s = c.v FROM (SELECT k.u, a.v FROM pg_catalog.unnest($1) AS k(u)"
										" LEFT JOIN (%s) AS a ON a.u %s k.u) AS c WHERE t.%s::%s %s c.u::%s"
										" AND ((t.%s IS NULL) OPERATOR(pg_catalog.<>) (c.v IS NULL) OR NOT t.%s %s c.v)",
										watch_relation_name(target), vector, user_vectors_sql(&now), watch_equals(user_type(&now)),
										key, type, equals, type, vector, vector, watch_equals(embedding_type_oid())),
						 keys, false, SPI_OK_UPDATE);
	}
	act_again(&before);
	table_close(target, NoLock);
}

void
user_vectors_empty(const UserVectors *vectors)
{
	Relation	target = open_target(vectors);
	ActingUser	before;
	const char *key,
			   *vector,
			   *type;
	char	   *condition;

	if (target == NULL)
		return;
	key = quote_identifier(vectors->key_column);
	vector = quote_identifier(vectors->vector_column);
	type = user_vectors_type(target, vectors->key_column);
	condition = psprintf("t.%s IS NOT NULL AND NOT EXISTS (SELECT FROM %s AS s WHERE s.%s::%s %s t.%s::%s AND %s)", vector,
						 watch_relation_name(vectors->source), user_vectors_name(vectors, USER_COLUMN), type,
						 watch_equals(watch_column(target, vectors->key_column)->atttypid), key, type, counted(vectors, "s"));
	act_as_owner(vectors->source, &(Watch) {.search_path = vectors->search_path}, false, &before);
	if (SPI_execute(psprintf("SELECT FROM %s AS t WHERE %s ORDER BY t.%s FOR NO KEY UPDATE OF t", watch_relation_name(target),
							 condition, key), false, 0) != SPI_OK_SELECT ||
		SPI_execute(psprintf("UPDATE %s AS t SET %s = NULL WHERE %s", watch_relation_name(target), vector, condition), false, 0)
		!= SPI_OK_UPDATE)
		elog(ERROR, "could not empty user vectors");
	act_again(&before);
	table_close(target, NoLock);
}

/* As kmeans centres on languages (cluster/prepare.h), summed by the server's own aggregates so that no row stays in memory. */
Datum
user_vectors_means(const UserVectors *vectors)
{
	const char *schema = type_schema();
	const char *embedding = user_vectors_name(vectors, EMBEDDING_COLUMN);
	ActingUser	before;
	Datum		value = (Datum) 0;
	bool		null = true;

	if (vectors->columns[LANGUAGE_COLUMN] == 0 || !vectors->neutral)
		return (Datum) 0;
	act_as_owner(vectors->source, &(Watch) {.search_path = vectors->search_path}, true, &before);
	if (SPI_execute(psprintf("WITH l AS MATERIALIZED (SELECT s.%s::pg_catalog.text COLLATE pg_catalog.\"C\" AS language,"
							 " pg_catalog.count(*)::pg_catalog.float8 AS n, %s.avg(%s.l2_normalize(s.%s)) AS mean FROM %s AS s"
							 " WHERE s.%s IS NOT NULL AND %s.norm(s.%s) OPERATOR(pg_catalog.>) 0 GROUP BY 1),"
							 " o AS MATERIALIZED (SELECT %s.weighted_avg(l.mean, l.n) AS mean FROM l)"
							 " SELECT ROW('centred', true, (SELECT o.mean FROM o), pg_catalog.array_agg(l.language ORDER BY l.language),"
							 " pg_catalog.array_agg((SELECT %s.weighted_avg(x.mean, x.n) FROM (VALUES (l.mean, l.n),"
							 " ((SELECT o.mean FROM o), %g::pg_catalog.float8)) AS x(mean, n)) ORDER BY l.language),"
							 " NULL, NULL, NULL, NULL)::usercluster.preparation FROM l WHERE l.language IS NOT NULL"
							 " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>=) %d",
							 user_vectors_name(vectors, LANGUAGE_COLUMN), schema, schema, embedding,
							 watch_relation_name(vectors->source), embedding, schema, embedding, schema, schema,
							 UC_GROUP_SHRINKAGE, vectors->auto_neutral ? 2 : 1), true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not compute the means of languages");
	act_again(&before);
	if (SPI_processed > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	value = null ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	SPI_freetuptable(SPI_tuptable);
	return value;
}

/* ---- triggers ---- */

/* The columns that a text's share in its user's vector is made of; with those that a watched column will be made of. */
static char *
compared_columns(const UserVectors *vectors)
{
	StringInfoData sql;
	Watch	   *watches;
	int			count = watch_list(vectors->source, &watches);

	initStringInfo(&sql);
	for (int i = 0; i < USER_VECTOR_COLUMNS; i++)
		if (vectors->columns[i] != 0)
			appendStringInfo(&sql, "%s%s", i == 0 ? "" : ", ", user_vectors_name(vectors, i));
	for (int i = 0; i < count; i++)
		if (watches[i].embedding == vectors->columns[EMBEDDING_COLUMN])
			appendStringInfo(&sql, ", %s", watch_texts_sql(vectors->source, &watches[i]));
	return sql.data;
}

/* The users whose texts the statement has changed, as an array; NULL: none. */
static char *
changed_users_sql(const UserVectors *vectors, const Trigger *trigger)
{
	const char *user = user_vectors_name(vectors, USER_COLUMN);
	const char *type = user_type_name(vectors);
	const char *old_rows = trigger->tgoldtable == NULL ? NULL : quote_identifier(trigger->tgoldtable);
	const char *new_rows = trigger->tgnewtable == NULL ? NULL : quote_identifier(trigger->tgnewtable);
	const char *columns;

	if (old_rows == NULL || new_rows == NULL)
		return psprintf("SELECT pg_catalog.array_agg(DISTINCT %s::%s) FROM %s WHERE %s IS NOT NULL", user, type,
						new_rows == NULL ? old_rows : new_rows, user);
	columns = compared_columns(vectors);
	return psprintf("SELECT pg_catalog.array_agg(DISTINCT c.u::%s) FROM ("
					"(SELECT a.%s FROM (SELECT %s FROM %s EXCEPT ALL SELECT %s FROM %s) AS a)"
					" UNION ALL (SELECT b.%s FROM (SELECT %s FROM %s EXCEPT ALL SELECT %s FROM %s) AS b)) AS c(u)"
					" WHERE c.u IS NOT NULL",
					type, user, columns, old_rows, columns, new_rows, user, columns, new_rows, columns, old_rows);
}

static char *
remaining_users_sql(const UserVectors *vectors)
{
	const char *user = user_vectors_name(vectors, USER_COLUMN);

	return psprintf("SELECT pg_catalog.array_agg(DISTINCT s.%s::%s) FROM %s AS s WHERE s.%s IS NOT NULL", user,
					user_type_name(vectors), watch_relation_name(vectors->source), user);
}

static void
keep_current(TriggerData *trigger, const UserVectors *vectors)
{
	bool		truncated = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
	ActingUser	before;
	Datum		keys;
	bool		null;

	act_as_owner(vectors->source, &(Watch) {.search_path = vectors->search_path}, false, &before);
	if (SPI_execute(truncated ? remaining_users_sql(vectors) : changed_users_sql(vectors, trigger->tg_trigger), false, 1)
		!= SPI_OK_SELECT)
		elog(ERROR, "could not read changed users");
	act_again(&before);
	keys = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	if (!null)
		user_vectors_recompute(vectors, keys);
	if (truncated)
		user_vectors_empty(vectors);
}

/* The table itself, or that above it, for which enable_user_vectors was called. */
static bool
find_above(Relation relation, UserVectors *vectors)
{
	ListCell   *cell;

	if (user_vectors_find(relation, vectors))
		return true;
	if (!relation->rd_rel->relispartition)
		return false;
	foreach(cell, get_partition_ancestors(RelationGetRelid(relation)))
	{
		Relation	above = table_open(lfirst_oid(cell), AccessShareLock);

		if (user_vectors_find(above, vectors))
			return true;
		table_close(above, NoLock);
	}
	return false;
}

USERCLUSTER_FUNCTION(usercluster_keep_user_vectors)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	UserVectors vectors;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		(!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) && trigger->tg_trigger->tgoldtable == NULL &&
		 trigger->tg_trigger->tgnewtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("keep_user_vectors serves only triggers that enable_user_vectors made")));
	/* The statement whose texts are being embedded comes here itself, once they all are. */
	if (watch_is_storing(RelationGetRelid(trigger->tg_relation)))
		PG_RETURN_POINTER(NULL);
	SPI_connect();
	if (SPI_register_trigger_data(trigger) < 0)
		elog(ERROR, "could not reach the rows of a statement");
	if (!find_above(trigger->tg_relation, &vectors))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("relation \"%s\" keeps no user vectors", RelationGetRelationName(trigger->tg_relation)),
				 errhint("Drop trigger \"%s\", and call usercluster.enable_user_vectors.", trigger->tg_trigger->tgname)));
	keep_current(trigger, &vectors);
	if (vectors.source != trigger->tg_relation)
		table_close(vectors.source, NoLock);
	SPI_finish();
	PG_RETURN_POINTER(NULL);
}
