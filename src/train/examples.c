/*
 * examples.c
 *	  Tokens of all texts, their order, and partners by label.
 */
#include "train/examples.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "embed/prompt.h"

#define FEWEST_HELD 16
#define MOST_HELD 256
#define TEMPLATE 16				/* tokens that a template adds, at most */
#define SHOWN 256				/* texts between two reports of progress */

/* Tokens of all texts: none is shorter than a byte. */
static size_t
most_tokens(const UcText *texts, size_t count, const UcFineTuneOptions *o)
{
	size_t		total = 0,
				added = TEMPLATE + (o->prompt == NULL ? 0 : strlen(o->prompt));

	for (size_t i = 0; i < count; i++)
	{
		size_t		tokens = uc_size_add(texts[i].bytes, added);

		total = uc_size_add(total, tokens < o->max_tokens ? tokens : o->max_tokens);
	}
	return total;
}

size_t
uc_examples_memory(const UcText *texts, size_t count, const UcFineTuneOptions *o)
{
	return uc_size_add(uc_size_mul(most_tokens(texts, count, o), sizeof(uint32_t)),
					   uc_size_mul(uc_size_add(count, 1), 3 * sizeof(size_t)));
}

/* Room for `wanted` ids, `kept` of which are there. */
static UcStatus
grow(UcExamples *e, size_t kept, size_t wanted, UcError *err)
{
	size_t		bytes = uc_size_mul(wanted, sizeof *e->ids);
	uint32_t   *larger = uc_alloc(bytes);

	if (larger == NULL)
		return uc_out_of_memory(err, bytes);
	if (kept > 0)
		memcpy(larger, e->ids, kept * sizeof *larger);
	uc_free(e->ids);
	e->ids = larger;
	return UC_OK;
}

static UcStatus
tokenize_texts(UcExamples *e, const UcTokenizer *tokenizer, const UcText *texts, const UcFineTuneOptions *o, const UcRun *run,
			   UcError *err)
{
	UcTokens	tokens = {0};
	UcPrompted	prompted = {0};
	size_t		room = most_tokens(texts, e->texts, o);
	UcStatus	status = grow(e, 0, room, err);

	uc_prompted_begin(&prompted, o->prompt);
	uc_progress_phase(run, "tokenizing", e->texts);
	for (size_t i = 0; i < e->texts && status == UC_OK; i++)
	{
		UcText		text = texts[i];
		size_t		at = e->starts[i];

		status = uc_prompted_text(&prompted, &text, err);
		if (status == UC_OK)
			status = uc_tokenize(tokenizer, text.text, text.bytes, run, &tokens, err);
		if (status != UC_OK)
			break;
		uc_tokens_truncate(&tokens, o->max_tokens);
		if (tokens.count == 0)
		{
			status = uc_error(err, UC_INVALID_DATA, "text %zu has no tokens", i + 1);
			break;
		}
		if (at + tokens.count > room)
			status = grow(e, at, room = 2 * (at + tokens.count), err);
		if (status != UC_OK)
			break;
		for (size_t j = 0; j < tokens.count; j++)
			e->ids[at + j] = tokens.tokens[j].id;
		e->starts[i + 1] = at + tokens.count;
		if ((i + 1) % SHOWN == 0)
			uc_progress_done(run, i + 1);
	}
	uc_prompted_end(&prompted);
	uc_tokens_free(&tokens);
	return status;
}

static void
shuffle(UcRandom *random, size_t *list, size_t count)
{
	for (size_t i = count; i > 1; i--)
	{
		size_t		j = uc_random_below(random, i),
					kept = list[i - 1];

		list[i - 1] = list[j];
		list[j] = kept;
	}
}

static int
by_label(const void *a, const void *b, void *arg)
{
	const int32_t *labels = arg;
	size_t		x = *(const size_t *) a,
				y = *(const size_t *) b;

	if (labels[x] != labels[y])
		return labels[x] < labels[y] ? -1 : 1;
	return (x > y) - (x < y);
}

static size_t
held_of(size_t count)
{
	size_t		held = count / 20;

	if (held < FEWEST_HELD)
		held = FEWEST_HELD < count / 5 ? FEWEST_HELD : count / 5;
	return held < MOST_HELD ? held : MOST_HELD;
}

static void
hold_back(UcExamples *e, UcRandom *random)
{
	for (size_t i = 0; i < e->count; i++)
		e->order[i] = i;
	shuffle(random, e->order, e->count);
	e->held = held_of(e->count);
	if (e->labels == NULL)
		return;
	memcpy(e->partners, e->order + e->held, (e->count - e->held) * sizeof(size_t));
	qsort_r(e->partners, e->count - e->held, sizeof(size_t), by_label, (void *) e->labels);
}

UcStatus
uc_examples_make(UcExamples *e, const UcTokenizer *tokenizer, const UcText *texts, size_t count, const int32_t *labels,
				 const UcFineTuneOptions *options, UcRandom *random, const UcRun *run, UcError *err)
{
	*e = (UcExamples) {.objective = options->objective,.count = count,.texts = count,.labels = labels};
	if (e->objective == UC_OBJECTIVE_PAIRS)
		e->texts = 2 * count;
	e->starts = uc_alloc_zeroed(uc_size_mul(e->texts + 1, sizeof(size_t)));
	e->order = uc_alloc(uc_size_mul(count, sizeof(size_t)));
	e->partners = uc_alloc(uc_size_mul(count, sizeof(size_t)));
	if (e->starts == NULL || e->order == NULL || e->partners == NULL)
		return uc_out_of_memory(err, uc_examples_memory(texts, e->texts, options));
	hold_back(e, random);
	return tokenize_texts(e, tokenizer, texts, options, run, err);
}

void
uc_examples_free(UcExamples *e)
{
	uc_free(e->ids);
	uc_free(e->starts);
	uc_free(e->order);
	uc_free(e->partners);
}

void
uc_examples_shuffle(UcExamples *e, UcRandom *random)
{
	shuffle(random, e->order + e->held, e->count - e->held);
}

/* How many partners have a label below this one, or with `equal` not above it. */
static size_t
partners_below(const UcExamples *e, int32_t label, bool equal)
{
	size_t		low = 0,
				high = e->count - e->held;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;
		int32_t		there = e->labels[e->partners[middle]];

		if (there < label || (equal && there == label))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Another text of the same label; the text itself where there is none. */
static size_t
partner_of(const UcExamples *e, size_t text, bool held, UcRandom *random)
{
	size_t		first = partners_below(e, e->labels[text], false),
				last = partners_below(e, e->labels[text], true),
				drawn;

	/* a text that is among them leaves its place to the last one */
	if (!held)
		last--;
	if (first == last)
		return text;
	drawn = e->partners[first + uc_random_below(random, last - first)];
	return drawn == text ? e->partners[last] : drawn;
}

void
uc_examples_choose(const UcExamples *e, size_t at, size_t count, UcRandom *random, size_t *numbers)
{
	for (size_t i = 0; i < count; i++)
	{
		size_t		number = e->order[at + i];

		numbers[i] = number;
		if (e->objective == UC_OBJECTIVE_PAIRS)
			numbers[count + i] = e->count + number;
		else if (e->labels == NULL)
			numbers[count + i] = number;
		else
			numbers[count + i] = partner_of(e, number, at < e->held, random);
	}
}
