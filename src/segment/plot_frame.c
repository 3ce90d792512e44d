/*
 * plot_frame.c
 *	  The page, axes and colours of every picture.
 */
#include "segment/plot_frame.h"

#include <math.h>

#include "segment/plot.h"

#define FONTS "system-ui, 'Noto Sans', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', " \
	"'Microsoft YaHei', 'WenQuanYi Zen Hei', sans-serif"
#define HEADING 1.3				/* em */
#define MOST_TICKS 200
#define MOST_DECIMALS 6

/* ---- the page ---- */

UcStatus
uc_page_check(int width, int height, UcError *err)
{
	if (width < UC_PLOT_SMALLEST || width > UC_PLOT_LARGEST)
		return uc_error(err, UC_INVALID_ARGUMENT, "width must be from %d to %d, not %d", UC_PLOT_SMALLEST, UC_PLOT_LARGEST,
						width);
	if (height < UC_PLOT_SMALLEST || height > UC_PLOT_LARGEST)
		return uc_error(err, UC_INVALID_ARGUMENT, "height must be from %d to %d, not %d", UC_PLOT_SMALLEST, UC_PLOT_LARGEST,
						height);
	return UC_OK;
}

double
uc_page_font(int width, int height, double largest)
{
	return fmax(9, fmin(largest, (width < height ? width : height) / 45.0));
}

double
uc_page_top(const UcPage *page)
{
	return page->title == NULL ? page->font : 3 * page->font;
}

