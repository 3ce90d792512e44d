/*
 * clean_entities.c
 *	  Character references: &#33; &#x21; &excl; become the characters they stand for.
 *
 * After the HTML standard: all its names; numbers of surrogates, of nothing and beyond Unicode become U+FFFD; numbers 128 to
 * 159 mean windows-1252. As in attributes there, a name without its semicolon counts only where neither a letter, a digit
 * nor an equals sign follows, so that the address ?a=1&copy=2 stays whole. Other names stay as they are.
 */
#include "text/clean_pass.h"

#include "text/entity_tables.inc"

#define LONGEST_NAME 31

static const uint16_t windows_1252[32] = {
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
};

static int
digit_value(char ch, int base)
{
	if (uc_ascii_digit(ch))
		return ch - '0';
	if (base == 16 && (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
		return (ch | 0x20) - 'a' + 10;
	return -1;
}

/* The end of the numeric reference at `at`, or `at`. */
static size_t
numeric(UcClean *c, size_t at)
{
	size_t		digits = at + 2;
	int			base = 10;
	size_t		end;
	uint32_t	code = 0;

	if (digits < c->bytes && (c->text[digits] | 0x20) == 'x')
	{
		base = 16;
		digits++;
	}
	for (end = digits; end < c->bytes && digit_value(c->text[end], base) >= 0; end++)
		if (code <= 0x10FFFF)
			code = code * (uint32_t) base + (uint32_t) digit_value(c->text[end], base);
	if (end == digits)
		return at;
	if (code == 0 || code > 0x10FFFF || U_IS_SURROGATE(code))
		code = 0xFFFD;
	else if (code >= 0x80 && code < 0xA0)
		code = windows_1252[code - 0x80];
	uc_clean_put_code(c, (UChar32) code);
	return end < c->bytes && c->text[end] == ';' ? end + 1 : end;
}

static const struct Entity *
find(const char *name)
{
	size_t		low = 0,
				high = sizeof entities / sizeof *entities;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		int			order = strcmp(name, entity_names + entities[middle].name);

		if (order == 0)
			return &entities[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The end of the named reference at `at`, or `at`. */
static size_t
named(UcClean *c, size_t at)
{
	char		name[LONGEST_NAME + 1];
	size_t		length = 0;
	size_t		end;
	bool		whole;
	const struct Entity *entity;

	while (at + 1 + length < c->bytes && uc_ascii_alnum(c->text[at + 1 + length]))
	{
		if (length == LONGEST_NAME)
			return at;
		name[length] = c->text[at + 1 + length];
		length++;
	}
	name[length] = '\0';
	end = at + 1 + length;
	whole = end < c->bytes && c->text[end] == ';';
	entity = find(name);
	if (entity == NULL || (!whole && (!entity->bare || (end < c->bytes && c->text[end] == '='))))
		return at;
	uc_clean_put_code(c, (UChar32) entity->first);
	if (entity->second != 0)
		uc_clean_put_code(c, (UChar32) entity->second);
	return end + whole;
}

void
uc_clean_entities(UcClean *c)
{
	for (size_t at = 0; uc_clean_more(c, at);)
	{
		const char *next = memchr(c->text + at, '&', c->bytes - at);
		size_t		begin = next == NULL ? c->bytes : (size_t) (next - c->text);

		if (begin > at)
			uc_clean_put(c, c->text + at, begin - at);
		at = begin;
		if (begin + 1 < c->bytes)
			at = c->text[begin + 1] == '#' ? numeric(c, begin) : named(c, begin);
		if (at == begin && begin < c->bytes)
		{
			uc_clean_put(c, "&", 1);
			at++;
		}
	}
}
