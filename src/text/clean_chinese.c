/*
 * clean_chinese.c
 *	  One script for Chinese. A text with a good part of kana is Japanese and keeps its characters.
 */
#include "text/clean_pass.h"

#include <unicode/utf16.h>

/* Letters of Japanese; the middle dot and the long sign occur in Chinese too. */
static bool
kana(UChar32 code)
{
	return (code >= 0x3041 && code <= 0x3096) || (code >= 0x30A1 && code <= 0x30FA) || (code >= 0x31F0 && code <= 0x31FF) ||
		(code >= 0xFF66 && code <= 0xFF9D && code != 0xFF70);
}

static bool
han(UChar32 code)
{
	return (code >= 0x3400 && code <= 0x9FFF) || (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

/* More than one in ten is kana. What repeats counts once, so that shortening it later changes nothing. */
static bool
japanese(UcClean *c)
{
	size_t		counted[2] = {0};
	UChar32		last = 0;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		UChar32		code = uc_clean_next(c->text, c->bytes, &at);

		if (code != last)
		{
			counted[0] += kana(code);
			counted[1] += han(code);
		}
		last = code;
	}
	c->poll_at = 0;
	return counted[0] > 0 && counted[0] * 10 > counted[0] + counted[1];
}

/* A run of Chinese characters is converted as a whole, a very long one in pieces. */
static size_t
convert_run(UcClean *c, size_t at, size_t stop)
{
	uint16_t	units[2 * UC_HAN_MOST];
	size_t		count = 0,
				next = at;

	while (next < stop && count < UC_HAN_MOST - 1)
	{
		UChar32		code = uc_clean_next(c->text, c->bytes, &next);

		if (!han(code))
			break;
		U16_APPEND_UNSAFE(units, count, code);
		at = next;
	}
	count = uc_han_convert(c->tools->han, units, count);
	for (size_t i = 0; i < count;)
	{
		UChar32		code;

		U16_NEXT(units, i, count, code);
		uc_clean_put_code(c, code);
	}
	return at;
}

void
uc_clean_chinese(UcClean *c)
{
	bool		convert = c->tools->han != NULL && !japanese(c);

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		end = at;
		size_t		stop = uc_clean_kept_start(c);

		if (uc_clean_kept(c, &at))
			continue;
		stop = stop < c->bytes ? stop : c->bytes;
		stop = stop < c->poll_at ? stop : c->poll_at;
		while (end < stop)
		{
			size_t		next = end;

			if (han(uc_clean_next(c->text, c->bytes, &next)) && convert)
				break;
			end = next;
		}
		if (end > at)
			uc_clean_put(c, c->text + at, end - at);
		at = end < stop ? convert_run(c, end, stop) : end;
	}
}