void
uc_page_begin(UcSvg *svg, const UcPage *page, double left)
{
	double		heading = HEADING * page->font;

	uc_svg_add(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
			   "font-family=\"" FONTS "\" fill=\"" UC_PLOT_INK "\"", page->width, page->height, page->width, page->height);
	uc_svg_at(svg, " font-size=\"", page->font);
	uc_svg_add(svg, "\">\n");
	if (page->title != NULL)
	{
		uc_svg_add(svg, "<title>");
		uc_svg_text(svg, page->title, UC_PLOT_TOOLTIP);
		uc_svg_add(svg, "</title>\n");
	}
	uc_svg_add(svg, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", page->width, page->height);
	if (page->title != NULL)
	{
		uc_svg_at(svg, "<g font-weight=\"bold\" font-size=\"", heading);
		uc_svg_add(svg, "\">");
		uc_plot_text(svg, left, 2 * page->font, NULL);
		uc_svg_text(svg, page->title, (page->width - left) / heading - 1);
		uc_svg_add(svg, "</text></g>\n");
	}
}

void
uc_page_end(UcSvg *svg)
{
	uc_svg_add(svg, "</svg>\n");
}

/* ---- text and lines ---- */

void
uc_plot_text(UcSvg *svg, double x, double y, const char *anchor)
{
	uc_svg_at(svg, "<text x=\"", x);
	uc_svg_at(svg, "\" y=\"", y);
	uc_svg_add(svg, "\"%s%s%s>", anchor == NULL ? "" : " text-anchor=\"", anchor == NULL ? "" : anchor,
			   anchor == NULL ? "" : "\"");
}

void
uc_plot_rimmed(UcSvg *svg, const char *text, double width, double x, double y, const char *anchor, double font)
{
	for (int rim = 1; rim >= 0; rim--)
	{
		if (rim)
		{
			uc_svg_at(svg, "<g fill=\"none\" stroke=\"#fff\" stroke-linejoin=\"round\" stroke-width=\"", 0.3 * font);
			uc_svg_add(svg, "\">");
		}
		uc_plot_text(svg, x, y, anchor);
		uc_svg_text(svg, text, width);
		uc_svg_add(svg, rim ? "</text></g>" : "</text>\n");
	}
}

void
uc_plot_line(UcSvg *svg, double x1, double y1, double x2, double y2)
{
	uc_svg_at(svg, "<path d=\"M", x1);
	uc_svg_at(svg, " ", y1);
	uc_svg_at(svg, "L", x2);
	uc_svg_at(svg, " ", y2);
	uc_svg_add(svg, "\"/>");
}

void
uc_plot_upright_label(UcSvg *svg, const char *label, double x, double middle)
{
	uc_svg_at(svg, "<text text-anchor=\"middle\" transform=\"translate(", x);
	uc_svg_at(svg, " ", middle);
	uc_svg_add(svg, ")rotate(-90)\">");
	uc_svg_text(svg, label, UC_PLOT_TOOLTIP);
	uc_svg_add(svg, "</text>\n");
}

double
uc_legend_line(const UcFrame *frame, size_t entries, double font)
{
	return fmax(1.2 * font, fmin(1.6 * font, (frame->bottom - frame->top) / ((double) entries + 1.01)));
}

/* ---- colours ---- */

/* Paul Tol's "muted" scheme (https://sronpersonalpages.nl/~pault/), made for colour-blind readers, in his order. */
static const struct
{
	const char *colour;
	bool		dark;
}			palette[UC_PLOT_COLOURS] = {
	{"#cc6677", true}, {"#332288", true}, {"#ddaa33", false}, {"#117733", true}, {"#88ccee", false}, {"#882255", true},
	{"#44aa99", false}, {"#999933", false}, {"#aa4499", true}
};

const char *
uc_plot_colour(size_t place)
{
	return palette[place % UC_PLOT_COLOURS].colour;
}

const char *
uc_plot_ink_on(size_t place)
{
	return palette[place % UC_PLOT_COLOURS].dark ? "#fff" : "#000";
}

/* ---- axes ---- */

/* In halves, so that the difference of huge numbers stays finite. */
double
uc_axis_pixel(const UcAxis *axis, double x)
{
	double		length = axis->high / 2 - axis->low / 2;

	if (!(length > 0))
		return (axis->from + axis->to) / 2;
	return axis->from + (x / 2 - axis->low / 2) / length * (axis->to - axis->from);
}

static double
round_step(double wanted)
{
	double		power = pow(10, floor(log10(wanted))),
				factor = wanted / power;

	return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

UcTicks
uc_axis_ticks(const UcAxis *axis, double apart, double least)
{
	UcTicks		ticks = {0};
	double		step = round_step(fmax(least, apart / fabs(axis->to - axis->from) * (axis->high - axis->low))),
				count;

	if (!(step > 0) || !isfinite(step))
		return ticks;
	ticks.step = step;
	ticks.first = ceil(axis->low / step - 1e-9);
	count = floor(axis->high / step + 1e-9) - ticks.first + 1;
	/* steps below the precision of numbers this large would be one tick many times */
	if (isfinite(ticks.first) && ticks.first + 1 > ticks.first && count >= 1 && count <= MOST_TICKS)
		ticks.count = (int) count;
	return ticks;
}

/* As many decimals as the step has, so that the numbers of one axis look alike. */
static void
add_tick(UcSvg *svg, double number, double step)
{
	int			decimals = step >= 1 ? 0 : (int) -floor(log10(step) + 1e-9);

	if (decimals > MOST_DECIMALS || fabs(number) >= 1e6)
		uc_svg_add(svg, "%.4g", number);
	else
		uc_svg_add(svg, "%.*f", decimals, number == 0 ? 0.0 : number);
}

void
uc_axis_lines(UcSvg *svg, const UcAxis *axis, const UcTicks *ticks, const UcFrame *frame, bool upright)
{
	for (int i = 0; i < ticks->count; i++)
	{
		double		at = uc_axis_pixel(axis, (ticks->first + i) * ticks->step);

		if (upright)
			uc_plot_line(svg, frame->left, at, frame->right, at);
		else
			uc_plot_line(svg, at, frame->top, at, frame->bottom);
	}
}

void
uc_axis_draw(UcSvg *svg, const UcAxis *axis, const UcTicks *ticks, const UcFrame *frame, bool upright, double font)
{
	uc_axis_lines(svg, axis, ticks, frame, upright);
	for (int i = 0; i < ticks->count; i++)
	{
		double		number = (ticks->first + i) * ticks->step,
					at = uc_axis_pixel(axis, number);

		uc_svg_add(svg, "<g stroke=\"none\" fill=\"" UC_PLOT_QUIET "\">");
		if (upright)
			uc_plot_text(svg, frame->left - 0.4 * font, at + 0.3 * font, "end");
		else
			uc_plot_text(svg, at, frame->bottom + 1.3 * font, "middle");
		add_tick(svg, number, ticks->step);
		uc_svg_add(svg, "</text></g>");
	}
}

void
uc_axes_begin(UcSvg *svg, double font)
{
	uc_svg_at(svg, "<g stroke=\"" UC_PLOT_GRID "\" fill=\"none\" font-size=\"", 0.85 * font);
	uc_svg_add(svg, "\">\n");
}

void
uc_axes_end(UcSvg *svg, const UcFrame *frame)
{
	uc_svg_at(svg, "<rect stroke=\"#999\" x=\"", frame->left);
	uc_svg_at(svg, "\" y=\"", frame->top);
	uc_svg_at(svg, "\" width=\"", frame->right - frame->left);
	uc_svg_at(svg, "\" height=\"", frame->bottom - frame->top);
	uc_svg_add(svg, "\"/></g>\n");
}
