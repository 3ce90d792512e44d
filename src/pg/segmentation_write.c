/*
 * segmentation_write.c
 *	  Writing to the members table what differs from it, in batches of one statement each.
 *
 * The statements name operators and functions by their schemas: the search_path in force is that of the stored query, which
 * the owner's triggers may rely on.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/restricted.h"
#include "pg/segmentation_members.h"

#define BATCH 10000

/* Rows gathered for one kind of statement. */
typedef struct Batch
{
	const MembersTable *table;
	char	   *sql;
	bool		keys_only;
	int			count;
	Datum	   *keys;			/* [BATCH] */
	Datum	   *segments;
	Datum	   *distances;
	Datum	   *margins;
	bool	   *no_margin;
	TimestampTz now;
	MemoryContext scratch;
} Batch;

static Batch *
begin_batch(const MembersTable *table, char *sql, bool keys_only)
{
	Batch	   *batch = palloc0(sizeof *batch);

	batch->table = table;
	batch->sql = sql;
	batch->keys_only = keys_only;
	batch->keys = palloc(sizeof(Datum) * BATCH);
	batch->segments = palloc(sizeof(Datum) * BATCH);
	batch->distances = palloc(sizeof(Datum) * BATCH);
	batch->margins = palloc(sizeof(Datum) * BATCH);
	batch->no_margin = palloc(sizeof(bool) * BATCH);
	batch->now = GetCurrentTransactionStartTimestamp();
	batch->scratch = AllocSetContextCreate(CurrentMemoryContext, "usercluster members", ALLOCSET_DEFAULT_SIZES);
	return batch;
}

static Datum
numbers(Datum *values, bool *nulls, int count, Oid type, int size)
{
	int			dimensions[1] = {count};
	int			lower[1] = {1};

	return PointerGetDatum(construct_md_array(values, nulls, 1, dimensions, lower, type, size, true,
											  size == 4 ? TYPALIGN_INT : TYPALIGN_DOUBLE));
}

static void
flush(Batch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch->scratch);
	Oid			key_type = batch->table->key_type;
	Oid			types[] = {get_array_type(key_type), INT4ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZOID};
	Datum		values[lengthof(types)];
	int16		length;
	bool		by_value;
	char		align;
	int			result;

	if (batch->count == 0)
	{
		MemoryContextSwitchTo(old);
		return;
	}
	get_typlenbyvalalign(key_type, &length, &by_value, &align);
	values[0] = PointerGetDatum(construct_array(batch->keys, batch->count, key_type, length, by_value, align));
	values[1] = numbers(batch->segments, NULL, batch->count, INT4OID, sizeof(int32));
	values[2] = numbers(batch->distances, NULL, batch->count, FLOAT8OID, sizeof(float8));
	values[3] = numbers(batch->margins, batch->no_margin, batch->count, FLOAT8OID, sizeof(float8));
	values[4] = TimestampTzGetDatum(batch->now);
	SPI_connect();
	result = SPI_execute_with_args(batch->sql, batch->keys_only ? 1 : lengthof(types), types, values, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	SPI_finish();
	batch->count = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->scratch);
}

static void
add(Batch *batch, Datum key, const MembersChange *change, size_t row)
{
	int			i = batch->count++;

	batch->keys[i] = key;
	if (!batch->keys_only)
	{
		batch->segments[i] = Int32GetDatum(change->segments[row]);
		batch->distances[i] = Float8GetDatum(change->distances[row]);
		batch->margins[i] = Float8GetDatum(change->margins[row]);
		batch->no_margin[i] = isnan(change->margins[row]);
	}
	if (batch->count == BATCH)
		flush(batch);
}

