/*
 * static_model.c
 *	  Layout of a static model's sections.
 */
#include "model/static_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "model/format.h"
#include "model/model.h"
#include "model/tokenizer_format.h"
#include "model/writer.h"

static UcSpan
place(size_t *used, size_t bytes)
{
	UcSpan		span = {*used, bytes};

	*used = uc_size_add(*used, uc_size_align(bytes));
	return span;
}

static void
fill(char *section, const UcTokenizerHeader *h, const UcStaticWord *words)
{
	uint32_t   *starts = (uint32_t *) (section + h->piece_starts.offset);
	UcTokenSlot *slots = (UcTokenSlot *) (section + h->hash.offset);

	memcpy(section, h, sizeof *h);
	for (uint32_t i = 0; i < h->slots; i++)
		slots[i].id = UC_NO_ID;
	for (uint32_t id = 0; id < h->ids; id++)
	{
		uint64_t	hash = UC_HASH_BASIS;
		uint32_t	slot;

		memcpy(section + h->pieces.offset + starts[id], words[id].text, words[id].bytes);
		starts[id + 1] = starts[id] + words[id].bytes;
		for (uint32_t i = 0; i < words[id].bytes; i++)
			hash = uc_token_hash(hash, (uint8_t) words[id].text[i]);
		for (slot = uc_token_slot(hash, h->slots); slots[slot].id != UC_NO_ID;)
			slot = (slot + 1) & (h->slots - 1);
		slots[slot] = (UcTokenSlot) {(uint32_t) (hash >> 32), id};
	}
}

UcStatus
uc_static_section(const UcStaticWord *words, uint32_t count, char **section, size_t *bytes, UcError *err)
{
	UcTokenizerHeader h = {.kind = UC_TOKENIZER_STATIC,.ids = count,.slots = 16};
	size_t		used = uc_size_align(sizeof h),
				text = 0;

	memcpy(h.magic, UC_TOKENIZER_MAGIC, sizeof h.magic);
	for (uint32_t i = 0; i < count; i++)
	{
		text += words[i].bytes;
		if (words[i].bytes > h.max_piece)
			h.max_piece = words[i].bytes;
	}
	while (h.slots < 2 * count)
		h.slots *= 2;
	h.piece_starts = place(&used, ((size_t) count + 1) * sizeof(uint32_t));
	h.pieces = place(&used, text);
	h.scores = h.added = h.rewrites = h.charsmap_units = h.charsmap_text = (UcSpan) {used, 0};
	h.hash = place(&used, (size_t) h.slots * sizeof(UcTokenSlot));
	*section = uc_alloc_zeroed(used);
	if (*section == NULL)
		return uc_out_of_memory(err, used);
	fill(*section, &h, words);
	*bytes = used;
	return UC_OK;
}

/* IEEE half precision, to the nearest, even where two are as near; what is too large is the largest. */
static uint16_t
float_to_half(float value)
{
	uint32_t	bits,
				sign;

	memcpy(&bits, &value, sizeof bits);
	sign = bits >> 16 & 0x8000;
	bits &= 0x7FFFFFFF;
	if (bits >= 0x477FF000)
		return (uint16_t) (sign | 0x7BFF);
	if (bits < 0x38800000)
		return (uint16_t) (sign | (uint32_t) lrintf(ldexpf(fabsf(value), 24)));
	return (uint16_t) (sign | (bits - 0x38000000 + 0xFFF + (bits >> 13 & 1)) >> 13);
}

#define BLOCK 32				/* weights of UC_TENSOR_Q4_0 that share a scale */
#define BLOCK_BYTES 18
#define SCALES 16				/* that are tried for a block */

