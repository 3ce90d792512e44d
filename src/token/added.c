/*
 * added.c
 *	  Added tokens: cut out of the raw text, or out of the normalised text between those, leftmost and longest first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "token/internal.h"

static uint32_t
code_at(const char *text, size_t start, size_t stop, UcChars *spare)
{
	spare->count = 0;
	return uc_chars_decode(spare, text, start, stop, NULL) == UC_OK && spare->count > 0 ? spare->chars[0].code : 0xFFFD;
}

static size_t
previous(const char *text, size_t at)
{
	while (at > 0 && ((unsigned char) text[--at] & 0xC0) == 0x80)
		;
	return at;
}

static size_t
following(const char *text, size_t bytes, size_t at)
{
	at++;
	while (at < bytes && ((unsigned char) text[at] & 0xC0) == 0x80)
		at++;
	return at;
}

static bool
has_flag(const char *text, size_t start, size_t stop, uint16_t flag, UcChars *spare)
{
	return (uc_char(code_at(text, start, stop, spare))->flags & flag) != 0;
}

/* ---- in the normalised text ---- */

static int
longer_first(const void *a, const void *b)
{
	const UcNormalizedToken *x = a,
			   *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->token->rank < y->token->rank ? -1 : x->token->rank > y->token->rank;
}

UcStatus
uc_normalize_added(UcTokenizer *t, UcError *err)
{
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcTokenScratch s = {0};
	UcChars		all = {0};
	size_t		n = 0;
	UcStatus	status = UC_OK;

	for (uint32_t i = 0; i < t->header.added_count; i++)
		n += t->added[i].normalized != 0;
	if (n == 0)
		return UC_OK;
	t->normalized = uc_alloc_zeroed(uc_size_mul(n, sizeof *t->normalized));
	if (t->normalized == NULL)
		return uc_out_of_memory(err, uc_size_mul(n, sizeof *t->normalized));
	for (uint32_t i = 0; i < t->header.added_count && status == UC_OK; i++)
	{
		const UcAddedToken *added = &t->added[i];

		if (!added->normalized)
			continue;
		s.chars.count = 0;
		if ((status = uc_chars_decode(&s.chars, added->content, 0, added->bytes, err)) != UC_OK ||
			(status = uc_normalize_text(t, &s, &run, err)) != UC_OK)
			break;
		if (s.chars.count == 0)
			status = uc_error(err, UC_UNSUPPORTED, "tokenizer has the added token \"%.*s\", of which the normalizer leaves nothing",
							  added->bytes, added->content);
		for (size_t j = 0; j < s.chars.count && status == UC_OK; j++)
			if (!uc_chars_add(&all, s.chars.chars[j].code, 0, 0))
				status = uc_out_of_memory(err, sizeof(UcChar));
		t->normalized[t->normalized_count++] = (UcNormalizedToken) {added, NULL, s.chars.count};
	}
	if (status == UC_OK && (t->normalized_codes = uc_alloc(uc_size_mul(all.count, sizeof *t->normalized_codes))) == NULL)
		status = uc_out_of_memory(err, uc_size_mul(all.count, sizeof *t->normalized_codes));
	if (status == UC_OK)
	{
		size_t		at = 0;

		for (size_t i = 0; i < all.count; i++)
			t->normalized_codes[i] = all.chars[i].code;
		for (size_t i = 0; i < n; i++)
		{
			t->normalized[i].codes = t->normalized_codes + at;
			at += t->normalized[i].count;
		}
		qsort(t->normalized, n, sizeof *t->normalized, longer_first);
	}
	uc_chars_free(&all);
	uc_chars_free(&s.chars);
	uc_chars_free(&s.spare);
	return status;
}

static const UcNormalizedToken *
match_normalized(const UcTokenizer *t, const UcChars *chars, size_t at)
{
	for (size_t i = 0; i < t->normalized_count; i++)
	{
		const UcNormalizedToken *token = &t->normalized[i];
		size_t		n = 0;

		if (token->count > chars->count - at)
			continue;
		while (n < token->count && token->codes[n] == chars->chars[at + n].code)
			n++;
		if (n == token->count)
			return token;
	}
	return NULL;
}

static bool
flag_at(const UcChars *chars, size_t at, uint16_t flag)
{
	return (uc_char(chars->chars[at].code)->flags & flag) != 0;
}

