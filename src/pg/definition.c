/*
 * definition.c
 *	  Whether functions and tables are defined in SQL as the install scripts of this version define them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "pg/definition.h"

typedef struct Definition
{
	const char *symbol;
	char		kind;			/* PROKIND_… */
	bool		strict;
	const char *arguments;		/* types, by their names in pg_type */
	const char *result;			/* type, or those of the columns; "set " before them where it returns rows */
} Definition;

/* A symbol can stand here more than once. */
static const Definition definitions[] = {
#include "pg/definitions.inc"
};

/* The name without its schema: those of the extension can be anywhere. */
static void
append_type(StringInfo types, Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (types->len > 0)
		appendStringInfoChar(types, ' ');
	if (!HeapTupleIsValid(tuple))
	{
		appendStringInfoString(types, "nothing");
		return;
	}
	appendStringInfoString(types, NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
}

static const char *
argument_types(Form_pg_proc function)
{
	StringInfoData types;

	initStringInfo(&types);
	for (int i = 0; i < function->pronargs; i++)
		append_type(&types, function->proargtypes.values[i]);
	return types.data;
}

static const char *
result_types(HeapTuple tuple)
{
	Form_pg_proc function = (Form_pg_proc) GETSTRUCT(tuple);
	StringInfoData types;
	Oid		   *all;
	char	  **names;
	char	   *modes;
	int			count = get_func_arg_info(tuple, &all, &names, &modes);
	bool		columns = false;

	initStringInfo(&types);
	if (function->proretset)
		appendStringInfoString(&types, "set");
	for (int i = 0; modes != NULL && i < count; i++)
		if (modes[i] != PROARGMODE_IN && modes[i] != PROARGMODE_VARIADIC)
		{
			append_type(&types, all[i]);
			columns = true;
		}
	if (!columns)
		append_type(&types, function->prorettype);
	return types.data;
}

static void
refuse(const char *what, const char *name, const char *found, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the SQL definition of %s %s is not of this library's version", what, name),
			 errdetail("It is %s, and the library was made for %s.", found, expected),
			 errhint("Run ALTER EXTENSION usercluster UPDATE, or install the library of the extension's version and reconnect.")));
}

static const char *
described(char kind, bool strict, const char *arguments, const char *result)
{
	return psprintf("%s%s(%s) returning %s", strict ? "strict " : "",
					kind == PROKIND_PROCEDURE ? "procedure " : kind == PROKIND_WINDOW ? "window " : "", arguments, result);
}

void
definition_check(Oid function, const char *symbol, Oid *known)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	const char *arguments;
	const char *result;
	const char *expected = "nothing of that name";

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("function with OID %u does not exist", function)));
	form = (Form_pg_proc) GETSTRUCT(tuple);
	arguments = argument_types(form);
	result = result_types(tuple);
	for (int i = 0; i < (int) lengthof(definitions); i++)
	{
		const Definition *definition = &definitions[i];

		if (strcmp(definition->symbol, symbol) != 0)
			continue;
		/* to be strict does no harm: the function is not called then */
		if (definition->kind == form->prokind && (form->proisstrict || !definition->strict) &&
			strcmp(definition->arguments, arguments) == 0 && strcmp(definition->result, result) == 0)
		{
			*known = function;
			ReleaseSysCache(tuple);
			return;
		}
		expected = described(definition->kind, definition->strict, definition->arguments, definition->result);
	}
	refuse("function", format_procedure(function), described(form->prokind, form->proisstrict, arguments, result), expected);
}

static void
check_types(TupleDesc row, const char *what, const char *name, const char *types)
{
	StringInfoData found;

	initStringInfo(&found);
	for (int i = 0; i < row->natts; i++)
		append_type(&found, TupleDescAttr(row, i)->atttypid);
	if (strcmp(found.data, types) != 0)
		refuse(what, name, psprintf("(%s)", found.data), psprintf("(%s)", types));
	pfree(found.data);
}

void
definition_check_row(TupleDesc row, const char *types)
{
	check_types(row, "type", format_type_be(row->tdtypeid), types);
}

void
definition_check_columns(TupleDesc columns, const char *table, const char *types)
{
	check_types(columns, "table", table, types);
}