/* One of 16 steps from -8 to 7 for each value: that scale of several, around the least without clipping, that errs least. */
static void
pack_block(const float *values, uint8_t *out)
{
	float		widest = 0;
	double		least = INFINITY;
	uint16_t	half = 0;
	float		scale;

	for (int j = 0; j < BLOCK; j++)
		if (fabsf(values[j]) > fabsf(widest))
			widest = values[j];
	for (int i = 0; i < SCALES && widest != 0; i++)
	{
		uint16_t	tried = float_to_half(widest / -8 * (1.1f - 0.025f * (float) i));
		double		error = 0;

		uc_kernels()->widen(&scale, &tried, 1);
		for (int j = 0; j < BLOCK && scale != 0; j++)
		{
			float		steps = fminf(fmaxf(roundf(values[j] / scale), -8), 7);

			error += ((double) values[j] - (double) steps * scale) * ((double) values[j] - (double) steps * scale);
		}
		if (scale != 0 && error < least)
		{
			least = error;
			half = tried;
		}
	}
	memset(out, 0, BLOCK_BYTES);
	memcpy(out, &half, sizeof half);
	uc_kernels()->widen(&scale, &half, 1);
	for (int j = 0; j < BLOCK; j++)
	{
		float		steps = scale == 0 ? 0 : fminf(fmaxf(roundf(values[j] / scale), -8), 7);

		out[2 + j % 16] |= (uint8_t) ((int) steps + 8) << (j < 16 ? 0 : 4);
	}
}

static UcStatus
write_vectors(UcModelWriter *writer, const UcStaticContent *content, UcError *err)
{
	size_t		bytes = uc_tensor_row_bytes(content->compact ? UC_TENSOR_Q4_0 : UC_TENSOR_F16, content->dimensions);
	uint8_t    *row = uc_alloc(bytes);

	if (row == NULL)
		return uc_out_of_memory(err, bytes);
	uc_writer_section(writer, NULL, 0);
	for (size_t i = 0; i < content->words; i++)
	{
		const float *vector = content->vectors + i * content->dimensions;

		if (i % 1024 == 0 && content->run != NULL && uc_interrupted(content->run))
		{
			uc_free(row);
			return uc_interrupt_error(err);
		}
		if (content->compact)
			for (size_t block = 0; block < content->dimensions / BLOCK; block++)
				pack_block(vector + block * BLOCK, row + block * BLOCK_BYTES);
		else
			for (size_t j = 0; j < content->dimensions; j++)
				((uint16_t *) row)[j] = float_to_half(vector[j]);
		uc_writer_bytes(writer, row, bytes);
	}
	uc_free(row);
	return UC_OK;
}

static UcTensorEntry
entry(const char *name, uint32_t type, uint64_t rows, uint64_t columns, uint64_t *at)
{
	UcTensorEntry made = {.type = type,.rank = rows == 1 ? 1 : 2,.rows = rows,.columns = columns};

	snprintf(made.name, sizeof made.name, "%s", name);
	made.data = (UcSpan) {uc_size_align(*at), rows * uc_tensor_row_bytes(type, columns)};
	*at = made.data.offset + made.data.bytes;
	return made;
}

UcStatus
uc_static_write(const char *output, const UcStaticContent *content, UcError *err)
{
	UcModelConfig config = {.architecture = UC_ARCHITECTURE_STATIC,.hidden = content->dimensions,
		.dimensions = content->dimensions,.vocabulary = content->words,.max_tokens = UC_STATIC_MAX_TOKENS,
	.pooling = UC_POOLING_MEAN,.normalize = 1};
	UcTensorEntry table[3] = {0};
	UcModelWriter writer;
	uint64_t	at;
	UcStatus	status;

	if (content->compact && content->dimensions % BLOCK != 0)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "vectors of %u dimensions cannot be kept in 4 bits", content->dimensions);
		uc_error_hint(err, "Fill them with zeros to a multiple of %d, or keep them as float16.", BLOCK);
		return UC_INVALID_ARGUMENT;
	}
	status = uc_writer_begin(&writer, output, err);
	if (status != UC_OK)
		return status;
	writer.header.config = uc_writer_section(&writer, &config, sizeof config);
	writer.header.metadata = uc_writer_section(&writer, content->metadata, content->metadata_bytes);
	writer.header.tokenizer = uc_writer_section(&writer, content->section, content->section_bytes);
	at = uc_size_align(writer.at) + sizeof table;
	table[0] = entry("static.weight", UC_TENSOR_F32, 1, content->words, &at);
	table[1] = entry("static.mean", UC_TENSOR_F32, 1, content->dimensions, &at);
	table[2] = entry("embeddings.word", content->compact ? UC_TENSOR_Q4_0 : UC_TENSOR_F16, content->words, content->dimensions, &at);
	writer.header.tensors = uc_writer_section(&writer, table, sizeof table);
	uc_writer_section(&writer, content->weights, content->words * sizeof(float));
	uc_writer_section(&writer, content->mean, content->dimensions * sizeof(float));
	status = write_vectors(&writer, content, err);
	return uc_writer_end(&writer, status, false, err);
}
