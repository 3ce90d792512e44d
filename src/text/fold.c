/*
 * fold.c
 *	  Folding of words by utf8proc, in memory of fixed size: one word may not allocate.
 */
#include "text/fold.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#define DECOMPOSED 2048			/* code points: U+FDFA alone becomes 18 */
#define APOSTROPHE 0x27
#define RIGHT_QUOTE 0x2019

static bool
is_ascii(const char *word, size_t bytes)
{
	uint8_t		all = 0;

	for (size_t i = 0; i < bytes; i++)
		all |= (uint8_t) word[i];
	return all < 0x80;
}

bool
uc_fold_word(const char *word, size_t bytes, char out[UC_FOLD_ROOM], size_t *out_bytes)
{
	/* utf8proc_reencode writes the bytes over the code points, and a zero after them. */
	utf8proc_int32_t codes[DECOMPOSED + 1];
	utf8proc_ssize_t count;

	if (bytes > UC_FOLD_LONGEST)
		return false;
	/* Every form of ASCII is itself in lower case. */
	if (is_ascii(word, bytes))
	{
		for (size_t i = 0; i < bytes; i++)
			out[i] = (char) (word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
		*out_bytes = bytes;
		return true;
	}
	count = utf8proc_decompose((const utf8proc_uint8_t *) word, (utf8proc_ssize_t) bytes, codes, DECOMPOSED,
							   UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
	if (count < 0 || count > DECOMPOSED)
		return false;
	for (utf8proc_ssize_t i = 0; i < count; i++)
		codes[i] = codes[i] == RIGHT_QUOTE ? APOSTROPHE : utf8proc_tolower(codes[i]);
	count = utf8proc_reencode(codes, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	if (count < 0 || count > UC_FOLD_ROOM)
		return false;
	memcpy(out, codes, (size_t) count);
	*out_bytes = (size_t) count;
	return true;
}
