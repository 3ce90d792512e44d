/*
 * linkage_mst.h
 *	  The minimum spanning tree of rows, by Prim's algorithm. Private to the room.
 */
#ifndef UC_CLUSTER_LINKAGE_MST_H
#define UC_CLUSTER_LINKAGE_MST_H

#include "cluster/pairwise.h"
#include "cluster/tree.h"

/* Bytes beside the pairwise; with the matrix of distances, which saves time, or without. */
extern size_t uc_spanning_tree_memory(size_t rows, bool matrix);

/*
 * The edges [rows - 1] in the order in which they reach rows from row 0. With core [rows] an edge is as long as the
 * largest of the distance and both ends' core. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_spanning_tree(const UcPairwise *pairwise, const double *core, bool matrix, UcMerge *edges,
								 const UcRun *run, UcError *err);

#endif
