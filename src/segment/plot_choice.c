/*
 * plot_choice.c
 *	  What is known of each number of clusters: three panels over one axis of k, and the recommended k through all of them.
 *
 * A panel each, because one axis for figures of different units would make any two curves cross wherever one likes.
 */
#include "segment/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "segment/plot_frame.h"
#include "segment/svg.h"

#define PANELS 3
#define GAP 1.8					/* em, between panels */
#define MARGIN 0.08				/* of the range of the data, above and below it */
#define CAPTION_LINES 3
#define CAPTION_LINE 1.35		/* em */
#define BYTES_PER_CHOICE 1536
#define MARK_COLOUR 3			/* of the recommended k */

typedef struct Panel
{
	const char *label;
	size_t		colour;
	UcFrame		frame;
	UcAxis		axis;
} Panel;

typedef struct Picture
{
	const UcChoicePlot *plot;
	UcPage		page;
	UcAxis		k;
	Panel		panels[PANELS];
	double		radius;
	bool		low_panels;		/* lower than their labels are long: these stand above */
	UcSvg		svg;
} Picture;

enum
{
	SILHOUETTE, STABILITY, INERTIA
};

size_t
uc_choice_plot_memory(int count)
{
	/* a text that grows stands twice beside its half */
	return uc_size_mul(uc_size_add(uc_size_mul((size_t) count, BYTES_PER_CHOICE), 1 << 14), 3);
}

static double
figure(const UcChoice *choice, int panel)
{
	switch (panel)
	{
		case SILHOUETTE:
			return choice->silhouette.mean;
		case STABILITY:
			return choice->stability;
		default:
			return choice->inertia;
	}
}

/* Half the length of the bar: two standard errors, or 0 where there are none. */
static double
bar(const UcChoice *choice, int panel)
{
	return panel == SILHOUETTE && isfinite(choice->silhouette.error) ? 2 * choice->silhouette.error : 0;
}

/* ---- layout ---- */

static void
fit_panel(Picture *picture, int which)
{
	Panel	   *panel = &picture->panels[which];
	double		low = INFINITY,
				high = -INFINITY;

	for (int i = 0; i < picture->plot->count; i++)
	{
		const UcChoice *choice = &picture->plot->choices[i];

		if (!isfinite(figure(choice, which)))
			continue;
		low = fmin(low, figure(choice, which) - bar(choice, which));
		high = fmax(high, figure(choice, which) + bar(choice, which));
	}
	if (which == STABILITY)
	{
		low = fmin(low, 0);
		high = fmax(high, 1);
	}
	if (!(low <= high))			/* nothing to show */
		low = high = 0;
	if (high / 2 - low / 2 < fabs(high) * 1e-9 || high == low)
	{
		double		around = high == 0 ? 1 : fabs(high) * 0.1;

		low -= around;
		high += around;
	}
	panel->axis = (UcAxis) {
		.low = low - (high / 2 - low / 2) * 2 * MARGIN,.high = high + (high / 2 - low / 2) * 2 * MARGIN,
		.from = panel->frame.bottom,.to = panel->frame.top
	};
}

static void
lay_out(Picture *picture)
{
	static const char *const labels[PANELS] = {"silhouette", "stability", "inertia"};
	static const size_t colours[PANELS] = {1, 0, 5};
	const UcChoicePlot *plot = picture->plot;
	double		font = uc_page_font(plot->width, plot->height, 22),
				top,
				bottom = plot->height - (4.2 + CAPTION_LINES * CAPTION_LINE) * font,
				panel,
				left = 5.5 * font,
				right = plot->width - 1.5 * font,
				margin;

	picture->page = (UcPage) {.title = plot->title,.width = plot->width,.height = plot->height,.font = font};
	top = uc_page_top(&picture->page) + 1.2 * font;	/* the recommended k stands above the first panel */
	panel = (bottom - top - (PANELS - 1) * GAP * font) / (PANELS + 1);
	for (int i = 0; i < PANELS; i++)
	{
		double		from = i == 0 ? top : picture->panels[i - 1].frame.bottom + GAP * font;

		/* the first figure decides: its panel is twice as high */
		picture->panels[i] = (Panel) {
			.label = labels[i],.colour = colours[i],
			.frame = {.left = left,.right = right,.top = from,.bottom = from + (i == 0 ? 2 : 1) * panel}
		};
		fit_panel(picture, i);
	}
	picture->low_panels = uc_svg_text_width(labels[STABILITY]) * font > panel + GAP * font;
	margin = fmin(2 * font, (right - left) / (2.0 * plot->count));
	picture->k = (UcAxis) {
		.low = plot->choices[0].k,.high = plot->choices[plot->count - 1].k,.from = left + margin,.to = right - margin
	};
	picture->radius = fmax(1, fmin(0.32 * font, (right - left) / (3.0 * plot->count)));
}

