/*
 * import_tokenizer_builder.h
 *	  What the files that read tokenizer.json share: the section while it is put together.
 */
#ifndef UC_MODEL_IMPORT_TOKENIZER_BUILDER_H
#define UC_MODEL_IMPORT_TOKENIZER_BUILDER_H

#include "base/status.h"
#include "model/import_source.h"
#include "model/tokenizer_format.h"

#define UC_MAX_IDS (1u << 24)

typedef struct UcTokenizerBuilder
{
	UcTokenizerHeader header;
	const char **pieces;		/* [ids], in the parsed JSON */
	size_t	   *lengths;		/* [ids] */
	double	   *scores;			/* [ids] */
	UcAddedToken *added;
	UcRewrite	rewrites[UC_TOKENIZER_STEPS];
	uint32_t	rewrite_count;
	uint8_t    *charsmap;		/* decoded; [charsmap_bytes] */
	size_t		charsmap_bytes;
} UcTokenizerBuilder;

extern UcStatus uc_json_refuse(UcError *err, const char *part, const char *name);
extern const char *uc_json_string(json_t *object, const char *key);
extern bool uc_json_is_type(json_t *object, const char *type);

/* import_tokenizer_steps.c: the JSON of each part (NULL: absent) into the builder's header. */
extern UcStatus uc_build_normalizer(UcTokenizerBuilder *b, json_t *normalizer, int depth, UcError *err);
extern UcStatus uc_build_pre_tokenizer(UcTokenizerBuilder *b, json_t *pre_tokenizer, int depth, UcError *err);
extern UcStatus uc_build_template(UcTokenizerBuilder *b, json_t *post_processor, UcError *err);

/* import_tokenizer_vocab.c: what tokenizer.json would say for a directory with vocab.txt alone. */
extern UcStatus uc_json_from_vocab(const char *directory, json_t *config, json_t **root, UcError *err);

#endif
