/*
 * clean_spaces.c
 *	  Runs: of the same character, and of white space.
 */
#include "text/clean_pass.h"

/* The end of the character at `at` as readers see it: an emoji, or a character with its marks and joiners. */
static size_t
unit_end(UcClean *c, size_t at)
{
	size_t		emoji = uc_emoji_bytes(c->text, c->bytes, at);

	if (emoji > 0)
		return at + emoji;
	uc_clean_next(c->text, c->bytes, &at);
	while (uc_clean_more(c, at))
	{
		size_t		next = at;
		UChar32		code = uc_clean_next(c->text, c->bytes, &next);

		if (!uc_char_mark(code) && code != 0x200C && code != 0x200D)
			break;
		at = next;
	}
	return at;
}

/* Digits, and the stars of a rating, mean something as often as they stand; white space has a pass of its own. */
static bool
may_repeat(UChar32 code)
{
	bool		star = code == 0x2605 || code == 0x2606 || code == 0x2B50;

	return !u_isdigit(code) && !star && !u_isUWhiteSpace(code);
}

/* A picture as it is; of other characters, no mark stands more often in a row than allowed either. */
static void
put_unit(UcClean *c, size_t at, size_t end)
{
	UChar32		last = -1;
	int			times = 0;

	if (uc_emoji_bytes(c->text, c->bytes, at) > 0)
	{
		uc_clean_put(c, c->text + at, end - at);
		return;
	}
	while (at < end && uc_clean_more(c, at))
	{
		size_t		start = at;
		UChar32		code = uc_clean_next(c->text, end, &at);

		times = code == last ? times + 1 : 1;
		last = code;
		if (times <= c->options->repeats)
			uc_clean_put(c, c->text + start, at - start);
	}
}

void
uc_clean_repeats(UcClean *c)
{
	size_t		last = SIZE_MAX,	/* place of the unit before in the result */
				last_bytes = 0;
	int			times = 0;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = c->out.bytes;
		size_t		end;

		if (uc_clean_kept(c, &at))
		{
			last = SIZE_MAX;
			continue;
		}
		end = unit_end(c, at);
		put_unit(c, at, end);
		if (c->status != UC_OK)
			return;
		if (last != SIZE_MAX && c->out.bytes - start == last_bytes && c->out.text[start] == c->out.text[last] &&
			memcmp(c->out.text + start, c->out.text + last, last_bytes) == 0)
			times++;
		else
			times = 1;
		if (times > c->options->repeats && may_repeat(uc_clean_peek(c->text, c->bytes, at)))
			c->out.bytes = start;
		else
		{
			last = start;
			last_bytes = c->out.bytes - start;
		}
		at = end;
	}
}

void
uc_clean_spaces(UcClean *c)
{
	bool		space = false,
				line = false;

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		UChar32		code = uc_clean_next(c->text, c->bytes, &at);

		if (u_isUWhiteSpace(code))
		{
			space = true;
			line |= (code >= '\n' && code <= '\r') || code == 0x85 || code == 0x2028 || code == 0x2029;
			continue;
		}
		if (space && c->out.bytes > 0)
			uc_clean_put(c, line ? "\n" : " ", 1);
		space = line = false;
		uc_clean_put(c, c->text + start, at - start);
	}
}