/* ---- drawing ---- */

static bool
is_stable(const UcChoice *choice)
{
	return choice->stability >= UC_STABLE;
}

/* A line through the defined figures; where one is missing, the line begins anew. */
static void
draw_curve(Picture *picture, int which)
{
	const UcChoicePlot *plot = picture->plot;
	const Panel *panel = &picture->panels[which];
	UcSvg	   *svg = &picture->svg;
	bool		begun = false;

	uc_svg_at(svg, "<g fill=\"none\" stroke-linejoin=\"round\" stroke-width=\"", picture->page.font / 8);
	uc_svg_add(svg, "\" stroke=\"%s\"><path d=\"M", uc_plot_colour(panel->colour));
	uc_svg_at(svg, "", panel->frame.left);
	uc_svg_at(svg, " ", panel->frame.top);
	for (int i = 0; i < plot->count; i++)
	{
		double		y = figure(&plot->choices[i], which);

		if (isfinite(y))
		{
			uc_svg_at(svg, begun ? "L" : "M", uc_axis_pixel(&picture->k, plot->choices[i].k));
			uc_svg_at(svg, " ", uc_axis_pixel(&panel->axis, y));
		}
		begun = isfinite(y);
	}
	uc_svg_add(svg, "\"/></g>\n");
}

/* Filled where the rule would take it, hollow where it would not; the bar is of two standard errors. */
static void
draw_mark(Picture *picture, int which, int i)
{
	const UcChoice *choice = &picture->plot->choices[i];
	const Panel *panel = &picture->panels[which];
	const char *colour = uc_plot_colour(panel->colour);
	double		value = figure(choice, which),
				reach = bar(choice, which),
				x = uc_axis_pixel(&picture->k, choice->k),
				cap = fmin(0.35 * picture->page.font, 1.5 * picture->radius);
	UcSvg	   *svg = &picture->svg;

	if (!isfinite(value))
		return;
	uc_svg_add(svg, "<g stroke=\"%s\" fill=\"%s\"><title>k = %d: %s %.4g", colour, is_stable(choice) ? colour : "#fff",
			   choice->k, panel->label, value);
	if (reach > 0)
		uc_svg_add(svg, ", standard error %.2g", choice->silhouette.error);
	uc_svg_add(svg, "</title>");
	if (reach > 0)
	{
		double		ends[2] = {uc_axis_pixel(&panel->axis, value - reach), uc_axis_pixel(&panel->axis, value + reach)};

		uc_plot_line(svg, x, ends[0], x, ends[1]);
		for (int end = 0; end < 2; end++)
			uc_plot_line(svg, x - cap, ends[end], x + cap, ends[end]);
	}
	uc_svg_at(svg, "<circle cx=\"", x);
	uc_svg_at(svg, "\" cy=\"", uc_axis_pixel(&panel->axis, value));
	uc_svg_at(svg, "\" r=\"", picture->radius * (i == picture->plot->recommended ? 1.6 : 1));
	uc_svg_add(svg, "\"/></g>\n");
}

static void
draw_bound(Picture *picture)
{
	const Panel *panel = &picture->panels[STABILITY];
	double		at = uc_axis_pixel(&panel->axis, UC_STABLE);
	UcSvg	   *svg = &picture->svg;

	uc_svg_add(svg, "<g stroke=\"" UC_PLOT_QUIET "\" stroke-dasharray=\"4 3\"><title>stability of at least %.1f</title>",
			   UC_STABLE);
	uc_plot_line(svg, panel->frame.left, at, panel->frame.right, at);
	uc_svg_add(svg, "</g>\n");
}

static void
draw_recommended(Picture *picture)
{
	const UcChoicePlot *plot = picture->plot;
	double		font = picture->page.font,
				x;
	UcSvg	   *svg = &picture->svg;
	char		text[32];

	if (plot->recommended < 0)
		return;
	x = uc_axis_pixel(&picture->k, plot->choices[plot->recommended].k);
	uc_svg_at(svg, "<g stroke-opacity=\".35\" stroke-width=\"", 0.5 * font);
	uc_svg_add(svg, "\" stroke=\"%s\">", uc_plot_colour(MARK_COLOUR));
	for (int i = 0; i < PANELS; i++)
		uc_plot_line(svg, x, picture->panels[i].frame.top, x, picture->panels[i].frame.bottom);
	uc_svg_add(svg, "</g>\n<g font-weight=\"bold\" fill=\"%s\">", uc_plot_colour(MARK_COLOUR));
	snprintf(text, sizeof text, "k = %d", plot->choices[plot->recommended].k);
	uc_plot_text(svg, x, picture->panels[0].frame.top - 0.5 * font, "middle");
	uc_svg_add(svg, "%s</text></g>\n", text);
}

