/*
 * lesson.h
 *	  One step: the texts of some examples, their loss and, where the weights are to learn, its gradient.
 *
 * The contrastive loss of a batch needs the vectors of all its texts at once. Where they are more than one pass takes, all
 * go forward first, and each pass forward again before its way back: the gradient is that of one pass. Masked words are counted first, so that passes need
 * not know of each other.
 */
#ifndef UC_TRAIN_LESSON_H
#define UC_TRAIN_LESSON_H

#include "base/random.h"
#include "base/run.h"
#include "base/status.h"
#include "train/adapters.h"
#include "train/examples.h"
#include "train/head.h"
#include "train/masking.h"
#include "train/options.h"
#include "train/weights.h"

typedef struct UcLesson UcLesson;

/* Bytes where one pass takes `tokens` tokens, options->max_tokens at least. */
extern size_t uc_lesson_memory(const UcWeights *weights, const UcFineTuneOptions *options, size_t tokens, int threads);

/* weights, examples and options stay the caller's and must outlive the lesson. Errors: UC_OUT_OF_MEMORY. */
extern UcStatus uc_lesson_create(const UcWeights *weights, const UcExamples *examples, const UcFineTuneOptions *options,
								 size_t tokens, int threads, UcLesson **lesson, UcError *err);

/* From now on gradients are those of the adapters (pass.h). Errors: UC_OUT_OF_MEMORY. */
extern UcStatus uc_lesson_adapt(UcLesson *lesson, const UcAdapters *adapters, UcError *err);

/*
 * For UC_OBJECTIVE_MASKED, before the first run: makes the head. masking stays the caller's. Errors: UC_INVALID_DATA (no
 * words in the texts), UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_lesson_mask(UcLesson *lesson, const UcMasking *masking, UcError *err);
extern UcHead *uc_lesson_head(UcLesson *lesson);	/* NULL before that */

/* Fits the head to the encoder as it stands. Errors: as those of a run. */
extern UcStatus uc_lesson_fit_head(UcLesson *lesson, UcRandom *random, const UcRun *run, UcError *err);
extern void uc_lesson_free(UcLesson *lesson);

/*
 * The mean loss of the examples order[at] … order[at + count - 1], at most options->batch; their partners are drawn with
 * `random`, and so are the masks of words and of dropout. Adds to gradient, laid out as in pass.h, the head's behind it,
 * unless that is NULL. Errors: UC_INVALID_DATA (a loss that is not finite), UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_lesson_run(UcLesson *lesson, size_t at, size_t count, UcRandom *random, float *gradient, const UcRun *run,
							  double *loss, UcError *err);

#endif
