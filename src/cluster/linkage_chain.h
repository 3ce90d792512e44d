/*
 * linkage_chain.h
 *	  Linkage from a matrix of distances, by nearest-neighbour chains. Private to the room.
 */
#ifndef UC_CLUSTER_LINKAGE_CHAIN_H
#define UC_CLUSTER_LINKAGE_CHAIN_H

#include "cluster/linkage.h"

extern size_t uc_linkage_chain_memory(size_t leaves);

/*
 * Any method but single. matrix [leaves * (leaves - 1) / 2], row by row, is used up; weights [leaves] are as in
 * uc_linkage. Fills merges [leaves - 1] in the order found, naming leaves: uc_tree_number is the next step.
 * Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_linkage_chain(double *matrix, size_t leaves, UcLinkageMethod method, const double *weights,
								 UcMerge *merges, const UcRun *run, UcError *err);

#endif
