/*
 * refine.c
 *	  Trial splits of all clusters at once, the cost of all merges, and the pairs that pay.
 *
 * With S the sum of a cluster's n rows, its inertia is that of its rows about the origin less its worth: |S|²/n by squared
 * distances, |S| by 1 - cosine of unit rows. A split gains, and a merge loses, what the worths differ by (for squared
 * distances that is Ward's criterion), so that sums suffice and no distance is computed.
 */
#include "cluster/refine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define TRIAL_ITERATIONS 6
#define SLICE_COLUMNS 64
#define POLL_ROWS 4096
#define TASK_ROWS 1024

typedef struct UcMove
{
	double		gain;			/* of splitting the cluster */
	double		loss;			/* of merging it with its partner */
	int			partner;		/* -1: there is no other cluster */
	bool		used;			/* taken up by a change of this round */
} Move;

size_t
uc_refine_memory(size_t rows, size_t dim, int k)
{
	size_t		cluster = uc_size_add(uc_size_mul(dim, sizeof(float) + sizeof(double)),
									  sizeof(Move) + sizeof(double) + sizeof(int64_t) + 2 * sizeof(int));

	return uc_size_add(rows, uc_size_mul((size_t) k, cluster));
}

UcStatus
uc_refine_create(UcRefine *refine, UcLloyd *lloyd, int k, UcError *err)
{
	size_t		count = (size_t) k,
				cells = uc_size_mul(count, lloyd->points->dim);

	*refine = (UcRefine) {.lloyd = lloyd};
	refine->sides = uc_alloc(lloyd->points->rows);
	refine->directions = uc_alloc(uc_size_mul(cells, sizeof(float)));
	refine->halves = uc_alloc(uc_size_mul(cells, sizeof(double)));
	refine->thresholds = uc_alloc(count * sizeof(double));
	refine->half_counts = uc_alloc(count * sizeof(int64_t));
	refine->moves = uc_alloc(count * sizeof(Move));
	refine->by_gain = uc_alloc(count * sizeof(int));
	refine->by_loss = uc_alloc(count * sizeof(int));
	if (refine->sides == NULL || refine->directions == NULL || refine->halves == NULL || refine->thresholds == NULL ||
		refine->half_counts == NULL || refine->moves == NULL || refine->by_gain == NULL || refine->by_loss == NULL)
	{
		uc_refine_free(refine);
		return uc_out_of_memory(err, uc_refine_memory(lloyd->points->rows, lloyd->points->dim, k));
	}
	return UC_OK;
}

void
uc_refine_free(UcRefine *refine)
{
	uc_free(refine->sides);
	uc_free(refine->directions);
	uc_free(refine->halves);
	uc_free(refine->thresholds);
	uc_free(refine->half_counts);
	uc_free(refine->moves);
	uc_free(refine->by_gain);
	uc_free(refine->by_loss);
	*refine = (UcRefine) {0};
}

/* ---- trial splits ---- */

/* One row of each cluster, drawn evenly: the first direction leads from the centroid to it. */
static UcStatus
draw_directions(UcRefine *refine, UcRandom *random, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	int64_t    *seen = refine->half_counts;
	size_t	   *drawn = uc_alloc_zeroed((size_t) lloyd->nearest.k * sizeof(size_t));

	if (drawn == NULL)
		return uc_out_of_memory(err, (size_t) lloyd->nearest.k * sizeof(size_t));
	memset(seen, 0, (size_t) lloyd->nearest.k * sizeof(int64_t));
	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		int32_t		label = lloyd->previous[row];

		if (uc_row_loop_stopped(run, row))
		{
			uc_free(drawn);
			return uc_interrupt_error(err);
		}
		if (uc_random_below(random, (uint64_t) ++seen[label]) == 0)
			drawn[label] = row;
	}
	for (int j = 0; j < lloyd->nearest.k; j++)
	{
		const float *x = lloyd->points->x + drawn[j] * dim,
				   *centroid = lloyd->next + (size_t) j * dim;
		float	   *direction = refine->directions + (size_t) j * dim;

		for (size_t i = 0; i < dim; i++)
			direction[i] = lloyd->counts[j] > 1 ? x[i] - centroid[i] : 0;
		refine->thresholds[j] = uc_dot(direction, centroid, dim);
	}
	uc_free(drawn);
	return UC_OK;
}

