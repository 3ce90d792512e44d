/*
 * model.c
 *	  Opening and mapping a compiled model. Nothing in the file is believed before it is checked.
 */
#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/simd.h"

#define MAX_WIDTH 65536			/* of hidden, intermediate, dimensions: keeps every product of two in 64 bits */
#define MAX_LAYERS 1024
#define MAX_ROWS (1u << 28)

bool
uc_model_name_valid(const char *name)
{
	size_t		length = strlen(name);

	if (length == 0 || length > UC_MODEL_NAME_MAX || name[0] == '.')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

uint64_t
uc_tensor_row_bytes(uint32_t type, uint64_t columns)
{
	const uint64_t block = 32,
				block_bytes = 18;

	switch (type)
	{
		case UC_TENSOR_F32:
			return columns * 4;
		case UC_TENSOR_F16:
		case UC_TENSOR_BF16:
			return columns * 2;
		case UC_TENSOR_Q4_0:
			return columns % block == 0 ? columns / block * block_bytes : 0;
	}
	return 0;
}

static UcStatus
corrupt(UcError *err, const char *what)
{
	uc_error(err, UC_CORRUPT, "model file is damaged: %s", what);
	uc_error_hint(err, "Import the model again, or copy the file again from where it is whole.");
	return UC_CORRUPT;
}

static bool
span_inside(const UcModel *model, UcSpan span)
{
	return span.offset >= sizeof(UcModelHeader) && span.offset % UC_ALIGNMENT == 0 &&
		span.offset <= model->map_bytes && span.bytes <= model->map_bytes - span.offset;
}

static UcStatus
check_header(UcModel *model, UcError *err)
{
	static const char digits[] = "0123456789abcdef";
	const UcModelHeader *header = (const UcModelHeader *) model->map;

	if (memcmp(header->magic, UC_MODEL_MAGIC, sizeof header->magic) != 0)
		return corrupt(err, "it does not begin as a compiled model");
	if (header->byte_order != UC_MODEL_BYTE_ORDER)
		return uc_error(err, UC_UNSUPPORTED, "model file was written on a machine of the other byte order");
	if (header->version != UC_MODEL_VERSION)
	{
		uc_error(err, UC_UNSUPPORTED, "model file has format version %u, and version %u is supported",
				 header->version, UC_MODEL_VERSION);
		uc_error_hint(err, "Import the model again with the usercluster-model of this release.");
		return UC_UNSUPPORTED;
	}
	if (header->file_bytes != model->map_bytes)
	{
		corrupt(err, "its size is not what it should be");
		uc_error_detail(err, "The header says %llu bytes, the file has %zu.",
						(unsigned long long) header->file_bytes, model->map_bytes);
		return UC_CORRUPT;
	}
	if (!span_inside(model, header->config) || header->config.bytes != sizeof(UcModelConfig) ||
		!span_inside(model, header->metadata) || !span_inside(model, header->tokenizer) ||
		!span_inside(model, header->tensors) || header->tensors.bytes % sizeof(UcTensorEntry) != 0)
		return corrupt(err, "a section lies outside the file");

	memcpy(&model->config, model->map + header->config.offset, sizeof model->config);
	model->metadata = model->map + header->metadata.offset;
	model->metadata_bytes = header->metadata.bytes;
	if (model->metadata_bytes > 0 && model->metadata[model->metadata_bytes - 1] != '\0')
		return corrupt(err, "its metadata do not end");
	model->tokenizer = model->map + header->tokenizer.offset;
	model->tokenizer_bytes = header->tokenizer.bytes;
	for (int i = 0; i < 32; i++)
	{
		model->fingerprint[2 * i] = digits[header->fingerprint[i] >> 4];
		model->fingerprint[2 * i + 1] = digits[header->fingerprint[i] & 15];
	}
	return UC_OK;
}

static bool
between(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most;
}

static UcStatus
check_config(const UcModelConfig *c, UcError *err)
{
	if (c->architecture == UC_ARCHITECTURE_STATIC)
	{
		if (!between(c->hidden, 1, MAX_WIDTH) || c->dimensions != c->hidden || !between(c->vocabulary, 1, MAX_ROWS) ||
			!between(c->max_tokens, 1, MAX_ROWS) || c->normalize != 1)
			return corrupt(err, "a number in its configuration is out of range");
		return UC_OK;
	}
	if (c->architecture != UC_ARCHITECTURE_BERT)
		return uc_error(err, UC_UNSUPPORTED, "model file has architecture %u, which is not supported", c->architecture);
	if (!between(c->hidden, 1, MAX_WIDTH) || !between(c->intermediate, 1, MAX_WIDTH) ||
		!between(c->dimensions, 1, MAX_WIDTH) || !between(c->layers, 1, MAX_LAYERS) ||
		!between(c->heads, 1, c->hidden) || c->hidden % c->heads != 0 ||
		!between(c->vocabulary, 1, MAX_ROWS) || !between(c->positions, 1, MAX_ROWS) ||
		!between(c->token_types, 1, MAX_ROWS) || !between(c->max_tokens, 1, c->positions) ||
		c->activation > UC_ACTIVATION_LAST || c->dense_activation > UC_ACTIVATION_LAST ||
		!between(c->pooling, 1, UC_POOLING_LAST) || c->normalize > 1 || c->dense > 1 ||
		(!c->dense && c->dimensions != c->hidden) ||
		!(c->layer_norm_epsilon >= 0 && isfinite(c->layer_norm_epsilon)))
		return corrupt(err, "a number in its configuration is out of range");
	return UC_OK;
}

static UcStatus
find_tensor(UcModel *model, const char *name, uint64_t rows, uint64_t columns, const UcTensorEntry **found, UcError *err)
{
	const UcModelHeader *header = (const UcModelHeader *) model->map;
	const UcTensorEntry *entries = (const UcTensorEntry *) (model->map + header->tensors.offset);
	size_t		count = header->tensors.bytes / sizeof *entries;

	for (size_t i = 0; i < count; i++)
	{
		const UcTensorEntry *entry = &entries[i];
		uint64_t	row_bytes;

		if (strncmp(entry->name, name, sizeof entry->name) != 0)
			continue;
		row_bytes = uc_tensor_row_bytes(entry->type, columns);
		if (entry->rows != rows || entry->columns != columns || row_bytes == 0 ||
			entry->data.bytes != rows * row_bytes || !span_inside(model, entry->data))
		{
			corrupt(err, "a tensor does not have its shape");
			uc_error_detail(err, "Tensor \"%s\" should be [%llu, %llu] and is [%llu, %llu] in %llu bytes.", name,
							(unsigned long long) rows, (unsigned long long) columns,
							(unsigned long long) entry->rows, (unsigned long long) entry->columns,
							(unsigned long long) entry->data.bytes);
			return UC_CORRUPT;
		}
		model->parameters += rows * columns;
		*found = entry;
		return UC_OK;
	}
	corrupt(err, "a tensor is missing");
	uc_error_detail(err, "There is no tensor \"%s\".", name);
	return UC_CORRUPT;
}

static UcStatus
find_floats(UcModel *model, const float **data, uint64_t rows, uint64_t columns, const char *name, UcError *err)
{
	const UcTensorEntry *entry;
	UcStatus	status = find_tensor(model, name, rows, columns, &entry, err);

	if (status != UC_OK)
		return status;
	if (entry->type != UC_TENSOR_F32)
		return corrupt(err, "a tensor is not float32");
	*data = (const float *) (model->map + entry->data.offset);
	return UC_OK;
}

typedef struct LayerTensor
{
	const char *name;
	size_t		field;			/* offset in UcLayer */
	uint64_t	rows,
				columns;
} LayerTensor;

static UcStatus
find_layers(UcModel *model, UcError *err)
{
	uint64_t	hidden = model->config.hidden,
				intermediate = model->config.intermediate;
	const LayerTensor tensors[] = {
		{"qkv.weight", offsetof(UcLayer, qkv_weight), 3 * hidden, hidden},
		{"qkv.bias", offsetof(UcLayer, qkv_bias), 1, 3 * hidden},
		{"attention.weight", offsetof(UcLayer, attention_weight), hidden, hidden},
		{"attention.bias", offsetof(UcLayer, attention_bias), 1, hidden},
		{"attention.norm.weight", offsetof(UcLayer, attention_norm_weight), 1, hidden},
		{"attention.norm.bias", offsetof(UcLayer, attention_norm_bias), 1, hidden},
		{"up.weight", offsetof(UcLayer, up_weight), intermediate, hidden},
		{"up.bias", offsetof(UcLayer, up_bias), 1, intermediate},
		{"down.weight", offsetof(UcLayer, down_weight), hidden, intermediate},
		{"down.bias", offsetof(UcLayer, down_bias), 1, hidden},
		{"output.norm.weight", offsetof(UcLayer, output_norm_weight), 1, hidden},
		{"output.norm.bias", offsetof(UcLayer, output_norm_bias), 1, hidden},
	};

	model->layers = uc_alloc_zeroed(uc_size_mul(model->config.layers, sizeof *model->layers));
	if (model->layers == NULL)
		return uc_out_of_memory(err, uc_size_mul(model->config.layers, sizeof *model->layers));
	for (uint32_t i = 0; i < model->config.layers; i++)
		for (size_t j = 0; j < sizeof tensors / sizeof *tensors; j++)
		{
			char		name[64];
			const float **field = (const float **) ((char *) &model->layers[i] + tensors[j].field);
			UcStatus	status;

			snprintf(name, sizeof name, "layer.%u.%s", i, tensors[j].name);
			status = find_floats(model, field, tensors[j].rows, tensors[j].columns, name, err);
			if (status != UC_OK)
				return status;
		}
	return UC_OK;
}

/* Weights and mean are few: what is not finite in them is found here, in a vector when a text has it. */
static UcStatus
find_static(UcModel *model, UcError *err)
{
	const UcModelConfig *c = &model->config;
	const UcTensorEntry *word;
	UcStatus	status;

	if ((status = find_tensor(model, "embeddings.word", c->vocabulary, c->hidden, &word, err)) != UC_OK ||
		(status = find_floats(model, &model->weights, 1, c->vocabulary, "static.weight", err)) != UC_OK ||
		(status = find_floats(model, &model->mean, 1, c->hidden, "static.mean", err)) != UC_OK)
		return status;
	model->word = model->map + word->data.offset;
	model->word_type = word->type;
	for (uint32_t i = 0; i < c->vocabulary; i++)
		if (!(model->weights[i] >= 0 && model->weights[i] <= 1))
			return corrupt(err, "the weight of a word is not between 0 and 1");
	for (uint32_t i = 0; i < c->hidden; i++)
		if (!isfinite(model->mean[i]))
			return corrupt(err, "its mean is not finite");
	return UC_OK;
}

static UcStatus
find_tensors(UcModel *model, UcError *err)
{
	const UcModelConfig *c = &model->config;
	const UcTensorEntry *word;
	UcStatus	status;

	if (c->architecture == UC_ARCHITECTURE_STATIC)
		return find_static(model, err);
	if ((status = find_tensor(model, "embeddings.word", c->vocabulary, c->hidden, &word, err)) != UC_OK ||
		(status = find_floats(model, &model->position, c->positions, c->hidden, "embeddings.position", err)) != UC_OK ||
		(status = find_floats(model, &model->token_type, 1, c->hidden, "embeddings.token_type", err)) != UC_OK ||
		(status = find_floats(model, &model->norm_weight, 1, c->hidden, "embeddings.norm.weight", err)) != UC_OK ||
		(status = find_floats(model, &model->norm_bias, 1, c->hidden, "embeddings.norm.bias", err)) != UC_OK ||
		(status = find_layers(model, err)) != UC_OK)
		return status;
	model->word = model->map + word->data.offset;
	model->word_type = word->type;
	if (!c->dense)
		return UC_OK;
	status = find_floats(model, &model->dense_weight, c->dimensions, c->hidden, "dense.weight", err);
	return status != UC_OK ? status : find_floats(model, &model->dense_bias, 1, c->dimensions, "dense.bias", err);
}

static UcStatus
map_file(UcModel *model, int fd, const char *path, UcError *err)
{
	struct stat st;
	void	   *map;

	if (fstat(fd, &st) != 0)
		return uc_error(err, UC_IO_ERROR, "could not stat model file \"%s\": %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return uc_error(err, UC_NOT_ALLOWED, "model file \"%s\" is not a regular file", path);
	if (st.st_mode & S_IWOTH)
	{
		uc_error(err, UC_NOT_ALLOWED, "model file \"%s\" is writable by everyone", path);
		uc_error_hint(err, "Run chmod o-w on it, once its content has been verified.");
		return UC_NOT_ALLOWED;
	}
	if ((size_t) st.st_size < sizeof(UcModelHeader))
		return corrupt(err, "it is shorter than its header");

	map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return uc_error(err, UC_IO_ERROR, "could not map model file \"%s\": %s", path, strerror(errno));
	model->map = map;
	model->map_bytes = (size_t) st.st_size;
	model->device = st.st_dev;
	model->inode = st.st_ino;
	model->modified = st.st_mtim;
	return UC_OK;
}

UcStatus
uc_model_open_path(const char *path, UcModel **out, UcError *err)
{
	UcModel    *model = uc_alloc_zeroed(sizeof *model);
	UcStatus	status;
	int			fd;

	if (model == NULL)
		return uc_out_of_memory(err, sizeof *model);
	/* O_NONBLOCK: a pipe in the file's place must not block the open; a regular file does not care. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
	{
		int			code = errno;

		uc_free(model);
		if (code == ENOENT)
			return uc_error(err, UC_NOT_FOUND, "model file \"%s\" does not exist", path);
		if (code == ELOOP)
			return uc_error(err, UC_NOT_ALLOWED, "model file \"%s\" is a symbolic link", path);
		return uc_error(err, code == EACCES ? UC_NOT_ALLOWED : UC_IO_ERROR, "could not open model file \"%s\": %s",
						path, strerror(code));
	}
	status = map_file(model, fd, path, err);
	close(fd);
	if (status == UC_OK && (status = check_header(model, err)) == UC_OK &&
		(status = check_config(&model->config, err)) == UC_OK)
		status = find_tensors(model, err);
	if (status != UC_OK)
	{
		uc_model_close(model);
		return status;
	}
	*out = model;
	return UC_OK;
}

static bool
model_path(char path[PATH_MAX], const char *directory, const char *name)
{
	int			length = snprintf(path, PATH_MAX, "%s/%s" UC_MODEL_SUFFIX, directory, name);

	return length > 0 && length < PATH_MAX;
}

UcStatus
uc_model_open(const char *directory, const char *name, UcModel **model, UcError *err)
{
	char		path[PATH_MAX];

	if (!uc_model_name_valid(name))
	{
		uc_error(err, UC_INVALID_ARGUMENT, "invalid model name \"%s\"", name);
		uc_error_hint(err, "A model is named by 1 to %d letters, digits, '.', '_' and '-', without its directory.",
					  UC_MODEL_NAME_MAX);
		return UC_INVALID_ARGUMENT;
	}
	if (!model_path(path, directory, name))
		return uc_error(err, UC_INVALID_ARGUMENT, "the path of model \"%s\" is too long", name);
	return uc_model_open_path(path, model, err);
}

void
uc_model_close(UcModel *model)
{
	if (model == NULL)
		return;
	if (model->map != NULL)
		munmap((void *) model->map, model->map_bytes);
	uc_free(model->layers);
	uc_free(model);
}

bool
uc_model_changed(const UcModel *model, const char *directory, const char *name)
{
	char		path[PATH_MAX];
	struct stat st;

	return !model_path(path, directory, name) || lstat(path, &st) != 0 ||
		st.st_dev != model->device || st.st_ino != model->inode || (size_t) st.st_size != model->map_bytes ||
		st.st_mtim.tv_sec != model->modified.tv_sec || st.st_mtim.tv_nsec != model->modified.tv_nsec;
}

const char *
uc_model_metadata(const UcModel *model, const char *key)
{
	const char *p = model->metadata;
	const char *end = p + model->metadata_bytes;

	while (p < end)
	{
		const char *value = p + strlen(p) + 1;

		if (value >= end)
			return NULL;
		if (strcmp(p, key) == 0)
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

const char *
uc_model_architecture(const UcModel *model)
{
	return model->config.architecture == UC_ARCHITECTURE_STATIC ? "static" : "bert";
}

static float
bits_to_float(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static float
half_to_float(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16,
				exponent = (half >> 10) & 31,
				mantissa = half & 1023;

	if (exponent == 31)
		return bits_to_float(sign | 0x7F800000u | mantissa << 13);
	if (exponent == 0)
		return ldexpf((float) mantissa, -24) * (sign ? -1.0f : 1.0f);
	return bits_to_float(sign | (exponent + 112) << 23 | mantissa << 13);
}

static uint16_t
load_u16(const uint8_t *p)
{
	uint16_t	value;

	memcpy(&value, p, sizeof value);
	return value;
}

void
uc_model_word(const UcModel *model, uint32_t id, float *row)
{
	size_t		columns = model->config.hidden;
	const uint8_t *data = (const uint8_t *) model->word + id * uc_tensor_row_bytes(model->word_type, columns);

	switch (model->word_type)
	{
		case UC_TENSOR_F32:
			memcpy(row, data, columns * sizeof(float));
			break;
		case UC_TENSOR_F16:
			uc_kernels()->widen(row, (const uint16_t *) data, columns);	/* every row is aligned to its halves */
			break;
		case UC_TENSOR_BF16:
			for (size_t i = 0; i < columns; i++)
				row[i] = bits_to_float((uint32_t) load_u16(data + 2 * i) << 16);
			break;
		case UC_TENSOR_Q4_0:	/* low halves of the 16 bytes are weights 0 … 15, high halves 16 … 31 */
			for (size_t block = 0; block < columns / 32; block++, data += 18)
			{
				float		scale = half_to_float(load_u16(data));

				for (int j = 0; j < 16; j++)
				{
					row[32 * block + j] = (float) ((data[2 + j] & 15) - 8) * scale;
					row[32 * block + 16 + j] = (float) ((data[2 + j] >> 4) - 8) * scale;
				}
			}
			break;
	}
}
