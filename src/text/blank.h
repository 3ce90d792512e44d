/*
 * blank.h
 *	  Whether a text says anything at all.
 */
#ifndef UC_TEXT_BLANK_H
#define UC_TEXT_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/* True for an empty text and one of nothing but spaces, line ends, control and zero-width characters, in UTF-8. */
extern bool uc_text_blank(const char *text, size_t bytes);

#endif
