/*
 * examples.h
 *	  What is learnt from: the tokens of all texts, which examples are held back, and who is whose partner.
 */
#ifndef UC_TRAIN_EXAMPLES_H
#define UC_TRAIN_EXAMPLES_H

#include "base/random.h"
#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "train/options.h"

typedef struct UcExamples
{
	UcObjective objective;
	size_t		count;			/* pairs, or texts */
	size_t		texts;
	const int32_t *labels;		/* [count] the caller's, or NULL */
	uint32_t   *ids;			/* of all texts, one behind the other */
	size_t	   *starts;			/* [texts + 1] */
	size_t	   *order;			/* [count] the first `held` are held back: a twentieth, 16 to 256, but not above a fifth */
	size_t		held;
	size_t	   *partners;		/* [count - held] with labels: the texts not held back, sorted by label */
} UcExamples;

/* Bytes for these texts, at most where the tokenizer's normalisation does not lengthen them. */
extern size_t uc_examples_memory(const UcText *texts, size_t count, const UcFineTuneOptions *options);

/*
 * Tokenizes and draws what is held back with `random`. Ended by uc_examples_free, also after an error. Errors:
 * UC_INVALID_DATA (a text without tokens or not UTF-8), UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_examples_make(UcExamples *examples, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
								 const int32_t *labels, const UcFineTuneOptions *options, UcRandom *random, const UcRun *run,
								 UcError *err);
extern void uc_examples_free(UcExamples *examples);

/* A new order of what is not held back. */
extern void uc_examples_shuffle(UcExamples *examples, UcRandom *random);

/*
 * The texts of the examples order[at] … : numbers [2 * count], the first ones, then the second ones. Partners by label are
 * never held back: a few texts suffice to see whether they find their kind. A text whose label no other one has is its own
 * partner, as all are without supervision.
 */
extern void uc_examples_choose(const UcExamples *examples, size_t at, size_t count, UcRandom *random, size_t *numbers);

#endif
