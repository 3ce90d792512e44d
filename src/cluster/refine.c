/*
 * refine.c
 *	  Trial splits of all clusters at once, the cost of all merges, and the pairs that pay.
 *
 * The splits are found on a few rows of each cluster; those that look worth it are then weighed with all rows.
 *
 * With S the sum of a cluster's n rows (of weights that sum up to n), its inertia is that of its rows about the origin less its worth: |S|²/n by
 * squared distances, |S| by 1 - cosine of unit rows. A split gains, and a merge loses, what the worths differ by (for
 * squared distances that is Ward's criterion), so that sums suffice and no distance is computed.
 */
#include "cluster/refine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define TRIAL_ITERATIONS 5
#define TRIAL_ROWS 128			/* of a cluster */
#define TASK_ROWS 1024
#define POLL_FLOATS (1u << 20)	/* a millisecond of work between two polls */

typedef struct UcMove
{
	double		gain;			/* of splitting the cluster; at first an estimate from the trial */
	double		loss;			/* of merging it with its partner */
	int			partner;		/* -1: there is no other cluster */
	bool		used;			/* taken up by a change of this round */
} Move;

size_t
uc_refine_memory(size_t rows, size_t dim, int k)
{
	size_t		cluster = uc_size_add(uc_size_mul(dim, sizeof(float) + 2 * sizeof(double)),
									  sizeof(Move) + 4 * sizeof(double) + 2 * sizeof(int) + 3 * sizeof(size_t));

	cluster = uc_size_mul((size_t) k, cluster);
	return uc_size_add(uc_size_add(cluster, uc_size_mul(rows, sizeof(size_t) + 1)),
					   uc_size_mul(dim, 2 * sizeof(float)));
}

UcStatus
uc_refine_create(UcRefine *refine, UcLloyd *lloyd, int k, UcError *err)
{
	size_t		count = (size_t) k,
				cells = uc_size_mul(count, lloyd->points->dim);

	*refine = (UcRefine) {.lloyd = lloyd};
	refine->listed = uc_alloc(uc_size_mul(lloyd->points->rows, sizeof(size_t)));
	refine->sides = uc_alloc(lloyd->points->rows);
	refine->directions = uc_alloc(uc_size_mul(cells, sizeof(float)));
	refine->halves = uc_alloc(uc_size_mul(cells, 2 * sizeof(double)));
	refine->thresholds = uc_alloc(count * sizeof(double));
	refine->lengths = uc_alloc(count * sizeof(double));
	refine->half_masses = uc_alloc(2 * count * sizeof(double));
	refine->moves = uc_alloc(count * sizeof(Move));
	refine->by_gain = uc_alloc(count * sizeof(int));
	refine->by_loss = uc_alloc(count * sizeof(int));
	if (refine->listed == NULL || refine->sides == NULL || refine->directions == NULL || refine->halves == NULL ||
		refine->thresholds == NULL || refine->lengths == NULL || refine->half_masses == NULL || refine->moves == NULL ||
		refine->by_gain == NULL || refine->by_loss == NULL)
	{
		uc_refine_free(refine);
		return uc_out_of_memory(err, uc_refine_memory(lloyd->points->rows, lloyd->points->dim, k));
	}
	return UC_OK;
}

void
uc_refine_free(UcRefine *refine)
{
	uc_free(refine->listed);
	uc_free(refine->sides);
	uc_free(refine->directions);
	uc_free(refine->halves);
	uc_free(refine->thresholds);
	uc_free(refine->lengths);
	uc_free(refine->half_masses);
	uc_free(refine->moves);
	uc_free(refine->by_gain);
	uc_free(refine->by_loss);
	*refine = (UcRefine) {0};
}

/* ---- trial splits ---- */

static double *
half_sum(const UcRefine *refine, int half, int j)
{
	size_t		k = (size_t) refine->lloyd->nearest.k;

	return refine->halves + ((size_t) half * k + (size_t) j) * refine->lloyd->points->dim;
}

