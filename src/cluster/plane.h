/*
 * plane.h
 *	  The two directions in which vectors vary most, and where the vectors lie along them: what a picture of them shows.
 *
 * The same rows in the same order give the same bits whatever the number of threads.
 */
#ifndef UC_CLUSTER_PLANE_H
#define UC_CLUSTER_PLANE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/run.h"
#include "base/status.h"

/* Bytes that uc_plane allocates; SIZE_MAX if not representable. */
extern size_t uc_plane_memory(size_t count, size_t dim, int threads);

/*
 * Principal components: projects rows [count, dim], at least one, on the first two eigenvectors of their covariance, into
 * points [count, 2], whose mean is the origin. With `directions` rows count by their direction alone: they must not be zero,
 * and are scaled to unit length. explained [2] receives the share of the variance along each axis; both are 0 where the rows
 * do not vary, the second one where they have one dimension.
 * Errors: UC_INVALID_ARGUMENT, UC_INVALID_DATA (sums that overflow), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_plane(const float *rows, size_t count, size_t dim, bool directions, const UcRun *run, double *points,
						 double *explained, UcError *err);

#endif
