/*
 * embed.h
 *	  Texts to vectors: prompt, tokens, the model's limit, batches over threads.
 */
#ifndef UC_EMBED_EMBED_H
#define UC_EMBED_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "model/model.h"
#include "token/tokenizer.h"

typedef struct UcText
{
	const char *text;			/* UTF-8, not terminated */
	size_t		bytes;
} UcText;

/* What becomes of a text beyond the model's tokens. */
typedef enum UcLongText
{
	UC_LONG_CUT,				/* its end is left out */
	UC_LONG_REFUSE,				/* an error */
	UC_LONG_WINDOWS				/* embedded in windows (embed/windows.h): the mean, weighted by their tokens */
} UcLongText;

typedef struct UcEmbedOptions
{
	const char *prompt;			/* put before every text, and every window; NULL or "": none */
	UcLongText	long_text;
} UcEmbedOptions;

/* What the model declares unless a caller says otherwise; "" where it declares none. */
extern const char *uc_model_prompt(const UcModel *model);

/*
 * Fills out [count, dimensions], the same vectors whatever the number of threads. A text without any token (blank once it is
 * normalised, where the model adds no special tokens) gets zeros, which no other text gets. Memory beyond the caller's: one encoder
 * and one text's tokens per thread, and a vector per window, checked against run->max_memory first.
 * Errors: UC_INVALID_DATA (a text that is not UTF-8; its number in the detail), UC_LIMIT_EXCEEDED (UC_LONG_REFUSE; both
 * token numbers), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_embed(const UcModel *model, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
						 const UcEmbedOptions *options, const UcRun *run, float *out, UcError *err);

/* True for the zeros of a text without tokens: it has no embedding. */
extern bool uc_embedding_empty(const float *vector, size_t dimensions);

/* Tokens of prompt and text, special ones included, before any cut. */
extern UcStatus uc_count_tokens(const UcTokenizer *tokenizer, UcText text, const char *prompt, const UcRun *run,
								size_t *tokens, UcError *err);

#endif
