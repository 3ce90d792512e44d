/*
 * interactions.c
 *	  Two counting sorts, first by item and then by user, leave the pairs ordered by both; the second side is the first one
 *	  sorted back.
 */
#include "segment/interactions.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define POLL_PAIRS 1000000

typedef struct Side
{
	size_t	   *start;			/* [parts + 1] */
	int32_t    *other;			/* [count] */
	float	   *weights;		/* [count] */
} Side;

size_t
uc_interactions_memory(size_t users, size_t items, size_t count)
{
	size_t		pairs = uc_size_mul(count, 2 * (sizeof(int32_t) + sizeof(float)));

	return uc_size_add(pairs, uc_size_mul(uc_size_add(uc_size_add(users, items), 2), 2 * sizeof(size_t)));
}

static void
free_side(Side *side)
{
	uc_free(side->start);
	uc_free(side->other);
	uc_free(side->weights);
}

static UcStatus
allocate_side(Side *side, size_t parts, size_t count, UcError *err)
{
	side->start = uc_alloc_zeroed(uc_size_mul(parts + 2, sizeof(size_t)));
	side->other = uc_alloc(uc_size_mul(count, sizeof(int32_t)));
	side->weights = uc_alloc(uc_size_mul(count, sizeof(float)));
	if (side->start == NULL || side->other == NULL || side->weights == NULL)
		return uc_out_of_memory(err, uc_size_mul(count, sizeof(int32_t) + sizeof(float)));
	return UC_OK;
}

static UcStatus
check_pairs(size_t users, size_t items, size_t count, const int32_t *user, const int32_t *item, const float *weight,
			const UcRun *run, UcError *err)
{
	for (size_t i = 0; i < count; i++)
	{
		if (i % POLL_PAIRS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (user[i] < 0 || (size_t) user[i] >= users || item[i] < 0 || (size_t) item[i] >= items)
		{
			uc_error(err, UC_INVALID_DATA, "a number of a user or an item is outside its range");
			uc_error_detail(err, "Pair %zu is of user %d of %zu and item %d of %zu.", i + 1, user[i], users, item[i], items);
			return UC_INVALID_DATA;
		}
		if (weight != NULL && !(weight[i] >= 0 && isfinite(weight[i])))
		{
			uc_error(err, UC_INVALID_DATA, "a weight must be a finite number of at least 0");
			uc_error_detail(err, "Pair %zu has the weight %g.", i + 1, weight[i]);
			return UC_INVALID_DATA;
		}
	}
	return UC_OK;
}

/* Where each part begins, from how many pairs it has in start[part + 2]; filling then advances start[part + 1]. */
static void
add_up(size_t *start, size_t parts)
{
	for (size_t part = 0; part < parts; part++)
		start[part + 2] += start[part + 1];
}

static void
sort_by_item(Side *side, size_t items, size_t count, const int32_t *user, const int32_t *item, const float *weight)
{
	for (size_t i = 0; i < count; i++)
		if (weight == NULL || weight[i] > 0)
			side->start[item[i] + 2]++;
	add_up(side->start, items);
	for (size_t i = 0; i < count; i++)
		if (weight == NULL || weight[i] > 0)
		{
			size_t		place = side->start[item[i] + 1]++;

			side->other[place] = user[i];
			side->weights[place] = weight == NULL ? 1 : weight[i];
		}
}

/* The pairs of `from` by their other side; within one they come in the order of from's parts. */
static void
turn(const Side *from, size_t from_parts, Side *to, size_t to_parts)
{
	for (size_t i = 0; i < from->start[from_parts]; i++)
		to->start[from->other[i] + 2]++;
	add_up(to->start, to_parts);
	for (size_t part = 0; part < from_parts; part++)
		for (size_t i = from->start[part]; i < from->start[part + 1]; i++)
		{
			size_t		place = to->start[from->other[i] + 1]++;

			to->other[place] = (int32_t) part;
			to->weights[place] = from->weights[i];
		}
}

/* Leaves one of equal neighbours, with the largest weight. */
static void
merge_repeated(Side *side, size_t parts)
{
	size_t		kept = 0,
				first = 0;

	for (size_t part = 0; part < parts; part++)
	{
		size_t		last = side->start[part + 1],
					begin = kept;

		for (size_t i = first; i < last; i++)
			if (kept > begin && side->other[kept - 1] == side->other[i])
				side->weights[kept - 1] = fmaxf(side->weights[kept - 1], side->weights[i]);
			else
			{
				side->other[kept] = side->other[i];
				side->weights[kept++] = side->weights[i];
			}
		first = last;
		side->start[part + 1] = kept;
	}
}

UcStatus
uc_interactions_create(size_t users, size_t items, size_t count, const int32_t *user, const int32_t *item,
					   const float *weight, const UcRun *run, UcInteractions *interactions, UcError *err)
{
	Side		by_item = {0},
				by_user = {0};
	size_t		bytes = uc_interactions_memory(users, items, count);
	UcStatus	status = uc_check_budget("the interactions", bytes, run->max_memory, err);

	*interactions = (UcInteractions) {.users = users,.items = items};
	if (status == UC_OK)
		status = check_pairs(users, items, count, user, item, weight, run, err);
	if (status == UC_OK)
		status = allocate_side(&by_item, items, count, err);
	if (status == UC_OK)
		status = allocate_side(&by_user, users, count, err);
	if (status == UC_OK)
	{
		sort_by_item(&by_item, items, count, user, item, weight);
		turn(&by_item, items, &by_user, users);
		merge_repeated(&by_user, users);
		memset(by_item.start, 0, (items + 2) * sizeof(size_t));
		turn(&by_user, users, &by_item, items);
		interactions->count = by_user.start[users];
		for (size_t u = 0; u < users; u++)
			interactions->active += by_user.start[u + 1] > by_user.start[u];
		interactions->user_start = by_user.start;
		interactions->user_items = by_user.other;
		interactions->user_weights = by_user.weights;
		interactions->item_start = by_item.start;
		interactions->item_users = by_item.other;
		interactions->item_weights = by_item.weights;
		return UC_OK;
	}
	free_side(&by_item);
	free_side(&by_user);
	return status;
}

void
uc_interactions_free(UcInteractions *interactions)
{
	uc_free(interactions->user_start);
	uc_free(interactions->user_items);
	uc_free(interactions->user_weights);
	uc_free(interactions->item_start);
	uc_free(interactions->item_users);
	uc_free(interactions->item_weights);
	*interactions = (UcInteractions) {0};
}
