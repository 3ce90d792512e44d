/*
 * tree_fold.h
 *	  The top of a tree: its last merges, over what remains below them. What a picture has room for.
 */
#ifndef UC_CLUSTER_TREE_FOLD_H
#define UC_CLUSTER_TREE_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "cluster/linkage.h"

/*
 * A tree of its own, numbered as tree.h says. Its leaves lie in the order in which no two branches cross: of two sides the
 * larger one first.
 */
typedef struct UcFold
{
	size_t		leaves;
	UcMerge    *merges;			/* [leaves - 1] */
	int64_t    *sizes;			/* [leaves] rows */
	int32_t    *node;			/* [leaves] of the whole tree, where nodes below its number of leaves are leaves */
	int32_t    *leaf_of;		/* [rows of the whole tree] */
} UcFold;

extern size_t uc_tree_fold_memory(size_t rows, size_t leaves);

/*
 * Folds the tree to at most `leaves`, which must be at least 1. `fold` is filled on UC_OK and ended by uc_tree_fold_free; on
 * any other status it holds nothing. Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_tree_fold(const UcLinkage *tree, size_t leaves, UcFold *fold, UcError *err);
extern void uc_tree_fold_free(UcFold *fold);

#endif