static UcStatus
tokenize_normalized(const UcTokenizer *t, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	const UcChars *chars = &s->chars;
	bool		first[256] = {false};
	size_t		done = 0;
	UcStatus	status;

	for (size_t i = 0; i < t->normalized_count; i++)
		first[t->normalized[i].codes[0] & 0xFF] = true;
	for (size_t at = 0; at < chars->count && t->normalized_count > 0;)
	{
		const UcNormalizedToken *found;
		size_t		start = at,
					stop;

		if (uc_token_poll(run, &s->work))
			return uc_interrupt_error(err);
		if (!first[chars->chars[at].code & 0xFF] || (found = match_normalized(t, chars, at)) == NULL)
		{
			at++;
			continue;
		}
		at = stop = start + found->count;
		if (found->token->single_word && ((start > 0 && flag_at(chars, start - 1, UC_CHAR_WORD)) ||
										  (stop < chars->count && flag_at(chars, stop, UC_CHAR_WORD))))
			continue;
		while (found->token->strip_left && start > done && flag_at(chars, start - 1, UC_CHAR_SPACE))
			start--;
		while (found->token->strip_right && stop < chars->count && flag_at(chars, stop, UC_CHAR_SPACE))
			stop++;
		if (start > done && (status = uc_tokenize_words(t, chars->chars + done, start - done, run, tokens, err)) != UC_OK)
			return status;
		if (!uc_put_token(tokens, found->token->id, chars->chars[start].start, chars->chars[stop - 1].stop))
			return uc_out_of_memory(err, sizeof(UcToken));
		done = stop;
	}
	return done >= chars->count ? UC_OK : uc_tokenize_words(t, chars->chars + done, chars->count - done, run, tokens, err);
}

/* ---- in the raw text ---- */

/* The added token that begins at `at`, or NULL. */
static const UcAddedToken *
match_added(const UcTokenizer *t, const char *text, size_t bytes, size_t at)
{
	for (uint32_t i = 0; i < t->header.added_count; i++)
	{
		const UcAddedToken *added = &t->added[i];

		if (!added->normalized && added->content[0] == text[at] && added->bytes <= bytes - at &&
			memcmp(added->content, text + at, added->bytes) == 0)
			return added;
	}
	return NULL;
}

static UcStatus
tokenize_between(const UcTokenizer *t, const char *text, size_t start, size_t stop, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	UcStatus	status;

	if (start >= stop)
		return UC_OK;
	s->chars.count = 0;
	status = uc_chars_decode(&s->chars, text, start, stop, err);
	if (status == UC_OK)
		status = uc_normalize_text(t, s, run, err);
	return status != UC_OK ? status : tokenize_normalized(t, run, tokens, err);
}

UcStatus
uc_tokenize_parts(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	bool		first[256] = {false};
	size_t		done = 0;

	for (uint32_t i = 0; i < t->header.added_count; i++)
		first[(unsigned char) t->added[i].content[0]] = true;
	for (size_t at = 0; at < bytes;)
	{
		const UcAddedToken *added;
		size_t		start = at,
					stop;
		UcStatus	status;

		if (uc_token_poll(run, &s->work))
			return uc_interrupt_error(err);
		if (!first[(unsigned char) text[at]] || (added = match_added(t, text, bytes, at)) == NULL)
		{
			at++;
			continue;
		}
		/* A match that does not count is passed over whole, as in the reference. */
		at = stop = start + added->bytes;
		if (added->single_word &&
			((start > 0 && has_flag(text, previous(text, start), start, UC_CHAR_WORD, &s->spare)) ||
			 (stop < bytes && has_flag(text, stop, following(text, bytes, stop), UC_CHAR_WORD, &s->spare))))
			continue;
		while (added->strip_left && start > done && has_flag(text, previous(text, start), start, UC_CHAR_SPACE, &s->spare))
			start = previous(text, start);
		while (added->strip_right && stop < bytes && has_flag(text, stop, following(text, bytes, stop), UC_CHAR_SPACE, &s->spare))
			stop = following(text, bytes, stop);
		if ((status = tokenize_between(t, text, done, start, run, tokens, err)) != UC_OK)
			return status;
		if (!uc_put_token(tokens, added->id, (uint32_t) start, (uint32_t) stop))
			return uc_out_of_memory(err, sizeof(UcToken));
		done = stop;
	}
	return tokenize_between(t, text, done, bytes, run, tokens, err);
}
