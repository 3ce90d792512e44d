/*
 * svg.c
 *	  The growing text of a picture, and the text of users inside it.
 */
#include "segment/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "text/unicode.h"

#define FIRST_ROOM 16384
#define NARROW 0.56				/* em, of a letter on average */
#define LARGEST_NUMBER 1e6
#define WIDEST 10000.0			/* em, of any text */
#define LONGEST_GRAPHEME 32		/* characters; Unicode's stream-safe format has 31 */
#define WINDOW 128

/* ---- growing ---- */

static bool
reserve(UcSvg *svg, size_t more)
{
	size_t		needed = uc_size_add(svg->length, uc_size_add(more, 1)),
				room;
	char	   *text;

	if (svg->failed)
		return false;
	if (needed <= svg->room)
		return true;
	room = svg->room < FIRST_ROOM / 2 ? FIRST_ROOM : uc_size_mul(svg->room, 2);
	if (room < needed)
		room = needed;
	text = uc_alloc(room);
	if (text == NULL)
	{
		svg->failed = true;
		return false;
	}
	if (svg->length > 0)
		memcpy(text, svg->text, svg->length);
	uc_free(svg->text);
	svg->text = text;
	svg->room = room;
	return true;
}

static void
add_bytes(UcSvg *svg, const char *bytes, size_t count)
{
	if (!reserve(svg, count))
		return;
	memcpy(svg->text + svg->length, bytes, count);
	svg->length += count;
}

void
uc_svg_add(UcSvg *svg, const char *format,...)
{
	va_list		arguments;
	int			length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !reserve(svg, (size_t) length))
		return;
	va_start(arguments, format);
	vsnprintf(svg->text + svg->length, (size_t) length + 1, format, arguments);
	va_end(arguments);
	svg->length += (size_t) length;
}

void
uc_svg_number(UcSvg *svg, double number)
{
	long		tenths = lround(fmax(-LARGEST_NUMBER, fmin(LARGEST_NUMBER, number)) * 10);
	const char *sign = tenths < 0 ? "-" : "";

	tenths = labs(tenths);
	if (tenths % 10 == 0)
		uc_svg_add(svg, "%s%ld", sign, tenths / 10);
	else
		uc_svg_add(svg, "%s%ld.%ld", sign, tenths / 10, tenths % 10);
}

void
uc_svg_at(UcSvg *svg, const char *before, double number)
{
	add_bytes(svg, before, strlen(before));
	uc_svg_number(svg, number);
}

UcStatus
uc_svg_finish(UcSvg *svg, char **text, size_t *length, UcError *err)
{
	if (!reserve(svg, 1))
	{
		size_t		wanted = uc_size_mul(svg->room, 2);

		uc_free(svg->text);
		svg->text = NULL;
		return uc_out_of_memory(err, wanted);
	}
	svg->text[svg->length] = '\0';
	*text = svg->text;
	*length = svg->length;
	svg->text = NULL;
	return UC_OK;
}

/* ---- the text of users ---- */

/*
 * Reads one character from zero-terminated bytes and returns how many it takes; *code is 0 where they are not UTF-8 (one
 * byte is skipped then).
 */
static size_t
read_character(const unsigned char *bytes, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t		length = bytes[0] < 0x80 ? 1 : bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;

	*code = 0;
	if (length == 1)
	{
		*code = bytes[0];
		return 1;
	}
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
		return 1;
	*code = bytes[0] & (0xff >> (length + 1));
	for (size_t i = 1; i < length; i++)
	{
		if ((bytes[i] & 0xc0) != 0x80)	/* the zero at the end too */
		{
			*code = 0;
			return 1;
		}
		*code = *code << 6 | (bytes[i] & 0x3f);
	}
	if (*code < smallest[length] || *code > 0x10ffff)
		*code = 0;
	return length;
}

