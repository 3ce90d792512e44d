/*
 * derived.c
 *	  The sections of an open model, copied, with other weights in the last one.
 */
#include "model/derived.h"

#include <string.h>

#include "base/memory.h"
#include "model/writer.h"

#define BLOCK 1048576			/* bytes between two looks whether to go on */

static const UcModelHeader *
header_of(const UcModel *model)
{
	return (const UcModelHeader *) model->map;
}

/* What training left alone keeps its type: word embeddings of 4 bits would take eight times the space as floats. */
static UcStatus
is_unchanged(const UcModel *base, const UcTensorEntry *tensor, const float *values, bool *same, UcError *err)
{
	UcModel		source = {.config.hidden = (uint32_t) tensor->columns,.word = base->map + tensor->data.offset,
	.word_type = (UcTensorType) tensor->type};
	size_t		bytes = uc_size_mul(tensor->columns, sizeof(float));
	float	   *row = uc_alloc(bytes);

	if (row == NULL)
		return uc_out_of_memory(err, bytes);
	*same = true;
	for (uint64_t i = 0; i < tensor->rows && *same; i++)
	{
		uc_model_word(&source, (uint32_t) i, row);
		*same = memcmp(row, values + i * tensor->columns, bytes) == 0;
	}
	uc_free(row);
	return UC_OK;
}

static UcStatus
write_tensor(UcModelWriter *writer, const void *data, size_t bytes, const UcRun *run, UcError *err)
{
	uc_writer_section(writer, NULL, 0);
	for (size_t at = 0; at < bytes; at += BLOCK)
	{
		uc_progress_done(run, writer->at);
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_writer_bytes(writer, (const char *) data + at, bytes - at < BLOCK ? bytes - at : BLOCK);
	}
	return UC_OK;
}

/* Types and places of the tensors behind the table; sources [count] is filled with what each is to hold. */
static UcStatus
place_tensors(const UcModel *base, const float *values, UcTensorEntry *table, const void **sources, size_t count, uint64_t at,
			  UcError *err)
{
	for (size_t i = 0; i < count; i++)
	{
		UcTensorEntry *tensor = &table[i];
		size_t		floats = (size_t) (tensor->rows * tensor->columns);
		bool		same = false;
		UcStatus	status = UC_OK;

		if (tensor->type != UC_TENSOR_F32)
			status = is_unchanged(base, tensor, values, &same, err);
		if (status != UC_OK)
			return status;
		sources[i] = same ? (const void *) (base->map + tensor->data.offset) : values;
		if (!same)
		{
			tensor->type = UC_TENSOR_F32;
			tensor->data.bytes = floats * sizeof(float);
		}
		tensor->data.offset = uc_size_align(at);
		at = tensor->data.offset + tensor->data.bytes;
		values += floats;
	}
	return UC_OK;
}

static UcStatus
write_sections(UcModelWriter *writer, const UcModel *base, const float *values, const char *metadata, size_t bytes,
			   UcTensorEntry *table, const void **sources, const UcRun *run, UcError *err)
{
	const UcModelHeader *from = header_of(base);
	size_t		count = from->tensors.bytes / sizeof *table;
	UcStatus	status;

	writer->header.config = uc_writer_section(writer, base->map + from->config.offset, from->config.bytes);
	writer->header.metadata = uc_writer_section(writer, metadata, bytes);
	uc_writer_bytes(writer, base->metadata, base->metadata_bytes);
	writer->header.metadata.bytes += base->metadata_bytes;
	writer->header.tokenizer = uc_writer_section(writer, base->tokenizer, base->tokenizer_bytes);
	status = place_tensors(base, values, table, sources, count, uc_size_align(writer->at) + from->tensors.bytes, err);
	writer->header.tensors = uc_writer_section(writer, table, from->tensors.bytes);
	uc_progress_phase(run, "writing bytes", count == 0 ? 0 : (size_t) (table[count - 1].data.offset + table[count - 1].data.bytes));
	for (size_t i = 0; i < count && status == UC_OK; i++)
		status = write_tensor(writer, sources[i], table[i].data.bytes, run, err);
	return status;
}

UcStatus
uc_derived_write(const UcModel *base, const float *values, const char *lineage, size_t bytes, const char *output,
				 const UcRun *run, UcError *err)
{
	const UcSpan *tensors = &header_of(base)->tensors;
	UcTensorEntry *table = uc_alloc(tensors->bytes);
	const void **sources = uc_alloc(uc_size_mul(tensors->bytes / sizeof *table, sizeof *sources));
	UcModelWriter writer;
	UcStatus	status;

	if (table == NULL || sources == NULL)
		status = uc_out_of_memory(err, tensors->bytes);
	else
	{
		memcpy(table, base->map + tensors->offset, tensors->bytes);
		status = uc_writer_begin(&writer, output, err);
		if (status == UC_OK)
		{
			status = write_sections(&writer, base, values, lineage, bytes, table, sources, run, err);
			status = uc_writer_end(&writer, status, false, err);
		}
	}
	uc_free(table);
	uc_free(sources);
	return status;
}
