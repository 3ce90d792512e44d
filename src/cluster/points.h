/*
 * points.h
 *	  The rows of a clustering in the form in which distances are computed: a private copy, centred and scaled for the
 *	  euclidean metric, of unit length for the cosine metric.
 *
 * Centring is what lets float32 hold values around 1e6 that differ by little, and scaling by a power of two keeps
 * squares of very large and very small values in range. Distances between unit vectors order like cosines, so that
 * everything behind this file knows one distance only. Private to the room.
 */
#ifndef UC_CLUSTER_POINTS_H
#define UC_CLUSTER_POINTS_H

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

/* Below this many, distances are computed directly; from it on, by matrix products. */
#define UC_FEW_DIMENSIONS 16

/* What one rounding to float may lose, relative to the value. */
#define UC_ROUNDING 0x1p-24f

typedef struct UcPoints
{
	size_t		rows;
	size_t		dim;
	UcMetric	metric;
	const float *given;			/* [rows, dim] the caller's */
	const double *given_weights;	/* [rows] the caller's, or NULL */
	double	   *weights;		/* [rows] the same over a power of two, at most 1; NULL where all are equal */
	float	   *x;				/* [rows, dim] the copy */
	float	   *squares;		/* [rows] squared length of each row of x */
	double	   *mean;			/* [dim] of the weighted rows, what was subtracted; zero with the cosine metric */
	double		scale;			/* power of two that the centred rows were multiplied by; 1 with the cosine metric */
	double		mean_variance;	/* of a column of x, weighted */
	double		identical;		/* rows whose squared distance is at most this are one point */
} UcPoints;

extern size_t uc_points_memory(size_t rows, size_t dim);

/*
 * Fills `points` (ended by uc_points_free, which takes a zeroed struct too). Errors: UC_INVALID_DATA for a row that
 * is not finite, or has no direction with the cosine metric; UC_OUT_OF_MEMORY; UC_INTERRUPTED. `weights` [count] were
 * checked by the caller, or are NULL.
 */
extern UcStatus uc_points_prepare(UcPoints *points, const float *rows, const double *weights, size_t count, size_t dim,
								  UcMetric metric, const UcRun *run, UcError *err);
extern void uc_points_free(UcPoints *points);

/*
 * One vector from the caller's space to that of x and back; `from` and `to` may not overlap. A vector far outside the
 * rows' range enters at a place that is far too, but whose square is still a float.
 */
extern void uc_points_enter(const UcPoints *points, const float *from, float *to);
extern void uc_points_leave(const UcPoints *points, const float *from, float *to);

/*
 * What is granted to a section of `work` elementary steps: one thread where starting others would cost more than they
 * save. Results never depend on it.
 */
extern UcRun uc_run_for_work(const UcRun *run, double work);

/*
 * Sums over rows are shared among threads by columns, each summed in the order of the rows: slices may depend on the
 * threads without the sums depending on them. `width` columns each; returns the number of slices.
 */
extern size_t uc_column_slices(size_t dim, int threads, size_t *width);

/* How much a row counts; 1 where all are alike. */
static inline double
uc_row_weight(const UcPoints *points, size_t row)
{
	return points->weights == NULL ? 1.0 : points->weights[row];
}

/* True every `1 << 18` rows when the caller wants to stop; for loops of the calling thread over rows. */
static inline bool
uc_row_loop_stopped(const UcRun *run, size_t row)
{
	return (row & 0x3FFFF) == 0x3FFFF && uc_interrupted(run);
}

#endif
