/*
 * watch_queue.h
 *	  What the writer and the workers of the queue share.
 */
#ifndef USERCLUSTER_WATCH_QUEUE_H
#define USERCLUSTER_WATCH_QUEUE_H

#include "postgres.h"

#include "utils/guc.h"
#include "utils/rel.h"

/* The role that owns the hidden tables. */
extern Oid	queue_owner(void);

/* Attributes of the primary key, at most INDEX_MAX_KEYS; returns how many. Refuses a table that has none. */
extern int	queue_key(Relation relation, AttrNumber *attributes);

/* Settings under which text forms of keys mean the same in every session; the level is given back to the second. */
extern int	queue_transmission_modes(void);
extern void queue_transmission_end(int nest_level);

#endif
