/*
 * watch_table.c
 *	  The type watched_table: a table's oid in the columns of hidden tables, written as the table's name.
 *
 * As regclass, but a name that no table has is read as none: a dump that leaves a table out is restored all the same, with rows
 * about that table that mean nothing any more.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/definition.h"

USERCLUSTER_FUNCTION(usercluster_watched_table_in)
{
	LOCAL_FCINFO(call, 1);
	Datum		oid;

	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = CStringGetTextDatum(PG_GETARG_CSTRING(0));
	call->args[0].isnull = false;
	oid = to_regclass(call);
	PG_RETURN_OID(call->isnull ? InvalidOid : DatumGetObjectId(oid));
}

USERCLUSTER_FUNCTION(usercluster_watched_table_out)
{
	return DirectFunctionCall1(regclassout, PG_GETARG_DATUM(0));
}
