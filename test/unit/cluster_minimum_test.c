/*
 * A least number of rows in each cluster: the transport against another exact method, k-means against all divisions of
 * small sets, and what holds for every result.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "cluster/transport.h"
#include "kmeans_data.h"

/* ---- what is refused ---- */

static void
refusals(void)
{
	static const float x[] = {0, 1, 2, 3, 4, 5, 6};
	UcKmeansOptions options = options_for(3, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;
	UcError		err = {0};

	options.min_size = 3;
	CHECK_REFUSED(uc_kmeans(x, 7, 1, &options, &one_thread, &result, &err), UC_INVALID_ARGUMENT, &err, "too few rows",
				  "three clusters of three rows of seven");
	CHECK(strstr(err.detail, "need 9 rows, and there are 7.") != NULL, "both numbers are told");
	options.min_size = SIZE_MAX / 2;
	CHECK_REFUSED(uc_kmeans(x, 7, 1, &options, &one_thread, &result, &err), UC_INVALID_ARGUMENT, &err, "too few rows",
				  "a size that overflows");
	options.min_size = 2;
	options.weights = (const double[]) {1, 0, 1, 0, 1, 1, 1};
	CHECK_REFUSED(uc_kmeans(x, 7, 1, &options, &one_thread, &result, &err), UC_INVALID_ARGUMENT, &err, "too few rows",
				  "rows of weight 0 do not count");
	CHECK(strstr(err.detail, "need 6 rows, and there are 5 that have a weight.") != NULL, "and the detail says so");
}

/* ---- the transport ---- */

/*
 * The least cost of giving n rows to n places, costs [n, n], by the method of Kuhn and Munkres with potentials, one row
 * after the other.
 */
static double
assignment_cost(const double *costs, int n)
{
	double	   *u = uc_alloc_zeroed((size_t) (n + 1) * sizeof(double)),
			   *v = uc_alloc_zeroed((size_t) (n + 1) * sizeof(double)),
			   *slack = uc_alloc((size_t) (n + 1) * sizeof(double)),
				total = 0;
	int		   *row_of = uc_alloc_zeroed((size_t) (n + 1) * sizeof(int)),
			   *way = uc_alloc((size_t) (n + 1) * sizeof(int));
	bool	   *used = uc_alloc((size_t) (n + 1) * sizeof(bool));

	for (int row = 1; row <= n; row++)
	{
		int			at = 0;

		row_of[0] = row;
		for (int j = 0; j <= n; j++)
		{
			slack[j] = INFINITY;
			used[j] = false;
		}
		do
		{
			double		delta = INFINITY;
			int			nearest = 0;

			used[at] = true;
			for (int j = 1; j <= n; j++)
			{
				double		reduced;

				if (used[j])
					continue;
				reduced = costs[(row_of[at] - 1) * n + j - 1] - u[row_of[at]] - v[j];
				if (reduced < slack[j])
				{
					slack[j] = reduced;
					way[j] = at;
				}
				if (slack[j] < delta)
				{
					delta = slack[j];
					nearest = j;
				}
			}
			for (int j = 0; j <= n; j++)
				if (used[j])
				{
					u[row_of[j]] += delta;
					v[j] -= delta;
				}
				else
					slack[j] -= delta;
			at = nearest;
		} while (row_of[at] != 0);
		for (; at != 0; at = way[at])
			row_of[at] = row_of[way[at]];
	}
	for (int j = 1; j <= n; j++)
		total += costs[(row_of[j] - 1) * n + j - 1];
	uc_free(u);
	uc_free(v);
	uc_free(slack);
	uc_free(row_of);
	uc_free(way);
	uc_free(used);
	return total;
}

/* Places: `least` of each cluster, and for the rest whichever is cheapest. */
static double
least_cost(const float *costs, int rows, int k, int least)
{
	double	   *square = uc_alloc((size_t) (rows * rows) * sizeof(double)),
				total;

	for (int row = 0; row < rows; row++)
		for (int place = 0; place < rows; place++)
		{
			double		cheapest = INFINITY;

			for (int j = 0; j < k; j++)
				cheapest = fmin(cheapest, costs[j * rows + row]);
			square[row * rows + place] = place < k * least ? costs[place / least * rows + row] : cheapest;
		}
	total = assignment_cost(square, rows);
	uc_free(square);
	return total;
}

static void
transport_is_exact(bool ties)
{
	UcRandom	random;
	int			exact = 0,
				enough = 0,
				tried = 0;

	uc_random_seed(&random, 5, ties);
	for (int rows = 1; rows <= 60; rows += 1 + rows / 6)
		for (int k = 1; k <= 9 && k <= rows; k++)
			for (int least = 0; least <= rows / k; least += 1 + rows / k / 4)
			{
				float	   *costs = uc_alloc((size_t) (rows * k) * sizeof(float)),
						   *other = uc_alloc((size_t) (rows * k) * sizeof(float));
				size_t		counts[9] = {0};
				double		total = 0;
				bool		met = true;
				UcTransport transport;
				UcError		err;

				for (int i = 0; i < rows * k; i++)
					costs[i] = ties ? (float) uc_random_below(&random, 4) : (float) (uc_random_unit(&random) * (1 + i / rows));
				uc_transport_create(&transport, (size_t) rows, k, &err);
				/* prices of costs that were something else */
				if (ties || tried % 2 == 0)
				{
					for (int i = 0; i < rows * k; i++)
						other[i] = costs[i] + (float) (0.4 * uc_random_unit(&random));
					uc_transport_solve(&transport, other, (size_t) least, &one_thread, &err);
				}
				uc_transport_solve(&transport, costs, (size_t) least, &one_thread, &err);
				for (int row = 0; row < rows; row++)
				{
					counts[transport.labels[row]]++;
					total += costs[transport.labels[row] * rows + row];
				}
				for (int j = 0; j < k; j++)
					met = met && counts[j] >= (size_t) least && counts[j] == transport.counts[j];
				enough += met;
				exact += fabs(total - least_cost(costs, rows, k, least)) <= 1e-5 * (1 + total);
				tried++;
				uc_transport_free(&transport);
				uc_free(costs);
				uc_free(other);
			}
	CHECK(enough == tried, "each cluster has its rows in %d transports%s", tried, ties ? " with equal costs" : "");
	CHECK(exact == tried, "at the least cost (%d)", exact);
}

/* ---- against all divisions of small sets ---- */

static double
best_division(const float *x, int rows, size_t dim, int k, int least)
{
	double		best = INFINITY;
	int			all = 1;

	for (int row = 0; row < rows; row++)
		all *= k;
	for (int code = 0; code < all; code++)
	{
		double		inertia = 0;
		bool		met = true;

		for (int part = 0; met && part < k; part++)
			for (size_t i = 0; met && i < dim; i++)
			{
				double		sum = 0,
							squares = 0;
				int			count = 0;

				for (int row = 0, rest = code; row < rows; row++, rest /= k)
					if (rest % k == part)
					{
						double		value = x[(size_t) row * dim + i];

						sum += value;
						squares += value * value;
						count++;
					}
				met = count >= least;
				inertia += count > 0 ? squares - sum * sum / count : 0;
			}
		if (met)
			best = fmin(best, inertia);
	}
	return best;
}

static void
near_the_optimum(void)
{
	double		sum = 0,
				worst = 0;
	int			found = 0,
				tried = 0;

	for (int rows = 6; rows <= 9; rows++)
		for (int k = 2; k <= 3; k++)
			for (int set = 0; set < 25; set++)
			{
				int			least = rows / k - set % 2;
				float	   *x = make_rows((size_t) rows, 2, 2, 3, 0, (uint64_t) (rows * 1000 + k * 100 + set));
				UcKmeansOptions options = options_for(k, UC_METRIC_EUCLIDEAN);
				UcKmeans	result;
				double		ratio;

				options.restarts = 10;
				options.min_size = (size_t) least;
				result = fit(x, (size_t) rows, 2, &options, 1);
				ratio = result.inertia / best_division(x, rows, 2, k, least);
				found += ratio < 1 + 1e-5;
				sum += ratio;
				worst = fmax(worst, ratio);
				tried++;
				uc_kmeans_free(&result);
				uc_free(x);
			}
	CHECK(found * 100 >= tried * 90 && sum < 1.01 * tried,
		  "%d sets of 6 to 9 rows: %d times the optimum of all divisions, inertia %.4f times it on average, %.3f at most", tried,
		  found, sum / tried, worst);
}

/* ---- what holds for every result ---- */

static bool
holds(const UcKmeans *result, const float *x, const UcKmeansOptions *options)
{
	bool		good = totals_agree(result, options->metric);
	size_t	   *counts = uc_alloc_zeroed((size_t) result->k * sizeof(size_t));

	for (size_t row = 0; row < result->rows; row++)
	{
		const float *centroid = result->centroids + (size_t) result->labels[row] * result->dim;

		counts[result->labels[row]]++;
		good = good && fabs(result->distances[row] -
							distance_by_definition(x + row * result->dim, centroid, result->dim, options->metric)) < 1e-9;
	}
	for (int j = 0; j < result->k; j++)
		good = good && counts[j] >= options->min_size;
	uc_free(counts);
	return good;
}

static void
sizes_hold(size_t rows, size_t dim, int k, size_t least, UcMetric metric)
{
	float	   *x = make_rows(rows, dim, k / 2 + 1, 2, 0, rows + dim);
	UcKmeansOptions options = options_for(k, metric);
	UcKmeans	plain = fit(x, rows, dim, &options, 1),
				one,
				other;

	options.min_size = least;
	one = fit(x, rows, dim, &options, 1);
	CHECK(one.k == k && one.converged && holds(&one, x, &options),
		  "%zu x %zu, k = %d: at least %zu rows in each cluster, %.4f times the inertia", rows, dim, k, least,
		  one.inertia / plain.inertia);
	CHECK(one.inertia >= plain.inertia * (1 - 1e-9), "and not less inertia than without");
	for (int threads = 2; threads <= 3; threads++)
	{
		other = fit(x, rows, dim, &options, threads);
		CHECK(same_result(&one, &other), "1 and %d threads give the same bits", threads);
		uc_kmeans_free(&other);
	}
	uc_kmeans_free(&one);
	options.max_iterations = 1;
	one = fit(x, rows, dim, &options, 1);
	CHECK(one.k == k && holds(&one, x, &options), "also where iterations are cut short");
	uc_kmeans_free(&one);
	options.max_iterations = 300;
	options.min_size = (size_t) plain.sizes[k - 1];
	one = fit(x, rows, dim, &options, 1);
	CHECK(same_result(&one, &plain), "a size that all clusters have changes nothing");
	uc_kmeans_free(&one);
	uc_kmeans_free(&plain);
	uc_free(x);
}

static void
identical_rows_part(UcMetric metric)
{
	float		x[40];
	UcKmeansOptions options = options_for(3, metric);
	UcKmeans	result;

	/* sixteen rows here and four there */
	for (int i = 0; i < 40; i++)
		x[i] = i < 32 ? 1 : (float) (i % 2);
	options.min_size = 6;
	result = fit(x, 20, 2, &options, 1);
	CHECK(result.k == 2 && result.sizes[1] == 6 && holds(&result, x, &options),
		  "two distinct rows make two clusters, and identical rows part where one is too small");
	uc_kmeans_free(&result);
	for (int i = 0; i < 40; i++)
		x[i] = 1;
	result = fit(x, 20, 2, &options, 1);
	CHECK(result.k == 1 && result.sizes[0] == 20, "rows that are all the same are one cluster");
	uc_kmeans_free(&result);
}

/* Two far rows of weight 0 keep no cluster from being small, and do not fill one. */
static void
weights_count(void)
{
	static const float x[] = {0, 1, 2, 3, 10, 11, 12, 90, -90};
	UcKmeansOptions options = options_for(2, UC_METRIC_EUCLIDEAN);
	UcKmeans	result;

	options.weights = (const double[]) {1, 1, 1, 1, 1, 1, 5, 0, 0};
	options.min_size = 3;
	result = fit(x, 9, 1, &options, 1);
	CHECK(result.labels[4] == result.labels[6] && result.labels[7] == result.labels[6] && result.labels[8] == result.labels[0],
		  "rows of weight 0 take the nearest centroid");
	uc_kmeans_free(&result);
	options.weights = (const double[]) {1, 1, 1, 1, 1, 0, 5, 0, 0};
	result = fit(x, 9, 1, &options, 1);
	CHECK(result.labels[3] == result.labels[6] && fabs((double) result.centroids[result.labels[6]] - 73.0 / 7) < 1e-5,
		  "and do not count towards the size: a row moves, and counts as much as it weighs");
	uc_kmeans_free(&result);
	options.weights = (const double[]) {1e6, 1, 1, 1, 1e-6, 1, 1, 0, 1};
	result = fit(x, 9, 1, &options, 1);
	CHECK(result.labels[8] == result.labels[4] && result.labels[8] == result.labels[1] && result.labels[8] != result.labels[0],
		  "the rows that join a far one are those of which this costs least");
	uc_kmeans_free(&result);
}

/* Few rows of any kind: repeated, of no weight, far away, of one dimension; the sizes hold whatever they are. */
static void
any_rows(void)
{
	UcRandom	random;
	int			held = 0,
				tried = 0;

	uc_random_seed(&random, 12, 0);
	for (int set = 0; set < 400; set++)
	{
		size_t		rows = 1 + uc_random_below(&random, 40),
					dim = 1 + uc_random_below(&random, set % 2 ? 3 : 20),
					counted = 0;
		float	   *x = uc_alloc(rows * dim * sizeof(float));
		double	   *weights = uc_alloc(rows * sizeof(double));
		UcKmeansOptions options = options_for(1, set % 3 == 0 ? UC_METRIC_COSINE : UC_METRIC_EUCLIDEAN);
		UcKmeans	result;
		size_t	   *counts;
		bool		good;

		for (size_t row = 0; row < rows; row++)
		{
			weights[row] = row > 0 && uc_random_below(&random, 3) == 0 ? 0 : ldexp(1 + uc_random_unit(&random), -(int) uc_random_below(&random, 300));
			counted += weights[row] > 0;
			for (size_t i = 0; i < dim; i++)
				x[row * dim + i] = (float) (1 + uc_random_below(&random, 3)) * (set % 5 == 0 && row == 0 ? 1e20f : 1);
		}
		options.weights = set % 4 == 0 ? weights : NULL;
		counted = options.weights == NULL ? rows : counted;
		options.k = 1 + (int) uc_random_below(&random, counted);
		options.min_size = counted / (size_t) options.k;
		options.init = set % 7 == 0 ? UC_INIT_SCALABLE : UC_INIT_AUTO;
		options.batch_rows = set % 6 == 0 ? 5 : 0;
		result = fit(x, rows, dim, &options, 1);
		good = result.k >= 1 && result.k <= options.k;
		counts = uc_alloc_zeroed((size_t) options.k * sizeof(size_t));
		for (size_t row = 0; good && row < rows; row++)
			counts[result.labels[row]] += options.weights == NULL || weights[row] > 0;
		for (int j = 0; good && j < result.k; j++)
			good = counts[j] >= options.min_size;
		held += good;
		tried++;
		uc_free(counts);
		uc_kmeans_free(&result);
		uc_free(weights);
		uc_free(x);
	}
	CHECK(held == tried, "%d of %d fits over any rows give each cluster enough", held, tried);
}

static void
interrupts(void)
{
	float	   *x = make_rows(1500, 20, 10, 1, 0, 2);
	UcKmeansOptions options = options_for(10, UC_METRIC_COSINE);

	options.min_size = 150;
	stops_everywhere(x, 1500, 20, &options);
	uc_free(x);
}

int
main(void)
{
	refusals();
	transport_is_exact(false);
	transport_is_exact(true);
	near_the_optimum();
	sizes_hold(900, 3, 10, 60, UC_METRIC_EUCLIDEAN);
	sizes_hold(2000, 24, 20, 100, UC_METRIC_EUCLIDEAN);
	sizes_hold(2000, 24, 20, 60, UC_METRIC_COSINE);
	identical_rows_part(UC_METRIC_EUCLIDEAN);
	weights_count();
	any_rows();
	interrupts();
	return check_done();
}
