/*
 * import_derived.h
 *	  A new model file with the configuration and the tokenizer of an open one, other weights, and its lineage.
 */
#ifndef UC_MODEL_IMPORT_DERIVED_H
#define UC_MODEL_IMPORT_DERIVED_H

#include <stddef.h>

#include "base/status.h"
#include "model/model.h"

/*
 * Writes `output`, which appears complete or not at all and must not exist. values: the base's tensors as floats, in the
 * order of its file, one behind the other; lineage [bytes]: further metadata, NUL-terminated key, value, key, value.
 * Errors: UC_INVALID_ARGUMENT (it exists), UC_IO_ERROR, UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_write_derived(const UcModel *base, const float *values, const char *lineage, size_t bytes,
								 const char *output, UcError *err);

#endif
