/*
 * masking.h
 *	  Which tokens of a text are to be guessed, and what stands in their place (BERT, https://arxiv.org/abs/1810.04805): the
 *	  mask for 80 of 100, another word for 10, the word itself for 10.
 *
 * Only words are chosen: no token of the template, none of those the tokenizer lists apart, not the unknown one.
 */
#ifndef UC_TRAIN_MASKING_H
#define UC_TRAIN_MASKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "token/tokenizer.h"

typedef struct UcMasking
{
	uint32_t	mask;			/* id */
	uint32_t	vocabulary;
	double		share;			/* of the words, to be guessed */
	bool	   *special;		/* [vocabulary] */
} UcMasking;

/* Ended by uc_masking_free, also after an error. Errors: UC_UNSUPPORTED (no mask token), UC_OUT_OF_MEMORY. */
extern UcStatus uc_masking_make(UcMasking *masking, const UcTokenizer *tokenizer, uint32_t vocabulary, double share,
								UcError *err);
extern void uc_masking_free(UcMasking *masking);

/*
 * Chooses by `key` among ids [tokens], one word at least where there is one: places [tokens] gets their positions, seen
 * [tokens] the ids with what stands in their place. How many were chosen.
 */
extern size_t uc_mask_text(const UcMasking *masking, const uint32_t *ids, size_t tokens, uint64_t key, uint32_t *seen,
						   size_t *places);

#endif
