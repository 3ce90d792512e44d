/*
 * stop_words.h
 *	  The function words that come with the library.
 */
#ifndef UC_TEXT_STOP_WORDS_H
#define UC_TEXT_STOP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Where a walk over the words is; zeroed to begin with. */
typedef struct UcStopWord
{
	size_t		place;			/* of the language */
	const char *language;		/* ISO 639 code */
	const char *word;			/* folded (fold.h), not ended by a zero */
	size_t		bytes;
} UcStopWord;

/* The next word, language by language; false after the last one. */
extern bool uc_stop_word_next(UcStopWord *at);

#endif
