/*
 * explain.c
 *	  Why somebody is in a segment: how far it is to the nearest segments, and what each sentence of the texts does to that;
 *	  and in which words two segments differ.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/simd.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/restricted.h"
#include "pg/segmentation_fit.h"
#include "pg/segmentation_members.h"
#include "pg/texts.h"
#include "text/sentences.h"

#define NEAREST_SEGMENTS 3		/* the own one and the two next */
#define MOST_SENTENCES 1000		/* each costs the embedding of its text without it */
#define MOST_KEYWORDS 1000

/* Arguments of the two that explain. */
enum
{
	EXPLAIN_NAME, EXPLAIN_TEXTS, EXPLAIN_LANGUAGE
};

/* A sentence of one of the texts. */
typedef struct Sentence
{
	int			text;			/* its place among the texts */
	UcTextSpan	span;			/* bytes of it, as UTF-8 */
	double		pull;			/* NaN: nothing is left without it */
} Sentence;

typedef struct Explanation
{
	Segmentation *segmentation;
	SegmentationAssigner *assigner;
	char	   *language;
	int			count;
	text	  **texts;			/* [count] those that say something */
	int		   *numbers;		/* [count] places in the array that was given, from 1 */
	Embedding **embeddings;		/* [count] */
	double	   *distances;		/* [segments] */
	double		margin;			/* how much further the second nearest is; NaN: there is none */
	int			own;			/* place of the nearest */
} Explanation;

/* ---- where somebody stands ---- */

/* The mean of the embeddings, with one of them replaced, or left out where that is NULL; NULL where none is left. */
static Embedding *
mean_embedding(const Explanation *e, int replaced, const Embedding *replacement)
{
	int			dim = e->segmentation->dimensions;
	double	   *sums = palloc0(sizeof(double) * dim);
	Embedding  *mean = embedding_new(dim);
	int			left = 0;

	for (int i = 0; i < e->count; i++)
	{
		const Embedding *embedding = i == replaced ? replacement : e->embeddings[i];

		if (embedding == NULL)
			continue;
		uc_kernels()->accumulate(sums, embedding->x, 1, dim);
		left++;
	}
	for (int j = 0; j < dim && left > 0; j++)
		mean->x[j] = (float) (sums[j] / left);
	pfree(sums);
	return left > 0 ? mean : NULL;
}

/* The margin of segment `own` over the nearest other one, which is negative where that is nearer. */
static double
margin_of(const Explanation *e, const double *distances, int own)
{
	double		other = INFINITY;

	for (int i = 0; i < e->segmentation->count; i++)
		if (i != own)
			other = Min(other, distances[i]);
	return isinf(other) ? NAN : other - distances[own];
}

static void
measure(Explanation *e)
{
	Embedding  *mean = mean_embedding(e, -1, NULL);

	e->distances = palloc(sizeof(double) * e->segmentation->count);
	segmentation_distances(e->segmentation, e->assigner, mean, e->language, e->distances);
	for (int i = 1; i < e->segmentation->count; i++)
		if (e->distances[i] < e->distances[e->own])
			e->own = i;
	e->margin = margin_of(e, e->distances, e->own);
}

/* Reads the arguments and embeds the texts. False where no text says anything. */
static bool
begin_explanation(FunctionCallInfo fcinfo, Explanation *e)
{
	Datum	   *values;
	bool	   *nulls;
	int			given;
	int			kept = 0;

	memset(e, 0, sizeof *e);
	usercluster_refuse_null(fcinfo, EXPLAIN_NAME, "name");
	e->segmentation = segmentation_load(texts_argument(fcinfo, EXPLAIN_NAME), SEGMENTATION_READ);
	e->assigner = segmentation_assigner(e->segmentation);
	if (PG_ARGISNULL(EXPLAIN_TEXTS))
		return false;
	if (!PG_ARGISNULL(EXPLAIN_LANGUAGE))
		e->language = texts_argument(fcinfo, EXPLAIN_LANGUAGE);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(EXPLAIN_TEXTS), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &given);
	e->texts = palloc(sizeof(text *) * Max(given, 1));
	e->numbers = palloc(sizeof(int) * Max(given, 1));
	e->embeddings = palloc(sizeof(Embedding *) * Max(given, 1));
	for (int i = 0; i < given; i++)
	{
		e->numbers[e->count] = i + 1;
		if (!nulls[i])
			e->texts[e->count++] = DatumGetTextPP(values[i]);
	}
	segmentation_embed(e->segmentation, e->texts, e->count, e->embeddings);
	for (int i = 0; i < e->count; i++)
	{
		if (e->embeddings[i] == NULL)
			continue;
		e->texts[kept] = e->texts[i];
		e->numbers[kept] = e->numbers[i];
		e->embeddings[kept++] = e->embeddings[i];
	}
	e->count = kept;
	if (kept > 0)
		measure(e);
	return kept > 0;
}

