/*
 * plane.c
 *	  Principal components of vectors, two of them.
 */
#include "cluster/plane.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/eigen.h"
#include "cluster/moments.h"

#define POLL_ROWS 1024

/* Variance below this part of the rows' mean square is rounding. */
#define ROUNDING 1e-11

typedef struct Plane
{
	UcPrepareInput input;
	UcPreparation centre;		/* only its mean is used */
	double	   *scales;			/* [count] */
	double	   *covariance;		/* [dim, dim] */
	double	   *axes;			/* [2, dim] */
	float	   *centred;		/* [dim] one row */
} Plane;

size_t
uc_plane_memory(size_t count, size_t dim, int threads)
{
	UcPrepareInput input = {.count = count,.dim = dim};
	size_t		bytes = uc_size_mul(count, sizeof(double)),
				row_bytes = uc_size_mul(dim, 2 * sizeof(float) + 2 * sizeof(double));

	bytes = uc_size_add(bytes, uc_size_add(row_bytes, uc_size_mul(uc_size_mul(dim, dim), sizeof(double))));
	bytes = uc_size_add(bytes, uc_moments_means_memory(&input));
	bytes = uc_size_add(bytes, uc_moments_covariance_memory(dim, threads));
	return uc_size_add(bytes, uc_eigen_memory(dim, 2));
}

static UcStatus
allocate(Plane *plane, UcError *err)
{
	size_t		dim = plane->input.dim;

	plane->scales = uc_alloc(uc_size_mul(plane->input.count, sizeof(double)));
	plane->covariance = uc_alloc(uc_size_mul(uc_size_mul(dim, dim), sizeof(double)));
	plane->axes = uc_alloc_zeroed(uc_size_mul(dim, 2 * sizeof(double)));
	plane->centred = uc_alloc(uc_size_mul(dim, sizeof(float)));
	plane->centre.mean = uc_alloc(uc_size_mul(dim, sizeof(float)));
	if (plane->scales == NULL || plane->covariance == NULL || plane->axes == NULL || plane->centred == NULL ||
		plane->centre.mean == NULL)
		return uc_out_of_memory(err, uc_plane_memory(plane->input.count, dim, 1));
	return UC_OK;
}

static void
release(Plane *plane)
{
	uc_free(plane->scales);
	uc_free(plane->covariance);
	uc_free(plane->axes);
	uc_free(plane->centred);
	uc_prepare_free(&plane->centre);
}

static UcStatus
fit(Plane *plane, const UcRun *run, double *explained, UcError *err)
{
	size_t		dim = plane->input.dim,
				axes = dim < 2 ? dim : 2;
	double		values[2] = {0},
				energy,
				variance = 0;
	UcStatus	status;

	for (size_t row = 0; row < plane->input.count; row++)
	{
		if (row % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		plane->scales[row] = uc_prepare_scale(plane->input.rows + row * dim, dim, plane->input.directions);
	}
	status = uc_moments_means(&plane->input, plane->scales, run, &plane->centre, &energy, err);
	if (status == UC_OK)
		status = uc_moments_covariance(&plane->input, plane->scales, &plane->centre, run, plane->covariance, err);
	if (status != UC_OK)
		return status;
	for (size_t i = 0; i < dim; i++)
		variance += plane->covariance[i * dim + i];
	status = uc_eigen_largest(plane->covariance, dim, axes, run, values, plane->axes, err);
	for (size_t i = 0; status == UC_OK && i < 2; i++)
		explained[i] = variance > ROUNDING * energy && values[i] > 0 ? values[i] / variance : 0;
	return status;
}

static UcStatus
project(const Plane *plane, const UcRun *run, double *points, UcError *err)
{
	size_t		dim = plane->input.dim;

	uc_progress_phase(run, "projecting rows", plane->input.count);
	for (size_t row = 0; row < plane->input.count; row++)
	{
		if (row % POLL_ROWS == 0)
			uc_progress_done(run, row);
		if (row % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_prepare_centre(&plane->centre, plane->input.rows + row * dim, plane->scales[row], -1, plane->centred);
		for (size_t axis = 0; axis < 2; axis++)
		{
			double		sum = 0;

			for (size_t i = 0; i < dim; i++)
				sum += plane->axes[axis * dim + i] * (double) plane->centred[i];
			points[row * 2 + axis] = sum;
		}
	}
	uc_progress_done(run, SIZE_MAX);
	return UC_OK;
}

UcStatus
uc_plane(const float *rows, size_t count, size_t dim, bool directions, const UcRun *run, double *points,
		 double *explained, UcError *err)
{
	Plane		plane = {
		.input = {.rows = rows,.count = count,.dim = dim,.directions = directions},
		.centre = {.method = UC_PREPARE_CENTRED,.directions = directions,.dim = dim}
	};
	char		what[128];
	UcStatus	status;

	if (count == 0 || dim == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no vectors to project");
	snprintf(what, sizeof what, "projecting %zu rows of %zu dimensions", count, dim);
	status = uc_check_budget(what, uc_plane_memory(count, dim, run->threads), run->max_memory, err);
	if (status != UC_OK)
		return status;
	status = allocate(&plane, err);
	if (status == UC_OK)
		status = fit(&plane, run, explained, err);
	if (status == UC_OK)
		status = project(&plane, run, points, err);
	release(&plane);
	return status;
}
