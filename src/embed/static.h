/*
 * static.h
 *	  Vectors of a static model: the words of a text, weighted by how much they say, summed.
 *
 * With c the counts of a text's words, w their weights and V their vectors it is the mean of the training texts'
 * embeddings plus (sum of c·w·V) / |c·w|, scaled to length 1 (after Arora, Liang and Ma 2017, which is where the weights come from).
 */
#ifndef UC_EMBED_STATIC_H
#define UC_EMBED_STATIC_H

#include "base/status.h"
#include "embed/encoder.h"
#include "model/model.h"

typedef struct UcStaticSum UcStaticSum;

/* Buffers of one thread, and their bytes. */
extern size_t uc_static_memory(const UcModel *model);
extern UcStatus uc_static_create(const UcModel *model, UcStaticSum **made, UcError *err);
extern void uc_static_free(UcStaticSum *made);	/* takes NULL */

/* As uc_encoder_run, and never beyond 20 ms: a batch is no more than uc_encoder_capacity words. */
extern UcStatus uc_static_run(UcStaticSum *made, const UcBatch *batch, float *out, UcError *err);

#endif
