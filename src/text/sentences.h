/*
 * sentences.h
 *	  The sentences of a text in any script.
 *
 * Boundaries are those of Unicode Standard Annex 29: after . ! ? and their like (。！？ with closing quotes and brackets), and
 * at every line end. A sentence goes on after a few abbreviations that never end one (Mr. Dr. e.g.). It is given without
 * the blanks around it; blank ones are left out; beyond UC_BREAK_LONGEST bytes it is divided.
 */
#ifndef UC_TEXT_SENTENCES_H
#define UC_TEXT_SENTENCES_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "text/breaker.h"

typedef struct UcSentences UcSentences;

/* Kept and started on one text after the other, as a UcBreaker is. */
extern UcStatus uc_sentences_open(UcSentences **sentences, UcError *err);
extern void uc_sentences_close(UcSentences *sentences); /* takes NULL */

/* The text must live until the last call of uc_sentences_next for it. */
extern void uc_sentences_start(UcSentences *sentences, const char *text, size_t bytes);

/* The next sentence; an empty span after the last one. Errors: those of uc_breaker_next. */
extern UcStatus uc_sentences_next(UcSentences *sentences, const UcRun *run, UcTextSpan *sentence, UcError *err);

#endif
