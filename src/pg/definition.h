/*
 * definition.h
 *	  What SQL says of a function or a table, compared with what the library was written for. The two can differ when one is newer
 *	  than the other: an argument, a column or a type that is not as expected would be read from wherever it lies.
 */
#ifndef USERCLUSTER_DEFINITION_H
#define USERCLUSTER_DEFINITION_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "fmgr.h"

/*
 * Begins a function that SQL calls: USERCLUSTER_FUNCTION(usercluster_name) { … } with `fcinfo`. Its definition is looked up
 * the first time it is called under an OID. A function cannot change its arguments, its columns or its kind and keep its OID,
 * and where it loses STRICT by a superuser's command that is their affair.
 */
#define USERCLUSTER_FUNCTION(name) \
	static Datum name##_body(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		static Oid	known = InvalidOid; \
	\
		if (fcinfo->flinfo != NULL && fcinfo->flinfo->fn_oid != known) \
			definition_check(fcinfo->flinfo->fn_oid, #name, &known); \
		return name##_body(fcinfo); \
	} \
	static Datum \
	name##_body(PG_FUNCTION_ARGS)

/* Refuses (55000) a definition other than those in the install scripts for this symbol; sets `known` to it otherwise. */
extern void definition_check(Oid function, const char *symbol, Oid *known);

/* Refuses (55000) what was read from a table of the extension if its columns are not of these types, as below. */
extern void definition_check_columns(TupleDesc columns, const char *table, const char *types);

/* Refuses (55000) a row type whose columns are not of these types, by their names in pg_type: "text bool _float8". */
extern void definition_check_row(TupleDesc row, const char *types);

#endif
