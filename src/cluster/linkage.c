/*
 * linkage.c
 *	  Linkage over rows, or over micro-clusters of them where the distances between all rows would not fit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/linkage.h"
#include "cluster/linkage_chain.h"
#include "cluster/linkage_mst.h"
#include "cluster/pairwise.h"

#define MAX_ROWS ((size_t) 1 << 30)

/* Beyond this many micro-clusters, finding them takes longer than a finer tree is worth; below the least, no tree. */
#define MOST_MICRO_CLUSTERS 2048
#define LEAST_MICRO_CLUSTERS 64

static UcDistance
distance_of(UcLinkageMethod method, UcMetric metric)
{
	if (metric == UC_METRIC_EUCLIDEAN)
		return UC_DISTANCE_EUCLIDEAN;
	return method == UC_LINKAGE_WARD ? UC_DISTANCE_CHORD : UC_DISTANCE_COSINE;
}

/* ---- memory ---- */

static size_t
result_memory(size_t rows, size_t leaves)
{
	size_t		merges = uc_size_mul(leaves, 2 * sizeof(UcMerge) + 2 * sizeof(int32_t));

	return leaves < rows ? uc_size_add(merges, uc_size_mul(rows, sizeof(int32_t))) : merges;
}

/* The tree over `leaves` points, the result included. */
static size_t
tree_memory(size_t rows, size_t leaves, size_t dim, UcLinkageMethod method, int threads)
{
	size_t		work;

	if (method == UC_LINKAGE_SINGLE)
		work = uc_spanning_tree_memory(leaves, false);
	else
		work = uc_size_add(uc_size_mul(uc_pair_count(leaves), sizeof(double)), uc_linkage_chain_memory(leaves));
	return uc_size_add(uc_size_add(work, result_memory(rows, leaves)), uc_pairwise_memory(leaves, dim, threads));
}

static void
micro_options(UcKmeansOptions *options, size_t leaves, UcMetric metric)
{
	uc_kmeans_defaults(options);
	options->k = (int) leaves;
	options->metric = metric;
	options->restarts = 1;
	options->max_iterations = 20;
	options->refine = false;
}

/* k-means and the tree, which do not run at one time; but k-means' result stays. */
static size_t
micro_memory(size_t rows, size_t leaves, size_t dim, UcLinkageMethod method, UcMetric metric, int threads)
{
	UcKmeansOptions options;
	size_t		kept = uc_size_mul(rows, sizeof(int32_t) + sizeof(double));

	micro_options(&options, leaves, metric);
	kept = uc_size_add(kept, uc_size_mul(leaves, uc_size_mul(dim, sizeof(float))));
	return uc_size_add(uc_size_add(tree_memory(rows, leaves, dim, method, threads), kept),
					   uc_kmeans_memory(rows, dim, &options, threads));
}

static size_t
least_micro_clusters(size_t rows)
{
	return rows / 2 < LEAST_MICRO_CLUSTERS ? rows / 2 : LEAST_MICRO_CLUSTERS;
}

size_t
uc_linkage_memory(size_t rows, size_t dim, UcLinkageMethod method, UcMetric metric, int threads)
{
	size_t		whole = tree_memory(rows, rows, dim, method, threads);
	size_t		micro;

	if (rows < 4)
		return whole;
	micro = micro_memory(rows, least_micro_clusters(rows), dim, method, metric, threads);
	return micro < whole ? micro : whole;
}

/* As many leaves as the memory allows: all rows, or micro-clusters. 0: not even the fewest. */
static size_t
choose_leaves(size_t rows, size_t dim, UcLinkageMethod method, UcMetric metric, const UcRun *run)
{
	size_t		fits,
				too_many;

	if (tree_memory(rows, rows, dim, method, run->threads) <= run->max_memory)
		return rows;
	fits = rows < 4 ? 0 : least_micro_clusters(rows);
	if (fits == 0 || micro_memory(rows, fits, dim, method, metric, run->threads) > run->max_memory)
		return 0;
	too_many = (rows / 2 < MOST_MICRO_CLUSTERS ? rows / 2 : MOST_MICRO_CLUSTERS) + 1;
	while (fits + 1 < too_many)
	{
		size_t		middle = fits + (too_many - fits) / 2;

		if (micro_memory(rows, middle, dim, method, metric, run->threads) <= run->max_memory)
			fits = middle;
		else
			too_many = middle;
	}
	return fits;
}

/* ---- the tree ---- */

static UcStatus
join_rows(const float *rows, size_t leaves, size_t dim, UcLinkageMethod method, UcMetric metric,
		  const double *weights, const int64_t *sizes, UcMerge *merges, const UcRun *run, UcError *err)
{
	UcPairwise	pairwise;
	UcStatus	status = uc_pairwise_create(&pairwise, rows, leaves, dim, distance_of(method, metric), run, err);

	if (status != UC_OK)
		return status;
	if (method == UC_LINKAGE_SINGLE)
	{
		bool		matrix = dim >= UC_FEW_DIMENSIONS &&
			uc_size_add(uc_spanning_tree_memory(leaves, true),
						uc_size_add(result_memory(leaves, leaves),
									uc_pairwise_memory(leaves, dim, run->threads))) <= run->max_memory;

		status = uc_spanning_tree(&pairwise, NULL, matrix, merges, run, err);
		uc_pairwise_free(&pairwise);
	}
	else
	{
		size_t		bytes = uc_size_mul(uc_pair_count(leaves), sizeof(double));
		double	   *matrix = uc_alloc(bytes > 0 ? bytes : 1);

		status = matrix == NULL ? uc_out_of_memory(err, bytes) : uc_pairwise_matrix(&pairwise, matrix, run, err);
		uc_pairwise_free(&pairwise);
		if (status == UC_OK)
			status = uc_linkage_chain(matrix, leaves, method, weights, merges, run, err);
		uc_free(matrix);
	}
	return status == UC_OK ? uc_tree_number(merges, leaves, sizes, err) : status;
}

