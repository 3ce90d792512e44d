/*
 * keywords.c
 *	  Weights of words and phrases by segment, and the choice among them.
 */
#include "segment/keywords.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "segment/keyword_work.h"

#define WEAK_WEIGHT (1.0 / 3)
#define WEAK_SUPPORT 3			/* times that of other terms */
#define MOST_AUTOMATIC_SUPPORT 5
#define TEXTS_FOR_SUPPORT 10
#define POLL_EVERY 65536		/* tokens or units */

/* ---- where units occur ---- */

static UcStatus
gather_postings(UcKeywordWork *work, UcError *err)
{
	const UcUnits *units = &work->units;
	const UcKeywordTexts *texts = work->texts;
	uint32_t   *seen;
	size_t	   *next;
	size_t		token = 0;
	UcStatus	status = uc_budget_alloc(work->budget, (size_t) units->count + 1, sizeof(size_t), (void **) &work->starts, err);

	if (status != UC_OK)
		return status;
	work->starts[0] = 0;
	for (uint32_t i = 0; i < units->count; i++)
		work->starts[i + 1] = work->starts[i] + units->units[i].support;
	work->posting_count = work->starts[units->count];
	status = uc_budget_alloc(work->budget, work->posting_count, sizeof(uint32_t), (void **) &work->postings, err);
	if (status != UC_OK)
		return status;
	status = uc_budget_alloc(work->budget, units->count, sizeof(uint32_t), (void **) &seen, err);
	if (status != UC_OK)
		return status;
	status = uc_budget_alloc(work->budget, units->count, sizeof(size_t), (void **) &next, err);
	if (status == UC_OK)
	{
		memset(seen, 0, units->count * sizeof(uint32_t));
		memcpy(next, work->starts, units->count * sizeof(size_t));
		for (size_t row = 0; row < texts->rows && status == UC_OK; row++)
			for (; token < texts->stops[row]; token++)
			{
				if (token % POLL_EVERY == 0 && uc_interrupted(work->run))
				{
					status = uc_interrupt_error(err);
					break;
				}
				for (int level = 0; level < units->longest; level++)
				{
					uint32_t	unit = units->at[level][token];

					if (unit == UC_NO_UNIT || seen[unit] == row + 1)
						continue;
					seen[unit] = (uint32_t) row + 1;
					work->postings[next[unit]++] = texts->segments[row];
				}
			}
	}
	uc_budget_free(work->budget, next, units->count, sizeof(size_t));
	uc_budget_free(work->budget, seen, units->count, sizeof(uint32_t));
	return status;
}

/* ---- weights ---- */

static uint32_t
least_support(const UcKeywordWork *work, uint32_t segment, bool weak)
{
	uint64_t	wanted = (uint64_t) work->options->min_support;

	if (wanted == 0)
		wanted = work->sizes[segment] / TEXTS_FOR_SUPPORT;
	if (work->options->min_support == 0 && wanted > MOST_AUTOMATIC_SUPPORT)
		wanted = MOST_AUTOMATIC_SUPPORT;
	if (wanted == 0)
		wanted = 1;
	if (weak)
		wanted *= WEAK_SUPPORT;
	return wanted > UINT32_MAX ? UINT32_MAX : (uint32_t) wanted;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t	left = *(const uint32_t *) a;
	uint32_t	right = *(const uint32_t *) b;

	return (left > right) - (left < right);
}

/* The segments of one unit, in order; the sum of its shares in them. */
static double
sum_shares(UcKeywordWork *work, uint32_t unit)
{
	uint32_t   *segments = work->postings + work->starts[unit];
	size_t		count = work->starts[unit + 1] - work->starts[unit];
	double		sum = 0;

	qsort(segments, count, sizeof(uint32_t), compare_numbers);
	for (size_t i = 0, next; i < count; i = next)
	{
		for (next = i + 1; next < count && segments[next] == segments[i]; next++)
			;
		sum += (double) (next - i) / work->sizes[segments[i]];
	}
	return sum;
}

static UcStatus
add_candidates(UcKeywordWork *work, uint32_t unit, uint32_t all_segments, UcError *err)
{
	const uint32_t *segments = work->postings + work->starts[unit];
	size_t		count = work->starts[unit + 1] - work->starts[unit];
	double		mean = sum_shares(work, unit) / all_segments;
	bool		weak = work->units.units[unit].weak;

	for (size_t i = 0, next; i < count; i = next)
	{
		uint32_t	segment = segments[i];
		double		share;
		UcKeywordCandidate	candidate = {.segment = segment,.unit = unit};
		UcStatus	status;

		for (next = i + 1; next < count && segments[next] == segment; next++)
			;
		candidate.support = (uint32_t) (next - i);
		share = (double) candidate.support / work->sizes[segment];
		candidate.weight = all_segments == 1 ? share : share * log(share / mean);
		if (weak)
			candidate.weight *= WEAK_WEIGHT;
		/* As common as elsewhere, but for rounding. */
		if (candidate.support < least_support(work, segment, weak) || candidate.weight <= share * 1e-9)
			continue;
		status = uc_budget_grow(work->budget, (void **) &work->candidates, &work->candidate_room, work->candidate_count + 1,
								sizeof(UcKeywordCandidate), err);
		if (status != UC_OK)
			return status;
		work->candidates[work->candidate_count++] = candidate;
	}
	return UC_OK;
}

