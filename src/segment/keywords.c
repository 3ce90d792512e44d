/*
 * keywords.c
 *	  Weights of words and phrases by segment, and the choice among them.
 */
#include "segment/keywords.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "segment/keyword_units.h"

#define WEAK_WEIGHT (1.0 / 3)
#define WEAK_SUPPORT 3			/* times that of other terms */
#define MOST_AUTOMATIC_SUPPORT 5
#define TEXTS_FOR_SUPPORT 10
#define POLL_EVERY 65536		/* tokens or units */
#define NONE UINT32_MAX

/* A unit that may become a keyword of a segment. */
typedef struct Candidate
{
	uint32_t	segment;
	uint32_t	unit;
	uint32_t	support;
	uint32_t	phrase;			/* place of the candidate that it gives way to; its own: to none */
	double		weight;
} Candidate;

/* One occurrence of a chosen keyword: its form there. */
typedef struct Occurrence
{
	uint32_t	chosen;
	uint32_t	token;			/* the last one */
} Occurrence;

typedef struct Work
{
	UcKeywordTexts *texts;
	UcBudget   *budget;
	const UcKeywordOptions *options;
	const UcRun *run;
	uint32_t	segments;
	UcUnits		units;
	uint32_t   *sizes;			/* [segments] texts */
	size_t	   *starts;			/* [units.count + 1] of each unit's segments in postings */
	uint32_t   *postings;		/* the segment of each text that has the unit */
	size_t		posting_count;
	Candidate  *candidates;		/* by segment and weight */
	size_t		candidate_count;
	size_t		candidate_room;
	uint32_t   *place;			/* [units.count] of a unit's candidate in the segment at hand, or NONE */
	Candidate  *chosen;			/* by segment and rank */
	size_t		chosen_count;
	size_t		chosen_room;
} Work;

/* ---- where units occur ---- */

static UcStatus
gather_postings(Work *work, UcError *err)
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
least_support(const Work *work, uint32_t segment, bool weak)
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
sum_shares(Work *work, uint32_t unit)
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
add_candidates(Work *work, uint32_t unit, uint32_t all_segments, UcError *err)
{
	const uint32_t *segments = work->postings + work->starts[unit];
	size_t		count = work->starts[unit + 1] - work->starts[unit];
	double		mean = sum_shares(work, unit) / all_segments;
	bool		weak = work->units.units[unit].weak;

	for (size_t i = 0, next; i < count; i = next)
	{
		uint32_t	segment = segments[i];
		double		share;
		Candidate	candidate = {.segment = segment,.unit = unit};
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
								sizeof(Candidate), err);
		if (status != UC_OK)
			return status;
		work->candidates[work->candidate_count++] = candidate;
	}
	return UC_OK;
}

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *left = a;
	const Candidate *right = b;

	if (left->segment != right->segment)
		return left->segment < right->segment ? -1 : 1;
	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	if (left->support != right->support)
		return left->support > right->support ? -1 : 1;
	return (left->unit > right->unit) - (left->unit < right->unit);
}

static UcStatus
weigh(Work *work, UcError *err)
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
		qsort(work->candidates, work->candidate_count, sizeof(Candidate), compare_candidates);
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
give_way(Work *work, uint32_t part, uint32_t phrase)
{
	Candidate  *candidates = work->candidates;
	uint32_t	place = work->place[part];

	if (place == NONE || candidates[phrase].support * 2 < candidates[place].support)
		return;
	if (candidates[place].phrase == place || candidates[candidates[place].phrase].weight < candidates[phrase].weight)
		candidates[place].phrase = phrase;
}

/* Candidates [first, stop) are those of one segment. */
static void
find_phrases(Work *work, uint32_t first, uint32_t stop)
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
han_text(const Work *work, uint32_t unit, char room[UC_PHRASE_LONGEST * UC_FOLD_LONGEST])
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
near_duplicates(const Work *work, uint32_t a, uint32_t b)
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
choose(Work *work, uint32_t first, uint32_t stop, UcError *err)
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
		status = uc_budget_grow(work->budget, (void **) &work->chosen, &work->chosen_room, work->chosen_count + 1, sizeof(Candidate), err);
		if (status != UC_OK)
			return status;
		work->chosen[work->chosen_count++] = work->candidates[taken];
	}
	for (uint32_t i = first; i < stop; i++)
		work->place[work->candidates[i].unit] = NONE;
	/* A phrase has less weight than the word whose place it took. */
	qsort(work->chosen + begin, work->chosen_count - begin, sizeof(Candidate), compare_candidates);
	return UC_OK;
}