static void
draw_panel(Picture *picture, int which, const UcTicks *k_ticks)
{
	Panel	   *panel = &picture->panels[which];
	double		font = picture->page.font;
	UcTicks		ticks = uc_axis_ticks(&panel->axis, 1.9 * font, 0);
	UcSvg	   *svg = &picture->svg;

	uc_axes_begin(svg, font);
	uc_axis_draw(svg, &panel->axis, &ticks, &panel->frame, true, font);
	if (which == PANELS - 1)
		uc_axis_draw(svg, &picture->k, k_ticks, &panel->frame, false, font);
	else
		uc_axis_lines(svg, &picture->k, k_ticks, &panel->frame, false);
	uc_axes_end(svg, &panel->frame);
	if (picture->low_panels)
	{
		/* away from the recommended k, which stands on that line too */
		bool		right = picture->plot->recommended >= 0 && 2 * picture->plot->recommended < picture->plot->count;

		uc_plot_text(svg, right ? panel->frame.right : panel->frame.left, panel->frame.top - 0.4 * font, right ? "end" : NULL);
		uc_svg_add(svg, "%s</text>\n", panel->label);
	}
	else
		uc_plot_upright_label(svg, panel->label, 1.4 * font, (panel->frame.top + panel->frame.bottom) / 2);
}

/* Words in lines, as far as there is room for lines. */
static void
draw_caption(Picture *picture)
{
	const UcChoicePlot *plot = picture->plot;
	double		font = picture->page.font,
				left = 1.5 * font,
				width = (plot->width - left) / font - 1,
				y = plot->height - (CAPTION_LINES * CAPTION_LINE - 0.2) * font;
	const char *from = plot->caption;

	for (int line = 0; line < CAPTION_LINES && *from != '\0'; line++, y += CAPTION_LINE * font)
	{
		char		words[512];
		size_t		length = strlen(from);

		if (length >= sizeof words)
			length = sizeof words - 1;
		memcpy(words, from, length);
		words[length] = '\0';
		while (line + 1 < CAPTION_LINES && uc_svg_text_width(words) > width && strrchr(words, ' ') != NULL)
			*strrchr(words, ' ') = '\0';
		from += strlen(words);
		from += strspn(from, " ");
		uc_plot_text(&picture->svg, left, y, NULL);
		uc_svg_text(&picture->svg, words, width);
		uc_svg_add(&picture->svg, "</text>\n");
	}
}

static UcStatus
draw(Picture *picture, const UcRun *run, UcError *err)
{
	const UcChoicePlot *plot = picture->plot;
	double		font = picture->page.font;
	UcTicks		k_ticks = uc_axis_ticks(&picture->k, 3 * font, 1);
	UcSvg	   *svg = &picture->svg;

	uc_page_begin(svg, &picture->page, picture->panels[0].frame.left);
	for (int i = 0; i < PANELS; i++)
		draw_panel(picture, i, &k_ticks);
	draw_bound(picture);
	draw_recommended(picture);
	for (int panel = 0; panel < PANELS; panel++)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		draw_curve(picture, panel);
		for (int i = 0; i < plot->count; i++)
			draw_mark(picture, panel, i);
	}
	uc_plot_text(svg, (picture->panels[0].frame.left + picture->panels[0].frame.right) / 2,
				 picture->panels[PANELS - 1].frame.bottom + 2.7 * font, "middle");
	uc_svg_add(svg, "number of clusters k</text>\n");
	draw_caption(picture);
	uc_page_end(svg);
	return UC_OK;
}

UcStatus
uc_choice_plot(const UcChoicePlot *plot, const UcRun *run, char **text, size_t *length, UcError *err)
{
	Picture		picture = {.plot = plot};
	UcStatus	status = uc_page_check(plot->width, plot->height, err);

	if (status == UC_OK && plot->count < 1)
		status = uc_error(err, UC_INVALID_ARGUMENT, "cannot draw a curve of %d points", plot->count);
	if (status == UC_OK)
		status = uc_check_budget("drawing", uc_choice_plot_memory(plot->count), run->max_memory, err);
	if (status != UC_OK)
		return status;
	lay_out(&picture);
	status = draw(&picture, run, err);
	if (status == UC_OK)
		status = uc_svg_finish(&picture.svg, text, length, err);
	uc_free(picture.svg.text);
	return status;
}
