/*
 * plot_dendrogram.c
 *	  A tree: its branches over an axis of heights, its leaves with their names, the cut and the groups that it makes.
 *
 * A merge stands after both nodes that it joins, so one pass over the merges places everything.
 */
#include "segment/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "segment/plot_frame.h"
#include "segment/svg.h"

#define LINE 1.3				/* em, from leaf to leaf at least */
#define LABEL_SIZE 0.92			/* em */
#define LABEL_GAP 0.8			/* em, a badge at height 0 fits into it */
#define LABELS_SHARE 0.45		/* of the width beside the legend, at most */
#define LEGEND_WIDTH 10.0		/* em */
#define LEGEND_FROM 40.0		/* em that a picture with a legend is wide */
#define BADGE 0.6				/* em, the radius of a group's number */
#define FARTHEST_CUT 1.3		/* times the highest merge, that is drawn */
#define BYTES_PER_LEAF 2048
#define BYTES_PER_GROUP 512

typedef struct Node
{
	double		x,				/* pixels */
				y;
	int32_t		group;			/* -1: above the cut */
} Node;

typedef struct Picture
{
	const UcDendrogram *dendrogram;
	Node	   *nodes;			/* [2 * leaf_count - 1] */
	UcPage		page;
	UcFrame		frame;			/* of the branches */
	UcAxis		axis;
	double		cut;			/* pixels; NaN: not drawn */
	double		line;			/* pixels from leaf to leaf */
	double		labels;			/* em, of the leaves' labels */
	double		legend;			/* its left end; NaN: none */
	UcSvg		svg;
} Picture;

size_t
uc_dendrogram_room(int width, int height, bool titled)
{
	UcPage		page = {.title = titled ? "" : NULL,.font = uc_page_font(width, height, 14)};

	return (size_t) ((height - 4 * page.font - uc_page_top(&page)) / (LINE * page.font));
}

size_t
uc_dendrogram_memory(size_t leaves, size_t groups)
{
	size_t		text = uc_size_add(uc_size_mul(leaves, BYTES_PER_LEAF),
								   uc_size_mul(groups < leaves ? groups : leaves, BYTES_PER_GROUP));

	/* a text that grows stands twice beside its half */
	return uc_size_add(uc_size_mul(text, 3), uc_size_mul(leaves, 2 * sizeof(Node)));
}

/* ---- layout ---- */

/* What stands behind the name: how many rows, and how many of them it is of. */
static void
count_text(const UcDendrogramLeaf *leaf, char *text, size_t room)
{
	text[0] = '\0';
	if (leaf->size > 1 && leaf->named == leaf->size)
		snprintf(text, room, " (%" PRId64 ")", leaf->size);
	else if (leaf->size > 1 && leaf->named > 0)
		snprintf(text, room, " (%" PRId64 " of %" PRId64 ")", leaf->named, leaf->size);
}

/* em */
static double
label_width(const UcDendrogramLeaf *leaf)
{
	char		count[64];

	count_text(leaf, count, sizeof count);
	return (uc_svg_text_width(leaf->name) + uc_svg_text_width(count)) * LABEL_SIZE;
}

/* The axis reaches the highest merge and the cut, as long as that does not leave the branches too little room. */
static void
fit_heights(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	double		top = dendrogram->leaf_count < 2 ? 0 : dendrogram->merges[dendrogram->leaf_count - 2].height,
				high = top;

	if (top <= 0 && dendrogram->leaf_count == 1)
		top = high = dendrogram->leaves[0].height;
	if (dendrogram->cut > high && dendrogram->cut <= FARTHEST_CUT * top)
		high = dendrogram->cut;
	picture->axis = (UcAxis) {
		.low = 0,.high = high > 0 ? high * 1.04 : 1,.from = picture->frame.right,.to = picture->frame.left
	};
	if (!isfinite(picture->axis.high))
		picture->axis.high = high;
	picture->cut = dendrogram->cut <= picture->axis.high ? uc_axis_pixel(&picture->axis, dendrogram->cut) : NAN;
}

