/*
 * writer.c
 *	  Sections, fingerprint, and the file's name at the end.
 */
#include "model/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

UcStatus
uc_writer_begin(UcModelWriter *writer, const char *output, UcError *err)
{
	int			fd;

	memset(writer, 0, sizeof *writer);
	if (snprintf(writer->output, sizeof writer->output, "%s", output) >= (int) sizeof writer->output ||
		snprintf(writer->temporary, sizeof writer->temporary, "%s.XXXXXX", output) >= (int) sizeof writer->temporary)
		return uc_error(err, UC_INVALID_ARGUMENT, "path is too long");
	fd = mkstemp(writer->temporary);
	if (fd < 0)
		return uc_error(err, UC_IO_ERROR, "could not create \"%s\": %s", writer->temporary, strerror(errno));
	writer->file = fdopen(fd, "wb");
	if (writer->file == NULL)
	{
		close(fd);
		unlink(writer->temporary);
		return uc_out_of_memory(err, BUFSIZ);
	}
	memcpy(writer->header.magic, UC_MODEL_MAGIC, sizeof writer->header.magic);
	writer->header.version = UC_MODEL_VERSION;
	writer->header.byte_order = UC_MODEL_BYTE_ORDER;
	uc_sha256_begin(&writer->hash);
	fwrite(&writer->header, 1, sizeof writer->header, writer->file);
	writer->at = sizeof writer->header;
	return UC_OK;
}

void
uc_writer_bytes(UcModelWriter *writer, const void *data, size_t bytes)
{
	fwrite(data, 1, bytes, writer->file);
	uc_sha256_add(&writer->hash, data, bytes);
	writer->at += bytes;
}

UcSpan
uc_writer_section(UcModelWriter *writer, const void *data, size_t bytes)
{
	static const char zeros[UC_ALIGNMENT];
	UcSpan		span;

	uc_writer_bytes(writer, zeros, uc_size_align(writer->at) - writer->at);
	span = (UcSpan) {writer->at, bytes};
	if (bytes > 0)
		uc_writer_bytes(writer, data, bytes);
	return span;
}

static UcStatus
finish(UcModelWriter *writer, UcError *err)
{
	FILE	   *file = writer->file;

	writer->header.file_bytes = writer->at;
	uc_sha256_end(&writer->hash, writer->header.fingerprint);
	rewind(file);
	fwrite(&writer->header, 1, sizeof writer->header, file);
	if (fflush(file) != 0 || ferror(file) || fsync(fileno(file)) != 0)
		return uc_error(err, UC_IO_ERROR, "could not write the model file: %s", strerror(errno));
	fchmod(fileno(file), 0644); /* the server runs as another user */
	return UC_OK;
}

UcStatus
uc_writer_end(UcModelWriter *writer, UcStatus status, bool replace, UcError *err)
{
	if (status == UC_OK)
		status = finish(writer, err);
	if (fclose(writer->file) != 0 && status == UC_OK)
		status = uc_error(err, UC_IO_ERROR, "could not write \"%s\": %s", writer->temporary, strerror(errno));
	/* A second name for the file fails where one is there already; rename would take its place. */
	if (status == UC_OK && (replace ? rename : link) (writer->temporary, writer->output) != 0)
		status = errno == EEXIST ? uc_error(err, UC_INVALID_ARGUMENT, "\"%s\" exists already", writer->output) :
			uc_error(err, UC_IO_ERROR, "could not rename \"%s\" to \"%s\": %s", writer->temporary, writer->output, strerror(errno));
	if (status != UC_OK || !replace)
		unlink(writer->temporary);
	return status;
}

UcStatus
uc_metadata_add(char **metadata, size_t *bytes, const char *key, const char *value, UcError *err)
{
	size_t		key_bytes = strlen(key) + 1,
				value_bytes = strlen(value) + 1;
	char	   *grown = realloc(*metadata, *bytes + key_bytes + value_bytes);

	if (grown == NULL)
		return uc_out_of_memory(err, *bytes + key_bytes + value_bytes);
	memcpy(grown + *bytes, key, key_bytes);
	memcpy(grown + *bytes + key_bytes, value, value_bytes);
	*metadata = grown;
	*bytes += key_bytes + value_bytes;
	return UC_OK;
}
