/*
 * linkage_chain.c
 *	  From any cluster, step to the nearest one until two are each other's nearest: those may be joined at once.
 *
 * A joined pair keeps the place of its later half; the place of the other is dead, and infinitely far from all others.
 * When a third of the places are dead the matrix is closed up, so that the passes over rows get shorter as clusters get
 * fewer.
 */
#include <math.h>

#include "base/memory.h"
#include "cluster/linkage_chain.h"
#include "cluster/pairwise.h"

#define POLL_STEPS (1 << 23)	/* distances looked at between two looks at the interrupt */

typedef struct Chain
{
	double	   *matrix;
	size_t		places;
	size_t		alive;
	UcLinkageMethod method;
	double	   *weight;			/* [places]; 0: dead */
	int32_t    *leaf;			/* [places] one leaf of the cluster */
	int32_t    *path;			/* [places] the chain so far */
	int32_t    *moved_to;		/* [places] where closing up has put a place */
	int32_t    *was;			/* [places] and where that was before */
	size_t		length;			/* of the path */
} Chain;

size_t
uc_linkage_chain_memory(size_t leaves)
{
	return uc_size_mul(leaves, sizeof(double) + 4 * sizeof(int32_t));
}

static inline double *
distance(const Chain *chain, size_t a, size_t b)
{
	return chain->matrix + (a < b ? uc_pair(chain->places, a, b) : uc_pair(chain->places, b, a));
}

/*
 * Moves the places that are alive together. Groups are written from the first one on and column by column: what is still
 * to be read lies behind that.
 */
static void
move_group(Chain *chain, size_t first, const int32_t *was)
{
	size_t		count = chain->alive - first < UC_PAIR_GROUP ? chain->alive - first : UC_PAIR_GROUP;

	for (size_t j = first + 1; j < chain->alive; j++)
	{
		double	   *to = chain->matrix + uc_pair(chain->alive, first, j);
		double		moved[UC_PAIR_GROUP];

		for (size_t i = 0; i < count && first + i < j; i++)
			moved[i] = chain->matrix[uc_pair(chain->places, (size_t) was[first + i], (size_t) was[j])];
		for (size_t i = 0; i < count && first + i < j; i++)
			to[i] = moved[i];
	}
}

static UcStatus
close_up(Chain *chain, const UcRun *run, UcError *err)
{
	size_t		steps = 0;
	size_t		next = 0;

	for (size_t i = 0; i < chain->places; i++)
		if (chain->weight[i] != 0)
		{
			chain->was[next] = (int32_t) i;
			chain->moved_to[i] = (int32_t) next++;
		}
	for (size_t first = 0; first < next; first += UC_PAIR_GROUP)
	{
		move_group(chain, first, chain->was);
		if ((steps += UC_PAIR_GROUP * chain->places) >= POLL_STEPS)
		{
			steps = 0;
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
		}
	}
	for (size_t i = 0; i < next; i++)
	{
		chain->weight[i] = chain->weight[chain->was[i]];
		chain->leaf[i] = chain->leaf[chain->was[i]];
	}
	for (size_t i = 0; i < chain->length; i++)
		chain->path[i] = chain->moved_to[chain->path[i]];
	chain->places = next;
	return UC_OK;
}

/*
 * The nearest cluster to `from`: among equals the one that the chain came from, then the first place. Going back on a
 * tie is what ends every chain.
 */
static size_t
nearest(const Chain *chain, size_t from, double *least)
{
	size_t		found = chain->places;
	double		best = INFINITY;
	const double *entry;

	if (chain->length > 1)
	{
		found = (size_t) chain->path[chain->length - 2];
		best = *distance(chain, from, found);
	}
	for (size_t i = 0; i < from; i += UC_PAIR_GROUP)
	{
		size_t		count = from - i < UC_PAIR_GROUP ? from - i : UC_PAIR_GROUP;

		if (i + UC_PAIR_AHEAD < from)
			__builtin_prefetch(chain->matrix + uc_pair(chain->places, i + UC_PAIR_AHEAD, from));
		entry = chain->matrix + uc_pair(chain->places, i, from);
		for (size_t j = 0; j < count; j++)
			if (entry[j] < best)
			{
				best = entry[j];
				found = i + j;
			}
	}
	entry = chain->matrix + uc_pair(chain->places, from, from);
	for (size_t i = from + 1; i < chain->places; i++)
	{
		entry += UC_PAIR_GROUP;
		if (*entry < best)
		{
			best = *entry;
			found = i;
		}
	}
	*least = best;
	return found;
}

