/*
 * format.h
 *	  The layout of a compiled model, NAME.ucm: what import writes and the server maps.
 *
 *	  header | sections, each 64-byte aligned: config, metadata, tokenizer, tensor table, tensor data …
 *
 * All numbers are little-endian; the file is refused on a machine of the other byte order. Offsets count from the start
 * of the file. Everything a reader follows (offset, size, count, id) is checked against the file's size at open time.
 */
#ifndef UC_MODEL_FORMAT_H
#define UC_MODEL_FORMAT_H

#include <stdint.h>

#define UC_MODEL_MAGIC "UCMODEL\n"
#define UC_MODEL_VERSION 1
#define UC_MODEL_BYTE_ORDER 0x01020304u

typedef struct UcSpan
{
	uint64_t	offset;			/* from the start of the file */
	uint64_t	bytes;
} UcSpan;

typedef struct UcModelHeader
{
	char		magic[8];
	uint32_t	version;
	uint32_t	byte_order;		/* UC_MODEL_BYTE_ORDER as the writer stores it */
	uint64_t	file_bytes;
	uint8_t		fingerprint[32];	/* SHA-256 of everything behind the header */
	UcSpan		config;			/* one UcModelConfig */
	UcSpan		metadata;		/* NUL-terminated strings: key, value, key, value, … */
	UcSpan		tokenizer;		/* see tokenizer_format.h */
	UcSpan		tensors;		/* array of UcTensorEntry */
	uint8_t		reserved[64];	/* zero */
} UcModelHeader;

typedef enum UcArchitecture
{
	UC_ARCHITECTURE_BERT = 1,
	UC_ARCHITECTURE_STATIC = 2	/* one vector per word: hidden, vocabulary, max_tokens, dimensions and normalize count */
} UcArchitecture;

typedef enum UcActivation
{
	UC_ACTIVATION_IDENTITY = 0,
	UC_ACTIVATION_GELU = 1,		/* erf form */
	UC_ACTIVATION_GELU_TANH = 2,	/* gelu_new, gelu_pytorch_tanh, gelu_fast: one formula */
	UC_ACTIVATION_RELU = 3,
	UC_ACTIVATION_SILU = 4,		/* silu, swish */
	UC_ACTIVATION_TANH = 5,
	UC_ACTIVATION_QUICK_GELU = 6,	/* x·σ(1.702x) */
	UC_ACTIVATION_SIGMOID = 7,
	UC_ACTIVATION_RELU6 = 8,
	UC_ACTIVATION_LEAKY_RELU = 9,	/* slope 0.01 */
	UC_ACTIVATION_MISH = 10,
	UC_ACTIVATION_RELU2 = 11,	/* square of relu */
	UC_ACTIVATION_LAST = UC_ACTIVATION_RELU2
} UcActivation;

typedef enum UcPooling
{
	UC_POOLING_MEAN = 1,
	UC_POOLING_CLS = 2,
	UC_POOLING_MAX = 3,
	UC_POOLING_LAST = UC_POOLING_MAX
} UcPooling;

typedef struct UcModelConfig
{
	uint32_t	architecture;	/* UcArchitecture */
	uint32_t	hidden;			/* width of a token's vector */
	uint32_t	layers;
	uint32_t	heads;			/* divides hidden */
	uint32_t	intermediate;	/* width inside the feed-forward layer */
	uint32_t	vocabulary;		/* rows of the word embeddings; every token id is below */
	uint32_t	positions;		/* rows of the position embeddings */
	uint32_t	token_types;	/* rows of the token type embeddings; only type 0 is used */
	uint32_t	max_tokens;		/* per text, special tokens included; at most positions */
	uint32_t	dimensions;		/* of the resulting embedding */
	uint32_t	activation;		/* UcActivation, of the feed-forward layer */
	uint32_t	pooling;		/* UcPooling */
	uint32_t	normalize;		/* 1: the result has unit length */
	uint32_t	dense;			/* 1: a dense layer [dimensions, hidden] follows the pooling */
	uint32_t	dense_activation;	/* UcActivation */
	float		layer_norm_epsilon;
	uint8_t		reserved[64];	/* zero */
} UcModelConfig;

typedef enum UcTensorType
{
	UC_TENSOR_F32 = 0,
	UC_TENSOR_F16 = 1,			/* word embeddings only */
	UC_TENSOR_BF16 = 2,			/* word embeddings only */
	UC_TENSOR_Q4_0 = 3			/* word embeddings only: rows of blocks of 32 weights, an f16 scale and 16 bytes */
} UcTensorType;

typedef struct UcTensorEntry
{
	char		name[48];		/* NUL-terminated; the names are listed in model.h */
	uint32_t	type;			/* UcTensorType */
	uint32_t	rank;			/* 1 or 2 */
	uint64_t	rows;			/* 1 where rank is 1 */
	uint64_t	columns;
	UcSpan		data;			/* row-major, 64-byte aligned */
} UcTensorEntry;

#endif
