/*
 * kmeans_means.c
 *	  Centroids in the space of the embeddings, for a fit over prepared ones.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "pg/kmeans.h"

float *
kmeans_means(const Rows *rows, const size_t *members, const UcKmeans *result, UcMetric metric)
{
	size_t		dim = rows->dim;
	int			k = result->k;
	bool		cosine = metric == UC_METRIC_COSINE;
	double	   *sums = palloc_extended(uc_size_mul(k, dim * sizeof(double)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double	   *masses = palloc_extended(uc_size_mul(k, sizeof(double)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool	   *weighted = palloc0(k);
	float	   *means = palloc_extended(uc_size_mul(k, dim * sizeof(float)), MCXT_ALLOC_HUGE);

	for (size_t i = 0; rows->weights != NULL && i < result->rows; i++)
		weighted[result->labels[i]] |= rows->weights[members == NULL ? i : members[i]] > 0;
	for (size_t i = 0; i < result->rows; i++)
	{
		size_t		row = members == NULL ? i : members[i];
		const float *x = rows->values + row * dim;
		int			c = result->labels[i];
		double		weight = weighted[c] ? rows->weights[row] : 1;

		CHECK_FOR_INTERRUPTS();
		masses[c] += weight;
		uc_kernels()->accumulate(sums + c * dim, x, cosine ? weight / sqrt(uc_dot(x, x, dim)) : weight, dim);
	}
	for (int c = 0; c < k; c++)
	{
		const double *sum = sums + c * dim;
		double		square = 0;

		for (size_t j = 0; j < dim; j++)
			square += sum[j] * sum[j];
		for (size_t j = 0; j < dim; j++)
			means[c * dim + j] = cosine && square > 0 ? sum[j] / sqrt(square) : sum[j] / masses[c];
	}
	pfree(sums);
	pfree(masses);
	pfree(weighted);
	return means;
}
