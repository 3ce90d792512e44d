/*
 * validity.c
 *	  Means in double, one pass of all rows against all of them, and what follows.
 */
#include "cluster/validity.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/quality_partition.h"

#define LANES 8
#define TASK_ROWS 64
#define POLL_ROWS 4096

typedef struct Measurement
{
	UcPartition partition;
	const float *rows;			/* [rows, dim] */
	size_t		dim;
	UcMetric	metric;
	double	   *means;			/* [k, dim] of the rows, with the cosine metric of the rows at unit length */
	double	   *directions;		/* [k, dim] the means at unit length, zero where a mean is; cosine only */
	double	   *mean;			/* [dim] of all rows */
	double	   *spread;			/* [members] euclidean distance to the own mean */
	double	   *within;			/* [members] distance to the own centroid in the metric */
	double	   *silhouette;		/* [members] simplified */
	double	   *spreads;		/* [k] mean spread of the cluster */
	double	   *worst;			/* [k] of Davies and Bouldin */
} Measurement;

size_t
uc_validity_memory(size_t rows, size_t dim, int k)
{
	size_t		clusters = (size_t) k < rows ? (size_t) k : rows,
				matrices = uc_size_mul(2 * clusters + 1, uc_size_mul(dim, sizeof(double)));

	return uc_size_add(uc_partition_memory(rows, k),
					   uc_size_add(matrices, uc_size_mul(uc_size_add(3 * clusters, uc_size_mul(3, rows)), sizeof(double))));
}

/* ---- distances between a row of floats and a vector of doubles ---- */

/* |factor * x - y|² */
static double
squared_distance(const float *x, double factor, const double *y, size_t n)
{
	double		lanes[LANES] = {0};
	double		sum = 0;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
		{
			double		difference = factor * x[i + l] - y[i + l];

			lanes[l] += difference * difference;
		}
	for (; i < n; i++)
		sum += (factor * x[i] - y[i]) * (factor * x[i] - y[i]);
	for (int l = 0; l < LANES; l++)
		sum += lanes[l];
	return sum;
}

static double
product(const float *x, const double *y, size_t n)
{
	double		lanes[LANES] = {0};
	double		sum = 0;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int l = 0; l < LANES; l++)
			lanes[l] += x[i + l] * y[i + l];
	for (; i < n; i++)
		sum += x[i] * y[i];
	for (int l = 0; l < LANES; l++)
		sum += lanes[l];
	return sum;
}

static double
squared_distance_of_means(const double *x, const double *y, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (x[i] - y[i]) * (x[i] - y[i]);
	return sum;
}

/* ---- means ---- */

static UcStatus
check_row(const Measurement *measurement, size_t row, double square, UcError *err)
{
	if (!isfinite(square))
	{
		uc_error(err, UC_INVALID_DATA, "cannot measure vectors with NaN or infinity");
		uc_error_detail(err, "Row %zu is not finite.", row + 1);
		return UC_INVALID_DATA;
	}
	if (square == 0 && measurement->metric == UC_METRIC_COSINE)
	{
		uc_error(err, UC_INVALID_DATA, "cannot measure a vector of zero length by cosine");
		uc_error_detail(err, "Row %zu has only zeros.", row + 1);
		uc_error_hint(err, "Leave such rows out, or use the euclidean metric.");
		return UC_INVALID_DATA;
	}
	return UC_OK;
}

/* What a row is multiplied by before it is compared. */
static double
factor_of(const Measurement *measurement, const float *x)
{
	return measurement->metric == UC_METRIC_COSINE ? 1 / sqrt(uc_dot(x, x, measurement->dim)) : 1;
}

static void
set_direction(const double *mean, double *direction, size_t dim)
{
	double		square = 0;

	for (size_t i = 0; i < dim; i++)
		square += mean[i] * mean[i];
	for (size_t i = 0; i < dim; i++)
		direction[i] = square > 0 ? mean[i] / sqrt(square) : 0;
}

