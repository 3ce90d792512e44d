/*
 * query.c
 *	  Runs a query under the contract and gathers its rows.
 *
 * Rows go from the executor straight to the matrix through a receiver of our own: no row is kept twice, and a
 * query run to its end, unlike a cursor, may use parallel workers.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_class_d.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parse_coerce.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "pg/progress.h"
#include "pg/query.h"
#include "pg/query_texts.h"

#define KEY_COLUMN 1
#define EMBEDDING_COLUMN 2
#define FIRST_NAMED_COLUMN 3

static const char *const column_names[ROWS_COLUMNS] = {
	[ROWS_WEIGHT] = "weight",[ROWS_FEATURES] = "features",[ROWS_LANGUAGE] = "language",
	[ROWS_CLUSTER] = "cluster",[ROWS_GROUP_KEY] = "group_key",[ROWS_TEXT] = "text"
};

typedef struct NamedColumn
{
	int			attribute;		/* in the query's rows; 0: it has no such column */
	Oid			type;			/* base type of the column, or of its elements */
	FmgrInfo	output;			/* of a column that is a name */
} NamedColumn;

typedef struct Receiver
{
	DestReceiver pub;
	Rows	   *rows;
	Oid			key_source;		/* base type of the query's key; smaller integers are widened */
	NamedColumn named[ROWS_COLUMNS];
	int			columns;		/* ROWS_KNOWS() of those that are there */
	MemoryContext one_row;		/* what reading a row's further columns allocates */
	StoredQuery *stored;		/* NULL: the query is not stored */
	bool		has_text;		/* a column "text" beside the embedding, which is passed over */
	QueryTexts *texts;			/* where the second column is a text; else NULL */
	EmbedRequest embed;			/* of those */
	int			known;			/* the attribute that has the text's embedding where one is known; 0: there is none */
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

static double
number(Datum datum, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(datum);
		case INT4OID:
			return DatumGetInt32(datum);
		case INT8OID:
			return (double) DatumGetInt64(datum);
		case FLOAT4OID:
			return DatumGetFloat4(datum);
		case FLOAT8OID:
			return DatumGetFloat8(datum);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, datum));
	}
}

static bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == FLOAT4OID || type == FLOAT8OID ||
		type == NUMERICOID;
}

static void
read_features(Datum datum, Oid type, RowExtra *extra)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	double	   *features;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must be an array of one dimension, not %d", ARR_NDIM(array))));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &extra->feature_count);
	features = palloc(sizeof(double) * Max(extra->feature_count, 1));
	for (int i = 0; i < extra->feature_count; i++)
		features[i] = nulls[i] ? NAN : number(elements[i], type);
	extra->features = features;
}

