/*
 * windows.c
 *	  Places the windows over the tokens of the whole text, then makes sure that each, tokenized by itself behind the prompt,
 *	  still fits.
 */
#include "embed/windows.h"

#include <string.h>

#include "base/memory.h"
#include "embed/prompt.h"
#include "text/sentences.h"

typedef struct SizeList
{
	size_t	   *values;
	size_t		count;
	size_t		capacity;
} SizeList;

struct UcWindower
{
	const UcTokenizer *tokenizer;
	size_t		limit;			/* tokens, all counted */
	size_t		room;			/* tokens that prompt and template leave to the text */
	UcPrompted	prompted;
	UcSentences *sentences;		/* opened by the first text that is too long */
	UcTokens	tokens;			/* of the text alone */
	UcTokens	counted;		/* of what may become a window, behind the prompt */
	SizeList	begins;			/* tokens, counted from the first of the text, at which a sentence begins */
	UcWindow   *windows;
	size_t		count;
	size_t		capacity;
};

/* Room for one more element of `size` bytes. */
static UcStatus
grow(void **list, size_t count, size_t *capacity, size_t size, UcError *err)
{
	size_t		wanted = uc_size_mul(count < 8 ? 16 : count, 2);
	void	   *larger;

	if (count < *capacity)
		return UC_OK;
	larger = uc_alloc(uc_size_mul(wanted, size));
	if (larger == NULL)
		return uc_out_of_memory(err, uc_size_mul(wanted, size));
	if (count > 0)
		memcpy(larger, *list, count * size);
	uc_free(*list);
	*list = larger;
	*capacity = wanted;
	return UC_OK;
}

/* Tokens of bytes [start, stop) behind the prompt, the model's own included. */
static UcStatus
count_tokens(UcWindower *w, UcText text, size_t start, size_t stop, const UcRun *run, size_t *tokens, UcError *err)
{
	UcText		part = {text.text + start, stop - start};
	UcStatus	status = uc_prompted_text(&w->prompted, &part, err);

	if (status == UC_OK)
		status = uc_tokenize(w->tokenizer, part.text, part.bytes, run, &w->counted, err);
	*tokens = w->counted.count;
	return status;
}

UcStatus
uc_windower_open(const UcTokenizer *tokenizer, size_t limit, const char *prompt, const UcRun *run, UcWindower **windower,
				 UcError *err)
{
	UcWindower *w = uc_alloc_zeroed(sizeof *w);
	size_t		taken;
	UcStatus	status;

	*windower = NULL;
	if (w == NULL)
		return uc_out_of_memory(err, sizeof *w);
	w->tokenizer = tokenizer;
	w->limit = limit;
	uc_prompted_begin(&w->prompted, prompt);
	status = count_tokens(w, (UcText) {"", 0}, 0, 0, run, &taken, err);
	if (status == UC_OK && taken >= limit)
	{
		uc_error(err, UC_LIMIT_EXCEEDED, "the prompt leaves no room for a text");
		uc_error_detail(err, "It takes %zu tokens, and the model takes %zu.", taken, limit);
		uc_error_hint(err, "Use a shorter prompt, or none: prompt => ''.");
		status = UC_LIMIT_EXCEEDED;
	}
	if (status != UC_OK)
	{
		uc_windower_close(w);
		return status;
	}
	w->room = limit - taken;
	*windower = w;
	return UC_OK;
}

void
uc_windower_close(UcWindower *w)
{
	if (w == NULL)
		return;
	uc_prompted_end(&w->prompted);
	uc_sentences_close(w->sentences);
	uc_tokens_free(&w->tokens);
	uc_tokens_free(&w->counted);
	uc_free(w->begins.values);
	uc_free(w->windows);
	uc_free(w);
}

static UcStatus
find_sentences(UcWindower *w, UcText text, const UcToken *tokens, size_t count, const UcRun *run, UcError *err)
{
	UcStatus	status = w->sentences != NULL ? UC_OK : uc_sentences_open(&w->sentences, err);
	UcTextSpan	sentence = {0, 0};
	size_t		token = 0;

	w->begins.count = 0;
	if (status == UC_OK)
		uc_sentences_start(w->sentences, text.text, text.bytes);
	while (status == UC_OK)
	{
		status = uc_sentences_next(w->sentences, run, &sentence, err);
		if (status != UC_OK || sentence.start == sentence.stop)
			break;
		while (token < count && tokens[token].start < sentence.start)
			token++;
		status = grow((void **) &w->begins.values, w->begins.count, &w->begins.capacity, sizeof(size_t), err);
		if (status == UC_OK)
			w->begins.values[w->begins.count++] = token;
	}
	return status;
}

