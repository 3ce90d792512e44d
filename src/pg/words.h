/*
 * words.h
 *	  The handles of text/ that this backend keeps.
 */
#ifndef USERCLUSTER_WORDS_H
#define USERCLUSTER_WORDS_H

#include "text/detect.h"
#include "text/han.h"
#include "text/language.h"
#include "text/stem.h"
#include "text/words.h"

/* Opened at the first call. Whoever has started it on a text lets no SQL run before it is done. */
extern UcWords *words_get(void);

extern const UcDetector *words_detector(void);

/* The converter to simplified or to traditional characters. */
extern const UcHan *words_han(bool to_simplified);

/* The code of a language; refused (22023) where there is none of this name. */
extern void words_language(const char *name, char code[UC_LANGUAGE_ROOM]);

/* The stemmer of a code, valid until the next call; NULL with UC_UNSUPPORTED where there is none. */
extern UcStatus words_stemmer(const char *code, UcStemmer **stemmer, UcError *err);

#endif
