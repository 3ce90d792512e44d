/*
 * fine_tune.h
 *	  Fine-tuning: a working copy of a model moved by contrastive steps, and kept only where texts held back say it is better.
 *
 * Each step takes `batch` pairs (train/contrast.h; no dropout). A pair's two texts are the caller's, or with labels a text
 * and another one of its label, drawn anew every epoch. One tenth of the pairs (labels: of the texts), at most 512, is held
 * back; their loss is taken before, and CHECKS times an epoch. The weights kept are those of the lowest; training ends
 * early when PATIENCE checks in a row were not lower.
 */
#ifndef UC_TRAIN_FINE_TUNE_H
#define UC_TRAIN_FINE_TUNE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "train/weights.h"

typedef struct UcFineTuneOptions
{
	size_t		epochs;
	size_t		batch;			/* pairs in a step, 2 at least */
	double		rate;
	double		decay;
	double		scale;			/* of the cosine */
	size_t		layers;			/* the last so many are trained; the model's number or more: the embeddings too */
	size_t		max_tokens;		/* of a text in training; longer ones are cut */
	uint64_t	seed;
	const char *prompt;			/* put before every text; NULL: none */
} UcFineTuneOptions;

typedef struct UcFineTuneResult
{
	size_t		steps;			/* made */
	size_t		kept_step;		/* after which the weights kept were; 0: none was better than the base model */
	double		held_before;	/* loss of what is held back */
	double		held_after;		/* with the weights kept */
	double		last_loss;		/* of the last step */
	bool		not_finite;		/* training ended there */
} UcFineTuneResult;

/*
 * Without labels texts [2 * count]: pair i is text i and text count + i. With labels [count] texts [count]. weights end as the
 * best that were met. Errors: UC_INVALID_ARGUMENT (an option out of range), UC_INVALID_DATA (too few pairs, one label, a text
 * without tokens or not UTF-8), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED (weights are then undefined).
 */
extern UcStatus uc_fine_tune(UcWeights *weights, const UcTokenizer *tokenizer, const UcText *texts, size_t count,
						const int32_t *labels, const UcFineTuneOptions *options, const UcRun *run, UcFineTuneResult *result, UcError *err);

#endif
