/*
 * kmeans.c
 *	  Options, the memory estimate, and the best of several restarts.
 */
#include "cluster/kmeans.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/random.h"
#include "cluster/exchange.h"
#include "cluster/group.h"
#include "cluster/minibatch.h"
#include "cluster/minimum.h"
#include "cluster/refine.h"
#include "cluster/result.h"
#include "cluster/seed.h"

#define LOOSER 30				/* by this factor while clusters are still being split and merged */
#define REFINE_STREAM (UINT64_C(1) << 32)	/* of random numbers, apart from those of the restarts' seeding */
#define BATCH_STREAM (UINT64_C(2) << 32)

void
uc_kmeans_defaults(UcKmeansOptions *options)
{
	*options = (UcKmeansOptions) {
		.metric = UC_METRIC_COSINE,
		.restarts = 10,
		.max_iterations = 300,
		.tolerance = 1e-4,
		.refine = true,
	};
}

static UcStatus
check_number(const char *name, int given, UcError *err)
{
	if (given >= 1)
		return UC_OK;
	uc_error(err, UC_INVALID_ARGUMENT, "%s must be at least 1", name);
	uc_error_detail(err, "It is %d; allowed are 1 to %d.", given, INT32_MAX);
	return UC_INVALID_ARGUMENT;
}

static UcStatus
check_options(const UcKmeansOptions *options, size_t rows, size_t dim, UcError *err)
{
	UcStatus	status = check_number("the number of clusters", options->k, err);

	if (status == UC_OK)
		status = check_number("the number of restarts", options->restarts, err);
	if (status == UC_OK)
		status = check_number("the number of iterations", options->max_iterations, err);
	if (status != UC_OK)
		return status;
	if (!(options->tolerance >= 0) || isinf(options->tolerance))
	{
		uc_error(err, UC_INVALID_ARGUMENT, "the tolerance must be a finite number of at least 0");
		uc_error_detail(err, "It is %g; allowed is 0 or more.", options->tolerance);
		return UC_INVALID_ARGUMENT;
	}
	if (dim < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "cannot cluster vectors of no dimensions");
	if ((size_t) options->k > rows)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "more clusters are asked for than there are rows");
		uc_error_detail(err, "%d clusters are asked for, and there are %zu rows.", options->k, rows);
		return UC_INVALID_ARGUMENT;
	}
	return UC_OK;
}

/* Given centroids must be as good as rows. */
static UcStatus
check_centroids(const UcKmeansOptions *options, size_t dim, UcError *err)
{
	for (int j = 0; options->centroids != NULL && j < options->k; j++)
	{
		const float *centroid = options->centroids + (size_t) j * dim;
		bool		zero = true;

		for (size_t i = 0; i < dim; i++)
		{
			if (!isfinite(centroid[i]))
			{
				uc_error(err, UC_INVALID_DATA, "cannot start from a centroid with NaN or infinity");
				uc_error_detail(err, "Centroid %d is not finite at position %zu.", j + 1, i + 1);
				return UC_INVALID_DATA;
			}
			zero = zero && centroid[i] == 0;
		}
		if (zero && options->metric == UC_METRIC_COSINE)
		{
			uc_error(err, UC_INVALID_DATA, "cannot start from a centroid of zero length by cosine");
			uc_error_detail(err, "Centroid %d has only zeros.", j + 1);
			return UC_INVALID_DATA;
		}
	}
	return UC_OK;
}

static UcStatus
check_weights(const double *weights, size_t rows, UcError *err)
{
	bool		some = weights == NULL;

	for (size_t row = 0; weights != NULL && row < rows; row++)
	{
		if (!(weights[row] >= 0) || isinf(weights[row]))
		{
			uc_error(err, UC_INVALID_DATA, "a weight must be a finite number of at least 0");
			uc_error_detail(err, "The weight of row %zu is %g.", row + 1, weights[row]);
			return UC_INVALID_DATA;
		}
		some = some || weights[row] > 0;
	}
	if (some)
		return UC_OK;
	uc_error(err, UC_INVALID_DATA, "cannot cluster rows whose weights are all 0");
	uc_error_detail(err, "Rows 1 to %zu have weight 0.", rows);
	return UC_INVALID_DATA;
}

/*
 * From 100 clusters on k-means|| takes less time than k-means++, the iterations included, from 400 on half; they end with an
 * inertia that differs by a few hundredths of a percent, either way. In few dimensions it can be worse by percents.
 */