static double *
half_mass(const UcRefine *refine, int half, int j)
{
	return refine->half_masses + half * refine->lloyd->nearest.k + j;
}

/* Lists every so many rows of each cluster, TRIAL_ROWS at most, and points each direction to one of them. */
static UcStatus
list_trial_rows(UcRefine *refine, UcRandom *random, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	int			k = lloyd->nearest.k;
	size_t	   *drawn = uc_alloc_zeroed(3 * (size_t) k * sizeof(size_t)),
			   *seen = drawn + k,
			   *taken = seen + k;
	UcStatus	status = UC_OK;

	if (drawn == NULL)
		return uc_out_of_memory(err, 3 * (size_t) k * sizeof(size_t));
	refine->listed_count = 0;
	for (size_t row = 0; status == UC_OK && row < lloyd->points->rows; row++)
	{
		int32_t		label = lloyd->previous[row];
		size_t		step = ((size_t) lloyd->counts[label] + TRIAL_ROWS - 1) / TRIAL_ROWS;

		if (uc_row_loop_stopped(run, row))
			status = uc_interrupt_error(err);
		if (uc_row_weight(lloyd->points, row) == 0 || seen[label]++ % step != 0)
			continue;
		refine->listed[refine->listed_count++] = row;
		if (uc_random_below(random, (uint64_t) ++taken[label]) == 0)
			drawn[label] = row;
	}
	for (int j = 0; j < k; j++)
	{
		const float *x = lloyd->points->x + drawn[j] * dim,
				   *centroid = lloyd->next + (size_t) j * dim;
		float	   *direction = refine->directions + (size_t) j * dim;

		for (size_t i = 0; i < dim; i++)
			direction[i] = lloyd->counts[j] > 1 ? x[i] - centroid[i] : 0;
		refine->thresholds[j] = uc_dot(direction, centroid, dim);
	}
	uc_free(drawn);
	return status;
}

static UcStatus
choose_sides(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcRefine   *refine = arg;
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim,
				begin = task * TASK_ROWS,
				end = begin + TASK_ROWS;

	for (size_t place = begin; place < end && place < refine->listed_count; place++)
	{
		size_t		row = refine->listed[place],
					label = (size_t) lloyd->previous[row];

		refine->sides[place] = uc_dot(lloyd->points->x + row * dim, refine->directions + label * dim, dim) >
			refine->thresholds[label];
	}
	return UC_OK;
}

typedef struct Sums
{
	UcRefine   *refine;
	size_t		width;			/* columns of a slice */
} Sums;

