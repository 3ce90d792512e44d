/*
 * Choosing the number of clusters: the range, the figures for each k, and the rule.
 */
#include "check.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/choose.h"

#define ROWS 400
#define DIM 3

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX - 1};

/* Four round clouds. */
static void
fill(float *x, double spread)
{
	UcRandom	random;

	uc_random_seed(&random, 3, 0);
	for (int row = 0; row < ROWS; row++)
		for (int i = 0; i < DIM; i++)
		{
			double		noise = 0;

			for (int j = 0; j < 6; j++)
				noise += uc_random_unit(&random) - 0.5;
			x[row * DIM + i] = (float) (((row % 4) >> i & 1) * 10 + 1 + spread * noise);
		}
}

static UcChooseOptions
options_for(int k_min, int k_max)
{
	UcChooseOptions options;

	uc_choose_defaults(&options);
	options.k_min = k_min;
	options.k_max = k_max;
	options.kmeans.metric = UC_METRIC_EUCLIDEAN;
	options.kmeans.seed = 1;
	return options;
}

static void
refusals(void)
{
	float		x[ROWS * DIM];
	UcChooseOptions options = options_for(1, 5);
	UcChoice	choices[10];
	UcRun		poor = {.threads = 1,.max_memory = 1000};
	UcError		err = {0};
	double		stability;
	int			count;

	fill(x, 1);
	CHECK_REFUSED(uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err), UC_INVALID_ARGUMENT, &err, "at least 2",
				  "one cluster is no choice");
	options = options_for(5, 4);
	CHECK_REFUSED(uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err), UC_INVALID_ARGUMENT, &err, "empty",
				  "an empty range is refused");
	options = options_for(2, 5);
	CHECK_REFUSED(uc_choose_k(x, 4, DIM, &options, &run, choices, &count, &err), UC_INVALID_ARGUMENT, &err,
				  "at most that of the rows", "more clusters than rows are refused");
	CHECK_REFUSED(uc_choose_k(x, ROWS, DIM, &options, &poor, choices, &count, &err), UC_MEMORY_LIMIT, &err, "choosing",
				  "more than the budget is refused");
	options.fits = 1;
	CHECK_REFUSED(uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err), UC_INVALID_ARGUMENT, &err, "fits",
				  "one fit has no stability");
	options.kmeans.k = 2;
	CHECK_REFUSED(uc_cluster_stability(x, ROWS, DIM, &options.kmeans, 1, &run, &stability, &err), UC_INVALID_ARGUMENT,
				  &err, "fits", "nor has one fit alone");
	x[7] = NAN;
	options.fits = 2;
	CHECK_REFUSED(uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err), UC_INVALID_DATA, &err, "NaN",
				  "a row that is not finite is refused");
}

static bool
same_figures(const UcChoice *a, const UcChoice *b)
{
	return a->k == b->k && a->inertia == b->inertia && a->silhouette.mean == b->silhouette.mean &&
		a->stability == b->stability && a->validity.davies_bouldin == b->validity.davies_bouldin;
}

static void
four_clouds(void)
{
	float		x[ROWS * DIM];
	UcChooseOptions options = options_for(2, 10);
	UcRun		two = {.threads = 2,.max_memory = SIZE_MAX - 1};
	UcChoice	choices[9],
				again[9];
	UcChoiceReason reason;
	UcError		err = {0};
	double		stability;
	bool		sorted = true,
				same = true;
	int			count = 0,
				count_again = 0;

	fill(x, 1);
	uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err);
	uc_choose_k(x, ROWS, DIM, &options, &two, again, &count_again, &err);
	CHECK(count == 9 && count_again == 9 && choices[0].k == 2 && choices[8].k == 10, "a line for each k");
	for (int i = 0; i < count; i++)
	{
		sorted = sorted && (i == 0 || choices[i].inertia <= choices[i - 1].inertia);
		same = same && same_figures(&choices[i], &again[i]);
	}
	CHECK(sorted, "the inertia never rises with k");
	CHECK(same, "the same figures on two threads");
	CHECK(uc_choose_recommend(choices, count, &reason) == 2 && reason == UC_CHOICE_BEST, "four clouds are four clusters");
	CHECK(choices[2].stability == 1 && choices[2].silhouette.mean > 0.7 && choices[8].stability < 0.9,
		  "four are found whatever the seed, ten are not");
	options.kmeans.k = 4;
	uc_cluster_stability(x, ROWS, DIM, &options.kmeans, 3, &run, &stability, &err);
	CHECK(stability == 1, "stability alone says the same");
	options.sample = 100;
	uc_choose_k(x, ROWS, DIM, &options, &run, again, &count_again, &err);
	CHECK(again[2].silhouette.error > 0 && again[2].silhouette.measured < 110 &&
		  fabs(again[2].silhouette.mean - choices[2].silhouette.mean) < 4 * again[2].silhouette.error,
		  "a sampled silhouette is near the exact one");
}

