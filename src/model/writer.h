/*
 * writer.h
 *	  Writing a compiled model: beside its place, then renamed, so that a file appears complete or not at all.
 */
#ifndef UC_MODEL_WRITER_H
#define UC_MODEL_WRITER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/sha256.h"
#include "base/status.h"
#include "model/format.h"

typedef struct UcModelWriter
{
	UcModelHeader header;		/* the spans of its sections are the caller's to set */
	FILE	   *file;
	uint64_t	at;				/* bytes written so far, the header's place included */
	UcSha256	hash;			/* of everything behind the header */
	char		output[PATH_MAX];
	char		temporary[PATH_MAX];
} UcModelWriter;

/* Creates the file beside `output`. Every writer that was begun is ended. Errors: UC_INVALID_ARGUMENT, UC_IO_ERROR. */
extern UcStatus uc_writer_begin(UcModelWriter *writer, const char *output, UcError *err);

/* Failures to write show at the end. */
extern void uc_writer_bytes(UcModelWriter *writer, const void *data, size_t bytes);

/* The same at the next aligned place, which is returned; with 0 bytes it only moves on to it. */
extern UcSpan uc_writer_section(UcModelWriter *writer, const void *data, size_t bytes);

/*
 * With UC_OK: writes the header, the fingerprint included, and gives the file its name; where `replace` is false, only if
 * nothing has that name. With another status, or where that fails, the file is removed. Returns the status, or UC_IO_ERROR, or UC_INVALID_ARGUMENT where something has the name.
 */
extern UcStatus uc_writer_end(UcModelWriter *writer, UcStatus status, bool replace, UcError *err);

/* Appends a pair to metadata [*bytes], which realloc has given or is NULL. */
extern UcStatus uc_metadata_add(char **metadata, size_t *bytes, const char *key, const char *value, UcError *err);

#endif