/* The row's columns beside key and embedding; what they need lives until the next row. */
static void
read_extra(Receiver *receiver, TupleTableSlot *slot, RowExtra *extra)
{
	memset(extra, 0, sizeof *extra);
	for (int i = 0; i < ROWS_COLUMNS; i++)
	{
		NamedColumn *column = &receiver->named[i];
		bool		is_null;
		Datum		datum;

		if (column->attribute == 0)
			continue;
		datum = slot_getattr(slot, column->attribute, &is_null);
		if (i == ROWS_WEIGHT)
			extra->weight = is_null ? NAN : number(datum, column->type);
		else if (is_null)
			continue;
		else if (i == ROWS_FEATURES)
			read_features(datum, column->type, extra);
		else
			extra->labels[i] = OutputFunctionCall(&column->output, datum);
	}
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	Rows	   *rows = receiver->rows;
	bool		key_is_null,
				embedding_is_null;
	Datum		key = slot_getattr(slot, KEY_COLUMN, &key_is_null);
	Datum		datum = slot_getattr(slot, EMBEDDING_COLUMN, &embedding_is_null);
	bool		is_text = receiver->texts != NULL;
	Datum		text = datum;
	MemoryContext old;
	RowExtra	extra = {0};

	if (key_is_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the query returned a row without a key"),
				 errhint("Leave such rows out with WHERE ... IS NOT NULL.")));
	if (receiver->stored != NULL && receiver->stored->wanted != NULL &&
		!receiver->stored->wanted(receiver->stored->wanted_arg, key))
		return true;
	if (receiver->known > 0 && !embedding_is_null)
	{
		bool		unknown;

		datum = slot_getattr(slot, receiver->known, &unknown);
		is_text = unknown;
		if (unknown)
			datum = text;
	}
	/* The executor calls us in a context that lives as long as the query. */
	old = MemoryContextSwitchTo(is_text ? receiver->texts->context : receiver->one_row);
	if (embedding_is_null)
		rows->skipped++;
	else
	{
		if (receiver->columns != 0)
			read_extra(receiver, slot, &extra);
		key = widen_key(receiver, key);
		if (!is_text)
			datum = PointerGetDatum(DatumGetEmbedding(datum));
		if (receiver->stored != NULL)
			receiver->stored->content += query_row_hash(rows, key, receiver->texts != NULL ? text : datum, &extra);
		if (is_text)
			query_texts_add(receiver->texts, key, datum, &extra);
		else
			rows_append(rows, key, DatumGetEmbedding(datum), &extra);
	}
	progress_done(rows->count + rows->refused + (size_t) rows->skipped);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->one_row);
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

/*
 * A table that only this session sees cannot be there tomorrow; and whoever runs the query for its owner could have put a
 * view of his own in the way of one of the owner's tables.
 */
static void
refuse_temporary(const CachedPlanSource *source)
{
	ListCell   *cell;

	foreach(cell, source->relationOids)
		if (get_rel_persistence(lfirst_oid(cell)) == RELPERSISTENCE_TEMP)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
					 errmsg("a stored query must not use the temporary relation \"%s\"", get_rel_name(lfirst_oid(cell)))));
}

/* The statement without what may follow it: a semicolon would end the statement that it becomes part of. */
static const char *
statement_text(const CachedPlanSource *source)
{
	const RawStmt *statement = source->raw_parse_tree;
	const char *text = source->query_string + Max(statement->stmt_location, 0);

	return statement->stmt_len > 0 ? pnstrdup(text, statement->stmt_len) : pstrdup(text);
}

/* The query as a table q with these names of its first columns. */
static char *
as_table(const CachedPlanSource *source, const char *second)
{
	TupleDesc	description = source->resultDesc;
	StringInfoData table;

	initStringInfo(&table);
	/* on a line of its own, since the statement may end with a comment */
	appendStringInfo(&table, "(%s\n) AS q(key, %s", statement_text(source), second);
	for (int i = FIRST_NAMED_COLUMN; i <= description->natts; i++)
		appendStringInfo(&table, ", %s", quote_identifier(NameStr(TupleDescAttr(description, i - 1)->attname)));
	appendStringInfoChar(&table, ')');
	return table.data;
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

/* Arrays of numbers, and pgvector's vector where usercluster_pgvector is. */
static bool
has_cast(Oid type)
{
	Oid			function;
	CoercionPathType path = find_coercion_pathway(embedding_type_oid(), type, COERCION_EXPLICIT, &function);

	return path == COERCION_PATH_FUNC || path == COERCION_PATH_RELABELTYPE;
}

/* True for a text that is to be embedded. */
static bool
check_embedding_column(Form_pg_attribute column, bool takes_text)
{
	Oid			base = getBaseType(column->atttypid);
	const char *name = quote_identifier(NameStr(column->attname));

	if (base == embedding_type_oid())
		return false;
	if (takes_text && (base == TEXTOID || base == VARCHAROID))
		return true;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the query's second column \"%s\" is of type %s, not embedding", NameStr(column->attname),
					format_type_be(column->atttypid)),
			 base == TEXTOID || base == VARCHAROID ?
			 errhint("Turn the text into an embedding with usercluster.embed(%s).", name) :
			 has_cast(base) ? errhint("Cast it: %s::embedding.", name) :
			 errhint("Return the key first and its embedding second.")));
}

