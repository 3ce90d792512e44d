/*
 * breaker.h
 *	  Where a text can be parted into words or sentences, by ICU's break iterators (Unicode Standard Annex 29, and ICU's
 *	  dictionaries for Chinese, Japanese, Thai and others that write no spaces).
 *
 * The text stays in UTF-8 and is not copied. It is read through a window, so that neither the memory nor the time until the
 * next poll grow with a text that has no boundary at all: what is longer than UC_BREAK_LONGEST is parted there. Bytes that
 * are not UTF-8 count as characters that are in no word.
 *
 * Opening reads the rules, some 0.3 ms: a breaker is kept and started on one text after the other. It is for one thread.
 */
#ifndef UC_TEXT_BREAKER_H
#define UC_TEXT_BREAKER_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"

#define UC_BREAK_LONGEST 32768	/* bytes */

typedef enum UcBreakKind
{
	UC_BREAK_WORDS,
	UC_BREAK_SENTENCES
} UcBreakKind;

/* Bytes [start, stop) of a text. */
typedef struct UcTextSpan
{
	size_t		start;
	size_t		stop;
} UcTextSpan;

typedef struct UcBreaker UcBreaker;

extern UcStatus uc_breaker_open(UcBreakKind kind, UcBreaker **breaker, UcError *err);
extern void uc_breaker_close(UcBreaker *breaker);	/* takes NULL */

/* The text must live until the last call of uc_breaker_next for it. */
extern void uc_breaker_start(UcBreaker *breaker, const char *text, size_t bytes);

/*
 * The next part; the parts cover the text without a gap. After the last one the part is empty. `between` (may be NULL)
 * becomes true where no rule sees a word in the part, only spaces and punctuation. Errors: UC_INTERRUPTED,
 * UC_OUT_OF_MEMORY, UC_UNSUPPORTED where ICU fails.
 */
extern UcStatus uc_breaker_next(UcBreaker *breaker, const UcRun *run, UcTextSpan *part, bool *between, UcError *err);

#endif
