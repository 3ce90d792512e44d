/*
 * plot_scatter.c
 *	  A scatter of groups of points: layout, axes, points, centres, legend.
 */
#include "segment/plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "segment/plot_frame.h"
#include "segment/svg.h"

#define POLL_POINTS 4096
#define BYTES_PER_POINT 64
#define BYTES_PER_GROUP 2048	/* legend, centre and names */

#define LONGEST_NAME 16			/* em, at a centre */
#define SHORT_NAME 6			/* em, where there is less room */
#define BOLD 1.08			/* times as wide as other letters */
#define MOST_CENTRES 100			/* marked, of the largest groups */

typedef struct Group
{
	int32_t		code;
	const char *name;
	size_t		size;
	size_t		drawn;			/* of the sample */
	size_t		first;			/* its points in the order of the sample */
	double		sum[2];			/* then the centre */
} Group;

typedef struct Layout
{
	UcPage		page;
	UcFrame		frame;			/* of the axes */
	UcAxis		axis[2];
	double		font;			/* pixels, the page's */
	double		radius;			/* of a point */
	double		legend;			/* its left end */
	double		legend_rest;	/* em, of the legend beside the names: mark, gap, size, margin */
} Layout;

typedef struct Picture
{
	const UcScatter *scatter;
	const UcRun *run;
	Group	   *groups;			/* [scatter->group_count + 1] largest first, then noise, then those without points */
	size_t		group_count;	/* that have points, noise included */
	int32_t    *rank;			/* [scatter->group_count + 1] place of a code in groups; the last is noise's */
	uint32_t   *sample;			/* [drawn] points, by group */
	size_t		drawn;
	Layout		layout;
	UcSvg		svg;
} Picture;

size_t
uc_scatter_memory(size_t count, int group_count)
{
	size_t		groups = uc_size_add((size_t) group_count, 1),
				points = count < UC_PLOT_POINTS ? count : UC_PLOT_POINTS,
				drawn = groups < points ? groups : points,
				text = uc_size_add(uc_size_mul(points, BYTES_PER_POINT), uc_size_mul(drawn, BYTES_PER_GROUP));

	/* a text that grows stands twice beside its half */
	return uc_size_add(uc_size_mul(text, 3),
					   uc_size_add(uc_size_mul(groups, sizeof(Group) + sizeof(int32_t)),
								   uc_size_mul(points, 2 * sizeof(uint32_t))));
}

/* ---- groups and the sample ---- */

static int
by_size(const void *a, const void *b)
{
	const Group *x = a,
			   *y = b;
	int			order;

	if ((x->size == 0) != (y->size == 0))
		return x->size == 0 ? 1 : -1;
	if ((x->code < 0) != (y->code < 0))
		return x->code < 0 ? 1 : -1;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	if (x->code < 0)
		return 0;
	/* so that 10 follows 9 */
	if (strlen(x->name) != strlen(y->name))
		return strlen(x->name) < strlen(y->name) ? -1 : 1;
	order = strcmp(x->name, y->name);
	return order != 0 ? order : (x->code > y->code) - (x->code < y->code);
}

static UcStatus
count_groups(Picture *picture, UcError *err)
{
	const UcScatter *scatter = picture->scatter;
	size_t		all = (size_t) scatter->group_count + 1;

	for (size_t i = 0; i < all; i++)
	{
		picture->groups[i].code = i + 1 < all ? (int32_t) i : -1;
		picture->groups[i].name = i + 1 < all ? scatter->names[i] : "noise";
	}
	for (size_t i = 0; i < scatter->count; i++)
	{
		int32_t		code = scatter->groups[i];
		Group	   *group = &picture->groups[code < 0 ? (int32_t) all - 1 : code];

		if (i % POLL_POINTS == 0 && uc_interrupted(picture->run))
			return uc_interrupt_error(err);
		group->size++;
		for (int axis = 0; axis < 2; axis++)
			group->sum[axis] += scatter->points[i * 2 + axis];
	}
	qsort(picture->groups, all, sizeof(Group), by_size);
	for (size_t i = 0; i < all; i++)
	{
		Group	   *group = &picture->groups[i];

		picture->rank[group->code < 0 ? all - 1 : (size_t) group->code] = (int32_t) i;
		if (group->size == 0)
			continue;
		picture->group_count = i + 1;	/* those without points are the last */
		for (int axis = 0; axis < 2; axis++)
			group->sum[axis] /= (double) group->size;
	}
	return UC_OK;
}