/* What XML 1.0 may hold, without the controls and the direction overrides that would turn other text around. */
static bool
shown(uint32_t code)
{
	return code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !(code >= 0xd800 && code < 0xe000) &&
		(code & 0xfffe) != 0xfffe && !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

static double
character_width(uint32_t code)
{
	bool		wide = (code >= 0x1100 && code < 0x1160) || (code >= 0x2e80 && code < 0xa4d0) ||
		(code >= 0xac00 && code < 0xd7a4) || (code >= 0xf900 && code < 0xfb00) || (code >= 0xfe30 && code < 0xfe70) ||
		(code >= 0xff00 && code < 0xff61) || code >= 0x1f300;

	if ((uc_char(code)->flags & UC_CHAR_MARK) || code == 0xad || (code >= 0x200b && code <= 0x200f) ||
		(code >= 0x2060 && code <= 0x206f) || code == 0xfeff)
		return 0;
	return wide ? 1 : NARROW;
}

/* Text read as what its readers see as characters, through a window. */
typedef struct Reader
{
	const char *text;			/* not yet in the window */
	UcChar		window[WINDOW]; /* without what is not shown */
	char		bytes[WINDOW][4];
	size_t		count;
	size_t		at;
} Reader;

typedef struct Grapheme
{
	size_t		first;			/* in the window */
	size_t		count;
	double		width;			/* em; 0: marks without a letter to stand on */
} Grapheme;

static void
fill_window(Reader *reader)
{
	size_t		left = reader->count - reader->at;

	memmove(reader->window, reader->window + reader->at, left * sizeof(UcChar));
	memmove(reader->bytes, reader->bytes[reader->at], left * sizeof reader->bytes[0]);
	reader->at = 0;
	reader->count = left;
	while (reader->count < WINDOW && *reader->text != '\0')
	{
		uint32_t	code;
		size_t		length = read_character((const unsigned char *) reader->text, &code);

		if (code == '\t' || code == '\n' || code == '\r')
			reader->bytes[reader->count][0] = (char) (code = ' ');
		else if (shown(code))
			memcpy(reader->bytes[reader->count], reader->text, length);
		if (shown(code))
			reader->window[reader->count++] = (UcChar) {.code = code,.stop = (uint32_t) length};
		reader->text += length;
	}
}

/* False at the end of the text. What follows LONGEST_GRAPHEME in one grapheme comes as others, of no width. */
static bool
next_grapheme(Reader *reader, Grapheme *grapheme)
{
	UcChars		rest;

	if (reader->count - reader->at <= LONGEST_GRAPHEME)
		fill_window(reader);
	if (reader->at == reader->count)
		return false;
	rest = (UcChars) {.chars = reader->window + reader->at,.count = reader->count - reader->at};
	grapheme->first = reader->at;
	grapheme->count = uc_grapheme_end(&rest, 0);
	if (grapheme->count > LONGEST_GRAPHEME)
		grapheme->count = LONGEST_GRAPHEME;
	grapheme->width = 0;
	for (size_t i = 0; i < grapheme->count; i++)
		grapheme->width = fmax(grapheme->width, character_width(rest.chars[i].code));
	reader->at += grapheme->count;
	return true;
}

/* Stops where the text is wider than `enough`. */
static double
measure(const char *text, double enough)
{
	Reader		reader = {.text = text};
	Grapheme	grapheme;
	double		width = 0;

	while (width <= enough && next_grapheme(&reader, &grapheme))
		width += grapheme.width;
	return width;
}

double
uc_svg_text_width(const char *text)
{
	return measure(text, WIDEST);
}

static void
add_character(UcSvg *svg, uint32_t code, const char *bytes, size_t length)
{
	switch (code)
	{
		case '&':
			uc_svg_add(svg, "&amp;");
			break;
		case '<':
			uc_svg_add(svg, "&lt;");
			break;
		case '>':
			uc_svg_add(svg, "&gt;");
			break;
		case '"':
			uc_svg_add(svg, "&quot;");
			break;
		default:
			add_bytes(svg, bytes, length);
	}
}

void
uc_svg_text(UcSvg *svg, const char *text, double width)
{
	Reader		reader = {.text = text};
	Grapheme	grapheme;
	double		most = fmin(width, WIDEST),
				left;
	bool		cut = measure(text, most) > most;

	left = cut ? most - 1 : most;
	while (!svg->failed && next_grapheme(&reader, &grapheme))
	{
		if (grapheme.width == 0)
			continue;
		left -= grapheme.width;
		if (cut && left < 0)
			break;
		for (size_t i = grapheme.first; i < grapheme.first + grapheme.count; i++)
			add_character(svg, reader.window[i].code, reader.bytes[i], reader.window[i].stop);
	}
	if (cut)
		uc_svg_add(svg, "&#8230;");
}
