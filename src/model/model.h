/*
 * model.h
 *	  A compiled model, mapped read-only: all backends share one copy of its weights in the page cache.
 *
 * Opening checks the header, the configuration and the place, type and shape of every tensor against the file's size, so
 * that the forward pass follows pointers without further checks. The content is hashed by verify alone.
 */
#ifndef UC_MODEL_MODEL_H
#define UC_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/status.h"
#include "model/format.h"

#define UC_MODEL_NAME_MAX 63	/* bytes of a model's name */
#define UC_MODEL_SUFFIX ".ucm"
#define UC_FINGERPRINT_TEXT 64	/* hexadecimal digits */

typedef struct UcLayer
{
	const float *qkv_weight;	/* [3 * hidden, hidden]: query, key, value */
	const float *qkv_bias;		/* [3 * hidden] */
	const float *attention_weight;	/* [hidden, hidden] */
	const float *attention_bias;	/* [hidden] */
	const float *attention_norm_weight; /* [hidden] */
	const float *attention_norm_bias;	/* [hidden] */
	const float *up_weight;		/* [intermediate, hidden] */
	const float *up_bias;		/* [intermediate] */
	const float *down_weight;	/* [hidden, intermediate] */
	const float *down_bias;		/* [hidden] */
	const float *output_norm_weight;	/* [hidden] */
	const float *output_norm_bias;	/* [hidden] */
} UcLayer;

/* Immutable once open; every pointer leads into the mapping. Tensor names in the file are given at the right. */
typedef struct UcModel
{
	UcModelConfig config;
	char		fingerprint[UC_FINGERPRINT_TEXT + 1];
	uint64_t	parameters;
	const void *word;			/* [vocabulary, hidden]  embeddings.word */
	UcTensorType word_type;
	const float *position;		/* [positions, hidden]  embeddings.position */
	const float *token_type;	/* [hidden], type 0  embeddings.token_type */
	const float *norm_weight;	/* [hidden]  embeddings.norm.weight */
	const float *norm_bias;		/* [hidden]  embeddings.norm.bias */
	UcLayer    *layers;			/* [config.layers]  layer.N.qkv.weight … */
	const float *weights;		/* [vocabulary] of the words of a static model, or NULL  static.weight */
	const float *mean;			/* [hidden] what its sums are added to, or NULL  static.mean */
	const float *dense_weight;	/* [dimensions, hidden], or NULL  dense.weight */
	const float *dense_bias;	/* [dimensions], or NULL  dense.bias */
	const void *tokenizer;		/* the tokenizer section */
	size_t		tokenizer_bytes;
	const char *metadata;
	size_t		metadata_bytes;
	const char *map;
	size_t		map_bytes;
	dev_t		device;			/* which file this is, to notice that another took its place */
	ino_t		inode;
	struct timespec modified;
} UcModel;

/*
 * Opens directory/name.ucm. `name` is a bare name (letters, digits, '.', '_', '-'; no path). The file must be regular, not
 * a link, and not writable by others than owner and group. Ended by uc_model_close.
 * Errors: UC_INVALID_ARGUMENT (name), UC_NOT_FOUND, UC_NOT_ALLOWED, UC_CORRUPT, UC_UNSUPPORTED (version), UC_IO_ERROR.
 */
extern UcStatus uc_model_open(const char *directory, const char *name, UcModel **model, UcError *err);

/* The same for a path of the caller's own, for the tool. */
extern UcStatus uc_model_open_path(const char *path, UcModel **model, UcError *err);
extern void uc_model_close(UcModel *model);

/* True when directory/name.ucm is no longer the file that is mapped (replaced, changed or gone). */
extern bool uc_model_changed(const UcModel *model, const char *directory, const char *name);

/* The value of a metadata key ("prompt", "licence", "source.…"), or NULL. */
extern const char *uc_model_metadata(const UcModel *model, const char *key);

/* "bert" or "static". */
extern const char *uc_model_architecture(const UcModel *model);

/* One row of the word embeddings as floats [hidden]. `id` is below config.vocabulary. */
extern void uc_model_word(const UcModel *model, uint32_t id, float *row);

/* Bytes that one row of `columns` values takes; 0 for a type or width that cannot be. */
extern uint64_t uc_tensor_row_bytes(uint32_t type, uint64_t columns);

extern bool uc_model_name_valid(const char *name);

#endif