/* How many sentences begin before this token. */
static size_t
sentences_before(const SizeList *begins, size_t token)
{
	size_t		low = 0,
				high = begins->count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (begins->values[middle] < token)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where a window from `first` ends that may hold the tokens before `full`: at the last sentence of its second half. */
static size_t
end_of_window(const UcWindower *w, size_t first, size_t full)
{
	size_t		before = sentences_before(&w->begins, full + 1);
	size_t		last = before == 0 ? 0 : w->begins.values[before - 1];

	return last > first + (full - first) / 2 ? last : full;
}

/* Where the window after [first, end) begins: at the first of the sentences that overlap, else at `end`. */
static size_t
begin_of_next(const UcWindower *w, size_t first, size_t end)
{
	size_t		overlap = w->room / 8;
	size_t		from = end > first + overlap ? end - overlap : first + 1;
	size_t		before = sentences_before(&w->begins, from);

	return before < w->begins.count && w->begins.values[before] < end ? w->begins.values[before] : end;
}

/* Several tokens may stand for one character: the nearest end at or before `end` that divides none, else one behind it. */
static size_t
whole_characters(const UcToken *tokens, size_t count, size_t first, size_t end)
{
	size_t		whole = end;

	while (whole > first && whole < count && tokens[whole].start < tokens[whole - 1].stop)
		whole--;
	if (whole > first)
		return whole;
	for (whole = end; whole < count && tokens[whole].start < tokens[whole - 1].stop;)
		whole++;
	return whole;
}

static UcStatus
place_windows(UcWindower *w, UcText text, const UcToken *tokens, size_t count, const UcRun *run, UcError *err)
{
	size_t		first = 0;

	while (first < count)
	{
		size_t		end = count - first <= w->room ? count : end_of_window(w, first, first + w->room);
		size_t		taken;
		UcStatus	status;

		for (;;)
		{
			size_t		over;

			end = whole_characters(tokens, count, first, end);
			status = count_tokens(w, text, tokens[first].start, tokens[end - 1].stop, run, &taken, err);
			if (status != UC_OK)
				return status;
			if (taken <= w->limit || end == first + 1)
				break;
			/* words are parted otherwise where a text begins; what is too much by that goes to the next window */
			over = taken - w->limit;
			end = end - first > over ? end - over : first + 1;
			if (whole_characters(tokens, count, first, end) > end)
				break;
		}
		status = grow((void **) &w->windows, w->count, &w->capacity, sizeof(UcWindow), err);
		if (status != UC_OK)
			return status;
		end = whole_characters(tokens, count, first, end);
		w->windows[w->count++] = (UcWindow) {tokens[first].start, tokens[end - 1].stop, end - first};
		first = end >= count ? count : begin_of_next(w, first, end);
	}
	return UC_OK;
}

UcStatus
uc_windower_part(UcWindower *w, UcText text, const UcRun *run, const UcWindow **windows, size_t *count, UcError *err)
{
	size_t		taken,
				tokens;
	UcStatus	status = count_tokens(w, text, 0, text.bytes, run, &taken, err);

	w->count = 0;
	if (status == UC_OK && taken > w->limit)
	{
		status = uc_tokenize(w->tokenizer, text.text, text.bytes, run, &w->tokens, err);
		if (status == UC_OK)
		{
			const UcToken *first = w->tokens.tokens + w->tokens.prefix;

			tokens = w->tokens.count - w->tokens.prefix - w->tokens.suffix;
			status = find_sentences(w, text, first, tokens, run, err);
			if (status == UC_OK)
				status = place_windows(w, text, first, tokens, run, err);
		}
	}
	if (status == UC_OK && w->count == 0)
	{
		status = grow((void **) &w->windows, 0, &w->capacity, sizeof(UcWindow), err);
		if (status == UC_OK)
			w->windows[w->count++] = (UcWindow) {0, text.bytes, taken - (w->limit - w->room)};
	}
	*windows = w->windows;
	*count = w->count;
	return status;
}
