/*
 * words.h
 *	  The words of a text in any script.
 *
 * Boundaries are ICU's: Unicode Standard Annex 29 where words are written apart, dictionaries for Chinese, Japanese, Thai, Lao,
 * Khmer and Burmese (which differ a little between ICU versions). Spaces, punctuation, symbols and emoji are no words. A word
 * beyond UC_BREAK_LONGEST bytes is divided.
 */
#ifndef UC_TEXT_WORDS_H
#define UC_TEXT_WORDS_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "text/breaker.h"

typedef enum UcWordKind
{
	UC_WORD_LETTERS,			/* what is none of the others */
	UC_WORD_NUMBER,				/* digits and what joins them, no letter */
	UC_WORD_IDEOGRAPHIC,		/* with a Han character */
	UC_WORD_KANA				/* with hiragana or katakana, and no Han character */
} UcWordKind;

typedef struct UcWord
{
	UcTextSpan	span;			/* empty: there is no further word */
	UcWordKind	kind;
	size_t		characters;
} UcWord;

typedef struct UcWords UcWords;

/* Kept and started on one text after the other, as a UcBreaker is. */
extern UcStatus uc_words_open(UcWords **words, UcError *err);
extern void uc_words_close(UcWords *words); /* takes NULL */

/* The text must live until the last call of uc_words_next for it. */
extern void uc_words_start(UcWords *words, const char *text, size_t bytes);

/* Errors: those of uc_breaker_open and uc_breaker_next. */
extern UcStatus uc_words_next(UcWords *words, const UcRun *run, UcWord *word, UcError *err);

/* "word", "number", "ideographic", "kana". */
extern const char *uc_word_kind_name(UcWordKind kind);

#endif
