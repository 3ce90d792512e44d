/*
 * static.c
 *	  The words of a static model: folded, looked up whole.
 *
 * A word that the vocabulary lacks becomes those of its pieces that the vocabulary has. Training counts words through this
 * function too, so that both ends agree by construction.
 */
#include <string.h>

#include "base/memory.h"
#include "text/fold.h"
#include "text/pieces.h"
#include "token/internal.h"

static uint32_t
find(const UcTokenizer *t, const char *text, size_t bytes)
{
	uint64_t	hash = UC_HASH_BASIS;

	for (size_t i = 0; i < bytes; i++)
		hash = uc_token_hash(hash, (uint8_t) text[i]);
	return uc_find_piece(t, hash, "", 0, text, bytes);
}

/* Folding may change lengths, and pieces overlap: each covers the word. */
static bool
put_pieces(const UcTokenizer *t, const char *word, size_t bytes, UcTextSpan span, UcTokens *tokens)
{
	UcPieces	pieces;
	char		piece[UC_PIECE_ROOM];
	size_t		length;

	uc_pieces_start(&pieces, word, bytes);
	while (uc_pieces_next(&pieces, piece, &length))
	{
		uint32_t	id = find(t, piece, length);

		if (id != UC_NO_ID && !uc_put_token(tokens, id, (uint32_t) span.start, (uint32_t) span.stop))
			return false;
	}
	return true;
}

static bool
is_ascii(const char *text, size_t bytes)
{
	uint8_t		all = 0;

	for (size_t i = 0; i < bytes; i++)
		all |= (uint8_t) text[i];
	return all < 0x80;
}

UcStatus
uc_tokenize_static(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	UcStatus	status = s->words == NULL ? uc_words_open(&s->words, err) : UC_OK;
	UcWord		word;

	if (status != UC_OK)
		return status;
	s->chars.count = 0;
	if (!is_ascii(text, bytes) && (status = uc_chars_decode(&s->chars, text, 0, bytes, err)) != UC_OK)
		return status;
	uc_words_start(s->words, text, bytes);
	while ((status = uc_words_next(s->words, run, &word, err)) == UC_OK && word.span.stop > word.span.start)
	{
		char		folded[UC_FOLD_ROOM];
		size_t		length = word.span.stop - word.span.start;
		const char *form = text + word.span.start;
		uint32_t	id;

		if (uc_fold_word(form, length, folded, &length))
			form = folded;
		id = find(t, form, length);
		if (id != UC_NO_ID ? !uc_put_token(tokens, id, (uint32_t) word.span.start, (uint32_t) word.span.stop)
			: !put_pieces(t, form, length, word.span, tokens))
			return uc_out_of_memory(err, sizeof(UcToken));
	}
	return status;
}
