/*
 * words.c
 *	  sentences(), words(), stem(), detect_language() and shipped_stop_words().
 *
 * ICU's rules, stemmers and word lists are opened once for a session: the core's handles are kept in static variables here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/texts.h"
#include "pg/words.h"
#include "text/sentences.h"
#include "text/stop_words.h"

UcWords *
words_get(void)
{
	static UcWords *kept;
	UcError		err;

	if (kept == NULL)
		usercluster_check(uc_words_open(&kept, &err), &err);
	return kept;
}

void
words_language(const char *name, char code[UC_LANGUAGE_ROOM])
{
	UcError		err;

	usercluster_check(uc_language_code(name, code, &err), &err);
}

const UcDetector *
words_detector(void)
{
	static UcDetector *kept;
	UcError		err;

	if (kept == NULL)
		usercluster_check(uc_detector_open(&kept, &err), &err);
	return kept;
}

const UcHan *
words_han(bool to_simplified)
{
	static UcHan *kept[2];
	UcError		err;

	if (kept[to_simplified] == NULL)
		usercluster_check(uc_han_open(to_simplified, &kept[to_simplified], &err), &err);
	return kept[to_simplified];
}

UcStatus
words_stemmer(const char *code, UcStemmer **stemmer, UcError *err)
{
	static UcStemmer *kept;
	static char kept_code[UC_LANGUAGE_ROOM];
	UcStatus	status = UC_OK;

	if (kept == NULL || strcmp(kept_code, code) != 0)
	{
		uc_stemmer_close(kept);
		status = uc_stemmer_open(code, &kept, err);
		strlcpy(kept_code, code, sizeof kept_code);
	}
	*stemmer = kept;
	return status;
}

/* The places of a span in characters, counted from 1, `stop` beyond the end: values[0] and [1]. */
static void
put_places(Datum *values, CharacterCount *count, UcTextSpan span)
{
	values[0] = Int32GetDatum(texts_characters_before(count, span.start) + 1);
	values[1] = Int32GetDatum(texts_characters_before(count, span.stop) + 1);
}

USERCLUSTER_FUNCTION(usercluster_sentences)
{
	static UcSentences *kept;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CharacterCount count = {NULL};
	size_t		bytes;
	UcTextSpan		sentence;
	UcRun		run;
	UcError		err = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	count.text = texts_utf8(PG_GETARG_TEXT_PP(0), &bytes);
	if (kept == NULL)
		usercluster_check(uc_sentences_open(&kept, &err), &err);
	usercluster_run(&run);
	uc_sentences_start(kept, count.text, bytes);
	for (;;)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		CHECK_FOR_INTERRUPTS();
		usercluster_check(uc_sentences_next(kept, &run, &sentence, &err), &err);
		if (sentence.stop == sentence.start)
			return (Datum) 0;
		values[0] = texts_datum(count.text + sentence.start, sentence.stop - sentence.start);
		nulls[0] = values[0] == (Datum) 0;
		put_places(values + 1, &count, sentence);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		if (!nulls[0])
			pfree(DatumGetPointer(values[0]));
	}
}

/* The stemmer of a language that words() was given: none where nobody stems it. */
static UcStemmer *
stemmer_or_none(const char *code)
{
	UcStemmer  *stemmer;
	UcError		err = {0};
	UcStatus	status = words_stemmer(code, &stemmer, &err);

	if (status != UC_UNSUPPORTED)
		usercluster_check(status, &err);
	return stemmer;
}

USERCLUSTER_FUNCTION(usercluster_words)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *language = texts_argument(fcinfo, 1);
	char		code[UC_LANGUAGE_ROOM];
	UcStemmer  *stemmer = NULL;
	UcWords    *words = words_get();
	CharacterCount count = {NULL};
	MemoryContext one_word,
				old;
	size_t		bytes;
	UcRun		run;
	UcError		err = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (language != NULL)
	{
		words_language(language, code);
		stemmer = stemmer_or_none(code);
	}
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	count.text = texts_utf8(PG_GETARG_TEXT_PP(0), &bytes);
	usercluster_run(&run);
	one_word = AllocSetContextCreate(CurrentMemoryContext, "usercluster word", ALLOCSET_SMALL_SIZES);
	uc_words_start(words, count.text, bytes);
	for (;;)
	{
		Datum		values[5];
		bool		nulls[5] = {false};
		UcWord		word;

		CHECK_FOR_INTERRUPTS();
		usercluster_check(uc_words_next(words, &run, &word, &err), &err);
		if (word.span.stop == word.span.start)
			break;
		old = MemoryContextSwitchTo(one_word);
		values[0] = texts_datum(count.text + word.span.start, word.span.stop - word.span.start);
		values[1] = CStringGetTextDatum(uc_word_kind_name(word.kind));
		put_places(values + 2, &count, word.span);
		values[4] = (Datum) 0;
		if (language != NULL)
		{
			char		room[UC_FOLD_ROOM];
			const char *stem = uc_stem(stemmer, count.text + word.span.start, word.span.stop - word.span.start, room, &bytes);

			values[4] = texts_datum(stem, bytes);
		}
		nulls[0] = values[0] == (Datum) 0;
		nulls[4] = values[4] == (Datum) 0;
		MemoryContextSwitchTo(old);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(one_word);
	}
	MemoryContextDelete(one_word);
	return (Datum) 0;
}

/* STRICT. */
USERCLUSTER_FUNCTION(usercluster_stem)
{
	char		code[UC_LANGUAGE_ROOM];
	char		room[UC_FOLD_ROOM];
	UcStemmer  *stemmer;
	UcError		err = {0};
	size_t		bytes;
	const char *word = texts_utf8(PG_GETARG_TEXT_PP(0), &bytes);
	const char *stem;
	Datum		result;

	words_language(texts_argument(fcinfo, 1), code);
	usercluster_check(words_stemmer(code, &stemmer, &err), &err);
	stem = uc_stem(stemmer, word, bytes, room, &bytes);
	result = texts_datum(stem, bytes);
	if (result == (Datum) 0)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	PG_RETURN_DATUM(result);
}

/* STRICT. */
USERCLUSTER_FUNCTION(usercluster_language_code)
{
	char		code[UC_LANGUAGE_ROOM];

	words_language(texts_argument(fcinfo, 0), code);
	PG_RETURN_TEXT_P(cstring_to_text(code));
}

/* STRICT. */
USERCLUSTER_FUNCTION(usercluster_detect_language)
{
	char		code[UC_LANGUAGE_ROOM];
	size_t		bytes;
	const char *input = texts_utf8(PG_GETARG_TEXT_PP(0), &bytes);

	uc_detect_language(words_detector(), input, bytes, code);
	if (code[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(code));
}

USERCLUSTER_FUNCTION(usercluster_shipped_stop_words)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	UcStopWord	word = {0};

	InitMaterializedSRF(fcinfo, 0);
	while (uc_stop_word_next(&word))
	{
		Datum		values[2] = {CStringGetTextDatum(word.language), texts_datum(word.word, word.bytes)};
		bool		nulls[2] = {false};

		if (values[1] != (Datum) 0)
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