static UcStatus
find_means(Measurement *measurement, const UcRun *run, UcError *err)
{
	const UcPartition *partition = &measurement->partition;
	size_t		dim = measurement->dim;

	for (size_t position = 0; position < partition->members; position++)
	{
		size_t		row = partition->order[position];
		const float *x = measurement->rows + row * dim;
		UcStatus	status = check_row(measurement, row, uc_dot(x, x, dim), err);

		if (status != UC_OK)
			return status;
		if (position % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_kernels()->accumulate(measurement->means + (size_t) partition->cluster[position] * dim, x,
								 partition->weight[position] * factor_of(measurement, x), dim);
	}
	for (int c = 0; c < partition->k; c++)
	{
		double	   *mean = measurement->means + (size_t) c * dim;

		for (size_t i = 0; i < dim; i++)
		{
			measurement->mean[i] += mean[i] / partition->total;
			mean[i] /= partition->weights[c];
		}
		if (measurement->directions != NULL)
			set_direction(mean, measurement->directions + (size_t) c * dim, dim);
	}
	return UC_OK;
}

/* ---- rows against centroids ---- */

static double
distance_to(const Measurement *measurement, const float *x, double factor, int c)
{
	size_t		dim = measurement->dim;

	if (measurement->directions != NULL)
		return fmax(0, 1 - factor * product(x, measurement->directions + (size_t) c * dim, dim));
	return sqrt(squared_distance(x, factor, measurement->means + (size_t) c * dim, dim));
}

static UcStatus
measure_rows(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Measurement *measurement = arg;
	const UcPartition *partition = &measurement->partition;
	bool		comparable = uc_partition_comparable(partition);
	size_t		end = (task + 1) * TASK_ROWS;

	for (size_t position = task * TASK_ROWS; position < end && position < partition->members; position++)
	{
		int			own = partition->cluster[position];
		const float *x = measurement->rows + partition->order[position] * measurement->dim;
		double		factor = factor_of(measurement, x),
					within = distance_to(measurement, x, factor, own),
					other = INFINITY,
					larger;

		if (uc_section_stopped(section, worker))
			return UC_OK;
		measurement->within[position] = within;
		measurement->spread[position] = measurement->directions == NULL ? within :
			sqrt(squared_distance(x, factor, measurement->means + (size_t) own * measurement->dim, measurement->dim));
		for (int c = 0; comparable && c < partition->k; c++)
			if (c != own)
				other = fmin(other, distance_to(measurement, x, factor, c));
		larger = fmax(within, other);
		measurement->silhouette[position] =
			partition->start[own + 1] - partition->start[own] == 1 || larger == 0 ? 0 : (other - within) / larger;
	}
	return UC_OK;
}

/* ---- the figures ---- */

/* How much a cluster and the one least apart from it overlap: infinite where their centroids coincide. */
static UcStatus
find_worst(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Measurement *measurement = arg;
	size_t		k = (size_t) measurement->partition.k,
				dim = measurement->dim;
	const double *mean = measurement->means + task * dim;
	double		worst = 0;

	for (size_t c = 0; c < k; c++)
	{
		double		spread = measurement->spreads[task] + measurement->spreads[c];

		if (c % POLL_ROWS == 0 && uc_section_stopped(section, worker))
			return UC_OK;
		if (c != task && spread > 0)
			worst = fmax(worst, spread / sqrt(squared_distance_of_means(mean, measurement->means + c * dim, dim)));
	}
	measurement->worst[task] = worst;
	return UC_OK;
}

static void
summarize_rows(Measurement *measurement, UcValidity *result)
{
	const UcPartition *partition = &measurement->partition;
	double		inertia = 0,
				silhouette = 0;

	for (size_t position = 0; position < partition->members; position++)
	{
		double		weight = partition->weight[position],
					within = measurement->within[position];

		inertia += weight * (measurement->metric == UC_METRIC_COSINE ? within : within * within);
		silhouette += weight * measurement->silhouette[position];
		measurement->spreads[partition->cluster[position]] +=
			weight * measurement->spread[position] / partition->weights[partition->cluster[position]];
	}
	result->inertia = inertia;
	if (uc_partition_comparable(partition))
		result->simplified_silhouette = silhouette / partition->total;
}

static double
calinski_harabasz(const Measurement *measurement)
{
	const UcPartition *partition = &measurement->partition;
	double		between = 0,
				within = 0;

	for (size_t position = 0; position < partition->members; position++)
		within += partition->weight[position] * measurement->spread[position] * measurement->spread[position];
	for (int c = 0; c < partition->k; c++)
		between += partition->weights[c] *
			squared_distance_of_means(measurement->means + (size_t) c * measurement->dim, measurement->mean,
									  measurement->dim);
	if (within == 0)
		return 1;
	return between * (double) (partition->members - (size_t) partition->k) / (within * (partition->k - 1));
}

static double
davies_bouldin(const Measurement *measurement)
{
	int			k = measurement->partition.k;
	double		sum = 0;

	for (int c = 0; c < k; c++)
		sum += measurement->worst[c];
	return sum / k;
}

static UcStatus
measure(Measurement *measurement, const UcRun *run, UcValidity *result, UcError *err)
{
	const UcPartition *partition = &measurement->partition;
	UcStatus	status = find_means(measurement, run, err);

	if (status == UC_OK)
		status = uc_parallel_phase(run, "measuring clusters", partition->members,
								   (partition->members + TASK_ROWS - 1) / TASK_ROWS, measure_rows, measurement, err);
	if (status != UC_OK)
		return status;
	result->clusters = partition->k;
	result->members = partition->members;
	summarize_rows(measurement, result);
	if (!uc_partition_comparable(partition))
		return UC_OK;
	result->calinski_harabasz = calinski_harabasz(measurement);
	status = uc_parallel(run, (size_t) partition->k, find_worst, measurement, err);
	result->davies_bouldin = davies_bouldin(measurement);
	return status;
}

static UcStatus
allocate(Measurement *measurement, UcError *err)
{
	size_t		k = (size_t) measurement->partition.k,
				members = measurement->partition.members,
				matrix = uc_size_mul(k, uc_size_mul(measurement->dim, sizeof(double)));
	bool		cosine = measurement->metric == UC_METRIC_COSINE;

	measurement->means = uc_alloc_zeroed(matrix);
	measurement->directions = cosine ? uc_alloc(matrix) : NULL;
	measurement->mean = uc_alloc_zeroed(uc_size_mul(measurement->dim, sizeof(double)));
	measurement->spread = uc_alloc(uc_size_mul(members, sizeof(double)));
	measurement->within = uc_alloc(uc_size_mul(members, sizeof(double)));
	measurement->silhouette = uc_alloc(uc_size_mul(members, sizeof(double)));
	measurement->spreads = uc_alloc_zeroed(uc_size_mul(k, sizeof(double)));
	measurement->worst = uc_alloc_zeroed(uc_size_mul(k, sizeof(double)));
	if (measurement->means == NULL || (cosine && measurement->directions == NULL) || measurement->mean == NULL ||
		measurement->spread == NULL || measurement->within == NULL || measurement->silhouette == NULL ||
		measurement->spreads == NULL || measurement->worst == NULL)
		return uc_out_of_memory(err, uc_validity_memory(members, measurement->dim, (int) k));
	return UC_OK;
}

UcStatus
uc_validity(const float *rows, const int32_t *labels, const double *weights, size_t count, size_t dim, int k,
			UcMetric metric, const UcRun *run, UcValidity *result, UcError *err)
{
	Measurement measurement = {.rows = rows,.dim = dim,.metric = metric};
	UcStatus	status = uc_check_budget("measuring clusters", uc_validity_memory(count, dim, k < 1 ? 1 : k),
										 run->max_memory, err);

	if (status == UC_OK)
		status = uc_partition_create(&measurement.partition, labels, weights, count, k, err);
	if (status != UC_OK)
		return status;
	*result = (UcValidity) {.simplified_silhouette = NAN,.calinski_harabasz = NAN,.davies_bouldin = NAN};
	status = allocate(&measurement, err);
	if (status == UC_OK)
		status = measure(&measurement, run, result, err);
	uc_free(measurement.means);
	uc_free(measurement.directions);
	uc_free(measurement.mean);
	uc_free(measurement.spread);
	uc_free(measurement.within);
	uc_free(measurement.silhouette);
	uc_free(measurement.spreads);
	uc_free(measurement.worst);
	uc_partition_free(&measurement.partition);
	return status;
}
