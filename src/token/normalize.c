/*
 * normalize.c
 *	  The normalizer's steps over characters that remember their place in the text.
 */
#include <string.h>

#include "base/memory.h"
#include "token/internal.h"

static void
swap(UcTokenScratch *s)
{
	UcChars		kept = s->chars;

	s->chars = s->spare;
	s->spare = kept;
}

static bool
clean(UcTokenScratch *s)
{
	size_t		kept = 0;

	for (size_t i = 0; i < s->chars.count; i++)
	{
		UcChar		c = s->chars.chars[i];
		uint16_t	flags = uc_char(c.code)->flags;
		bool		space = c.code == '\t' || c.code == '\n' || c.code == '\r' || (flags & UC_CHAR_SPACE);

		if (c.code == 0 || c.code == 0xFFFD || (flags & UC_CHAR_OTHER))
			continue;
		if (space)
			c.code = ' ';
		s->chars.chars[kept++] = c;
	}
	s->chars.count = kept;
	return true;
}

static bool
split_chinese(UcTokenScratch *s)
{
	s->spare.count = 0;
	for (size_t i = 0; i < s->chars.count; i++)
	{
		UcChar		c = s->chars.chars[i];
		bool		chinese = uc_char_chinese(c.code);

		if ((chinese && !uc_chars_add(&s->spare, ' ', c.start, c.start)) || !uc_chars_add(&s->spare, c.code, c.start, c.stop) ||
			(chinese && !uc_chars_add(&s->spare, ' ', c.stop, c.stop)))
			return false;
	}
	swap(s);
	return true;
}

static bool
collapse_spaces(UcTokenScratch *s)
{
	size_t		kept = 0;

	for (size_t i = 0; i < s->chars.count; i++)
	{
		if (s->chars.chars[i].code == ' ' && kept > 0 && s->chars.chars[kept - 1].code == ' ')
			s->chars.chars[kept - 1].stop = s->chars.chars[i].stop;
		else
			s->chars.chars[kept++] = s->chars.chars[i];
	}
	s->chars.count = kept;
	return true;
}

/* ---- sentencepiece's character map: a double array (https://github.com/s-yata/darts-clone) of replacements ---- */

static size_t
unit_offset(uint32_t unit)
{
	return (size_t) (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* The replacement of the shortest key that begins `bytes`, or NULL. */
static const char *
replacement(const UcTokenizer *t, const char *bytes, size_t count)
{
	size_t		node;

	if (t->unit_count == 0)
		return NULL;
	node = unit_offset(t->units[0]);
	for (size_t i = 0; i < count && bytes[i] != '\0'; i++)
	{
		uint32_t	unit;

		node ^= (unsigned char) bytes[i];
		if (node >= t->unit_count)
			return NULL;
		unit = t->units[node];
		if ((unit & (1u << 31 | 0xFF)) != (unsigned char) bytes[i])
			return NULL;
		node ^= unit_offset(unit);
		if (unit >> 8 & 1)
		{
			uint32_t	value = node < t->unit_count ? t->units[node] & 0x7FFFFFFF : UINT32_MAX;

			return value < t->replacement_bytes ? t->replacements + value : NULL;
		}
	}
	return NULL;
}

static UcStatus
replace(UcTokenScratch *s, const char *with, uint32_t start, uint32_t stop, UcError *err)
{
	size_t		before = s->spare.count;
	UcStatus	status = uc_chars_decode(&s->spare, with, 0, strlen(with), err);

	for (size_t i = before; i < s->spare.count; i++)
	{
		s->spare.chars[i].start = start;
		s->spare.chars[i].stop = stop;
	}
	return status;
}

/* A cluster of fewer than six bytes is looked up whole; what is not found so, character by character. */
static UcStatus
map_characters(const UcTokenizer *t, UcTokenScratch *s, const UcRun *run, UcError *err)
{
	const size_t short_cluster = 6;

	s->spare.count = 0;
	for (size_t i = 0; i < s->chars.count;)
	{
		size_t		end = uc_grapheme_end(&s->chars, i),
					bytes = 0;
		char		cluster[32];
		const char *with = NULL;
		UcStatus	status = UC_OK;

		for (size_t j = i; j < end && bytes < short_cluster; j++)
			bytes += uc_utf8_encode(s->chars.chars[j].code, cluster + bytes);
		if (bytes < short_cluster && (with = replacement(t, cluster, bytes)) != NULL)
		{
			status = replace(s, with, s->chars.chars[i].start, s->chars.chars[end - 1].stop, err);
			i = end;
		}
		for (; i < end && status == UC_OK; i++)
		{
			UcChar		c = s->chars.chars[i];

			if (uc_token_poll(run, &s->work))
				return uc_interrupt_error(err);
			with = replacement(t, cluster, uc_utf8_encode(c.code, cluster));
			if (with != NULL)
				status = replace(s, with, c.start, c.stop, err);
			else if (!uc_chars_add(&s->spare, c.code, c.start, c.stop))
				status = uc_out_of_memory(err, sizeof(UcChar));
		}
		if (status != UC_OK)
			return status;
	}
	swap(s);
	return UC_OK;
}

UcStatus
uc_normalize_text(const UcTokenizer *t, UcTokenScratch *s, const UcRun *run, UcError *err)
{
	for (uint32_t i = 0; i < t->header.step_count; i++)
	{
		bool		done = true;
		UcStatus	status = UC_OK;

		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		switch ((UcNormalizerStep) t->header.steps[i])
		{
			case UC_NORMALIZE_CLEAN:
				done = clean(s);
				break;
			case UC_NORMALIZE_SPLIT_CHINESE:
				done = split_chinese(s);
				break;
			case UC_NORMALIZE_NFD:
				done = uc_chars_nfd(&s->chars, &s->spare);
				break;
			case UC_NORMALIZE_STRIP_ACCENTS:
				uc_chars_strip_accents(&s->chars);
				break;
			case UC_NORMALIZE_LOWERCASE:
				done = uc_chars_lowercase(&s->chars, &s->spare);
				break;
			case UC_NORMALIZE_CHARSMAP:
				status = map_characters(t, s, run, err);
				break;
			case UC_NORMALIZE_COLLAPSE_SPACES:
				done = collapse_spaces(s);
				break;
		}
		if (status != UC_OK)
			return status;
		if (!done)
			return uc_out_of_memory(err, uc_size_mul(s->chars.count, sizeof(UcChar)));
	}
	return UC_OK;
}
