/*
 * recommend_columns.c
 *	  Columns by place and by name.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "pg/recommend_columns.h"

void
recommend_columns_key(RecommendColumns *columns, TupleDesc description, RecommendColumn column, int attribute)
{
	Oid			type = TupleDescAttr(description, attribute - 1)->atttypid;
	Oid			function;
	bool		is_varlena;

	columns->attribute[column] = attribute;
	columns->type[column] = getBaseType(type);
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info(function, &columns->output[column]);
}

static _Noreturn void
refuse_type(Form_pg_attribute attribute, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of the query is of type %s, not %s", NameStr(attribute->attname),
					format_type_be(attribute->atttypid), wanted)));
}

static bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == FLOAT4OID || type == FLOAT8OID ||
		type == NUMERICOID;
}

static void
check_type(RecommendColumn column, Form_pg_attribute attribute)
{
	Oid			type = getBaseType(attribute->atttypid);

	if (column == RECOMMEND_WEIGHT && !is_number(type))
		refuse_type(attribute, "a number");
	if (column == RECOMMEND_AT && type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		refuse_type(attribute, "a time");
	if (column == RECOMMEND_AVAILABLE && type != BOOLOID)
		refuse_type(attribute, "boolean");
	if (column == RECOMMEND_EMBEDDING && type != embedding_type_oid())
		refuse_type(attribute, "embedding");
}

typedef struct Known
{
	const char *name;
	RecommendColumn column;
} Known;

/* The columns from `first` on, by their names. */
static void
find_named(RecommendColumns *columns, TupleDesc description, int first, const Known *known, int count, const char *names)
{
	for (int attribute = first; attribute <= description->natts; attribute++)
	{
		Form_pg_attribute form = TupleDescAttr(description, attribute - 1);
		int			i = 0;

		while (i < count && strcmp(known[i].name, NameStr(form->attname)) != 0)
			i++;
		if (i == count)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized column \"%s\" in the query", NameStr(form->attname)),
					 errdetail("Known by name are: %s.", names)));
		if (columns->attribute[known[i].column] != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" appears twice in the query", NameStr(form->attname))));
		check_type(known[i].column, form);
		recommend_columns_key(columns, description, known[i].column, attribute);
		columns->rated = columns->rated || strcmp(known[i].name, "rating") == 0;
	}
}

static void
require(TupleDesc description, int count, const char *what)
{
	if (description->natts < count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return %s", what),
				 errdetail("The number of its columns is %d.", description->natts)));
}

void
recommend_columns_interactions(RecommendColumns *columns, TupleDesc description)
{
	static const Known known[] = {{"weight", RECOMMEND_WEIGHT}, {"rating", RECOMMEND_WEIGHT}, {"at", RECOMMEND_AT}};

	memset(columns, 0, sizeof *columns);
	require(description, 2, "a user and an item");
	recommend_columns_key(columns, description, RECOMMEND_USER, 1);
	recommend_columns_key(columns, description, RECOMMEND_ITEM, 2);
	find_named(columns, description, 3, known, lengthof(known), "weight, rating, at");
}

void
recommend_columns_items(RecommendColumns *columns, TupleDesc description)
{
	static const Known known[] = {
		{"embedding", RECOMMEND_EMBEDDING}, {"title", RECOMMEND_TITLE}, {"available", RECOMMEND_AVAILABLE}
	};

	memset(columns, 0, sizeof *columns);
	require(description, 1, "an item");
	recommend_columns_key(columns, description, RECOMMEND_ITEM, 1);
	find_named(columns, description, 2, known, lengthof(known), "embedding, title, available");
}

double
recommend_columns_weight(const RecommendColumns *columns, TupleTableSlot *slot, bool *is_null)
{
	Datum		datum;
	double		weight = 1;

	*is_null = false;
	if (columns->attribute[RECOMMEND_WEIGHT] == 0)
		return weight;
	datum = slot_getattr(slot, columns->attribute[RECOMMEND_WEIGHT], is_null);
	if (*is_null)
		return weight;
	switch (columns->type[RECOMMEND_WEIGHT])
	{
		case INT2OID:
			weight = DatumGetInt16(datum);
			break;
		case INT4OID:
			weight = DatumGetInt32(datum);
			break;
		case INT8OID:
			weight = (double) DatumGetInt64(datum);
			break;
		case FLOAT4OID:
			weight = DatumGetFloat4(datum);
			break;
		case FLOAT8OID:
			weight = DatumGetFloat8(datum);
			break;
		default:
			weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, datum));
	}
	if (!(weight >= 0 && isfinite((float) weight)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must be a finite number of at least 0, not %g", columns->rated ? "rating" : "weight", weight)));
	return weight;
}

TimestampTz
recommend_columns_time(const RecommendColumns *columns, TupleTableSlot *slot)
{
	bool		is_null;
	Datum		datum = slot_getattr(slot, columns->attribute[RECOMMEND_AT], &is_null);

	if (is_null)
		return DT_NOBEGIN;
	if (columns->type[RECOMMEND_AT] == TIMESTAMPOID)
		return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, datum));
	if (columns->type[RECOMMEND_AT] == DATEOID)
		return DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz, datum));
	return DatumGetTimestampTz(datum);
}

bool
recommend_columns_available(const RecommendColumns *columns, TupleTableSlot *slot)
{
	bool		is_null = true;
	Datum		datum = (Datum) 0;

	if (columns->attribute[RECOMMEND_AVAILABLE] == 0)
		return true;
	datum = slot_getattr(slot, columns->attribute[RECOMMEND_AVAILABLE], &is_null);
	return !is_null && DatumGetBool(datum);
}

char *
recommend_columns_title(RecommendColumns *columns, TupleTableSlot *slot)
{
	bool		is_null = true;
	Datum		datum = (Datum) 0;

	if (columns->attribute[RECOMMEND_TITLE] != 0)
		datum = slot_getattr(slot, columns->attribute[RECOMMEND_TITLE], &is_null);
	return is_null ? NULL : OutputFunctionCall(&columns->output[RECOMMEND_TITLE], datum);
}

Embedding *
recommend_columns_embedding(const RecommendColumns *columns, TupleTableSlot *slot)
{
	bool		is_null = true;
	Datum		datum = (Datum) 0;
	Embedding  *embedding;

	if (columns->attribute[RECOMMEND_EMBEDDING] != 0)
		datum = slot_getattr(slot, columns->attribute[RECOMMEND_EMBEDDING], &is_null);
	if (is_null)
		return NULL;
	embedding = (Embedding *) PG_DETOAST_DATUM_COPY(datum);
	embedding_check_finite(embedding);
	return embedding;
}
