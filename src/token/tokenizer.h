/*
 * tokenizer.h
 *	  Text to token ids, exactly as the model's tokenizer.json says.
 *
 * A tokenizer reads its tables in place from the section of a mapped model file: opening one checks the section and
 * allocates a few hundred bytes. It is immutable and may serve several threads.
 */
#ifndef UC_TOKEN_TOKENIZER_H
#define UC_TOKEN_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef struct UcTokenizer UcTokenizer;

typedef struct UcToken
{
	uint32_t	id;
	uint32_t	start;			/* bytes of the caller's text that became this token: [start, stop) */
	uint32_t	stop;			/* equal to start for special tokens the template adds */
} UcToken;

/* Tokens of one text and the scratch to make them; reused from call to call, so that a batch allocates rarely. */
typedef struct UcTokens
{
	UcToken    *tokens;			/* [count], special tokens included */
	size_t		count;
	size_t		prefix;			/* how many of them the template put in front … */
	size_t		suffix;			/* … and behind */
	struct UcTokenScratch *scratch;
} UcTokens;

/*
 * Opens the tokenizer section, which must stay mapped while the tokenizer lives. Every id it can give is below
 * `vocabulary`, or it is refused with UC_CORRUPT.
 */
extern UcStatus uc_tokenizer_open(const void *section, size_t bytes, uint32_t vocabulary, UcTokenizer **tokenizer, UcError *err);
extern void uc_tokenizer_close(UcTokenizer *tokenizer);

/*
 * Tokenizes UTF-8 text of at most UC_TOKENIZER_MAX_BYTES: whole, nothing cut. Time and memory are linear in the text.
 * `tokens` starts zeroed ({0}) and is ended by uc_tokens_free. Errors: UC_INVALID_DATA (not UTF-8, with the byte's
 * position), UC_LIMIT_EXCEEDED, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
#define UC_TOKENIZER_MAX_BYTES ((size_t) 1 << 26)
extern UcStatus uc_tokenize(const UcTokenizer *tokenizer, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens,
							UcError *err);
extern void uc_tokens_free(UcTokens *tokens);

/* Cuts to `limit` tokens as the reference does: the text's last tokens go, the template's stay. */
extern void uc_tokens_truncate(UcTokens *tokens, size_t limit);

/* The vocabulary entry of an id; *bytes is its length (it is not NUL-terminated). NULL for an id without entry. */
extern const char *uc_token_piece(const UcTokenizer *tokenizer, uint32_t id, size_t *bytes);

/* The id of the added token or vocabulary entry of exactly these bytes, or UINT32_MAX. */
extern uint32_t uc_token_id(const UcTokenizer *tokenizer, const char *text, size_t bytes);

/* True for ids that are no part of a text: of the template, the added tokens, and what is unknown. */
extern bool uc_token_special(const UcTokenizer *tokenizer, uint32_t id);

/* Special tokens the template adds to every text. */
extern size_t uc_tokenizer_template_tokens(const UcTokenizer *tokenizer);

#endif
