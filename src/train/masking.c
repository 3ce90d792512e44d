/*
 * masking.c
 *	  Choosing by hashes of key and position: the same for a text however it is batched.
 */
#include "train/masking.h"

#include <string.h>

#include "base/memory.h"
#include "train/dropout.h"

/* Three numbers for each position. */
enum
{
	CHOSEN,
	REPLACED,
	WORD,
	NUMBERS
};

UcStatus
uc_masking_make(UcMasking *m, const UcTokenizer *tokenizer, uint32_t vocabulary, double share, UcError *err)
{
	static const char *const names[] = {"[MASK]", "<mask>"};
	bool		words = false;

	*m = (UcMasking) {.mask = UINT32_MAX,.vocabulary = vocabulary,.share = share};
	for (size_t i = 0; i < sizeof names / sizeof *names && m->mask == UINT32_MAX; i++)
		m->mask = uc_token_id(tokenizer, names[i], strlen(names[i]));
	if (m->mask >= vocabulary)
	{
		uc_error(err, UC_UNSUPPORTED, "the model's tokenizer has no mask token");
		uc_error_detail(err, "Neither %s nor %s is among its tokens.", names[0], names[1]);
		uc_error_hint(err, "Choose another objective, or another base model.");
		return UC_UNSUPPORTED;
	}
	m->special = uc_alloc(vocabulary * sizeof *m->special);
	if (m->special == NULL)
		return uc_out_of_memory(err, vocabulary * sizeof *m->special);
	for (uint32_t id = 0; id < vocabulary; id++)
	{
		m->special[id] = id == m->mask || uc_token_special(tokenizer, id);
		words = words || !m->special[id];
	}
	return words ? UC_OK : uc_error(err, UC_UNSUPPORTED, "the model's tokenizer has no words");
}

void
uc_masking_free(UcMasking *m)
{
	uc_free(m->special);
}

static double
unit(uint64_t key, size_t position, int number)
{
	return (double) (uc_dropout_key(key, position * NUMBERS + (size_t) number) >> 11) * 0x1p-53;
}

/* The first word at or behind a place drawn in the vocabulary. */
static uint32_t
draw_word(const UcMasking *m, double where)
{
	uint32_t	id = (uint32_t) (where * m->vocabulary);

	while (m->special[id])
		id = id + 1 < m->vocabulary ? id + 1 : 0;
	return id;
}

size_t
uc_mask_text(const UcMasking *m, const uint32_t *ids, size_t tokens, uint64_t key, uint32_t *seen, size_t *places)
{
	size_t		count = 0,
				best = tokens;

	memcpy(seen, ids, tokens * sizeof *seen);
	for (size_t i = 0; i < tokens; i++)
	{
		double		drawn = unit(key, i, CHOSEN);

		if (m->special[ids[i]])
			continue;
		if (best == tokens || drawn < unit(key, best, CHOSEN))
			best = i;
		if (drawn < m->share)
			places[count++] = i;
	}
	if (count == 0 && best < tokens)
		places[count++] = best;
	for (size_t i = 0; i < count; i++)
	{
		double		drawn = unit(key, places[i], REPLACED);

		if (drawn < 0.8)
			seen[places[i]] = m->mask;
		else if (drawn < 0.9)
			seen[places[i]] = draw_word(m, unit(key, places[i], WORD));
	}
	return count;
}
