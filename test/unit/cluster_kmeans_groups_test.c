/*
 * k-means by group: what it refuses, and that each group is clustered as if it were alone.
 */
#include "check.h"

#include <string.h>

#include "base/memory.h"
#include "cluster/kmeans_groups.h"
#include "kmeans_data.h"

enum
{
	ROWS = 4000, DIM = 24, GROUPS = 60, FEATURES = 2, LANGUAGES = 5
};

/* One group of half the rows, one of a single row, the others of some sixty. */
static int
group_of(size_t row)
{
	return row == 7 ? 1 : row % 2 == 0 ? 0 : 2 + (int) ((row * 2654435761u >> 7) % (GROUPS - 2));
}

typedef struct Data
{
	UcGroupedRows grouped;
	float	   *rows;
	double	   *weights;
	double	   *features;		/* [ROWS, FEATURES] */
	int32_t    *languages;
	size_t		members[ROWS];
	size_t		starts[GROUPS + 1];
} Data;

static void
make_data(Data *data)
{
	size_t		next[GROUPS];

	data->rows = make_rows(ROWS, DIM, 6, 3, 0, 11);
	data->weights = uc_alloc(ROWS * sizeof(double));
	data->features = uc_alloc(ROWS * FEATURES * sizeof(double));
	data->languages = uc_alloc(ROWS * sizeof(int32_t));
	memset(data->starts, 0, sizeof data->starts);
	for (size_t row = 0; row < ROWS; row++)
	{
		data->weights[row] = 1 + (double) (row % 3);
		data->features[row * FEATURES] = row % 11 == 0 ? NAN : (double) (row % 7);
		data->features[row * FEATURES + 1] = (double) (row * row % 13) * 1e9;
		/* the group of many rows has all languages, others have some of them */
		data->languages[row] = row % 10 == 9 ? -1 : group_of(row) == 0 ? (int32_t) (row % LANGUAGES) : (int32_t) (row % 3);
		data->starts[group_of(row) + 1]++;
	}
	for (int group = 0; group < GROUPS; group++)
	{
		data->starts[group + 1] += data->starts[group];
		next[group] = data->starts[group];
	}
	for (size_t row = 0; row < ROWS; row++)
		data->members[next[group_of(row)]++] = row;
	data->grouped = (UcGroupedRows) {
		.rows = data->rows,.dim = DIM,.groups = GROUPS,.members = data->members,.starts = data->starts
	};
}

static bool
stop_at_third(void *polls)
{
	return ++*(int *) polls >= 3;
}

static UcGroupOptions
group_options(int k, UcMetric metric)
{
	return (UcGroupOptions) {.kmeans = options_for(k, metric),.feature_weight = 0.5};
}

static void
refusals(const Data *data)
{
	UcGroupOptions options = group_options(4, UC_METRIC_EUCLIDEAN);
	UcGroupFit	fits[GROUPS];
	UcError		err = {0};
	UcRun		run = one_thread;
	int			polls = 0;

	options.kmeans.k = 0;
	CHECK_REFUSED(uc_kmeans_groups(&data->grouped, &options, &run, fits, &err), UC_INVALID_ARGUMENT, &err,
				  "number of clusters", "no clusters are refused");
	options.kmeans.k = 4;
	run.max_memory = 4096;
	CHECK_REFUSED(uc_kmeans_groups(&data->grouped, &options, &run, fits, &err), UC_MEMORY_LIMIT, &err,
				  "in 60 groups", "too little memory is refused");
	run = one_thread;
	run.interrupted = stop_at_third;
	run.interrupt_arg = &polls;
	for (run.threads = 1; run.threads <= 4; run.threads++)
	{
		polls = 0;
		CHECK(uc_kmeans_groups(&data->grouped, &options, &run, fits, &err) == UC_INTERRUPTED &&
			  fits[0].kmeans.labels == NULL, "%d threads stop when asked to", run.threads);
	}
}

/* One group's rows, with languages numbered among themselves. */
typedef struct Group
{
	size_t		count;
	float	   *rows;
	double	   *weights;
	double	   *features;
	int32_t    *languages;
	int			language_count;
} Group;

static Group
take_group(const Data *data, int group)
{
	Group		own = {.count = data->starts[group + 1] - data->starts[group]};
	int			numbers[LANGUAGES];

	own.rows = uc_alloc(own.count * DIM * sizeof(float));
	own.weights = uc_alloc(own.count * sizeof(double));
	own.features = uc_alloc(own.count * FEATURES * sizeof(double));
	own.languages = uc_alloc(own.count * sizeof(int32_t));
	for (int language = 0; language < LANGUAGES; language++)
	{
		bool		there = false;

		for (size_t i = 0; i < own.count; i++)
			there = there || data->languages[data->members[data->starts[group] + i]] == language;
		numbers[language] = there ? own.language_count++ : -1;
	}
	for (size_t i = 0; i < own.count; i++)
	{
		size_t		row = data->members[data->starts[group] + i];

		memcpy(own.rows + i * DIM, data->rows + row * DIM, DIM * sizeof(float));
		memcpy(own.features + i * FEATURES, data->features + row * FEATURES, FEATURES * sizeof(double));
		own.weights[i] = data->weights[row];
		own.languages[i] = data->languages[row] < 0 ? -1 : numbers[data->languages[row]];
	}
	return own;
}

