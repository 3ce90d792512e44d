/*
 * pass.h
 *	  The encoder forward with what the way back needs, and the way back: gradients of every weight by the chain rule.
 *
 * Texts lie one behind the other without padding, as in embed/encoder.h. Threads share groups of texts on both ways, and
 * blocks of weights for the products that gather gradients, so that sums have one order whatever the number of threads.
 * Attention is computed again on the way back: what it keeps per token does not grow with the text.
 */
#ifndef UC_TRAIN_PASS_H
#define UC_TRAIN_PASS_H

#include "base/run.h"
#include "base/status.h"
#include "embed/encoder.h"
#include "train/adapters.h"
#include "train/dropout.h"
#include "train/weights.h"

typedef struct UcPass UcPass;

/* Bytes of a pass over at most `tokens` tokens and `texts` texts at a time; SIZE_MAX where they cannot be represented. */
extern size_t uc_pass_memory(const UcWeights *weights, size_t tokens, size_t texts, int threads);
extern UcStatus uc_pass_create(const UcWeights *weights, size_t tokens, size_t texts, int threads, UcPass **pass, UcError *err);
extern void uc_pass_free(UcPass *pass);

/*
 * Fills vectors [texts, dimensions], before any scaling to unit length; NULL: as far as the tokens of the last layer. The batch stays the caller's until the way back
 * is over. At most the threads of uc_pass_create run.
 */
extern UcStatus uc_pass_forward(UcPass *pass, const UcBatch *batch, const UcRun *run, float *vectors, UcError *err);

/* [tokens, hidden] of the last layer, of the last forward. */
extern const float *uc_pass_tokens(const UcPass *pass);

/* From the next forward on until the next call: keys [texts] of each batch; NULL: none. It stays the caller's. */
extern void uc_pass_drop(UcPass *pass, const UcDropout *dropout);

/*
 * For the ways back until the next call: gradients are those of the adapters [adapters->total], and of nothing else; NULL: of
 * the weights. They stay the caller's. Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_pass_adapt(UcPass *pass, const UcAdapters *adapters, UcError *err);

/*
 * Adds to gradient [total - trained] what d_vectors [texts, dimensions] (d loss / d vectors of the last forward) make of
 * the weights from `trained` on (uc_weights_trained of `layers`), or of the adapters. Once per forward: the activations are used up.
 */
extern UcStatus uc_pass_backward(UcPass *pass, const float *d_vectors, size_t layers, float *gradient, const UcRun *run,
								 UcError *err);

/* The same from d_tokens [tokens, hidden] (d loss / d uc_pass_tokens), behind which there is no pooling. */
extern UcStatus uc_pass_backward_tokens(UcPass *pass, const float *d_tokens, size_t layers, float *gradient, const UcRun *run,
										UcError *err);

#endif
