/*
 * embed.c
 *	  embed(), tokenize() and token_count().
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/memory.h"
#include "embed/embed.h"
#include "pg/definition.h"
#include "pg/embed.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/texts.h"
#include "text/blank.h"

static UcText
utf8_text(const text *value)
{
	UcText		converted;

	converted.text = texts_utf8(value, &converted.bytes);
	return converted;
}

/* A column must not hold vectors of two models, which would compare without an error and mean nothing. */
static void
check_fingerprint(const OpenModel *open, const char *expected)
{
	if (expected == NULL || strcmp(open->model->fingerprint, expected) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" is not the one that the column was filled with", open->name),
			 errdetail("The file's fingerprint is %s, the column's is %s.", open->model->fingerprint, expected),
			 errhint("Put the former file back, or CALL usercluster.re_embed(table, model).")));
}

void
embed_check_model(const EmbedRequest *request)
{
	check_fingerprint(models_get(request->model), request->fingerprint);
}

void
embed_texts(const EmbedRequest *request, text *const *texts, int count, Embedding **out)
{
	UcText	   *wanted = palloc_extended(sizeof(UcText) * Max(count, 1), MCXT_ALLOC_HUGE);
	int		   *places = palloc_extended(sizeof(int) * Max(count, 1), MCXT_ALLOC_HUGE);
	int			n = 0;
	const OpenModel *open;
	UcEmbedOptions options = {.long_text = request->long_text};
	UcRun		run;
	UcError		err = {0};
	size_t		dim,
				bytes;
	float	   *vectors;

	for (int i = 0; i < count; i++)
	{
		out[i] = NULL;
		if (texts[i] == NULL)
			continue;
		wanted[n] = utf8_text(texts[i]);
		places[n] = i;
		if (!uc_text_blank(wanted[n].text, wanted[n].bytes))
			n++;
	}
	/* Rows without text are restored, and stay NULL, where the model is not. */
	if (n == 0)
		return;
	options.prompt = request->prompt == NULL ? NULL : texts_utf8_string(request->prompt);
	open = models_get(request->model);
	check_fingerprint(open, request->fingerprint);
	if (options.prompt == NULL)
		options.prompt = uc_model_prompt(open->model);

	usercluster_run(&run);
	if (request->shown)
		progress_watch(&run);
	dim = open->model->config.dimensions;
	bytes = uc_size_mul(uc_size_mul(n, dim), sizeof(float));
	usercluster_check(uc_check_budget("the embeddings of one call", uc_size_mul(bytes, 2), run.max_memory, &err), &err);
	vectors = MemoryContextAllocHuge(CurrentMemoryContext, Max(bytes, 1));
	usercluster_check(uc_embed(open->model, open->tokenizer, wanted, n, &options, &run, vectors, &err), &err);

	for (int i = 0; i < n; i++)
	{
		Embedding  *embedding;

		/* Blank to this model: NULL, as for a text that is blank as it stands. */
		if (uc_embedding_empty(vectors + i * dim, dim))
			continue;
		embedding = embedding_new((int) dim);
		memcpy(embedding->x, vectors + i * dim, dim * sizeof(float));
		out[places[i]] = embedding;
	}
	pfree(vectors);
	pfree(wanted);
	pfree(places);
}

UcLongText
embed_long_text(const char *truncation)
{
	if (strcmp(truncation, "truncate") == 0)
		return UC_LONG_CUT;
	if (strcmp(truncation, "error") == 0)
		return UC_LONG_REFUSE;
	if (strcmp(truncation, "window") == 0)
		return UC_LONG_WINDOWS;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized truncation \"%s\"", truncation),
			 errhint("Use 'truncate', 'error' or 'window'.")));
}

/* Arguments (text or text[], model, prompt, truncation), the last three shared by both forms of embed. */
static EmbedRequest
request_arguments(FunctionCallInfo fcinfo)
{
	EmbedRequest request = {.model = texts_argument(fcinfo, 1),.prompt = texts_argument(fcinfo, 2)};

	usercluster_refuse_null(fcinfo, 3, "truncation");
	request.long_text = embed_long_text(texts_argument(fcinfo, 3));
	return request;
}

