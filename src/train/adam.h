/*
 * adam.h
 *	  AdamW (https://arxiv.org/abs/1711.05101) with a linear warm-up and decay, and gradients clipped to length 1.
 */
#ifndef UC_TRAIN_ADAM_H
#define UC_TRAIN_ADAM_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "train/parameters.h"

typedef struct UcAdam UcAdam;

typedef struct UcAdamOptions
{
	double		rate;			/* after the warm-up */
	double		decay;			/* of weights; biases and norms have none */
	size_t		steps;			/* planned; the rate ends at 0 behind the last */
	size_t		warm_up;		/* steps in which the rate rises */
} UcAdamOptions;

/* Bytes of the moments and the gradient of `total` floats. */
extern size_t uc_adam_memory(size_t total);

/* The parameters stay the caller's and must outlive the optimiser. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED. */
extern UcStatus uc_adam_create(const UcParameters *parameters, const UcAdamOptions *options, const UcRun *run, UcAdam **adam,
							   UcError *err);
extern void uc_adam_free(UcAdam *adam);

/* The rate of the step that comes next. */
extern double uc_adam_rate(const UcAdam *adam);

/* [parameters->total], zeros at first and after every step: what a lesson adds to. */
extern float *uc_adam_gradient(UcAdam *adam);

/*
 * One step with the gradient gathered. Errors: UC_INVALID_DATA where that is not finite (nothing was moved), UC_INTERRUPTED
 * (some may have been moved and others not).
 */
extern UcStatus uc_adam_step(UcAdam *adam, const UcRun *run, UcError *err);

#endif