static Group *
group_of(const Picture *picture, size_t point)
{
	int32_t		code = picture->scatter->groups[point];

	return &picture->groups[picture->rank[code < 0 ? picture->scatter->group_count : code]];
}

/* Takes each point with the probability that leaves the wanted number (Knuth's algorithm S), then orders them by group. */
static UcStatus
take_sample(Picture *picture, UcError *err)
{
	const UcScatter *scatter = picture->scatter;
	size_t		wanted = scatter->count < UC_PLOT_POINTS ? scatter->count : UC_PLOT_POINTS,
				first = 0;
	uint32_t   *taken = uc_alloc(wanted * sizeof(uint32_t));
	UcRandom	random;

	if (taken == NULL)
		return uc_out_of_memory(err, wanted * sizeof(uint32_t));
	uc_random_seed(&random, scatter->seed, 0);
	for (size_t i = 0; i < scatter->count && picture->drawn < wanted; i++)
	{
		if (uc_random_below(&random, scatter->count - i) >= wanted - picture->drawn)
			continue;
		taken[picture->drawn++] = (uint32_t) i;
		group_of(picture, i)->drawn++;
	}
	for (size_t i = 0; i < picture->group_count; i++)
	{
		picture->groups[i].first = first;
		first += picture->groups[i].drawn;
		picture->groups[i].drawn = 0;
	}
	for (size_t i = 0; i < picture->drawn; i++)
	{
		Group	   *group = group_of(picture, taken[i]);

		picture->sample[group->first + group->drawn++] = taken[i];
	}
	uc_free(taken);
	return UC_OK;
}

/* ---- layout ---- */

/* Up to 35 % of the picture. */
static double
legend_width(Picture *picture)
{
	Layout	   *layout = &picture->layout;
	double		widest = uc_svg_text_width("cluster"),
				number = uc_svg_text_width("rows");

	for (size_t i = 0; i < picture->group_count; i++)
	{
		widest = fmax(widest, uc_svg_text_width(picture->groups[i].name));
		number = fmax(number, 0.6 * (1 + floor(log10((double) picture->groups[i].size))));
	}
	layout->legend_rest = 3.8 + number;
	return fmin(picture->scatter->width * 0.35, (widest + layout->legend_rest) * layout->font);
}

/* One scale for both axes; the data fill the narrower side but for a margin. */
static void
fit_data(Picture *picture)
{
	const UcScatter *scatter = picture->scatter;
	Layout	   *layout = &picture->layout;
	const UcFrame *frame = &layout->frame;
	double		low[2] = {INFINITY, INFINITY},
				high[2] = {-INFINITY, -INFINITY},
				room[2] = {frame->right - frame->left, frame->bottom - frame->top},
				scale = INFINITY;	/* pixels per unit */

	for (size_t i = 0; i < picture->drawn; i++)
		for (int axis = 0; axis < 2; axis++)
		{
			double		x = scatter->points[(size_t) picture->sample[i] * 2 + axis];

			low[axis] = fmin(low[axis], x);
			high[axis] = fmax(high[axis], x);
		}
	for (int axis = 0; axis < 2; axis++)
	{
		double		reach = high[axis] / 2 - low[axis] / 2;

		if (reach > 0)
			scale = fmin(scale, (room[axis] / 2 - 4 * layout->radius) / reach);
	}
	if (!isfinite(scale))		/* all points at one place: one unit around it */
		scale = fmin(room[0], room[1]) / 2;
	layout->axis[0] = (UcAxis) {.from = frame->left,.to = frame->right};
	layout->axis[1] = (UcAxis) {.from = frame->bottom,.to = frame->top};
	for (int axis = 0; axis < 2; axis++)
	{
		double		middle = low[axis] + (high[axis] / 2 - low[axis] / 2);

		layout->axis[axis].low = middle - room[axis] / 2 / scale;
		layout->axis[axis].high = middle + room[axis] / 2 / scale;
	}
}

static void
lay_out(Picture *picture)
{
	const UcScatter *scatter = picture->scatter;
	Layout	   *layout = &picture->layout;
	double		shorter = scatter->width < scatter->height ? scatter->width : scatter->height,
				font = uc_page_font(scatter->width, scatter->height, 22);

	layout->font = font;
	layout->page = (UcPage) {.title = scatter->title,.width = scatter->width,.height = scatter->height,.font = font};
	layout->radius = fmax(1.5, shorter / 600 * (picture->drawn > 1500 ? 2.6 : picture->drawn > 200 ? 3.4 : 5));
	layout->frame = (UcFrame) {
		.left = 4 * font,.top = uc_page_top(&layout->page),.right = scatter->width - legend_width(picture) - font,
		.bottom = scatter->height - 4 * font
	};
	layout->legend = layout->frame.right + font;
	fit_data(picture);
}

