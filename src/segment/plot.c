/*
 * plot.c
 *	  A scatter of groups of points: layout, axes, points, centres, legend.
 *
 * Attributes stand at each group of elements, without a style sheet and without ids, so that several pictures can stand in
 * one page.
 */
#include "segment/plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "segment/svg.h"

#define POLL_POINTS 4096
#define FONTS "system-ui, 'Noto Sans', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', " \
	"'Microsoft YaHei', 'WenQuanYi Zen Hei', sans-serif"
#define INK "#222"
#define QUIET "#666"
#define NOISE_COLOUR "#bbb"
#define BYTES_PER_POINT 64
#define BYTES_PER_GROUP 2048	/* legend, centre and names */

/*
 * Paul Tol's "muted" scheme (https://sronpersonalpages.nl/~pault/), made for colour-blind readers, in his order. Groups
 * beyond the nine colours take the next shape, beyond all shapes they begin anew.
 */
static const char *const colours[] = {
	"#cc6677", "#332288", "#ddaa33", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499"
};

#define COLOURS (sizeof colours / sizeof colours[0])
#define LONGEST_NAME 16			/* em, at a centre */
#define MOST_CENTRES 100			/* marked, of the largest groups */
#define LONGEST_TITLE 200		/* em, that a reader sees who points at something */

typedef struct Group
{
	int32_t		code;
	const char *name;
	size_t		size;
	size_t		drawn;			/* of the sample */
	size_t		first;			/* its points in the order of the sample */
	double		sum[2];			/* then the centre */
} Group;

typedef struct Frame			/* of the axes, pixels */
{
	double		left,
				top,
				right,
				bottom;
	double		middle[2];		/* of the data, in its units */
	double		scale;			/* pixels per unit */
	double		font;			/* pixels */
	double		radius;			/* of a point */
	double		legend;			/* its left end */
	double		legend_rest;	/* em, of the legend beside the names: mark, gap, size, margin */
} Frame;

typedef struct Picture
{
	const UcScatter *scatter;
	const UcRun *run;
	Group	   *groups;			/* [scatter->group_count + 1] largest first, then noise, then those without points */
	size_t		group_count;	/* that have points, noise included */
	int32_t    *rank;			/* [scatter->group_count + 1] place of a code in groups; the last is noise's */
	uint32_t   *sample;			/* [drawn] points, by group */
	size_t		drawn;
	Frame		frame;
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
	Frame	   *frame = &picture->frame;
	double		widest = uc_svg_text_width("cluster"),
				number = uc_svg_text_width("rows");

	for (size_t i = 0; i < picture->group_count; i++)
	{
		widest = fmax(widest, uc_svg_text_width(picture->groups[i].name));
		number = fmax(number, 0.6 * (1 + floor(log10((double) picture->groups[i].size))));
	}
	frame->legend_rest = 3.8 + number;
	return fmin(picture->scatter->width * 0.35, (widest + frame->legend_rest) * frame->font);
}

/* One scale for both axes; the data fill the narrower side but for a margin. */
static void
fit_data(Picture *picture)
{
	const UcScatter *scatter = picture->scatter;
	Frame	   *frame = &picture->frame;
	double		low[2] = {INFINITY, INFINITY},
				high[2] = {-INFINITY, -INFINITY},
				room[2] = {frame->right - frame->left, frame->bottom - frame->top};

	frame->scale = INFINITY;
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

		frame->middle[axis] = low[axis] + reach;
		if (reach > 0)
			frame->scale = fmin(frame->scale, (room[axis] / 2 - 4 * frame->radius) / reach);
	}
	if (!isfinite(frame->scale))
		frame->scale = 1;
}

static void
lay_out(Picture *picture)
{
	const UcScatter *scatter = picture->scatter;
	Frame	   *frame = &picture->frame;
	double		shorter = scatter->width < scatter->height ? scatter->width : scatter->height;

	frame->font = fmax(9, fmin(22, shorter / 45));
	frame->radius = fmax(1.5, shorter / 600 * (picture->drawn > 1500 ? 2.6 : picture->drawn > 200 ? 3.4 : 5));
	frame->left = 4 * frame->font;
	frame->top = scatter->title == NULL ? frame->font : 3 * frame->font;
	frame->right = scatter->width - legend_width(picture) - frame->font;
	frame->bottom = scatter->height - 4 * frame->font;
	frame->legend = frame->right + frame->font;
	fit_data(picture);
}

