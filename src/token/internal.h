/*
 * internal.h
 *	  What the files of token/ share.
 */
#ifndef UC_TOKEN_INTERNAL_H
#define UC_TOKEN_INTERNAL_H

#include <stdbool.h>

#include "model/tokenizer_format.h"
#include "text/unicode.h"
#include "text/words.h"
#include "token/tokenizer.h"

/* An added token that is looked for in the normalised text. */
typedef struct UcNormalizedToken
{
	const UcAddedToken *token;
	const uint32_t *codes;		/* [count] its content, normalised */
	size_t		count;
} UcNormalizedToken;

struct UcTokenizer
{
	UcTokenizerHeader header;
	const uint32_t *piece_starts;	/* [ids + 1] */
	const char *pieces;
	const double *scores;		/* [ids], Unigram */
	const UcTokenSlot *slots;	/* [header.slots] */
	const UcAddedToken *added;	/* [header.added_count] */
	UcNormalizedToken *normalized;	/* [normalized_count], longest first */
	size_t		normalized_count;
	uint32_t   *normalized_codes;	/* what they point into */
	uint32_t	byte_ids[256];	/* with byte_fallback: UC_NO_ID where the vocabulary has no entry */
	const UcRewrite *rewrites;
	const uint32_t *units;		/* [unit_count] the character map's double array */
	size_t		unit_count;
	const char *replacements;
	size_t		replacement_bytes;
};

/* The best way to split a word that ends at some byte. */
typedef struct UcBest
{
	double		score;
	uint32_t	id;
	uint32_t	from;			/* byte where its last piece begins; UINT32_MAX: not reached */
} UcBest;

typedef struct UcTokenScratch
{
	UcChars		chars;			/* of the piece at hand */
	UcChars		spare;
	char	   *bytes;			/* [room + 1] of one word in UTF-8 */
	uint32_t   *places;			/* [room + 1] character of the word that each byte begins or belongs to */
	UcBest	   *best;			/* [room + 1] */
	size_t		room;
	size_t		token_room;
	UcWords    *words;			/* of a static model, from its first text on */
	size_t		work;			/* characters since the beginning, for polling */
} UcTokenScratch;

/* The vocabulary entry with these bytes (prefix then text, hashed together), or UC_NO_ID. */
extern uint32_t uc_find_piece(const UcTokenizer *t, uint64_t hash, const char *prefix, size_t prefix_bytes, const char *text,
							  size_t text_bytes);
extern bool uc_put_token(UcTokens *tokens, uint32_t id, uint32_t start, uint32_t stop);	/* false: no memory */
extern bool uc_token_poll(const UcRun *run, size_t *work);	/* true: stop */

/* scratch->chars is normalised in place. */
extern UcStatus uc_normalize_text(const UcTokenizer *t, UcTokenScratch *s, const UcRun *run, UcError *err);

/* A piece of scratch->chars is split into words and these into tokens. */
extern UcStatus uc_tokenize_words(const UcTokenizer *t, const UcChar *chars, size_t count, const UcRun *run, UcTokens *tokens,
								  UcError *err);

/* added.c: the whole text, its added tokens cut out. */
extern UcStatus uc_tokenize_parts(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens,
								  UcError *err);

/* static.c: the same by whole words. */
extern UcStatus uc_tokenize_static(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens,
								   UcError *err);

/* added.c: fills t->normalized; everything else of `t` is ready. */
extern UcStatus uc_normalize_added(UcTokenizer *t, UcError *err);

#endif
