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

static void
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

static void
strip_left(UcTokenScratch *s)
{
	size_t		from = 0;

	while (from < s->chars.count && (uc_char(s->chars.chars[from].code)->flags & UC_CHAR_SPACE))
		from++;
	if (from > 0)
		memmove(s->chars.chars, s->chars.chars + from, (s->chars.count - from) * sizeof *s->chars.chars);
	s->chars.count -= from;
}

static void
strip_right(UcTokenScratch *s)
{
	while (s->chars.count > 0 && (uc_char(s->chars.chars[s->chars.count - 1].code)->flags & UC_CHAR_SPACE))
		s->chars.count--;
}

/* The rules of sentencepiece's nmt_nfkc for controls and invisible characters. */
static void
nmt(UcTokenScratch *s)
{
	size_t		kept = 0;

	for (size_t i = 0; i < s->chars.count; i++)
	{
		UcChar		c = s->chars.chars[i];

		if ((c.code >= 0x1 && c.code <= 0x8) || c.code == 0xB || (c.code >= 0xE && c.code <= 0x1F) || c.code == 0x7F ||
			c.code == 0x8F || c.code == 0x9F)
			continue;
		if (c.code == 0x9 || c.code == 0xA || c.code == 0xC || c.code == 0xD || c.code == 0x1680 ||
			(c.code >= 0x200B && c.code <= 0x200F) || c.code == 0x2028 || c.code == 0x2029 || c.code == 0x2581 ||
			c.code == 0xFEFF || c.code == 0xFFFD)
			c.code = ' ';
		s->chars.chars[kept++] = c;
	}
	s->chars.count = kept;
}

/* ---- replacing ---- */

/* Characters from `from` on that the pattern takes; 0: none. */
static size_t
pattern_length(const UcRewrite *rewrite, const UcChar *chars, size_t count)
{
	size_t		n = 0;

	switch ((UcRewriteKind) rewrite->kind)
	{
		case UC_REWRITE_LITERAL:
			if (count < rewrite->pattern_count)
				return 0;
			while (n < rewrite->pattern_count && chars[n].code == rewrite->pattern[n])
				n++;
			return n == rewrite->pattern_count ? n : 0;
		case UC_REWRITE_RUN:
			while (n < count && chars[n].code == rewrite->pattern[0])
				n++;
			break;
		case UC_REWRITE_SPACES:
			while (n < count && (uc_char(chars[n].code)->flags & UC_CHAR_SPACE))
				n++;
			break;
	}
	return n >= rewrite->least ? n : 0;
}

static bool
put_content(UcChars *chars, const UcRewrite *rewrite, uint32_t start, uint32_t stop)
{
	for (uint32_t i = 0; i < rewrite->content_count; i++)
		if (!uc_chars_add(chars, rewrite->content[i], start, stop))
			return false;
	return true;
}

static bool
replace_pattern(const UcRewrite *rewrite, UcTokenScratch *s)
{
	s->spare.count = 0;
	for (size_t i = 0; i < s->chars.count;)
	{
		UcChar	   *c = s->chars.chars + i;
		size_t		n = pattern_length(rewrite, c, s->chars.count - i);

		if (n > 0 ? !put_content(&s->spare, rewrite, c->start, c[n - 1].stop) : !uc_chars_add(&s->spare, c->code, c->start, c->stop))
			return false;
		i += n > 0 ? n : 1;
	}
	swap(s);
	return true;
}

static bool
prepend(const UcRewrite *rewrite, UcTokenScratch *s)
{
	if (s->chars.count == 0)
		return true;
	s->spare.count = 0;
	if (!put_content(&s->spare, rewrite, s->chars.chars[0].start, s->chars.chars[0].start) ||
		!uc_chars_reserve(&s->spare, s->chars.count))
		return false;
	memcpy(s->spare.chars + s->spare.count, s->chars.chars, s->chars.count * sizeof *s->chars.chars);
	s->spare.count += s->chars.count;
	swap(s);
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
		switch ((UcNormalizerStep) t->header.steps[i].kind)
		{
			case UC_NORMALIZE_CLEAN:
				clean(s);
				break;
			case UC_NORMALIZE_SPLIT_CHINESE:
				done = split_chinese(s);
				break;
			case UC_NORMALIZE_NFD:
				done = uc_chars_normal_form(&s->chars, &s->spare, UC_NFD);
				break;
			case UC_NORMALIZE_NFC:
				done = uc_chars_normal_form(&s->chars, &s->spare, UC_NFC);
				break;
			case UC_NORMALIZE_NFKD:
				done = uc_chars_normal_form(&s->chars, &s->spare, UC_NFKD);
				break;
			case UC_NORMALIZE_NFKC:
				done = uc_chars_normal_form(&s->chars, &s->spare, UC_NFKC);
				break;
			case UC_NORMALIZE_STRIP_ACCENTS:
				uc_chars_drop(&s->chars, UC_CHAR_MARK);
				break;
			case UC_NORMALIZE_STRIP_COMBINING:
				uc_chars_drop(&s->chars, UC_CHAR_COMBINING);
				break;
			case UC_NORMALIZE_STRIP_LEFT:
				strip_left(s);
				break;
			case UC_NORMALIZE_STRIP_RIGHT:
				strip_right(s);
				break;
			case UC_NORMALIZE_NMT:
				nmt(s);
				break;
			case UC_NORMALIZE_REPLACE:
				done = replace_pattern(&t->rewrites[t->header.steps[i].argument], s);
				break;
			case UC_NORMALIZE_PREPEND:
				done = prepend(&t->rewrites[t->header.steps[i].argument], s);
				break;
			case UC_NORMALIZE_LOWERCASE:
				done = uc_chars_lowercase(&s->chars, &s->spare);
				break;
			case UC_NORMALIZE_CHARSMAP:
				status = map_characters(t, s, run, err);
				break;
		}
		if (status != UC_OK)
			return status;
		if (!done)
			return uc_out_of_memory(err, uc_size_mul(s->chars.count, sizeof(UcChar)));
	}
	return UC_OK;
}
