/*
 * tokenizer.c
 *	  Opening the section, the way from text to tokens, and what is asked about ids.
 *
 * text → added tokens cut out → each piece between them normalised → words → WordPiece or Unigram → template.
 */
#include "token/tokenizer.h"

#include <string.h>

#include "base/memory.h"
#include "token/internal.h"

static UcStatus
corrupt(UcError *err)
{
	return uc_error(err, UC_CORRUPT, "model file is damaged: its tokenizer contradicts itself");
}

static bool
find_span(const char *section, size_t bytes, UcSpan span, size_t wanted, const void **data)
{
	if (span.offset % 8 != 0 || span.offset > bytes || span.bytes > bytes - span.offset || span.bytes != wanted)
		return false;
	*data = section + span.offset;
	return true;
}

UcStatus
uc_tokenizer_open(const void *section, size_t bytes, uint32_t vocabulary, UcTokenizer **out, UcError *err)
{
	UcTokenizer *t = uc_alloc_zeroed(sizeof *t);
	UcTokenizerHeader *h;
	const void *data[7];
	bool		good;

	if (t == NULL)
		return uc_out_of_memory(err, sizeof *t);
	h = &t->header;
	if (bytes >= sizeof *h)
		memcpy(h, section, sizeof *h);
	good = bytes >= sizeof *h && memcmp(h->magic, UC_TOKENIZER_MAGIC, sizeof h->magic) == 0 &&
		(h->kind == UC_TOKENIZER_WORDPIECE || h->kind == UC_TOKENIZER_UNIGRAM) && h->ids >= 1 && h->ids <= vocabulary &&
		h->unknown < h->ids && h->max_word <= 10000 && h->max_piece <= 10000 &&
		h->pre_tokenizer >= 1 && h->pre_tokenizer <= UC_PRETOKENIZE_LAST && h->step_count <= UC_TOKENIZER_STEPS &&
		h->prefix_count <= UC_TEMPLATE_TOKENS && h->suffix_count <= UC_TEMPLATE_TOKENS && h->added_count <= 100000 &&
		h->slots >= 16 && (h->slots & (h->slots - 1)) == 0 && h->continuation[sizeof h->continuation - 1] == '\0' &&
		find_span(section, bytes, h->piece_starts, ((size_t) h->ids + 1) * sizeof(uint32_t), &data[0]) &&
		find_span(section, bytes, h->pieces, h->pieces.bytes, &data[1]) &&
		find_span(section, bytes, h->scores, h->kind == UC_TOKENIZER_UNIGRAM ? h->ids * sizeof(double) : 0, &data[2]) &&
		find_span(section, bytes, h->hash, (size_t) h->slots * sizeof(UcTokenSlot), &data[3]) &&
		find_span(section, bytes, h->added, h->added_count * sizeof(UcAddedToken), &data[4]) &&
		find_span(section, bytes, h->charsmap_units, h->charsmap_units.bytes / 4 * 4, &data[5]) &&
		find_span(section, bytes, h->charsmap_text, h->charsmap_text.bytes, &data[6]);
	if (good)
	{
		t->piece_starts = data[0];
		t->pieces = data[1];
		t->scores = data[2];
		t->slots = data[3];
		t->added = data[4];
		t->units = data[5];
		t->unit_count = h->charsmap_units.bytes / 4;
		t->replacements = data[6];
		t->replacement_bytes = h->charsmap_text.bytes;
		good = t->replacement_bytes == 0 || t->replacements[t->replacement_bytes - 1] == '\0';
	}
	for (uint32_t i = 0; good && i < h->step_count; i++)
		good = h->steps[i] >= 1 && h->steps[i] <= UC_NORMALIZE_LAST;
	for (uint32_t i = 0; good && i < h->added_count; i++)
		good = t->added[i].id < h->ids && t->added[i].bytes > 0 && t->added[i].bytes < sizeof t->added[i].content;
	for (uint32_t i = 0; good && i < UC_TEMPLATE_TOKENS; i++)
		good = h->prefix[i] < h->ids && h->suffix[i] < h->ids;
	if (!good)
	{
		uc_free(t);
		return corrupt(err);
	}
	*out = t;
	return UC_OK;
}

