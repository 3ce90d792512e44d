/*
 * import.h
 *	  Compiling a model directory into one .ucm file. Used by the tool alone; the server never reads these formats.
 *
 * Two kinds of directory are known: a Hugging Face / sentence-transformers one (config.json, model.safetensors,
 * tokenizer.json, modules.json …), and one that holds an E5S1 file of 4-bit weights (*.bin) beside a tokenizer.json.
 */
#ifndef UC_MODEL_IMPORT_H
#define UC_MODEL_IMPORT_H

#include <stddef.h>

#include "base/status.h"
#include "model/format.h"

typedef struct UcImportOptions
{
	const char *prompt;			/* NULL: what the directory declares */
	const char *licence;		/* NULL: none recorded */
} UcImportOptions;

/*
 * Compiles `directory` into `output`, which appears complete or not at all (written beside it, then renamed).
 * What cannot be represented exactly is refused by name with UC_UNSUPPORTED. Other errors: UC_NOT_FOUND (a file that must
 * be there), UC_CORRUPT (a file that contradicts itself), UC_IO_ERROR, UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_import(const char *directory, const char *output, const UcImportOptions *options, UcError *err);

/* Hashes a compiled model's content and compares it with the fingerprint in its header: UC_CORRUPT where they differ. */
extern UcStatus uc_verify(const char *path, UcError *err);

#endif
