/*
 * fold.h
 *	  Words made comparable: Unicode form NFKC in lower case, with one kind of apostrophe.
 */
#ifndef UC_TEXT_FOLD_H
#define UC_TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#define UC_FOLD_LONGEST 256		/* bytes of a word that is folded */
#define UC_FOLD_ROOM 2048		/* bytes that its folded form fits in */

/*
 * Writes the folded word and its length; no terminating zero. False, and nothing written, for words beyond UC_FOLD_LONGEST,
 * bytes that are not UTF-8, and results that would not fit: such a word stands for itself.
 */
extern bool uc_fold_word(const char *word, size_t bytes, char out[UC_FOLD_ROOM], size_t *out_bytes);

#endif