void
uc_tokenizer_close(UcTokenizer *tokenizer)
{
	uc_free(tokenizer);
}

size_t
uc_tokenizer_template_tokens(const UcTokenizer *tokenizer)
{
	return tokenizer->header.prefix_count + tokenizer->header.suffix_count;
}

const char *
uc_token_piece(const UcTokenizer *t, uint32_t id, size_t *bytes)
{
	uint32_t	start,
				stop;

	*bytes = 0;
	if (id >= t->header.ids)
		return NULL;
	start = t->piece_starts[id];
	stop = t->piece_starts[id + 1];
	if (stop <= start || stop > t->header.pieces.bytes)
		return NULL;
	*bytes = stop - start;
	return t->pieces + start;
}

uint32_t
uc_find_piece(const UcTokenizer *t, uint64_t hash, const char *prefix, size_t prefix_bytes, const char *text, size_t text_bytes)
{
	uint32_t	mask = t->header.slots - 1,
				slot = uc_token_slot(hash, t->header.slots);

	/* A damaged table may have no free slot: never more steps than slots. */
	for (uint32_t step = 0; step < t->header.slots && t->slots[slot].id != UC_NO_ID; step++, slot = (slot + 1) & mask)
	{
		size_t		bytes;
		const char *piece;

		if (t->slots[slot].tag != (uint32_t) (hash >> 32))
			continue;
		piece = uc_token_piece(t, t->slots[slot].id, &bytes);
		if (piece != NULL && bytes == prefix_bytes + text_bytes && memcmp(piece, prefix, prefix_bytes) == 0 &&
			memcmp(piece + prefix_bytes, text, text_bytes) == 0)
			return t->slots[slot].id;
	}
	return UC_NO_ID;
}

bool
uc_put_token(UcTokens *tokens, uint32_t id, uint32_t start, uint32_t stop)
{
	UcTokenScratch *s = tokens->scratch;

	if (tokens->count == s->token_room)
	{
		size_t		room = s->token_room + s->token_room / 2 + 64;
		UcToken    *grown = uc_alloc(uc_size_mul(room, sizeof *grown));

		if (grown == NULL)
			return false;
		if (tokens->count > 0)
			memcpy(grown, tokens->tokens, tokens->count * sizeof *grown);
		uc_free(tokens->tokens);
		tokens->tokens = grown;
		s->token_room = room;
	}
	tokens->tokens[tokens->count++] = (UcToken) {id, start, stop};
	return true;
}

bool
uc_token_poll(const UcRun *run, size_t *work)
{
	const size_t characters = 1 << 16;	/* a few milliseconds */

	if (++*work % characters != 0)
		return false;
	return uc_interrupted(run);
}

/* ---- added tokens: cut out of the raw text, leftmost and longest first ---- */

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

/* The added token that begins at `at`, or NULL. */
static const UcAddedToken *
match_added(const UcTokenizer *t, const char *text, size_t bytes, size_t at, UcChars *spare)
{
	for (uint32_t i = 0; i < t->header.added_count; i++)
	{
		const UcAddedToken *added = &t->added[i];
		size_t		end = at + added->bytes;

		if (added->content[0] != text[at] || added->bytes > bytes - at || memcmp(added->content, text + at, added->bytes) != 0)
			continue;
		if (added->single_word &&
			((at > 0 && has_flag(text, previous(text, at), at, UC_CHAR_WORD, spare)) ||
			 (end < bytes && has_flag(text, end, following(text, bytes, end), UC_CHAR_WORD, spare))))
			return NULL;
		return added;
	}
	return NULL;
}

