/*
 * Silhouettes and the measures by centroids against their definitions, computed pair by pair in double.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/silhouette.h"
#include "cluster/validity.h"
#include "kmeans_data.h"

#define MAX_ROWS 900

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX - 1};

typedef struct Sample
{
	size_t		rows;
	size_t		dim;
	int			k;
	float	   *x;				/* [rows, dim] */
	int32_t    *labels;
	double	   *weights;
} Sample;

/* Clusters of uneven sizes around places that overlap; every seventh row is the one before it again. */
static Sample
sample_of(size_t rows, size_t dim, int k, double offset)
{
	Sample		sample = {.rows = rows,.dim = dim,.k = k};
	UcRandom	random;

	uc_random_seed(&random, 5, dim);
	sample.x = uc_alloc(rows * dim * sizeof(float));
	sample.labels = uc_alloc(rows * sizeof(int32_t));
	sample.weights = uc_alloc(rows * sizeof(double));
	for (size_t row = 0; row < rows; row++)
	{
		int			c = (int) (uc_random_unit(&random) * uc_random_unit(&random) * k);

		sample.labels[row] = c;
		sample.weights[row] = (double) (row % 4) / 2;
		for (size_t i = 0; i < dim; i++)
			sample.x[row * dim + i] = (float) (offset + ((int) (i * 7) % (c + 2)) + normal(&random));
		if (row % 7 == 6)
			memcpy(sample.x + row * dim, sample.x + (row - 1) * dim, dim * sizeof(float));
	}
	return sample;
}

static void
free_sample(Sample *sample)
{
	uc_free(sample->x);
	uc_free(sample->labels);
	uc_free(sample->weights);
}

/* By the definition. */
static double
expected_silhouette(const Sample *sample, size_t row, const double *weights, UcMetric metric)
{
	double		sums[64] = {0},
				totals[64] = {0},
				others = INFINITY;
	int			own = sample->labels[row];

	for (size_t other = 0; other < sample->rows; other++)
	{
		double		weight = weights == NULL ? 1 : weights[other];

		if (other == row)
			continue;
		sums[sample->labels[other]] +=
			weight * distance_by_definition(sample->x + row * sample->dim, sample->x + other * sample->dim,
											 sample->dim, metric);
		totals[sample->labels[other]] += weight;
	}
	if (totals[own] == 0)
		return 0;
	for (int c = 0; c < sample->k; c++)
		if (c != own && totals[c] > 0)
			others = fmin(others, sums[c] / totals[c]);
	return (others - sums[own] / totals[own]) / fmax(others, sums[own] / totals[own]);
}

