/*
 * segment_plot_tree_test.c
 *	  Pictures of trees and of choices: folding, what is refused, and that everything drawn lies within the picture.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "check.h"
#include "cluster/tree_fold.h"
#include "segment/plot.h"

static const UcRun run = {.threads = 1,.max_memory = (size_t) 1 << 30};

static size_t
occurrences(const char *text, const char *what)
{
	size_t		count = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		count++;
	return count;
}

/* Whether every coordinate of text, circles and paths lies within the picture, and no length is negative. */
static bool
within(const char *svg, double width, double height)
{
	static const struct
	{
		const char *before;
		bool		across;
	}			places[] = {
		{" x=\"", true}, {" cx=\"", true}, {" y=\"", false}, {" cy=\"", false}, {" width=\"", true}, {" height=\"", false},
		{" r=\"", true}
	};

	if (strstr(svg, "nan") != NULL || strstr(svg, "inf") != NULL)
		return false;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		for (const char *at = svg; (at = strstr(at, places[i].before)) != NULL; at++)
		{
			double		number = strtod(at + strlen(places[i].before), NULL);

			if (!(number >= 0 && number <= (places[i].across ? width : height)))
			{
				printf("# %.40s\n", at);
				return false;
			}
		}
	for (const char *at = svg; (at = strstr(at, " d=\"")) != NULL; at++)
	{
		const char *step = at + 4;

		while (*step == 'M' || *step == 'L')
		{
			char	   *end;
			double		x = strtod(step + 1, &end),
						y = strtod(end, &end);

			if (!(x >= 0 && x <= width && y >= 0 && y <= height))
			{
				printf("# %.60s\n", at);
				return false;
			}
			step = end;
		}
	}
	return true;
}

/* ---- folding ---- */

/* A tree over rows 0 … count-1 whose merges take two random nodes that have none above them. */
static UcLinkage
random_tree(size_t count, uint64_t seed)
{
	UcLinkage	tree = {.rows = count,.leaves = count,.merges = malloc(count * sizeof(UcMerge))};
	int32_t    *open = malloc(count * sizeof(int32_t));
	size_t		left = count;
	UcRandom	random;

	uc_random_seed(&random, seed, 0);
	for (size_t i = 0; i < count; i++)
		open[i] = (int32_t) i;
	for (size_t i = 0; i + 1 < count; i++)
	{
		int32_t		sides[2];
		int64_t		size = 0;

		for (int side = 0; side < 2; side++)
		{
			size_t		taken = uc_random_below(&random, left);

			sides[side] = open[taken];
			open[taken] = open[--left];
			size += (size_t) sides[side] < count ? 1 : tree.merges[(size_t) sides[side] - count].size;
		}
		tree.merges[i] = (UcMerge) {
			sides[0] < sides[1] ? sides[0] : sides[1], sides[0] < sides[1] ? sides[1] : sides[0], (double) i / 7, size
		};
		open[left++] = (int32_t) (count + i);
	}
	free(open);
	return tree;
}

/* Sizes add up, rows lie below their leaf, and the leaves below each merge are neighbours. */
static void
check_fold(const UcLinkage *tree, size_t leaves)
{
	UcFold		fold;
	UcError		err;
	bool		right = uc_tree_fold(tree, leaves, &fold, &err) == UC_OK;
	size_t		shown = leaves < tree->leaves ? leaves : tree->leaves;
	int32_t    *parent = malloc(2 * tree->leaves * sizeof(int32_t)),
			   *first = malloc(2 * shown * sizeof(int32_t)),
			   *last = malloc(2 * shown * sizeof(int32_t));
	int64_t    *counted = calloc(shown, sizeof(int64_t));

	right = right && fold.leaves == shown;
	for (size_t i = 0; i < 2 * tree->leaves; i++)
		parent[i] = -1;
	for (size_t i = 0; i + 1 < tree->leaves; i++)
		parent[tree->merges[i].left] = parent[tree->merges[i].right] = (int32_t) (tree->leaves + i);
	for (size_t i = 0; right && i < tree->rows; i++)
	{
		int32_t		node = tree->leaf_of == NULL ? (int32_t) i : tree->leaf_of[i];

		counted[fold.leaf_of[i]]++;
		while (node >= 0 && node != fold.node[fold.leaf_of[i]])
			node = parent[node];
		right = node >= 0;
	}
	for (size_t i = 0; right && i < shown; i++)
	{
		right = counted[i] == fold.sizes[i];
		first[i] = last[i] = (int32_t) i;
	}
	for (size_t i = 0; right && i + 1 < shown; i++)
	{
		const UcMerge *merge = &fold.merges[i];
		int32_t		upper = first[merge->left] < first[merge->right] ? merge->left : merge->right,
					lower = upper == merge->left ? merge->right : merge->left;

		right = last[upper] + 1 == first[lower] && merge->left < merge->right && merge->right < (int32_t) (shown + i);
		first[shown + i] = first[upper];
		last[shown + i] = last[lower];
	}
	CHECK(right, "%zu of %zu leaves", shown, tree->leaves);
	uc_tree_fold_free(&fold);
	free(parent);
	free(first);
	free(last);
	free(counted);
}

