/*
 * adapters.h
 *	  Low-rank adapters (LoRA, https://arxiv.org/abs/2106.09685): each linear weight W [out, in] of the last layers becomes
 *	  W + UC_ADAPTER_SCALE · B · A with A [rank, in] and B [out, rank], and only A and B are trained.
 *
 * Query, key and value are one weight and have one adapter. A begins random and B at 0, so that the model begins as it was.
 * Passes see the sums, made after every step: the result needs no further merging.
 */
#ifndef UC_TRAIN_ADAPTERS_H
#define UC_TRAIN_ADAPTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "train/parameters.h"
#include "train/weights.h"

#define UC_ADAPTED 4			/* weights of a layer: qkv, attention, up, down */
#define UC_ADAPTER_SCALE 2.0f

typedef struct UcAdapter
{
	float	   *weight;			/* [out, in] of the working copy */
	float	   *base;			/* [out, in] what it was */
	size_t		out;
	size_t		in;
	size_t		a;				/* offset in values of A [rank, in] */
	size_t		b;				/* offset in values of B [out, rank] */
} UcAdapter;

typedef struct UcAdapters
{
	size_t		rank;
	uint32_t	lowest;			/* layer adapted */
	size_t		count;
	UcAdapter  *adapters;		/* [count], UC_ADAPTED to a layer from `lowest` on */
	float	   *values;			/* [total] all A and B */
	size_t		total;
} UcAdapters;

/* Floats of A and B of the last `layers` layers. */
extern size_t uc_adapters_floats(const UcWeights *weights, size_t layers, size_t rank);

/* Bytes of those and of the copies of the weights they are added to. */
extern size_t uc_adapters_memory(const UcWeights *weights, size_t layers, size_t rank);

/* `rank` is at least 1 and at most the model's width. The weights must outlive the adapters. Errors: UC_OUT_OF_MEMORY. */
extern UcStatus uc_adapters_create(UcWeights *weights, size_t layers, size_t rank, uint64_t seed, UcAdapters **adapters,
								   UcError *err);
extern void uc_adapters_free(UcAdapters *adapters);

extern UcStatus uc_parameters_add_adapters(UcParameters *parameters, UcAdapters *adapters, UcError *err);

/* The working copy's weights from the adapters' present values. Errors: UC_INTERRUPTED. */
extern UcStatus uc_adapters_merge(const UcAdapters *adapters, const UcRun *run, UcError *err);

/*
 * Adds to gradient [total] what a weight's gradient d_out ᵀ · x makes of its A and B, without that product: d_out [rows, out]
 * and x [rows, in]; scratch [rows, rank].
 */
extern void uc_adapter_gradient(const UcAdapters *adapters, const UcAdapter *adapter, const float *d_out, const float *x,
								size_t rows, float *scratch, float *gradient);

#endif