static UcStatus
choose_sides(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcRefine   *refine = arg;
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim,
				begin = task * TASK_ROWS,
				end = begin + TASK_ROWS;

	for (size_t row = begin; row < end && row < lloyd->points->rows; row++)
	{
		size_t		label = (size_t) lloyd->previous[row];

		refine->sides[row] = uc_dot(lloyd->points->x + row * dim, refine->directions + label * dim, dim) >
			refine->thresholds[label];
	}
	return UC_OK;
}

static UcStatus
sum_halves(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcRefine   *refine = arg;
	UcLloyd    *lloyd = refine->lloyd;
	const UcKernels *kernels = uc_kernels();
	size_t		dim = lloyd->points->dim,
				first = task * SLICE_COLUMNS,
				width = dim - first < SLICE_COLUMNS ? dim - first : SLICE_COLUMNS;

	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		if (row % POLL_ROWS == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		if (refine->sides[row])
			kernels->accumulate(refine->halves + (size_t) lloyd->previous[row] * dim + first,
								lloyd->points->x + row * dim + first, 1.0, width);
	}
	return UC_OK;
}

/* The centres of both halves; false where one is empty or, by cosine, has no direction. */
static bool
half_centres(const UcRefine *refine, int j, float *first, float *second)
{
	const UcLloyd *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	const double *half = refine->halves + (size_t) j * dim,
			   *sum = lloyd->sums + (size_t) j * dim;
	double		here = (double) refine->half_counts[j],
				there = (double) (lloyd->counts[j] - refine->half_counts[j]);

	if (here == 0 || there == 0)
		return false;
	if (lloyd->points->metric == UC_METRIC_COSINE)
	{
		double		here_square = 0,
					there_square = 0;

		for (size_t i = 0; i < dim; i++)
		{
			here_square += half[i] * half[i];
			there_square += (sum[i] - half[i]) * (sum[i] - half[i]);
		}
		here = sqrt(here_square);
		there = sqrt(there_square);
		if (here == 0 || there == 0)
			return false;
	}
	for (size_t i = 0; i < dim; i++)
	{
		first[i] = (float) (half[i] / here);
		second[i] = (float) ((sum[i] - half[i]) / there);
	}
	return true;
}

/* The boundary half way between the halves' centres; `spare` [2, dim]. */
static void
turn_direction(UcRefine *refine, int j, float *spare)
{
	size_t		dim = refine->lloyd->points->dim;
	float	   *direction = refine->directions + (size_t) j * dim,
			   *first = spare,
			   *second = spare + dim;

	if (!half_centres(refine, j, first, second))
		return;
	refine->thresholds[j] = (uc_dot(first, first, dim) - uc_dot(second, second, dim)) / 2;
	for (size_t i = 0; i < dim; i++)
		direction[i] = first[i] - second[i];
}

