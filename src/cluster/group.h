/*
 * group.h
 *	  Groups of neighbouring centroids, for bounds that hold for a group at a time. Private to the room.
 */
#ifndef UC_CLUSTER_GROUP_H
#define UC_CLUSTER_GROUP_H

#include "base/run.h"
#include "base/status.h"

#include <stdint.h>

#define UC_MAX_GROUPS 64

/*
 * Divides centroids [k, dim] into `groups` groups, at most UC_MAX_GROUPS, by nearness. order[0 … k-1] lists the
 * centroids group by group, in a group by number; start[0 … groups] says where each group begins in it (a group may
 * be empty). Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_group_centroids(const float *centroids, int k, size_t dim, int groups, int32_t *order,
								   int32_t *start, const UcRun *run, UcError *err);
extern size_t uc_group_memory(int k, size_t dim);

#endif
