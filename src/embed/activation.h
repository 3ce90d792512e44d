/*
 * activation.h
 *	  The activation functions that a model file can name.
 */
#ifndef UC_EMBED_ACTIVATION_H
#define UC_EMBED_ACTIVATION_H

#include <stddef.h>

#include "model/format.h"

/* x[i] = activation(x[i]) over n floats */
extern void uc_activate(UcActivation activation, float *x, size_t n);

#endif