/* A row of weight 2 is as good as two rows, and one of weight 0 is not there. */
static void
weights(void)
{
	enum
	{
	KEPT = 200};
	float		x[ROWS * DIM],
				doubled[2 * ROWS * DIM];
	double		weight[ROWS];
	size_t		copies = 0;
	UcChooseOptions options = options_for(2, 5);
	UcChoice	weighted[4],
				plain[4];
	UcError		err = {0};
	double		with,
				without;
	bool		same = true;
	int			count,
				count_plain;

	fill(x, 1);
	for (int i = 0; i < ROWS; i++)
	{
		weight[i] = i >= KEPT ? 0 : 1 + i % 2;
		for (int copy = 0; copy < weight[i]; copy++)
			memcpy(doubled + copies++ * DIM, x + i * DIM, DIM * sizeof(float));
		if (i >= KEPT)
			for (int j = 0; j < DIM; j++)
				x[i * DIM + j] = (float) (100 + i);
	}
	options.kmeans.weights = weight;
	CHECK(uc_choose_k(x, ROWS, DIM, &options, &run, weighted, &count, &err) == UC_OK && count == 4, "rows may have weights");
	options.kmeans.weights = NULL;
	uc_choose_k(doubled, copies, DIM, &options, &run, plain, &count_plain, &err);
	for (int i = 0; i < count && i < count_plain; i++)
		same = same && fabs(weighted[i].inertia - plain[i].inertia) <= 1e-5 * plain[i].inertia &&
			fabs(weighted[i].validity.davies_bouldin - plain[i].validity.davies_bouldin) <= 1e-4;
	CHECK(same, "weights stand for copies in inertia and measures");
	CHECK(fabs(weighted[2].silhouette.mean - plain[2].silhouette.mean) < 0.02, "and nearly so in the silhouette");
	options.kmeans.k = 7;
	options.kmeans.weights = weight;
	uc_cluster_stability(x, ROWS, DIM, &options.kmeans, 3, &run, &with, &err);
	for (int i = KEPT; i < ROWS; i++)
		for (int j = 0; j < DIM; j++)
			x[i * DIM + j] = (float) (-50 + i % 9);
	uc_cluster_stability(x, ROWS, DIM, &options.kmeans, 3, &run, &without, &err);
	CHECK(with == without && with < 1, "rows of weight 0 do not count for the stability");
}

static void
few_distinct(void)
{
	float		x[12 * DIM];
	UcChooseOptions options = options_for(2, 6);
	UcChoice	choices[5];
	UcChoiceReason reason;
	UcError		err = {0};
	int			count = -1;

	for (int row = 0; row < 12; row++)
		for (int i = 0; i < DIM; i++)
			x[row * DIM + i] = (float) (row % 3 * (i + 1) + 1);
	CHECK(uc_choose_k(x, 12, DIM, &options, &run, choices, &count, &err) == UC_OK && count == 2,
		  "three distinct rows leave two choices");
	CHECK(uc_choose_recommend(choices, count, &reason) == 1 && choices[1].silhouette.mean == 1, "and three is right");
	options.k_max = 3;
	CHECK(uc_choose_k(x, 3, DIM, &options, &run, choices, &count, &err) == UC_OK && count == 2 &&
		  isnan(choices[1].silhouette.mean), "as many clusters as rows have no silhouette");
	CHECK(uc_choose_recommend(choices, count, &reason) == 0, "and are not recommended");
	CHECK(uc_choose_recommend(choices + 1, 1, &reason) == -1 && reason == UC_CHOICE_NONE, "even where nothing else is");
	CHECK(uc_choose_recommend(choices, 0, &reason) == -1, "nothing comes of nothing");
}

static UcChoice
choice(int k, double silhouette, double error, double stability)
{
	return (UcChoice) {.k = k,.silhouette = {.mean = silhouette,.error = error},.stability = stability};
}

static void
rule(void)
{
	UcChoiceReason reason;
	const UcChoice exact[] = {choice(2, 0.49, NAN, 1), choice(3, 0.5, NAN, 0.7), choice(4, 0.9, NAN, 0.5)};
	const UcChoice unstable[] = {choice(2, 0.3, NAN, 0.2), choice(3, 0.2, NAN, 0.4), choice(4, 0.9, NAN, 0.4)};

	CHECK(uc_choose_recommend(exact, 3, &reason) == 1 && reason == UC_CHOICE_BEST, "what is not stable is passed over");
	CHECK(uc_choose_recommend(unstable, 3, &reason) == 1 && reason == UC_CHOICE_LEAST_UNSTABLE,
		  "where none is stable, the most stable one is taken, the smaller among equals");
}

static bool
after_some_polls(void *arg)
{
	int		   *left = arg;

	return (*left)-- <= 0;
}

static void
interrupted(void)
{
	float		x[ROWS * DIM];
	UcChooseOptions options = options_for(2, 10);
	UcChoice	choices[9];
	UcError		err = {0};
	bool		stopped = true;
	int			count;

	fill(x, 1);
	for (int polls = 0; polls < 300; polls += 7)
	{
		int			left = polls;
		UcRun		impatient = {
			.threads = 1,.max_memory = SIZE_MAX - 1,.interrupted = after_some_polls,.interrupt_arg = &left
		};

		stopped = stopped && uc_choose_k(x, ROWS, DIM, &options, &impatient, choices, &count, &err) == UC_INTERRUPTED;
	}
	CHECK(stopped, "choosing stops when asked to, wherever it is");
}

int
main(void)
{
	refusals();
	four_clouds();
	weights();
	few_distinct();
	rule();
	interrupted();
	return check_done();
}
