/*
 * quality_partition.c
 *	  A counting sort of rows by cluster.
 */
#include "cluster/quality_partition.h"

#include <math.h>

#include "base/memory.h"

size_t
uc_partition_memory(size_t rows, int k)
{
	size_t		row = sizeof(size_t) + sizeof(int32_t) + sizeof(double),
				cluster = 2 * sizeof(size_t) + sizeof(int32_t) + sizeof(double);

	return uc_size_add(uc_size_mul(rows, row), uc_size_mul((size_t) k + 1, cluster));
}

static UcStatus
check(const int32_t *labels, const double *weights, size_t rows, int k, UcError *err)
{
	if (rows == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no rows to measure");
	if (k < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "the number of clusters must be at least 1, not %d", k);
	for (size_t row = 0; row < rows; row++)
	{
		if (labels[row] < 0 || labels[row] >= k)
		{
			uc_error(err, UC_INVALID_DATA, "a label is outside its range");
			uc_error_detail(err, "Row %zu has the label %d; it must be at least 0 and below %d.", row + 1, labels[row], k);
			return UC_INVALID_DATA;
		}
		if (weights != NULL && !(weights[row] >= 0 && isfinite(weights[row])))
		{
			uc_error(err, UC_INVALID_DATA, "a weight must be a finite number of at least 0");
			uc_error_detail(err, "Row %zu has the weight %g.", row + 1, weights[row]);
			return UC_INVALID_DATA;
		}
	}
	return UC_OK;
}

/* Leaves in number[label] the place of each cluster among those that have members, and where it starts. */
static void
number_clusters(UcPartition *partition, const int32_t *labels, const double *weights, size_t rows, int k,
				size_t *counts, int32_t *number)
{
	for (size_t row = 0; row < rows; row++)
		if (weights == NULL || weights[row] > 0)
			counts[labels[row]]++;
	for (int label = 0; label < k; label++)
		if (counts[label] > 0)
		{
			number[label] = partition->k++;
			partition->start[partition->k] = partition->start[partition->k - 1] + counts[label];
		}
	partition->members = partition->start[partition->k];
}

static void
fill(UcPartition *partition, const int32_t *labels, const double *weights, size_t rows, size_t *next,
	 const int32_t *number)
{
	for (int c = 0; c < partition->k; c++)
		next[c] = partition->start[c];
	for (size_t row = 0; row < rows; row++)
	{
		double		weight = weights == NULL ? 1 : weights[row];
		int			c;
		size_t		position;

		if (weight == 0)
			continue;
		c = number[labels[row]];
		position = next[c]++;
		partition->order[position] = row;
		partition->cluster[position] = c;
		partition->weight[position] = weight;
		partition->weights[c] += weight;
	}
	for (int c = 0; c < partition->k; c++)
		partition->total += partition->weights[c];
}

UcStatus
uc_partition_create(UcPartition *partition, const int32_t *labels, const double *weights, size_t rows, int k,
					UcError *err)
{
	UcStatus	status;
	size_t	   *counts;
	int32_t    *number;

	*partition = (UcPartition) {0};
	status = check(labels, weights, rows, k, err);
	if (status != UC_OK)
		return status;
	counts = uc_alloc_zeroed(uc_size_mul((size_t) k, sizeof(size_t)));
	number = uc_alloc_zeroed(uc_size_mul((size_t) k, sizeof(int32_t)));
	partition->order = uc_alloc(uc_size_mul(rows, sizeof(size_t)));
	partition->start = uc_alloc_zeroed(uc_size_mul((size_t) k + 1, sizeof(size_t)));
	partition->cluster = uc_alloc(uc_size_mul(rows, sizeof(int32_t)));
	partition->weight = uc_alloc(uc_size_mul(rows, sizeof(double)));
	partition->weights = uc_alloc_zeroed(uc_size_mul((size_t) k, sizeof(double)));
	if (counts == NULL || number == NULL || partition->order == NULL || partition->start == NULL ||
		partition->cluster == NULL || partition->weight == NULL || partition->weights == NULL)
		status = uc_out_of_memory(err, uc_partition_memory(rows, k));
	else
	{
		number_clusters(partition, labels, weights, rows, k, counts, number);
		fill(partition, labels, weights, rows, counts, number);
	}
	uc_free(counts);
	uc_free(number);
	if (status == UC_OK && partition->members == 0)
		status = uc_error(err, UC_INVALID_DATA, "every weight is 0");
	if (status != UC_OK)
		uc_partition_free(partition);
	return status;
}

void
uc_partition_free(UcPartition *partition)
{
	uc_free(partition->order);
	uc_free(partition->start);
	uc_free(partition->cluster);
	uc_free(partition->weight);
	uc_free(partition->weights);
	*partition = (UcPartition) {0};
}