static bool
seed_scalable(const UcKmeansOptions *options, size_t rows, size_t dim)
{
	const int	many_clusters = 100;
	const size_t rows_per_cluster = 8;	/* with fewer, about all rows would be candidates */

	if (options->init != UC_INIT_AUTO)
		return options->init == UC_INIT_SCALABLE;
	return options->k >= many_clusters && dim >= UC_FEW_DIMENSIONS && rows / rows_per_cluster >= (size_t) options->k;
}

static UcStatus
check_min_size(const UcKmeansOptions *options, size_t rows, UcError *err)
{
	size_t		counted = options->weights == NULL ? rows : 0,
				needed = uc_size_mul(options->min_size, (size_t) options->k);

	for (size_t row = 0; options->weights != NULL && row < rows; row++)
		counted += options->weights[row] > 0;
	if (needed <= counted)
		return UC_OK;
	uc_error(err, UC_INVALID_ARGUMENT, "there are too few rows for clusters of the least size");
	uc_error_detail(err, "%d clusters of at least %zu rows need %zu rows, and there are %zu%s.", options->k,
					options->min_size, needed, counted, counted < rows ? " that have a weight" : "");
	return UC_INVALID_ARGUMENT;
}

static bool
in_batches(const UcKmeansOptions *options, size_t rows)
{
	return options->batch_rows > 0 && options->batch_rows < rows;
}

size_t
uc_kmeans_memory(size_t rows, size_t dim, const UcKmeansOptions *options, int threads)
{
	int			k = options->k < 1 ? 1 : options->k;
	size_t		bytes = uc_points_memory(rows, dim);

	bytes = uc_size_add(bytes, uc_lloyd_memory(rows, dim, k, threads));
	bytes = uc_size_add(bytes, uc_size_add(uc_refine_memory(rows, dim, k), uc_group_memory(k, dim)));
	bytes = uc_size_add(bytes, uc_seed_memory(rows, dim, k, threads));
	if (seed_scalable(options, rows, dim))
		bytes = uc_size_add(bytes, uc_seed_scalable_memory(rows, dim, k, threads));
	bytes = uc_size_add(bytes, uc_size_mul((size_t) k, uc_size_mul(dim, sizeof(float))));
	if (in_batches(options, rows))
		bytes = uc_size_add(bytes, uc_minibatch_memory(rows, dim, k, options->batch_rows, threads));
	if (options->min_size > 0)
		bytes = uc_size_add(bytes, uc_minimum_memory(rows, dim, k, threads));
	if (options->weights != NULL)
		bytes = uc_size_add(bytes, uc_size_mul(uc_size_add(rows, (size_t) k), sizeof(double)));
	return uc_size_add(bytes, uc_size_mul(2, uc_result_memory(rows, dim, k)));
}

typedef struct Fit
{
	const UcKmeansOptions *options;
	UcPoints	points;
	UcLloyd		lloyd;
	UcRefine	refine;
	UcMinimum	minimum;		/* zeroed where no size is asked for */
	float	   *start;			/* [k, dim] */
	UcKmeans	best;
	UcKmeans	current;
} Fit;

static UcStatus
choose_start(Fit *fit, int restart, int *k, const UcRun *run, UcError *err)
{
	const UcKmeansOptions *options = fit->options;
	size_t		dim = fit->points.dim;
	/* greedy seeds are better one by one, but more alike: half of the restarts look elsewhere */
	bool		greedy = restart % 2 == 0;
	UcRandom	random;

	if (options->centroids == NULL)
	{
		uc_random_seed(&random, options->seed, (uint64_t) restart);
		if (seed_scalable(options, fit->points.rows, dim))
			return uc_seed_scalable(&fit->points, options->k, greedy, &random, fit->start, k, run, err);
		return uc_seed_centroids(&fit->points, options->k, greedy, &random, fit->start, k, run, err);
	}
	for (int j = 0; j < options->k; j++)
		uc_points_enter(&fit->points, options->centroids + (size_t) j * dim, fit->start + (size_t) j * dim);
	*k = options->k;
	return UC_OK;
}

/*
 * Looks for a way on where the iterations have come to rest: splits and merges, and when there are none and `loose` is
 * over, single rows. `found` says whether there is one; the centroids have then been moved.
 */
