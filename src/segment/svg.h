/*
 * svg.h
 *	  A picture written as SVG, which browsers, office programs and BI tools show. Private to the room.
 *
 * The writer grows its text and remembers the first failure, so that drawing code checks once, at the end. All text that
 * users wrote goes through uc_svg_text, which keeps the document well-formed whatever it holds. What the writer adds is
 * ASCII: other characters are numeric references.
 */
#ifndef UC_SEGMENT_SVG_H
#define UC_SEGMENT_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct UcSvg
{
	char	   *text;			/* [room], `length` bytes of it written; NULL before the first */
	size_t		length;
	size_t		room;
	bool		failed;			/* no memory: what follows is dropped */
} UcSvg;

/* Appends markup as it is. */
extern void uc_svg_add(UcSvg *svg, const char *format,...) __attribute__((format(printf, 2, 3)));

/* Appends a number with one decimal at most, whatever the locale; what is beyond ±1e6 becomes that. */
extern void uc_svg_number(UcSvg *svg, double number);

/* Appends `before`, a number and nothing else: an attribute's beginning, or a step of a path. */
extern void uc_svg_at(UcSvg *svg, const char *before, double number);

/*
 * Appends the first characters of UTF-8 text that fit into `width` em, the last one an ellipsis where others were left out.
 * Letters with their marks, and pictures put together from several, are not torn. Characters with a meaning in markup are
 * escaped; tabs and line ends become spaces; other controls, what XML cannot hold, marks beyond the first 31 on a letter and
 * bytes that are not UTF-8 are dropped.
 */
extern void uc_svg_text(UcSvg *svg, const char *text, double width);

/*
 * The width of that text in em, estimated: 1 for a character of a Chinese, Japanese or Korean script or a picture, .56 else;
 * at most a little above 10,000.
 */
extern double uc_svg_text_width(const char *text);

/*
 * Ends the picture: hands over the text, ended by a zero byte, which the caller frees with uc_free, and its length; or
 * reports the memory that was refused.
 */
extern UcStatus uc_svg_finish(UcSvg *svg, char **text, size_t *length, UcError *err);

#endif
