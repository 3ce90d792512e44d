/*
 * unicode.c
 *	  Properties, decoding, lower case.
 */
#include "text/unicode.h"

#include <string.h>

#include <utf8proc.h>

#include "base/memory.h"

#include "text/unicode_tables.inc"

const UcCharProperties *
uc_char(uint32_t code)
{
	size_t		middle;

	if (code > 0x10FFFF)
		code = 0xFFFD;
	middle = char_middle[(size_t) char_top[code >> 9] * 32 + (code >> 4 & 31)];
	return &char_records[char_low[middle * 16 + (code & 15)]];
}

bool
uc_char_chinese(uint32_t c)
{
	return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
		(c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
		(c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool
uc_chars_reserve(UcChars *chars, size_t more)
{
	size_t		needed = uc_size_add(chars->count, more);
	size_t		room = chars->room + chars->room / 2 + 64;
	UcChar	   *grown;

	if (needed <= chars->room)
		return true;
	if (room < needed)
		room = needed;
	grown = uc_alloc(uc_size_mul(room, sizeof *grown));
	if (grown == NULL)
		return false;
	if (chars->count > 0)
		memcpy(grown, chars->chars, chars->count * sizeof *grown);
	uc_free(chars->chars);
	chars->chars = grown;
	chars->room = room;
	return true;
}

void
uc_chars_free(UcChars *chars)
{
	uc_free(chars->chars);
	*chars = (UcChars) {0};
}

UcStatus
uc_chars_decode(UcChars *chars, const char *text, size_t start, size_t stop, UcError *err)
{
	if (!uc_chars_reserve(chars, stop - start))
		return uc_out_of_memory(err, uc_size_mul(stop - start, sizeof(UcChar)));
	while (start < stop)
	{
		utf8proc_int32_t code;
		utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *) text + start, (utf8proc_ssize_t) (stop - start), &code);

		if (used <= 0)
		{
			uc_error(err, UC_INVALID_DATA, "text is not valid UTF-8");
			uc_error_detail(err, "Byte %zu does not begin a character.", start + 1);
			return UC_INVALID_DATA;
		}
		uc_chars_add(chars, (uint32_t) code, (uint32_t) start, (uint32_t) (start + (size_t) used));
		start += (size_t) used;
	}
	return UC_OK;
}

size_t
uc_utf8_encode(uint32_t code, char out[4])
{
	return (size_t) utf8proc_encode_char((utf8proc_int32_t) code, (utf8proc_uint8_t *) out);
}

static void
swap(UcChars *a, UcChars *b)
{
	UcChars		kept = *a;

	*a = *b;
	*b = kept;
}

static uint32_t
lower(uint32_t code)
{
	size_t		low = 0,
				high = sizeof lowercase_runs / sizeof *lowercase_runs;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (lowercase_runs[middle].last < code)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < sizeof lowercase_runs / sizeof *lowercase_runs && lowercase_runs[low].first <= code &&
		(code - lowercase_runs[low].first) % lowercase_runs[low].step == 0)
		return code + (uint32_t) lowercase_runs[low].distance;
	return code;
}

/* Character by character; the dotted capital I is the one that becomes two. */
bool
uc_chars_lowercase(UcChars *chars, UcChars *spare)
{
	spare->count = 0;
	for (size_t i = 0; i < chars->count; i++)
	{
		UcChar		c = chars->chars[i];
		bool		dotted = c.code == 0x130;

		if (!uc_chars_add(spare, dotted ? 'i' : lower(c.code), c.start, c.stop) ||
			(dotted && !uc_chars_add(spare, 0x307, c.start, c.stop)))
			return false;
	}
	swap(chars, spare);
	return true;
}

void
uc_chars_drop(UcChars *chars, uint16_t flags)
{
	size_t		kept = 0;

	for (size_t i = 0; i < chars->count; i++)
		if (!(uc_char(chars->chars[i].code)->flags & flags))
			chars->chars[kept++] = chars->chars[i];
	chars->count = kept;
}
