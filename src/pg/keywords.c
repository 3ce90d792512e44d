/*
 * keywords.c
 *	  segment_keywords(): what each segment's texts are about.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/labels.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "pg/texts.h"
#include "pg/words.h"
#include "segment/keyword_units.h"
#include "segment/keywords.h"

/* Arguments in SQL. */
enum
{
	ARG_QUERY, ARG_KEYWORDS, ARG_LANGUAGE, ARG_MIN_SUPPORT, ARG_MAX_PHRASE, ARG_STOP_WORDS
};

enum
{
	SEGMENT_COLUMN = 1, TEXT_COLUMN, LANGUAGE_COLUMN
};

typedef struct Keywords
{
	MemoryContextCallback callback; /* frees what the core holds */
	UcKeywordOptions options;
	char		language[UC_LANGUAGE_ROOM]; /* of all texts; empty: of each its own */
	UcRun		run;
	UcKeywordTexts *texts;
	UcKeywords	found;
	Labels		segments;
	FmgrInfo	segment_output;
	bool		integers;		/* segments are ordered as numbers */
	int			columns;
	FmgrInfo	language_output;
	int64		no_segment;
	int64		no_text;
} Keywords;

static void
free_core(void *arg)
{
	Keywords   *keywords = arg;

	uc_keyword_texts_close(keywords->texts);
	uc_keywords_free(&keywords->found);
}

/* ---- arguments ---- */

static void
read_arguments(FunctionCallInfo fcinfo, Keywords *keywords)
{
	usercluster_refuse_null(fcinfo, ARG_QUERY, "query");
	keywords->options.keywords = usercluster_count_argument(fcinfo, ARG_KEYWORDS, "keywords", UC_KEYWORDS_MOST);
	keywords->options.max_phrase = usercluster_count_argument(fcinfo, ARG_MAX_PHRASE, "max_phrase", UC_PHRASE_LONGEST);
	if (!PG_ARGISNULL(ARG_MIN_SUPPORT))
		keywords->options.min_support = usercluster_count_argument(fcinfo, ARG_MIN_SUPPORT, "min_support", PG_INT32_MAX);
	if (!PG_ARGISNULL(ARG_LANGUAGE))
		words_language(texts_argument(fcinfo, ARG_LANGUAGE), keywords->language);
}

static void
add_stop_word(Keywords *keywords, const char *language, const text *word, bool stop)
{
	UcError		err;
	size_t		bytes;
	const char *utf8 = texts_utf8(word, &bytes);

	usercluster_check(uc_keyword_texts_stop_word(keywords->texts, language, utf8, bytes, stop, &err), &err);
}

/* Those of the table, then those of the call. */
static void
read_stop_words(FunctionCallInfo fcinfo, Keywords *keywords)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	SPI_connect();
	if (SPI_execute("SELECT language, word, stop FROM usercluster.stop_words", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the stop words could not be read");
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.stop_words", "text text bool");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		is_null;
		char	   *language = TextDatumGetCString(SPI_getbinval(row, columns, 1, &is_null));

		add_stop_word(keywords, language, DatumGetTextPP(SPI_getbinval(row, columns, 2, &is_null)),
					  DatumGetBool(SPI_getbinval(row, columns, 3, &is_null)));
	}
	SPI_finish();
	if (PG_ARGISNULL(ARG_STOP_WORDS))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_STOP_WORDS), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("stop_words must not contain nulls")));
		add_stop_word(keywords, NULL, DatumGetTextPP(values[i]), true);
	}
}

/* ---- rows ---- */

static void
check_columns(void *arg, TupleDesc columns)
{
	Keywords   *keywords = arg;
	Form_pg_attribute column;
	Oid			type,
				output;
	bool		is_varlena;

	keywords->columns = columns->natts;
	if (columns->natts < TEXT_COLUMN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a segment and a text"),
				 errdetail("The number of its columns is %d.", columns->natts)));
	column = TupleDescAttr(columns, TEXT_COLUMN - 1);
	type = getBaseType(column->atttypid);
	if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query's second column \"%s\" is of type %s, not text", NameStr(column->attname),
						format_type_be(column->atttypid)),
				 errhint("Return the segment first and a member's text second.")));
	for (int i = LANGUAGE_COLUMN; i <= columns->natts; i++)
	{
		column = TupleDescAttr(columns, i - 1);
		if (strcmp(NameStr(column->attname), "language") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized column \"%s\" in the query", NameStr(column->attname)),
					 errdetail("After the segment and the text, this function knows by name: language.")));
		if (i > LANGUAGE_COLUMN)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("column \"%s\" appears twice in the query", "language")));
		getTypeOutputInfo(column->atttypid, &output, &is_varlena);
		fmgr_info(output, &keywords->language_output);
	}
	type = TupleDescAttr(columns, SEGMENT_COLUMN - 1)->atttypid;
	getTypeOutputInfo(type, &output, &is_varlena);
	fmgr_info(output, &keywords->segment_output);
	type = getBaseType(type);
	keywords->integers = type == INT2OID || type == INT4OID || type == INT8OID;
}