static void
place_nodes(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	size_t		leaves = dendrogram->leaf_count;

	for (size_t i = 0; i < leaves; i++)
		picture->nodes[i] = (Node) {
			.x = uc_axis_pixel(&picture->axis, dendrogram->leaves[i].height),
			.y = picture->frame.top + ((double) i + 0.5) * picture->line,
			.group = dendrogram->leaves[i].group
		};
	for (size_t i = 0; i + 1 < leaves; i++)
	{
		const UcMerge *merge = &dendrogram->merges[i];
		const Node *left = &picture->nodes[merge->left],
				   *right = &picture->nodes[merge->right];

		picture->nodes[leaves + i] = (Node) {
			.x = uc_axis_pixel(&picture->axis, merge->height),
			.y = (left->y + right->y) / 2,
			.group = i < dendrogram->joined ? left->group : -1
		};
	}
}

static void
lay_out(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	double		font = uc_page_font(dendrogram->width, dendrogram->height, 14),
				end = dendrogram->width - font;

	picture->page = (UcPage) {
		.title = dendrogram->title,.width = dendrogram->width,.height = dendrogram->height,.font = font
	};
	picture->legend = NAN;
	if (dendrogram->group_count > 0 && dendrogram->width >= LEGEND_FROM * font)
	{
		picture->legend = end - LEGEND_WIDTH * font;
		end = picture->legend - font;
	}
	for (size_t i = 0; i < dendrogram->leaf_count; i++)
		picture->labels = fmax(picture->labels, label_width(&dendrogram->leaves[i]));
	picture->labels = fmin(picture->labels, end * LABELS_SHARE / font);
	picture->frame = (UcFrame) {
		.left = 1.5 * font,.top = uc_page_top(&picture->page),.right = end - (picture->labels + LABEL_GAP) * font,
		.bottom = dendrogram->height - 4 * font
	};
	picture->line = (picture->frame.bottom - picture->frame.top) / (double) dendrogram->leaf_count;
	fit_heights(picture);
	place_nodes(picture);
}

/* ---- branches ---- */

/* Beyond the colours, groups are told apart by dashes as well. */
static void
begin_branch(Picture *picture, int32_t group)
{
	static const char *const dashes[] = {"", " stroke-dasharray=\"6 2\"", " stroke-dasharray=\"2 2\""};

	if (group < 0)
		uc_svg_add(&picture->svg, "<g stroke=\"" UC_PLOT_INK "\">");
	else
		uc_svg_add(&picture->svg, "<g stroke=\"%s\"%s>", uc_plot_colour((size_t) group),
				   dashes[(size_t) group / UC_PLOT_COLOURS % (sizeof dashes / sizeof dashes[0])]);
}

/* From a node left to the merge above it: in the colour of its group as far as the cut. */
static void
draw_leg(Picture *picture, const Node *node, const Node *above)
{
	bool		parts = node->group >= 0 && above->group < 0 && picture->cut > above->x && picture->cut < node->x;

	begin_branch(picture, node->group);
	uc_plot_line(&picture->svg, node->x, node->y, parts ? picture->cut : above->x, node->y);
	uc_svg_add(&picture->svg, "</g>");
	if (parts)
	{
		begin_branch(picture, -1);
		uc_plot_line(&picture->svg, picture->cut, node->y, above->x, node->y);
		uc_svg_add(&picture->svg, "</g>");
	}
}

static void
draw_merges(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	size_t		leaves = dendrogram->leaf_count;
	UcSvg	   *svg = &picture->svg;

	uc_svg_at(svg, "<g fill=\"none\" stroke-linecap=\"square\" stroke-width=\"", picture->page.font / 9);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i + 1 < leaves; i++)
	{
		const UcMerge *merge = &dendrogram->merges[i];
		const Node *node = &picture->nodes[leaves + i];
		const Node *sides[2] = {&picture->nodes[merge->left], &picture->nodes[merge->right]};

		uc_svg_add(svg, "<g><title>height %.4g: %" PRId64 " rows</title>", merge->height, merge->size);
		for (int side = 0; side < 2; side++)
			draw_leg(picture, sides[side], node);
		begin_branch(picture, node->group);
		uc_plot_line(svg, node->x, sides[0]->y, node->x, sides[1]->y);
		uc_svg_add(svg, "</g></g>\n");
	}
	begin_branch(picture, picture->nodes[2 * leaves - 2].group);
	uc_plot_line(svg, picture->nodes[2 * leaves - 2].x, picture->nodes[2 * leaves - 2].y, picture->frame.left,
				 picture->nodes[2 * leaves - 2].y);
	uc_svg_add(svg, "</g></g>\n");
}

