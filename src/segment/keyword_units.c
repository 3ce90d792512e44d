/*
 * keyword_units.c
 *	  Phrases, from those of two words to longer ones: each level joins phrases of the one before with the next word, and only
 *	  what was found frequent there, so that the table of candidates stays small.
 */
#include "segment/keyword_units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define LEAST_OCCURRENCES 3
#define LEAST_ASSOCIATION 0.35
#define FIRST_SLOTS 1024
#define POLL_EVERY 65536		/* tokens */

/* A pair that could be a phrase. */
typedef struct Pair
{
	uint32_t	left;			/* UC_NO_UNIT: a free slot */
	uint32_t	term;
	uint32_t	occurrences;
	uint32_t	unit;			/* that it becomes, or UC_NO_UNIT */
} Pair;

typedef struct Pairs
{
	Pair	   *slots;			/* [room] */
	size_t		room;			/* a power of two */
	size_t		count;
} Pairs;

static Pair *
pair_slot(const Pairs *pairs, uint32_t left, uint32_t term)
{
	uint64_t	hash = ((uint64_t) left << 32 | term) * 0x9E3779B97F4A7C15u;

	for (size_t at = (size_t) (hash ^ hash >> 32);; at++)
	{
		Pair	   *slot = &pairs->slots[at & (pairs->room - 1)];

		if (slot->left == UC_NO_UNIT || (slot->left == left && slot->term == term))
			return slot;
	}
}

static UcStatus
pairs_grow(Pairs *pairs, UcBudget *budget, UcError *err)
{
	Pairs		old = *pairs;
	UcStatus	status;

	pairs->room = old.room == 0 ? FIRST_SLOTS : uc_size_mul(old.room, 2);
	status = uc_budget_alloc(budget, pairs->room, sizeof(Pair), (void **) &pairs->slots, err);
	if (status != UC_OK)
	{
		*pairs = old;
		return status;
	}
	memset(pairs->slots, 0xFF, pairs->room * sizeof(Pair));
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].left != UC_NO_UNIT)
			*pair_slot(pairs, old.slots[i].left, old.slots[i].term) = old.slots[i];
	uc_budget_free(budget, old.slots, old.room, sizeof(Pair));
	return UC_OK;
}

static UcStatus
pairs_count(Pairs *pairs, uint32_t left, uint32_t term, UcBudget *budget, UcError *err)
{
	Pair	   *slot;
	UcStatus	status;

	if (pairs->count * 2 >= pairs->room && (status = pairs_grow(pairs, budget, err)) != UC_OK)
		return status;
	slot = pair_slot(pairs, left, term);
	if (slot->left == UC_NO_UNIT)
	{
		*slot = (Pair) {.left = left,.term = term,.unit = UC_NO_UNIT};
		pairs->count++;
	}
	slot->occurrences++;
	return UC_OK;
}

/* ---- levels ---- */

/* The pair that ends at token i, of the phrase or word before it and its own term; false: there is none. */
static bool
pair_at(const UcKeywordTexts *texts, const UcUnits *units, int level, size_t i, uint32_t *left, uint32_t *term)
{
	if (i == 0 || UC_TOKEN_GAP(texts->words[i]) == UC_GAP_BREAK)
		return false;
	*left = units->at[level - 1][i - 1];
	*term = units->at[0][i];
	if (*left == UC_NO_UNIT || *term == UC_NO_UNIT || units->units[*left].term == *term)
		return false;
	/* Both halves of a longer phrase are phrases. */
	if (level > 1 && units->at[1][i] == UC_NO_UNIT)
		return false;
	return units->units[*left].occurrences >= LEAST_OCCURRENCES && units->units[*term].occurrences >= LEAST_OCCURRENCES;
}

static bool
is_collocation(const Pair *pair, const UcUnits *units, double all)
{
	double		both = pair->occurrences;
	double		information;

	if (pair->occurrences < LEAST_OCCURRENCES)
		return false;
	information = log(both * all / ((double) units->units[pair->left].occurrences * units->units[pair->term].occurrences));
	return information >= LEAST_ASSOCIATION * -log(both / all);
}

/* By their parts, so that the order of the texts does not matter. */
static int
compare_pairs(const void *a, const void *b)
{
	const Pair *left = a;
	const Pair *right = b;

	if (left->left != right->left)
		return left->left < right->left ? -1 : 1;
	return (left->term > right->term) - (left->term < right->term);
}

