/*
 * clean_forms.c
 *	  One way to write each character: width, Unicode normal form, case.
 *
 * Most text is in its form already and is copied. What may change is changed together with the character before it, to
 * which a mark may belong, up to the next character that nothing can join. Emoji stay as they are in every form.
 */
#include "text/clean_pass.h"

#include <unicode/unorm2.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "text/unicode.h"

/* Longest piece that is normalized at a time, in characters; only a row of combining marks can be longer. */
#define LONGEST_PIECE 65536

typedef struct Forms
{
	UcClean    *c;
	UcCleanChoice width;
	UcCleanChoice form;
	UcCleanChoice letter_case;
	UcChars		piece;
	UcChars		spare;
} Forms;

/*
 * Full-width forms of ASCII and of signs, half-width forms of katakana and Hangul, the ideographic space. The marks that
 * Chinese and Japanese sentences are written with are full-width by nature.
 */
static bool
has_other_width(UChar32 code)
{
	if (code == 0x3000)
		return true;
	if (code < 0xFF01 || code > 0xFFEE)
		return false;
	switch (code)
	{
		case 0xFF01:			/* ! ( ) , : ; ? ~ */
		case 0xFF08:
		case 0xFF09:
		case 0xFF0C:
		case 0xFF1A:
		case 0xFF1B:
		case 0xFF1F:
		case 0xFF5E:
			return false;
	}
	return true;
}

/* Scripts without case, by the ranges that most text without case lies in. */
static bool
has_no_case(UChar32 code)
{
	return (code >= 0x0590 && code < 0x10A0) || (code >= 0x1100 && code < 0x13A0) || (code >= 0x2E80 && code < 0xA640) ||
		(code >= 0xAC00 && code < 0xFB00) || code >= 0x1F000;
}

/* Whether the character stays as it is whatever stands before it, so long as no mark follows. */
static bool
settled(const Forms *f, UChar32 code)
{
	const UcCharProperties *properties;

	if (f->letter_case != UC_CLEAN_KEEP && !has_no_case(code))
		return false;
	if (f->width == UC_CLEAN_FOLD && has_other_width(code))
		return false;
	if (f->form == UC_CLEAN_KEEP)
		return true;
	properties = uc_char((uint32_t) code);
	if (properties->combining_class != 0 || (properties->flags & UC_CHAR_SECOND))
		return false;
	if (properties->flags & UC_CHAR_COMPATIBLE)
		return f->form == UC_CLEAN_NFC;
	return !(properties->flags & UC_CHAR_CANONICAL) || u_getIntPropertyValue(code, UCHAR_NFC_QUICK_CHECK) == UNORM_YES;
}

static bool
add_parts(UcChars *chars, uint32_t code, int options)
{
	utf8proc_int32_t parts[32];
	int			boundary = 0;
	utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t) code, parts, 32, options, &boundary);

	if (count < 1 || count > 32)
		return uc_chars_add(chars, code, 0, 0);
	for (utf8proc_ssize_t i = 0; i < count; i++)
		if (!uc_chars_add(chars, (uint32_t) parts[i], 0, 0))
			return false;
	return true;
}

/* Simple and full case folding of the Unicode standard, section 3.13. */
static bool
fold_case(UcChars *chars, UcChars *spare)
{
	UcChars		kept = *chars;

	spare->count = 0;
	for (size_t i = 0; i < kept.count; i++)
		if (!add_parts(spare, kept.chars[i].code, UTF8PROC_CASEFOLD))
			return false;
	*chars = *spare;
	*spare = kept;
	return true;
}

static bool
settle(Forms *f)
{
	UcNormalForm form = f->form == UC_CLEAN_NFKC ? UC_NFKC : UC_NFC;
	bool		normalize = f->form != UC_CLEAN_KEEP;

	if (normalize && !uc_chars_normal_form(&f->piece, &f->spare, form))
		return false;
	if (f->letter_case == UC_CLEAN_KEEP)
		return true;
	if (!(f->letter_case == UC_CLEAN_LOWER ? uc_chars_lowercase(&f->piece, &f->spare) : fold_case(&f->piece, &f->spare)))
		return false;
	return !normalize || uc_chars_normal_form(&f->piece, &f->spare, form);
}

static bool
add(Forms *f, UChar32 code)
{
	if (f->width == UC_CLEAN_FOLD && has_other_width(code))
		return add_parts(&f->piece, (uint32_t) code, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
	return uc_chars_add(&f->piece, (uint32_t) code, 0, 0);
}

/* Changes the piece that begins at `start`, whose first character may be settled; the end of it. */
static size_t
change_piece(Forms *f, size_t start)
{
	UcClean    *c = f->c;
	size_t		at = start;
	bool		fits;

	f->piece.count = 0;
	fits = add(f, uc_clean_next(c->text, c->bytes, &at));
	while (fits && at < c->bytes && f->piece.count < LONGEST_PIECE)
	{
		size_t		next = at;
		UChar32		code = uc_clean_next(c->text, c->bytes, &next);

		if (settled(f, code) || uc_emoji_bytes(c->text, c->bytes, at) > 0)
			break;
		fits = add(f, code);
		at = next;
	}
	if (!fits || !settle(f))
	{
		c->status = uc_out_of_memory(c->err, uc_size_mul(f->piece.count, 2 * sizeof(UcChar)));
		return at;
	}
	for (size_t i = 0; i < f->piece.count; i++)
		uc_clean_put_code(c, (UChar32) f->piece.chars[i].code);
	return at;
}

/* The end of the ASCII text at `at`, copied in its case: letters are changed 32 apart. */
static size_t
copy_ascii(Forms *f, size_t at)
{
	UcClean    *c = f->c;
	size_t		stop = c->bytes < c->poll_at ? c->bytes : c->poll_at;
	size_t		end = at;
	char	   *copied;

	while (end < stop && (unsigned char) c->text[end] < 0x80)
		end++;
	/* A mark may follow the last one. */
	if (end < c->bytes && end > at)
		end--;
	if (end == at)
		return at;
	uc_clean_put(c, c->text + at, end - at);
	if (c->status != UC_OK || f->letter_case == UC_CLEAN_KEEP)
		return end;
	copied = c->out.text + c->out.bytes - (end - at);
	for (size_t i = 0; i < end - at; i++)
		if (copied[i] >= 'A' && copied[i] <= 'Z')
			copied[i] |= 0x20;
	return end;
}

void
uc_clean_forms(UcClean *c)
{
	Forms		f = {
		.c = c,.width = c->options->choice[UC_CLEAN_WIDTH],.form = c->options->choice[UC_CLEAN_FORM],
		.letter_case = c->options->choice[UC_CLEAN_LETTER_CASE]
	};

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		end = copy_ascii(&f, at);
		size_t		emoji,
					next;
		UChar32		code,
					after;

		if (end > at)
		{
			at = end;
			continue;
		}
		emoji = uc_emoji_bytes(c->text, c->bytes, at);
		if (emoji > 0)
		{
			uc_clean_put(c, c->text + at, emoji);
			at += emoji;
			continue;
		}
		next = at;
		code = uc_clean_next(c->text, c->bytes, &next);
		after = uc_clean_peek(c->text, c->bytes, next);
		if (settled(&f, code) && (next == c->bytes || settled(&f, after) || uc_emoji_bytes(c->text, c->bytes, next) > 0))
		{
			uc_clean_put(c, c->text + at, next - at);
			at = next;
		}
		else
			at = change_piece(&f, at);
	}
	uc_chars_free(&f.piece);
	uc_chars_free(&f.spare);
}