/* A leaf of several rows: wide where its rows are, pointed where they have become one. */
static void
draw_triangle(Picture *picture, const Node *node)
{
	UcSvg	   *svg = &picture->svg;
	double		half = fmin(0.35 * picture->line, 0.5 * picture->page.font);

	const char *colour = node->group < 0 ? UC_PLOT_QUIET : uc_plot_colour((size_t) node->group);

	uc_svg_add(svg, "<g fill=\"%s\" stroke=\"%s\">", colour, colour);
	uc_svg_at(svg, "<path d=\"M", node->x);
	uc_svg_at(svg, " ", node->y);
	uc_svg_at(svg, "L", picture->frame.right);
	uc_svg_at(svg, " ", node->y - half);
	uc_svg_at(svg, "V", node->y + half);
	uc_svg_add(svg, "z\"/></g>");
}

static void
draw_leaves(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	double		font = picture->page.font;
	UcSvg	   *svg = &picture->svg;

	uc_svg_at(svg, "<g stroke-linejoin=\"round\" stroke-width=\"", font / 12);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i < dendrogram->leaf_count; i++)
		if (dendrogram->leaves[i].height > 0)
			draw_triangle(picture, &picture->nodes[i]);
	uc_svg_at(svg, "</g>\n<g font-size=\"", LABEL_SIZE * font);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i < dendrogram->leaf_count; i++)
	{
		const UcDendrogramLeaf *leaf = &dendrogram->leaves[i];
		char		count[64];

		count_text(leaf, count, sizeof count);
		uc_svg_add(svg, "<g><title>");
		uc_svg_text(svg, leaf->name, UC_PLOT_TOOLTIP);
		uc_svg_add(svg, "%s</title>", count);
		uc_plot_text(svg, picture->frame.right + LABEL_GAP * font, picture->nodes[i].y + 0.33 * font, NULL);
		uc_svg_text(svg, leaf->name, picture->labels / LABEL_SIZE - uc_svg_text_width(count));
		if (count[0] != '\0')
			uc_svg_add(svg, "<tspan fill=\"" UC_PLOT_QUIET "\">%s</tspan>", count);
		uc_svg_add(svg, "</text></g>\n");
	}
	uc_svg_add(svg, "</g>\n");
}

/* ---- the cut and its groups ---- */

static void
draw_cut(Picture *picture)
{
	UcSvg	   *svg = &picture->svg;

	if (isnan(picture->cut))
		return;
	uc_svg_add(svg, "<g stroke=\"" UC_PLOT_QUIET "\" stroke-dasharray=\"4 3\"><title>cut at %.4g</title>",
			   picture->dendrogram->cut);
	uc_plot_line(svg, picture->cut, picture->frame.top, picture->cut, picture->frame.bottom);
	uc_svg_add(svg, "</g>\n");
}

static void
draw_badge(Picture *picture, double x, double y, int32_t group)
{
	double		font = picture->page.font;
	UcSvg	   *svg = &picture->svg;

	uc_svg_add(svg, "<g fill=\"%s\" stroke=\"#fff\">", uc_plot_colour((size_t) group));
	uc_svg_at(svg, "<circle cx=\"", x);
	uc_svg_at(svg, "\" cy=\"", y);
	uc_svg_at(svg, "\" r=\"", BADGE * font);
	uc_svg_add(svg, "\"/></g><g fill=\"%s\">", uc_plot_ink_on((size_t) group));
	uc_plot_text(svg, x, y + 0.25 * font, "middle");
	uc_svg_add(svg, "%d</text></g>\n", group + 1);
}

/* At the cut, or where that is not drawn at the top of the branch. Branches are at least a leaf apart, and badges less wide. */
static void
draw_badges(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	size_t		leaves = dendrogram->leaf_count,
				root = 2 * leaves - 2;
	UcSvg	   *svg = &picture->svg;

	uc_svg_at(svg, "<g font-weight=\"bold\" font-size=\"", 0.7 * picture->page.font);
	uc_svg_add(svg, "\">\n");
	for (size_t i = 0; i + 1 < leaves; i++)
	{
		const int32_t sides[2] = {dendrogram->merges[i].left, dendrogram->merges[i].right};

		for (int side = 0; side < 2 && picture->nodes[leaves + i].group < 0; side++)
		{
			const Node *node = &picture->nodes[sides[side]];

			if (node->group >= 0)
				draw_badge(picture, isnan(picture->cut) ? node->x : picture->cut, node->y, node->group);
		}
	}
	if (picture->nodes[root].group >= 0)
		draw_badge(picture, isnan(picture->cut) ? picture->nodes[root].x : picture->cut, picture->nodes[root].y,
				   picture->nodes[root].group);
	uc_svg_add(svg, "</g>\n");
}

