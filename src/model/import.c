/*
 * import.c
 *	  Compiling a model directory: tensors renamed, query, key and value joined, everything laid out as format.h says.
 */
#include "model/import.h"

#include <dirent.h>
#include <limits.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "model/import_config.h"
#include "model/import_source.h"
#include "model/import_tokenizer.h"
#include "model/model.h"
#include "model/writer.h"

#define MAX_PARTS 3				/* source tensors that one tensor joins */

typedef struct PlannedTensor
{
	UcTensorEntry entry;
	const UcSourceTensor *parts[MAX_PARTS]; /* one above the other */
	int			part_count;
	uint64_t	rows_used;		/* of a part: fewer than it has where only its first rows are wanted */
} PlannedTensor;

typedef struct Import
{
	const char *directory;
	const UcImportOptions *options;
	UcImportedConfig config;
	UcSource	weights;
	UcSource	dense;			/* weights of the dense layer, in a file of their own */
	UcImportedTokenizer tokenizer;
	PlannedTensor *plan;		/* [planned] */
	size_t		planned;
	char	   *metadata;		/* [metadata_bytes] NUL-terminated pairs */
	size_t		metadata_bytes;
} Import;

/* ---- planning ---- */

static UcStatus
plan_tensor(Import *import, UcSource *source, const char *name, uint64_t rows, uint64_t columns, int parts,
			const char *const *part_names, UcError *err)
{
	PlannedTensor *planned = &import->plan[import->planned];
	bool		keep_type = strcmp(name, "embeddings.word") == 0;

	snprintf(planned->entry.name, sizeof planned->entry.name, "%s", name);
	planned->entry.type = UC_TENSOR_F32;
	planned->entry.rank = rows == 1 ? 1 : 2;
	planned->entry.rows = rows;
	planned->entry.columns = columns;
	planned->part_count = parts;
	planned->rows_used = rows == 1 ? 1 : rows / (uint64_t) parts;
	for (int i = 0; i < parts; i++)
	{
		UcSourceTensor *part = uc_source_find(source, part_names[i]);
		uint64_t	part_columns = rows == 1 ? columns / (uint64_t) parts : columns;

		if (part == NULL)
			return uc_error(err, UC_CORRUPT, "the weights have no float tensor \"%s\"", part_names[i]);
		/* Of the token types only the first is used: a single text is all of type 0. */
		if (part->columns != part_columns || part->rows < planned->rows_used ||
			(part->rows != planned->rows_used && strcmp(name, "embeddings.token_type") != 0))
		{
			uc_error(err, UC_CORRUPT, "tensor \"%s\" does not have the shape that config.json says", part_names[i]);
			uc_error_detail(err, "It should be [%llu, %llu] and is [%llu, %llu].",
							(unsigned long long) planned->rows_used, (unsigned long long) part_columns,
							(unsigned long long) part->rows, (unsigned long long) part->columns);
			return UC_CORRUPT;
		}
		part->used = true;
		planned->parts[i] = part;
		if (keep_type)
			planned->entry.type = part->type;
	}
	planned->entry.data.bytes = rows * uc_tensor_row_bytes(planned->entry.type, columns);
	import->planned++;
	return UC_OK;
}

static UcStatus
plan_one(Import *import, UcSource *source, const char *name, uint64_t rows, uint64_t columns, const char *part, UcError *err)
{
	return plan_tensor(import, source, name, rows, columns, 1, &part, err);
}

/* One linear layer or norm of encoder layer `layer`: its weight and its bias. */
static UcStatus
plan_pair(Import *import, unsigned layer, const char *name, uint64_t rows, uint64_t columns, int parts,
		  const char *const *part_names, UcError *err)
{
	static const char *const kinds[] = {"weight", "bias"};

	for (int kind = 0; kind < 2; kind++)
	{
		char		full[48],
					texts[MAX_PARTS][UC_SOURCE_NAME];
		const char *pointers[MAX_PARTS];
		bool		vector = kind == 1 || rows == 1;
		UcStatus	status;

		snprintf(full, sizeof full, "layer.%u.%.20s.%s", layer, name, kinds[kind]);
		for (int i = 0; i < parts; i++)
		{
			snprintf(texts[i], sizeof texts[i], "encoder.layer.%u.%s.%s", layer, part_names[i], kinds[kind]);
			pointers[i] = texts[i];
		}
		status = plan_tensor(import, &import->weights, full, vector ? 1 : rows, vector && rows != 1 ? rows : columns,
							 parts, pointers, err);
		if (status != UC_OK)
			return status;
	}
	return UC_OK;
}

