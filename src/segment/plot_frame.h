/*
 * plot_frame.h
 *	  What all pictures have in common: the page, frames with axes, colours, text. Private to the room.
 *
 * Attributes stand at each group of elements, without a style sheet and without ids, so that several pictures can stand in
 * one page; the page has a background of its own, so that it can be light or dark.
 */
#ifndef UC_SEGMENT_PLOT_FRAME_H
#define UC_SEGMENT_PLOT_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "segment/svg.h"

#define UC_PLOT_INK "#222"
#define UC_PLOT_QUIET "#666"
#define UC_PLOT_GRID "#e4e4e4"
#define UC_PLOT_NOISE "#bbb"
#define UC_PLOT_COLOURS 9
#define UC_PLOT_TOOLTIP 200		/* em, that a reader sees who points at something */

typedef struct UcPage
{
	const char *title;			/* UTF-8; NULL: none */
	int			width;			/* pixels */
	int			height;
	double		font;			/* pixels */
} UcPage;

typedef struct UcFrame			/* pixels */
{
	double		left,
				top,
				right,
				bottom;
} UcFrame;

/* Numbers from `low` to `high` lie at pixels `from` to `to`, which may fall. Where low is not below high, all lie between. */
typedef struct UcAxis
{
	double		low,
				high;
	double		from,
				to;
} UcAxis;

/* The numbers (first + i) * step, i below count. */
typedef struct UcTicks
{
	double		step;
	double		first;
	int			count;
} UcTicks;

/* Refuses sides out of range (UC_INVALID_ARGUMENT). */
extern UcStatus uc_page_check(int width, int height, UcError *err);

/* The font that suits a picture of these sides. */
extern double uc_page_font(int width, int height, double largest);

/* The document's first element, title and background; the title as a heading from `left` on, above 3 fonts or none. */
extern void uc_page_begin(UcSvg *svg, const UcPage *page, double left);
extern void uc_page_end(UcSvg *svg);

/* The place below the heading. */
extern double uc_page_top(const UcPage *page);

/* Begins a text element at its baseline; anchor is NULL (start), "middle" or "end". */
extern void uc_plot_text(UcSvg *svg, double x, double y, const char *anchor);

/* Text over a white rim, from `x` on, or around it with the anchor "middle". */
extern void uc_plot_rimmed(UcSvg *svg, const char *text, double width, double x, double y, const char *anchor, double font);

extern void uc_plot_line(UcSvg *svg, double x1, double y1, double x2, double y2);

/* Between lines of a legend of so many entries and a heading: closer where that makes them fit. */
extern double uc_legend_line(const UcFrame *frame, size_t entries, double font);

/* Colours that colour-blind readers tell apart, the next one for the next group; after UC_PLOT_COLOURS they begin anew. */
extern const char *uc_plot_colour(size_t place);

/* Black or white, whichever can be read on that colour. */
extern const char *uc_plot_ink_on(size_t place);

extern double uc_axis_pixel(const UcAxis *axis, double x);

/* 1, 2 or 5 times a power of ten, about `apart` pixels apart and at least `least`; none where numbers are too large for it. */
extern UcTicks uc_axis_ticks(const UcAxis *axis, double apart, double least);

/* Lines across the frame at the ticks. */
extern void uc_axis_lines(UcSvg *svg, const UcAxis *axis, const UcTicks *ticks, const UcFrame *frame, bool upright);

/* These, and their numbers below it or, for an upright axis, left of it. */
extern void uc_axis_draw(UcSvg *svg, const UcAxis *axis, const UcTicks *ticks, const UcFrame *frame, bool upright, double font);

/* Begins what axes are drawn in, the frame around them ends it. */
extern void uc_axes_begin(UcSvg *svg, double font);
extern void uc_axes_end(UcSvg *svg, const UcFrame *frame);

/* What an axis shows, beside the upright one at `x`. */
extern void uc_plot_upright_label(UcSvg *svg, const char *label, double x, double middle);

#endif
