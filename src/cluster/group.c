/*
 * group.c
 *	  A few Lloyd iterations over the centroids themselves, started from centroids far from each other.
 *
 * How good the groups are matters for speed only, never for a label.
 */
#include "cluster/group.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define ITERATIONS 4

typedef struct Grouping
{
	const float *centroids;		/* [k, dim] */
	int			k;
	size_t		dim;
	int			groups;
	float	   *leaders;		/* [groups, dim] */
	double	   *sum;			/* [dim] */
	double	   *distance;		/* [k] to the nearest leader */
	int32_t    *group_of;		/* [k] */
} Grouping;

size_t
uc_group_memory(int k, size_t dim)
{
	size_t		per_dim = UC_MAX_GROUPS * sizeof(float) + sizeof(double);

	return uc_size_add(uc_size_mul(dim, per_dim), (size_t) k * (sizeof(double) + sizeof(int32_t)));
}

/* Brings group_of and distance up to date with one leader. */
static void
offer_leader(Grouping *grouping, int group)
{
	const float *leader = grouping->leaders + (size_t) group * grouping->dim;

	for (int j = 0; j < grouping->k; j++)
	{
		const float *centroid = grouping->centroids + (size_t) j * grouping->dim;
		double		distance = uc_squared_distance(centroid, leader, grouping->dim);

		if (distance < grouping->distance[j])
		{
			grouping->distance[j] = distance;
			grouping->group_of[j] = group;
		}
	}
}

static void
forget_distances(Grouping *grouping)
{
	for (int j = 0; j < grouping->k; j++)
		grouping->distance[j] = INFINITY;
}

/* Leader by leader, the centroid farthest from those before. */
static UcStatus
choose_leaders(Grouping *grouping, const UcRun *run, UcError *err)
{
	size_t		bytes = grouping->dim * sizeof(float);
	int			next = 0;

	forget_distances(grouping);
	for (int g = 0; g < grouping->groups; g++)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		memcpy(grouping->leaders + (size_t) g * grouping->dim, grouping->centroids + (size_t) next * grouping->dim,
			   bytes);
		offer_leader(grouping, g);
		for (int j = 0; j < grouping->k; j++)
			if (grouping->distance[j] > grouping->distance[next])
				next = j;
	}
	return UC_OK;
}

static void
average_leader(Grouping *grouping, int group)
{
	float	   *leader = grouping->leaders + (size_t) group * grouping->dim;
	int			members = 0;

	memset(grouping->sum, 0, grouping->dim * sizeof(double));
	for (int j = 0; j < grouping->k; j++)
		if (grouping->group_of[j] == group)
		{
			uc_kernels()->accumulate(grouping->sum, grouping->centroids + (size_t) j * grouping->dim, 1.0,
									 grouping->dim);
			members++;
		}
	for (size_t i = 0; members > 0 && i < grouping->dim; i++)
		leader[i] = (float) (grouping->sum[i] / members);
}

static UcStatus
divide(Grouping *grouping, const UcRun *run, UcError *err)
{
	memset(grouping->group_of, 0, (size_t) grouping->k * sizeof(int32_t));
	if (choose_leaders(grouping, run, err) != UC_OK)
		return UC_INTERRUPTED;
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		for (int g = 0; g < grouping->groups; g++)
			average_leader(grouping, g);
		forget_distances(grouping);
		for (int g = 0; g < grouping->groups; g++)
		{
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
			offer_leader(grouping, g);
		}
	}
	return UC_OK;
}

static void
list_groups(const int32_t *group_of, int k, int groups, int32_t *order, int32_t *start)
{
	int			next = 0;

	for (int g = 0; g < groups; g++)
	{
		start[g] = next;
		for (int j = 0; j < k; j++)
			if (group_of[j] == g)
				order[next++] = j;
	}
	start[groups] = k;
}

UcStatus
uc_group_centroids(const float *centroids, int k, size_t dim, int groups, int32_t *order, int32_t *start,
				   const UcRun *run, UcError *err)
{
	Grouping	grouping = {.centroids = centroids,.k = k,.dim = dim,.groups = groups};
	UcStatus	status;

	grouping.leaders = uc_alloc(uc_size_mul((size_t) groups, uc_size_mul(dim, sizeof(float))));
	grouping.sum = uc_alloc(uc_size_mul(dim, sizeof(double)));
	grouping.distance = uc_alloc((size_t) k * sizeof(double));
	grouping.group_of = uc_alloc((size_t) k * sizeof(int32_t));
	if (grouping.leaders == NULL || grouping.sum == NULL || grouping.distance == NULL || grouping.group_of == NULL)
		status = uc_out_of_memory(err, uc_group_memory(k, dim));
	else
		status = groups > 1 ? divide(&grouping, run, err) : UC_OK;
	if (status == UC_OK)
	{
		if (groups == 1)
			memset(grouping.group_of, 0, (size_t) k * sizeof(int32_t));
		list_groups(grouping.group_of, k, groups, order, start);
	}

	uc_free(grouping.leaders);
	uc_free(grouping.sum);
	uc_free(grouping.distance);
	uc_free(grouping.group_of);
	return status;
}
