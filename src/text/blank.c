/*
 * blank.c
 *	  Blank texts, by Unicode category: separators, controls and format characters leave no mark on paper.
 */
#include "text/blank.h"

#include <utf8proc.h>

bool
uc_text_blank(const char *text, size_t bytes)
{
	const utf8proc_uint8_t *at = (const utf8proc_uint8_t *) text;
	utf8proc_ssize_t left = (utf8proc_ssize_t) bytes;

	while (left > 0)
	{
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(at, left, &c);

		if (used <= 0)
			return false;
		switch (utf8proc_category(c))
		{
			case UTF8PROC_CATEGORY_ZS:
			case UTF8PROC_CATEGORY_ZL:
			case UTF8PROC_CATEGORY_ZP:
			case UTF8PROC_CATEGORY_CC:
			case UTF8PROC_CATEGORY_CF:
				break;
			default:
				return false;
		}
		at += used;
		left -= used;
	}
	return true;
}
