/*
 * head.h
 *	  The head that guesses masked words: a softmax over the whole vocabulary, on the encoder's last layer.
 *
 *	  logits [vocabulary] = E · (T · x + t) + c
 *
 * E are the model's own word embeddings, T [hidden, hidden], t [hidden] and c [vocabulary] belong to the head and are
 * thrown away with it. Model files for embeddings carry no such head. T begins at 0 and c at the logarithms of how often the
 * words occur: so the first loss is that of guessing by frequency, and while the encoder stands still the loss is convex in
 * what the head has to learn. It is fitted alone first; what the encoder then gains is its own.
 *
 * Logits are made a block of the vocabulary and a few hundred words at a time, and made again for the way back: memory does
 * not grow with words times vocabulary.
 */
#ifndef UC_TRAIN_HEAD_H
#define UC_TRAIN_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "train/weights.h"

#define UC_HEAD_BLOCK 2048		/* words of the vocabulary at a time */

typedef struct UcHead UcHead;

/* Floats of T, t and c, one behind the other. */
extern size_t uc_head_floats(const UcWeights *weights);

/* Bytes, those floats included. */
extern size_t uc_head_memory(const UcWeights *weights, size_t block, int threads);

/* counts [vocabulary] of the words in the texts. The weights must outlive the head. Errors: UC_OUT_OF_MEMORY. */
extern UcStatus uc_head_create(const UcWeights *weights, const size_t *counts, size_t block, int threads, UcHead **head,
							   UcError *err);
extern void uc_head_free(UcHead *head);
extern float *uc_head_values(UcHead *head); /* [uc_head_floats] */

/*
 * Adds to loss `share` times the sum of -log P(targets[i]) over x [count, hidden]. With d_values also its gradients: adds to
 * d_values [uc_head_floats], to d_word [vocabulary, hidden] unless NULL, and fills d_x [count, hidden]. Errors:
 * UC_INVALID_DATA (a loss that is not finite), UC_INTERRUPTED.
 */
extern UcStatus uc_head_run(UcHead *head, const float *x, const uint32_t *targets, size_t count, double share, float *d_x,
							float *d_values, float *d_word, const UcRun *run, double *loss, UcError *err);

#endif
