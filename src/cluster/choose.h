/*
 * choose.h
 *	  How many clusters: k-means for a range of k, what the measures say of each, and which one to take.
 */
#ifndef UC_CLUSTER_CHOOSE_H
#define UC_CLUSTER_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"
#include "cluster/silhouette.h"
#include "cluster/validity.h"

typedef struct UcChooseOptions
{
	int			k_min;			/* at least 2 */
	int			k_max;			/* at least k_min, at most the number of rows */
	int			fits;			/* fits per k, each from seeds of its own; at least 2, for without a second there is no
								 * stability */
	UcKmeansOptions kmeans;		/* of one fit; k is not looked at, centroids must be NULL. Its weights are those of the measures
								 * too, and rows of weight 0 do not count for the stability */
	size_t		sample;			/* rows of which silhouettes are measured; 0: all */
} UcChooseOptions;

/* What is said of one k: of the fit of lowest inertia. */
typedef struct UcChoice
{
	int			k;
	double		inertia;		/* never higher than for a smaller k */
	UcSilhouette silhouette;
	UcValidity	validity;
	double		stability;		/* mean adjusted Rand index of the fits, pair by pair */
} UcChoice;

/* Fits that agree less than this depend on chance more than on the rows. */
#define UC_STABLE 0.6

typedef enum UcChoiceReason
{
	UC_CHOICE_NONE,				/* there is no silhouette: every row is a cluster of its own */
	UC_CHOICE_BEST,				/* highest silhouette among those of stability UC_STABLE or more */
	UC_CHOICE_LEAST_UNSTABLE	/* none is stable: the most stable one */
} UcChoiceReason;

/* Defaults of everything but the range. */
extern void uc_choose_defaults(UcChooseOptions *options);

extern size_t uc_choose_memory(size_t rows, size_t dim, const UcChooseOptions *options, int threads);

/*
 * Measures every k of the range over rows [rows, dim] and fills `choices`, room for k_max - k_min + 1, by rising k.
 * `count` is how many: fewer than asked for where there are no more distinct rows. The same rows, options and seed give
 * the same figures whatever the threads. Errors: those of uc_kmeans and uc_silhouette; UC_INVALID_ARGUMENT for the range
 * and the number of fits.
 */
extern UcStatus uc_choose_k(const float *rows, size_t rows_count, size_t dim, const UcChooseOptions *options,
							const UcRun *run, UcChoice *choices, int *count, UcError *err);

/*
 * The place of the recommended one among choices [count] and why it is; -1 where there is none. Of the rules tried on
 * 12 numeric sets and 20 forms of text embeddings with known classes this one came nearest: without a bound on the
 * stability, the silhouette of text embeddings rises with k for ever. Taking the smallest k within a standard error of
 * the highest sampled silhouette was right less often.
 */
extern int	uc_choose_recommend(const UcChoice *choices, int count, UcChoiceReason *reason);

/*
 * Mean adjusted Rand index between `fits` (at least 2) fits from seeds drawn from options->seed: 1 where the seeds do
 * not matter. Rows of weight 0 do not count.
 */
extern UcStatus uc_cluster_stability(const float *rows, size_t rows_count, size_t dim, const UcKmeansOptions *options,
									 int fits, const UcRun *run, double *stability, UcError *err);
extern size_t uc_stability_memory(size_t rows, size_t dim, const UcKmeansOptions *options, int fits, int threads);

#endif
