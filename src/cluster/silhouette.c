/*
 * silhouette.c
 *	  Which rows are measured, their silhouettes from sums of distances, and the mean.
 */
#include "cluster/silhouette.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/quality_partition.h"
#include "cluster/silhouette_sums.h"

#define FROM_EACH_CLUSTER 2		/* rows at least: fewer say nothing about the spread */

typedef struct Measurement
{
	UcPartition partition;
	UcSilhouetteSums sums;
	size_t	   *targets;		/* [count] positions of the rows to measure, by cluster */
	double	   *values;			/* [count] their silhouettes */
	size_t		count;
	size_t	   *target_start;	/* [k + 1] */
	double	   *distances;		/* [threads, UC_SILHOUETTE_BLOCK, k] */
} Measurement;

/* Rows measured at most, the least from each cluster included. */
static size_t
most_targets(size_t rows, int k, size_t sample)
{
	size_t		wanted = uc_size_add(sample, uc_size_mul((size_t) k, FROM_EACH_CLUSTER + 1));

	return sample == 0 || wanted > rows ? rows : wanted;
}

size_t
uc_silhouette_memory(size_t rows, size_t dim, int k, const UcSilhouetteOptions *options, int threads)
{
	size_t		clusters = (size_t) k < rows ? (size_t) k : rows,
				targets = uc_size_mul(most_targets(rows, k, options->sample), sizeof(size_t) + sizeof(double)),
				blocks = uc_size_mul((size_t) threads, uc_size_mul(UC_SILHOUETTE_BLOCK, sizeof(double))),
				bytes = uc_size_add(uc_partition_memory(rows, k), targets);

	bytes = uc_size_add(bytes, uc_silhouette_sums_memory(rows, dim, (int) clusters, options->metric, threads));
	return uc_size_add(bytes, uc_size_mul(clusters + 1, uc_size_add(blocks, sizeof(size_t))));
}

/* ---- which rows ---- */

static size_t
share_of_sample(const UcPartition *partition, int c, size_t sample)
{
	size_t		size = partition->start[c + 1] - partition->start[c],
				share = (size_t) llround((double) sample * (double) size / (double) partition->members);

	if (share < FROM_EACH_CLUSTER)
		share = FROM_EACH_CLUSTER;
	return share < size ? share : size;
}

/* Each row of a cluster in turn is taken with the probability that fills the rest of its share. */
static void
choose_targets(Measurement *measurement, const UcSilhouetteOptions *options)
{
	const UcPartition *partition = &measurement->partition;
	bool		all = options->sample == 0 || options->sample >= partition->members;

	for (int c = 0; c < partition->k; c++)
	{
		size_t		left = partition->start[c + 1] - partition->start[c],
					wanted = all ? left : share_of_sample(partition, c, options->sample);
		UcRandom	random;

		uc_random_seed(&random, options->seed, (uint64_t) c);
		for (size_t position = partition->start[c]; position < partition->start[c + 1]; position++, left--)
			if (wanted == left || uc_random_below(&random, left) < wanted)
			{
				measurement->targets[measurement->count++] = position;
				wanted--;
			}
		measurement->target_start[c + 1] = measurement->count;
	}
}

/* ---- their silhouettes ---- */

static double
silhouette_of(const UcPartition *partition, size_t position, const double *distances)
{
	int			own = partition->cluster[position];
	double		others = INFINITY,
				within,
				larger;

	if (partition->start[own + 1] - partition->start[own] == 1)
		return 0;
	for (int c = 0; c < partition->k; c++)
		if (c != own)
			others = fmin(others, distances[c] / partition->weights[c]);
	within = distances[own] / (partition->weights[own] - partition->weight[position]);
	larger = fmax(within, others);
	return larger > 0 ? (others - within) / larger : 0;
}

static UcStatus
measure_block(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Measurement *measurement = arg;
	const UcPartition *partition = &measurement->partition;
	size_t		k = (size_t) partition->k,
				begin = task * UC_SILHOUETTE_BLOCK,
				left = measurement->count - begin,
				count = left < UC_SILHOUETTE_BLOCK ? left : UC_SILHOUETTE_BLOCK;
	double	   *distances = measurement->distances + (size_t) worker * UC_SILHOUETTE_BLOCK * k;

	uc_silhouette_sums_block(&measurement->sums, measurement->targets + begin, count, distances, worker, section);
	for (size_t i = 0; i < count; i++)
		measurement->values[begin + i] = silhouette_of(partition, measurement->targets[begin + i], distances + i * k);
	return UC_OK;
}