static void
folds(void)
{
	int32_t		leaf_of[] = {2, 0, 1, 1, 2, 2};
	UcMerge		merges[] = {{0, 1, 1, 3}, {2, 3, 2, 6}};
	UcLinkage	micro = {.rows = 6,.leaves = 3,.merges = merges,.leaf_of = leaf_of};
	const size_t deep = 200000;
	UcLinkage	chain = {.rows = deep,.leaves = deep,.merges = malloc(deep * sizeof(UcMerge))};
	UcFold		fold;
	UcError		err;

	for (size_t count = 1; count <= 60; count += count < 5 ? 1 : 17)
	{
		UcLinkage	tree = random_tree(count, count);

		check_fold(&tree, 1);
		check_fold(&tree, count / 2 + 1);
		check_fold(&tree, count + 5);
		free(tree.merges);
	}
	check_fold(&micro, 2);
	check_fold(&micro, 3);
	for (size_t i = 0; i + 1 < deep; i++)
		chain.merges[i] = (UcMerge) {i == 0 ? 0 : (int32_t) i + 1, i == 0 ? 1 : (int32_t) (deep + i - 1), 1, (int64_t) i + 2};
	CHECK(uc_tree_fold(&chain, deep, &fold, &err) == UC_OK && fold.leaves == deep && fold.sizes[deep - 1] == 1,
		  "a chain as deep as it has rows");
	uc_tree_fold_free(&fold);
	free(chain.merges);
}

/* ---- dendrograms ---- */

static char *
draw_tree(const UcLinkage *tree, size_t shown, int clusters, int width, int height, double unit)
{
	UcDendrogramLeaf *leaves = calloc(shown, sizeof(UcDendrogramLeaf));
	int64_t    *sizes = calloc((size_t) clusters + 1, sizeof(int64_t));
	int32_t    *labels = malloc(tree->rows * sizeof(int32_t));
	char	   *text = NULL;
	size_t		length = 0,
				joins = tree->leaves - (size_t) clusters;
	UcFold		fold;
	UcError		err;
	UcDendrogram dendrogram = {
		.title = "<树>",.caption = "height",.width = width,.height = height,.leaves = leaves,
		.group_sizes = sizes,.group_count = (size_t) clusters,.cut = NAN
	};

	for (size_t i = 0; i + 1 < tree->leaves; i++)
		tree->merges[i].height = (double) (i + 1) * unit;
	if (uc_tree_fold(tree, shown, &fold, &err) != UC_OK || uc_tree_cut(tree, clusters, labels, &err) != UC_OK)
		return NULL;
	for (size_t i = 0; i < fold.leaves; i++)
	{
		size_t		node = (size_t) fold.node[i];

		leaves[i] = (UcDendrogramLeaf) {
			.name = i % 2 ? "一个很长很长很长很长很长很长很长很长很长的名字<&>" : "leaf",.size = fold.sizes[i],.named = i % 3 ? 1 : 0,
			.height = node < tree->leaves ? 0 : tree->merges[node - tree->leaves].height,.group = -1
		};
	}
	for (size_t i = 0; i < tree->rows; i++)
	{
		sizes[labels[i]]++;
		if ((size_t) fold.node[fold.leaf_of[i]] < tree->leaves + joins)
			leaves[fold.leaf_of[i]].group = labels[i];
	}
	dendrogram.merges = fold.merges;
	dendrogram.leaf_count = fold.leaves;
	dendrogram.joined = joins > tree->leaves - fold.leaves ? joins - (tree->leaves - fold.leaves) : 0;
	if (joins > 0 && joins < tree->leaves - 1)
		dendrogram.cut = tree->merges[joins - 1].height + unit / 2;
	if (uc_dendrogram(&dendrogram, &run, &text, &length, &err) != UC_OK || strlen(text) != length)
		printf("# drawing failed\n");
	uc_tree_fold_free(&fold);
	free(leaves);
	free(sizes);
	free(labels);
	return text;
}

static void
dendrograms(void)
{
	static const int sides[][2] = {{800, 600}, {200, 200}, {200, 4000}, {4000, 200}, {4000, 4000}};
	static const double units[] = {1, 0, 1e-300, 1e300};
	UcLinkage	tree = random_tree(500, 3),
				one = {.rows = 1,.leaves = 1,.merges = NULL};
	char	   *text;

	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
		for (size_t j = 0; j < sizeof units / sizeof units[0]; j++)
		{
			int			width = sides[i][0],
						height = sides[i][1];
			size_t		shown = uc_dendrogram_room(width, height, true);

			text = draw_tree(&tree, shown, 12, width, height, units[j]);
			CHECK(text != NULL && within(text, width, height) && occurrences(text, "<title>height ") == shown - 1 &&
				  occurrences(text, "<svg") == 1 && occurrences(text, "</svg>") == 1,
				  "%zu leaves of heights about %g in %d by %d", shown, units[j], width, height);
			uc_free(text);
		}
	text = draw_tree(&tree, 20, 5, 800, 600, 1);
	CHECK(occurrences(text, "<circle") == 5 && occurrences(text, "<title>cut at ") == 1, "a badge for each group, and the cut");
	CHECK(strstr(text, "&lt;树&gt;") != NULL && strstr(text, "<树>") == NULL, "the title is escaped");
	uc_free(text);
	text = draw_tree(&tree, 20, 100, 800, 600, 1);
	CHECK(within(text, 800, 600) && strstr(text, " more</text>") != NULL, "more groups than leaves and lines of the legend");
	uc_free(text);
	text = draw_tree(&one, 1, 1, 800, 600, 1);
	CHECK(text != NULL && within(text, 800, 600) && occurrences(text, "<circle") == 1, "one row");
	uc_free(text);
	free(tree.merges);
}

