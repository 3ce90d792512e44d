/*
 * keyword_forms.c
 *	  How keywords are written: each in the form that it has most often in its segment.
 */
#include "segment/keyword_work.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define POLL_EVERY 65536		/* tokens */

/* One occurrence of a chosen keyword: its form there. */
typedef struct Occurrence
{
	uint32_t	chosen;
	uint32_t	token;			/* the last one */
} Occurrence;

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
	const UcKeywordWork *work = arg;
	const Occurrence *left = a;
	const Occurrence *right = b;

	if (left->chosen != right->chosen)
		return left->chosen < right->chosen ? -1 : 1;
	return compare_forms(work->texts, work->units.units[work->chosen[left->chosen].unit].length, left->token, right->token);
}

static UcStatus
append(UcKeywordWork *work, UcKeywords *keywords, const char *text, size_t bytes, UcError *err)
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
append_form(UcKeywordWork *work, UcKeywords *keywords, int length, uint32_t token, UcError *err)
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
write_form(UcKeywordWork *work, UcKeywords *keywords, int length, const Occurrence *occurrences, size_t count, UcError *err)
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
gather_occurrences(UcKeywordWork *work, Occurrence **occurrences, size_t *count, size_t *room, UcError *err)
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
				uint32_t	at = unit == UC_NO_UNIT ? UC_NO_PLACE : work->place[unit];
				UcStatus	status;

				while (at != UC_NO_PLACE && work->chosen[at].segment != texts->segments[row])
					at = work->chosen[at].phrase;
				if (at == UC_NO_PLACE)
					continue;
				status = uc_budget_grow(work->budget, (void **) occurrences, room, *count + 1, sizeof(Occurrence), err);
				if (status != UC_OK)
					return status;
				(*occurrences)[(*count)++] = (Occurrence) {at, (uint32_t) token};
			}
		}
	return UC_OK;
}

UcStatus
uc_keyword_forms(UcKeywordWork *work, UcKeywords *keywords, UcError *err)
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
		const UcKeywordCandidate *chosen = &work->chosen[i];
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
