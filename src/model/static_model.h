/*
 * static_model.h
 *	  Making a static model: a tokenizer section from words, and the file.
 */
#ifndef UC_MODEL_STATIC_MODEL_H
#define UC_MODEL_STATIC_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

#define UC_STATIC_MAX_TOKENS 65536	/* words of a text that count */

typedef struct UcStaticWord
{
	const char *text;			/* folded, not terminated */
	uint32_t	bytes;			/* at least 1 */
	uint32_t	count;			/* how often the training texts have it */
} UcStaticWord;

/* A section in which word i has the id i; *section belongs to the caller (uc_free). Words differ; `count` is at least 1. */
extern UcStatus uc_static_section(const UcStaticWord *words, uint32_t count, char **section, size_t *bytes, UcError *err);

typedef struct UcStaticContent
{
	const char *section;
	size_t		section_bytes;
	const char *metadata;		/* pairs, as uc_metadata_add gives them */
	size_t		metadata_bytes;
	uint32_t	words;
	uint32_t	dimensions;
	const float *vectors;		/* [words, dimensions] */
	bool		compact;		/* they are kept in 4 bits each, where 32 divides dimensions, not as float16 */
	const float *weights;		/* [words] */
	const float *mean;			/* [dimensions] */
	const UcRun *run;			/* may stop the writing; NULL: nobody does */
} UcStaticContent;

/*
 * Writes the file, which appears complete or not at all, and only where nothing has its name. Errors: UC_INVALID_ARGUMENT
 * (compact, and 32 does not divide dimensions), UC_IO_ERROR, UC_INTERRUPTED.
 */
extern UcStatus uc_static_write(const char *output, const UcStaticContent *content, UcError *err);

#endif