static UcStatus
split_on_trial(UcRefine *refine, UcRandom *random, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = refine->lloyd;
	size_t		rows = lloyd->points->rows,
				dim = lloyd->points->dim;
	int			k = lloyd->nearest.k;
	UcRun		granted = uc_run_for_work(run, 4.0 * (double) rows * (double) dim);
	float	   *spare = uc_alloc(2 * dim * sizeof(float));
	UcStatus	status = spare == NULL ? uc_out_of_memory(err, 2 * dim * sizeof(float)) :
		draw_directions(refine, random, run, err);

	for (int iteration = 0; status == UC_OK && iteration < TRIAL_ITERATIONS; iteration++)
	{
		status = uc_parallel(&granted, (rows + TASK_ROWS - 1) / TASK_ROWS, choose_sides, refine, err);
		if (status != UC_OK)
			break;
		memset(refine->halves, 0, (size_t) k * dim * sizeof(double));
		memset(refine->half_counts, 0, (size_t) k * sizeof(int64_t));
		for (size_t row = 0; row < rows; row++)
			refine->half_counts[lloyd->previous[row]] += refine->sides[row];
		status = uc_parallel(&granted, (dim + SLICE_COLUMNS - 1) / SLICE_COLUMNS, sum_halves, refine, err);
		for (int j = 0; status == UC_OK && iteration + 1 < TRIAL_ITERATIONS && j < k; j++)
			turn_direction(refine, j, spare);
	}
	uc_free(spare);
	return status;
}

/* ---- gains and losses ---- */

static double
worth(const UcLloyd *lloyd, double sum_square, double count)
{
	if (count == 0)
		return 0;
	return lloyd->points->metric == UC_METRIC_COSINE ? sqrt(sum_square) : sum_square / count;
}

static double
split_gain(const UcRefine *refine, int j)
{
	const UcLloyd *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	const double *half = refine->halves + (size_t) j * dim,
			   *sum = lloyd->sums + (size_t) j * dim;
	double		here = 0,
				there = 0,
				both = 0,
				count = (double) lloyd->counts[j],
				half_count = (double) refine->half_counts[j];

	if (half_count == 0 || half_count == count)
		return 0;
	for (size_t i = 0; i < dim; i++)
	{
		here += half[i] * half[i];
		there += (sum[i] - half[i]) * (sum[i] - half[i]);
		both += sum[i] * sum[i];
	}
	return worth(lloyd, here, half_count) + worth(lloyd, there, count - half_count) - worth(lloyd, both, count);
}

/* What it costs to make one cluster of two, from their centroids. */
static double
merge_loss(const UcLloyd *lloyd, const double *lengths, int a, int b)
{
	size_t		dim = lloyd->points->dim;
	double		square = uc_squared_distance(lloyd->next + (size_t) a * dim, lloyd->next + (size_t) b * dim, dim);

	if (lloyd->points->metric == UC_METRIC_COSINE)
	{
		/* |A + B|² = (|A| + |B|)² - |A||B| |a - b|² for the unit vectors a and b of A and B */
		double		total = lengths[a] + lengths[b];

		return total - sqrt(fmax(0, total * total - lengths[a] * lengths[b] * square));
	}
	return square * (double) lloyd->counts[a] * (double) lloyd->counts[b] / (double) (lloyd->counts[a] + lloyd->counts[b]);
}

