/*
 * static.c
 *	  The words of a static model: found by ICU, folded, looked up whole.
 *
 * A word that the vocabulary lacks becomes the longest entries that it begins with, one after the other; characters without an
 * entry are left out. Training counts words through this function too, so that both ends agree by construction.
 */
#include <string.h>

#include "base/memory.h"
#include "text/fold.h"
#include "token/internal.h"

static uint32_t
find(const UcTokenizer *t, const char *text, size_t bytes)
{
	uint64_t	hash = UC_HASH_BASIS;

	for (size_t i = 0; i < bytes; i++)
		hash = uc_token_hash(hash, (uint8_t) text[i]);
	return uc_find_piece(t, hash, "", 0, text, bytes);
}

static bool
inside_character(const char *word, size_t bytes, size_t at)
{
	return at < bytes && ((uint8_t) word[at] & 0xC0) == 0x80;
}

static bool
put_pieces(const UcTokenizer *t, const char *word, size_t bytes, UcTextSpan span, UcTokens *tokens)
{
	for (size_t at = 0; at < bytes;)
	{
		uint64_t	hash = UC_HASH_BASIS;
		uint32_t	best = UC_NO_ID;
		size_t		next = at + 1;

		while (inside_character(word, bytes, next))
			next++;
		for (size_t i = at; i < bytes && i - at < t->header.max_piece; i++)
		{
			uint32_t	id;

			hash = uc_token_hash(hash, (uint8_t) word[i]);
			if (inside_character(word, bytes, i + 1))
				continue;
			id = uc_find_piece(t, hash, "", 0, word + at, i + 1 - at);
			if (id != UC_NO_ID)
			{
				best = id;
				next = i + 1;
			}
		}
		/* Folding may change lengths, so that a piece has no place of its own: it covers the word. */
		if (best != UC_NO_ID && !uc_put_token(tokens, best, (uint32_t) span.start, (uint32_t) span.stop))
			return false;
		at = next;
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
