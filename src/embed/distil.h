/*
 * distil.h
 *	  A static model that gives a base model's embeddings of a site's own texts, as nearly as sums of word vectors can.
 *
 * A [texts, words] are the weighted counts of each text's words, rows of length 1; E the base model's embeddings of the texts, V0
 * those of the words, both less their means; s the scalar with which s·A·V0 comes nearest to E. Ridge regression adds what is
 * missing: V = s·V0 + Aᵀ(A·Aᵀ + λI)⁻¹(E − s·A·V0). A tenth of the texts is held back first: λ is the one that does best on
 * them, and how near sums come to the base model is measured on them, without the words that only they have. Then V is learnt
 * again, from all texts.
 *
 * What a word yet unseen means is told from its pieces (text/pieces.h), whose vectors are the ridge regression of the words'.
 */
#ifndef UC_EMBED_DISTIL_H
#define UC_EMBED_DISTIL_H

#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "model/model.h"
#include "token/tokenizer.h"

#define UC_DISTIL_LEAST 50		/* texts that have words */

typedef struct UcDistilled
{
	size_t		texts;			/* that had words, those held back included */
	size_t		held_out;
	size_t		words;
	double		fidelity;		/* mean cosine to the base model's embeddings, on texts held back */
	double		centred;		/* the same, both less the mean: what of the differences between texts is kept */
	double		penalty;		/* the λ chosen */
} UcDistilled;

/*
 * Trains on texts and writes the file `output`, only where nothing has that name. `name` is the base model's, to be recorded.
 * The same texts in the same order with the same seed give the same file. Errors: UC_INVALID_ARGUMENT (the base is static),
 * UC_INVALID_DATA (fewer than UC_DISTIL_LEAST texts with words), UC_MEMORY_LIMIT (the texts are counted
 * too), UC_INTERRUPTED, those of uc_embed and uc_static_write.
 */
extern UcStatus uc_distil(const UcModel *base, const UcTokenizer *tokenizer, const char *name, const UcText *texts,
						  size_t count, uint64_t seed, const char *output, const UcRun *run, UcDistilled *out, UcError *err);

#endif
