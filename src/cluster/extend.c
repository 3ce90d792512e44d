/*
 * extend.c
 *	  Farthest rows, one after the other.
 */
#include "cluster/extend.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/lookup.h"

#define POLL_ROWS 1024

/* Lowers distances [count] to those to the nearest of these k centroids. */
static UcStatus
approach(const float *rows, size_t count, size_t dim, UcMetric metric, const float *centroids, int k, double *distances,
		 const UcRun *run, UcError *err)
{
	UcLookup	lookup = {.centroids = centroids,.k = k,.dim = dim,.metric = metric};
	UcStatus	status = UC_OK;

	lookup.norms = uc_alloc((size_t) k * sizeof(double));
	lookup.products = uc_alloc((size_t) k * sizeof(float));
	if (lookup.norms == NULL || lookup.products == NULL)
		status = uc_out_of_memory(err, (size_t) k * (sizeof(double) + sizeof(float)));
	else
		uc_lookup_begin(&lookup);
	for (size_t row = 0; status == UC_OK && row < count; row++)
	{
		double		distance;

		if (row % POLL_ROWS == 0 && uc_interrupted(run))
			status = uc_interrupt_error(err);
		uc_lookup_nearest(&lookup, rows + row * dim, &distance, NULL);
		if (distance < distances[row])
			distances[row] = distance;
	}
	uc_free(lookup.norms);
	uc_free(lookup.products);
	return status;
}

static size_t
farthest(const double *distances, const double *weights, size_t count)
{
	size_t		found = SIZE_MAX;

	for (size_t row = 0; row < count; row++)
		if ((weights == NULL || weights[row] > 0) && (found == SIZE_MAX || distances[row] > distances[found]))
			found = row;
	return found;
}

UcStatus
uc_extend_centroids(const float *rows, const double *weights, size_t count, size_t dim, UcMetric metric, float *centroids,
					int *found, int k, const UcRun *run, UcError *err)
{
	double		same = metric == UC_METRIC_COSINE ? UC_SAME_DIRECTION : UC_SAME_POINT;
	double	   *distances = uc_alloc(uc_size_mul(count, sizeof(double)));
	int			begin = 0;
	UcStatus	status = UC_OK;

	if (distances == NULL)
		return uc_out_of_memory(err, uc_size_mul(count, sizeof(double)));
	for (size_t row = 0; row < count; row++)
		distances[row] = INFINITY;
	while (status == UC_OK && *found < k)
	{
		size_t		row;

		status = approach(rows, count, dim, metric, centroids + (size_t) begin * dim, *found - begin, distances, run, err);
		row = farthest(distances, weights, count);
		if (status != UC_OK || row == SIZE_MAX || !(distances[row] > same))
			break;
		begin = *found;
		memcpy(centroids + (size_t) (*found)++ * dim, rows + row * dim, dim * sizeof(float));
	}
	uc_free(distances);
	return status;
}
