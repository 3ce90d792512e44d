/*
 * contrast.h
 *	  The contrastive loss over a batch of pairs: each first text is to find its own second text among those of the batch.
 *
 * loss = mean over i of -mean over j in P(i) of log softmax(scale · cos(a[i], b[·]))[j], where P(i) is {i}, or with labels all j of
 * i's label (https://arxiv.org/abs/1807.03748, https://arxiv.org/abs/2004.11362). One direction: b does not look for a.
 */
#ifndef UC_TRAIN_CONTRAST_H
#define UC_TRAIN_CONTRAST_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Bytes that a call allocates. */
extern size_t uc_contrast_memory(size_t pairs, size_t n);

/*
 * vectors [2 * pairs, n]: the first texts, then the second ones, of any length but zero. labels [pairs] or NULL. Fills
 * d_vectors [2 * pairs, n] (NULL: the loss alone). Errors: UC_INVALID_DATA (a vector or the loss that is not finite, or a vector of
 * length zero), UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_contrast(const float *vectors, size_t pairs, size_t n, const int32_t *labels, double scale, double *loss,
							float *d_vectors, UcError *err);

#endif
