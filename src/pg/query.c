/*
 * query.c
 *	  Runs a query under the contract and gathers its rows.
 *
 * Rows go from the executor straight to the matrix through a receiver of our own: no row is kept twice, and a
 * query run to its end, unlike a cursor, may use parallel workers.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parse_coerce.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "pg/query.h"

#define KEY_COLUMN 1
#define EMBEDDING_COLUMN 2
#define COLUMNS 2

typedef struct Receiver
{
	DestReceiver pub;
	Rows	   *rows;
	Oid			key_source;		/* base type of the query's key; smaller integers are widened */
} Receiver;

static Datum
widen_key(const Receiver *receiver, Datum key)
{
	if (receiver->rows->key_type != INT8OID)
		return key;
	if (receiver->key_source == INT2OID)
		return Int64GetDatum(DatumGetInt16(key));
	if (receiver->key_source == INT4OID)
		return Int64GetDatum(DatumGetInt32(key));
	return key;
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	bool		key_is_null,
				embedding_is_null;
	Datum		key = slot_getattr(slot, KEY_COLUMN, &key_is_null);
	Datum		datum = slot_getattr(slot, EMBEDDING_COLUMN, &embedding_is_null);
	Embedding  *embedding;

	if (key_is_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the query returned a row without a key"),
				 errhint("Leave such rows out with WHERE ... IS NOT NULL.")));
	if (embedding_is_null)
	{
		receiver->rows->skipped++;
		return true;
	}
	embedding = DatumGetEmbedding(datum);
	rows_append(receiver->rows, widen_key(receiver, key), embedding);
	/* The executor calls us in a context that lives as long as the query. */
	if ((Pointer) embedding != DatumGetPointer(datum))
		pfree(embedding);
	return true;
}

static void
start_receiving(DestReceiver *self, int operation, TupleDesc description)
{
}

static void
stop_receiving(DestReceiver *self)
{
}

/* The one plan of a query that is a single statement of the right kind. */
static CachedPlanSource *
check_statement(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source;
	Query	   *query;

	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must be one statement, not %d", list_length(sources))));
	source = linitial(sources);
	query = list_length(source->query_list) == 1 ? linitial(source->query_list) : NULL;
	if (query == NULL || query->commandType != CMD_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must be a SELECT, not %s",
						source->commandTag == CMDTAG_SELECT ? "SELECT INTO" : GetCommandTagName(source->commandTag)),
				 errdetail("VALUES, TABLE and WITH are accepted as well.")));
	if (query->hasModifyingCTE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must not change data"),
				 errdetail("One of its WITH clauses is an INSERT, UPDATE, DELETE or MERGE.")));
	return source;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static void
check_key(Form_pg_attribute column, Oid key_type)
{
	Oid			base = getBaseType(column->atttypid);

	if (!OidIsValid(key_type) || column->atttypid == key_type || IsBinaryCoercible(column->atttypid, key_type) ||
		(key_type == INT8OID && is_integer(base)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the query's key \"%s\" is of type %s, not %s", NameStr(column->attname),
					format_type_be(column->atttypid), format_type_be(key_type)),
			 errhint("Pass key => NULL::%s.", format_type_be(column->atttypid))));
}

static void
check_embedding_column(Form_pg_attribute column)
{
	Oid			base = getBaseType(column->atttypid);
	const char *name = quote_identifier(NameStr(column->attname));

	if (base == embedding_type_oid())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the query's second column \"%s\" is of type %s, not embedding", NameStr(column->attname),
					format_type_be(column->atttypid)),
			 base == FLOAT4ARRAYOID || base == FLOAT8ARRAYOID ? errhint("Cast it: %s::embedding.", name) :
			 base == TEXTOID || base == VARCHAROID ?
			 errhint("Turn the text into an embedding with usercluster.embed(%s).", name) :
			 errhint("Return the key first and its embedding second.")));
}

static void
check_columns(TupleDesc description, Oid key_type)
{
	if (description->natts < COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a key and an embedding"),
				 errdetail("The number of its columns is %d.", description->natts)));
	check_embedding_column(TupleDescAttr(description, EMBEDDING_COLUMN - 1));
	check_key(TupleDescAttr(description, KEY_COLUMN - 1), key_type);
	if (description->natts > COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized column \"%s\" in the query",
						NameStr(TupleDescAttr(description, COLUMNS)->attname)),
				 errdetail("This function knows two columns: the key, then the embedding.")));
}

void
query_read(const char *query, Oid key_type, const RowsOptions *options, Rows *rows)
{
	Receiver	receiver = {
		.pub = {.receiveSlot = receive,.rStartup = start_receiving,.rShutdown = stop_receiving,
		.rDestroy = stop_receiving,.mydest = DestTuplestore},
		.rows = rows
	};
	SPIPrepareOptions prepare = {.parseMode = RAW_PARSE_DEFAULT,.cursorOptions = CURSOR_OPT_PARALLEL_OK};
	SPIExecuteOptions execute = {.dest = &receiver.pub};
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	plan;
	TupleDesc	description;
	int			result;

	SPI_connect();
	plan = SPI_prepare_extended(query, &prepare);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_extended failed: %s", SPI_result_code_string(SPI_result));
	description = check_statement(plan)->resultDesc;
	check_columns(description, key_type);
	receiver.key_source = TupleDescAttr(description, KEY_COLUMN - 1)->atttypid;
	if (!OidIsValid(key_type))
		key_type = receiver.key_source;
	receiver.key_source = getBaseType(receiver.key_source);

	MemoryContextSwitchTo(context);
	rows_begin(rows, key_type, options);
	result = SPI_execute_plan_extended(plan, &execute);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	MemoryContextSwitchTo(context);
	rows_finish(rows);
}
