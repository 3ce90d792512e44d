/*
 * result.c
 *	  The clusters' final numbers.
 */
#include "cluster/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/points.h"

typedef struct Cluster
{
	int64_t		size;
	size_t		first_row;
	int32_t		label;			/* before numbering */
} Cluster;

size_t
uc_result_memory(size_t rows, size_t dim, int k)
{
	size_t		per_cluster = uc_size_add(uc_size_mul(dim, sizeof(float)),
										  sizeof(int64_t) + sizeof(double) + sizeof(Cluster) + sizeof(int32_t));

	return uc_size_add(uc_size_mul(rows, sizeof(int32_t) + sizeof(double)), uc_size_mul((size_t) k, per_cluster));
}

UcStatus
uc_result_create(UcKmeans *result, size_t rows, size_t dim, int k, UcError *err)
{
	*result = (UcKmeans) {.rows = rows,.dim = dim,.k = k};
	result->labels = uc_alloc(uc_size_mul(rows, sizeof(int32_t)));
	result->distances = uc_alloc(uc_size_mul(rows, sizeof(double)));
	result->centroids = uc_alloc(uc_size_mul((size_t) k, uc_size_mul(dim, sizeof(float))));
	result->sizes = uc_alloc((size_t) k * sizeof(int64_t));
	result->cluster_inertia = uc_alloc((size_t) k * sizeof(double));
	if (result->labels == NULL || result->distances == NULL || result->centroids == NULL || result->sizes == NULL ||
		result->cluster_inertia == NULL)
	{
		uc_kmeans_free(result);
		return uc_out_of_memory(err, uc_result_memory(rows, dim, k));
	}
	return UC_OK;
}

void
uc_kmeans_free(UcKmeans *result)
{
	uc_free(result->labels);
	uc_free(result->distances);
	uc_free(result->centroids);
	uc_free(result->sizes);
	uc_free(result->cluster_inertia);
	*result = (UcKmeans) {0};
}

static int
by_size(const void *a, const void *b)
{
	const Cluster *x = a,
			   *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

/*
 * Fills clusters [k] in their final order and number [k] with the final number of each label; returns how many are
 * not empty.
 */
static int
order_clusters(const int32_t *labels, size_t rows, const int64_t *sizes, int k, Cluster *clusters, int32_t *number)
{
	int			found = 0;

	for (int j = 0; j < k; j++)
		clusters[j] = (Cluster) {.size = sizes[j],.first_row = SIZE_MAX,.label = j};
	for (size_t row = 0; row < rows; row++)
		if (clusters[labels[row]].first_row == SIZE_MAX)
			clusters[labels[row]].first_row = row;
	qsort(clusters, (size_t) k, sizeof *clusters, by_size);
	while (found < k && clusters[found].size > 0)
	{
		number[clusters[found].label] = found;
		found++;
	}
	return found;
}

static UcStatus
fill_rows(UcKmeans *result, const int32_t *labels, const double *measured, const double *weights,
		  const int32_t *number, UcMetric metric, const UcRun *run, UcError *err)
{
	memset(result->cluster_inertia, 0, (size_t) result->k * sizeof(double));
	for (size_t row = 0; row < result->rows; row++)
	{
		if (uc_row_loop_stopped(run, row))
			return uc_interrupt_error(err);
		result->labels[row] = number[labels[row]];
		result->distances[row] = metric == UC_METRIC_COSINE ? measured[row] : sqrt(measured[row]);
		result->cluster_inertia[result->labels[row]] += weights == NULL ? measured[row] : weights[row] * measured[row];
	}
	result->inertia = 0;
	for (int j = 0; j < result->k; j++)
		result->inertia += result->cluster_inertia[j];
	return UC_OK;
}

UcStatus
uc_result_fill(UcKmeans *result, const int32_t *labels, const double *measured, const double *weights,
			   const int64_t *sizes, int k, float *spare, UcMetric metric, const UcRun *run, UcError *err)
{
	size_t		dim = result->dim;
	Cluster    *clusters = uc_alloc((size_t) k * sizeof(Cluster));
	int32_t    *number = uc_alloc((size_t) k * sizeof(int32_t));
	UcStatus	status;

	if (clusters == NULL || number == NULL)
		status = uc_out_of_memory(err, (size_t) k * sizeof(Cluster));
	else
	{
		result->k = order_clusters(labels, result->rows, sizes, k, clusters, number);
		memcpy(spare, result->centroids, (size_t) k * dim * sizeof(float));
		for (int j = 0; j < result->k; j++)
		{
			result->sizes[j] = clusters[j].size;
			memcpy(result->centroids + (size_t) j * dim, spare + (size_t) clusters[j].label * dim, dim * sizeof(float));
		}
		status = fill_rows(result, labels, measured, weights, number, metric, run, err);
	}
	uc_free(clusters);
	uc_free(number);
	return status;
}