static UcStatus
plan_layer(Import *import, unsigned layer, UcError *err)
{
	uint64_t	hidden = import->config.config.hidden,
				intermediate = import->config.config.intermediate;
	static const char *const qkv[] = {"attention.self.query", "attention.self.key", "attention.self.value"};
	static const char *const attention[] = {"attention.output.dense"},
			   *const attention_norm[] = {"attention.output.LayerNorm"},
			   *const up[] = {"intermediate.dense"},
			   *const down[] = {"output.dense"},
			   *const output_norm[] = {"output.LayerNorm"};
	UcStatus	status;

	if ((status = plan_pair(import, layer, "qkv", 3 * hidden, hidden, 3, qkv, err)) != UC_OK ||
		(status = plan_pair(import, layer, "attention", hidden, hidden, 1, attention, err)) != UC_OK ||
		(status = plan_pair(import, layer, "attention.norm", 1, hidden, 1, attention_norm, err)) != UC_OK ||
		(status = plan_pair(import, layer, "up", intermediate, hidden, 1, up, err)) != UC_OK ||
		(status = plan_pair(import, layer, "down", hidden, intermediate, 1, down, err)) != UC_OK)
		return status;
	return plan_pair(import, layer, "output.norm", 1, hidden, 1, output_norm, err);
}

/* A tensor that nothing of ours takes would change the result, unless it belongs to a head that embeddings do not use. */
static UcStatus
refuse_unused(const UcSource *source, UcError *err)
{
	static const char *const heads[] = {"pooler.", "cls.", "classifier.", "embeddings.position_ids"};

	for (size_t i = 0; i < source->count; i++)
	{
		bool		head = source->tensors[i].used;

		for (size_t j = 0; j < sizeof heads / sizeof *heads; j++)
			head = head || strncmp(source->tensors[i].name, heads[j], strlen(heads[j])) == 0;
		if (!head)
			return uc_error(err, UC_UNSUPPORTED, "the weights have a tensor \"%s\", which is not supported",
							source->tensors[i].name);
	}
	return UC_OK;
}

static UcStatus
plan_tensors(Import *import, UcError *err)
{
	const UcModelConfig *c = &import->config.config;
	size_t		most = 16 + 12 * (size_t) c->layers;
	UcStatus	status;

	import->plan = uc_alloc_zeroed(most * sizeof *import->plan);
	if (import->plan == NULL)
		return uc_out_of_memory(err, most * sizeof *import->plan);
	if ((status = plan_one(import, &import->weights, "embeddings.word", c->vocabulary, c->hidden,
						   "embeddings.word_embeddings.weight", err)) != UC_OK ||
		(status = plan_one(import, &import->weights, "embeddings.position", c->positions, c->hidden,
						   "embeddings.position_embeddings.weight", err)) != UC_OK ||
		(status = plan_one(import, &import->weights, "embeddings.token_type", 1, c->hidden,
						   "embeddings.token_type_embeddings.weight", err)) != UC_OK ||
		(status = plan_one(import, &import->weights, "embeddings.norm.weight", 1, c->hidden,
						   "embeddings.LayerNorm.weight", err)) != UC_OK ||
		(status = plan_one(import, &import->weights, "embeddings.norm.bias", 1, c->hidden,
						   "embeddings.LayerNorm.bias", err)) != UC_OK)
		return status;
	for (unsigned i = 0; i < c->layers; i++)
		if ((status = plan_layer(import, i, err)) != UC_OK)
			return status;
	if (c->dense &&
		((status = plan_one(import, &import->dense, "dense.weight", c->dimensions, c->hidden, "linear.weight", err)) != UC_OK ||
		 (status = plan_one(import, &import->dense, "dense.bias", 1, c->dimensions, "linear.bias", err)) != UC_OK))
		return status;
	return refuse_unused(&import->weights, err);
}

/* ---- reading ---- */