static UcStatus
create_result(UcLinkage *result, size_t rows, size_t leaves, UcError *err)
{
	result->rows = rows;
	result->leaves = leaves;
	result->merges = uc_alloc(uc_size_mul(leaves, sizeof(UcMerge)));
	return result->merges == NULL ? uc_out_of_memory(err, leaves * sizeof(UcMerge)) : UC_OK;
}

static UcStatus
join_micro_clusters(const float *rows, size_t count, size_t leaves, size_t dim, UcLinkageMethod method,
					UcMetric metric, const double *weights, const UcRun *run, UcLinkage *result, UcError *err)
{
	UcKmeansOptions options;
	UcKmeans	micro;
	double	   *micro_weights = NULL;
	UcStatus	status;

	micro_options(&options, leaves, metric);
	status = uc_kmeans(rows, count, dim, &options, run, &micro, err);
	if (status != UC_OK)
		return status;
	leaves = (size_t) micro.k;
	status = create_result(result, count, leaves, err);
	if (status == UC_OK)
	{
		result->leaf_of = uc_alloc(uc_size_mul(count, sizeof(int32_t)));
		micro_weights = uc_alloc_zeroed(uc_size_mul(leaves, sizeof(double)));
		if (result->leaf_of == NULL || micro_weights == NULL)
			status = uc_out_of_memory(err, count * sizeof(int32_t));
	}
	if (status == UC_OK)
	{
		memcpy(result->leaf_of, micro.labels, count * sizeof(int32_t));
		for (size_t i = 0; i < count; i++)
			micro_weights[micro.labels[i]] += weights == NULL ? 1 : weights[i];
		status = join_rows(micro.centroids, leaves, dim, method, metric, micro_weights, micro.sizes, result->merges,
						   run, err);
	}
	uc_free(micro_weights);
	uc_kmeans_free(&micro);
	return status;
}

UcStatus
uc_linkage(const float *rows, size_t count, size_t dim, UcLinkageMethod method, UcMetric metric,
		   const double *weights, const UcRun *run, UcLinkage *result, UcError *err)
{
	char		what[128];
	size_t		leaves;
	UcStatus	status;

	memset(result, 0, sizeof *result);
	if (count == 0 || dim == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no rows to join");
	if (count > MAX_ROWS)
		return uc_error(err, UC_LIMIT_EXCEEDED, "hierarchical clustering takes at most %zu rows, not %zu", MAX_ROWS, count);
	for (size_t i = 0; weights != NULL && i < count; i++)
		if (!(weights[i] > 0) || !isfinite(weights[i]))
			return uc_error(err, UC_INVALID_DATA, "the weight of row %zu is %g and must be positive", i + 1, weights[i]);
	leaves = choose_leaves(count, dim, method, metric, run);
	if (leaves == 0)
	{
		snprintf(what, sizeof what, "hierarchical clustering of %zu rows of %zu dimensions", count, dim);
		return uc_check_budget(what, uc_linkage_memory(count, dim, method, metric, run->threads), run->max_memory, err);
	}
	if (leaves < count)
		status = join_micro_clusters(rows, count, leaves, dim, method, metric, weights, run, result, err);
	else
	{
		status = create_result(result, count, count, err);
		if (status == UC_OK)
			status = join_rows(rows, count, dim, method, metric, weights, NULL, result->merges, run, err);
	}
	if (status != UC_OK)
		uc_linkage_free(result);
	return status;
}

void
uc_linkage_free(UcLinkage *result)
{
	uc_free(result->merges);
	uc_free(result->leaf_of);
	memset(result, 0, sizeof *result);
}

/* ---- cuts ---- */

UcStatus
uc_tree_cut(const UcLinkage *linkage, int64_t k, int32_t *labels, UcError *err)
{
	size_t		clusters;

	if (k < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "k must be at least 1, not %lld", (long long) k);
	if ((uint64_t) k > linkage->leaves)
		return uc_error(err, UC_INVALID_ARGUMENT, "k must be at most the number of %s: %lld clusters, %zu %s",
						linkage->leaf_of == NULL ? "rows" : "micro-clusters", (long long) k, linkage->leaves,
						linkage->leaf_of == NULL ? "rows" : "micro-clusters");
	return uc_tree_labels(linkage->merges, linkage->leaves, linkage->leaf_of, linkage->rows,
						  linkage->leaves - (size_t) k, labels, &clusters, err);
}

UcStatus
uc_tree_cut_height(const UcLinkage *linkage, double height, int32_t *labels, size_t *clusters, UcError *err)
{
	size_t		joins = 0;

	if (!(height >= 0))
		return uc_error(err, UC_INVALID_ARGUMENT, "height must be a number of at least 0, not %g", height);
	while (joins + 1 < linkage->leaves && linkage->merges[joins].height <= height)
		joins++;
	return uc_tree_labels(linkage->merges, linkage->leaves, linkage->leaf_of, linkage->rows, joins, labels, clusters,
						  err);
}