static const char *
known_columns(int columns, bool text)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (columns & ROWS_KNOWS(i))
			appendStringInfo(&known, "%s%s", known.len == 0 ? "" : ", ", column_names[i]);
	if (text)
		appendStringInfo(&known, "%stext", known.len == 0 ? "" : ", ");
	return known.data;
}

static int
find_column(const char *name, int columns)
{
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if ((columns & ROWS_KNOWS(i)) && strcmp(name, column_names[i]) == 0)
			return i;
	return -1;
}

static void
take_column(Receiver *receiver, Form_pg_attribute column, int columns)
{
	int			which = find_column(NameStr(column->attname), columns);
	bool		takes_text = receiver->stored != NULL && !receiver->stored->from_text;
	NamedColumn *named;
	Oid			output;
	bool		is_varlena;

	if (takes_text && !receiver->has_text &&
		strcmp(NameStr(column->attname), "text") == 0)
	{
		receiver->has_text = true;
		return;
	}
	if (which < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized column \"%s\" in the query", NameStr(column->attname)),
				 columns == 0 ? errdetail("This function knows two columns: the key, then the embedding.") :
				 errdetail("After the key and the embedding, this function knows by name: %s.", known_columns(columns, takes_text))));
	named = &receiver->named[which];
	if (named->attribute != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("column \"%s\" appears twice in the query", column_names[which])));
	named->attribute = column->attnum;
	named->type = getBaseType(column->atttypid);
	if (which == ROWS_FEATURES)
	{
		named->type = get_element_type(named->type);
		if (OidIsValid(named->type))
			named->type = getBaseType(named->type);
	}
	if (which <= ROWS_FEATURES && !is_number(named->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query's column \"%s\" is of type %s, not %s", column_names[which],
						format_type_be(column->atttypid),
						which == ROWS_FEATURES ? "an array of numbers" : "a number")));
	getTypeOutputInfo(column->atttypid, &output, &is_varlena);
	fmgr_info(output, &named->output);
	receiver->columns |= ROWS_KNOWS(which);
}

static void
check_columns(Receiver *receiver, TupleDesc description, Oid key_type, int columns)
{
	bool		from_text;

	if (description->natts < EMBEDDING_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a key and an embedding"),
				 errdetail("The number of its columns is %d.", description->natts)));
	from_text = check_embedding_column(TupleDescAttr(description, EMBEDDING_COLUMN - 1),
									   receiver->stored != NULL && receiver->stored->embed != NULL);
	if (receiver->stored != NULL)
	{
		Form_pg_attribute key = TupleDescAttr(description, KEY_COLUMN - 1);

		if (OidIsValid(receiver->stored->key_type) && receiver->stored->key_type != key->atttypid)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the query's key \"%s\" is of type %s, not %s", NameStr(key->attname),
							format_type_be(key->atttypid), format_type_be(receiver->stored->key_type))));
		receiver->stored->from_text = from_text;
		receiver->stored->key_name = pstrdup(NameStr(TupleDescAttr(description, KEY_COLUMN - 1)->attname));
	}
	check_key(TupleDescAttr(description, KEY_COLUMN - 1), key_type);
	for (int i = FIRST_NAMED_COLUMN; i <= description->natts; i++)
		take_column(receiver, TupleDescAttr(description, i - 1), columns);
	if (receiver->stored != NULL)
		receiver->stored->has_text = receiver->has_text || from_text;
}