/* (name, texts, language) → rank, segment, distance, margin */
USERCLUSTER_FUNCTION(usercluster_explain_assignment)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Explanation e;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster explanation", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	if (begin_explanation(fcinfo, &e))
	{
		double		own = e.distances[e.own];

		for (int rank = 1; rank <= Min(NEAREST_SEGMENTS, e.segmentation->count); rank++)
		{
			int			nearest = -1;
			bool		nulls[4] = {false};
			Datum		values[4];

			for (int i = 0; i < e.segmentation->count; i++)
				if (!isinf(e.distances[i]) && (nearest < 0 || e.distances[i] < e.distances[nearest]))
					nearest = i;
			values[0] = Int32GetDatum(rank);
			values[1] = Int32GetDatum(e.segmentation->segments[nearest].number);
			values[2] = Float8GetDatum(e.distances[nearest]);
			values[3] = Float8GetDatum(e.distances[nearest] - own);
			tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
			e.distances[nearest] = INFINITY;
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* ---- what each sentence does ---- */

static void
close_sentences(void *sentences)
{
	uc_sentences_close(sentences);
}

static Sentence *
find_sentences(const Explanation *e, int *count)
{
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	Sentence   *found = palloc(sizeof *found * MOST_SENTENCES);
	UcSentences *sentences;
	UcRun		run;
	UcError		err;

	*count = 0;
	usercluster_run(&run);
	usercluster_check(uc_sentences_open(&sentences, &err), &err);
	callback->func = close_sentences;
	callback->arg = sentences;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	for (int i = 0; i < e->count; i++)
	{
		size_t		bytes;
		const char *utf8 = texts_utf8(e->texts[i], &bytes);
		UcTextSpan	span;

		uc_sentences_start(sentences, utf8, bytes);
		for (;;)
		{
			usercluster_check(uc_sentences_next(sentences, &run, &span, &err), &err);
			if (span.start == span.stop)
				break;
			if (*count == MOST_SENTENCES)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("the texts have more than %d sentences", MOST_SENTENCES),
						 errhint("Explain fewer texts at a time.")));
			found[(*count)++] = (Sentence) {i, span, NAN};
		}
	}
	return found;
}

/* The text without a sentence. */
static text *
text_without(const Explanation *e, const Sentence *sentence)
{
	size_t		bytes;
	const char *utf8 = texts_utf8(e->texts[sentence->text], &bytes);
	StringInfoData rest;
	Datum		left;

	initStringInfo(&rest);
	appendBinaryStringInfo(&rest, utf8, (int) sentence->span.start);
	appendBinaryStringInfo(&rest, utf8 + sentence->span.stop, (int) (bytes - sentence->span.stop));
	left = texts_datum(rest.data, rest.len);
	return (text *) DatumGetPointer(left);
}

/* Leaves each sentence out in turn: what the margin loses by that is what the sentence gives. */
static void
measure_sentences(const Explanation *e, Sentence *sentences, int count)
{
	text	  **without = palloc(sizeof(text *) * Max(count, 1));
	Embedding **embeddings = palloc(sizeof(Embedding *) * Max(count, 1));
	double	   *distances = palloc(sizeof(double) * e->segmentation->count);

	for (int i = 0; i < count; i++)
		without[i] = text_without(e, &sentences[i]);
	segmentation_embed(e->segmentation, without, count, embeddings);
	for (int i = 0; i < count; i++)
	{
		Embedding  *mean = mean_embedding(e, sentences[i].text, embeddings[i]);

		CHECK_FOR_INTERRUPTS();
		if (mean == NULL)
			continue;
		segmentation_distances(e->segmentation, e->assigner, mean, e->language, distances);
		sentences[i].pull = e->margin - margin_of(e, distances, e->own);
		pfree(mean);
	}
}

/* By falling pull, those without one last; then as they stand in the texts. */
static int
compare_sentences(const void *a, const void *b)
{
	const Sentence *x = a,
			   *y = b;

	if (isnan(x->pull) != isnan(y->pull))
		return isnan(x->pull) ? 1 : -1;
	if (x->pull != y->pull && !isnan(x->pull))
		return x->pull > y->pull ? -1 : 1;
	if (x->text != y->text)
		return x->text < y->text ? -1 : 1;
	return x->span.start < y->span.start ? -1 : x->span.start > y->span.start;
}

