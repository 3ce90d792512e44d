/*
 * segmentation_members.c
 *	  The members table of a segmentation: finding or making it, and reading it.
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "port.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"

#include "pg/segmentation_members.h"

#define SUFFIX "_members"
#define FETCHED 10000			/* rows at a time */
#define FIRST_CAPACITY 1024

static const struct
{
	const char *name;
	Oid			type;
}			columns[] = {
	{"segment", INT4OID}, {"distance", FLOAT8OID}, {"margin", FLOAT8OID}, {"assigned_at", TIMESTAMPTZOID}
};

/* ---- finding and making ---- */

static RangeVar *
named(const char *name, const char *segmentation)
{
	int			length = strlen(segmentation);

	if (name == NULL)
		return makeRangeVar(NULL, psprintf("%.*s" SUFFIX, pg_mbcliplen(segmentation, length,
																		   NAMEDATALEN - (int) sizeof SUFFIX),
										   segmentation), -1);
#if PG_VERSION_NUM >= 160000
	return makeRangeVarFromNameList(stringToQualifiedNameList(name, NULL));
#else
	return makeRangeVarFromNameList(stringToQualifiedNameList(name));
#endif
}

/* The query's own name for its key, unless the table has other plans for that. */
static const char *
key_column(const char *name)
{
	if (name[0] == '\0' || strcmp(name, "?column?") == 0)
		return "key";
	for (int i = 0; i < lengthof(columns); i++)
		if (strcmp(name, columns[i].name) == 0)
			return "key";
	return name;
}

/* Members are written by arrays of keys, which there are none of for arrays, and which fall apart for rows. */
static void
check_key_type(Oid type)
{
	if (!OidIsValid(get_array_type(type)) || type_is_rowtype(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a segmentation cannot have keys of type %s", format_type_be(type)),
				 errhint("Cast the key to text.")));
}

static void
make_table(const RangeVar *range, Oid key_type, const char *key_name)
{
	StringInfoData sql;

	check_key_type(key_type);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (%s %s PRIMARY KEY, segment pg_catalog.int4 NOT NULL, distance pg_catalog.float8, "
					 "margin pg_catalog.float8, assigned_at pg_catalog.timestamptz NOT NULL)",
					 quote_qualified_identifier(range->schemaname, range->relname),
					 quote_identifier(key_column(key_name)),
					 format_type_extended(key_type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	SPI_connect();
	if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "the members table was not made");
	SPI_finish();
}

Oid
members_find(const char *name, const char *segmentation, Oid key_type, const char *key_name)
{
	RangeVar   *range = named(name, segmentation);
	Oid			relation = RangeVarGetRelid(range, AccessShareLock, true);

	if (!OidIsValid(relation) && key_name != NULL)
	{
		make_table(range, key_type, key_name);
		relation = RangeVarGetRelid(range, AccessShareLock, false);
	}
	if (!OidIsValid(relation))
		return InvalidOid;
#if PG_VERSION_NUM >= 160000
	if (!object_ownercheck(RelationRelationId, relation, GetUserId()))
#else
	if (!pg_class_ownercheck(relation, GetUserId()))
#endif
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
	return relation;
}

static _Noreturn void
refuse_shape(Relation table, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("table \"%s\" cannot hold the members of a segmentation", RelationGetRelationName(table)),
			 errdetail_internal("%s", detail),
			 errhint("It needs the key first, as its primary key, and columns segment integer, distance double precision, "
					 "margin double precision and assigned_at timestamp with time zone. Without a table, one is made.")));
}

/* The first column that is there. */
static Form_pg_attribute
first_column(Relation table)
{
	TupleDesc	description = RelationGetDescr(table);

	for (int i = 0; i < description->natts; i++)
		if (!TupleDescAttr(description, i)->attisdropped)
			return TupleDescAttr(description, i);
	refuse_shape(table, "It has no columns.");
}

static void
check_columns(Relation table)
{
	for (int i = 0; i < lengthof(columns); i++)
	{
		AttrNumber	number = get_attnum(RelationGetRelid(table), columns[i].name);

		if (number <= 0)
			refuse_shape(table, psprintf("It has no column \"%s\".", columns[i].name));
		if (get_atttype(RelationGetRelid(table), number) != columns[i].type)
			refuse_shape(table, psprintf("Its column \"%s\" is of type %s, not %s.", columns[i].name,
										 format_type_be(get_atttype(RelationGetRelid(table), number)),
										 format_type_be(columns[i].type)));
	}
}

void
members_open(Oid relation, Oid key_type, MembersTable *table)
{
	Relation	opened = table_open(relation, AccessShareLock);
	Form_pg_attribute key;
	Bitmapset  *primary;
	Oid			constraint;

	if (opened->rd_rel->relkind != RELKIND_RELATION && opened->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		refuse_shape(opened, "It is not a table.");
	if (opened->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		refuse_shape(opened, "It is a temporary table.");
	key = first_column(opened);
	check_columns(opened);
	if (OidIsValid(key_type) && key->atttypid != key_type)
		refuse_shape(opened, psprintf("Its first column \"%s\" is of type %s, and the query's key of type %s.",
									  NameStr(key->attname), format_type_be(key->atttypid), format_type_be(key_type)));
	check_key_type(key->atttypid);
	primary = get_primary_key_attnos(relation, false, &constraint);
	if (bms_num_members(primary) != 1 || !bms_is_member(key->attnum - FirstLowInvalidHeapAttributeNumber, primary))
		refuse_shape(opened, psprintf("Its first column \"%s\" is not its primary key.", NameStr(key->attname)));

	table->relation = relation;
	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(opened)),
											 RelationGetRelationName(opened));
	table->key_type = key->atttypid;
	table->key = pstrdup(quote_identifier(NameStr(key->attname)));
	table_close(opened, NoLock);
}

