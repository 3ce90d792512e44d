/*
 * import_config.h
 *	  Reading what a model directory says of itself, apart from weights and tokenizer.
 */
#ifndef UC_MODEL_IMPORT_CONFIG_H
#define UC_MODEL_IMPORT_CONFIG_H

#include "base/status.h"
#include "model/format.h"

typedef struct UcImportedConfig
{
	UcModelConfig config;		/* max_tokens 0: the directory states no limit of its own */
	char		prompt[1024];	/* "" where none is declared */
	char		dense_directory[256];	/* of the dense layer's weights, relative; "" where there is none */
} UcImportedConfig;

/* Reads config.json and the sentence-transformers module files. */
extern UcStatus uc_import_config(const char *directory, UcImportedConfig *out, UcError *err);

#endif