static double
pixel(const Layout *layout, int axis, double x)
{
	return uc_axis_pixel(&layout->axis[axis], x);
}

/* ---- axes ---- */

/* What an axis shows; in short where that is longer than the axis. */
static void
axis_label(const Picture *picture, int axis, double length, char *label, size_t room)
{
	double		share = 100 * picture->scatter->explained[axis];

	snprintf(label, room, "%s principal component (%.3g %%%s)", axis == 0 ? "first" : "second", share,
			 axis == 0 ? " of the variance" : "");
	if (uc_svg_text_width(label) * picture->layout.font > length)
		snprintf(label, room, "PC %d (%.3g %%)", axis + 1, share);
}

static void
draw_axes(Picture *picture)
{
	const Layout *layout = &picture->layout;
	const UcFrame *frame = &layout->frame;
	UcSvg	   *svg = &picture->svg;
	char		label[80];

	uc_axes_begin(svg, layout->font);
	for (int axis = 0; axis < 2; axis++)
	{
		UcTicks		ticks = uc_axis_ticks(&layout->axis[axis], (axis == 0 ? 6 : 4) * layout->font, 0);

		uc_axis_draw(svg, &layout->axis[axis], &ticks, frame, axis == 1, layout->font);
	}
	uc_axes_end(svg, frame);

	axis_label(picture, 0, frame->right - frame->left + 2 * layout->font, label, sizeof label);
	uc_plot_text(svg, (frame->left + frame->right) / 2, picture->scatter->height - 1.2 * layout->font, "middle");
	uc_svg_add(svg, "%s</text>\n", label);
	axis_label(picture, 1, frame->bottom - frame->top + 2 * layout->font, label, sizeof label);
	uc_plot_upright_label(svg, label, 1.2 * layout->font, (frame->top + frame->bottom) / 2);
}

/* ---- points, centres, legend ---- */

/* Circle, square, triangle, diamond, triangle upside down: as corners at unit size, of about equal area. */
static const struct
{
	int			corners;		/* 0: a circle */
	double		at[4][2];
}			shapes[] = {
	{0},
	{4, {{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}}},
	{3, {{0, -1.3}, {1.2, 0.8}, {-1.2, 0.8}}},
	{4, {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}},
	{3, {{0, 1.3}, {1.2, -0.8}, {-1.2, -0.8}}},
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static void
add_shape(UcSvg *svg, size_t shape, double x, double y, double radius)
{
	if (shapes[shape].corners == 0)
	{
		uc_svg_at(svg, "<circle cx=\"", x);
		uc_svg_at(svg, "\" cy=\"", y);
		uc_svg_at(svg, "\" r=\"", radius);
		uc_svg_add(svg, "\"/>");
		return;
	}
	for (int i = 0; i < shapes[shape].corners; i++)
	{
		uc_svg_at(svg, i == 0 ? "<path d=\"M" : "L", x + shapes[shape].at[i][0] * radius);
		uc_svg_at(svg, " ", y + shapes[shape].at[i][1] * radius);
	}
	uc_svg_add(svg, "z\"/>");
}

static size_t
shape_of(const Group *group, size_t place)
{
	return group->code < 0 ? 0 : place / UC_PLOT_COLOURS % SHAPES;
}

static const char *
colour_of(const Group *group, size_t place)
{
	return group->code < 0 ? UC_PLOT_NOISE : uc_plot_colour(place);
}

/* Noise first and the smallest group last, so that the larger ones do not cover it. A reader who points at one sees its name. */
static UcStatus
draw_points(Picture *picture, UcError *err)
{
	const Layout *layout = &picture->layout;
	UcSvg	   *svg = &picture->svg;

	for (size_t i = 0; i < picture->group_count; i++)
	{
		bool		noise = picture->groups[picture->group_count - 1].code < 0;
		size_t		place = noise ? (i + picture->group_count - 1) % picture->group_count : i;
		const Group *group = &picture->groups[place];

		if (uc_interrupted(picture->run))
			return uc_interrupt_error(err);
		if (group->drawn == 0)
			continue;
		uc_svg_add(svg, "<g fill=\"%s\" fill-opacity=\".75\"><title>", colour_of(group, place));
		uc_svg_text(svg, group->name, UC_PLOT_TOOLTIP);
		uc_svg_add(svg, "</title>\n");
		for (size_t j = group->first; j < group->first + group->drawn; j++)
		{
			const double *point = picture->scatter->points + (size_t) picture->sample[j] * 2;

			add_shape(svg, shape_of(group, place), pixel(layout, 0, point[0]), pixel(layout, 1, point[1]), layout->radius);
		}
		uc_svg_add(svg, "</g>\n");
	}
	return UC_OK;
}

/* Groups whose centre is marked: the first ones. */
static size_t
marked(const Picture *picture)
{
	size_t		groups = picture->group_count;

	if (groups > 0 && picture->groups[groups - 1].code < 0)
		groups--;
	return groups < MOST_CENTRES ? groups : MOST_CENTRES;
}

/* The centre of each group: its mark, larger and framed. */
static void
draw_centres(Picture *picture)
{
	const Layout *layout = &picture->layout;
	UcSvg	   *svg = &picture->svg;
	double		mark = 0.55 * layout->font;

	uc_svg_at(svg, "<g stroke=\"#fff\" stroke-width=\"", 0.14 * layout->font);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i < marked(picture); i++)
	{
		const Group *group = &picture->groups[i];
		double		x = pixel(layout, 0, group->sum[0]),
					y = pixel(layout, 1, group->sum[1]);

		uc_svg_add(svg, "<g fill=\"" UC_PLOT_INK "\">");
		add_shape(svg, shape_of(group, i), x, y, mark * 1.35);
		uc_svg_add(svg, "</g><g fill=\"%s\">", colour_of(group, i));
		add_shape(svg, shape_of(group, i), x, y, mark);
		uc_svg_add(svg, "</g>\n");
	}
	uc_svg_add(svg, "</g>\n");
}