/* The collocations among the pairs become units; the others leave the table. */
static UcStatus
keep_collocations(Pairs *pairs, UcUnits *units, double all, int level, UcBudget *budget, UcError *err)
{
	size_t		kept = 0;
	Pairs		table = {.slots = NULL};
	UcStatus	status;

	for (size_t i = 0; i < pairs->room; i++)
		if (pairs->slots[i].left != UC_NO_UNIT && is_collocation(&pairs->slots[i], units, all))
			pairs->slots[kept++] = pairs->slots[i];
	if (kept > 0)
		qsort(pairs->slots, kept, sizeof(Pair), compare_pairs);
	status = uc_budget_grow(budget, (void **) &units->units, &units->room, uc_size_add(units->count, kept), sizeof(UcUnit), err);
	while (status == UC_OK && table.room < 2 * kept)
		status = pairs_grow(&table, budget, err);
	for (size_t i = 0; status == UC_OK && i < kept; i++)
	{
		Pair	   *pair = &pairs->slots[i];

		pair->unit = units->count++;
		units->units[pair->unit] = (UcUnit) {
			.left = pair->left,.term = pair->term,.occurrences = pair->occurrences,.length = (uint8_t) (level + 1)
		};
		*pair_slot(&table, pair->left, pair->term) = *pair;
	}
	table.count = kept;
	uc_budget_free(budget, pairs->slots, pairs->room, sizeof(Pair));
	*pairs = table;
	return status;
}

static UcStatus
count_pairs(UcKeywordTexts *texts, const UcUnits *units, int level, const UcRun *run, Pairs *pairs, UcError *err)
{
	UcStatus	status = UC_OK;
	uint32_t	left,
				term;

	for (size_t i = 0; i < texts->tokens && status == UC_OK; i++)
	{
		if (i % POLL_EVERY == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (pair_at(texts, units, level, i, &left, &term))
			status = pairs_count(pairs, left, term, &texts->budget, err);
	}
	return status;
}

static UcStatus
find_level(UcKeywordTexts *texts, UcUnits *units, int level, double all, const UcRun *run, UcError *err)
{
	Pairs		pairs = {.slots = NULL};
	UcStatus	status = count_pairs(texts, units, level, run, &pairs, err);

	if (status == UC_OK)
		status = keep_collocations(&pairs, units, all, level, &texts->budget, err);
	if (status == UC_OK && pairs.count > 0)
		status = uc_budget_alloc(&texts->budget, texts->tokens, sizeof(uint32_t), (void **) &units->at[level], err);
	if (status == UC_OK && pairs.count > 0)
	{
		for (size_t i = 0; i < texts->tokens; i++)
		{
			uint32_t	left,
						term;

			units->at[level][i] = pair_at(texts, units, level, i, &left, &term) ? pair_slot(&pairs, left, term)->unit : UC_NO_UNIT;
		}
		units->longest = level + 1;
	}
	uc_budget_free(&texts->budget, pairs.slots, pairs.room, sizeof(Pair));
	return status;
}

/* ---- all of it ---- */

static UcStatus
find_terms(UcKeywordTexts *texts, UcUnits *units, double *all, UcError *err)
{
	UcStatus	status = uc_budget_grow(&texts->budget, (void **) &units->units, &units->room, texts->stems.count, sizeof(UcUnit), err);

	if (status != UC_OK)
		return status;
	units->count = texts->stems.count;
	units->longest = 1;
	units->at[0] = texts->terms;
	for (uint32_t i = 0; i < units->count; i++)
		units->units[i] = (UcUnit) {.left = UC_NO_UNIT,.term = i,.length = 1,.weak = texts->weak[i]};
	*all = 0;
	for (size_t i = 0; i < texts->tokens; i++)
		if (texts->terms[i] != UC_NO_TERM)
		{
			units->units[texts->terms[i]].occurrences++;
			*all += 1;
		}
	return UC_OK;
}

static UcStatus
count_support(UcKeywordTexts *texts, UcUnits *units, const UcRun *run, UcError *err)
{
	uint32_t   *seen;			/* row, counted from 1, that a unit was last seen in */
	size_t		token = 0;
	UcStatus	status = uc_budget_alloc(&texts->budget, units->count, sizeof(uint32_t), (void **) &seen, err);

	if (status != UC_OK)
		return status;
	memset(seen, 0, units->count * sizeof(uint32_t));
	for (size_t row = 0; row < texts->rows && status == UC_OK; row++)
		for (; token < texts->stops[row]; token++)
		{
			if (token % POLL_EVERY == 0 && uc_interrupted(run))
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
				units->units[unit].support++;
			}
		}
	uc_budget_free(&texts->budget, seen, units->count, sizeof(uint32_t));
	return status;
}

UcStatus
uc_units_find(UcKeywordTexts *texts, int longest, const UcRun *run, UcUnits *units, UcError *err)
{
	double		all;
	UcStatus	status = find_terms(texts, units, &all, err);

	for (int level = 1; status == UC_OK && level < longest && units->longest == level; level++)
		status = find_level(texts, units, level, all, run, err);
	if (status == UC_OK)
		status = count_support(texts, units, run, err);
	return status;
}

void
uc_units_free(UcUnits *units)
{
	uc_free(units->units);
	/* at[0] is the texts' own */
	for (int level = 1; level < UC_PHRASE_LONGEST; level++)
		uc_free(units->at[level]);
	memset(units, 0, sizeof *units);
}
