/*
 * weights.h
 *	  A model's weights as floats that may change: the working copy that training moves.
 */
#ifndef UC_TRAIN_WEIGHTS_H
#define UC_TRAIN_WEIGHTS_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "model/model.h"

typedef struct UcWeight
{
	const UcTensorEntry *entry; /* in the base model's mapping */
	size_t		offset;			/* of its first float in values */
	size_t		count;			/* floats */
} UcWeight;

/* Holds the base model's mapping by reference: the base must stay open. */
typedef struct UcWeights
{
	UcModel		model;			/* the base with every pointer led into values: what uc_embed takes */
	float	   *values;			/* [total], the tensors one behind the other in the order of the file */
	size_t		total;
	UcWeight   *tensors;		/* [count] */
	size_t		count;
} UcWeights;

/* Bytes of a working copy; SIZE_MAX where they cannot be represented. */
extern size_t uc_weights_memory(const UcModel *base);

/*
 * Copies and dequantises; run NULL: nobody interrupts. Errors: UC_UNSUPPORTED (another architecture than BERT), UC_OUT_OF_MEMORY,
 * UC_INTERRUPTED.
 */
extern UcStatus uc_weights_create(const UcModel *base, const UcRun *run, UcWeights **weights, UcError *err);
extern void uc_weights_free(UcWeights *weights);

/* Where in values the tensor begins that this pointer of weights->model leads to. */
static inline size_t
uc_weight_offset(const UcWeights *weights, const float *tensor)
{
	return (size_t) (tensor - weights->values);
}

/* Where in values the weights begin that are trained when the last `layers` are; all of them: 0, the embeddings included. */
extern size_t uc_weights_trained(const UcWeights *weights, size_t layers);

#endif