static void
draw_legend(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	double		font = picture->page.font,
				line = uc_legend_line(&picture->frame, dendrogram->group_count, font),
				y = picture->frame.top + font,
				end = dendrogram->width - font,
				names = picture->legend + 2.2 * font;
	size_t		fitting = (size_t) ((picture->frame.bottom - picture->frame.top) / line) - 1,
				lines = dendrogram->group_count <= fitting ? dendrogram->group_count : fitting - 1;
	UcSvg	   *svg = &picture->svg;

	if (isnan(picture->legend))
		return;
	uc_svg_add(svg, "<g fill=\"" UC_PLOT_QUIET "\">");
	uc_plot_text(svg, names, y, NULL);
	uc_svg_add(svg, "cluster</text>");
	uc_plot_text(svg, end, y, "end");
	uc_svg_add(svg, "rows</text></g>\n");
	y += line;
	for (size_t i = 0; i < lines; i++, y += line)
	{
		uc_svg_at(svg, "<g stroke-width=\"", font / 5);
		uc_svg_add(svg, "\">");
		begin_branch(picture, (int32_t) i);
		uc_plot_line(svg, picture->legend, y - 0.35 * font, picture->legend + 1.6 * font, y - 0.35 * font);
		uc_svg_add(svg, "</g></g>");
		uc_plot_text(svg, names, y, NULL);
		uc_svg_add(svg, "%zu</text><g fill=\"" UC_PLOT_QUIET "\">", i + 1);
		uc_plot_text(svg, end, y, "end");
		uc_svg_add(svg, "%" PRId64 "</text></g>\n", dendrogram->group_sizes[i]);
	}
	if (lines < dendrogram->group_count)
	{
		uc_plot_text(svg, names, y, NULL);
		uc_svg_add(svg, "and %zu more</text>\n", dendrogram->group_count - lines);
	}
}

/* ---- the picture ---- */

static void
draw(Picture *picture)
{
	const UcDendrogram *dendrogram = picture->dendrogram;
	double		font = picture->page.font;
	UcSvg	   *svg = &picture->svg;
	UcTicks		ticks = uc_axis_ticks(&picture->axis, 4 * font, 0);

	uc_page_begin(svg, &picture->page, picture->frame.left);
	uc_axes_begin(svg, font);
	uc_axis_draw(svg, &picture->axis, &ticks, &picture->frame, false, font);
	uc_axes_end(svg, &picture->frame);
	uc_plot_text(svg, picture->frame.left, dendrogram->height - 1.2 * font, NULL);
	uc_svg_text(svg, dendrogram->caption, (dendrogram->width - picture->frame.left) / font - 1);
	uc_svg_add(svg, "</text>\n");
	draw_cut(picture);
	draw_merges(picture);
	draw_leaves(picture);
	draw_badges(picture);
	draw_legend(picture);
	uc_page_end(svg);
}

static UcStatus
check(const UcDendrogram *dendrogram, UcError *err)
{
	UcStatus	status = uc_page_check(dendrogram->width, dendrogram->height, err);
	size_t		room;

	if (status != UC_OK)
		return status;
	room = uc_dendrogram_room(dendrogram->width, dendrogram->height, dendrogram->title != NULL);
	if (dendrogram->leaf_count < 1 || dendrogram->leaf_count > room)
		return uc_error(err, UC_INVALID_ARGUMENT, "cannot draw %zu leaves where there is room for %zu", dendrogram->leaf_count,
						room);
	return UC_OK;
}

UcStatus
uc_dendrogram(const UcDendrogram *dendrogram, const UcRun *run, char **text, size_t *length, UcError *err)
{
	Picture		picture = {.dendrogram = dendrogram};
	UcStatus	status = check(dendrogram, err);

	if (status != UC_OK)
		return status;
	status = uc_check_budget("drawing", uc_dendrogram_memory(dendrogram->leaf_count, dendrogram->group_count),
							 run->max_memory, err);
	if (status != UC_OK)
		return status;
	picture.nodes = uc_alloc(2 * dendrogram->leaf_count * sizeof(Node));
	if (picture.nodes == NULL)
		return uc_out_of_memory(err, 2 * dendrogram->leaf_count * sizeof(Node));
	lay_out(&picture);
	draw(&picture);
	status = uc_svg_finish(&picture.svg, text, length, err);
	uc_free(picture.nodes);
	return status;
}
