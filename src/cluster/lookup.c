/*
 * lookup.c
 *	  A product in float says which centroids may be nearest, the exact kernels which one is.
 */
#include "cluster/lookup.h"

#include <float.h>
#include <math.h>

#include "base/blas.h"
#include "base/simd.h"
#include "cluster/points.h"

/* Below so many multiplications, or with few dimensions centroids, the exact kernels alone are faster. */
#define WORTH_A_PRODUCT 512
#define WORTH_A_LOOK 4

/* In few dimensions a loop costs less than a product, and gives the squared distances themselves. */
static bool
few_dimensions(const UcLookup *lookup)
{
	return lookup->dim < UC_FEW_DIMENSIONS;
}

int
uc_lookup_begin(UcLookup *lookup)
{
	int			without_direction = -1;

	for (int i = 0; i < lookup->k; i++)
	{
		const float *centroid = lookup->centroids + i * lookup->dim;

		lookup->norms[i] = sqrt(uc_dot(centroid, centroid, lookup->dim));
		if (lookup->norms[i] == 0 && lookup->metric == UC_METRIC_COSINE && without_direction < 0)
			without_direction = i;
	}
	uc_blas_prepare();
	return without_direction;
}

/*
 * By how much the product of two vectors in float may be off: relative to their lengths each of the dim additions and
 * multiplications rounds once, whatever their order, and what is too small for a float is lost.
 */
static double
product_error(size_t dim, double a, double b)
{
	return (dim + 2) * (FLT_EPSILON * a * b + FLT_MIN);
}

/* What a centroid's distance is judged by, the smaller the nearer, and its error; the terms of the row alone left out. */
static double
score(const UcLookup *lookup, int i, double norm, double *error)
{
	double		length = lookup->norms[i];

	if (lookup->metric == UC_METRIC_EUCLIDEAN && few_dimensions(lookup))
	{
		/* each difference, its square and the additions round once */
		*error = (lookup->dim + 3) * (FLT_EPSILON * lookup->products[i] + FLT_MIN);
		return lookup->products[i];
	}
	*error = product_error(lookup->dim, norm, length);
	if (lookup->metric == UC_METRIC_COSINE)
	{
		*error /= length;
		return -lookup->products[i] / length;
	}
	*error = 2 * *error + 4 * DBL_EPSILON * length * length;
	return length * length - 2.0 * lookup->products[i];
}

/* Fills what score reads. */
static void
look(const UcLookup *lookup, const float *row)
{
	size_t		dim = lookup->dim;

	if (!few_dimensions(lookup))
	{
		uc_sgemm_nt(1, lookup->k, dim, 1, row, dim, lookup->centroids, dim, 0, lookup->products, lookup->k);
		return;
	}
	for (int i = 0; i < lookup->k; i++)
	{
		const float *centroid = lookup->centroids + i * dim;
		float		sum = 0;

		if (lookup->metric == UC_METRIC_COSINE)
			for (size_t j = 0; j < dim; j++)
				sum += row[j] * centroid[j];
		else
			for (size_t j = 0; j < dim; j++)
				sum += (row[j] - centroid[j]) * (row[j] - centroid[j]);
		lookup->products[i] = sum;
	}
}

/*
 * A score that the nearest centroid, or with `two` the second nearest, does not exceed, nor its error; infinite where the
 * products do not fit into floats.
 */
static double
narrow(const UcLookup *lookup, const float *row, double norm, bool two)
{
	double		most = INFINITY,
				second = INFINITY;

	look(lookup, row);
	for (int i = 0; i < lookup->k; i++)
	{
		double		error;
		double		value = score(lookup, i, norm, &error);

		if (!isfinite(value))
			return INFINITY;
		value += error;
		second = fmin(second, fmax(value, most));
		most = fmin(most, value);
	}
	return two ? second : most;
}

int
uc_lookup_nearest(const UcLookup *lookup, const float *row, double *distance, double *second)
{
	const UcKernels *kernels = uc_kernels();
	size_t		dim = lookup->dim;
	bool		cosine = lookup->metric == UC_METRIC_COSINE;
	double		norm = sqrt(kernels->dot(row, row, dim));
	bool		direct = few_dimensions(lookup) ? lookup->k < WORTH_A_LOOK : (size_t) lookup->k * dim < WORTH_A_PRODUCT;
	double		most = direct ? INFINITY : narrow(lookup, row, norm, second != NULL);
	double		nearest = INFINITY,
				next = INFINITY;
	int			which = 0;

	for (int i = 0; i < lookup->k; i++)
	{
		const float *centroid = lookup->centroids + i * dim;
		double		d,
					error;

		if (most < INFINITY && score(lookup, i, norm, &error) - error > most)
			continue;
		d = cosine ? 1 - kernels->dot(row, centroid, dim) / (norm * lookup->norms[i]) :
			kernels->squared_distance(row, centroid, dim);
		if (d < nearest)
		{
			next = nearest;
			nearest = d;
			which = i;
		}
		else if (d < next)
			next = d;
	}
	*distance = cosine ? fmax(nearest, 0) : sqrt(nearest);
	if (second != NULL)
		*second = cosine ? fmax(next, 0) : sqrt(next);
	return which;
}
