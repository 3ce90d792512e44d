/*
 * words.c
 *	  sentences().
 *
 * ICU's rules are read once for a session: the core's handles are kept in static variables here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "pg/errors.h"
#include "pg/texts.h"
#include "text/sentences.h"

PG_FUNCTION_INFO_V1(usercluster_sentences);

/* The places of a span in characters, counted from 1, `stop` beyond the end: values[0] and [1]. */
static void
put_places(Datum *values, CharacterCount *count, UcTextSpan span)
{
	values[0] = Int32GetDatum(texts_characters_before(count, span.start) + 1);
	values[1] = Int32GetDatum(texts_characters_before(count, span.stop) + 1);
}

Datum
usercluster_sentences(PG_FUNCTION_ARGS)
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