static double
pixel(const Frame *frame, int axis, double x)
{
	double		offset = (x - frame->middle[axis]) * frame->scale;

	return axis == 0 ? (frame->left + frame->right) / 2 + offset : (frame->top + frame->bottom) / 2 - offset;
}

/* ---- axes ---- */

static void
begin_text(UcSvg *svg, double x, double y, const char *anchor)
{
	uc_svg_at(svg, "<text x=\"", x);
	uc_svg_at(svg, "\" y=\"", y);
	uc_svg_add(svg, "\"%s%s%s>", anchor == NULL ? "" : " text-anchor=\"", anchor == NULL ? "" : anchor,
			   anchor == NULL ? "" : "\"");
}

static void
add_line(UcSvg *svg, double x1, double y1, double x2, double y2)
{
	uc_svg_at(svg, "<path d=\"M", x1);
	uc_svg_at(svg, " ", y1);
	uc_svg_at(svg, "L", x2);
	uc_svg_at(svg, " ", y2);
	uc_svg_add(svg, "\"/>");
}

/* 1, 2 or 5 times a power of ten, such that ticks are about `wanted` units apart */
static double
tick_step(double wanted)
{
	double		power = pow(10, floor(log10(wanted))),
				factor = wanted / power;

	return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

static void
draw_ticks(Picture *picture, int axis)
{
	const Frame *frame = &picture->frame;
	UcSvg	   *svg = &picture->svg;
	double		room = axis == 0 ? frame->right - frame->left : frame->bottom - frame->top,
				reach = room / 2 / frame->scale,
				step = tick_step(6 * frame->font / frame->scale);

	if (!(step > 0) || !isfinite(step) || !isfinite(reach))
		return;
	for (double tick = ceil((frame->middle[axis] - reach) / step); tick * step <= frame->middle[axis] + reach; tick++)
	{
		double		at = pixel(frame, axis, tick * step);

		if (!(tick + 1 > tick))		/* steps below the precision of numbers this large */
			break;
		if (axis == 0)
			add_line(svg, at, frame->top, at, frame->bottom);
		else
			add_line(svg, frame->left, at, frame->right, at);
		uc_svg_add(svg, "<g stroke=\"none\" fill=\"" QUIET "\">");
		if (axis == 0)
			begin_text(svg, at, frame->bottom + 1.3 * frame->font, "middle");
		else
			begin_text(svg, frame->left - 0.4 * frame->font, at + 0.35 * frame->font, "end");
		uc_svg_add(svg, "%.4g</text></g>", tick == 0 ? 0 : tick * step);
	}
}

static void
draw_axes(Picture *picture)
{
	const UcScatter *scatter = picture->scatter;
	const Frame *frame = &picture->frame;
	UcSvg	   *svg = &picture->svg;
	double		centre = (frame->top + frame->bottom) / 2,
				side = 1.2 * frame->font;

	uc_svg_at(svg, "<g stroke=\"#e4e4e4\" fill=\"none\" font-size=\"", 0.85 * frame->font);
	uc_svg_add(svg, "\">\n");
	draw_ticks(picture, 0);
	draw_ticks(picture, 1);
	uc_svg_at(svg, "<rect stroke=\"#999\" x=\"", frame->left);
	uc_svg_at(svg, "\" y=\"", frame->top);
	uc_svg_at(svg, "\" width=\"", frame->right - frame->left);
	uc_svg_at(svg, "\" height=\"", frame->bottom - frame->top);
	uc_svg_add(svg, "\"/></g>\n");

	begin_text(svg, (frame->left + frame->right) / 2, scatter->height - 1.2 * frame->font, "middle");
	uc_svg_at(svg, "first principal component (", 100 * scatter->explained[0]);
	uc_svg_add(svg, " %% of the variance)</text>\n");
	uc_svg_at(svg, "<text text-anchor=\"middle\" transform=\"translate(", side);
	uc_svg_at(svg, " ", centre);
	uc_svg_at(svg, ")rotate(-90)\">second principal component (", 100 * scatter->explained[1]);
	uc_svg_add(svg, " %%)</text>\n");
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
	return group->code < 0 ? 0 : place / COLOURS % SHAPES;
}

static const char *
colour_of(const Group *group, size_t place)
{
	return group->code < 0 ? NOISE_COLOUR : colours[place % COLOURS];
}

/* Noise first and the smallest group last, so that the larger ones do not cover it. A reader who points at one sees its name. */
static UcStatus
draw_points(Picture *picture, UcError *err)
{
	const Frame *frame = &picture->frame;
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
		uc_svg_text(svg, group->name, LONGEST_TITLE);
		uc_svg_add(svg, "</title>\n");
		for (size_t j = group->first; j < group->first + group->drawn; j++)
		{
			const double *point = picture->scatter->points + (size_t) picture->sample[j] * 2;

			add_shape(svg, shape_of(group, place), pixel(frame, 0, point[0]), pixel(frame, 1, point[1]), frame->radius);
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
	const Frame *frame = &picture->frame;
	UcSvg	   *svg = &picture->svg;
	double		mark = 0.55 * frame->font;

	uc_svg_at(svg, "<g stroke=\"#fff\" stroke-width=\"", 0.14 * frame->font);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i < marked(picture); i++)
	{
		const Group *group = &picture->groups[i];
		double		x = pixel(frame, 0, group->sum[0]),
					y = pixel(frame, 1, group->sum[1]);

		uc_svg_add(svg, "<g fill=\"" INK "\">");
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
	const Frame *frame = &picture->frame;
	double		mark = 0.75 * frame->font;

	if (box->left < frame->left || box->right > frame->right || box->top < frame->top || box->bottom > frame->bottom)
		return false;
	for (size_t i = 0; i < count; i++)
		if (overlap(box, &names[i]))
			return false;
	for (size_t i = 0; i < marked(picture); i++)
	{
		double		x = pixel(frame, 0, picture->groups[i].sum[0]),
					y = pixel(frame, 1, picture->groups[i].sum[1]);
		Box			centre = {x - mark, x + mark, y - mark, y + mark};

		if (overlap(box, &centre))
			return false;
	}
	return true;
}

/* The name over a white rim. */
static void
add_name(Picture *picture, const char *name, double x, double y)
{
	UcSvg	   *svg = &picture->svg;

	for (int rim = 1; rim >= 0; rim--)
	{
		if (rim)
		{
			uc_svg_at(svg, "<g fill=\"none\" stroke=\"#fff\" stroke-linejoin=\"round\" stroke-width=\"",
					  0.3 * picture->frame.font);
			uc_svg_add(svg, "\">");
		}
		begin_text(svg, x, y, NULL);
		uc_svg_text(svg, name, LONGEST_NAME);
		uc_svg_add(svg, rim ? "</text></g>" : "</text>\n");
	}
}

/* Names right or left of the centres, below or above them; where there is no room, colour and legend must do. */
static void
name_centres(Picture *picture)
{
	const Frame *frame = &picture->frame;
	Box			names[MOST_CENTRES];
	size_t		count = 0;

	uc_svg_add(&picture->svg, "<g font-weight=\"600\">\n");
	for (size_t i = 0; i < marked(picture); i++)
	{
		const Group *group = &picture->groups[i];
		double		width = fmin(uc_svg_text_width(group->name), LONGEST_NAME) * frame->font,
					x = pixel(frame, 0, group->sum[0]),
					y = pixel(frame, 1, group->sum[1]);
		const double places[4][2] = {	/* left end and middle */
			{x + frame->font, y}, {x - frame->font - width, y},
			{x - width / 2, y + 1.4 * frame->font}, {x - width / 2, y - 1.4 * frame->font}
		};

		for (int place = 0; place < 4; place++)
		{
			Box			box = {
				places[place][0], places[place][0] + width, places[place][1] - 0.55 * frame->font,
				places[place][1] + 0.55 * frame->font
			};

			if (!is_free(picture, &box, names, count))
				continue;
			names[count++] = box;
			add_name(picture, group->name, places[place][0], places[place][1] + 0.35 * frame->font);
			break;
		}
	}
	uc_svg_add(&picture->svg, "</g>\n");
}

static void
draw_legend(Picture *picture)
{
	const Frame *frame = &picture->frame;
	UcSvg	   *svg = &picture->svg;
	double		line = 1.7 * frame->font,
				y = frame->top + frame->font,
				end = picture->scatter->width - frame->font;
	size_t		fitting = (size_t) ((frame->bottom - frame->top) / line) - 1,
				lines = picture->group_count <= fitting ? picture->group_count : fitting - 1;

	uc_svg_add(svg, "<g fill=\"" QUIET "\">");
	begin_text(svg, frame->legend + 1.6 * frame->font, y, NULL);
	uc_svg_add(svg, "cluster</text>");
	begin_text(svg, end, y, "end");
	uc_svg_add(svg, "rows</text></g>\n");
	y += line;
	for (size_t i = 0; i < lines; i++, y += line)
	{
		const Group *group = &picture->groups[i];

		uc_svg_add(svg, "<g fill=\"%s\">", colour_of(group, i));
		add_shape(svg, shape_of(group, i), frame->legend + 0.6 * frame->font, y - 0.35 * frame->font, 0.45 * frame->font);
		uc_svg_add(svg, "</g>");
		begin_text(svg, frame->legend + 1.6 * frame->font, y, NULL);
		uc_svg_text(svg, group->name, (end - frame->legend) / frame->font - frame->legend_rest + 1.1);
		uc_svg_add(svg, "</text><g fill=\"" QUIET "\">");
		begin_text(svg, end, y, "end");
		uc_svg_add(svg, "%zu</text></g>\n", group->size);
	}
	if (lines < picture->group_count)
	{
		begin_text(svg, frame->legend + 1.6 * frame->font, y, NULL);
		uc_svg_add(svg, "and %zu more</text>\n", picture->group_count - lines);
	}
	if (picture->drawn < picture->scatter->count)
	{
		uc_svg_at(svg, "<g fill=\"" QUIET "\" font-size=\"", 0.85 * frame->font);
		uc_svg_add(svg, "\">");
		begin_text(svg, end, picture->scatter->height - 1.2 * frame->font, "end");
		uc_svg_add(svg, "%zu of %zu points drawn</text></g>\n", picture->drawn, picture->scatter->count);
	}
}

static UcStatus
draw(Picture *picture, UcError *err)
{
	const UcScatter *scatter = picture->scatter;
	UcSvg	   *svg = &picture->svg;
	UcStatus	status;

	uc_svg_add(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
			   "font-family=\"" FONTS "\" fill=\"" INK "\"", scatter->width, scatter->height, scatter->width, scatter->height);
	uc_svg_at(svg, " font-size=\"", picture->frame.font);
	uc_svg_add(svg, "\">\n");
	if (scatter->title != NULL)
	{
		uc_svg_add(svg, "<title>");
		uc_svg_text(svg, scatter->title, LONGEST_TITLE);
		uc_svg_add(svg, "</title>\n");
	}
	uc_svg_add(svg, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", scatter->width, scatter->height);
	if (scatter->title != NULL)
	{
		uc_svg_at(svg, "<g font-weight=\"bold\" font-size=\"", 1.3 * picture->frame.font);
		uc_svg_add(svg, "\">");
		begin_text(svg, picture->frame.left, 2 * picture->frame.font, NULL);
		uc_svg_text(svg, scatter->title, (scatter->width - picture->frame.left) / (1.3 * picture->frame.font) - 1);
		uc_svg_add(svg, "</text></g>\n");
	}
	draw_axes(picture);
	status = draw_points(picture, err);
	draw_centres(picture);
	name_centres(picture);
	draw_legend(picture);
	uc_svg_add(svg, "</svg>\n");
	return status;
}

/* ---- the picture ---- */

static UcStatus
check(const UcScatter *scatter, UcError *err)
{
	if (scatter->width < UC_PLOT_SMALLEST || scatter->width > UC_PLOT_LARGEST)
		return uc_error(err, UC_INVALID_ARGUMENT, "width must be from %d to %d, not %d", UC_PLOT_SMALLEST, UC_PLOT_LARGEST,
						scatter->width);
	if (scatter->height < UC_PLOT_SMALLEST || scatter->height > UC_PLOT_LARGEST)
		return uc_error(err, UC_INVALID_ARGUMENT, "height must be from %d to %d, not %d", UC_PLOT_SMALLEST, UC_PLOT_LARGEST,
						scatter->height);
	if (scatter->count == 0 || scatter->count > UINT32_MAX)
		return uc_error(err, UC_INVALID_ARGUMENT, "cannot draw %zu points", scatter->count);
	return UC_OK;
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