/* The one *.bin of a directory without config.json, or "". */
static void
find_e5s1(const char *directory, char path[PATH_MAX])
{
	DIR		   *listing = opendir(directory);
	struct dirent *entry;

	path[0] = '\0';
	while (listing != NULL && (entry = readdir(listing)) != NULL)
	{
		size_t		length = strlen(entry->d_name);

		if (length > 4 && strcmp(entry->d_name + length - 4, ".bin") == 0 && entry->d_name[0] != '.' &&
			snprintf(path, PATH_MAX, "%s/%s", directory, entry->d_name) < PATH_MAX)
			break;
	}
	if (listing != NULL)
		closedir(listing);
}

static UcStatus
read_hugging_face(Import *import, UcError *err)
{
	char		path[PATH_MAX];
	UcStatus	status = uc_import_config(import->directory, &import->config, err);

	if (status != UC_OK)
		return status;
	snprintf(path, sizeof path, "%s/model.safetensors", import->directory);
	status = uc_read_safetensors(path, &import->weights, err);
	if (status == UC_NOT_FOUND)
		uc_error_hint(err, "Weights are read from one file model.safetensors; other layouts must be saved as such first.");
	if (status != UC_OK || !import->config.config.dense)
		return status;
	snprintf(path, sizeof path, "%s/%s/model.safetensors", import->directory, import->config.dense_directory);
	return uc_read_safetensors(path, &import->dense, err);
}

/* The package that ships E5S1 states no more than sizes; the rest is what multilingual-e5-small is. */
static UcStatus
read_e5s1_directory(Import *import, const char *path, UcError *err)
{
	UcModelConfig *c = &import->config.config;
	UcStatus	status = uc_read_e5s1(path, &import->weights, c, err);

	c->architecture = UC_ARCHITECTURE_BERT;
	c->activation = UC_ACTIVATION_GELU;
	c->pooling = UC_POOLING_MEAN;
	c->normalize = 1;
	c->layer_norm_epsilon = 1e-12f;
	strcpy(import->config.prompt, "query: ");
	c->dimensions = c->hidden;
	return status;
}

static UcStatus
read_directory(Import *import, UcError *err)
{
	UcModelConfig *c = &import->config.config;
	char		path[PATH_MAX];
	struct stat st;
	UcStatus	status;

	if (stat(import->directory, &st) != 0 || !S_ISDIR(st.st_mode))
		return uc_error(err, UC_NOT_FOUND, "there is no directory \"%s\"", import->directory);
	if (strlen(import->directory) > PATH_MAX - 300)
		return uc_error(err, UC_INVALID_ARGUMENT, "path is too long");
	snprintf(path, sizeof path, "%s/config.json", import->directory);
	if (stat(path, &st) != 0)
		find_e5s1(import->directory, path);
	else
		path[0] = '\0';
	status = path[0] == '\0' ? read_hugging_face(import, err) : read_e5s1_directory(import, path, err);
	if (status == UC_OK)
		status = uc_import_tokenizer(import->directory, &import->tokenizer, err);
	if (status != UC_OK)
		return status;

	if (import->tokenizer.ids > c->vocabulary)
	{
		uc_error(err, UC_CORRUPT, "the tokenizer has ids that the weights have no rows for");
		uc_error_detail(err, "The tokenizer has %u ids, the weights %u rows.", import->tokenizer.ids, c->vocabulary);
		return UC_CORRUPT;
	}
	if (c->max_tokens == 0)
		c->max_tokens = import->tokenizer.model_max_length > 0 && import->tokenizer.model_max_length < c->positions
			? (uint32_t) import->tokenizer.model_max_length : c->positions;
	return UC_OK;
}

static UcStatus
add_metadata(Import *import, const char *key, const char *value, UcError *err)
{
	return uc_metadata_add(&import->metadata, &import->metadata_bytes, key, value, err);
}

static UcStatus
collect_metadata(Import *import, UcError *err)
{
	const char *prompt = import->options->prompt != NULL ? import->options->prompt : import->config.prompt;
	UcStatus	status = add_metadata(import, "prompt", prompt, err);

	if (status == UC_OK && import->options->licence != NULL)
		status = add_metadata(import, "licence", import->options->licence, err);
	if (status == UC_OK)
		status = add_metadata(import, "source.weights.sha256", import->weights.file.sha256, err);
	if (status == UC_OK)
		status = add_metadata(import, "source.tokenizer.sha256", import->tokenizer.sha256, err);
	return status;
}

/* ---- writing ---- */

