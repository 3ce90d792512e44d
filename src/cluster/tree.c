/*
 * tree.c
 *	  Numbering the nodes of a tree, and labels from a cut through it.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "cluster/tree.h"

/* ---- sets of leaves ---- */

static int32_t
find_root(int32_t *parent, int32_t node)
{
	while (parent[node] != node)
	{
		parent[node] = parent[parent[node]];
		node = parent[node];
	}
	return node;
}

/* ---- numbering ---- */

/* Merges that share a height must keep their order, which qsort does not promise. */
static void
sort_by_height(UcMerge *merges, UcMerge *spare, size_t count)
{
	UcMerge    *from = merges;
	UcMerge    *to = spare;

	for (size_t width = 1; width < count; width *= 2)
	{
		UcMerge    *swap = from;

		for (size_t begin = 0; begin < count; begin += 2 * width)
		{
			size_t		middle = begin + width < count ? begin + width : count;
			size_t		end = begin + 2 * width < count ? begin + 2 * width : count;
			size_t		left = begin,
						right = middle;

			for (size_t i = begin; i < end; i++)
				to[i] = left < middle && (right >= end || from[left].height <= from[right].height) ?
					from[left++] : from[right++];
		}
		from = to;
		to = swap;
	}
	if (from != merges)
		for (size_t i = 0; i < count; i++)
			merges[i] = from[i];
}

UcStatus
uc_tree_number(UcMerge *merges, size_t leaves, const int64_t *sizes, UcError *err)
{
	size_t		count = leaves - 1;
	size_t		bytes = uc_size_add(uc_size_mul(count, sizeof(UcMerge)), uc_size_mul(2 * leaves, sizeof(int32_t)));
	UcMerge    *spare = uc_alloc(bytes);
	int32_t    *parent;

	if (spare == NULL)
		return uc_out_of_memory(err, bytes);
	sort_by_height(merges, spare, count);
	parent = (int32_t *) (spare + count);
	for (size_t i = 0; i < 2 * leaves; i++)
		parent[i] = (int32_t) i;
	for (size_t i = 0; i < count; i++)
	{
		int32_t		sides[2] = {find_root(parent, merges[i].left), find_root(parent, merges[i].right)};

		merges[i].size = 0;
		for (int side = 0; side < 2; side++)
		{
			if ((size_t) sides[side] < leaves)
				merges[i].size += sizes == NULL ? 1 : sizes[sides[side]];
			else
				merges[i].size += merges[(size_t) sides[side] - leaves].size;
			parent[sides[side]] = (int32_t) (leaves + i);
		}
		merges[i].left = sides[0] < sides[1] ? sides[0] : sides[1];
		merges[i].right = sides[0] < sides[1] ? sides[1] : sides[0];
	}
	uc_free(spare);
	return UC_OK;
}

/* ---- labels ---- */

typedef struct Cluster
{
	int32_t		label;
	size_t		size;
	size_t		first;			/* row */
} Cluster;

static int
larger_first(const void *a, const void *b)
{
	const Cluster *x = a;
	const Cluster *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

UcStatus
uc_labels_by_size(int32_t *labels, size_t rows, size_t bound, size_t *clusters, UcError *err)
{
	size_t		bytes = uc_size_mul(bound, sizeof(Cluster) + sizeof(int32_t));
	Cluster    *found = uc_alloc_zeroed(bytes > 0 ? bytes : 1);
	int32_t    *becomes;

	if (found == NULL)
		return uc_out_of_memory(err, bytes);
	becomes = (int32_t *) (found + bound);
	for (size_t i = 0; i < bound; i++)
		found[i] = (Cluster) {.label = (int32_t) i,.first = rows};
	for (size_t i = 0; i < rows; i++)
		if (labels[i] >= 0)
		{
			Cluster    *cluster = &found[labels[i]];

			if (cluster->size++ == 0)
				cluster->first = i;
		}
	qsort(found, bound, sizeof *found, larger_first);
	*clusters = 0;
	for (size_t i = 0; i < bound && found[i].size > 0; i++)
		becomes[found[i].label] = (int32_t) (*clusters)++;
	for (size_t i = 0; i < rows; i++)
		if (labels[i] >= 0)
			labels[i] = becomes[labels[i]];
	uc_free(found);
	return UC_OK;
}

UcStatus
uc_tree_labels(const UcMerge *merges, size_t leaves, const int32_t *leaf_of, size_t rows, size_t joins,
			   int32_t *labels, size_t *clusters, UcError *err)
{
	size_t		nodes = leaves + joins;
	int32_t    *parent = uc_alloc(uc_size_mul(nodes, sizeof(int32_t)));
	UcStatus	status;

	if (parent == NULL)
		return uc_out_of_memory(err, nodes * sizeof(int32_t));
	for (size_t i = 0; i < nodes; i++)
		parent[i] = (int32_t) i;
	for (size_t i = 0; i < joins; i++)
		parent[merges[i].left] = parent[merges[i].right] = (int32_t) (leaves + i);
	for (size_t i = 0; i < rows; i++)
		labels[i] = find_root(parent, leaf_of == NULL ? (int32_t) i : leaf_of[i]);
	uc_free(parent);
	status = uc_labels_by_size(labels, rows, nodes, clusters, err);
	return status;
}
