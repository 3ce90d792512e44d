/*
 * tokenizer_format.h
 *	  The tokenizer section of a compiled model: tables that are used where they lie.
 *
 * Spans count from the start of the section and are 8-byte aligned. Vocabulary entries are found through an open-addressing
 * hash of their bytes (64-bit FNV-1a), which grows byte by byte while a text is walked.
 */
#ifndef UC_MODEL_TOKENIZER_FORMAT_H
#define UC_MODEL_TOKENIZER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "model/format.h"

#define UC_TOKENIZER_MAGIC "UCTOKEN2"
#define UC_TOKENIZER_STEPS 24	/* of normalisation, at most */
#define UC_TOKENIZER_STAGES 8	/* of splitting into words, at most */
#define UC_TEMPLATE_TOKENS 8	/* before or behind a text, at most */
#define UC_NO_ID UINT32_MAX

typedef enum UcTokenizerKind
{
	UC_TOKENIZER_WORDPIECE = 1,
	UC_TOKENIZER_UNIGRAM = 2,
	UC_TOKENIZER_STATIC = 3		/* folded words of text/words.h; of others the pieces of text/pieces.h */
} UcTokenizerKind;

typedef enum UcNormalizerStep
{
	UC_NORMALIZE_CLEAN = 1,		/* drop controls, spaces become ' ' */
	UC_NORMALIZE_SPLIT_CHINESE = 2,	/* a space on both sides of each Chinese character */
	UC_NORMALIZE_NFD = 3,
	UC_NORMALIZE_STRIP_ACCENTS = 4,
	UC_NORMALIZE_LOWERCASE = 5,
	UC_NORMALIZE_CHARSMAP = 6,	/* sentencepiece's precompiled map */
	UC_NORMALIZE_NFC = 7,
	UC_NORMALIZE_NFKC = 8,
	UC_NORMALIZE_NFKD = 9,
	UC_NORMALIZE_STRIP_COMBINING = 10,	/* every combining mark, where STRIP_ACCENTS drops the nonspacing ones */
	UC_NORMALIZE_STRIP_LEFT = 11,	/* spaces at the beginning */
	UC_NORMALIZE_STRIP_RIGHT = 12,
	UC_NORMALIZE_NMT = 13,		/* some controls go, others and invisible characters become ' ' */
	UC_NORMALIZE_REPLACE = 14,	/* by the rewrite `argument` */
	UC_NORMALIZE_PREPEND = 15,	/* the content of the rewrite `argument`, to what is not empty */
	UC_NORMALIZE_LAST = UC_NORMALIZE_PREPEND
} UcNormalizerStep;

typedef struct UcStep
{
	uint32_t	kind;			/* UcNormalizerStep */
	uint32_t	argument;
} UcStep;

#define UC_REWRITE_CODES 30

typedef enum UcRewriteKind
{
	UC_REWRITE_LITERAL = 1,		/* the whole pattern */
	UC_REWRITE_RUN = 2,			/* `least` or more of the pattern's only character */
	UC_REWRITE_SPACES = 3,		/* `least` or more spaces of any kind */
	UC_REWRITE_LAST = UC_REWRITE_SPACES
} UcRewriteKind;

typedef struct UcRewrite
{
	uint32_t	kind;			/* UcRewriteKind */
	uint32_t	least;
	uint32_t	pattern_count;
	uint32_t	content_count;
	uint32_t	pattern[UC_REWRITE_CODES];	/* code points */
	uint32_t	content[UC_REWRITE_CODES];
} UcRewrite;

typedef enum UcPreTokenizer
{
	UC_PRETOKENIZE_BERT = 1,	/* words between spaces, punctuation alone */
	UC_PRETOKENIZE_METASPACE = 2,	/* ' ' becomes U+2581, which begins each word; at most once */
	UC_PRETOKENIZE_SPACES = 3,	/* words between spaces */
	UC_PRETOKENIZE_WORDS = 4,	/* runs of word characters, runs of others, without spaces */
	UC_PRETOKENIZE_PUNCTUATION = 5, /* each punctuation character alone */
	UC_PRETOKENIZE_LAST = UC_PRETOKENIZE_PUNCTUATION
} UcPreTokenizer;

typedef enum UcPrepend
{
	UC_PREPEND_NEVER = 0,
	UC_PREPEND_FIRST = 1,		/* only to what begins the text */
	UC_PREPEND_ALWAYS = 2
} UcPrepend;

typedef struct UcTokenizerHeader
{
	char		magic[8];
	uint32_t	kind;			/* UcTokenizerKind */
	uint32_t	ids;			/* every id is below */
	uint32_t	unknown;		/* id */
	uint32_t	max_word;		/* WordPiece: characters of a word beyond which it is unknown */
	uint32_t	max_piece;		/* bytes of the longest vocabulary entry */
	uint32_t	byte_fallback;	/* Unigram: 1: what is unknown becomes the entries <0x00> … <0xFF> of its bytes */
	uint32_t	stage_count;	/* 0: the whole text is one word */
	uint32_t	stages[UC_TOKENIZER_STAGES];	/* UcPreTokenizer: each splits what the one before it gave */
	uint32_t	prepend;		/* UcPrepend */
	uint32_t	metaspace_split;	/* 1: each U+2581 begins a word */
	uint32_t	added_count;
	uint32_t	step_count;
	UcStep		steps[UC_TOKENIZER_STEPS];
	uint32_t	prefix_count,
				suffix_count;
	uint32_t	prefix[UC_TEMPLATE_TOKENS];
	uint32_t	suffix[UC_TEMPLATE_TOKENS];
	uint32_t	slots;			/* of the hash, a power of two */
	char		continuation[16];	/* WordPiece: what marks a piece inside a word, NUL-terminated */
	double		unknown_score;	/* Unigram */
	UcSpan		piece_starts;	/* uint32_t [ids + 1] into pieces */
	UcSpan		pieces;			/* bytes */
	UcSpan		scores;			/* double [ids], Unigram */
	UcSpan		hash;			/* UcTokenSlot [slots] */
	UcSpan		added;			/* UcAddedToken [added_count], longest first, then by rank */
	UcSpan		rewrites;		/* UcRewrite [] */
	UcSpan		charsmap_units; /* uint32_t: the double array */
	UcSpan		charsmap_text;	/* NUL-terminated replacements */
} UcTokenizerHeader;

typedef struct UcTokenSlot
{
	uint32_t	tag;			/* upper half of the hash */
	uint32_t	id;				/* UC_NO_ID: free */
} UcTokenSlot;

typedef struct UcAddedToken
{
	uint32_t	id;
	uint32_t	rank;			/* of two that match alike, the lower one */
	uint8_t		single_word,
				strip_left,
				strip_right,
				normalized,		/* 1: looked for in the normalised text, and normalised itself */
				bytes;
	char		content[243];
} UcAddedToken;

#define UC_HASH_BASIS UINT64_C(0xCBF29CE484222325)

static inline uint64_t
uc_token_hash(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001B3);
}

/* FNV's low bits alone are weak for short keys. */
static inline uint32_t
uc_token_slot(uint64_t hash, uint32_t slots)
{
	return (uint32_t) (hash ^ hash >> 29) & (slots - 1);
}

#endif