/* Leaves SPI connected, which the plan belongs to, and the memory context as it was. */
static SPIPlanPtr
prepare_query(const char *query, CachedPlanSource **source)
{
	SPIPrepareOptions prepare = {.parseMode = RAW_PARSE_DEFAULT,.cursorOptions = CURSOR_OPT_PARALLEL_OK};
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare_extended(query, &prepare);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_extended failed: %s", SPI_result_code_string(SPI_result));
	*source = check_statement(plan);
	MemoryContextSwitchTo(context);
	return plan;
}

/*
 * Where the texts lie in a watched column, their embeddings lie beside it: the plan of a query that brings them along.
 */
static SPIPlanPtr
bring_known(Receiver *receiver, const CachedPlanSource *source)
{
	StoredQuery *stored = receiver->stored;
	SPIPrepareOptions prepare = {.parseMode = RAW_PARSE_DEFAULT,.cursorOptions = CURSOR_OPT_PARALLEL_OK};
	TextSource	texts;
	SPIPlanPtr	plan;

	receiver->embed = *stored->embed;
	query_source_texts(linitial_node(Query, source->query_list), EMBEDDING_COLUMN,
					   stored->other_model ? NULL : stored->embed->model, &texts);
	if (texts.request.model == NULL)
		return NULL;
	receiver->embed = texts.request;
	stored->source.model = pstrdup(texts.request.model);
	stored->source.fingerprint = pstrdup(texts.request.fingerprint);
	receiver->known = source->resultDesc->natts + 1;
	plan = SPI_prepare_extended(query_source_join(&texts, stored->table), &prepare);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_extended failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* Checks the query's columns and, of a stored one, finds out what it returns. */
static void
look_at(Receiver *receiver, const CachedPlanSource *source, Oid key_type, int columns)
{
	StoredQuery *stored = receiver->stored;

	if (stored != NULL)
		refuse_temporary(source);
	check_columns(receiver, source->resultDesc, key_type, columns);
	if (stored != NULL)
	{
		stored->table = as_table(source, stored->from_text ? "text" : "embedding");
		stored->has_language = (receiver->columns & ROWS_KNOWS(ROWS_LANGUAGE)) != 0;
	}
}

static void
read_query(const char *query, Oid key_type, const RowsOptions *options, StoredQuery *stored, Rows *rows)
{
	Receiver	receiver = {
		.pub = {.receiveSlot = receive,.rStartup = start_receiving,.rShutdown = stop_receiving,
		.rDestroy = stop_receiving,.mydest = DestTuplestore},
		.rows = rows,.stored = stored
	};
	SPIExecuteOptions execute = {.dest = &receiver.pub,.read_only = options->active_snapshot};
	MemoryContext context = CurrentMemoryContext;
	CachedPlanSource *source;
	SPIPlanPtr	plan = prepare_query(query, &source);
	TupleDesc	description = source->resultDesc;
	int			result;

	look_at(&receiver, source, key_type, options->columns);
	if (stored != NULL && stored->from_text)
	{
		SPIPlanPtr	known = bring_known(&receiver, source);

		if (known != NULL)
			plan = known;
		MemoryContextSwitchTo(context);
	}
	else if (stored != NULL)
		query_source_model(linitial_node(Query, source->query_list), EMBEDDING_COLUMN, &stored->source);
	receiver.key_source = TupleDescAttr(description, KEY_COLUMN - 1)->atttypid;
	if (!OidIsValid(key_type))
		key_type = receiver.key_source;
	receiver.key_source = getBaseType(receiver.key_source);

	rows_begin(rows, key_type, options);
	rows->columns = receiver.columns;
	receiver.one_row = AllocSetContextCreate(context, "usercluster row", ALLOCSET_DEFAULT_SIZES);
	if (stored != NULL && stored->from_text)
		receiver.texts = query_texts_begin(rows, &receiver.embed);
	progress_phase("reading rows", UC_UNKNOWN_TOTAL);
	result = SPI_execute_plan_extended(plan, &execute);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	MemoryContextSwitchTo(context);
	MemoryContextDelete(receiver.one_row);
	if (receiver.texts != NULL)
	{
		query_texts_flush(receiver.texts);
		MemoryContextDelete(receiver.texts->context);
	}
	progress_phase("ordering rows", UC_UNKNOWN_TOTAL);
	rows_finish(rows);
}

void
query_read(const char *query, Oid key_type, const RowsOptions *options, Rows *rows)
{
	read_query(query, key_type, options, NULL, rows);
}

void
query_read_stored(const char *query, const RowsOptions *options, StoredQuery *stored, Rows *rows)
{
	stored->content = 0;
	read_query(query, InvalidOid, options, stored, rows);
}

void
query_look_at_stored(const char *query, int columns, StoredQuery *stored)
{
	Receiver	receiver = {.stored = stored};
	CachedPlanSource *source;

	prepare_query(query, &source);
	look_at(&receiver, source, InvalidOid, columns);
	SPI_finish();
}

/* ---- a query of another form ---- */

typedef struct OtherReceiver
{
	DestReceiver pub;
	const OtherQuery *other;
	MemoryContext one_row;
} OtherReceiver;

static bool
receive_other(TupleTableSlot *slot, DestReceiver *self)
{
	OtherReceiver *receiver = (OtherReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->one_row);

	receiver->other->take(receiver->other->arg, slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->one_row);
	return true;
}

void
query_read_other(const char *query, const OtherQuery *other)
{
	OtherReceiver receiver = {
		.pub = {.receiveSlot = receive_other,.rStartup = start_receiving,.rShutdown = stop_receiving,
		.rDestroy = stop_receiving,.mydest = DestTuplestore},
		.other = other
	};
	SPIExecuteOptions execute = {.dest = &receiver.pub};
	MemoryContext context = CurrentMemoryContext;
	CachedPlanSource *source;
	SPIPlanPtr	plan = prepare_query(query, &source);
	int			result;

	other->check(other->arg, source->resultDesc);
	receiver.one_row = AllocSetContextCreate(context, "usercluster row", ALLOCSET_DEFAULT_SIZES);
	result = SPI_execute_plan_extended(plan, &execute);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	MemoryContextSwitchTo(context);
	MemoryContextDelete(receiver.one_row);
}

/* ---- a query as part of others ---- */

void
query_refuse_change(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the query gave other rows when it was run again"),
			 errdetail("Rows that are not kept in memory are read once per iteration, all within one snapshot."),
			 errhint("Leave out what changes from run to run, such as random() or TABLESAMPLE without REPEATABLE.")));
}