/* ---- the mean ---- */

/* Adds a cluster's share of the mean, and of its variance where the cluster was sampled. */
static void
add_cluster(const Measurement *measurement, int c, double *mean, double *variance)
{
	const UcPartition *partition = &measurement->partition;
	size_t		begin = measurement->target_start[c],
				end = measurement->target_start[c + 1],
				size = partition->start[c + 1] - partition->start[c];
	double		m = (double) (end - begin),
				n = (double) size,
				weights = 0,
				sum = 0,
				squares = 0;

	for (size_t i = begin; i < end; i++)
	{
		double		weight = partition->weight[measurement->targets[i]];

		weights += weight;
		sum += weight * measurement->values[i];
	}
	*mean += partition->weights[c] / partition->total * (sum / weights);
	if (end - begin == size)
		return;
	for (size_t i = begin; i < end; i++)
	{
		double		residual = partition->weight[measurement->targets[i]] * (measurement->values[i] - sum / weights);

		squares += residual * residual;
	}
	*variance += n * n / (partition->total * partition->total) * (1 - m / n) / m * squares / (m - 1);
}

static void
summarize(const Measurement *measurement, double *values, UcSilhouette *result)
{
	const UcPartition *partition = &measurement->partition;
	double		mean = 0,
				variance = 0;

	for (int c = 0; c < partition->k; c++)
		add_cluster(measurement, c, &mean, &variance);
	result->mean = mean;
	result->measured = measurement->count;
	if (measurement->count < partition->members)
		result->error = sqrt(variance);
	for (size_t i = 0; values != NULL && i < measurement->count; i++)
		values[partition->order[measurement->targets[i]]] = measurement->values[i];
}

static UcStatus
measure(Measurement *measurement, const float *rows, size_t dim, const UcSilhouetteOptions *options, const UcRun *run,
		UcError *err)
{
	const UcPartition *partition = &measurement->partition;
	size_t		k = (size_t) partition->k,
				targets = most_targets(partition->members, partition->k, options->sample),
				block = uc_size_mul((size_t) run->threads, uc_size_mul(UC_SILHOUETTE_BLOCK, uc_size_mul(k, sizeof(double))));
	UcStatus	status = uc_silhouette_sums_create(&measurement->sums, partition, rows, dim, options->metric, run, err);

	if (status != UC_OK)
		return status;
	measurement->targets = uc_alloc(uc_size_mul(targets, sizeof(size_t)));
	measurement->values = uc_alloc(uc_size_mul(targets, sizeof(double)));
	measurement->target_start = uc_alloc_zeroed(uc_size_mul(k + 1, sizeof(size_t)));
	measurement->distances = uc_alloc(block);
	if (measurement->targets == NULL || measurement->values == NULL || measurement->target_start == NULL ||
		measurement->distances == NULL)
		return uc_out_of_memory(err, uc_size_add(block, uc_size_mul(targets, sizeof(size_t) + sizeof(double))));
	choose_targets(measurement, options);
	return uc_parallel_phase(run, "measuring silhouettes", measurement->count,
							 (measurement->count + UC_SILHOUETTE_BLOCK - 1) / UC_SILHOUETTE_BLOCK, measure_block, measurement,
							 err);
}

UcStatus
uc_silhouette(const float *rows, const int32_t *labels, size_t count, size_t dim, int k,
			  const UcSilhouetteOptions *options, const UcRun *run, double *values, UcSilhouette *result, UcError *err)
{
	Measurement measurement = {0};
	UcStatus	status = uc_check_budget("measuring silhouettes",
										 uc_silhouette_memory(count, dim, k < 1 ? 1 : k, options, run->threads),
										 run->max_memory, err);

	if (status == UC_OK)
		status = uc_partition_create(&measurement.partition, labels, options->weights, count, k, err);
	if (status != UC_OK)
		return status;
	*result = (UcSilhouette) {.mean = NAN,.error = NAN};
	for (size_t row = 0; values != NULL && row < count; row++)
		values[row] = NAN;
	if (uc_partition_comparable(&measurement.partition))
	{
		status = measure(&measurement, rows, dim, options, run, err);
		if (status == UC_OK)
			summarize(&measurement, values, result);
	}
	uc_free(measurement.targets);
	uc_free(measurement.values);
	uc_free(measurement.target_start);
	uc_free(measurement.distances);
	uc_silhouette_sums_free(&measurement.sums);
	uc_partition_free(&measurement.partition);
	return status;
}