static int
compare_candidates(const void *a, const void *b)
{
	const UcKeywordCandidate *left = a;
	const UcKeywordCandidate *right = b;

	if (left->segment != right->segment)
		return left->segment < right->segment ? -1 : 1;
	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	if (left->support != right->support)
		return left->support > right->support ? -1 : 1;
	return (left->unit > right->unit) - (left->unit < right->unit);
}

static UcStatus
weigh(UcKeywordWork *work, UcError *err)
{
	uint32_t	with_texts = 0;
	UcStatus	status = UC_OK;

	for (uint32_t i = 0; i < work->segments; i++)
		with_texts += work->sizes[i] > 0;
	for (uint32_t unit = 0; unit < work->units.count && status == UC_OK; unit++)
	{
		if (unit % POLL_EVERY == 0 && uc_interrupted(work->run))
			return uc_interrupt_error(err);
		status = add_candidates(work, unit, with_texts, err);
	}
	if (status == UC_OK && work->candidate_count > 0)
		qsort(work->candidates, work->candidate_count, sizeof(UcKeywordCandidate), compare_candidates);
	return status;
}

/* ---- choice ---- */

/* The terms of a unit, in their order. */
static int
unit_terms(const UcUnits *units, uint32_t unit, uint32_t terms[UC_PHRASE_LONGEST])
{
	int			length = units->units[unit].length;

	for (int i = length - 1; i >= 0; i--, unit = units->units[unit].left)
		terms[i] = units->units[unit].term;
	return length;
}

/* A unit that is part of the phrase gives way to it where it seldom stands alone. */
static void
give_way(UcKeywordWork *work, uint32_t part, uint32_t phrase)
{
	UcKeywordCandidate  *candidates = work->candidates;
	uint32_t	place = work->place[part];

	if (place == UC_NO_PLACE || candidates[phrase].support * 2 < candidates[place].support)
		return;
	if (candidates[place].phrase == place || candidates[candidates[place].phrase].weight < candidates[phrase].weight)
		candidates[place].phrase = phrase;
}

/* Candidates [first, stop) are those of one segment. */
static void
find_phrases(UcKeywordWork *work, uint32_t first, uint32_t stop)
{
	const UcUnits *units = &work->units;

	for (uint32_t i = first; i < stop; i++)
	{
		work->place[work->candidates[i].unit] = i;
		work->candidates[i].phrase = i;
	}
	for (uint32_t i = first; i < stop; i++)
	{
		uint32_t	unit = work->candidates[i].unit;
		uint32_t	terms[UC_PHRASE_LONGEST];
		int			length = unit_terms(units, unit, terms);

		if (length == 1)
			continue;
		for (int word = 0; word < length; word++)
			give_way(work, terms[word], i);
		for (uint32_t part = units->units[unit].left; units->units[part].length > 1; part = units->units[part].left)
			give_way(work, part, i);
	}
}

/* The text of a unit of Han words, for finding one in the other; 0 bytes where it is none. */
static size_t
han_text(const UcKeywordWork *work, uint32_t unit, char room[UC_PHRASE_LONGEST * UC_FOLD_LONGEST])
{
	uint32_t	terms[UC_PHRASE_LONGEST];
	int			length = unit_terms(&work->units, unit, terms);
	size_t		used = 0;

	for (int i = 0; i < length; i++)
	{
		size_t		bytes;
		const char *text = uc_dictionary_text(&work->texts->stems, work->texts->order[terms[i]], &bytes);

		if (!work->texts->han[terms[i]] || bytes > UC_FOLD_LONGEST)
			return 0;
		memcpy(room + used, text, bytes);
		used += bytes;
	}
	return used;
}

/* True where all terms of the shorter stand in the longer, side by side and in their order. */
static bool
contained(const uint32_t *shorter, int shorter_length, const uint32_t *longer, int longer_length)
{
	for (int i = 0; i + shorter_length <= longer_length; i++)
		if (memcmp(longer + i, shorter, (size_t) shorter_length * sizeof(uint32_t)) == 0)
			return true;
	return false;
}