/* A part's row as floats, through the same reader that the server uses. */
static void
write_rows(UcModelWriter *writer, const PlannedTensor *planned, float *row)
{
	for (int i = 0; i < planned->part_count; i++)
	{
		const UcSourceTensor *part = planned->parts[i];
		uint64_t	row_bytes = uc_tensor_row_bytes(part->type, part->columns);
		UcModel		source = {.config.hidden = (uint32_t) part->columns,.word = part->data,.word_type = part->type};

		for (uint64_t r = 0; r < planned->rows_used; r++)
			if (planned->entry.type == part->type)
				uc_writer_bytes(writer, part->data + r * row_bytes, row_bytes);
			else
			{
				uc_model_word(&source, (uint32_t) r, row);
				uc_writer_bytes(writer, row, part->columns * sizeof(float));
			}
	}
}

static UcStatus
write_tensors(Import *import, UcModelWriter *writer, UcError *err)
{
	size_t		table_bytes = uc_size_mul(import->planned, sizeof(UcTensorEntry));
	UcTensorEntry *table = uc_alloc_zeroed(table_bytes);
	uint64_t	at = uc_size_align(uc_size_align(writer->at) + table_bytes);
	uint64_t	widest = 0;
	float	   *row;

	for (size_t i = 0; table != NULL && i < import->planned; i++)
	{
		import->plan[i].entry.data.offset = at;
		table[i] = import->plan[i].entry;
		at = uc_size_align(at + table[i].data.bytes);
		if (table[i].columns > widest)
			widest = table[i].columns;
	}
	row = uc_alloc(uc_size_mul(widest, sizeof(float)));
	if (table == NULL || row == NULL)
	{
		uc_free(table);
		uc_free(row);
		return uc_out_of_memory(err, table_bytes);
	}
	writer->header.tensors = uc_writer_section(writer, table, table_bytes);
	for (size_t i = 0; i < import->planned; i++)
	{
		uc_writer_section(writer, NULL, 0);
		write_rows(writer, &import->plan[i], row);
	}
	uc_free(table);
	uc_free(row);
	return UC_OK;
}

static UcStatus
write_output(Import *import, const char *output, UcError *err)
{
	UcModelWriter writer;
	UcStatus	status = uc_writer_begin(&writer, output, err);

	if (status != UC_OK)
		return status;
	writer.header.config = uc_writer_section(&writer, &import->config.config, sizeof import->config.config);
	writer.header.metadata = uc_writer_section(&writer, import->metadata, import->metadata_bytes);
	writer.header.tokenizer = uc_writer_section(&writer, import->tokenizer.section, import->tokenizer.bytes);
	status = write_tensors(import, &writer, err);
	return uc_writer_end(&writer, status, true, err);
}

UcStatus
uc_import(const char *directory, const char *output, const UcImportOptions *options, UcError *err)
{
	Import	   *import = uc_alloc_zeroed(sizeof *import);
	UcStatus	status;

	if (import == NULL)
		return uc_out_of_memory(err, sizeof *import);
	import->directory = directory;
	import->options = options;
	if ((status = read_directory(import, err)) == UC_OK && (status = plan_tensors(import, err)) == UC_OK &&
		(status = collect_metadata(import, err)) == UC_OK)
		status = write_output(import, output, err);
	uc_source_free(&import->weights);
	uc_source_free(&import->dense);
	uc_imported_tokenizer_free(&import->tokenizer);
	uc_free(import->plan);
	free(import->metadata);
	uc_free(import);
	return status;
}

UcStatus
uc_verify(const char *path, UcError *err)
{
	UcModel    *model;
	UcStatus	status = uc_model_open_path(path, &model, err);
	SHA2_CTX	hash;
	uint8_t		digest[SHA256_DIGEST_LENGTH];

	if (status != UC_OK)
		return status;
	SHA256Init(&hash);
	SHA256Update(&hash, (const uint8_t *) model->map + sizeof(UcModelHeader), model->map_bytes - sizeof(UcModelHeader));
	SHA256Final(digest, &hash);
	if (memcmp(digest, ((const UcModelHeader *) model->map)->fingerprint, sizeof digest) != 0)
	{
		status = uc_error(err, UC_CORRUPT, "model file is damaged: its content does not have its fingerprint");
		uc_error_hint(err, "Import the model again, or copy the file again from where it is whole.");
	}
	uc_model_close(model);
	return status;
}
