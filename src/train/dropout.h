/*
 * dropout.h
 *	  Dropout at BERT's places: each value is zero with probability `rate`, the others grow by 1 / (1 - rate).
 *
 * Masks are not kept but computed where they are needed, from a key of the text and of the row within it: they do not depend
 * on threads or on which texts share a pass, and the way back finds those of the way forward.
 */
#ifndef UC_TRAIN_DROPOUT_H
#define UC_TRAIN_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

typedef enum UcDropoutPlace
{
	UC_DROPOUT_EMBEDDINGS,		/* behind their norm */
	UC_DROPOUT_ATTENTION,		/* what attention gives, before the residual */
	UC_DROPOUT_OUTPUT,			/* what the feed-forward layer gives, before the residual */
	UC_DROPOUT_HEAD				/* + number of the head: behind the softmax of attention */
} UcDropoutPlace;

typedef struct UcDropout
{
	float		rate;			/* from above 0 to below 1 */
	const uint64_t *keys;		/* [texts] of a batch: equal keys, equal masks */
} UcDropout;

/* The key of the text at `place` in a step whose key is `step`. */
extern uint64_t uc_dropout_key(uint64_t step, uint64_t place);

/* Rows `position` … of a text: row [n] each, in place. */
extern void uc_dropout_rows(const UcDropout *dropout, size_t text, size_t layer, UcDropoutPlace place, size_t position,
							float *rows, size_t count, size_t n);

#endif