static UcStatus
sum_halves(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	UcRefine   *refine = ((Sums *) arg)->refine;
	UcLloyd    *lloyd = refine->lloyd;
	const UcKernels *kernels = uc_kernels();
	size_t		dim = lloyd->points->dim,
				full_width = ((Sums *) arg)->width,
				first = task * full_width,
				width = dim - first < full_width ? dim - first : full_width,
				poll_rows = POLL_FLOATS / width + 1;

	for (size_t place = 0; place < refine->listed_count; place++)
	{
		size_t		row = refine->listed[place];

		if (place % poll_rows == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		kernels->accumulate(half_sum(refine, refine->sides[place], lloyd->previous[row]) + first,
							lloyd->points->x + row * dim + first, uc_row_weight(lloyd->points, row), width);
	}
	return UC_OK;
}

/* Divides the listed rows by the directions and sums the halves. */
static UcStatus
divide_listed(UcRefine *refine, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim,
				k = (size_t) lloyd->nearest.k,
				tasks = (refine->listed_count + TASK_ROWS - 1) / TASK_ROWS,
				slices;
	UcRun		granted = uc_run_for_work(run, 2.0 * (double) refine->listed_count * (double) dim);
	Sums		sums = {.refine = refine};
	UcStatus	status = uc_parallel(&granted, tasks, choose_sides, refine, err);

	if (status != UC_OK)
		return status;
	memset(refine->halves, 0, 2 * k * dim * sizeof(double));
	memset(refine->half_masses, 0, 2 * k * sizeof(double));
	for (size_t place = 0; place < refine->listed_count; place++)
	{
		size_t		row = refine->listed[place];

		*half_mass(refine, refine->sides[place], lloyd->previous[row]) += uc_row_weight(lloyd->points, row);
	}
	slices = uc_column_slices(dim, granted.threads, &sums.width);
	return uc_parallel(&granted, slices, sum_halves, &sums, err);
}

/* What a half's sum is divided by to give its centre; 0 where it has none. */
static double
half_divisor(const UcRefine *refine, int half, int j)
{
	size_t		dim = refine->lloyd->points->dim;
	const double *sum = half_sum(refine, half, j);
	double		square = 0;

	if (refine->lloyd->points->metric == UC_METRIC_EUCLIDEAN)
		return *half_mass(refine, half, j);
	for (size_t i = 0; i < dim; i++)
		square += sum[i] * sum[i];
	return sqrt(square);
}

/* The centres of both halves; false where one has none. */
static bool
half_centres(const UcRefine *refine, int j, float *centre_0, float *centre_1)
{
	size_t		dim = refine->lloyd->points->dim;
	const double *sum_0 = half_sum(refine, 0, j),
			   *sum_1 = half_sum(refine, 1, j);
	double		divisor_0 = half_divisor(refine, 0, j),
				divisor_1 = half_divisor(refine, 1, j);

	if (divisor_0 == 0 || divisor_1 == 0)
		return false;
	for (size_t i = 0; i < dim; i++)
	{
		centre_0[i] = (float) (sum_0[i] / divisor_0);
		centre_1[i] = (float) (sum_1[i] / divisor_1);
	}
	return true;
}

/* Puts the boundary half way between the halves' centres; `spare` [2, dim]. */
static void
turn_direction(UcRefine *refine, int j, float *spare)
{
	size_t		dim = refine->lloyd->points->dim;
	float	   *direction = refine->directions + (size_t) j * dim,
			   *centre_0 = spare,
			   *centre_1 = spare + dim;

	if (!half_centres(refine, j, centre_0, centre_1))
		return;
	refine->thresholds[j] = (uc_dot(centre_1, centre_1, dim) - uc_dot(centre_0, centre_0, dim)) / 2;
	for (size_t i = 0; i < dim; i++)
		direction[i] = centre_1[i] - centre_0[i];
}

/* A few iterations of 2-means in each cluster; the directions tell how it would be split. */
static UcStatus
split_on_trial(UcRefine *refine, UcRandom *random, const UcRun *run, UcError *err)
{
	size_t		spare_bytes = 2 * refine->lloyd->points->dim * sizeof(float);
	float	   *spare = uc_alloc(spare_bytes);
	UcStatus	status;

	if (spare == NULL)
		return uc_out_of_memory(err, spare_bytes);
	status = list_trial_rows(refine, random, run, err);
	for (int iteration = 0; status == UC_OK && iteration < TRIAL_ITERATIONS; iteration++)
	{
		status = divide_listed(refine, run, err);
		for (int j = 0; status == UC_OK && j < refine->lloyd->nearest.k; j++)
			turn_direction(refine, j, spare);
	}
	uc_free(spare);
	return status;
}

/* ---- gains and losses ---- */

static double
worth(const UcLloyd *lloyd, double sum_square, double mass)
{
	if (!(mass > 0))
		return 0;
	return lloyd->points->metric == UC_METRIC_COSINE ? sqrt(sum_square) : sum_square / mass;
}

/* What the listed rows of a cluster gain by being split. */
static double
split_gain(const UcRefine *refine, int j)
{
	const UcLloyd *lloyd = refine->lloyd;
	const double *sum_0 = half_sum(refine, 0, j),
			   *sum_1 = half_sum(refine, 1, j);
	double		mass_0 = *half_mass(refine, 0, j),
				mass_1 = *half_mass(refine, 1, j),
				square_0 = 0,
				square_1 = 0,
				both = 0;

	if (mass_0 == 0 || mass_1 == 0)
		return 0;
	for (size_t i = 0; i < lloyd->points->dim; i++)
	{
		square_0 += sum_0[i] * sum_0[i];
		square_1 += sum_1[i] * sum_1[i];
		both += (sum_0[i] + sum_1[i]) * (sum_0[i] + sum_1[i]);
	}
	return worth(lloyd, square_0, mass_0) + worth(lloyd, square_1, mass_1) - worth(lloyd, both, mass_0 + mass_1);
}

/*
 * Divides all rows of the clusters whose estimated gain is above `limit`, and sets their gains; the others gain
 * nothing.
 */
static UcStatus
weigh_splits(UcRefine *refine, double limit, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = refine->lloyd;
	UcStatus	status;

	refine->listed_count = 0;
	for (size_t row = 0; row < lloyd->points->rows; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		if (refine->moves[lloyd->previous[row]].gain > limit)
			refine->listed[refine->listed_count++] = row;
	}
	status = divide_listed(refine, run, err);
	for (int j = 0; status == UC_OK && j < lloyd->nearest.k; j++)
		refine->moves[j].gain = split_gain(refine, j);
	return status;
}

/* What it costs to make one cluster of two, from their centroids. */
static double
merge_loss(const UcLloyd *lloyd, const double *lengths, int a, int b)
{
	size_t		dim = lloyd->points->dim;
	double		square = uc_squared_distance(lloyd->next + (size_t) a * dim, lloyd->next + (size_t) b * dim, dim),
				a_mass = uc_lloyd_mass(lloyd, a),
				b_mass = uc_lloyd_mass(lloyd, b);

	if (lloyd->points->metric == UC_METRIC_COSINE)
	{
		/* |A + B|² = (|A| + |B|)² - |A||B| |a - b|² for the unit vectors a and b of A and B */
		double		total = lengths[a] + lengths[b];

		return total - sqrt(fmax(0, total * total - lengths[a] * lengths[b] * square));
	}
	return a_mass + b_mass > 0 ? square * a_mass * b_mass / (a_mass + b_mass) : 0;
}

/* The cheapest merge of one cluster. */
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
		if (other % TASK_ROWS == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		loss = merge_loss(lloyd, refine->lengths, (int) task, other);
		if (loss < move->loss)
		{
			move->loss = loss;
			move->partner = other;
		}
	}
	return UC_OK;
}

