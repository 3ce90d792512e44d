/*
 * structure.c
 *	  Agreement of the clusters of two halves.
 */
#include "train/structure.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/assign.h"
#include "cluster/quality.h"
#include "cluster/silhouette.h"

#define PARTINGS 8
#define FEWEST_CLUSTERS 4
#define MOST_CLUSTERS 32
#define RESTARTS 2

typedef struct Halves
{
	const float *vectors;		/* [count, dim] */
	size_t		count;
	size_t		dim;
	const UcRun *run;
	size_t	   *order;			/* [count] */
	float	   *half;			/* [count, dim] rows of one half */
	int32_t    *labels[2];		/* [count] of all texts, by the centroids of each half */
	double	   *distances;		/* [count] */
	double	   *margins;		/* [count] */
} Halves;

static UcStatus
cluster(const Halves *h, const float *vectors, size_t rows, int k, uint64_t seed, UcKmeans *fit, UcError *err)
{
	UcKmeansOptions options;

	uc_kmeans_defaults(&options);
	options.k = k;
	options.metric = UC_METRIC_COSINE;
	options.restarts = RESTARTS;
	options.seed = seed;
	return uc_kmeans(vectors, rows, h->dim, &options, h->run, fit, err);
}

static UcStatus
label_by_half(Halves *h, size_t first, size_t rows, int k, uint64_t seed, int32_t *labels, int *found, UcError *err)
{
	UcAssignment assignment = {labels, h->distances, h->margins};
	UcKmeans	fit;
	UcStatus	status;

	for (size_t i = 0; i < rows; i++)
		memcpy(h->half + i * h->dim, h->vectors + h->order[first + i] * h->dim, h->dim * sizeof(float));
	status = cluster(h, h->half, rows, k, seed, &fit, err);
	if (status != UC_OK)
		return status;
	*found = fit.k;
	status = uc_assign(h->vectors, h->count, h->dim, fit.centroids, fit.k, UC_METRIC_COSINE, h->run, &assignment, err);
	uc_kmeans_free(&fit);
	return status;
}

static UcStatus
compare_halves(Halves *h, int k, uint64_t seed, double *agreement, UcError *err)
{
	size_t		middle = h->count / 2;
	UcAgreement found;
	int			clusters[2];
	UcStatus	status = label_by_half(h, 0, middle, k, seed, h->labels[0], &clusters[0], err);

	if (status == UC_OK)
		status = label_by_half(h, middle, h->count - middle, k, seed, h->labels[1], &clusters[1], err);
	if (status == UC_OK)
		status = uc_cluster_agreement(h->labels[0], clusters[0], h->labels[1], clusters[1], h->count, h->run, &found, err);
	if (status == UC_OK)
		*agreement = found.adjusted_rand;
	return status;
}

/* Texts that are all alike have no silhouette: 0. */
static UcStatus
measure_silhouette(const Halves *h, int k, uint64_t seed, double *silhouette, UcError *err)
{
	UcSilhouetteOptions options = {.metric = UC_METRIC_COSINE};
	UcSilhouette found;
	UcKmeans	fit;
	UcStatus	status = cluster(h, h->vectors, h->count, k, seed, &fit, err);

	if (status != UC_OK)
		return status;
	status = uc_silhouette(h->vectors, fit.labels, h->count, h->dim, fit.k, &options, h->run, NULL, &found, err);
	if (status == UC_OK)
		*silhouette = isfinite(found.mean) ? found.mean : 0;
	uc_kmeans_free(&fit);
	return status;
}

static void
part(Halves *h, UcRandom *random)
{
	for (size_t i = h->count; i > 1; i--)
	{
		size_t		j = uc_random_below(random, i),
					kept = h->order[i - 1];

		h->order[i - 1] = h->order[j];
		h->order[j] = kept;
	}
}

static UcStatus
measure(Halves *h, uint64_t seed, UcStructure *structure, UcError *err)
{
	UcStatus	status = UC_OK;
	UcRandom	random;
	double		agreement,
				silhouette;
	size_t		fits = 0;

	uc_random_seed(&random, seed, 3);
	for (size_t i = 0; i < h->count; i++)
		h->order[i] = i;
	for (int parting = 0; parting < PARTINGS && status == UC_OK; parting++)
	{
		part(h, &random);
		/* two texts of each cluster in a half; 10 texts still have two clusters */
		for (size_t k = h->count < 4 * FEWEST_CLUSTERS ? 2 : FEWEST_CLUSTERS; k <= MOST_CLUSTERS && 4 * k <= h->count &&
			 status == UC_OK; k *= 2, fits++)
		{
			status = compare_halves(h, (int) k, seed + (uint64_t) parting, &agreement, err);
			if (status == UC_OK)
				status = measure_silhouette(h, (int) k, seed + (uint64_t) parting, &silhouette, err);
			if (status != UC_OK)
				break;
			structure->agreement += agreement;
			structure->silhouette += silhouette;
		}
	}
	structure->agreement /= (double) fits;
	structure->silhouette /= (double) fits;
	return status;
}

UcStatus
uc_structure(const float *vectors, size_t count, size_t dim, uint64_t seed, const UcRun *run, UcStructure *structure,
			 UcError *err)
{
	Halves		h = {.vectors = vectors,.count = count,.dim = dim,.run = run};
	size_t		floats = uc_size_mul(uc_size_mul(count, dim), sizeof(float));
	UcStatus	status;

	h.order = uc_alloc(uc_size_mul(count, sizeof(size_t)));
	h.half = uc_alloc(floats);
	h.labels[0] = uc_alloc(uc_size_mul(count, 2 * sizeof(int32_t)));
	h.distances = uc_alloc(uc_size_mul(count, 2 * sizeof(double)));
	if (h.order == NULL || h.half == NULL || h.labels[0] == NULL || h.distances == NULL)
		status = uc_out_of_memory(err, floats);
	else
	{
		h.labels[1] = h.labels[0] + count;
		h.margins = h.distances + count;
		*structure = (UcStructure) {0};
		status = measure(&h, seed, structure, err);
	}
	uc_free(h.order);
	uc_free(h.half);
	uc_free(h.labels[0]);
	uc_free(h.distances);
	return status;
}
