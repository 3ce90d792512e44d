/*
 * interactions.h
 *	  Who had to do with what: users times items, sparse, to be read from either side.
 */
#ifndef UC_SEGMENT_INTERACTIONS_H
#define UC_SEGMENT_INTERACTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef struct UcInteractions
{
	size_t		users;
	size_t		items;
	size_t		count;			/* different pairs */
	size_t		active;			/* users with at least one */
	size_t	   *user_start;		/* [users + 1] where each user's pairs begin */
	int32_t    *user_items;		/* [count] rising within a user */
	float	   *user_weights;	/* [count] */
	size_t	   *item_start;		/* [items + 1] */
	int32_t    *item_users;		/* [count] rising within an item */
	float	   *item_weights;	/* [count] */
} UcInteractions;

/* Bytes that uc_interactions_create allocates for so many pairs. */
extern size_t uc_interactions_memory(size_t users, size_t items, size_t count);

/*
 * From pairs user[i] (0 … users-1), item[i] (0 … items-1) in any order, with weights that are finite and at least 0, or NULL
 * for 1 each. Of a pair that comes several times the largest weight counts; pairs of weight 0 are left out. Errors:
 * UC_INVALID_DATA (a number outside its range, a weight), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_interactions_create(size_t users, size_t items, size_t count, const int32_t *user, const int32_t *item,
									   const float *weight, const UcRun *run, UcInteractions *interactions, UcError *err);
extern void uc_interactions_free(UcInteractions *interactions);

#endif
