/*
 * parameters.h
 *	  What a training moves: arrays of floats one behind the other, as their gradient and the optimiser's moments lie.
 */
#ifndef UC_TRAIN_PARAMETERS_H
#define UC_TRAIN_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "train/weights.h"

typedef struct UcPart
{
	float	   *values;			/* [count] owned by somebody else */
	size_t		count;
	size_t		offset;			/* of its first float among all */
	bool		decays;			/* a matrix; biases and norms do not */
	float		pace;			/* times the rate */
} UcPart;

typedef struct UcParameters
{
	UcPart	   *parts;			/* [count] */
	size_t		count;
	size_t		room;
	size_t		total;			/* floats */
} UcParameters;

/* Starts zeroed ({0}), ended by uc_parameters_free. Errors: UC_OUT_OF_MEMORY. */
extern UcStatus uc_parameters_add(UcParameters *parameters, float *values, size_t count, bool decays, float pace, UcError *err);
extern void uc_parameters_free(UcParameters *parameters);

/* The weights from `trained` on (uc_weights_trained of `layers`). */
extern UcStatus uc_parameters_add_weights(UcParameters *parameters, UcWeights *weights, size_t layers, UcError *err);

extern void uc_parameters_save(const UcParameters *parameters, float *copy);	/* copy [total] */
extern void uc_parameters_load(const UcParameters *parameters, const float *copy);

#endif
