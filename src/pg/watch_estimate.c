/*
 * watch_estimate.c
 *	  estimate_embedding(): what it would take to embed a table, before anything is done.
 *
 * Rows are counted. Tokens follow from a sample, and minutes from embedding some of that sample for a second or two, with the threads
 * of the session. All of it as the caller, who needs to read the columns and no more.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/texts.h"
#include "pg/watch.h"

#define MOST_SAMPLED 10000
#define MEASURED_SECONDS 1.5
#define CHUNK 16				/* texts embedded between two looks at the clock */
#define SAMPLED_PAGES 2000		/* of a table that has many more */

typedef struct Estimate
{
	Watch		watch;			/* texts, model; embedding 0: all rows are to be embedded */
	int64		rows;
	int			sampled;
	text	  **texts;			/* [sampled] */
	int		   *tokens;			/* [sampled], after the cut */
	int64		cut;			/* texts of the sample beyond the model's limit */
	double		mean_tokens;
	double		seconds_per_token;
	int			dimensions;
} Estimate;

static void
take_columns(FunctionCallInfo fcinfo, Relation relation, Watch *watch)
{
	Datum	   *values;
	bool	   *nulls;
	int			count = 1;
	Datum		one;

	if (PG_ARGISNULL(1))
	{
		watch_of_column(relation, NULL, watch);
		return;
	}
	if (get_fn_expr_argtype(fcinfo->flinfo, 1) == TEXTOID)
	{
		one = PG_GETARG_DATUM(1);
		values = &one;
		nulls = palloc0(sizeof *nulls);
	}
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	if (count < 1 || count > WATCH_MAX_TEXTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of text columns must be between 1 and %d, not %d", WATCH_MAX_TEXTS, count)));
	for (int i = 0; i < count; i++)
	{
		Form_pg_attribute column;
		Oid			type;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("text_columns must not contain nulls")));
		column = watch_column(relation, TextDatumGetCString(values[i]));
		type = getBaseType(column->atttypid);
		if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" has type %s, not text", NameStr(column->attname),
							RelationGetRelationName(relation), format_type_be(column->atttypid))));
		watch->texts[i] = column->attnum;
	}
	watch->text_count = count;
}

static Relation
open_readable(Oid oid)
{
	Relation	relation = try_relation_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errdetail("Embeddings are kept in ordinary and partitioned tables only.")));
	return relation;
}

/* Rows that have text, and where a column is watched no embedding. */
static char *
condition(Relation relation, const Watch *watch)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "pg_catalog.num_nonnulls(VARIADIC %s) OPERATOR(pg_catalog.>) 0", watch_texts_sql(relation, watch));
	if (watch->embedding != 0)
		appendStringInfo(&sql, " AND %s IS NULL", watch_column_name(relation, watch->embedding));
	return sql.data;
}

static void
query(const char *sql)
{
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
}

/* Whole pages where the table is large, so that the sample costs no second reading of it. */
static void
sample_rows(Relation relation, Estimate *estimate, int wanted)
{
	const char *table = watch_relation_name(relation);
	char	   *where = condition(relation, &estimate->watch);
	double		pages = relation->rd_rel->relkind == RELKIND_RELATION ? RelationGetNumberOfBlocks(relation) : 0;
	char	   *from = pages > 2 * SAMPLED_PAGES ?
		psprintf("%s TABLESAMPLE SYSTEM (%g) REPEATABLE (1)", table, 100 * SAMPLED_PAGES / pages) : pstrdup(table);
	bool		null;

	query(psprintf("SELECT pg_catalog.count(*) FROM %s WHERE %s", table, where));
	estimate->rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	query(psprintf("SELECT %s FROM %s WHERE %s ORDER BY pg_catalog.hashtextextended(ctid::pg_catalog.text, 1) LIMIT %d",
				   watch_texts_sql(relation, &estimate->watch), from, where, wanted));
	estimate->texts = palloc(sizeof *estimate->texts * Max(SPI_processed, 1));
	estimate->tokens = palloc(sizeof *estimate->tokens * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		estimate->texts[i] = watch_joined(DatumGetArrayTypeP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
																		   &null)));
	estimate->sampled = (int) SPI_processed;
}

