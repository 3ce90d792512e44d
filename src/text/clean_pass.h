/*
 * clean_pass.h
 *	  What the passes of clean.c share. Private to the room.
 *
 * A pass reads c->text and appends to c->out. Its loops run while uc_clean_more(c, at), which also polls; appending cannot
 * fail in the pass's eyes. What went wrong is remembered in c->status, ends the loop, and is looked at once, by the driver.
 */
#ifndef UC_TEXT_CLEAN_PASS_H
#define UC_TEXT_CLEAN_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "text/clean.h"

#define UC_CLEAN_POLL_BYTES 0x40000

typedef struct UcCleanBuffer
{
	char	   *text;			/* [room], `bytes` of it written */
	size_t		bytes;
	size_t		room;
} UcCleanBuffer;

/* Addresses and handles that stay as they are, in the order of the text. */
typedef struct UcCleanKept
{
	struct
	{
		uint32_t	start;		/* results are shorter than 4 GB */
		uint32_t	stop;
	}		   *spans;			/* [room], `count` of them */
	size_t		count;
	size_t		room;
} UcCleanKept;

typedef struct UcClean
{
	const UcCleanOptions *options;
	const UcCleanTools *tools;
	const UcRun *run;
	const char *text;			/* what this pass reads: valid UTF-8 */
	size_t		bytes;
	UcCleanBuffer out;
	size_t		other_room;		/* bytes of the buffer that this pass reads */
	UcCleanKept kept;			/* in the text */
	UcCleanKept kept_out;		/* in the result */
	size_t		kept_at;		/* next one of the text */
	size_t		poll_at;		/* place in the text */
	UcStatus	status;
	UcError    *err;
} UcClean;

extern void uc_clean_poll(UcClean *c, size_t at);
extern bool uc_clean_grow(UcClean *c, size_t more);

/* Copies the span and remembers that later passes shall leave it alone. */
extern void uc_clean_keep(UcClean *c, size_t start, size_t stop);

/* Where the next span begins that a pass must leave alone; SIZE_MAX: none follows. */
static inline size_t
uc_clean_kept_start(const UcClean *c)
{
	return c->kept_at < c->kept.count ? c->kept.spans[c->kept_at].start : SIZE_MAX;
}

/* Where such a span begins at `*at`: copies it, moves behind it, and says so. */
static inline bool
uc_clean_kept(UcClean *c, size_t *at)
{
	size_t		start = *at;

	if (start != uc_clean_kept_start(c))
		return false;
	*at = c->kept.spans[c->kept_at++].stop;
	uc_clean_keep(c, start, *at);
	return true;
}

static inline bool
uc_clean_more(UcClean *c, size_t at)
{
	if (at >= c->poll_at)
		uc_clean_poll(c, at);
	return at < c->bytes && c->status == UC_OK;
}

static inline void
uc_clean_put(UcClean *c, const char *from, size_t bytes)
{
	if (bytes > c->out.room - c->out.bytes && !uc_clean_grow(c, bytes))
		return;
	memcpy(c->out.text + c->out.bytes, from, bytes);
	c->out.bytes += bytes;
}

static inline void
uc_clean_put_code(UcClean *c, UChar32 code)
{
	char		encoded[U8_MAX_LENGTH];
	int			bytes = 0;

	U8_APPEND_UNSAFE(encoded, bytes, code);
	uc_clean_put(c, encoded, (size_t) bytes);
}

/* The code point at `*at`, which moves behind it. */
static inline UChar32
uc_clean_next(const char *text, size_t bytes, size_t *at)
{
	UChar32		code;

	U8_NEXT(text, *at, bytes, code);
	return code < 0 ? 0xFFFD : code;
}

/* The code point at `at`, or 0 at the end of the text. */
static inline UChar32
uc_clean_peek(const char *text, size_t bytes, size_t at)
{
	return at < bytes ? uc_clean_next(text, bytes, &at) : 0;
}

/* The code point before `at`, or 0 at the beginning. */
static inline UChar32
uc_clean_before(const char *text, size_t at)
{
	UChar32		code;

	if (at == 0)
		return 0;
	U8_PREV_UNSAFE(text, at, code);
	return code;
}

/* A space for what was dropped, unless white space, or nothing, stands before it. */
static inline void
uc_clean_put_gap(UcClean *c)
{
	UChar32		last = uc_clean_before(c->out.text, c->out.bytes);

	if (last != 0 && !u_isUWhiteSpace(last))
		uc_clean_put(c, " ", 1);
}

/*
 * Whether what stands at `at` needs a space before it where something was dropped: not white space, nor a mark that ends a
 * phrase. An ASCII mark does so only before white space or another one: within an address it does not.
 */
extern bool uc_clean_needs_gap(const UcClean *c, size_t at);

static inline bool
uc_ascii_letter(UChar32 code)
{
	return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

static inline bool
uc_ascii_digit(UChar32 code)
{
	return code >= '0' && code <= '9';
}

static inline bool
uc_ascii_alnum(UChar32 code)
{
	return uc_ascii_letter(code) || uc_ascii_digit(code);
}

static inline bool
uc_char_mark(UChar32 code)
{
	return code >= 0x300 && (U_GET_GC_MASK(code) & U_GC_M_MASK) != 0;
}

/*
 * Bytes of the emoji that begins at `at`, or 0 where none does: one picture with its variation selector, skin tone and tags,
 * several joined by U+200D, a flag, or a keycap. Characters such as (c) and (tm) signs are emoji only where a selector says so.
 */
extern size_t uc_emoji_bytes(const char *text, size_t bytes, size_t at);

extern void uc_clean_tags(UcClean *c);
extern void uc_clean_entities(UcClean *c);
extern void uc_clean_invisible(UcClean *c);
extern void uc_clean_forms(UcClean *c);
extern void uc_clean_spans(UcClean *c);
extern void uc_clean_emoji(UcClean *c);
extern void uc_clean_numbers(UcClean *c);
extern void uc_clean_punctuation(UcClean *c);
extern void uc_clean_chinese(UcClean *c);
extern void uc_clean_stop_words(UcClean *c);
extern void uc_clean_repeats(UcClean *c);
extern void uc_clean_spaces(UcClean *c);

#endif