static void
dendrogram_refusals(void)
{
	const UcDendrogramLeaf leaf = {.name = "a",.size = 1};
	UcDendrogram dendrogram = {.caption = "",.width = 800,.height = 600,.leaves = &leaf,.leaf_count = 1,.cut = NAN};
	UcRun		poor = {.threads = 1,.max_memory = 1000};
	UcError		err;
	char	   *text;
	size_t		length;

	dendrogram.width = UC_PLOT_SMALLEST - 1;
	CHECK_REFUSED(uc_dendrogram(&dendrogram, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "width", "too narrow");
	dendrogram.width = 800;
	dendrogram.height = UC_PLOT_LARGEST + 1;
	CHECK_REFUSED(uc_dendrogram(&dendrogram, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "height", "too high");
	dendrogram.height = 600;
	dendrogram.leaf_count = 0;
	CHECK_REFUSED(uc_dendrogram(&dendrogram, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "0 leaves", "no leaves");
	dendrogram.leaf_count = uc_dendrogram_room(800, 600, false) + 1;
	CHECK_REFUSED(uc_dendrogram(&dendrogram, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "room for", "too many");
	dendrogram.leaf_count = 1;
	CHECK_REFUSED(uc_dendrogram(&dendrogram, &poor, &text, &length, &err), UC_MEMORY_LIMIT, &err, "drawing", "no memory");
}

/* ---- choices ---- */

static char *
draw_choices(int count, int recommended, double error, double inertia, int width, int height)
{
	UcChoice   *choices = calloc((size_t) count, sizeof(UcChoice));
	UcChoicePlot plot = {
		.title = "选 <k>",.caption = "k = 3: because of many words that do not fit into one line, nor even into two of them",
		.width = width,.height = height,.choices = choices,.count = count,.recommended = recommended
	};
	char	   *text = NULL;
	size_t		length = 0;
	UcError		err;

	for (int i = 0; i < count; i++)
	{
		choices[i].k = i + 2;
		choices[i].silhouette.mean = i == 4 ? NAN : sin(i);
		choices[i].silhouette.error = error;
		choices[i].stability = i % 2 ? -0.1 : 1;
		choices[i].inertia = inertia / (i + 1);
	}
	if (uc_choice_plot(&plot, &run, &text, &length, &err) != UC_OK || strlen(text) != length)
		printf("# drawing failed\n");
	free(choices);
	return text;
}

static void
choices(void)
{
	UcChoicePlot plot = {.caption = "",.width = 800,.height = 600,.count = 0,.recommended = -1};
	char	   *text;
	size_t		length;
	UcError		err;

	CHECK_REFUSED(uc_choice_plot(&plot, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "0 points", "no choices");
	plot.width = -1;
	CHECK_REFUSED(uc_choice_plot(&plot, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "width", "too narrow");
	text = draw_choices(9, 1, NAN, 1000, 800, 600);
	CHECK(within(text, 800, 600) && occurrences(text, "<circle") == 3 * 9 - 1 && occurrences(text, "standard error") == 0,
		  "a mark for each figure that is defined");
	CHECK(strstr(text, ">k = 3</text>") != NULL && strstr(text, "<title>k = 3: stability -0.1</title>") != NULL,
		  "the recommended k and the figures are told");
	uc_free(text);
	text = draw_choices(9, -1, 0.3, 1000, 800, 600);
	CHECK(within(text, 800, 600) && occurrences(text, "standard error") == 8 && occurrences(text, "\"bold\"") == 1,
		  "bars for sampled silhouettes; no k is recommended");
	uc_free(text);
	text = draw_choices(1, 0, NAN, 0, 200, 200);
	CHECK(within(text, 200, 200), "one k in a small picture");
	uc_free(text);
	text = draw_choices(1000, 3, 0.1, 1e300, 4000, 200);
	CHECK(within(text, 4000, 200), "a thousand of them, and huge figures");
	uc_free(text);
	text = draw_choices(5, 2, NAN, 1e-300, 200, 4000);
	CHECK(within(text, 200, 4000), "a few, and small figures");
	uc_free(text);
}

int
main(void)
{
	folds();
	dendrogram_refusals();
	dendrograms();
	choices();
	return check_done();
}