/* Fills the moves, their gains by what the trial says; `inertia` becomes that of the current clusters. */
static UcStatus
weigh_moves(UcRefine *refine, double *inertia, const UcRun *run, UcError *err)
{
	const UcLloyd *lloyd = refine->lloyd;
	size_t		dim = lloyd->points->dim;
	int			k = lloyd->nearest.k;
	double		total = 0;
	UcRun		granted = uc_run_for_work(run, (double) k * k * (double) dim);

	for (size_t row = 0; row < lloyd->points->rows; row++)
		total += uc_row_weight(lloyd->points, row) * lloyd->points->squares[row];
	for (int j = 0; j < k; j++)
	{
		const double *sum = lloyd->sums + (size_t) j * dim;
		double		listed = *half_mass(refine, 0, j) + *half_mass(refine, 1, j),
					square = 0;

		for (size_t i = 0; i < dim; i++)
			square += sum[i] * sum[i];
		refine->moves[j] = (Move) {.gain = listed > 0 ? split_gain(refine, j) * uc_lloyd_mass(lloyd, j) / listed : 0};
		refine->lengths[j] = sqrt(square);
		total -= worth(lloyd, square, uc_lloyd_mass(lloyd, j));
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
	double		divisor = uc_lloyd_mass(lloyd, merged) + uc_lloyd_mass(lloyd, partner);

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
	const double trust = 0.5;	/* share of its gain that a trial on few rows is believed to show */
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
	sort_moves(refine->by_loss, k, refine->moves, false);
	status = weigh_splits(refine, trust * (refine->moves[refine->by_loss[0]].loss + least), run, err);
	if (status != UC_OK)
		return status;
	sort_moves(refine->by_gain, k, refine->moves, true);
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
