/*
 * import_tokenizer.h
 *	  tokenizer.json compiled into the section that token/ reads.
 */
#ifndef UC_MODEL_IMPORT_TOKENIZER_H
#define UC_MODEL_IMPORT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct UcImportedTokenizer
{
	char	   *section;		/* [bytes], owned */
	size_t		bytes;
	uint32_t	ids;			/* every id is below */
	uint64_t	model_max_length;	/* 0: not stated */
	char		sha256[65];		/* of tokenizer.json */
} UcImportedTokenizer;

/* UC_UNSUPPORTED names what cannot be represented exactly. Padding and truncation blocks are passed over. */
extern UcStatus uc_import_tokenizer(const char *directory, UcImportedTokenizer *out, UcError *err);
extern void uc_imported_tokenizer_free(UcImportedTokenizer *tokenizer);

#endif