static UcStatus
tokenize_between(const UcTokenizer *t, const char *text, size_t start, size_t stop, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	UcStatus	status;

	if (start == stop)
		return UC_OK;
	s->chars.count = 0;
	status = uc_chars_decode(&s->chars, text, start, stop, err);
	if (status == UC_OK)
		status = uc_normalize_text(t, s, run, err);
	return status != UC_OK ? status : uc_tokenize_words(t, start == 0, run, tokens, err);
}

static UcStatus
tokenize_all(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	bool		first_bytes[256] = {false};
	size_t		done = 0;

	for (uint32_t i = 0; i < t->header.added_count; i++)
		first_bytes[(unsigned char) t->added[i].content[0]] = true;
	for (size_t at = 0; at < bytes;)
	{
		const UcAddedToken *added;
		size_t		start = at,
					stop;
		UcStatus	status;

		if (uc_token_poll(run, &s->work))
			return uc_interrupt_error(err);
		if (!first_bytes[(unsigned char) text[at]] || (added = match_added(t, text, bytes, at, &s->spare)) == NULL)
		{
			at++;
			continue;
		}
		stop = at + added->bytes;
		while (added->strip_left && start > done && has_flag(text, previous(text, start), start, UC_CHAR_SPACE, &s->spare))
			start = previous(text, start);
		while (added->strip_right && stop < bytes && has_flag(text, stop, following(text, bytes, stop), UC_CHAR_SPACE, &s->spare))
			stop = following(text, bytes, stop);
		if ((status = tokenize_between(t, text, done, start, run, tokens, err)) != UC_OK)
			return status;
		if (!uc_put_token(tokens, added->id, (uint32_t) start, (uint32_t) stop))
			return uc_out_of_memory(err, sizeof(UcToken));
		at = done = stop;
	}
	return tokenize_between(t, text, done, bytes, run, tokens, err);
}

UcStatus
uc_tokenize(const UcTokenizer *t, const char *text, size_t bytes, const UcRun *run, UcTokens *tokens, UcError *err)
{
	bool		room = true;
	UcStatus	status;

	if (bytes > UC_TOKENIZER_MAX_BYTES)
	{
		uc_error(err, UC_LIMIT_EXCEEDED, "text is too long to be tokenized");
		uc_error_detail(err, "It has %zu bytes, and %zu are allowed.", bytes, UC_TOKENIZER_MAX_BYTES);
		return UC_LIMIT_EXCEEDED;
	}
	if (tokens->scratch == NULL && (tokens->scratch = uc_alloc_zeroed(sizeof *tokens->scratch)) == NULL)
		return uc_out_of_memory(err, sizeof *tokens->scratch);
	tokens->count = 0;
	tokens->prefix = t->header.prefix_count;
	tokens->suffix = t->header.suffix_count;
	for (uint32_t i = 0; i < t->header.prefix_count && room; i++)
		room = uc_put_token(tokens, t->header.prefix[i], 0, 0);
	status = tokenize_all(t, text, bytes, run, tokens, err);
	for (uint32_t i = 0; i < t->header.suffix_count && room; i++)
		room = uc_put_token(tokens, t->header.suffix[i], (uint32_t) bytes, (uint32_t) bytes);
	if (status == UC_OK && !room)
		status = uc_out_of_memory(err, sizeof(UcToken));
	return status;
}

void
uc_tokens_free(UcTokens *tokens)
{
	if (tokens->scratch != NULL)
	{
		uc_chars_free(&tokens->scratch->chars);
		uc_chars_free(&tokens->scratch->spare);
		uc_free(tokens->scratch->bytes);
		uc_free(tokens->scratch->places);
		uc_free(tokens->scratch->best);
	}
	uc_free(tokens->scratch);
	uc_free(tokens->tokens);
	*tokens = (UcTokens) {0};
}

void
uc_tokens_truncate(UcTokens *tokens, size_t limit)
{
	if (tokens->count <= limit || limit < tokens->prefix + tokens->suffix)
		return;
	memmove(tokens->tokens + limit - tokens->suffix, tokens->tokens + tokens->count - tokens->suffix,
			tokens->suffix * sizeof *tokens->tokens);
	tokens->count = limit;
}