static UcStatus
choose_all(Work *work, UcError *err)
{
	UcStatus	status;

	if (work->candidate_count >= NONE)
		return uc_error(err, UC_LIMIT_EXCEEDED, "the segments have more than %u words and phrases", NONE);
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

/* ---- forms ---- */

/* The tokens of an occurrence without the gap before the first. */
static int
compare_forms(const UcKeywordTexts *texts, int length, uint32_t a, uint32_t b)
{
	for (int i = length - 1; i >= 0; i--)
	{
		uint32_t	left = texts->words[a - (uint32_t) i];
		uint32_t	right = texts->words[b - (uint32_t) i];

		if (i == length - 1)
		{
			left = UC_TOKEN_FORM(left);
			right = UC_TOKEN_FORM(right);
		}
		if (left != right)
			return left < right ? -1 : 1;
	}
	return 0;
}

static int
compare_occurrences(const void *a, const void *b, void *arg)
{
	const Work *work = arg;
	const Occurrence *left = a;
	const Occurrence *right = b;

	if (left->chosen != right->chosen)
		return left->chosen < right->chosen ? -1 : 1;
	return compare_forms(work->texts, work->units.units[work->chosen[left->chosen].unit].length, left->token, right->token);
}

static UcStatus
append(Work *work, UcKeywords *keywords, const char *text, size_t bytes, UcError *err)
{
	UcStatus	status = uc_budget_grow(work->budget, (void **) &keywords->text, &keywords->text_room,
										uc_size_add(keywords->text_bytes, bytes), 1, err);

	if (status != UC_OK || bytes == 0)
		return status;
	memcpy(keywords->text + keywords->text_bytes, text, bytes);
	keywords->text_bytes += bytes;
	return UC_OK;
}

/* Bytes of the word at `token` that are shown at the end of a keyword: a Korean noun goes without its particle. */
static size_t
shown_bytes(const UcKeywordTexts *texts, uint32_t token, const char *word, size_t bytes)
{
	size_t		stem_bytes;
	const unsigned char *stem = (const unsigned char *) uc_dictionary_text(&texts->stems, texts->order[texts->terms[token]], &stem_bytes);

	/* Hangul is U+AC00 to D7A3. */
	if (stem[0] >= 0xEA && stem[0] <= 0xED && stem_bytes < bytes && memcmp(word, stem, stem_bytes) == 0)
		return stem_bytes;
	return bytes;
}

/* Writes the form that ends at `token`, behind the keywords' text so far. */
static UcStatus
append_form(Work *work, UcKeywords *keywords, int length, uint32_t token, UcError *err)
{
	static const char *const gaps[] = {[UC_GAP_NONE] = "",[UC_GAP_SPACE] = " ",[UC_GAP_HYPHEN] = "-",[UC_GAP_BREAK] = ""};
	UcStatus	status = UC_OK;

	for (int i = length - 1; i >= 0 && status == UC_OK; i--)
	{
		uint32_t	word = work->texts->words[token - (uint32_t) i];
		size_t		bytes;
		const char *text = uc_dictionary_text(&work->texts->forms, UC_TOKEN_FORM(word), &bytes);
		const char *gap = i == length - 1 ? "" : gaps[UC_TOKEN_GAP(word)];

		if (i == 0)
			bytes = shown_bytes(work->texts, token, text, bytes);
		status = append(work, keywords, gap, strlen(gap), err);
		if (status == UC_OK)
			status = append(work, keywords, text, bytes, err);
	}
	return status;
}

/* The commonest form among occurrences [0, count) of one keyword; among equals the shortest, then the one in lower case. */
static UcStatus
write_form(Work *work, UcKeywords *keywords, int length, const Occurrence *occurrences, size_t count, UcError *err)
{
	UcKeyword  *keyword = &keywords->keywords[keywords->count];
	size_t		most = 0;

	keyword->start = keywords->text_bytes;
	for (size_t i = 0, next; i < count; i = next)
	{
		size_t		begin = keywords->text_bytes;
		UcStatus	status;

		for (next = i + 1; next < count && compare_forms(work->texts, length, occurrences[i].token, occurrences[next].token) == 0; next++)
			;
		if (next - i < most)
			continue;
		status = append_form(work, keywords, length, occurrences[i].token, err);
		if (status != UC_OK)
			return status;
		if (next - i == most)
		{
			size_t		new_bytes = keywords->text_bytes - begin;
			size_t		old_bytes = begin - keyword->start;

			if (new_bytes > old_bytes || (new_bytes == old_bytes &&
										  memcmp(keywords->text + begin, keywords->text + keyword->start, new_bytes) <= 0))
			{
				keywords->text_bytes = begin;
				continue;
			}
		}
		most = next - i;
		memmove(keywords->text + keyword->start, keywords->text + begin, keywords->text_bytes - begin);
		keywords->text_bytes = keyword->start + (keywords->text_bytes - begin);
	}
	keyword->bytes = keywords->text_bytes - keyword->start;
	return UC_OK;
}

/* Every occurrence of a chosen unit in a segment that has chosen it. Chosen ones are linked by unit: `place`, then `phrase`. */
static UcStatus
gather_occurrences(Work *work, Occurrence **occurrences, size_t *count, size_t *room, UcError *err)
{
	const UcKeywordTexts *texts = work->texts;
	size_t		token = 0;

	for (size_t i = 0; i < work->chosen_count; i++)
	{
		work->chosen[i].phrase = work->place[work->chosen[i].unit];
		work->place[work->chosen[i].unit] = (uint32_t) i;
	}
	for (size_t row = 0; row < texts->rows; row++)
		for (; token < texts->stops[row]; token++)
		{
			if (token % POLL_EVERY == 0 && uc_interrupted(work->run))
				return uc_interrupt_error(err);
			for (int level = 0; level < work->units.longest; level++)
			{
				uint32_t	unit = work->units.at[level][token];
				uint32_t	at = unit == UC_NO_UNIT ? NONE : work->place[unit];
				UcStatus	status;

				while (at != NONE && work->chosen[at].segment != texts->segments[row])
					at = work->chosen[at].phrase;
				if (at == NONE)
					continue;
				status = uc_budget_grow(work->budget, (void **) occurrences, room, *count + 1, sizeof(Occurrence), err);
				if (status != UC_OK)
					return status;
				(*occurrences)[(*count)++] = (Occurrence) {at, (uint32_t) token};
			}
		}
	return UC_OK;
}

static UcStatus
write_keywords(Work *work, UcKeywords *keywords, UcError *err)
{
	Occurrence *occurrences = NULL;
	size_t		count = 0,
				room = 0,
				first = 0;
	int			rank = 0;
	UcStatus	status = uc_budget_grow(work->budget, (void **) &keywords->keywords, &keywords->room, work->chosen_count,
										sizeof(UcKeyword), err);

	if (status == UC_OK)
		status = gather_occurrences(work, &occurrences, &count, &room, err);
	if (status == UC_OK && count > 0)
		qsort_r(occurrences, count, sizeof(Occurrence), compare_occurrences, work);
	for (size_t i = 0; i < work->chosen_count && status == UC_OK; i++)
	{
		const Candidate *chosen = &work->chosen[i];
		size_t		stop = first;

		while (stop < count && occurrences[stop].chosen == i)
			stop++;
		rank = i > 0 && chosen[-1].segment == chosen->segment ? rank + 1 : 1;
		keywords->keywords[i] = (UcKeyword) {
			.segment = chosen->segment,.rank = rank,.weight = chosen->weight,.support = chosen->support
		};
		status = write_form(work, keywords, work->units.units[chosen->unit].length, occurrences + first, stop - first, err);
		keywords->count++;
		first = stop;
	}
	uc_budget_free(work->budget, occurrences, room, sizeof(Occurrence));
	return status;
}

/* ---- all of it ---- */

static UcStatus
count_sizes(Work *work, UcError *err)
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
	Work		work = {.texts = texts,.budget = &texts->budget,.options = options,.run = run,.segments = segments};
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
		status = write_keywords(&work, keywords, err);
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
