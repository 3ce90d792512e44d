/*
 * slope.h
 *	  The derivatives of the activation functions.
 */
#ifndef UC_TRAIN_SLOPE_H
#define UC_TRAIN_SLOPE_H

#include <stddef.h>

#include "model/format.h"

/* x[i] = gradient[i] * activation'(x[i]) over n floats; at a corner the slope of the left side */
extern void uc_slope(UcActivation activation, float *x, const float *gradient, size_t n);

#endif
