/*
 * distil_words.h
 *	  The vocabulary of texts: folded words with their counts, and the pieces that several of them share.
 */
#ifndef UC_EMBED_DISTIL_WORDS_H
#define UC_EMBED_DISTIL_WORDS_H

#include <stdbool.h>

#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "model/static_model.h"
#include "text/words.h"

typedef struct UcDistilWords
{
	UcWords    *breaker;		/* NULL for pieces */
	UcStaticWord *words;		/* [count] the texts belong to it */
	size_t		count;
	size_t		room;
	uint32_t   *slots;			/* [slot_count] index in words, UINT32_MAX: free */
	size_t		slot_count;		/* a power of two */
	size_t		bytes;			/* of all this, allocated; may begin with those of others, to be counted with them */
} UcDistilWords;

extern UcStatus uc_distil_words_open(UcDistilWords *words, UcError *err);	/* of a zeroed one */
extern void uc_distil_words_close(UcDistilWords *words);

/* Whether the text has a word. */
extern UcStatus uc_distil_words_any(UcDistilWords *words, UcText text, const UcRun *run, bool *any, UcError *err);
extern UcStatus uc_distil_words_add(UcDistilWords *words, UcText text, const UcRun *run, UcError *err);

/* The pieces of the first `count` words, each counted as often as a word has it. `pieces` is a zeroed one. */
extern UcStatus uc_distil_words_part(const UcDistilWords *words, size_t count, UcDistilWords *pieces, const UcRun *run,
									 UcError *err);

/* Sorts by falling count; the number of those that are counted `least` times or more, at most `limit`. Nothing is added afterwards. */
extern UcStatus uc_distil_words_finish(UcDistilWords *words, uint32_t least, size_t limit, uint32_t *kept, UcError *err);

/* Its index, or UINT32_MAX. */
extern uint32_t uc_distil_words_find(const UcDistilWords *words, const char *text, size_t bytes);

/* Distinct ids of a text with count times weight; both have room for tokens->count. */
extern void uc_distil_bag(const UcTokens *tokens, const float *weights, uint32_t *ids, float *values, size_t *count);

#endif
