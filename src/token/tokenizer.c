/*
 * tokenizer.c
 *	  Opening the section, the way from text to tokens, and what is asked about ids.
 *
 * text → added tokens cut out → each piece between them normalised → words → WordPiece or Unigram → template.
 * The pieces are added.c's, normal forms normalize.c's, words and what becomes of them words.c's.
 */
#include "token/tokenizer.h"

#include <stdio.h>
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

static bool
good_step(const UcTokenizer *t, UcStep step)
{
	const UcRewrite *r;

	if (step.kind != UC_NORMALIZE_REPLACE && step.kind != UC_NORMALIZE_PREPEND)
		return step.kind >= 1 && step.kind <= UC_NORMALIZE_LAST;
	if (step.argument >= t->header.rewrites.bytes / sizeof *r)
		return false;
	r = &t->rewrites[step.argument];
	if (r->pattern_count > UC_REWRITE_CODES ||
		r->content_count > UC_REWRITE_CODES || r->kind < 1 || r->kind > UC_REWRITE_LAST || r->least < 1 ||
		(r->kind != UC_REWRITE_SPACES && step.kind == UC_NORMALIZE_REPLACE && r->pattern_count < 1))
		return false;
	for (uint32_t i = 0; i < r->content_count; i++)
		if (r->content[i] > 0x10FFFF || (r->content[i] >= 0xD800 && r->content[i] < 0xE000))
			return false;
	return true;
}

/* The entries <0x00> … <0xFF> that stand for bytes. */
static void
find_bytes(UcTokenizer *t)
{
	for (int byte = 0; byte < 256 && t->header.byte_fallback; byte++)
	{
		char		name[8];
		uint64_t	hash = UC_HASH_BASIS;

		snprintf(name, sizeof name, "<0x%02X>", byte);
		for (int i = 0; i < 6; i++)
			hash = uc_token_hash(hash, (uint8_t) name[i]);
		t->byte_ids[byte] = uc_find_piece(t, hash, "", 0, name, 6);
	}
}

UcStatus
uc_tokenizer_open(const void *section, size_t bytes, uint32_t vocabulary, UcTokenizer **out, UcError *err)
{
	UcTokenizer *t = uc_alloc_zeroed(sizeof *t);
	UcTokenizerHeader *h;
	const void *data[8];
	bool		good;
	int			metaspaces = 0;
	UcStatus	status;

	if (t == NULL)
		return uc_out_of_memory(err, sizeof *t);
	h = &t->header;
	if (bytes >= sizeof *h)
		memcpy(h, section, sizeof *h);
	if (bytes >= sizeof *h && memcmp(h->magic, "UCTOKEN1", sizeof h->magic) == 0)
	{
		uc_free(t);
		uc_error(err, UC_UNSUPPORTED, "model file has a tokenizer of an earlier format");
		uc_error_hint(err, "Import the model again with usercluster-model.");
		return UC_UNSUPPORTED;
	}
	good = bytes >= sizeof *h && memcmp(h->magic, UC_TOKENIZER_MAGIC, sizeof h->magic) == 0 &&
		(h->kind == UC_TOKENIZER_WORDPIECE || h->kind == UC_TOKENIZER_UNIGRAM || h->kind == UC_TOKENIZER_STATIC) &&
		h->ids >= 1 && h->ids <= vocabulary &&
		h->unknown < h->ids && h->max_word <= 10000 && h->max_piece <= 10000 &&
		h->stage_count <= UC_TOKENIZER_STAGES && h->step_count <= UC_TOKENIZER_STEPS &&
		h->prefix_count <= UC_TEMPLATE_TOKENS && h->suffix_count <= UC_TEMPLATE_TOKENS && h->added_count <= 100000 &&
		h->slots >= 16 && (h->slots & (h->slots - 1)) == 0 && h->continuation[sizeof h->continuation - 1] == '\0' &&
		find_span(section, bytes, h->piece_starts, ((size_t) h->ids + 1) * sizeof(uint32_t), &data[0]) &&
		find_span(section, bytes, h->pieces, h->pieces.bytes, &data[1]) &&
		find_span(section, bytes, h->scores, h->kind == UC_TOKENIZER_UNIGRAM ? h->ids * sizeof(double) : 0, &data[2]) &&
		find_span(section, bytes, h->hash, (size_t) h->slots * sizeof(UcTokenSlot), &data[3]) &&
		find_span(section, bytes, h->added, h->added_count * sizeof(UcAddedToken), &data[4]) &&
		find_span(section, bytes, h->charsmap_units, h->charsmap_units.bytes / 4 * 4, &data[5]) &&
		find_span(section, bytes, h->charsmap_text, h->charsmap_text.bytes, &data[6]) &&
		find_span(section, bytes, h->rewrites, h->rewrites.bytes / sizeof(UcRewrite) * sizeof(UcRewrite), &data[7]);
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
		t->rewrites = data[7];
		good = t->replacement_bytes == 0 || t->replacements[t->replacement_bytes - 1] == '\0';
	}
	for (uint32_t i = 0; good && i < h->step_count; i++)
		good = good_step(t, h->steps[i]);
	for (uint32_t i = 0; good && i < h->stage_count; i++)
	{
		good = h->stages[i] >= 1 && h->stages[i] <= UC_PRETOKENIZE_LAST;
		metaspaces += h->stages[i] == UC_PRETOKENIZE_METASPACE;
	}
	good = good && metaspaces <= 1;
	for (uint32_t i = 0; good && i < h->added_count; i++)
		good = t->added[i].id < h->ids && t->added[i].bytes > 0 && t->added[i].bytes < sizeof t->added[i].content;
	for (uint32_t i = 0; good && i < UC_TEMPLATE_TOKENS; i++)
		good = h->prefix[i] < h->ids && h->suffix[i] < h->ids;
	if (!good)
	{
		uc_free(t);
		return corrupt(err);
	}
	find_bytes(t);
	if ((status = uc_normalize_added(t, err)) != UC_OK)
	{
		uc_tokenizer_close(t);
		return status == UC_INVALID_DATA ? corrupt(err) : status;
	}
	*out = t;
	return UC_OK;
}

void
uc_tokenizer_close(UcTokenizer *tokenizer)
{
	if (tokenizer == NULL)
		return;
	uc_free(tokenizer->normalized);
	uc_free(tokenizer->normalized_codes);
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

uint32_t
uc_token_id(const UcTokenizer *t, const char *text, size_t bytes)
{
	uint64_t	hash = UC_HASH_BASIS;

	for (uint32_t i = 0; i < t->header.added_count; i++)
		if (t->added[i].bytes == bytes && memcmp(t->added[i].content, text, bytes) == 0)
			return t->added[i].id;
	for (size_t i = 0; i < bytes; i++)
		hash = uc_token_hash(hash, (uint8_t) text[i]);
	return uc_find_piece(t, hash, "", 0, text, bytes);
}

bool
uc_token_special(const UcTokenizer *t, uint32_t id)
{
	bool		special = id == t->header.unknown;

	for (uint32_t i = 0; i < t->header.prefix_count; i++)
		special = special || t->header.prefix[i] == id;
	for (uint32_t i = 0; i < t->header.suffix_count; i++)
		special = special || t->header.suffix[i] == id;
	for (uint32_t i = 0; i < t->header.added_count && !special; i++)
		special = t->added[i].id == id;
	return special;
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
	status = (t->header.kind == UC_TOKENIZER_STATIC ? uc_tokenize_static : uc_tokenize_parts) (t, text, bytes, run, tokens, err);
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
		uc_words_close(tokens->scratch->words);
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
