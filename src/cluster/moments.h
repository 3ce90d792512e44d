/*
 * moments.h
 *	  Means and covariance of the rows that a preparation is fitted to. Private to the room.
 *
 * Sums are taken in the order of the rows, each by one thread, so that threads never show in the bits.
 */
#ifndef UC_CLUSTER_MOMENTS_H
#define UC_CLUSTER_MOMENTS_H

#include "base/run.h"
#include "base/status.h"
#include "cluster/prepare.h"

/* Refuses a row, with its number from 1 in the detail: "cannot prepare WHAT". */
extern UcStatus uc_prepare_bad_row(size_t row, const char *what, UcError *err);

/* What a row is multiplied by before anything else: 1, or 1 / length where directions count (0 for a zero row). */
extern double uc_prepare_scale(const float *row, size_t dim, bool directions);

/*
 * row · scale - the mean that belongs to `group`, as floats; returns the squared length of what is left. With
 * UC_PREPARE_NONE nothing is subtracted.
 */
extern double uc_prepare_centre(const UcPreparation *preparation, const float *row, double scale, int32_t group, float *out);

/*
 * Fills preparation->mean and ->group_means, which the caller has allocated. `energy` receives the weighted mean squared
 * length of the scaled rows. scales [count] as of uc_prepare_scale.
 */
extern UcStatus uc_moments_means(const UcPrepareInput *input, const double *scales, const UcRun *run,
								 UcPreparation *preparation, double *energy, UcError *err);
extern size_t uc_moments_means_memory(const UcPrepareInput *input);

/* mean_g = mean + n / (n + shrinkage) · (own mean - mean), from the sum and the total weight n of a group's scaled rows. */
extern void uc_moments_shrink(const double *sum, double total, const double *mean, size_t dim, float *out);

/* The weighted mean of xᵀx over the centred rows x, both triangles, into covariance [dim, dim]. UC_INVALID_DATA if not finite. */
extern UcStatus uc_moments_covariance(const UcPrepareInput *input, const double *scales, const UcPreparation *preparation,
									  const UcRun *run, double *covariance, UcError *err);
extern size_t uc_moments_covariance_memory(size_t dim, int threads);

/*
 * The same in steps: the upper triangle of the sum over UC_MOMENTS_BLOCK rows, or those left, from `begin` on; then division by
 * the total weight, and the lower triangle. `scratch` is uc_moments_covariance_memory bytes.
 */
#define UC_MOMENTS_BLOCK 1024
extern UcStatus uc_moments_add_block(const UcPrepareInput *input, const double *scales, const UcPreparation *preparation,
									 size_t begin, float *scratch, const UcRun *run, double *covariance, UcError *err);
extern UcStatus uc_moments_end_covariance(double *covariance, size_t dim, double total, UcError *err);

/*
 * Turns the first components of the covariance into the projection, as far as they hold variance that is not rounding.
 * `energy` is that of uc_moments_means.
 */
extern UcStatus uc_prepare_projection(double *covariance, size_t components, double energy, const UcRun *run,
									  UcPreparation *preparation, UcError *err);

#endif
