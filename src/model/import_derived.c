/*
 * import_derived.c
 *	  Written beside its place, then linked into it: a file that is there is never replaced.
 */
#include "model/import_derived.h"

#include <errno.h>
#include <limits.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

typedef struct Writer
{
	FILE	   *file;
	SHA2_CTX	hash;
	uint64_t	at;
} Writer;

static void
put(Writer *w, const void *data, size_t bytes)
{
	if (bytes == 0)
		return;
	fwrite(data, 1, bytes, w->file);
	SHA256Update(&w->hash, data, bytes);
	w->at += bytes;
}

static void
align(Writer *w)
{
	static const char zeros[UC_ALIGNMENT];

	put(w, zeros, uc_size_align(w->at) - w->at);
}

static UcSpan
put_section(Writer *w, const void *data, size_t bytes, const void *more, size_t more_bytes)
{
	UcSpan		span;

	align(w);
	span = (UcSpan) {w->at, bytes + more_bytes};
	put(w, data, bytes);
	put(w, more, more_bytes);
	return span;
}

static UcStatus
write_model(const UcModel *base, const float *values, const char *lineage, size_t bytes, FILE *file, UcError *err)
{
	const UcModelHeader *from = (const UcModelHeader *) base->map;
	UcModelHeader header = *from;
	Writer		w = {.file = file};
	size_t		count = from->tensors.bytes / sizeof(UcTensorEntry);
	UcTensorEntry *table = uc_alloc(from->tensors.bytes);
	uint64_t	at;

	if (table == NULL)
		return uc_out_of_memory(err, from->tensors.bytes);
	memcpy(table, base->map + from->tensors.offset, from->tensors.bytes);
	SHA256Init(&w.hash);
	fwrite(&header, 1, sizeof header, file);
	w.at = sizeof header;
	header.config = put_section(&w, base->map + from->config.offset, from->config.bytes, NULL, 0);
	header.metadata = put_section(&w, base->metadata, base->metadata_bytes, lineage, bytes);
	header.tokenizer = put_section(&w, base->tokenizer, base->tokenizer_bytes, NULL, 0);
	at = uc_size_align(uc_size_align(w.at) + from->tensors.bytes);
	for (size_t i = 0; i < count; i++)
	{
		table[i].type = UC_TENSOR_F32;
		table[i].data = (UcSpan) {at, table[i].rows * table[i].columns * sizeof(float)};
		at = uc_size_align(at + table[i].data.bytes);
	}
	header.tensors = put_section(&w, table, from->tensors.bytes, NULL, 0);
	for (size_t i = 0; i < count; i++)
	{
		put_section(&w, values, table[i].data.bytes, NULL, 0);
		values += table[i].rows * table[i].columns;
	}
	uc_free(table);
	header.file_bytes = w.at;
	SHA256Final(header.fingerprint, &w.hash);
	rewind(file);
	fwrite(&header, 1, sizeof header, file);
	if (fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0)
		return uc_error(err, UC_IO_ERROR, "could not write the model file: %s", strerror(errno));
	return UC_OK;
}

UcStatus
uc_write_derived(const UcModel *base, const float *values, const char *lineage, size_t bytes, const char *output, UcError *err)
{
	char		temporary[PATH_MAX];
	UcStatus	status;
	FILE	   *file;
	int			fd;

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", output) >= (int) sizeof temporary)
		return uc_error(err, UC_INVALID_ARGUMENT, "path is too long");
	fd = mkstemp(temporary);
	if (fd < 0)
		return uc_error(err, UC_IO_ERROR, "could not create \"%s\": %s", temporary, strerror(errno));
	file = fdopen(fd, "wb");
	if (file == NULL)
	{
		close(fd);
		unlink(temporary);
		return uc_out_of_memory(err, BUFSIZ);
	}
	status = write_model(base, values, lineage, bytes, file, err);
	fchmod(fd, 0644);			/* the server runs as another user */
	if (fclose(file) != 0 && status == UC_OK)
		status = uc_error(err, UC_IO_ERROR, "could not write \"%s\": %s", temporary, strerror(errno));
	if (status == UC_OK && link(temporary, output) != 0)
		status = errno == EEXIST ? uc_error(err, UC_INVALID_ARGUMENT, "\"%s\" exists already", output) :
			uc_error(err, UC_IO_ERROR, "could not name \"%s\": %s", output, strerror(errno));
	unlink(temporary);
	return status;
}
