/*
 * watch_table.c
 *	  The type watched_table: a table's oid in the columns of hidden tables, written as the table's name.
 *
 * As regclass, but a name that no table has is read as none: a dump that leaves a table out is restored all the same, with rows
 * about that table that mean nothing any more.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/definition.h"

static Datum
table_of_name(const char *name)
{
	LOCAL_FCINFO(call, 1);
	Datum		oid;

	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = CStringGetTextDatum(name);
	call->args[0].isnull = false;
	oid = to_regclass(call);
	PG_RETURN_OID(call->isnull ? InvalidOid : DatumGetObjectId(oid));
}

USERCLUSTER_FUNCTION(usercluster_watched_table_in)
{
	return table_of_name(PG_GETARG_CSTRING(0));
}

USERCLUSTER_FUNCTION(usercluster_watched_table_out)
{
	return DirectFunctionCall1(regclassout, PG_GETARG_DATUM(0));
}

/* In binary too it is the name: numbers of tables mean nothing elsewhere. */
USERCLUSTER_FUNCTION(usercluster_watched_table_recv)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			bytes;

	return table_of_name(pq_getmsgtext(message, message->len - message->cursor, &bytes));
}

USERCLUSTER_FUNCTION(usercluster_watched_table_send)
{
	const char *name = DatumGetCString(DirectFunctionCall1(regclassout, PG_GETARG_DATUM(0)));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, name, (int) strlen(name));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