/* Lance and Williams: the distance of a cluster to the union of a and b, from those to either. */
static inline double
joined_distance(const Chain *chain, double to_a, double to_b, double apart, double a, double b, double other)
{
	switch (chain->method)
	{
		case UC_LINKAGE_WARD:
			{
				double		part = 1 / (a + b + other);
				double		square = (other + a) * part * to_a * to_a + (other + b) * part * to_b * to_b
					- other * part * apart * apart;

				return square > 0 ? sqrt(square) : 0;
			}
		case UC_LINKAGE_AVERAGE:
			return (a * to_a + b * to_b) / (a + b);
		case UC_LINKAGE_WEIGHTED:
			return 0.5 * (to_a + to_b);
		default:
			return to_a > to_b ? to_a : to_b;
	}
}

/* Joins two places, gone < kept. */
static void
join(Chain *chain, size_t gone, size_t kept, double apart)
{
	double		a = chain->weight[gone];
	double		b = chain->weight[kept];

	chain->weight[gone] = 0;
	*distance(chain, gone, kept) = INFINITY;
	for (size_t i = 0; i < chain->places; i++)
	{
		double	   *to_gone,
				   *to_kept;

		if (i % UC_PAIR_GROUP == 0 && i + UC_PAIR_AHEAD < kept)
		{
			__builtin_prefetch(distance(chain, i + UC_PAIR_AHEAD, kept), 1);
			if (i + UC_PAIR_AHEAD < gone)
				__builtin_prefetch(distance(chain, i + UC_PAIR_AHEAD, gone), 1);
		}
		if (chain->weight[i] == 0 || i == kept)
			continue;
		to_gone = distance(chain, i, gone);
		to_kept = distance(chain, i, kept);
		*to_kept = joined_distance(chain, *to_gone, *to_kept, apart, a, b, chain->weight[i]);
		*to_gone = INFINITY;
	}
	chain->weight[kept] = a + b;
	chain->alive--;
}

static UcStatus
run_chain(Chain *chain, UcMerge *merges, const UcRun *run, UcError *err)
{
	size_t		steps = 0;
	size_t		first = 0;		/* no place before it is alive */

	uc_progress_phase(run, "joining clusters", chain->alive - 1);
	for (size_t done = 0; chain->alive > 1;)
	{
		size_t		from,
					to;
		double		apart;

		if ((steps += chain->places) >= POLL_STEPS)
		{
			steps = 0;
			uc_progress_done(run, done);
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
		}
		if (chain->length == 0)
		{
			while (chain->weight[first] == 0)
				first++;
			chain->path[chain->length++] = (int32_t) first;
		}
		from = (size_t) chain->path[chain->length - 1];
		to = nearest(chain, from, &apart);
		if (chain->length == 1 || to != (size_t) chain->path[chain->length - 2])
		{
			chain->path[chain->length++] = (int32_t) to;
			continue;
		}
		chain->length -= 2;
		merges[done].left = chain->leaf[from < to ? from : to];
		merges[done].right = chain->leaf[from < to ? to : from];
		merges[done++].height = apart;
		join(chain, from < to ? from : to, from < to ? to : from, apart);
		if (chain->alive * 3 <= chain->places * 2)
		{
			UcStatus	status = close_up(chain, run, err);

			if (status != UC_OK)
				return status;
			first = 0;
		}
	}
	uc_progress_done(run, SIZE_MAX);
	return UC_OK;
}

/* Ward's distances between leaves of unequal weight. */
static UcStatus
weigh(Chain *chain, const UcRun *run, UcError *err)
{
	size_t		steps = 0;

	for (size_t i = 0; i < chain->places; i++)
	{
		for (size_t j = i + 1; j < chain->places; j++)
			chain->matrix[uc_pair(chain->places, i, j)] *= sqrt(2 * chain->weight[i] * chain->weight[j] / (chain->weight[i] + chain->weight[j]));
		if ((steps += chain->places) >= POLL_STEPS)
		{
			steps = 0;
			if (uc_interrupted(run))
				return uc_interrupt_error(err);
		}
	}
	return UC_OK;
}

UcStatus
uc_linkage_chain(double *matrix, size_t leaves, UcLinkageMethod method, const double *weights, UcMerge *merges,
				 const UcRun *run, UcError *err)
{
	Chain		chain = {.matrix = matrix,.places = leaves,.alive = leaves,.method = method};
	UcStatus	status;

	chain.weight = uc_alloc(uc_linkage_chain_memory(leaves));
	if (chain.weight == NULL)
		return uc_out_of_memory(err, uc_linkage_chain_memory(leaves));
	chain.leaf = (int32_t *) (chain.weight + leaves);
	chain.path = chain.leaf + leaves;
	chain.moved_to = chain.path + leaves;
	chain.was = chain.moved_to + leaves;
	for (size_t i = 0; i < leaves; i++)
	{
		chain.weight[i] = weights == NULL ? 1 : weights[i];
		chain.leaf[i] = (int32_t) i;
	}
	status = method == UC_LINKAGE_WARD && weights != NULL ? weigh(&chain, run, err) : UC_OK;
	if (status == UC_OK)
		status = run_chain(&chain, merges, run, err);
	uc_free(chain.weight);
	return status;
}