/* The key type's own equality, whatever stands for = in the search_path. */
char *
members_equality(Oid type)
{
	Oid			operator = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

/* The four arrays as rows; unnest of several is not known under a qualified name. */
#define ROWS_OF_BATCH \
	"ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) AS n (k, s, d, m)"

static char *
insert_statement(const MembersTable *table)
{
	return psprintf("INSERT INTO %s (%s, segment, distance, margin, assigned_at) "
					"SELECT n.k, n.s, n.d, n.m, $5 FROM " ROWS_OF_BATCH,
					table->name, table->key);
}

static char *
update_statement(const MembersTable *table)
{
	return psprintf("UPDATE %s AS t SET segment = n.s, distance = n.d, margin = n.m, "
					"assigned_at = CASE WHEN t.segment OPERATOR(pg_catalog.=) n.s THEN t.assigned_at ELSE $5 END "
					"FROM " ROWS_OF_BATCH " WHERE t.%s %s n.k",
					table->name, table->key, members_equality(table->key_type));
}

static char *
delete_statement(const MembersTable *table)
{
	return psprintf("DELETE FROM %s AS t USING pg_catalog.unnest($1) AS n (k) WHERE t.%s %s n.k", table->name, table->key,
					members_equality(table->key_type));
}

static bool
differs(double a, double b, double tolerance)
{
	return isnan(a) != isnan(b) || fabs(a - b) > tolerance;
}

static void
note_move(SegmentMove **moves, size_t *capacity, SegmentationRun *run, char *key, int from, int to)
{
	if (run->moved == *capacity)
	{
		*capacity = Max(*capacity * 2, 64);
		*moves = *moves == NULL ? palloc(sizeof(SegmentMove) * *capacity) :
			repalloc_huge(*moves, sizeof(SegmentMove) * *capacity);
	}
	(*moves)[run->moved++] = (SegmentMove) {key, from, to};
}

/*
 * Nothing may be left for the end of the transaction, where it would run as somebody else: deferred foreign keys and unique
 * constraints of the table, and foreign keys to it, are checked at once instead. Constraint triggers stay deferred, and
 * the server refuses to fire them: their functions are the owner's own.
 */
static void
check_constraints_at_once(const MembersTable *table)
{
	Restricted	restricted;
	Datum		relation = ObjectIdGetDatum(table->relation);
	StringInfoData names;

	initStringInfo(&names);
	restricted_begin(&restricted, GetUserId(), RESTRICTED_CATALOGUE_PATH);
	SPI_connect();
	if (SPI_execute_with_args("SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.conname) "
							  "FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace "
							  "WHERE c.condeferred AND c.contype IN ('f', 'p', 'u', 'x') AND $1 IN (c.conrelid, c.confrelid)",
							  1, (Oid[]) {OIDOID}, &relation, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "the constraints were not found");
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	if (names.len > 0 &&
		SPI_execute(psprintf("SET CONSTRAINTS %s IMMEDIATE", names.data), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "the constraints were not set");
	SPI_finish();
	restricted_end(&restricted);
	pfree(names.data);
}

/* Members whose key no row has any more. */
static void
delete_departed(const MembersTable *table, const MembersChange *change, SegmentationRun *run)
{
	const Members *members = change->members;
	bool	   *present = palloc_extended(Max(members->count, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Batch	   *batch = begin_batch(table, delete_statement(table), true);

	for (size_t row = 0; row < change->rows->count; row++)
		if (change->member_of[row] != NO_MEMBER)
			present[change->member_of[row]] = true;
	for (size_t i = 0; i < members->count; i++)
	{
		if (present[i])
			continue;
		run->departed++;
		add(batch, members->keys[i], change, 0);
	}
	flush(batch);
	pfree(present);
}

SegmentMove *
members_write(const MembersTable *table, const MembersChange *change, SegmentationRun *run)
{
	const Rows *rows = change->rows;
	const Members *members = change->members;
	Batch	   *inserts = begin_batch(table, insert_statement(table), false);
	Batch	   *updates = begin_batch(table, update_statement(table), false);
	SegmentMove *moves = NULL;
	size_t		capacity = 0;
	int64		updated = 0;
	Oid			output;
	bool		is_varlena;

	check_constraints_at_once(table);
	getTypeOutputInfo(table->key_type, &output, &is_varlena);
	if (!change->only_new)
		delete_departed(table, change, run);
	for (size_t row = 0; row < rows->count; row++)
	{
		size_t		member = change->member_of[row];
		int			segment = change->segments[row];

		CHECK_FOR_INTERRUPTS();
		if (member == NO_MEMBER)
		{
			run->joined++;
			add(inserts, rows->keys[row], change, row);
			continue;
		}
		if (change->only_new)
			continue;
		if (members->segments[member] != segment && members->segments[member] >= 0)
			note_move(&moves, &capacity, run, OidOutputFunctionCall(output, rows->keys[row]), members->segments[member],
					  segment);
		if (members->segments[member] != segment ||
			differs(members->distances[member], change->distances[row], change->tolerance) ||
			differs(members->margins[member], change->margins[row], change->tolerance))
		{
			updated++;
			add(updates, rows->keys[row], change, row);
		}
	}
	flush(updates);
	flush(inserts);
	run->written = updated + run->joined + run->departed;
	return moves;
}
