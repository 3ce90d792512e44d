/*
 * choose.c
 *	  Fits from several seeds for each k: the best of them is measured, and how far they agree is the stability. Agreement
 *	  counts rows, whatever their weight: pairs of a row's copies would be pairs that every fit keeps together.
 */
#include "cluster/choose.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/quality.h"

#define SEED_STREAM (UINT64_C(1) << 33)	/* of random numbers, apart from those that the fits draw */
#define FITS 5

void
uc_choose_defaults(UcChooseOptions *options)
{
	*options = (UcChooseOptions) {.fits = FITS};
	uc_kmeans_defaults(&options->kmeans);
	options->kmeans.restarts = 1;
}

/* ---- fits from several seeds ---- */

typedef struct Fits
{
	UcKmeans	best;			/* of lowest inertia, the first among equals */
	size_t		rows;			/* of any weight */
	int32_t    *labels;			/* [fits, rows] */
	int			clusters;		/* the most that a fit has found */
	double		stability;
} Fits;

static size_t
labels_memory(size_t rows, int fits)
{
	return uc_size_mul((size_t) fits, uc_size_mul(rows, sizeof(int32_t)));
}

/* A labelling compared with another: the table of both. */
static size_t
agreement_memory(int k)
{
	size_t		clusters = (size_t) k;

	return uc_size_mul(uc_size_add(uc_size_mul(clusters, clusters), 2 * clusters), sizeof(int64_t));
}

size_t
uc_stability_memory(size_t rows, size_t dim, const UcKmeansOptions *options, int fits, int threads)
{
	size_t		result = uc_size_mul(rows, sizeof(int32_t) + sizeof(double)),
				centroids = uc_size_mul((size_t) options->k, uc_size_mul(dim, sizeof(float)));
	size_t		bytes = uc_size_add(labels_memory(rows, fits), uc_kmeans_memory(rows, dim, options, threads));

	return uc_size_add(uc_size_add(bytes, agreement_memory(options->k)), uc_size_mul(2, uc_size_add(result, centroids)));
}

static UcStatus
compare_fits(Fits *fits, int count, const UcRun *run, UcError *err)
{
	double		sum = 0;
	size_t		rows = fits->rows,
				done = 0;

	uc_progress_phase(run, "comparing fits", (size_t) count * ((size_t) count - 1) / 2);
	for (int a = 0; a < count; a++)
		for (int b = a + 1; b < count; b++)
		{
			UcAgreement agreement;
			UcStatus	status = uc_cluster_agreement(fits->labels + (size_t) a * rows, fits->clusters,
													  fits->labels + (size_t) b * rows, fits->clusters, rows, run,
													  &agreement, err);

			if (status != UC_OK)
				return status;
			sum += agreement.adjusted_rand;
			uc_progress_done(run, ++done);
		}
	fits->stability = sum / ((double) count * (count - 1) / 2);
	return UC_OK;
}

static void
free_fits(Fits *fits)
{
	uc_kmeans_free(&fits->best);
	uc_free(fits->labels);
	*fits = (Fits) {0};
}

static bool
counts(const double *weights, size_t row)
{
	return weights == NULL || weights[row] > 0;
}

/* The labels of the rows that count, without gaps. */
static void
keep_labels(const Fits *fits, const int32_t *labels, const double *weights, size_t rows_count, int which)
{
	int32_t    *kept = fits->labels + (size_t) which * fits->rows;

	for (size_t row = 0; row < rows_count; row++)
		if (counts(weights, row))
			*kept++ = labels[row];
}