static void
take_row(void *arg, TupleTableSlot *slot)
{
	Keywords   *keywords = arg;
	bool		no_segment,
				no_text,
				no_language = true;
	Datum		segment = slot_getattr(slot, SEGMENT_COLUMN, &no_segment);
	Datum		value = slot_getattr(slot, TEXT_COLUMN, &no_text);
	Datum		named = keywords->columns < LANGUAGE_COLUMN ? (Datum) 0 : slot_getattr(slot, LANGUAGE_COLUMN, &no_language);
	char		own[UC_LANGUAGE_ROOM];
	const char *language = keywords->language[0] == '\0' ? NULL : keywords->language;
	const char *utf8;
	size_t		bytes;
	UcError		err;

	CHECK_FOR_INTERRUPTS();
	if (no_segment || no_text)
	{
		keywords->no_segment += no_segment;
		keywords->no_text += !no_segment;
		return;
	}
	if (!no_language)
	{
		words_language(OutputFunctionCall(&keywords->language_output, named), own);
		language = own;
	}
	utf8 = texts_utf8(DatumGetTextPP(value), &bytes);
	usercluster_check(uc_keyword_texts_add(keywords->texts, (uint32) labels_code(&keywords->segments,
																			 OutputFunctionCall(&keywords->segment_output, segment)),
										   language, utf8, bytes, &keywords->run, &err), &err);
	/* The names of the segments are ours, and count as well. */
	usercluster_check(uc_check_budget(keywords->texts->budget.work,
									  uc_size_add(keywords->texts->budget.used, keywords->segments.bytes),
									  keywords->texts->budget.allowed, &err), &err);
	progress_done(keywords->texts->rows);
}

static int
compare_names(const void *a, const void *b, void *arg)
{
	const Keywords *keywords = arg;
	const char *left = keywords->segments.names[*(const int32 *) a];
	const char *right = keywords->segments.names[*(const int32 *) b];

	if (keywords->integers)
	{
		int64		first = strtoll(left, NULL, 10);
		int64		second = strtoll(right, NULL, 10);

		return (first > second) - (first < second);
	}
	return strcmp(left, right);
}

/* The codes of the segments in order, after which the texts' segments are numbered. */
static int32 *
order_segments(Keywords *keywords)
{
	int			count = keywords->segments.count;
	int32	   *order = palloc_extended(sizeof(int32) * Max(count, 1), MCXT_ALLOC_HUGE);
	int32	   *place = palloc_extended(sizeof(int32) * Max(count, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		order[i] = i;
	qsort_arg(order, count, sizeof(int32), compare_names, keywords);
	for (int i = 0; i < count; i++)
		place[order[i]] = i;
	for (size_t row = 0; row < keywords->texts->rows; row++)
		keywords->texts->segments[row] = (uint32) place[keywords->texts->segments[row]];
	pfree(place);
	return order;
}

static void
tell_skipped(const Keywords *keywords)
{
	if (keywords->no_segment > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without a segment",
							   "skipped " INT64_FORMAT " rows without a segment",
							   (unsigned long) keywords->no_segment, keywords->no_segment)));
	if (keywords->no_text > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without a text",
							   "skipped " INT64_FORMAT " rows without a text",
							   (unsigned long) keywords->no_text, keywords->no_text)));
}

/* ---- result ---- */

static void
put_keywords(const Keywords *keywords, const int32 *order, ReturnSetInfo *result)
{
	for (size_t i = 0; i < keywords->found.count; i++)
	{
		const UcKeyword *keyword = &keywords->found.keywords[i];
		Datum		values[5];
		bool		nulls[5] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(keywords->segments.names[order[keyword->segment]]);
		values[1] = Int32GetDatum(keyword->rank);
		values[2] = texts_datum(keywords->found.text + keyword->start, keyword->bytes);
		values[3] = Float8GetDatum(keyword->weight);
		values[4] = Int64GetDatum((int64) keyword->support);
		nulls[2] = values[2] == (Datum) 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

USERCLUSTER_FUNCTION(usercluster_segment_keywords)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster keywords", ALLOCSET_DEFAULT_SIZES);
	Keywords   *keywords = MemoryContextAllocZero(context, sizeof *keywords);
	OtherQuery	query = {.check = check_columns,.take = take_row,.arg = keywords};
	int32	   *order;
	UcError		err;

	keywords->callback.func = free_core;
	keywords->callback.arg = keywords;
	MemoryContextRegisterResetCallback(context, &keywords->callback);
	read_arguments(fcinfo, keywords);
	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(context);
	progress_begin("segment_keywords");
	usercluster_run(&keywords->run);
	progress_watch(&keywords->run);
	usercluster_check(uc_keyword_texts_open(words_han(true), &keywords->run, &keywords->texts, &err), &err);
	read_stop_words(fcinfo, keywords);
	labels_begin(&keywords->segments);
	progress_phase("reading rows", UC_UNKNOWN_TOTAL);
	query_read_other(text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY)), &query);
	tell_skipped(keywords);
	order = order_segments(keywords);
	progress_phase("counting words", UC_UNKNOWN_TOTAL);
	usercluster_check(uc_keyword_texts_finish(keywords->texts, &keywords->run, &err), &err);
	usercluster_check(uc_keywords(keywords->texts, (uint32) keywords->segments.count, &keywords->options, &keywords->run, &keywords->found,
								  &err), &err);
	put_keywords(keywords, order, (ReturnSetInfo *) fcinfo->resultinfo);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