USERCLUSTER_FUNCTION(usercluster_embed)
{
	EmbedRequest request;
	text	   *value;
	Embedding  *embedding;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	request = request_arguments(fcinfo);
	value = PG_GETARG_TEXT_PP(0);
	embed_texts(&request, &value, 1, &embedding);
	if (embedding == NULL)
		PG_RETURN_NULL();
	PG_RETURN_EMBEDDING(embedding);
}

/* The result has the shape of the argument, with NULL where a text is NULL or blank. */
USERCLUSTER_FUNCTION(usercluster_embed_array)
{
	EmbedRequest request;
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	int			count;
	text	  **texts;
	Embedding **embeddings;
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	request = request_arguments(fcinfo);
	array = PG_GETARG_ARRAYTYPE_P(0);
	if (!OidIsValid(type))
		type = embedding_type_oid();
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	if (count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));

	progress_begin("embed");
	request.shown = true;
	texts = palloc(sizeof *texts * count);
	embeddings = palloc(sizeof *embeddings * count);
	for (int i = 0; i < count; i++)
		texts[i] = nulls[i] ? NULL : DatumGetTextPP(values[i]);
	embed_texts(&request, texts, count, embeddings);
	progress_end();
	for (int i = 0; i < count; i++)
	{
		nulls[i] = embeddings[i] == NULL;
		values[i] = PointerGetDatum(embeddings[i]);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array), ARR_LBOUND(array),
											 type, -1, false, TYPALIGN_INT));
}

static void
put_tokens(ReturnSetInfo *rsinfo, const UcTokenizer *tokenizer, const UcTokens *tokens, UcText text)
{
	CharacterCount starts = {text.text},
				stops = {text.text};

	for (size_t i = 0; i < tokens->count; i++)
	{
		const UcToken *token = &tokens->tokens[i];
		bool		added = i < tokens->prefix || i >= tokens->count - tokens->suffix;
		size_t		bytes = 0;
		const char *piece = uc_token_piece(tokenizer, token->id, &bytes);
		Datum		values[5];
		Datum		entry = piece == NULL ? (Datum) 0 : texts_datum(piece, bytes);
		bool		nulls[5] = {false, false, entry == (Datum) 0, added, added};

		CHECK_FOR_INTERRUPTS();
		values[0] = Int32GetDatum((int32) i + 1);
		values[1] = Int32GetDatum((int32) token->id);
		values[2] = entry;
		values[3] = Int32GetDatum(texts_characters_before(&starts, token->start) + 1);
		values[4] = Int32GetDatum(texts_characters_before(&stops, token->stop) + 1);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

USERCLUSTER_FUNCTION(usercluster_tokenize)
{
	char	   *model = texts_argument(fcinfo, 1);
	const OpenModel *open;
	UcText		input;
	UcTokens	tokens = {0};
	UcRun		run;
	UcError		err = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	input = utf8_text(PG_GETARG_TEXT_PP(0));
	open = models_get(model);
	usercluster_run(&run);
	PG_TRY();
	{
		usercluster_check(uc_tokenize(open->tokenizer, input.text, input.bytes, &run, &tokens, &err), &err);
		put_tokens((ReturnSetInfo *) fcinfo->resultinfo, open->tokenizer, &tokens, input);
	}
	PG_FINALLY();
	{
		uc_tokens_free(&tokens);
	}
	PG_END_TRY();
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_token_count)
{
	char	   *model = texts_argument(fcinfo, 1);
	char	   *prompt = texts_argument(fcinfo, 2);
	const OpenModel *open;
	UcText		input;
	UcRun		run;
	UcError		err = {0};
	size_t		count;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	input = utf8_text(PG_GETARG_TEXT_PP(0));
	if (prompt != NULL)
		prompt = texts_utf8_string(prompt);
	open = models_get(model);
	usercluster_run(&run);
	usercluster_check(uc_count_tokens(open->tokenizer, input, prompt != NULL ? prompt : uc_model_prompt(open->model), &run,
									  &count, &err), &err);
	PG_RETURN_INT32((int32) count);
}