/* (name, texts, language) → rank, text_number, sentence, start, stop, pull */
USERCLUSTER_FUNCTION(usercluster_explain_sentences)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Explanation e;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster explanation", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("explain_sentences");
	if (begin_explanation(fcinfo, &e))
	{
		int			count;
		Sentence   *sentences = find_sentences(&e, &count);

		measure_sentences(&e, sentences, count);
		qsort(sentences, count, sizeof *sentences, compare_sentences);
		for (int i = 0; i < count; i++)
		{
			const UcTextSpan *span = &sentences[i].span;
			size_t		bytes;
			const char *utf8 = texts_utf8(e.texts[sentences[i].text], &bytes);
			CharacterCount place = {utf8};
			bool		nulls[6] = {false};
			Datum		values[6];

			values[0] = Int32GetDatum(i + 1);
			values[1] = Int32GetDatum(e.numbers[sentences[i].text]);
			values[2] = texts_datum(utf8 + span->start, span->stop - span->start);
			values[3] = Int32GetDatum(texts_characters_before(&place, span->start) + 1);
			values[4] = Int32GetDatum(texts_characters_before(&place, span->stop) + 1);
			values[5] = Float8GetDatum(sentences[i].pull);
			nulls[5] = isnan(sentences[i].pull);
			tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
		}
	}
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* ---- two segments ---- */

static void
require_segment(const Segmentation *s, int number)
{
	for (int i = 0; i < s->count; i++)
		if (s->segments[i].number == number)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("segmentation \"%s\" has no segment %d", s->name, number),
			 errhint("Those that there are are in usercluster.segments.")));
}

/* The texts of the members of both. The names in it are resolved as the segmentation's query is. */
static char *
texts_of_two(const Segmentation *s, int a, int b)
{
	EmbedRequest embed = {.model = s->model};
	StoredQuery stored = {.embed = &embed};
	MembersTable table;

	query_look_at_stored(s->query, SEGMENTATION_COLUMNS, &stored);
	if (!stored.has_text)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segmentation \"%s\" knows no texts", s->name),
				 errdetail("Its query returns embeddings and no column \"text\"."),
				 errhint("Use usercluster.segment_keywords over the texts of the two segments.")));
	members_open(s->members, InvalidOid, &table);
	return psprintf("SELECT m.segment, q.text%s FROM %s JOIN %s AS m ON m.%s %s q.key "
					"WHERE m.segment OPERATOR(pg_catalog.=) ANY ('{%d,%d}'::pg_catalog.int4[]) "
					"AND q.text OPERATOR(pg_catalog.~) '\\S'",
					stored.has_language ? ", q.language" : "", stored.table, table.name, table.key,
					members_equality(table.key_type), a, b);
}

/* (name, a, b, keywords) → segment, rank, keyword, weight, support */
USERCLUSTER_FUNCTION(usercluster_segment_difference)
{
	static const char *const names[] = {"name", "a", "b", "keywords"};
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Segmentation *s;
	Restricted	restricted;
	Datum		arguments[2];
	int			a,
				b,
				keywords;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < (int) lengthof(names); i++)
		usercluster_refuse_null(fcinfo, i, names[i]);
	a = PG_GETARG_INT32(1);
	b = PG_GETARG_INT32(2);
	keywords = PG_GETARG_INT32(3);
	if (keywords < 1 || keywords > MOST_KEYWORDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keywords must be from 1 to %d, not %d", MOST_KEYWORDS, keywords)));
	s = segmentation_load(texts_argument(fcinfo, 0), SEGMENTATION_OWN);
	require_segment(s, a);
	require_segment(s, b);
	if (a == b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("segment %d does not differ from itself", a)));
	restricted_begin(&restricted, s->owner, s->search_path);
	arguments[0] = CStringGetTextDatum(texts_of_two(s, a, b));
	arguments[1] = Int32GetDatum(keywords);
	SPI_connect();
	if (SPI_execute_with_args("SELECT k.segment::pg_catalog.int4, k.rank, k.keyword, k.weight, k.support "
							  "FROM usercluster.segment_keywords($1, keywords => $2) AS k", 2,
							  (Oid[]) {TEXTOID, INT4OID}, arguments, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "keywords were not found");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(set->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	restricted_end(&restricted);
	return (Datum) 0;
}