static void
free_group(Group *own)
{
	uc_free(own->rows);
	uc_free(own->weights);
	uc_free(own->features);
	uc_free(own->languages);
}

/* Replaces the rows by the prepared ones, of which it returns the length. */
static size_t
prepare_alone(Group *own, const Data *data, const UcGroupOptions *options)
{
	UcPrepareInput input = {
		.rows = own->rows,.count = own->count,.dim = DIM,.weights = data->grouped.weights == NULL ? NULL : own->weights,
		.groups = data->grouped.languages != NULL && own->language_count > 0 ? own->languages : NULL,
		.group_count = data->grouped.languages == NULL ? 0 : own->language_count,
		.features = data->grouped.features == NULL ? NULL : own->features,.feature_count = data->grouped.feature_count,
		.feature_weight = options->feature_weight,.directions = options->kmeans.metric == UC_METRIC_COSINE
	};
	UcPreparationMethod method = options->method;
	UcPreparation preparation;
	size_t		components = 0,
				dim;
	float	   *prepared;
	UcError		err = {0};

	if (options->automatic)
		uc_prepare_auto(own->count, DIM, input.directions, input.group_count > 1, &method, &components);
	if (method == UC_PREPARE_NONE && input.feature_count == 0)
		return DIM;
	uc_prepare_fit(&input, method, components, &one_thread, &preparation, &err);
	dim = preparation.out_dim + preparation.features;
	prepared = uc_alloc(own->count * dim * sizeof(float));
	uc_prepare_apply(&preparation, own->rows, own->count, input.groups, input.features, &one_thread, prepared, &err);
	uc_prepare_free(&preparation);
	uc_free(own->rows);
	own->rows = prepared;
	return dim;
}

/* Every group equals a fit of its rows alone. */
static bool
as_alone(const Data *data, const UcGroupOptions *options, const UcGroupFit *fits)
{
	bool		same = true;

	for (int group = 0; group < GROUPS; group++)
	{
		Group		own = take_group(data, group);
		size_t		dim = prepare_alone(&own, data, options);
		UcKmeansOptions kmeans = options->kmeans;
		const UcKmeans *found = &fits[group].kmeans;
		UcKmeans	alone;

		kmeans.k = own.count < (size_t) kmeans.k ? (int) own.count : kmeans.k;
		kmeans.weights = data->grouped.weights == NULL ? NULL : own.weights;
		alone = fit(own.rows, own.count, dim, &kmeans, 1);
		same = same && found->k == alone.k && found->rows == own.count && found->dim == dim &&
			found->inertia == alone.inertia && labels_are_nearest(found, own.rows, kmeans.metric) &&
			memcmp(found->labels, alone.labels, own.count * sizeof(int32_t)) == 0 &&
			memcmp(found->centroids, alone.centroids, (size_t) alone.k * dim * sizeof(float)) == 0;
		uc_kmeans_free(&alone);
		free_group(&own);
	}
	return same;
}

static void
each_as_alone(Data *data, const UcGroupOptions *options, bool weighted, bool more)
{
	UcGroupFit	fits[GROUPS];
	UcError		err = {0};

	data->grouped.weights = weighted ? data->weights : NULL;
	data->grouped.features = more ? data->features : NULL;
	data->grouped.feature_count = more ? FEATURES : 0;
	data->grouped.languages = more ? data->languages : NULL;
	data->grouped.language_count = more ? LANGUAGES : 0;
	for (int threads = 1; threads <= 4; threads++)
	{
		UcRun		run = one_thread;

		run.threads = threads;
		CHECK(uc_kmeans_groups(&data->grouped, options, &run, fits, &err) == UC_OK && as_alone(data, options, fits),
			  "%s%s, preparation %s%s, %d threads: each group is clustered as if alone",
			  options->kmeans.metric == UC_METRIC_COSINE ? "cosine" : "euclidean", weighted ? ", weighted" : "",
			  options->automatic ? "by the rule" : options->method == UC_PREPARE_WHITENED ? "whitened" : "none",
			  more ? ", languages and features" : "", threads);
		CHECK(fits[1].kmeans.k == 1 && fits[1].kmeans.inertia < 1e-12, "a group of one row is one cluster");
		uc_kmeans_groups_free(fits, GROUPS);
	}
}

int
main(void)
{
	Data	   *data = uc_alloc(sizeof *data);
	UcGroupOptions options;

	make_data(data);
	refusals(data);
	options = group_options(5, UC_METRIC_COSINE);
	each_as_alone(data, &options, false, false);
	options.method = UC_PREPARE_WHITENED;
	each_as_alone(data, &options, true, true);
	options = group_options(5, UC_METRIC_EUCLIDEAN);
	each_as_alone(data, &options, true, false);
	options.automatic = true;
	each_as_alone(data, &options, false, true);
	uc_free(data->rows);
	uc_free(data->weights);
	uc_free(data->features);
	uc_free(data->languages);
	uc_free(data);
	return check_done();
}