static UcStatus
fit_seeds(Fits *fits, const float *rows, size_t rows_count, size_t dim, const UcKmeansOptions *options, int count,
		  const UcRun *run, UcError *err)
{
	UcKmeansOptions one = *options;
	UcRandom	seeds;
	UcStatus	status = UC_OK;

	*fits = (Fits) {.labels = uc_alloc(labels_memory(rows_count, count))};
	if (fits->labels == NULL)
		return uc_out_of_memory(err, labels_memory(rows_count, count));
	for (size_t row = 0; row < rows_count; row++)
		fits->rows += counts(options->weights, row);
	uc_random_seed(&seeds, options->seed, SEED_STREAM);
	uc_progress_enter(run, (size_t) count);
	for (int i = 0; i < count && status == UC_OK; i++)
	{
		UcKmeans	fit = {0};

		one.seed = uc_random_next(&seeds);
		uc_progress_part(run, (size_t) i + 1);
		status = uc_kmeans(rows, rows_count, dim, &one, run, &fit, err);
		if (status != UC_OK)
			break;
		keep_labels(fits, fit.labels, options->weights, rows_count, i);
		fits->clusters = fit.k > fits->clusters ? fit.k : fits->clusters;
		if (i == 0 || fit.inertia < fits->best.inertia)
		{
			UcKmeans	worse = fits->best;

			fits->best = fit;
			fit = worse;
		}
		uc_kmeans_free(&fit);
	}
	uc_progress_leave(run);
	if (status == UC_OK)
		status = compare_fits(fits, count, run, err);
	if (status != UC_OK)
		free_fits(fits);
	return status;
}

static UcStatus
check_fits(int fits, UcError *err)
{
	if (fits >= 2)
		return UC_OK;
	return uc_error(err, UC_INVALID_ARGUMENT, "the number of fits must be at least 2, not %d", fits);
}

UcStatus
uc_cluster_stability(const float *rows, size_t rows_count, size_t dim, const UcKmeansOptions *options, int fits,
					 const UcRun *run, double *stability, UcError *err)
{
	Fits		made;
	UcStatus	status = check_fits(fits, err);

	if (status == UC_OK)
		status = uc_check_budget("comparing fits", uc_stability_memory(rows_count, dim, options, fits, run->threads),
								 run->max_memory, err);
	if (status == UC_OK)
		status = fit_seeds(&made, rows, rows_count, dim, options, fits, run, err);
	if (status != UC_OK)
		return status;
	*stability = made.stability;
	free_fits(&made);
	return UC_OK;
}

/* ---- every k of the range ---- */

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t
uc_choose_memory(size_t rows, size_t dim, const UcChooseOptions *options, int threads)
{
	UcKmeansOptions most = options->kmeans;
	UcSilhouetteOptions silhouette = {.metric = most.metric,.weights = most.weights,.sample = options->sample};
	size_t		kept,
				measures;

	most.k = options->k_max;
	/* the best fit of this k and of the one before, and centroids to begin from */
	kept = uc_size_mul(rows, sizeof(int32_t) + sizeof(double));
	kept = uc_size_mul(3, uc_size_add(kept, uc_size_mul((size_t) most.k, uc_size_mul(dim, sizeof(float)))));
	measures = larger(uc_silhouette_memory(rows, dim, most.k, &silhouette, threads), uc_validity_memory(rows, dim, most.k));
	return uc_size_add(kept, larger(uc_stability_memory(rows, dim, &most, options->fits, threads), measures));
}

static UcStatus
check_range(const UcChooseOptions *options, size_t rows, UcError *err)
{
	if (options->k_min < 2)
		return uc_error(err, UC_INVALID_ARGUMENT, "the smallest number of clusters must be at least 2, not %d",
						options->k_min);
	if (options->k_max < options->k_min)
		return uc_error(err, UC_INVALID_ARGUMENT, "the range of numbers of clusters is empty: %d to %d", options->k_min,
						options->k_max);
	if ((size_t) options->k_max > rows)
		return uc_error(err, UC_INVALID_ARGUMENT, "the largest number of clusters must be at most that of the rows: "
						"%d clusters, %zu rows", options->k_max, rows);
	return check_fits(options->fits, err);
}

/* One cluster more than in `before`: at the row farthest from its centroid. */
static void
add_farthest(const UcKmeans *before, const float *rows, const double *weights, float *centroids)
{
	size_t		farthest = SIZE_MAX;

	for (size_t row = 0; row < before->rows; row++)
		if (counts(weights, row) && (farthest == SIZE_MAX || before->distances[row] > before->distances[farthest]))
			farthest = row;
	memcpy(centroids, before->centroids, (size_t) before->k * before->dim * sizeof(float));
	memcpy(centroids + (size_t) before->k * before->dim, rows + farthest * before->dim, before->dim * sizeof(float));
}