/* The cheapest merge of one cluster. The thresholds are no longer needed and hold the lengths of the sums. */
static UcStatus
find_partner(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcRefine   *refine = arg;
	const UcLloyd *lloyd = refine->lloyd;
	Move	   *move = &refine->moves[task];

	move->loss = INFINITY;
	move->partner = -1;
	for (int other = 0; other < lloyd->nearest.k; other++)
	{
		double		loss;

		if (other == (int) task)
			continue;
		if (other % POLL_ROWS == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		loss = merge_loss(lloyd, refine->thresholds, (int) task, other);
		if (loss < move->loss)
		{
			move->loss = loss;
			move->partner = other;
		}
	}
	return UC_OK;
}

/* Fills the moves; `inertia` becomes that of the current clusters. */
static UcStatus
weigh_moves(UcRefine *refine, double *inertia, const UcRun *run, UcError *err)
{
	const UcLloyd *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	int			k = lloyd->nearest.k;
	double		total = 0;
	UcRun		granted = uc_run_for_work(run, (double) k * k * (double) dim);

	for (size_t row = 0; row < lloyd->points->rows; row++)
		total += lloyd->points->squares[row];
	for (int j = 0; j < k; j++)
	{
		const double *sum = lloyd->sums + (size_t) j * dim;
		double		square = 0;

		for (size_t i = 0; i < dim; i++)
			square += sum[i] * sum[i];
		refine->moves[j] = (Move) {.gain = split_gain(refine, j)};
		refine->thresholds[j] = sqrt(square);
		total -= worth(lloyd, square, (double) lloyd->counts[j]);
	}
	*inertia = fmax(0, total);
	return uc_parallel(&granted, (size_t) k, find_partner, refine, err);
}

/* ---- pairs ---- */

/* Insertion by shell sort, for qsort takes no context; ties by number, so that the order is one. */
static void
sort_moves(int *order, int k, const Move *moves, bool by_gain)
{
	for (int j = 0; j < k; j++)
		order[j] = j;
	for (int gap = k / 2; gap > 0; gap /= 2)
		for (int i = gap; i < k; i++)
		{
			int			moving = order[i],
						at = i;
			double		key = by_gain ? -moves[moving].gain : moves[moving].loss;

			while (at >= gap)
			{
				int			before = order[at - gap];
				double		other = by_gain ? -moves[before].gain : moves[before].loss;

				if (other < key || (other == key && before < moving))
					break;
				order[at] = before;
				at -= gap;
			}
			order[at] = moving;
		}
}

static void
apply_change(UcRefine *refine, int split, int merged)
{
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	int			partner = refine->moves[merged].partner;
	const double *a = lloyd->sums + (size_t) merged * dim,
			   *b = lloyd->sums + (size_t) partner * dim;
	double		divisor = (double) (lloyd->counts[merged] + lloyd->counts[partner]);

	if (lloyd->points->metric == UC_METRIC_COSINE)
	{
		double		square = 0;

		for (size_t i = 0; i < dim; i++)
			square += (a[i] + b[i]) * (a[i] + b[i]);
		divisor = sqrt(square);
	}
	for (size_t i = 0; divisor > 0 && i < dim; i++)
		lloyd->next[(size_t) partner * dim + i] = (float) ((a[i] + b[i]) / divisor);
	half_centres(refine, split, lloyd->next + (size_t) split * dim, lloyd->next + (size_t) merged * dim);
	refine->moves[split].used = refine->moves[merged].used = refine->moves[partner].used = true;
}

/* The first merge whose clusters are free, cheapest first; -1 where none loses less than `limit`. */
static int
free_merge(const UcRefine *refine, int split, double limit)
{
	for (int i = 0; i < refine->lloyd->nearest.k; i++)
	{
		int			merged = refine->by_loss[i];
		const Move *move = &refine->moves[merged];

		if (!(move->loss < limit))
			return -1;
		if (merged != split && move->partner != split && !move->used && !refine->moves[move->partner].used)
			return merged;
	}
	return -1;
}

UcStatus
uc_refine_propose(UcRefine *refine, UcRandom *random, int *changes, const UcRun *run, UcError *err)
{
	int			k = refine->lloyd->nearest.k;
	double		inertia,
				least;
	UcStatus	status = split_on_trial(refine, random, run, err);

	*changes = 0;
	if (status == UC_OK)
		status = weigh_moves(refine, &inertia, run, err);
	if (status != UC_OK)
		return status;

	/* less than this is not worth the iterations that follow */
	least = inertia * fmin(0.001, 0.01 / k);
	sort_moves(refine->by_gain, k, refine->moves, true);
	sort_moves(refine->by_loss, k, refine->moves, false);
	for (int i = 0; i < k; i++)
	{
		int			split = refine->by_gain[i],
					merged;

		if (refine->moves[split].gain <= least)
			break;
		if (refine->moves[split].used)
			continue;
		merged = free_merge(refine, split, refine->moves[split].gain - least);
		if (merged < 0)
			continue;
		apply_change(refine, split, merged);
		++*changes;
	}
	return UC_OK;
}
