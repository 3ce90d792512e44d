/*
 * hdbscan_tree.c
 *	  The condensed tree: going from the root to denser and denser levels, a cluster loses rows, splits where two parts
 *	  of at least min_cluster_size come apart, and ends.
 *
 * Levels are densities, the inverse of heights; rows at height 0 have infinite density.
 */
#include <math.h>

#include "base/memory.h"
#include "cluster/hdbscan_tree.h"

typedef struct Part
{
	int32_t		parent;			/* the part it split from; -1: the root */
	double		birth;			/* density at which it begins; 0: the root */
	double		death;			/* greatest density at which it lost rows or split */
	double		stability;		/* sum over rows and children of the density each lasts beyond the birth */
	double		below;			/* stability of the best choice among the parts under it */
	int32_t		children;
	bool		chosen;
} Part;

typedef struct Condensed
{
	const UcMerge *merges;
	size_t		rows;
	size_t		min_size;
	Part	   *parts;			/* [rows] at most; parents before their children */
	int32_t		part_count;
	int32_t    *part_of;		/* [2 * rows - 1] by node: the part that it belongs to */
	double	   *leaves_at;		/* [2 * rows - 1] by node: the density at which it falls off its part; NaN: it has not */
} Condensed;

size_t
uc_hdbscan_tree_memory(size_t rows)
{
	return uc_size_mul(rows, sizeof(Part) + 2 * (sizeof(double) + sizeof(int32_t)));
}

static size_t
size_of(const Condensed *tree, int32_t node)
{
	return (size_t) node < tree->rows ? 1 : (size_t) tree->merges[(size_t) node - tree->rows].size;
}

/* `size` rows leave the part at this density. Infinite densities subtracted from each other count as no time. */
static void
leave(Part *part, double density, size_t size)
{
	if (density > part->birth)
		part->stability += (density - part->birth) * (double) size;
	if (density > part->death)
		part->death = density;
}

static int32_t
new_part(Condensed *tree, int32_t parent, double birth)
{
	tree->parts[tree->part_count] = (Part) {.parent = parent,.birth = birth};
	if (parent >= 0)
		tree->parts[parent].children++;
	return tree->part_count++;
}

/* Nodes from the root down: a node's number is above those of its children. */
static void
condense(Condensed *tree)
{
	size_t		rows = tree->rows;

	tree->part_of[2 * rows - 2] = new_part(tree, -1, 0);
	tree->leaves_at[2 * rows - 2] = NAN;
	for (size_t node = 2 * rows - 2; node >= rows; node--)
	{
		const UcMerge *merge = &tree->merges[node - rows];
		int32_t		sides[2] = {merge->left, merge->right};
		int32_t		part = tree->part_of[node];
		double		density = merge->height > 0 ? 1 / merge->height : INFINITY;
		bool		fallen = !isnan(tree->leaves_at[node]);
		bool		splits = size_of(tree, sides[0]) >= tree->min_size && size_of(tree, sides[1]) >= tree->min_size;

		for (int i = 0; i < 2; i++)
		{
			size_t		size = size_of(tree, sides[i]);

			tree->part_of[sides[i]] = part;
			tree->leaves_at[sides[i]] = tree->leaves_at[node];
			if (fallen)
				continue;
			if (splits)
			{
				leave(&tree->parts[part], density, size);
				tree->part_of[sides[i]] = new_part(tree, part, density);
			}
			else if (size < tree->min_size)
			{
				leave(&tree->parts[part], density, size);
				tree->leaves_at[sides[i]] = density;
			}
		}
	}
}

/* Children come after their parents: from the last to the first, every choice below a part is known. */
static void
choose(Condensed *tree, bool leaves)
{
	Part	   *parts = tree->parts;

	for (int32_t i = tree->part_count - 1; i > 0; i--)
	{
		Part	   *part = &parts[i];

		part->chosen = leaves ? part->children == 0 : part->stability >= part->below;
		parts[part->parent].below += part->chosen ? part->stability : part->below;
	}
}

/* Which part a part belongs to by the choice, into `chosen` [part_count]: the outermost chosen one, or -1. */
static void
resolve(const Condensed *tree, int32_t *chosen)
{
	chosen[0] = -1;
	for (int32_t i = 1; i < tree->part_count; i++)
	{
		int32_t		above = chosen[tree->parts[i].parent];

		chosen[i] = above >= 0 ? above : tree->parts[i].chosen ? i : -1;
	}
}

static double
membership_in(const Part *part, double density)
{
	if (part->death == 0 || isinf(density))
		return 1;
	return fmin(density, part->death) / part->death;
}

UcStatus
uc_hdbscan_select(const UcMerge *merges, size_t rows, size_t min_cluster_size, bool leaves, int32_t *labels,
				  double *membership, UcError *err)
{
	Condensed	tree = {.merges = merges,.rows = rows,.min_size = min_cluster_size};
	int32_t    *chosen;

	tree.parts = uc_alloc(uc_hdbscan_tree_memory(rows));
	if (tree.parts == NULL)
		return uc_out_of_memory(err, uc_hdbscan_tree_memory(rows));
	tree.leaves_at = (double *) (tree.parts + rows);
	tree.part_of = (int32_t *) (tree.leaves_at + 2 * rows);
	condense(&tree);
	choose(&tree, leaves);
	/* the nodes above the rows are done with, and there are at most as many parts */
	chosen = tree.part_of + rows;
	resolve(&tree, chosen);
	for (size_t i = 0; i < rows; i++)
	{
		labels[i] = chosen[tree.part_of[i]];
		membership[i] = labels[i] < 0 ? 0 : membership_in(&tree.parts[labels[i]], tree.leaves_at[i]);
	}
	uc_free(tree.parts);
	return UC_OK;
}
