/*
 * stem.h
 *	  Stems of words, by the Snowball algorithms of libstemmer.
 *
 * Which languages there are depends on the installed version. A stemmer is for one thread.
 */
#ifndef UC_TEXT_STEM_H
#define UC_TEXT_STEM_H

#include <stddef.h>

#include "base/status.h"
#include "text/fold.h"

typedef struct UcStemmer UcStemmer;

/*
 * Opens the stemmer of a language, as uc_language_code gives it. UC_UNSUPPORTED, with the languages that have one, where there
 * is none.
 */
extern UcStatus uc_stemmer_open(const char *language, UcStemmer **stemmer, UcError *err);
extern void uc_stemmer_close(UcStemmer *stemmer);	/* takes NULL */

/*
 * The stem of a word, folded (fold.h); without a stemmer the folded word. What cannot be folded is its own stem. The result
 * lives as long as the word and until the next call with the same `room`.
 */
extern const char *uc_stem(UcStemmer *stemmer, const char *word, size_t bytes, char room[UC_FOLD_ROOM], size_t *stem_bytes);

#endif
