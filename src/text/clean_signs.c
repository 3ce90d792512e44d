/*
 * clean_signs.c
 *	  Numbers and punctuation.
 */
#include "text/clean_pass.h"

/*
 * A letter of a script that puts spaces between words. Digits beside it belong to a word, as in B2B and iPhone15; beside a
 * Chinese character they are a number.
 */
static bool
spaced_letter(UChar32 code)
{
	return code < 0x0E00 && u_isalpha(code);
}

/* A digit that is not the beginning of a keycap emoji, nor of what is kept. */
static bool
digit_at(const UcClean *c, size_t at)
{
	return at < c->bytes && at != uc_clean_kept_start(c) && u_isdigit(uc_clean_peek(c->text, c->bytes, at)) && uc_emoji_bytes(c->text, c->bytes, at) == 0;
}

/* The end of the digits at `at`, with the points and commas between them. */
static size_t
number_end(UcClean *c, size_t at)
{
	while (uc_clean_more(c, at) &&
		   (digit_at(c, at) || ((c->text[at] == '.' || c->text[at] == ',') && digit_at(c, at + 1))))
		uc_clean_next(c->text, c->bytes, &at);
	return at;
}

void
uc_clean_numbers(UcClean *c)
{
	bool		zero = c->options->choice[UC_CLEAN_NUMBERS] == UC_CLEAN_ZERO;
	UChar32		before = 0;
	bool		gap = false;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		bool		number = digit_at(c, at);

		if (number)
			at = number_end(c, at);
		if (number && !spaced_letter(before) && !spaced_letter(uc_clean_peek(c->text, c->bytes, at)))
		{
			if (zero)
				uc_clean_put(c, "0", 1);
			gap = !zero;
			before = '0';
			continue;
		}
		if (gap && uc_clean_needs_gap(c, start))
			uc_clean_put_gap(c);
		gap = false;
		if (!number && uc_clean_kept(c, &at))
		{
			before = uc_clean_before(c->text, at);
			continue;
		}
		if (!number)
			before = uc_clean_next(c->text, c->bytes, &at);
		else
			before = '0';
		uc_clean_put(c, c->text + start, at - start);
	}
}

static bool
sign(UChar32 code)
{
	return (U_GET_GC_MASK(code) & (U_GC_P_MASK | U_GC_S_MASK)) != 0;
}

/* An apostrophe or a hyphen within a word, a point or a comma within a number. */
static bool
inside(UChar32 before, UChar32 code, UChar32 after)
{
	if (code == '\'' || code == 0x2019 || code == '-' || code == 0x2010)
		return u_isalpha(before) && u_isalpha(after);
	return (code == '.' || code == ',') && u_isdigit(before) && u_isdigit(after);
}

void
uc_clean_punctuation(UcClean *c)
{
	UChar32		before = 0;
	bool		gap = false;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		bool		kept = at == uc_clean_kept_start(c);
		size_t		emoji = kept ? 0 : uc_emoji_bytes(c->text, c->bytes, at);
		UChar32		code = uc_clean_next(c->text, c->bytes, &at);

		if (emoji > 0)
		{
			at = start + emoji;
			code = 0xFFFD;
		}
		else if (kept)
			code = 'x';
		else if (sign(code) && !inside(before, code, uc_clean_peek(c->text, c->bytes, at)))
		{
			gap = true;
			before = code;
			continue;
		}
		if (gap && !u_isUWhiteSpace(code))
			uc_clean_put_gap(c);
		gap = false;
		before = code;
		if (!kept)
			uc_clean_put(c, c->text + start, at - start);
		else
		{
			at = start;
			uc_clean_kept(c, &at);
		}
	}
}
