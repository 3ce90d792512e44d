/*
 * distil_words.c
 *	  A hash of words that grows, and bags.
 */
#include "embed/distil_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer_format.h"
#include "text/fold.h"
#include "text/pieces.h"

UcStatus
uc_distil_words_open(UcDistilWords *words, UcError *err)
{
	return uc_words_open(&words->breaker, err);
}

void
uc_distil_words_close(UcDistilWords *words)
{
	for (size_t i = 0; i < words->count; i++)
		uc_free((char *) words->words[i].text);
	uc_free(words->words);
	uc_free(words->slots);
	uc_words_close(words->breaker);
	*words = (UcDistilWords) {0};
}

UcStatus
uc_distil_words_any(UcDistilWords *words, UcText text, const UcRun *run, bool *any, UcError *err)
{
	UcWord		word = {0};
	UcStatus	status;

	uc_words_start(words->breaker, text.text, text.bytes);
	status = uc_words_next(words->breaker, run, &word, err);
	*any = status == UC_OK && word.span.stop > word.span.start;
	return status;
}

/* The slot with this word, or the free one where it belongs. */
static size_t
find_slot(const UcDistilWords *w, const char *text, size_t bytes)
{
	uint64_t	hash = UC_HASH_BASIS;
	size_t		slot;

	for (size_t i = 0; i < bytes; i++)
		hash = uc_token_hash(hash, (uint8_t) text[i]);
	slot = uc_token_slot(hash, (uint32_t) w->slot_count);
	while (w->slots[slot] != UINT32_MAX &&
		   (w->words[w->slots[slot]].bytes != bytes || memcmp(w->words[w->slots[slot]].text, text, bytes) != 0))
		slot = (slot + 1) & (w->slot_count - 1);
	return slot;
}

static void
fill_slots(UcDistilWords *w)
{
	memset(w->slots, 0xFF, w->slot_count * sizeof *w->slots);
	for (size_t i = 0; i < w->count; i++)
		w->slots[find_slot(w, w->words[i].text, w->words[i].bytes)] = (uint32_t) i;
}

static UcStatus
grow(UcDistilWords *w, const UcRun *run, UcError *err)
{
	size_t		room = w->room == 0 ? 4096 : 2 * w->room,
				bytes = uc_size_mul(room, sizeof *w->words + 2 * sizeof *w->slots);
	UcStaticWord *words;
	uint32_t   *slots;
	UcStatus	status = uc_check_budget("counting the words of these texts", uc_size_add(w->bytes, bytes), run->max_memory, err);

	if (status != UC_OK)
		return status;
	words = uc_alloc(uc_size_mul(room, sizeof *words));
	slots = uc_alloc(uc_size_mul(2 * room, sizeof *slots));
	if (words == NULL || slots == NULL || room > UINT32_MAX / 4)
	{
		uc_free(words);
		uc_free(slots);
		return uc_out_of_memory(err, bytes);
	}
	if (w->count > 0)
		memcpy(words, w->words, w->count * sizeof *words);
	uc_free(w->words);
	uc_free(w->slots);
	w->bytes += bytes - bytes / 2 * (w->room > 0);
	w->words = words;
	w->room = room;
	w->slots = slots;
	w->slot_count = 2 * room;
	fill_slots(w);
	return UC_OK;
}

static UcStatus
add_word(UcDistilWords *w, const char *text, size_t bytes, const UcRun *run, UcError *err)
{
	UcStatus	status = w->count == w->room ? grow(w, run, err) : UC_OK;
	size_t		slot;
	char	   *copy;

	if (status != UC_OK)
		return status;
	slot = find_slot(w, text, bytes);
	if (w->slots[slot] != UINT32_MAX)
	{
		w->words[w->slots[slot]].count++;
		return UC_OK;
	}
	copy = uc_alloc(bytes);
	if (copy == NULL)
		return uc_out_of_memory(err, bytes);
	memcpy(copy, text, bytes);
	w->bytes += bytes + UC_ALIGNMENT;
	w->slots[slot] = (uint32_t) w->count;
	w->words[w->count++] = (UcStaticWord) {copy, (uint32_t) bytes, 1};
	return UC_OK;
}

UcStatus
uc_distil_words_add(UcDistilWords *w, UcText text, const UcRun *run, UcError *err)
{
	UcWord		word;
	UcStatus	status;

	uc_words_start(w->breaker, text.text, text.bytes);
	while ((status = uc_words_next(w->breaker, run, &word, err)) == UC_OK && word.span.stop > word.span.start)
	{
		char		folded[UC_FOLD_ROOM];
		size_t		bytes = word.span.stop - word.span.start;
		const char *form = text.text + word.span.start;

		if (uc_fold_word(form, bytes, folded, &bytes))
			form = folded;
		if (bytes > 0 && (status = add_word(w, form, bytes, run, err)) != UC_OK)
			break;
	}
	return status;
}

static int
compare_words(const void *a, const void *b)
{
	const UcStaticWord *x = a,
			   *y = b;
	uint32_t	shorter = x->bytes < y->bytes ? x->bytes : y->bytes;
	int			order = memcmp(x->text, y->text, shorter);

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return order != 0 ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

UcStatus
uc_distil_words_part(const UcDistilWords *words, size_t count, UcDistilWords *pieces, const UcRun *run, UcError *err)
{
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		UcPieces	parts;
		char		piece[UC_PIECE_ROOM];
		size_t		bytes;

		if (i % 4096 == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_pieces_start(&parts, words->words[i].text, words->words[i].bytes);
		while (status == UC_OK && uc_pieces_next(&parts, piece, &bytes))
			status = add_word(pieces, piece, bytes, run, err);
	}
	return status;
}

UcStatus
uc_distil_words_finish(UcDistilWords *w, uint32_t least, size_t limit, uint32_t *kept, UcError *err)
{
	size_t		enough = 0;

	if (w->count > 0)
	{
		qsort(w->words, w->count, sizeof *w->words, compare_words);
		fill_slots(w);
	}
	while (enough < w->count && enough < limit && w->words[enough].count >= least)
		enough++;
	*kept = (uint32_t) enough;
	return UC_OK;
}

uint32_t
uc_distil_words_find(const UcDistilWords *w, const char *text, size_t bytes)
{
	return w->count == 0 ? UINT32_MAX : w->slots[find_slot(w, text, bytes)];
}

static int
compare_ids(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a,
				y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

void
uc_distil_bag(const UcTokens *tokens, const float *weights, uint32_t *ids, float *values, size_t *count)
{
	size_t		distinct = 0;

	for (size_t i = 0; i < tokens->count; i++)
		ids[i] = tokens->tokens[i].id;
	qsort(ids, tokens->count, sizeof *ids, compare_ids);
	for (size_t i = 0; i < tokens->count; i++)
	{
		if (distinct > 0 && ids[distinct - 1] == ids[i])
			values[distinct - 1] += weights[ids[i]];
		else
		{
			ids[distinct] = ids[i];
			values[distinct++] = weights[ids[i]];
		}
	}
	*count = distinct;
}
