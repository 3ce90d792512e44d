/*
 * grapheme.c
 *	  Extended grapheme clusters (https://www.unicode.org/reports/tr29/), with the classes of the reference's version.
 */
#include "text/unicode.h"

enum
{
	OTHER, CONTROL, CR, LF, EXTEND, ZWJ, SPACING, PREPEND, L, V, T, LV, LVT, REGIONAL, PICTOGRAPHIC
};

enum
{
	CONJUNCT_NONE, CONJUNCT_CONSONANT, CONJUNCT_LINKER, CONJUNCT_EXTEND
};

/* What a boundary depends on besides its two neighbours. */
typedef struct Before
{
	bool		odd_regional;	/* an odd number of regional indicators so far */
	bool		picture;		/* a pictograph and extenders */
	bool		picture_zwj;	/* … and a joiner */
	bool		consonant;		/* a consonant and its extenders and linkers */
	bool		linked;			/* … a linker among them */
} Before;

static void
pass(Before *before, const UcCharProperties *c)
{
	before->odd_regional = c->grapheme == REGIONAL && !before->odd_regional;
	before->picture_zwj = before->picture && c->grapheme == ZWJ;
	before->picture = c->grapheme == PICTOGRAPHIC || (before->picture && c->grapheme == EXTEND);
	if (c->conjunct == CONJUNCT_CONSONANT)
	{
		before->consonant = true;
		before->linked = false;
	}
	else if (before->consonant && c->conjunct == CONJUNCT_LINKER)
		before->linked = true;
	else if (c->conjunct != CONJUNCT_EXTEND)
		before->consonant = before->linked = false;
}

static bool
joined(const Before *before, const UcCharProperties *left, const UcCharProperties *right)
{
	int			a = left->grapheme,
				b = right->grapheme;

	if (a == CR && b == LF)
		return true;
	if (a == CONTROL || a == CR || a == LF || b == CONTROL || b == CR || b == LF)
		return false;
	if ((a == L && (b == L || b == V || b == LV || b == LVT)) || ((a == LV || a == V) && (b == V || b == T)) ||
		((a == LVT || a == T) && b == T))
		return true;
	if (b == EXTEND || b == ZWJ || b == SPACING || a == PREPEND)
		return true;
	if (before->linked && right->conjunct == CONJUNCT_CONSONANT)
		return true;
	if (before->picture_zwj && b == PICTOGRAPHIC)
		return true;
	return a == REGIONAL && b == REGIONAL && before->odd_regional;
}

size_t
uc_grapheme_end(const UcChars *chars, size_t from)
{
	Before		before = {0};
	const UcCharProperties *left = uc_char(chars->chars[from].code);

	pass(&before, left);
	for (size_t i = from + 1; i < chars->count; i++)
	{
		const UcCharProperties *right = uc_char(chars->chars[i].code);

		if (!joined(&before, left, right))
			return i;
		pass(&before, right);
		left = right;
	}
	return chars->count;
}
