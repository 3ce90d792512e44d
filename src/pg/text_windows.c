/*
 * text_windows.c
 *	  text_windows(): what embed(..., truncation => 'window') takes the mean of.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "embed/windows.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/texts.h"

static void
put_windows(ReturnSetInfo *set, UcText input, const UcWindow *windows, size_t count)
{
	CharacterCount starts = {input.text},
				stops = {input.text};

	for (size_t i = 0; i < count; i++)
	{
		const UcWindow *window = &windows[i];
		Datum		content = texts_datum(input.text + window->start, window->stop - window->start);
		bool		nulls[5] = {false, content == (Datum) 0};
		Datum		values[5] = {
			Int32GetDatum((int32) i + 1), content,
			Int32GetDatum(texts_characters_before(&starts, window->start) + 1),
			Int32GetDatum(texts_characters_before(&stops, window->stop) + 1), Int32GetDatum((int32) window->tokens)
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}

/* (input, model, prompt) → window, content, start, stop, tokens */
USERCLUSTER_FUNCTION(usercluster_text_windows)
{
	const char *model = texts_argument(fcinfo, 1);
	const char *prompt = texts_argument(fcinfo, 2);
	const OpenModel *open;
	UcText		input;
	UcWindower *windower = NULL;
	const UcWindow *windows;
	size_t		count;
	UcRun		run;
	UcError		err = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	input.text = texts_utf8(PG_GETARG_TEXT_PP(0), &input.bytes);
	if (prompt != NULL)
		prompt = texts_utf8_string(prompt);
	open = models_get(model);
	if (prompt == NULL)
		prompt = uc_model_prompt(open->model);
	usercluster_run(&run);
	PG_TRY();
	{
		usercluster_check(uc_windower_open(open->tokenizer, open->model->config.max_tokens, prompt, &run, &windower, &err),
						  &err);
		usercluster_check(uc_windower_part(windower, input, &run, &windows, &count, &err), &err);
		put_windows((ReturnSetInfo *) fcinfo->resultinfo, input, windows, count);
	}
	PG_FINALLY();
	{
		uc_windower_close(windower);
	}
	PG_END_TRY();
	return (Datum) 0;
}
