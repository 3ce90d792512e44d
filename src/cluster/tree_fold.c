/*
 * tree_fold.c
 *	  Folds a tree to its last merges, and lays the leaves of what is left in order.
 *
 * Chains of single linkage are as deep as there are rows: nothing here descends by calling itself.
 */
#include "cluster/tree_fold.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

size_t
uc_tree_fold_memory(size_t rows, size_t leaves)
{
	size_t		kept = uc_size_add(uc_size_mul(rows, sizeof(int32_t)),
								   uc_size_mul(leaves, sizeof(UcMerge) + sizeof(int64_t) + 3 * sizeof(int32_t)));

	return uc_size_add(kept, uc_size_mul(rows, 2 * sizeof(int32_t) + sizeof(int64_t)));
}

/* A node of the whole tree as one of the last merges, counted from the first of them; negative: it is folded. */
static int64_t
shown_merge(const UcLinkage *tree, const UcFold *fold, int32_t node)
{
	return (int64_t) node - (int64_t) tree->leaves - (int64_t) (tree->leaves - fold->leaves);
}

static int64_t
rows_of(const UcLinkage *tree, const int64_t *leaf_sizes, int32_t node)
{
	return (size_t) node < tree->leaves ? leaf_sizes[node] : tree->merges[(size_t) node - tree->leaves].size;
}

/* Walks down from the root with a stack, and numbers what is folded in the order in which it comes. */
static void
order_leaves(const UcLinkage *tree, const int64_t *leaf_sizes, int32_t *stack, int32_t *place, UcFold *fold)
{
	size_t		depth = 0,
				next = 0;

	stack[depth++] = (int32_t) (2 * tree->leaves - 2);
	while (depth > 0)
	{
		int32_t		node = stack[--depth];

		if (shown_merge(tree, fold, node) < 0)
		{
			fold->node[next] = node;
			fold->sizes[next] = rows_of(tree, leaf_sizes, node);
			place[node] = (int32_t) next++;
		}
		else
		{
			const UcMerge *merge = &tree->merges[(size_t) node - tree->leaves];
			bool		left_first = rows_of(tree, leaf_sizes, merge->left) >= rows_of(tree, leaf_sizes, merge->right);

			stack[depth++] = left_first ? merge->right : merge->left;
			stack[depth++] = left_first ? merge->left : merge->right;
		}
	}
}

/* The new number of a node that is a leaf of the fold or one of the last merges. */
static int32_t
renumber(const UcLinkage *tree, const UcFold *fold, const int32_t *place, int32_t node)
{
	int64_t		merge = shown_merge(tree, fold, node);

	return merge < 0 ? place[node] : (int32_t) ((int64_t) fold->leaves + merge);
}

static void
copy_merges(const UcLinkage *tree, const int32_t *place, UcFold *fold)
{
	for (size_t i = 0; i + 1 < fold->leaves; i++)
	{
		UcMerge		merge = tree->merges[tree->leaves - fold->leaves + i];
		int32_t		left = renumber(tree, fold, place, merge.left),
					right = renumber(tree, fold, place, merge.right);

		merge.left = left < right ? left : right;
		merge.right = left < right ? right : left;
		fold->merges[i] = merge;
	}
}

/* Every node takes the place of the node above it, from the last merge that is folded downwards. */
static void
place_rows(const UcLinkage *tree, int32_t *place, UcFold *fold)
{
	for (size_t i = tree->leaves - fold->leaves; i-- > 0;)
	{
		int32_t		above = place[tree->leaves + i];

		place[tree->merges[i].left] = above;
		place[tree->merges[i].right] = above;
	}
	for (size_t i = 0; i < tree->rows; i++)
		fold->leaf_of[i] = place[tree->leaf_of == NULL ? (int32_t) i : tree->leaf_of[i]];
}

UcStatus
uc_tree_fold(const UcLinkage *tree, size_t leaves, UcFold *fold, UcError *err)
{
	size_t		shown = leaves < tree->leaves ? leaves : tree->leaves;
	int32_t    *place = uc_alloc(uc_size_mul(2 * tree->leaves, sizeof(int32_t)));
	int64_t    *leaf_sizes = uc_alloc_zeroed(uc_size_mul(tree->leaves, sizeof(int64_t)));
	int32_t    *stack = uc_alloc(uc_size_mul(shown + 1, sizeof(int32_t)));

	memset(fold, 0, sizeof *fold);
	fold->leaves = shown;
	fold->merges = uc_alloc(uc_size_mul(shown, sizeof(UcMerge)));
	fold->sizes = uc_alloc(uc_size_mul(shown, sizeof(int64_t)));
	fold->node = uc_alloc(uc_size_mul(shown, sizeof(int32_t)));
	fold->leaf_of = uc_alloc(uc_size_mul(tree->rows, sizeof(int32_t)));
	if (place == NULL || leaf_sizes == NULL || stack == NULL || fold->merges == NULL || fold->sizes == NULL ||
		fold->node == NULL || fold->leaf_of == NULL)
	{
		uc_free(place);
		uc_free(leaf_sizes);
		uc_free(stack);
		uc_tree_fold_free(fold);
		return uc_out_of_memory(err, uc_tree_fold_memory(tree->rows, shown));
	}
	for (size_t i = 0; i < tree->rows; i++)
		leaf_sizes[tree->leaf_of == NULL ? i : (size_t) tree->leaf_of[i]]++;
	order_leaves(tree, leaf_sizes, stack, place, fold);
	copy_merges(tree, place, fold);
	place_rows(tree, place, fold);
	uc_free(place);
	uc_free(leaf_sizes);
	uc_free(stack);
	return UC_OK;
}

void
uc_tree_fold_free(UcFold *fold)
{
	uc_free(fold->merges);
	uc_free(fold->sizes);
	uc_free(fold->node);
	uc_free(fold->leaf_of);
	memset(fold, 0, sizeof *fold);
}
