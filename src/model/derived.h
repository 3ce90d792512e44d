/*
 * derived.h
 *	  A new model file with the configuration and the tokenizer of an open one, other weights, and its lineage.
 */
#ifndef UC_MODEL_DERIVED_H
#define UC_MODEL_DERIVED_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "model/model.h"

/*
 * Writes `output`, which appears complete or not at all and must not exist. values: the base's tensors as floats, in the order
 * of its file, one behind the other; those that are the base's still keep its type. lineage [bytes]: metadata, as
 * uc_metadata_add gives it, that goes before the base's own, so that of two values of a key the new one is found.
 * Errors: UC_INVALID_ARGUMENT (it exists), UC_IO_ERROR, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_derived_write(const UcModel *base, const float *values, const char *lineage, size_t bytes,
								 const char *output, const UcRun *run, UcError *err);

#endif