static void
refusals(void)
{
	const float x[] = {0, 0, 1, 0, 0, 1, 5, NAN};
	const int32_t labels[] = {0, 0, 1, 1},
				outside[] = {0, 2, 1, 1};
	const double negative[] = {1, -1, 1, 1},
				none[] = {0, 0, 0};
	UcSilhouetteOptions euclidean = {.metric = UC_METRIC_EUCLIDEAN},
				cosine = {.metric = UC_METRIC_COSINE},
				weighted = {.metric = UC_METRIC_EUCLIDEAN,.weights = negative};
	UcRun		poor = {.threads = 1,.max_memory = 64};
	UcSilhouette silhouette;
	UcValidity	validity;
	UcError		err = {0};

	CHECK_REFUSED(uc_silhouette(x, labels, 0, 2, 2, &euclidean, &run, NULL, &silhouette, &err), UC_INVALID_ARGUMENT, &err,
				  "no rows", "no rows are refused");
	CHECK_REFUSED(uc_silhouette(x, labels, 3, 2, 0, &euclidean, &run, NULL, &silhouette, &err), UC_INVALID_ARGUMENT, &err,
				  "at least 1", "no clusters are refused");
	CHECK_REFUSED(uc_silhouette(x, outside, 3, 2, 2, &euclidean, &run, NULL, &silhouette, &err), UC_INVALID_DATA, &err,
				  "outside its range", "a label beyond the count is refused");
	CHECK(strstr(err.detail, "Row 2") != NULL, "the detail names the row");
	CHECK_REFUSED(uc_silhouette(x, labels, 3, 2, 2, &weighted, &run, NULL, &silhouette, &err), UC_INVALID_DATA, &err,
				  "weight", "a negative weight is refused");
	CHECK_REFUSED(uc_silhouette(x, labels, 4, 2, 2, &euclidean, &run, NULL, &silhouette, &err), UC_INVALID_DATA, &err,
				  "NaN", "a row that is not finite is refused");
	CHECK_REFUSED(uc_silhouette(x, labels, 3, 2, 2, &cosine, &run, NULL, &silhouette, &err), UC_INVALID_DATA, &err,
				  "zero length", "a row without a direction is refused by cosine");
	CHECK_REFUSED(uc_silhouette(x, labels, 3, 2, 2, &euclidean, &poor, NULL, &silhouette, &err), UC_MEMORY_LIMIT, &err,
				  "silhouettes", "more than the budget is refused");
	CHECK_REFUSED(uc_validity(x, labels, none, 3, 2, 2, UC_METRIC_EUCLIDEAN, &run, &validity, &err), UC_INVALID_DATA, &err,
				  "every weight", "weights of nothing are refused");
	CHECK_REFUSED(uc_validity(x, labels, NULL, 4, 2, 2, UC_METRIC_EUCLIDEAN, &run, &validity, &err), UC_INVALID_DATA, &err,
				  "NaN", "a row that is not finite is refused by the measures too");
	CHECK_REFUSED(uc_validity(x, labels, NULL, 3, 2, 2, UC_METRIC_COSINE, &run, &validity, &err), UC_INVALID_DATA, &err,
				  "zero length", "a row without a direction is refused by the measures too");
}

static void
against_definition(size_t dim, UcMetric metric, bool weighted, double offset)
{
	Sample		sample = sample_of(MAX_ROWS, dim, 6, offset);
	UcSilhouetteOptions options = {.metric = metric,.weights = weighted ? sample.weights : NULL};
	UcRun		two = {.threads = 2,.max_memory = SIZE_MAX - 1};
	UcSilhouette silhouette = {0},
				again = {0};
	UcError		err = {0};
	double	   *values = uc_alloc(MAX_ROWS * sizeof(double));
	double		worst = 0,
				sum = 0,
				total = 0;

	uc_silhouette(sample.x, sample.labels, sample.rows, dim, sample.k, &options, &run, values, &silhouette, &err);
	uc_silhouette(sample.x, sample.labels, sample.rows, dim, sample.k, &options, &two, NULL, &again, &err);
	for (size_t row = 0; row < sample.rows; row++)
	{
		double		wanted = expected_silhouette(&sample, row, options.weights, metric),
					weight = weighted ? sample.weights[row] : 1;

		if (weight == 0)
		{
			worst = isnan(values[row]) ? worst : INFINITY;
			continue;
		}
		worst = fmax(worst, fabs(values[row] - wanted));
		sum += weight * wanted;
		total += weight;
	}
	CHECK(worst < 1e-6 && fabs(silhouette.mean - sum / total) < 1e-7,
		  "%s silhouettes in %zu dimensions%s, offset %g, are those of the definition",
		  metric == UC_METRIC_COSINE ? "cosine" : "euclidean", dim, weighted ? ", weighted" : "", offset);
	CHECK(silhouette.mean == again.mean && isnan(silhouette.error), "the same bits on two threads, and no error of a sample");
	uc_free(values);
	free_sample(&sample);
}