/* ---- reading ---- */

static void
reserve(Members *members, size_t more)
{
	size_t		capacity = Max(members->capacity, FIRST_CAPACITY);

	while (capacity < members->count + more)
		capacity *= 2;
	if (capacity == members->capacity)
		return;
	members->keys = members->keys == NULL ? palloc_extended(capacity * sizeof(Datum), MCXT_ALLOC_HUGE) :
		repalloc_huge(members->keys, capacity * sizeof(Datum));
	members->segments = members->segments == NULL ? palloc_extended(capacity * sizeof(int32), MCXT_ALLOC_HUGE) :
		repalloc_huge(members->segments, capacity * sizeof(int32));
	members->distances = members->distances == NULL ? palloc_extended(capacity * sizeof(double), MCXT_ALLOC_HUGE) :
		repalloc_huge(members->distances, capacity * sizeof(double));
	members->margins = members->margins == NULL ? palloc_extended(capacity * sizeof(double), MCXT_ALLOC_HUGE) :
		repalloc_huge(members->margins, capacity * sizeof(double));
	members->capacity = capacity;
}

static double
number_or_nan(HeapTuple tuple, TupleDesc description, int column)
{
	bool		is_null;
	Datum		datum = SPI_getbinval(tuple, description, column, &is_null);

	return is_null ? NAN : DatumGetFloat8(datum);
}

static void
take(const Rows *rows, Members *members, HeapTuple tuple, TupleDesc description)
{
	size_t		place = members->count++;
	bool		is_null;
	Datum		datum = SPI_getbinval(tuple, description, 1, &is_null);

	if (is_null)
		elog(ERROR, "a primary key is null");
	if (!rows->key_by_value && rows->key_length == -1)
		datum = PointerGetDatum(PG_DETOAST_DATUM_COPY(datum));
	else
		datum = datumCopy(datum, rows->key_by_value, rows->key_length);
	members->keys[place] = datum;
	datum = SPI_getbinval(tuple, description, 2, &is_null);
	members->segments[place] = is_null ? -1 : DatumGetInt32(datum);
	members->distances[place] = number_or_nan(tuple, description, 3);
	members->margins[place] = number_or_nan(tuple, description, 4);
}

typedef struct Order
{
	const Rows *rows;
	const Datum *keys;
} Order;

static int
compare_places(const void *a, const void *b, void *arg)
{
	const Order *order = arg;

	CHECK_FOR_INTERRUPTS();
	return rows_compare_keys(order->rows, order->keys[*(const size_t *) a], order->keys[*(const size_t *) b]);
}

static void
sort_members(const Rows *rows, Members *members)
{
	size_t		count = members->count;
	size_t	   *places;
	Members		sorted = {.count = 0};
	Order		order = {rows, members->keys};

	if (count == 0)
		return;
	places = palloc_extended(count * sizeof *places, MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < count; i++)
		places[i] = i;
	qsort_arg(places, count, sizeof *places, compare_places, &order);
	reserve(&sorted, count);
	for (size_t i = 0; i < count; i++)
	{
		sorted.keys[i] = members->keys[places[i]];
		sorted.segments[i] = members->segments[places[i]];
		sorted.distances[i] = members->distances[places[i]];
		sorted.margins[i] = members->margins[places[i]];
	}
	sorted.count = count;
	pfree(places);
	pfree(members->keys);
	pfree(members->segments);
	pfree(members->distances);
	pfree(members->margins);
	*members = sorted;
}

void
members_read(const MembersTable *table, const Rows *rows, Members *members)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = psprintf("SELECT m.%s, m.segment, m.distance, m.margin FROM %s AS m", table->key, table->name);
	SPIPlanPtr	plan;
	Portal		portal;

	memset(members, 0, sizeof *members);
	SPI_connect();
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCHED);
		if (SPI_processed == 0)
			break;
		MemoryContextSwitchTo(context);
		reserve(members, SPI_processed);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			CHECK_FOR_INTERRUPTS();
			take(rows, members, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextSwitchTo(context);
	sort_members(rows, members);
}

size_t *
members_join(const Members *members, const Rows *rows)
{
	size_t	   *places = palloc_extended(sizeof(size_t) * Max(rows->count, 1), MCXT_ALLOC_HUGE);
	size_t		member = 0;

	for (size_t row = 0; row < rows->count; row++)
	{
		int			order = -1;

		CHECK_FOR_INTERRUPTS();
		while (member < members->count &&
			   (order = rows_compare_keys(rows, members->keys[member], rows->keys[row])) < 0)
			member++;
		places[row] = member < members->count && order == 0 ? member : NO_MEMBER;
	}
	return places;
}
