/*
 * user_vectors_refresh.c
 *	  The procedure refresh_user_vectors(), and the functions that treat what is not in the tables alike: neutral(), user_vector().
 *
 * A refresh takes the means of the languages anew, commits them, and then computes the users in the order of their keys, a batch to a
 * transaction. The last user done is kept with each batch, so that a call that time or a crash ended is taken up with the same means.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "pg/definition.h"
#include "pg/embedding.h"
#include "pg/errors.h"
#include "pg/user_vectors.h"
#include "pg/watch.h"
#include "pg/watch_queue.h"

#define MOST_BATCH_USERS 100000
#define SECONDS_BETWEEN_NOTICES 10
#define REFRESH_LOCK 61			/* kind of advisory lock, beside that of embed_missing */

/* ---- refresh ---- */

static char *
greater_operator(Oid type)
{
	Oid			oid = lookup_type_cache(type, TYPECACHE_GT_OPR)->gt_opr;
	char	   *name;

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an ordering operator for type %s", format_type_be(type))));
	name = get_opname(oid);
	return psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(get_func_namespace(get_opcode(oid)))), name);
}

static void
keep_place(Oid source, const char *place)
{
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(source), place == NULL ? (Datum) 0 : CStringGetTextDatum(place)};
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args("UPDATE usercluster.user_vector_store SET resume_after = $2"
							  " WHERE source::pg_catalog.oid OPERATOR(pg_catalog.=) $1", 2, types, values,
							  place == NULL ? " n" : NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not keep the place of a refresh");
	act_again(&before);
}

/* The next users after the place, as an array, how many, and the last of them as text; false where there is none. */
static bool
next_users(const UserVectors *vectors, int batch, Datum *keys, int64 *count, char **last)
{
	const char *user = user_vectors_name(vectors, USER_COLUMN);
	const char *column = NameStr(TupleDescAttr(RelationGetDescr(vectors->source), vectors->columns[USER_COLUMN] - 1)->attname);
	const char *type = user_vectors_type(vectors->source, column);
	ActingUser	before;
	StringInfoData sql;
	bool		null;
	int16		length;
	bool		by_value;
	int			modes;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.array_agg(d.u ORDER BY d.u), pg_catalog.count(*),"
					 " ((pg_catalog.array_agg(d.u ORDER BY d.u))[pg_catalog.count(*)])::pg_catalog.text FROM"
					 " (SELECT DISTINCT s.%s::%s AS u FROM %s AS s WHERE s.%s IS NOT NULL", user, type,
					 watch_relation_name(vectors->source), user);
	if (vectors->resume_after != NULL)
		appendStringInfo(&sql, " AND s.%s::%s %s %s::%s", user, type,
						 greater_operator(getBaseType(watch_column(vectors->source, column)->atttypid)),
						 quote_literal_cstr(vectors->resume_after), type);
	appendStringInfo(&sql, " ORDER BY 1 LIMIT %d) AS d", batch);
	/* the session that goes on may write dates otherwise than the one that kept the place */
	modes = queue_transmission_modes();
	act_as_owner(vectors->source, &(Watch) {.search_path = vectors->search_path}, true, &before);
	if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read users");
	act_again(&before);
	queue_transmission_end(modes);
	*count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &null));
	if (*count == 0)
		return false;
	get_typlenbyval(user_vectors_array_type(vectors), &length, &by_value);
	*keys = datumCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null), by_value, length);
	*last = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
	return true;
}

typedef enum Step
{
	STEP_MEANS,					/* the means, where no refresh is unfinished */
	STEP_USERS,					/* a batch of users */
	STEP_DONE
} Step;

/* One transaction's work; returns what comes next. */
static Step
take_step(Oid oid, Step step, int batch, int64 *users)
{
	Relation	source = watch_open_table(oid, RowShareLock);
	UserVectors vectors;
	Datum		keys;
	int64		count;
	char	   *last;

	user_vectors_require(source, &vectors);
	if (get_rel_name(vectors.target) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table of users of relation \"%s\" does not exist", RelationGetRelationName(source)),
				 errhint("SELECT usercluster.disable_user_vectors('%s')", watch_relation_name(source))));
	if (step == STEP_MEANS)
	{
		if (vectors.resume_after == NULL)
			user_vectors_keep_means(&vectors, user_vectors_means(&vectors));
		step = STEP_USERS;
	}
	else if (next_users(&vectors, batch, &keys, &count, &last))
	{
		user_vectors_recompute(&vectors, keys);
		keep_place(oid, last);
		*users += count;
	}
	else
	{
		user_vectors_empty(&vectors);
		keep_place(oid, NULL);
		step = STEP_DONE;
	}
	table_close(source, NoLock);
	return step;
}