static bool
near_duplicates(const UcKeywordWork *work, uint32_t a, uint32_t b)
{
	uint32_t	a_terms[UC_PHRASE_LONGEST],
				b_terms[UC_PHRASE_LONGEST];
	int			a_length = unit_terms(&work->units, a, a_terms);
	int			b_length = unit_terms(&work->units, b, b_terms);
	char		a_text[UC_PHRASE_LONGEST * UC_FOLD_LONGEST],
				b_text[UC_PHRASE_LONGEST * UC_FOLD_LONGEST];
	size_t		a_bytes,
				b_bytes;

	if (contained(a_terms, a_length, b_terms, b_length) || contained(b_terms, b_length, a_terms, a_length))
		return true;
	a_bytes = han_text(work, a, a_text);
	b_bytes = a_bytes == 0 ? 0 : han_text(work, b, b_text);
	if (b_bytes == 0)
		return false;
	return memmem(a_text, a_bytes, b_text, b_bytes) != NULL || memmem(b_text, b_bytes, a_text, a_bytes) != NULL;
}

static UcStatus
choose(UcKeywordWork *work, uint32_t first, uint32_t stop, UcError *err)
{
	size_t		begin = work->chosen_count;

	find_phrases(work, first, stop);
	for (uint32_t i = first; i < stop && work->chosen_count - begin < (size_t) work->options->keywords; i++)
	{
		uint32_t	taken = i;
		bool		known = false;
		UcStatus	status;

		/* Phrases grow longer on the way, so it ends. */
		while (work->candidates[taken].phrase != taken)
			taken = work->candidates[taken].phrase;
		for (size_t other = begin; other < work->chosen_count && !known; other++)
			known = near_duplicates(work, work->candidates[taken].unit, work->chosen[other].unit);
		if (known)
			continue;
		status = uc_budget_grow(work->budget, (void **) &work->chosen, &work->chosen_room, work->chosen_count + 1, sizeof(UcKeywordCandidate), err);
		if (status != UC_OK)
			return status;
		work->chosen[work->chosen_count++] = work->candidates[taken];
	}
	for (uint32_t i = first; i < stop; i++)
		work->place[work->candidates[i].unit] = UC_NO_PLACE;
	/* A phrase has less weight than the word whose place it took. */
	qsort(work->chosen + begin, work->chosen_count - begin, sizeof(UcKeywordCandidate), compare_candidates);
	return UC_OK;
}

static UcStatus
choose_all(UcKeywordWork *work, UcError *err)
{
	UcStatus	status;

	if (work->candidate_count >= UC_NO_PLACE)
		return uc_error(err, UC_LIMIT_EXCEEDED, "the segments have more than %u words and phrases", UC_NO_PLACE);
	status = uc_budget_alloc(work->budget, work->units.count, sizeof(uint32_t), (void **) &work->place, err);
	if (status != UC_OK)
		return status;
	memset(work->place, 0xFF, work->units.count * sizeof(uint32_t));
	for (size_t first = 0, stop; first < work->candidate_count && status == UC_OK; first = stop)
	{
		if (uc_interrupted(work->run))
			return uc_interrupt_error(err);
		for (stop = first + 1; stop < work->candidate_count && work->candidates[stop].segment == work->candidates[first].segment; stop++)
			;
		status = choose(work, (uint32_t) first, (uint32_t) stop, err);
	}
	return status;
}

/* ---- all of it ---- */

static UcStatus
count_sizes(UcKeywordWork *work, UcError *err)
{
	UcStatus	status = uc_budget_alloc(work->budget, work->segments, sizeof(uint32_t), (void **) &work->sizes, err);

	if (status != UC_OK)
		return status;
	memset(work->sizes, 0, work->segments * sizeof(uint32_t));
	for (size_t row = 0; row < work->texts->rows; row++)
		work->sizes[work->texts->segments[row]]++;
	return UC_OK;
}

UcStatus
uc_keywords(UcKeywordTexts *texts, uint32_t segments, const UcKeywordOptions *options, const UcRun *run, UcKeywords *keywords,
			UcError *err)
{
	UcKeywordWork work = {.texts = texts,.budget = &texts->budget,.options = options,.run = run,.segments = segments};
	UcStatus	status = count_sizes(&work, err);

	if (status == UC_OK)
		status = uc_units_find(texts, options->max_phrase, run, &work.units, err);
	if (status == UC_OK)
		status = gather_postings(&work, err);
	if (status == UC_OK)
		status = weigh(&work, err);
	if (status == UC_OK)
		status = choose_all(&work, err);
	if (status == UC_OK)
		status = uc_keyword_forms(&work, keywords, err);
	uc_units_free(&work.units);
	uc_free(work.sizes);
	uc_free(work.starts);
	uc_free(work.postings);
	uc_free(work.candidates);
	uc_free(work.place);
	uc_free(work.chosen);
	return status;
}

void
uc_keywords_free(UcKeywords *keywords)
{
	uc_free(keywords->keywords);
	uc_free(keywords->text);
	memset(keywords, 0, sizeof *keywords);
}
