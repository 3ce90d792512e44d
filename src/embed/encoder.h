/*
 * encoder.h
 *	  The forward pass: token ids of a batch of texts to one vector each (BERT, https://arxiv.org/abs/1810.04805).
 *
 * Texts of a batch lie one behind the other without padding: linear layers see all tokens at once, attention sees one text
 * at a time, so that a text's vector does not depend on its neighbours beyond the rounding of GEMM.
 */
#ifndef UC_EMBED_ENCODER_H
#define UC_EMBED_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/model.h"

/* Buffers of one thread for one model; made once per call, used for every batch. */
typedef struct UcEncoder UcEncoder;

typedef struct UcBatch
{
	const uint32_t *ids;		/* [tokens], the texts one behind the other */
	const size_t *starts;		/* [texts + 1]: text i is ids[starts[i]] … ids[starts[i + 1]] */
	size_t		texts;
} UcBatch;

/* Asked between pieces of at most about 20 ms of work; true: unwind with UC_INTERRUPTED. */
typedef struct UcStop
{
	bool		(*stopped) (void *arg);
	void	   *arg;
} UcStop;

/* Tokens that one batch may hold: at least one text of the model's maximum. */
extern size_t uc_encoder_capacity(const UcModel *model);

/* Bytes of one encoder; SIZE_MAX where they cannot be represented. */
extern size_t uc_encoder_memory(const UcModel *model);

extern UcStatus uc_encoder_create(const UcModel *model, UcEncoder **encoder, UcError *err);
extern void uc_encoder_free(UcEncoder *encoder);

/*
 * Fills out [texts, dimensions]. Every text has 1 … max_tokens ids below the model's vocabulary, and the batch at most
 * uc_encoder_capacity tokens. Errors: UC_INTERRUPTED, UC_INVALID_DATA where a vector is not finite or has no length.
 */
extern UcStatus uc_encoder_run(UcEncoder *encoder, const UcBatch *batch, UcStop stop, float *out, UcError *err);

#endif
