/*
 * lesson.h
 *	  One step: the texts of some examples, their loss and, where the weights are to learn, its gradient.
 *
 * The contrastive loss of a batch needs the vectors of all its texts at once. Where they are more than one pass takes, all
 * go forward first, and each pass forward again before its way back: the gradient is that of one pass.
 */
#ifndef UC_TRAIN_LESSON_H
#define UC_TRAIN_LESSON_H

#include "base/random.h"
#include "base/run.h"
#include "base/status.h"
#include "train/adapters.h"
#include "train/examples.h"
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
extern void uc_lesson_free(UcLesson *lesson);

/*
 * The mean loss of the examples order[at] … order[at + count - 1], at most options->batch; their partners are drawn with
 * `random`, and so are the masks of dropout. Adds to gradient, laid out as in pass.h, unless that is NULL. Errors:
 * UC_INVALID_DATA (a loss that is not finite), UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_lesson_run(UcLesson *lesson, size_t at, size_t count, UcRandom *random, float *gradient, const UcRun *run,
							  double *loss, UcError *err);

#endif
