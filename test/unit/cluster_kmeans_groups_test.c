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
	ROWS = 4000, DIM = 24, GROUPS = 60
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
	size_t		members[ROWS];
	size_t		starts[GROUPS + 1];
} Data;

static void
make_data(Data *data)
{
	size_t		next[GROUPS];

	data->rows = make_rows(ROWS, DIM, 6, 3, 0, 11);
	data->weights = uc_alloc(ROWS * sizeof(double));
	memset(data->starts, 0, sizeof data->starts);
	for (size_t row = 0; row < ROWS; row++)
	{
		data->weights[row] = 1 + (double) (row % 3);
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

static void
refusals(const Data *data)
{
	UcKmeansOptions options = options_for(4, UC_METRIC_EUCLIDEAN);
	UcKmeans	results[GROUPS];
	UcError		err = {0};
	UcRun		run = one_thread;
	int			polls = 0;

	options.k = 0;
	CHECK_REFUSED(uc_kmeans_groups(&data->grouped, &options, &run, results, &err), UC_INVALID_ARGUMENT, &err,
				  "number of clusters", "no clusters are refused");
	options.k = 4;
	run.max_memory = 4096;
	CHECK_REFUSED(uc_kmeans_groups(&data->grouped, &options, &run, results, &err), UC_MEMORY_LIMIT, &err,
				  "in 60 groups", "too little memory is refused");
	run = one_thread;
	run.interrupted = stop_at_third;
	run.interrupt_arg = &polls;
	for (run.threads = 1; run.threads <= 4; run.threads++)
	{
		polls = 0;
		CHECK(uc_kmeans_groups(&data->grouped, &options, &run, results, &err) == UC_INTERRUPTED && results[0].labels == NULL,
			  "%d threads stop when asked to", run.threads);
	}
}

/* Every group equals a fit of its rows alone. */
static bool
as_alone(const Data *data, const UcKmeansOptions *options, const UcKmeans *results)
{
	bool		same = true;

	for (int group = 0; group < GROUPS; group++)
	{
		size_t		count = data->starts[group + 1] - data->starts[group];
		float	   *rows = uc_alloc(count * DIM * sizeof(float));
		double	   *weights = uc_alloc(count * sizeof(double));
		UcKmeansOptions own = *options;
		UcKmeans	alone;

		for (size_t i = 0; i < count; i++)
		{
			size_t		row = data->members[data->starts[group] + i];

			memcpy(rows + i * DIM, data->rows + row * DIM, DIM * sizeof(float));
			weights[i] = data->weights[row];
		}
		own.k = count < (size_t) options->k ? (int) count : options->k;
		own.weights = data->grouped.weights == NULL ? NULL : weights;
		alone = fit(rows, count, DIM, &own, 1);
		same = same && results[group].k == alone.k && results[group].rows == count &&
			results[group].inertia == alone.inertia && labels_are_nearest(&results[group], rows, options->metric) &&
			memcmp(results[group].labels, alone.labels, count * sizeof(int32_t)) == 0 &&
			memcmp(results[group].centroids, alone.centroids, (size_t) alone.k * DIM * sizeof(float)) == 0;
		uc_kmeans_free(&alone);
		uc_free(rows);
		uc_free(weights);
	}
	return same;
}

static void
each_as_alone(Data *data, UcMetric metric, bool weighted)
{
	UcKmeansOptions options = options_for(5, metric);
	UcKmeans	results[GROUPS];
	UcError		err = {0};

	data->grouped.weights = weighted ? data->weights : NULL;
	for (int threads = 1; threads <= 4; threads++)
	{
		UcRun		run = one_thread;

		run.threads = threads;
		CHECK(uc_kmeans_groups(&data->grouped, &options, &run, results, &err) == UC_OK && as_alone(data, &options, results),
			  "%s%s, %d threads: each group is clustered as if alone", metric == UC_METRIC_COSINE ? "cosine" : "euclidean",
			  weighted ? ", weighted" : "", threads);
		CHECK(results[1].k == 1 && results[1].inertia < 1e-12, "a group of one row is one cluster");
		uc_kmeans_groups_free(results, GROUPS);
	}
}

int
main(void)
{
	Data	   *data = uc_alloc(sizeof *data);

	make_data(data);
	refusals(data);
	each_as_alone(data, UC_METRIC_COSINE, false);
	each_as_alone(data, UC_METRIC_EUCLIDEAN, true);
	uc_free(data->rows);
	uc_free(data->weights);
	uc_free(data);
	return check_done();
}