static void
sampled(UcMetric metric)
{
	Sample		sample = sample_of(MAX_ROWS, 40, 6, 0);
	UcSilhouetteOptions options = {.metric = metric};
	UcSilhouette exact,
				estimate,
				again;
	UcError		err = {0};
	int			within = 0;
	const int	seeds = 40;
	bool		counted = true,
				same = true;

	uc_silhouette(sample.x, sample.labels, sample.rows, 40, sample.k, &options, &run, NULL, &exact, &err);
	options.sample = 120;
	for (int seed = 0; seed < seeds; seed++)
	{
		options.seed = (uint64_t) seed;
		uc_silhouette(sample.x, sample.labels, sample.rows, 40, sample.k, &options, &run, NULL, &estimate, &err);
		uc_silhouette(sample.x, sample.labels, sample.rows, 40, sample.k, &options, &run, NULL, &again, &err);
		within += fabs(estimate.mean - exact.mean) < 2 * estimate.error;
		counted = counted && estimate.measured >= 115 && estimate.measured <= 125;
		same = same && estimate.mean == again.mean && estimate.error == again.error;
	}
	CHECK(within >= 34, "a sampled mean lies within two standard errors 95 times of 100: %d of %d", within, seeds);
	CHECK(counted && same, "the sample has about the size asked for, and a seed always draws the same");
	options.sample = MAX_ROWS;
	uc_silhouette(sample.x, sample.labels, sample.rows, 40, sample.k, &options, &run, NULL, &estimate, &err);
	CHECK(estimate.mean == exact.mean && isnan(estimate.error), "a sample of all rows is exact");
	free_sample(&sample);
}

static void
measures(UcMetric metric)
{
	/* figures of scikit-learn 1.9.1 for these rows, at unit length for cosine */
	const float x[] = {1, 2, 2, 1, 1, 1, 8, 1, 9, 2, 4, 9, 5, 8, 5, 9, 4, 7};
	const int32_t labels[] = {0, 0, 0, 3, 3, 4, 4, 4, 4};
	const double euclidean[] = {6.08333333333, 81.9315068493, 0.208126992673};	/* inertia, Calinski-Harabasz, Davies-Bouldin */
	const double cosine[] = {0.110122241558, 13.9737983566, 0.77818493581};
	const double *wanted = metric == UC_METRIC_COSINE ? cosine : euclidean;
	UcValidity	validity = {0};
	UcError		err = {0};

	uc_validity(x, labels, NULL, 9, 2, 5, metric, &run, &validity, &err);
	CHECK(validity.clusters == 3 && validity.members == 9, "clusters and rows are counted");
	CHECK(fabs(validity.inertia - wanted[0]) < 1e-6 && fabs(validity.calinski_harabasz / wanted[1] - 1) < 1e-6 &&
		  fabs(validity.davies_bouldin - wanted[2]) < 1e-6, "inertia, Calinski-Harabasz and Davies-Bouldin: %.10g %.10g %.10g",
		  validity.inertia, validity.calinski_harabasz, validity.davies_bouldin);
}

/* Weights in place of copies. */
static void
weights_are_copies(void)
{
	const float once[] = {0, 0, 2, 1, 9, 9, 9, 7},
				copied[] = {0, 0, 2, 1, 2, 1, 9, 9, 9, 9, 9, 9, 9, 7};
	const int32_t labels[] = {0, 0, 1, 1},
				copied_labels[] = {0, 0, 0, 1, 1, 1, 1};
	const double weights[] = {1, 2, 3, 1};
	UcValidity	a = {0},
				b = {0};
	UcError		err = {0};

	uc_validity(once, labels, weights, 4, 2, 2, UC_METRIC_EUCLIDEAN, &run, &a, &err);
	uc_validity(copied, copied_labels, NULL, 7, 2, 2, UC_METRIC_EUCLIDEAN, &run, &b, &err);
	CHECK(fabs(a.inertia - b.inertia) < 1e-12 && fabs(a.davies_bouldin - b.davies_bouldin) < 1e-12 &&
		  fabs(a.simplified_silhouette - b.simplified_silhouette) < 1e-12, "a weight stands for copies of the row");
	CHECK(fabs(a.calinski_harabasz / 2 - b.calinski_harabasz / 5) < 1e-12, "but degrees of freedom are counted in rows");
}

