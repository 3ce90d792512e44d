/*
 * linkage_mst_few.h
 *	  Prim's algorithm where dimensions are few. Private to the room.
 */
#ifndef UC_CLUSTER_LINKAGE_MST_FEW_H
#define UC_CLUSTER_LINKAGE_MST_FEW_H

#include "cluster/pairwise.h"
#include "cluster/tree.h"

extern size_t uc_spanning_tree_few_memory(size_t rows);

/* uc_spanning_tree, bit by bit, for a pairwise with columns. */
extern UcStatus uc_spanning_tree_few(const UcPairwise *pairwise, const double *core, UcMerge *edges, const UcRun *run,
									 UcError *err);

#endif
