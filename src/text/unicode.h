/*
 * unicode.h
 *	  Code points as the reference tokenizer sees them, and text as a row of code points that remember where they came from.
 *
 * Properties come from a table observed from the reference, not from the Unicode version of a library, so that token ids
 * do not depend on which one is installed.
 */
#ifndef UC_TEXT_UNICODE_H
#define UC_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

#define UC_CHAR_OTHER 0x001		/* control, format, unassigned: dropped by cleaning */
#define UC_CHAR_MARK 0x002		/* nonspacing mark: an accent */
#define UC_CHAR_PUNCTUATION 0x004
#define UC_CHAR_COMBINING 0x008
#define UC_CHAR_WORD 0x010		/* letter, digit, underscore, mark */
#define UC_CHAR_SPACE 0x020
#define UC_CHAR_CANONICAL 0x040 /* has a canonical decomposition */
#define UC_CHAR_COMPATIBLE 0x080	/* has another compatibility decomposition */
#define UC_CHAR_SECOND 0x100	/* some composition takes it as its second half */

typedef struct UcCharProperties
{
	uint16_t	flags;			/* UC_CHAR_… */
	uint8_t		combining_class;
	uint8_t		grapheme;		/* grapheme cluster class */
	uint8_t		conjunct;		/* Indic conjunct class */
} UcCharProperties;

extern const UcCharProperties *uc_char(uint32_t code);
extern bool uc_char_chinese(uint32_t code); /* in the ranges that BERT splits into single characters */

/* One character and the bytes [start, stop) of the original text that it stands for. */
typedef struct UcChar
{
	uint32_t	code;
	uint32_t	start;
	uint32_t	stop;
} UcChar;

/* A growing row of characters; zeroed to begin with, ended by uc_chars_free. */
typedef struct UcChars
{
	UcChar	   *chars;			/* [count] */
	size_t		count;
	size_t		room;
} UcChars;

extern bool uc_chars_reserve(UcChars *chars, size_t more);	/* false: no memory */
extern void uc_chars_free(UcChars *chars);

static inline bool
uc_chars_add(UcChars *chars, uint32_t code, uint32_t start, uint32_t stop)
{
	if (chars->count == chars->room && !uc_chars_reserve(chars, 1))
		return false;
	chars->chars[chars->count++] = (UcChar) {code, start, stop};
	return true;
}

/* Appends UTF-8 bytes [start, stop) of `text`. UC_INVALID_DATA where they are not UTF-8, with the position. */
extern UcStatus uc_chars_decode(UcChars *chars, const char *text, size_t start, size_t stop, UcError *err);

/* Bytes of the code in UTF-8, 1 to 4, written to `out`. */
extern size_t uc_utf8_encode(uint32_t code, char out[4]);

/* What follows replaces `chars`, with `spare` for room; false: no memory. */
typedef enum UcNormalForm
{
	UC_NFD, UC_NFC, UC_NFKD, UC_NFKC
} UcNormalForm;

/* Unicode Standard Annex 15, unicode_forms.c. */
extern bool uc_chars_normal_form(UcChars *chars, UcChars *spare, UcNormalForm form);
extern bool uc_chars_lowercase(UcChars *chars, UcChars *spare);
extern void uc_chars_drop(UcChars *chars, uint16_t flags);	/* every character with one of these flags */

/* End of the extended grapheme cluster that begins at `from` (Unicode Standard Annex 29). */
extern size_t uc_grapheme_end(const UcChars *chars, size_t from);

#endif