static void
extremes(void)
{
	const float x[] = {1, 1, 1, 1, 2, 2, 3, 1};
	const int32_t one[] = {0, 0, 0, 0},
				each[] = {0, 1, 2, 3},
				pair[] = {0, 0, 1, 2};
	UcSilhouetteOptions options = {.metric = UC_METRIC_EUCLIDEAN};
	UcSilhouette silhouette = {0};
	UcValidity	validity = {0};
	UcError		err = {0};
	double		values[4];

	uc_silhouette(x, one, 4, 2, 1, &options, &run, values, &silhouette, &err);
	uc_validity(x, one, NULL, 4, 2, 1, UC_METRIC_EUCLIDEAN, &run, &validity, &err);
	CHECK(isnan(silhouette.mean) && isnan(values[0]) && isnan(validity.davies_bouldin) && validity.inertia > 0,
		  "one cluster has an inertia and nothing else");
	uc_silhouette(x, each, 4, 2, 4, &options, &run, values, &silhouette, &err);
	uc_validity(x, each, NULL, 4, 2, 4, UC_METRIC_EUCLIDEAN, &run, &validity, &err);
	CHECK(isnan(silhouette.mean) && isnan(validity.calinski_harabasz) && validity.inertia == 0,
		  "nor have clusters of one row each");
	uc_silhouette(x, pair, 4, 2, 3, &options, &run, values, &silhouette, &err);
	uc_validity(x, pair, NULL, 4, 2, 3, UC_METRIC_EUCLIDEAN, &run, &validity, &err);
	CHECK(values[0] == 1 && values[1] == 1 && values[2] == 0 && values[3] == 0 && silhouette.mean == 0.5,
		  "identical rows have 1, rows alone in their cluster 0");
	CHECK(validity.simplified_silhouette == 0.5 && validity.calinski_harabasz == 1 && validity.davies_bouldin == 0,
		  "the measures of clusters without spread");
}

static bool
after_some_polls(void *arg)
{
	int		   *left = arg;

	return (*left)-- <= 0;
}

/* Wherever the caller stops it, a call says so and frees what it has. */
static void
interrupted(size_t dim, UcMetric metric)
{
	Sample		sample = sample_of(MAX_ROWS, dim, 6, 0);
	UcSilhouetteOptions options = {.metric = metric};
	UcSilhouette silhouette;
	UcValidity	validity;
	UcError		err = {0};
	bool		stopped = true;

	for (int polls = 0; polls < 6; polls++)
	{
		int			left = polls;
		UcRun		impatient = {
			.threads = 2,.max_memory = SIZE_MAX - 1,.interrupted = after_some_polls,.interrupt_arg = &left
		};

		stopped = stopped && uc_silhouette(sample.x, sample.labels, sample.rows, dim, sample.k, &options, &impatient, NULL,
										   &silhouette, &err) == UC_INTERRUPTED;
	}
	CHECK(stopped, "silhouettes in %zu dimensions stop when asked to", dim);
	for (int polls = 0; polls < 4; polls++)
	{
		int			left = polls;
		UcRun		impatient = {
			.threads = 1,.max_memory = SIZE_MAX - 1,.interrupted = after_some_polls,.interrupt_arg = &left
		};

		stopped = stopped && uc_validity(sample.x, sample.labels, NULL, sample.rows, dim, sample.k, metric, &impatient,
										 &validity, &err) == UC_INTERRUPTED;
	}
	CHECK(stopped, "so do the other measures");
	free_sample(&sample);
}

int
main(void)
{
	refusals();
	for (int weighted = 0; weighted < 2; weighted++)
	{
		against_definition(3, UC_METRIC_EUCLIDEAN, weighted, 0);
		against_definition(40, UC_METRIC_EUCLIDEAN, weighted, 0);
		against_definition(40, UC_METRIC_EUCLIDEAN, weighted, 1000);
		against_definition(40, UC_METRIC_COSINE, weighted, 0);
		against_definition(40, UC_METRIC_COSINE, weighted, 1000);
	}
	sampled(UC_METRIC_EUCLIDEAN);
	sampled(UC_METRIC_COSINE);
	measures(UC_METRIC_EUCLIDEAN);
	measures(UC_METRIC_COSINE);
	weights_are_copies();
	extremes();
	interrupted(3, UC_METRIC_EUCLIDEAN);
	interrupted(40, UC_METRIC_EUCLIDEAN);
	interrupted(40, UC_METRIC_COSINE);
	return check_done();
}