/* Windows of a long text are about as many tokens as the text. */
static void
count_tokens(Estimate *estimate)
{
	const OpenModel *open = models_get(estimate->watch.model);
	bool		windows = estimate->watch.truncation != NULL && embed_long_text(estimate->watch.truncation) == UC_LONG_WINDOWS;
	double		sum = 0;
	UcRun		run;

	usercluster_run(&run);
	estimate->dimensions = (int) open->model->config.dimensions;
	for (int i = 0; i < estimate->sampled; i++)
	{
		size_t		tokens = 0;
		UcError		err = {0};

		CHECK_FOR_INTERRUPTS();
		if (estimate->texts[i] != NULL)
		{
			UcText		input;

			input.text = texts_utf8(estimate->texts[i], &input.bytes);
			usercluster_check(uc_count_tokens(open->tokenizer, input, uc_model_prompt(open->model), &run, &tokens, &err), &err);
		}
		if (tokens > open->model->config.max_tokens)
		{
			estimate->cut++;
			if (!windows)
				tokens = open->model->config.max_tokens;
		}
		estimate->tokens[i] = (int) tokens;
		sum += tokens;
	}
	estimate->mean_tokens = estimate->sampled == 0 ? 0 : sum / estimate->sampled;
}

static void
measure(Estimate *estimate)
{
	EmbedRequest request = {.model = estimate->watch.model};
	Embedding **out = palloc(sizeof *out * CHUNK);
	int64		tokens = 0;
	TimestampTz start;
	double		seconds = 0;

	if (estimate->mean_tokens == 0)
		return;
	/* The first call maps the model and warms what it touches. */
	embed_texts(&request, estimate->texts, Min(estimate->sampled, CHUNK), out);
	start = GetCurrentTimestamp();
	for (int first = 0; first < estimate->sampled && seconds < MEASURED_SECONDS; first += CHUNK)
	{
		int			count = Min(CHUNK, estimate->sampled - first);

		CHECK_FOR_INTERRUPTS();
		embed_texts(&request, estimate->texts + first, count, out);
		for (int i = 0; i < count; i++)
			tokens += estimate->tokens[first + i];
		seconds = (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
	}
	estimate->seconds_per_token = tokens == 0 ? 0 : seconds / tokens;
}

/* (table, text column or columns, model, rows of the sample). */
USERCLUSTER_FUNCTION(usercluster_estimate_embedding)
{
	Estimate	estimate = {0};
	Relation	relation;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};
	int			sample;
	double		tokens;

	usercluster_refuse_null(fcinfo, 0, "relation");
	usercluster_refuse_null(fcinfo, 3, "sample");
	sample = PG_GETARG_INT32(3);
	if (sample < 1 || sample > MOST_SAMPLED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be between 1 and %d, not %d", MOST_SAMPLED, sample)));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	relation = open_readable(PG_GETARG_OID(0));
	take_columns(fcinfo, relation, &estimate.watch);
	if (!PG_ARGISNULL(2))
		estimate.watch.model = text_to_cstring(PG_GETARG_TEXT_PP(2));
	models_get(estimate.watch.model);
	SPI_connect();
	sample_rows(relation, &estimate, sample);
	count_tokens(&estimate);
	measure(&estimate);
	SPI_finish();
	relation_close(relation, AccessShareLock);

	tokens = estimate.mean_tokens * estimate.rows;
	values[0] = Int64GetDatum(estimate.rows);
	values[1] = Int64GetDatum((int64) rint(tokens));
	values[2] = Int64GetDatum(estimate.sampled == 0 ? 0 : (int64) rint((double) estimate.cut / estimate.sampled * estimate.rows));
	values[3] = Float8GetDatum(tokens * estimate.seconds_per_token / 60);
	values[4] = Int64GetDatum(estimate.rows * (int64) EMBEDDING_SIZE(estimate.dimensions));
	values[5] = Int32GetDatum(estimate.sampled);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
