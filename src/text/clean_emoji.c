/*
 * clean_emoji.c
 *	  Emoji as the units that readers see (https://www.unicode.org/reports/tr51/): left out, or called by their names.
 */
#include "text/clean_pass.h"

#include <stdio.h>

#define ZWJ 0x200D
#define SELECTOR 0xFE0F
#define KEYCAP 0x20E3
#define BLACK_FLAG 0x1F3F4
#define NAME_BYTES 200

static bool
regional(UChar32 code)
{
	return code >= 0x1F1E6 && code <= 0x1F1FF;
}

static bool
skin_tone(UChar32 code)
{
	return code >= 0x1F3FB && code <= 0x1F3FF;
}

static bool
tag_character(UChar32 code)
{
	return code >= 0xE0020 && code <= 0xE007F;
}

static bool
may_be_picture(UChar32 code)
{
	return code == 0xA9 || code == 0xAE || (code >= 0x203C && code <= 0x3299) || (code >= 0x1F000 && code <= 0x1FFFD);
}

static bool
pictorial(UChar32 code)
{
	return may_be_picture(code) && u_hasBinaryProperty(code, UCHAR_EXTENDED_PICTOGRAPHIC);
}

/* Shown as a picture without a selector: by the standard, and in the blocks of signs that readers take for emoji. */
static bool
picture_alone(UChar32 code)
{
	if (!may_be_picture(code))
		return false;
	if (code >= 0x1F000)
		return pictorial(code) || skin_tone(code);
	return u_hasBinaryProperty(code, UCHAR_EMOJI_PRESENTATION) ||
		(code >= 0x2600 && code <= 0x27BF && u_hasBinaryProperty(code, UCHAR_EMOJI));
}

/* What follows a picture and belongs to it. */
static bool
belongs(UChar32 code)
{
	return code == SELECTOR || code == 0xFE0E || code == KEYCAP || code == ZWJ || skin_tone(code) || tag_character(code);
}

static size_t
keycap(const char *text, size_t bytes, size_t at)
{
	size_t		end = at + 1;
	UChar32		code = at + 1 < bytes ? uc_clean_next(text, bytes, &end) : 0;

	if (code == SELECTOR)
		code = end < bytes ? uc_clean_next(text, bytes, &end) : 0;
	return code == KEYCAP ? end - at : 0;
}

size_t
uc_emoji_bytes(const char *text, size_t bytes, size_t at)
{
	size_t		end = at;
	UChar32		code;

	if (text[at] >= 0x20 && text[at] < 0x7F)
		return uc_ascii_digit(text[at]) || text[at] == '#' || text[at] == '*' ? keycap(text, bytes, at) : 0;
	code = uc_clean_next(text, bytes, &end);
	if (regional(code))
	{
		size_t		second = end;

		if (second < bytes && regional(uc_clean_next(text, bytes, &second)))
			end = second;
	}
	else if (!picture_alone(code))
	{
		size_t		second = end;
		UChar32		after = may_be_picture(code) && second < bytes ? uc_clean_next(text, bytes, &second) : 0;

		if (after != SELECTOR && !(after == ZWJ && pictorial(code) && pictorial(uc_clean_peek(text, bytes, second))))
			return 0;
	}
	while (end < bytes)
	{
		size_t		next = end;
		UChar32		after = uc_clean_next(text, bytes, &next);

		if (!belongs(after))
			break;
		end = next;
		if (after == ZWJ && pictorial(uc_clean_peek(text, bytes, end)))
			uc_clean_next(text, bytes, &end);
	}
	return end - at;
}

static void
put_character_name(UcClean *c, UChar32 code)
{
	char		name[NAME_BYTES];
	UErrorCode	failure = U_ZERO_ERROR;
	int32_t		length = u_charName(code, U_UNICODE_CHAR_NAME, name, sizeof name, &failure);

	if (U_FAILURE(failure) || length == 0)
		length = snprintf(name, sizeof name, "emoji %X", (unsigned) code);
	for (int32_t i = 0; i < length; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] |= 0x20;
	uc_clean_put(c, name, (size_t) length);
}

/* ":waving hand sign:", ":man, personal computer:", ":flag cn:", ":keycap 5:"; skin tones are not said. */
static void
put_name(UcClean *c, size_t at, size_t stop)
{
	bool		first = true;
	bool		flag = false;

	uc_clean_put_gap(c);
	uc_clean_put(c, ":", 1);
	while (at < stop)
	{
		UChar32		code = uc_clean_next(c->text, stop, &at);
		char		letter;

		if (belongs(code) && !(flag && tag_character(code)) && !(skin_tone(code) && first))
			continue;
		if (regional(code) || (code == BLACK_FLAG && tag_character(uc_clean_peek(c->text, stop, at))))
		{
			if (!flag)
				uc_clean_put(c, "flag ", 5);
			flag = true;
			letter = (char) ('a' + (code - 0x1F1E6));
			if (regional(code))
				uc_clean_put(c, &letter, 1);
		}
		else if (flag && tag_character(code))
		{
			letter = (char) (code - 0xE0000);
			if (uc_ascii_digit(letter) || (letter >= 'a' && letter <= 'z'))
				uc_clean_put(c, &letter, 1);
		}
		else if (code < 0x80)
		{
			letter = (char) code;
			uc_clean_put(c, "keycap ", 7);
			uc_clean_put(c, &letter, 1);
		}
		else
		{
			if (!first)
				uc_clean_put(c, ", ", 2);
			put_character_name(c, code);
		}
		first = false;
	}
	uc_clean_put(c, ":", 1);
}

void
uc_clean_emoji(UcClean *c)
{
	bool		name = c->options->choice[UC_CLEAN_EMOJI] == UC_CLEAN_NAME;
	bool		gap = false;	/* one was left out, or named, right before */

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		size_t		emoji = at == uc_clean_kept_start(c) ? 0 : uc_emoji_bytes(c->text, c->bytes, at);

		if (emoji > 0)
		{
			if (name)
				put_name(c, at, at + emoji);
			at += emoji;
			gap = true;
			continue;
		}
		if (gap && uc_clean_needs_gap(c, at))
			uc_clean_put_gap(c);
		gap = false;
		if (uc_clean_kept(c, &at))
			continue;
		uc_clean_next(c->text, c->bytes, &at);
		uc_clean_put(c, c->text + start, at - start);
	}
}