typedef struct Box
{
	double		left,
				right,
				top,
				bottom;
} Box;

static bool
overlap(const Box *a, const Box *b)
{
	return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* False where the name at this place would leave the frame or cover another name or a centre. */
static bool
is_free(const Picture *picture, const Box *box, const Box *names, size_t count)
{
	const Layout *layout = &picture->layout;
	double		mark = 0.75 * layout->font;

	if (box->left < layout->frame.left || box->right > layout->frame.right || box->top < layout->frame.top || box->bottom > layout->frame.bottom)
		return false;
	for (size_t i = 0; i < count; i++)
		if (overlap(box, &names[i]))
			return false;
	for (size_t i = 0; i < marked(picture); i++)
	{
		double		x = pixel(layout, 0, picture->groups[i].sum[0]),
					y = pixel(layout, 1, picture->groups[i].sum[1]);
		Box			centre = {x - mark, x + mark, y - mark, y + mark};

		if (overlap(box, &centre))
			return false;
	}
	return true;
}

/* Finds a place for the first `longest` em of a name: right or left of the centre, below or above it. */
static bool
name_centre(Picture *picture, const Group *group, double longest, Box *names, size_t *count)
{
	const Layout *layout = &picture->layout;
	double		font = layout->font,
				width = BOLD * fmin(uc_svg_text_width(group->name), longest) * font,
				x = pixel(layout, 0, group->sum[0]),
				y = pixel(layout, 1, group->sum[1]);
	const struct
	{
		double		x,				/* of the anchor */
					y,				/* of the middle */
					left;
		const char *anchor;
	}			places[] = {
		{x + font, y, x + font, NULL}, {x - font, y, x - font - width, "end"},
		{x, y + 1.4 * font, x - width / 2, "middle"}, {x, y - 1.4 * font, x - width / 2, "middle"}
	};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
	{
		Box			box = {places[i].left, places[i].left + width, places[i].y - 0.55 * font, places[i].y + 0.55 * font};

		if (!is_free(picture, &box, names, *count))
			continue;
		names[(*count)++] = box;
		uc_plot_rimmed(&picture->svg, group->name, longest, places[i].x, places[i].y + 0.35 * font, places[i].anchor, font);
		return true;
	}
	return false;
}

/* Where there is no room for a name, colour and legend must do. */
static void
name_centres(Picture *picture)
{
	Box			names[MOST_CENTRES];
	size_t		count = 0;

	uc_svg_add(&picture->svg, "<g font-weight=\"600\">\n");
	for (size_t i = 0; i < marked(picture); i++)
		if (!name_centre(picture, &picture->groups[i], LONGEST_NAME, names, &count))
			name_centre(picture, &picture->groups[i], SHORT_NAME, names, &count);
	uc_svg_add(&picture->svg, "</g>\n");
}

static void
draw_legend(Picture *picture)
{
	const Layout *layout = &picture->layout;
	UcSvg	   *svg = &picture->svg;
	double		line = uc_legend_line(&layout->frame, picture->group_count, layout->font),
				y = layout->frame.top + layout->font,
				end = picture->scatter->width - layout->font;
	size_t		fitting = (size_t) ((layout->frame.bottom - layout->frame.top) / line) - 1,
				lines = picture->group_count <= fitting ? picture->group_count : fitting - 1;

	uc_svg_add(svg, "<g fill=\"" UC_PLOT_QUIET "\">");
	uc_plot_text(svg, layout->legend + 1.6 * layout->font, y, NULL);
	uc_svg_add(svg, "cluster</text>");
	if (end - layout->legend > 8.5 * layout->font)	/* room for both headings */
	{
		uc_plot_text(svg, end, y, "end");
		uc_svg_add(svg, "rows</text>");
	}
	uc_svg_add(svg, "</g>\n");
	y += line;
	for (size_t i = 0; i < lines; i++, y += line)
	{
		const Group *group = &picture->groups[i];

		uc_svg_add(svg, "<g fill=\"%s\">", colour_of(group, i));
		add_shape(svg, shape_of(group, i), layout->legend + 0.6 * layout->font, y - 0.35 * layout->font, 0.45 * layout->font);
		uc_svg_add(svg, "</g>");
		uc_plot_text(svg, layout->legend + 1.6 * layout->font, y, NULL);
		uc_svg_text(svg, group->name, (end - layout->legend) / layout->font - layout->legend_rest + 1.1);
		uc_svg_add(svg, "</text><g fill=\"" UC_PLOT_QUIET "\">");
		uc_plot_text(svg, end, y, "end");
		uc_svg_add(svg, "%zu</text></g>\n", group->size);
	}
	if (lines < picture->group_count)
	{
		uc_plot_text(svg, layout->legend + 1.6 * layout->font, y, NULL);
		uc_svg_add(svg, "and %zu more</text>\n", picture->group_count - lines);
	}
	if (picture->drawn < picture->scatter->count)
	{
		uc_svg_at(svg, "<g fill=\"" UC_PLOT_QUIET "\" font-size=\"", 0.85 * layout->font);
		uc_svg_add(svg, "\">");
		uc_plot_text(svg, end, picture->scatter->height - 1.2 * layout->font, "end");
		uc_svg_add(svg, "%zu of %zu points drawn</text></g>\n", picture->drawn, picture->scatter->count);
	}
}

static UcStatus
draw(Picture *picture, UcError *err)
{
	UcSvg	   *svg = &picture->svg;
	UcStatus	status;

	uc_page_begin(svg, &picture->layout.page, picture->layout.frame.left);
	draw_axes(picture);
	status = draw_points(picture, err);
	draw_centres(picture);
	name_centres(picture);
	draw_legend(picture);
	uc_page_end(svg);
	return status;
}

/* ---- the picture ---- */

static UcStatus
check(const UcScatter *scatter, UcError *err)
{
	UcStatus	status = uc_page_check(scatter->width, scatter->height, err);

	if (status == UC_OK && (scatter->count == 0 || scatter->count > UINT32_MAX))
		status = uc_error(err, UC_INVALID_ARGUMENT, "cannot draw %zu points", scatter->count);
	return status;
}

UcStatus
uc_scatter(const UcScatter *scatter, const UcRun *run, char **text, size_t *length, UcError *err)
{
	size_t		all = (size_t) scatter->group_count + 1;
	Picture		picture = {.scatter = scatter,.run = run};
	UcStatus	status = check(scatter, err);

	if (status != UC_OK)
		return status;
	status = uc_check_budget("drawing", uc_scatter_memory(scatter->count, scatter->group_count), run->max_memory, err);
	if (status != UC_OK)
		return status;
	picture.groups = uc_alloc_zeroed(uc_size_mul(all, sizeof(Group)));
	picture.rank = uc_alloc(uc_size_mul(all, sizeof(int32_t)));
	picture.sample = uc_alloc(UC_PLOT_POINTS * sizeof(uint32_t));
	if (picture.groups == NULL || picture.rank == NULL || picture.sample == NULL)
		status = uc_out_of_memory(err, uc_scatter_memory(scatter->count, scatter->group_count));
	if (status == UC_OK)
		status = count_groups(&picture, err);
	if (status == UC_OK)
		status = take_sample(&picture, err);
	if (status == UC_OK)
	{
		lay_out(&picture);
		status = draw(&picture, err);
	}
	if (status == UC_OK)
		status = uc_svg_finish(&picture.svg, text, length, err);
	uc_free(picture.svg.text);
	uc_free(picture.groups);
	uc_free(picture.rank);
	uc_free(picture.sample);
	return status;
}