/*
 * All fits may have ended worse than the best one with a cluster less: then that one goes on with one cluster more, from
 * where the inertia can only fall.
 */
static UcStatus
go_on_from(const UcKmeans *before, const float *rows, const UcKmeansOptions *options, UcKmeans *best, const UcRun *run,
		   UcError *err)
{
	UcKmeansOptions given = *options;
	UcKmeans	fit = {0};
	UcStatus	status;
	size_t		bytes = uc_size_mul((size_t) before->k + 1, uc_size_mul(before->dim, sizeof(float)));
	float	   *centroids = uc_alloc(bytes);

	if (centroids == NULL)
		return uc_out_of_memory(err, bytes);
	add_farthest(before, rows, options->weights, centroids);
	given.k = before->k + 1;
	given.centroids = centroids;
	status = uc_kmeans(rows, before->rows, before->dim, &given, run, &fit, err);
	uc_free(centroids);
	if (status != UC_OK)
		return status;
	if (fit.inertia < best->inertia)
	{
		UcKmeans	worse = *best;

		*best = fit;
		fit = worse;
	}
	uc_kmeans_free(&fit);
	return UC_OK;
}

static UcStatus
measure(const UcKmeans *fit, const float *rows, const UcChooseOptions *options, const UcRun *run, UcChoice *choice,
		UcError *err)
{
	UcSilhouetteOptions silhouette = {
		.metric = options->kmeans.metric,.weights = options->kmeans.weights,.sample = options->sample,
		.seed = options->kmeans.seed
	};
	UcStatus	status = uc_silhouette(rows, fit->labels, fit->rows, fit->dim, fit->k, &silhouette, run, NULL,
									   &choice->silhouette, err);

	if (status != UC_OK)
		return status;
	return uc_validity(rows, fit->labels, options->kmeans.weights, fit->rows, fit->dim, fit->k, options->kmeans.metric, run,
					   &choice->validity, err);
}

UcStatus
uc_choose_k(const float *rows, size_t rows_count, size_t dim, const UcChooseOptions *options, const UcRun *run,
			UcChoice *choices, int *count, UcError *err)
{
	UcKmeansOptions kmeans = options->kmeans;
	UcKmeans	before = {0};	/* the best fit of the k before */
	UcStatus	status = check_range(options, rows_count, err);

	*count = 0;
	if (status == UC_OK)
		status = uc_check_budget("choosing the number of clusters",
								 uc_choose_memory(rows_count, dim, options, run->threads), run->max_memory, err);
	uc_progress_enter(run, (size_t) options->k_max - (size_t) options->k_min + 1);
	for (kmeans.k = options->k_min; status == UC_OK && kmeans.k <= options->k_max; kmeans.k++)
	{
		UcChoice   *choice = &choices[*count];
		Fits		fits;

		uc_progress_part(run, (size_t) *count + 1);
		status = fit_seeds(&fits, rows, rows_count, dim, &kmeans, options->fits, run, err);
		if (status != UC_OK)
			break;
		if (fits.best.k < kmeans.k)
		{
			free_fits(&fits);
			break;
		}
		if (*count > 0 && fits.best.inertia > before.inertia)
			status = go_on_from(&before, rows, &kmeans, &fits.best, run, err);
		if (status == UC_OK)
		{
			*choice = (UcChoice) {.k = kmeans.k,.inertia = fits.best.inertia,.stability = fits.stability};
			status = measure(&fits.best, rows, options, run, choice, err);
		}
		uc_kmeans_free(&before);
		before = fits.best;
		fits.best = (UcKmeans) {0};
		free_fits(&fits);
		*count += status == UC_OK;
	}
	uc_progress_leave(run);
	uc_kmeans_free(&before);
	return status;
}
