/*
 * members.c
 *	  Every row against every centroid, and a greedy choice among the nearest.
 */
#include "cluster/members.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define TASK_ROWS 64
#define POLL_ROWS 4096
#define MOST_CANDIDATES 1000
#define SAME 1e-9			/* a distance that is rounding */

typedef struct Standing
{
	const float *rows;			/* [count, dim] */
	const int32_t *labels;
	size_t		count;
	size_t		dim;
	int			k;
	UcMetric	metric;
	double	   *sums;			/* [k, dim] */
	double	   *masses;			/* [k] weights of the members */
	size_t	   *sizes;			/* [k] */
	float	   *centroids;		/* [k, dim] */
	const UcStanding *out;
} Standing;

size_t
uc_standing_memory(size_t dim, int k)
{
	size_t		row = uc_size_add(uc_size_mul(dim, sizeof(double) + sizeof(float)), sizeof(double) + sizeof(size_t));

	return uc_size_mul((size_t) k, row);
}

static double
distance(const float *a, const float *b, size_t dim, UcMetric metric)
{
	double		products[3];

	if (metric == UC_METRIC_EUCLIDEAN)
		return sqrt(uc_squared_distance(a, b, dim));
	uc_kernels()->dot_and_norms(a, b, dim, products);
	return fmax(0, 1 - products[0] / sqrt(products[1] * products[2]));
}

/* ---- centroids ---- */

static UcStatus
sum_rows(Standing *s, const double *weights, const UcRun *run, UcError *err)
{
	for (size_t i = 0; weights != NULL && i < s->count; i++)
		if (s->labels[i] >= 0)
			s->masses[s->labels[i]] += weights[i];
	for (size_t i = 0; i < s->count; i++)
	{
		const float *x = s->rows + i * s->dim;
		int			c = s->labels[i];
		double		scale = 1;

		if (i % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (c < 0)
			continue;
		if (s->metric == UC_METRIC_COSINE)
		{
			double		square = uc_dot(x, x, s->dim);

			if (square == 0)
			{
				uc_error(err, UC_INVALID_DATA, "a vector of zero length has no direction, which the cosine metric needs");
				uc_error_detail(err, "It is that of row %zu.", i + 1);
				return UC_INVALID_DATA;
			}
			scale = 1 / sqrt(square);
		}
		s->sizes[c]++;
		uc_kernels()->accumulate(s->sums + (size_t) c * s->dim, x, scale * (s->masses[c] > 0 ? weights[i] : 1), s->dim);
	}
	return UC_OK;
}

/* Directions do not depend on a factor; means are divided by what was added. */
static void
place_centroids(Standing *s)
{
	for (int c = 0; c < s->k; c++)
	{
		const double *sum = s->sums + (size_t) c * s->dim;
		double		divisor = s->masses[c] > 0 ? s->masses[c] : (double) s->sizes[c];

		if (s->metric == UC_METRIC_COSINE)
		{
			double		square = 0;

			for (size_t j = 0; j < s->dim; j++)
				square += sum[j] * sum[j];
			divisor = sqrt(square);
		}
		for (size_t j = 0; j < s->dim; j++)
			s->centroids[(size_t) c * s->dim + j] = divisor > 0 ? (float) (sum[j] / divisor) : 0;
	}
}

/* ---- rows ---- */

static double
to_centroid(const Standing *s, const float *x, int c)
{
	const float *centroid = s->centroids + (size_t) c * s->dim;
	double		d = distance(x, centroid, s->dim, s->metric);

	/* members that cancel each other out leave a centroid without direction, which is as far from all */
	return isnan(d) ? 1 : d;
}

static UcStatus
measure_rows(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Standing   *s = arg;
	size_t		end = (task + 1) * TASK_ROWS;

	for (size_t i = task * TASK_ROWS; i < end && i < s->count; i++)
	{
		const float *x = s->rows + i * s->dim;
		int			own = s->labels[i];
		double		other = INFINITY;
		int			next = -1;

		if (uc_section_stopped(section, worker))
			return UC_OK;
		s->out->distances[i] = own < 0 ? NAN : to_centroid(s, x, own);
		for (int c = 0; own >= 0 && c < s->k; c++)
			if (c != own && s->sizes[c] > 0)
			{
				double		d = to_centroid(s, x, c);

				if (d < other)
				{
					other = d;
					next = c;
				}
			}
		s->out->next[i] = next;
		s->out->margins[i] = next < 0 ? NAN : other - s->out->distances[i];
	}
	return UC_OK;
}

UcStatus
uc_standing(const float *rows, const int32_t *labels, const double *weights, size_t count, size_t dim, int k, UcMetric metric,
			const UcRun *run, const UcStanding *out, UcError *err)
{
	Standing	s = {.rows = rows,.labels = labels,.count = count,.dim = dim,.k = k,.metric = metric,.out = out};
	size_t		bytes = uc_standing_memory(dim, k);
	size_t		matrix = uc_size_mul((size_t) k, dim);
	UcStatus	status = uc_check_budget("comparing members with centroids", bytes, run->max_memory, err);

	if (status != UC_OK || k == 0)
		return status;
	s.sums = uc_alloc_zeroed(uc_size_mul(matrix, sizeof(double)));
	s.masses = uc_alloc_zeroed(uc_size_mul((size_t) k, sizeof(double)));
	s.sizes = uc_alloc_zeroed(uc_size_mul((size_t) k, sizeof(size_t)));
	s.centroids = uc_alloc(uc_size_mul(matrix, sizeof(float)));
	if (s.sums == NULL || s.masses == NULL || s.sizes == NULL || s.centroids == NULL)
		status = uc_out_of_memory(err, bytes);
	if (status == UC_OK)
		status = sum_rows(&s, weights, run, err);
	if (status == UC_OK)
	{
		place_centroids(&s);
		status = uc_parallel(run, (count + TASK_ROWS - 1) / TASK_ROWS, measure_rows, &s, err);
	}
	uc_free(s.sums);
	uc_free(s.masses);
	uc_free(s.sizes);
	uc_free(s.centroids);
	return status;
}

/* ---- typical ones ---- */

size_t
uc_typical_members(const float *rows, size_t dim, UcMetric metric, const size_t *members, const double *distances,
				   size_t count, size_t n, size_t *picked)
{
	size_t		candidates = count / 4 > 10 * n ? count / 4 : 10 * n;
	double	   *apart;			/* [candidates] smallest distance to those picked */
	size_t		found = 0,
				best = 0;

	if (candidates > MOST_CANDIDATES)
		candidates = n > MOST_CANDIDATES ? n : MOST_CANDIDATES;
	if (candidates > count)
		candidates = count;
	apart = uc_alloc(uc_size_mul(candidates, sizeof *apart));
	if (apart == NULL)
		return 0;
	for (size_t i = 0; i < candidates; i++)
		apart[i] = INFINITY;
	while (found < n && found < candidates && apart[best] > SAME)
	{
		const float *last = rows + members[best] * dim;
		double		gain = -INFINITY;

		picked[found++] = members[best];
		for (size_t i = 0; i < candidates; i++)
		{
			double		d = apart[i] > SAME ? distance(rows + members[i] * dim, last, dim, metric) : 0;

			apart[i] = i == best ? 0 : fmin(apart[i], d);
			if (apart[i] > SAME && apart[i] - distances[members[i]] > gain)
			{
				gain = apart[i] - distances[members[i]];
				best = i;
			}
		}
		if (gain == -INFINITY)
			break;
	}
	uc_free(apart);
	return found;
}
