/*
 * clean_invisible.c
 *	  Characters that leave no mark: controls, zero-width characters, marks of direction, fillers, variation selectors.
 *
 * What looks like nothing can mean something, and then it stays: U+200C, U+200D and U+200B behind a letter of the scripts
 * that use them to shape or to divide words (Arabic and Persian, those of India, Thai, Lao, Khmer, Burmese, ...); U+200D
 * between pictures; the selectors and tags of emoji; format characters that enclose the digits behind them.
 */
#include "text/clean_pass.h"

#define ZWSP 0x200B
#define ZWNJ 0x200C
#define ZWJ 0x200D

/* A letter or mark of the scripts in which joiners change the shape, or divide words that are written without spaces. */
static bool
joins(UChar32 code)
{
	if (!u_isalpha(code) && !uc_char_mark(code))
		return false;
	return (code >= 0x0600 && code <= 0x08FF) || (code >= 0x0900 && code <= 0x109F) || (code >= 0x1780 && code <= 0x18AF) ||
		(code >= 0x1900 && code <= 0x1CFF) || (code >= 0xA800 && code <= 0xABFF) || (code >= 0xFB50 && code <= 0xFDFF) ||
		(code >= 0xFE70 && code <= 0xFEFC) || (code >= 0x11000 && code <= 0x11FFF);
}

static bool
pictorial(UChar32 code)
{
	return code >= 0xA9 && u_hasBinaryProperty(code, UCHAR_EXTENDED_PICTOGRAPHIC);
}

/* Behind what a joiner between pictures may stand. */
static bool
ends_picture(UChar32 code)
{
	return code == 0xFE0F || code == 0x20E3 || (code >= 0x1F3FB && code <= 0x1F3FF) || (code >= 0xE0020 && code <= 0xE007F) ||
		pictorial(code);
}

static bool
stays(UChar32 before, UChar32 code, UChar32 after)
{
	if (code == ZWSP || code == ZWNJ)
		return joins(before);
	if (code == ZWJ)
		return joins(before) || (ends_picture(before) && pictorial(after));
	if (code == 0xFE0F)
		return after == 0x20E3 ? before < 0x80 && u_hasBinaryProperty(before, UCHAR_EMOJI) :
			before >= 0x80 && (u_hasBinaryProperty(before, UCHAR_EMOJI) || pictorial(before));
	if ((code >= 0xFE00 && code <= 0xFE0E) || (code >= 0xE0100 && code <= 0xE01EF))
		return false;
	if (code >= 0xE0000 && code <= 0xE007F)
		return before == 0x1F3F4 || (before >= 0xE0020 && before < 0xE007F);
	if (code == 0x180E || u_hasBinaryProperty(code, UCHAR_PREPENDED_CONCATENATION_MARK))
		return true;
	if (code == 0x034F || code == 0x3164 || code == 0xFFA0 || U_IS_UNICODE_NONCHAR(code))
		return false;
	return !(U_GET_GC_MASK(code) & (U_GC_CC_MASK | U_GC_CF_MASK));
}

/* Line ends of all kinds become the usual one. */
static bool
ends_line(UChar32 code)
{
	return code == '\n' || code == '\r' || code == '\v' || code == '\f' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

void
uc_clean_invisible(UcClean *c)
{
	UChar32		before = 0;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		UChar32		code;

		while (at < c->bytes && at < c->poll_at && c->text[at] >= ' ' && c->text[at] < 0x7F)
			at++;
		if (at > start)
		{
			uc_clean_put(c, c->text + start, at - start);
			before = c->text[at - 1];
			continue;
		}
		code = uc_clean_next(c->text, c->bytes, &at);
		if (ends_line(code))
		{
			if (code == '\r' && at < c->bytes && c->text[at] == '\n')
				at++;
			uc_clean_put(c, "\n", 1);
			before = '\n';
		}
		else if (code == 0xFFFC)
		{
			/* An embedded object stood there. */
			uc_clean_put_gap(c);
			before = ' ';
		}
		else if (code == '\t' || stays(before, code, uc_clean_peek(c->text, c->bytes, at)))
		{
			uc_clean_put(c, c->text + start, at - start);
			before = code;
		}
	}
}
