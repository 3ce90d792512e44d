/*
 * exchange.h
 *	  Single rows that lower the inertia by changing clusters although another centroid is not nearer: it moves towards
 *	  them (Hartigan's criterion). It matters where clusters have few rows. Private to the room.
 */
#ifndef UC_CLUSTER_EXCHANGE_H
#define UC_CLUSTER_EXCHANGE_H

#include "cluster/lloyd.h"

/*
 * Takes row by row to the cluster where it adds least, the sums following at once, until none wants to go. `moved`
 * says how many went; lloyd->next is not changed. Does nothing where the data is so large that this would take long.
 */
extern UcStatus uc_exchange_rows(UcLloyd *lloyd, size_t *moved, const UcRun *run, UcError *err);

#endif