static UcStatus
find_way_on(Fit *fit, bool loose, UcRandom *random, bool *found, const UcRun *run, UcError *err)
{
	UcLloyd    *lloyd = &fit->lloyd;
	size_t		moved = 0;
	int			changes;
	UcStatus	status = uc_refine_propose(&fit->refine, random, &changes, run, err);

	if (status == UC_OK && changes == 0 && !loose)
	{
		status = uc_exchange_rows(lloyd, &moved, run, err);
		uc_lloyd_place_centroids(lloyd);
	}
	*found = changes > 0 || moved > 0;
	if (*found)
		uc_nearest_move(&lloyd->nearest, lloyd->next);
	return status;
}

/* Lloyd's iterations, and again while the refinement finds a way on. */
static UcStatus
descend(Fit *fit, int restart, const UcRun *run, UcError *err)
{
	const UcKmeansOptions *options = fit->options;
	UcKmeans   *current = &fit->current;
	bool		refine = options->refine && options->centroids == NULL,
				loose = refine,
				found = refine;
	UcRandom	random;
	UcStatus	status;

	uc_random_seed(&random, options->seed, (uint64_t) restart + REFINE_STREAM);
	current->iterations = 0;
	for (;;)
	{
		status = uc_lloyd_iterate(&fit->lloyd, options->max_iterations - current->iterations,
								  options->tolerance * (loose ? LOOSER : 1), run, &current->iterations,
								  &current->converged, err);
		if (status != UC_OK || !refine || current->iterations >= options->max_iterations)
			break;
		status = find_way_on(fit, loose, &random, &found, run, err);
		if (status != UC_OK || (!found && !loose))
			break;
		/* where nothing is left to change, converge in earnest, and look once more */
		loose = found;
	}
	if (loose)
		current->converged = false;
	return status;
}

/* Batches, then one iteration over all rows. */
static UcStatus
descend_in_batches(Fit *fit, int restart, int k, const UcRun *run, UcError *err)
{
	const UcKmeansOptions *options = fit->options;
	UcKmeans   *current = &fit->current;
	int			full = 0;
	bool		at_rest;
	UcRandom	random;
	UcStatus	status;

	uc_random_seed(&random, options->seed, (uint64_t) restart + BATCH_STREAM);
	status = uc_minibatch(&fit->points, fit->start, k, options->batch_rows, options->max_iterations, options->tolerance,
						  &random, run, &current->iterations, &current->converged, err);
	if (status == UC_OK)
		status = uc_lloyd_begin(&fit->lloyd, fit->start, k, run, err);
	return status == UC_OK ? uc_lloyd_iterate(&fit->lloyd, 1, options->tolerance, run, &full, &at_rest, err) : status;
}

/*
 * Every second restart takes the least size into account from its seeds on: what comes of that differs from what comes of
 * iterations without it, and neither is always better.
 */
static UcStatus
finish_with_minimum(Fit *fit, int restart, int k, const UcRun *run, UcError *err)
{
	const UcKmeansOptions *options = fit->options;
	UcKmeans   *current = &fit->current;
	UcStatus	status = UC_OK;

	if (restart % 2 == 1)
	{
		status = uc_lloyd_begin(&fit->lloyd, fit->start, k, run, err);
		current->iterations = 0;
		if (status == UC_OK)
			status = uc_lloyd_iterate(&fit->lloyd, 1, options->tolerance, run, &current->iterations,
									  &current->converged, err);
	}
	if (status == UC_OK)
		status = uc_minimum_iterate(&fit->minimum, options->max_iterations - current->iterations, options->tolerance,
									run, &current->iterations, &current->converged, err);
	return status == UC_OK ? uc_lloyd_finish_as_labelled(&fit->lloyd, current, run, err) : status;
}

/* Where all clusters are large enough anyway, the result is that without a least size. */
static UcStatus
finish(Fit *fit, int restart, int k, const UcRun *run, UcError *err)
{
	bool		asked = fit->options->min_size > 0;
	UcStatus	status;

	if (asked && !uc_minimum_met(&fit->minimum))
		return finish_with_minimum(fit, restart, k, run, err);
	status = uc_lloyd_finish(&fit->lloyd, &fit->current, run, err);
	/* iterations that were cut short can end in labels that differ from those they had */
	if (status == UC_OK && asked && !uc_minimum_met(&fit->minimum))
		return finish_with_minimum(fit, restart, k, run, err);
	return status;
}

