/*
 * fine_tune.h
 *	  Fine-tuning: a working copy of a model moved step by step, and kept only where texts held back say it is better.
 *
 * A few examples are held back (examples.h); their loss is taken before, and a few times an epoch. The weights
 * kept are those of the lowest; training ends early when several checks in a row were not lower.
 *
 * Labels say what is better, so with them the loss on what is held back decides. Without, that loss falls in training that does
 * harm too; then the model is kept unless the texts' groups agree less and lie less apart than the base model's (structure.h), on texts held back
 * and, where these are few, others.
 *
 *	  examples.h   the texts' tokens, which are held back, who is whose partner
 *	  lesson.h     one step's texts to their loss and its gradient
 *	  adam.h       the gradient to a step of the weights
 *	  structure.h  whether it helped, without labels
 *	  fine_tune.c  epochs, checks, the best weights
 */
#ifndef UC_TRAIN_FINE_TUNE_H
#define UC_TRAIN_FINE_TUNE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "train/options.h"
#include "train/weights.h"

/* Bytes that training with these options and `count` texts takes at most, the working copy of the weights included. */
extern size_t uc_fine_tune_memory(const UcWeights *weights, const UcFineTuneOptions *options, const UcText *texts, size_t count,
								  int threads);

/*
 * What can be refused before there are texts: options out of range (UC_INVALID_ARGUMENT), and a model that exceeds the run's memory
 * even with few short ones (UC_MEMORY_LIMIT).
 */
extern UcStatus uc_fine_tune_check(const UcWeights *weights, const UcFineTuneOptions *options, const UcRun *run, UcError *err);

/*
 * texts and labels as the objective wants them (options.h). weights end as those of the lowest loss that was met. Errors:
 * UC_INVALID_ARGUMENT (an option out of range), UC_INVALID_DATA (too few examples, one label, a text without tokens or
 * not UTF-8), UC_MEMORY_LIMIT (before any work), UC_OUT_OF_MEMORY, UC_INTERRUPTED (weights are then undefined).
 */
extern UcStatus uc_fine_tune(UcWeights *weights, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
							 const int32_t *labels, const UcFineTuneOptions *options, const UcRun *run,
							 UcFineTuneResult *result, UcError *err);

#endif
