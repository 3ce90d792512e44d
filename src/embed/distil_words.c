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

static UcStatus
grow(UcDistilWords *w, UcError *err)
{
	size_t		room = w->room == 0 ? 4096 : 2 * w->room;
	UcStaticWord *words = uc_alloc(uc_size_mul(room, sizeof *words));
	uint32_t   *slots = uc_alloc(uc_size_mul(2 * room, sizeof *slots));

	if (words == NULL || slots == NULL || room > UINT32_MAX / 4)
	{
		uc_free(words);
		uc_free(slots);
		return uc_out_of_memory(err, uc_size_mul(room, sizeof *words));
	}
	if (w->count > 0)
		memcpy(words, w->words, w->count * sizeof *words);
	memset(slots, 0xFF, 2 * room * sizeof *slots);
	uc_free(w->words);
	uc_free(w->slots);
	w->words = words;
	w->room = room;
	w->slots = slots;
	w->slot_count = 2 * room;
	for (size_t i = 0; i < w->count; i++)
		slots[find_slot(w, words[i].text, words[i].bytes)] = (uint32_t) i;
	return UC_OK;
}

static UcStatus
add_word(UcDistilWords *w, const char *text, size_t bytes, uint32_t count, UcError *err)
{
	UcStatus	status = w->count == w->room ? grow(w, err) : UC_OK;
	size_t		slot;
	char	   *copy;

	if (status != UC_OK)
		return status;
	slot = find_slot(w, text, bytes);
	if (w->slots[slot] != UINT32_MAX)
	{
		w->words[w->slots[slot]].count += count;
		return UC_OK;
	}
	copy = uc_alloc(bytes);
	if (copy == NULL)
		return uc_out_of_memory(err, bytes);
	memcpy(copy, text, bytes);
	w->slots[slot] = (uint32_t) w->count;
	w->words[w->count++] = (UcStaticWord) {copy, (uint32_t) bytes, count};
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
		if (bytes > 0 && (status = add_word(w, form, bytes, 1, err)) != UC_OK)
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
uc_distil_words_finish(UcDistilWords *w, size_t limit, uint32_t *kept, UcError *err)
{
	size_t		whole = w->count;
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < whole && status == UC_OK; i++)
	{
		const char *text = w->words[i].text;
		size_t		bytes = w->words[i].bytes;

		for (size_t at = 0, next; at < bytes && status == UC_OK; at = next)
		{
			for (next = at + 1; next < bytes && ((uint8_t) text[next] & 0xC0) == 0x80;)
				next++;
			status = add_word(w, text + at, next - at, 0, err);
		}
	}
	if (status != UC_OK)
		return status;
	qsort(w->words, w->count, sizeof *w->words, compare_words);
	if (w->count == 0)
		return uc_error(err, UC_INVALID_DATA, "the texts have no words");
	*kept = (uint32_t) (w->count < limit ? w->count : limit);
	return UC_OK;
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