static double
seconds_since(TimestampTz start)
{
	return (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
}

static void
refresh(Oid oid, int batch, double max_seconds)
{
	TimestampTz started = GetCurrentTimestamp(),
				noticed = started;
	int64		users = 0;
	Step		step = STEP_MEANS;
	double		seconds;

	while (step != STEP_DONE && (step == STEP_MEANS || max_seconds == 0 || seconds_since(started) < max_seconds))
	{
		CHECK_FOR_INTERRUPTS();
		step = take_step(oid, step, batch, &users);
		SPI_commit();
		if (step != STEP_DONE && seconds_since(noticed) >= SECONDS_BETWEEN_NOTICES)
		{
			noticed = GetCurrentTimestamp();
			ereport(NOTICE,
					(errmsg("%lld users, %.0f a second", (long long) users, users / seconds_since(started))));
		}
	}
	seconds = seconds_since(started);
	ereport(NOTICE,
			(errmsg("vectors of %lld users in %.1f seconds (%.0f a second)", (long long) users, seconds,
					seconds > 0 ? users / seconds : 0.0),
			 step == STEP_DONE ? 0 : errhint("Time is up; make the same call again to go on.")));
}

/* (source, users of a batch, seconds) */
USERCLUSTER_FUNCTION(usercluster_refresh_user_vectors)
{
	LOCKTAG		lock;
	Oid			oid;
	int			batch;
	double		max_seconds;
	Relation	source;

	watch_check_procedure(fcinfo, "refresh_user_vectors");
	usercluster_refuse_null(fcinfo, 0, "source");
	usercluster_refuse_null(fcinfo, 1, "batch_users");
	oid = PG_GETARG_OID(0);
	batch = PG_GETARG_INT32(1);
	max_seconds = watch_seconds(fcinfo, 2);
	if (batch < 1 || batch > MOST_BATCH_USERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_users must be between 1 and %d, not %d", MOST_BATCH_USERS, batch)));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	source = watch_open_table(oid, AccessShareLock);
	SET_LOCKTAG_ADVISORY(lock, MyDatabaseId, oid, 0, REFRESH_LOCK);
	if (LockAcquire(&lock, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session refreshes the user vectors of relation \"%s\"", RelationGetRelationName(source))));
	table_close(source, NoLock);
	PG_TRY();
	{
		refresh(oid, batch, max_seconds);
	}
	PG_FINALLY();
	{
		LockRelease(&lock, ExclusiveLock, true);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- what is not in the tables ---- */

/* For reading, with the settings; the hidden table is no way around rights on the texts. */
static Relation
open_readable(Oid oid, UserVectors *vectors)
{
	Relation	source;
	AclResult	right = pg_class_aclcheck(oid, GetUserId(), ACL_SELECT);

	if (get_rel_name(oid) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
	if (right != ACLCHECK_OK)
		right = pg_attribute_aclcheck_all(oid, GetUserId(), ACL_SELECT, ACLMASK_ANY);
	if (right != ACLCHECK_OK)
		aclcheck_error(right, get_relkind_objtype(get_rel_relkind(oid)), get_rel_name(oid));
	source = relation_open(oid, AccessShareLock);
	user_vectors_require(source, vectors);
	return source;
}

static Datum
first_value(FunctionCallInfo fcinfo, MemoryContext context)
{
	bool		null = true;
	Datum		value = (Datum) 0;

	if (SPI_processed > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, SPI_tuptable->tupdesc->natts, &null);
	fcinfo->isnull = null;
	if (!null)
	{
		MemoryContext before = MemoryContextSwitchTo(context);

		value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		MemoryContextSwitchTo(before);
	}
	return value;
}

/* (source, embedding, language) */
USERCLUSTER_FUNCTION(usercluster_neutral)
{
	MemoryContext context = CurrentMemoryContext;
	UserVectors vectors;
	Relation	source;
	Datum		result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	SPI_connect();
	source = open_readable(PG_GETARG_OID(0), &vectors);
	relation_close(source, AccessShareLock);
	if (vectors.means == (Datum) 0)
	{
		SPI_finish();
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	}
	else
	{
		Oid			types[3] = {embedding_type_oid(), user_vectors_means_type(), TEXTOID};
		Datum		values[3] = {PG_GETARG_DATUM(1), vectors.means, PG_GETARG_DATUM(2)};

		if (SPI_execute_with_args("SELECT usercluster.prepare($1, $2, $3)", 3, types, values, PG_ARGISNULL(2) ? "  n" : NULL,
								  true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not prepare an embedding");
	}
	result = first_value(fcinfo, context);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

static char *
key_text(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1),
				output;
	bool		varlena;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a user's key");
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, PG_GETARG_DATUM(1));
}

/* (source, user): with the rights of the caller */
USERCLUSTER_FUNCTION(usercluster_user_vector)
{
	MemoryContext context = CurrentMemoryContext;
	UserVectors vectors;
	Relation	source;
	Datum		keys,
				result;
	bool		null;
	int			modes;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	SPI_connect();
	source = open_readable(PG_GETARG_OID(0), &vectors);
	modes = queue_transmission_modes();
	if (SPI_execute(psprintf("SELECT ARRAY[%s::%s]", quote_literal_cstr(key_text(fcinfo)),
							 user_vectors_type(source, NameStr(TupleDescAttr(RelationGetDescr(source),
																			 vectors.columns[USER_COLUMN] - 1)->attname))),
					true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a user's key");
	queue_transmission_end(modes);
	keys = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	user_vectors_run(&vectors, user_vectors_sql(&vectors), keys, true, SPI_OK_SELECT);
	result = first_value(fcinfo, context);
	relation_close(source, AccessShareLock);
	SPI_finish();
	PG_RETURN_DATUM(result);
}
