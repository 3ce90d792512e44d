/*
 * unicode_forms.c
 *	  Unicode normal forms (https://www.unicode.org/reports/tr15/) in the reference's version of Unicode.
 *
 * utf8proc knows the mappings, which never change once they exist; the tables say which of them the reference has.
 */
#include "text/unicode.h"

#include <utf8proc.h>

/*
 * Sorts a run of combining characters by class, equal classes in their order; by counting, so that it stays linear. The
 * places in the text stay in their order, as in the reference, which asks whether a word begins the text.
 */
static void
sort_run(UcChar *run, size_t count, UcChar *spare)
{
	size_t		places[257] = {0};

	for (size_t i = 0; i < count; i++)
		places[uc_char(run[i].code)->combining_class + 1]++;
	for (int i = 0; i < 256; i++)
		places[i + 1] += places[i];
	for (size_t i = 0; i < count; i++)
		spare[places[uc_char(run[i].code)->combining_class]++] = run[i];
	for (size_t i = 0; i < count; i++)
		run[i].code = spare[i].code;
}

static bool
decompose(UcChars *chars, UcChars *spare, bool compatible)
{
	UcChars		kept;

	spare->count = 0;
	for (size_t i = 0; i < chars->count; i++)
	{
		UcChar		c = chars->chars[i];
		uint16_t	flags = uc_char(c.code)->flags;
		bool		other = compatible && (flags & UC_CHAR_COMPATIBLE);
		utf8proc_int32_t parts[32];
		utf8proc_ssize_t count;
		int			boundary = 0;

		if (!other && !(flags & UC_CHAR_CANONICAL))
		{
			if (!uc_chars_add(spare, c.code, c.start, c.stop))
				return false;
			continue;
		}
		count = utf8proc_decompose_char((utf8proc_int32_t) c.code, parts, 32,
										UTF8PROC_DECOMPOSE | (other ? UTF8PROC_COMPAT : 0), &boundary);
		for (utf8proc_ssize_t j = 0; j < count && j < 32; j++)
			if (!uc_chars_add(spare, (uint32_t) parts[j], c.start, c.stop))
				return false;
	}
	kept = *chars;
	*chars = *spare;
	*spare = kept;
	spare->count = 0;
	if (!uc_chars_reserve(spare, chars->count))
		return false;
	for (size_t i = 0; i < chars->count;)
	{
		size_t		end = i;

		while (end < chars->count && uc_char(chars->chars[end].code)->combining_class != 0)
			end++;
		if (end - i > 1)
			sort_run(chars->chars + i, end - i, spare->chars);
		i = end + 1;
	}
	return true;
}

/* The character that the two make together, or 0. */
static uint32_t
composed(uint32_t first, uint32_t second)
{
	utf8proc_int32_t pair[2] = {(utf8proc_int32_t) first, (utf8proc_int32_t) second};

	if (!(uc_char(second)->flags & UC_CHAR_SECOND) ||
		utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1 ||
		!(uc_char((uint32_t) pair[0])->flags & UC_CHAR_CANONICAL))
		return 0;
	return (uint32_t) pair[0];
}

static void
compose(UcChars *chars)
{
	size_t		kept = 0,
				starter = SIZE_MAX;

	for (size_t i = 0; i < chars->count; i++)
	{
		UcChar		c = chars->chars[i];
		uint8_t		class = uc_char(c.code)->combining_class;
		uint32_t	whole = 0;

		/* What stands between the starter and this one has a lower class, or blocks it. */
		if (starter != SIZE_MAX &&
			(kept == starter + 1 || uc_char(chars->chars[kept - 1].code)->combining_class < class))
			whole = composed(chars->chars[starter].code, c.code);
		if (whole != 0)
		{
			chars->chars[starter].code = whole;
			if (chars->chars[starter].stop < c.stop)
				chars->chars[starter].stop = c.stop;
			continue;
		}
		if (class == 0)
			starter = kept;
		chars->chars[kept++] = c;
	}
	chars->count = kept;
}

bool
uc_chars_normal_form(UcChars *chars, UcChars *spare, UcNormalForm form)
{
	if (!decompose(chars, spare, form == UC_NFKD || form == UC_NFKC))
		return false;
	if (form == UC_NFC || form == UC_NFKC)
		compose(chars);
	return true;
}