static UcStatus
fit_once(Fit *fit, int restart, const UcRun *run, UcError *err)
{
	int			k;
	UcStatus	status = choose_start(fit, restart, &k, run, err);

	uc_progress_phase(run, "iterating", UC_UNKNOWN_TOTAL);
	if (status == UC_OK && in_batches(fit->options, fit->points.rows))
		status = descend_in_batches(fit, restart, k, run, err);
	else if (status == UC_OK)
	{
		status = uc_lloyd_begin(&fit->lloyd, fit->start, k, run, err);
		if (status == UC_OK)
			status = descend(fit, restart, run, err);
	}
	return status == UC_OK ? finish(fit, restart, k, run, err) : status;
}

static UcStatus
fit_all(Fit *fit, const UcRun *run, UcError *err)
{
	int			restarts = fit->options->centroids != NULL ? 1 : fit->options->restarts;

	for (int restart = 0; restart < restarts; restart++)
	{
		UcStatus	status;

		uc_progress_part(run, (size_t) restart + 1);
		status = fit_once(fit, restart, run, err);

		if (status != UC_OK)
			return status;
		if (restart == 0 || fit->current.inertia < fit->best.inertia)
		{
			UcKmeans	worse = fit->best;

			fit->best = fit->current;
			fit->current = worse;
		}
		if (fit->best.inertia == 0)
			break;
	}
	return UC_OK;
}

static UcStatus
create_fit(Fit *fit, const float *rows, size_t count, size_t dim, const UcRun *run, UcError *err)
{
	int			k = fit->options->k;
	UcStatus	status = uc_points_prepare(&fit->points, rows, fit->options->weights, count, dim, fit->options->metric,
											   run, err);

	if (status == UC_OK)
		status = uc_lloyd_create(&fit->lloyd, &fit->points, k, run->threads, err);
	if (status == UC_OK)
		status = uc_refine_create(&fit->refine, &fit->lloyd, k, err);
	if (status == UC_OK && fit->options->min_size > 0)
		status = uc_minimum_create(&fit->minimum, &fit->lloyd, k, fit->options->min_size, run->threads, err);
	if (status == UC_OK)
		status = uc_result_create(&fit->best, count, dim, k, err);
	if (status == UC_OK)
		status = uc_result_create(&fit->current, count, dim, k, err);
	if (status != UC_OK)
		return status;
	fit->start = uc_alloc((size_t) k * dim * sizeof(float));
	return fit->start == NULL ? uc_out_of_memory(err, (size_t) k * dim * sizeof(float)) : UC_OK;
}

static void
free_fit(Fit *fit)
{
	uc_points_free(&fit->points);
	uc_lloyd_free(&fit->lloyd);
	uc_refine_free(&fit->refine);
	uc_minimum_free(&fit->minimum);
	uc_kmeans_free(&fit->best);
	uc_kmeans_free(&fit->current);
	uc_free(fit->start);
}

UcStatus
uc_kmeans(const float *rows, size_t count, size_t dim, const UcKmeansOptions *options, const UcRun *run,
		  UcKmeans *result, UcError *err)
{
	Fit			fit = {.options = options};
	UcStatus	status = check_options(options, count, dim, err);
	char		what[96];

	*result = (UcKmeans) {0};
	if (status == UC_OK)
		status = check_centroids(options, dim, err);
	if (status == UC_OK)
		status = check_weights(options->weights, count, err);
	if (status == UC_OK)
		status = check_min_size(options, count, err);
	if (status != UC_OK)
		return status;
	snprintf(what, sizeof what, "k-means over %zu rows of %zu dimensions", count, dim);
	status = uc_check_budget(what, uc_kmeans_memory(count, dim, options, run->threads), run->max_memory, err);
	if (status != UC_OK)
		return status;

	uc_blas_prepare();
	status = create_fit(&fit, rows, count, dim, run, err);
	uc_progress_enter(run, options->centroids != NULL ? 1 : (size_t) options->restarts);
	if (status == UC_OK)
		status = fit_all(&fit, run, err);
	uc_progress_leave(run);
	if (status == UC_OK)
	{
		*result = fit.best;
		fit.best = (UcKmeans) {0};
	}
	free_fit(&fit);
	return status;
}
