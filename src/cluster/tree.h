/*
 * tree.h
 *	  The tree that joins rows into ever larger clusters, and cuts through it.
 */
#ifndef UC_CLUSTER_TREE_H
#define UC_CLUSTER_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * Nodes are numbered as in SciPy's linkage matrix: 0 … leaves-1 are the leaves, leaves + i is what merge i made.
 */
typedef struct UcMerge
{
	int32_t		left;			/* below right */
	int32_t		right;
	double		height;			/* at which the two were joined; rising from merge to merge */
	int64_t		size;			/* rows in the new cluster */
} UcMerge;

/*
 * Orders merges [leaves - 1], whose left and right name any leaf of the two sides, by height, those of one height as
 * they stand, and gives nodes their numbers. `sizes` [leaves] are the leaves' rows; NULL: one each.
 * Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_tree_number(UcMerge *merges, size_t leaves, const int64_t *sizes, UcError *err);

/*
 * labels [rows]: the clusters that remain when the first `joins` merges are done, numbered from 0 by falling size, ties
 * by their first row; `clusters` says how many. leaf_of [rows] gives each row's leaf; NULL: row i is leaf i.
 * Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_tree_labels(const UcMerge *merges, size_t leaves, const int32_t *leaf_of, size_t rows, size_t joins,
							   int32_t *labels, size_t *clusters, UcError *err);

/*
 * Numbers labels [rows] anew by falling size, ties by first row; negative ones stay. They are below `bound`, and
 * `clusters` says how many there are. Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_labels_by_size(int32_t *labels, size_t rows, size_t bound, size_t *clusters, UcError *err);

#endif
