/*
 * hdbscan_tree.h
 *	  From the single-linkage tree to clusters: condensing it and choosing from what is left. Private to the room.
 */
#ifndef UC_CLUSTER_HDBSCAN_TREE_H
#define UC_CLUSTER_HDBSCAN_TREE_H

#include <stdbool.h>

#include "cluster/tree.h"

extern size_t uc_hdbscan_tree_memory(size_t rows);

/*
 * merges [rows - 1] over rows, of mutual reachability; rows is at least 2. Fills labels [rows] (-1: noise, others
 * 0 … rows-1 with gaps) and membership [rows]. Errors: UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_hdbscan_select(const UcMerge *merges, size_t rows, size_t min_cluster_size, bool leaves,
								  int32_t *labels, double *membership, UcError *err);

#endif