void
query_form(const char *query, Oid key_type, int columns, QueryForm *form)
{
	Receiver	receiver = {.columns = 0};
	MemoryContext context = CurrentMemoryContext;
	CachedPlanSource *source;
	TupleDesc	description;
	Form_pg_attribute key;

	prepare_query(query, &source);
	description = source->resultDesc;
	check_columns(&receiver, description, key_type, columns);
	if (((Query *) linitial(source->query_list))->rowMarks != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the query must not lock rows when it is run several times"),
				 errhint("Leave out FOR UPDATE or FOR SHARE.")));
	form->from = as_table(source, "embedding");
	key = TupleDescAttr(description, KEY_COLUMN - 1);
	form->key_order = OidIsValid(get_typcollation(key->atttypid)) ? "q.key COLLATE pg_catalog.\"C\"" : "q.key";
	form->order = psprintf("%s, q.embedding", form->key_order);
	form->columns = receiver.columns;
	form->language = NULL;
	if (receiver.columns & ROWS_KNOWS(ROWS_LANGUAGE))
		/* a cast may write a value otherwise than its output function does */
		form->language = receiver.named[ROWS_LANGUAGE].type == TEXTOID ? "q.language" :
			"CASE WHEN q.language IS NOT NULL THEN pg_catalog.format('%s', q.language) END";
	SPI_finish();
	MemoryContextSwitchTo(context);
}
