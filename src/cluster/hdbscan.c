/*
 * hdbscan.c
 *	  Core distances, the spanning tree of mutual reachability, and labels from its condensed tree.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/hdbscan.h"
#include "cluster/hdbscan_tree.h"
#include "cluster/linkage_mst.h"
#include "cluster/pairwise.h"

#define MAX_ROWS ((size_t) 1 << 29)

static size_t
memory_needed(size_t rows, size_t dim, const UcHdbscanOptions *options, int threads, bool matrix)
{
	size_t		samples = options->min_samples < 1 ? 1 : (size_t) options->min_samples;
	size_t		search = uc_size_add(uc_pairwise_memory(rows, dim, threads),
									 uc_size_add(uc_pairwise_kth_memory(samples < rows ? samples : rows, threads),
												 uc_spanning_tree_memory(rows, matrix)));
	/* labels, memberships, core distances, merges with the copy for sorting, sets */
	size_t		kept = uc_size_mul(rows, sizeof(int32_t) + 2 * sizeof(double) + 2 * sizeof(UcMerge) + 32);

	return uc_size_add(uc_size_add(search, kept), uc_hdbscan_tree_memory(rows));
}

size_t
uc_hdbscan_memory(size_t rows, size_t dim, const UcHdbscanOptions *options, int threads)
{
	return memory_needed(rows, dim, options, threads, false);
}

static UcStatus
check_options(size_t count, size_t dim, const UcHdbscanOptions *options, const UcRun *run, UcError *err)
{
	char		what[128];

	if (count == 0 || dim == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no rows to cluster");
	if (options->min_cluster_size < 2)
		return uc_error(err, UC_INVALID_ARGUMENT, "min_cluster_size must be at least 2, not %d",
						options->min_cluster_size);
	if (options->min_samples < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "min_samples must be at least 1, not %d", options->min_samples);
	if ((size_t) options->min_samples > count)
		return uc_error(err, UC_INVALID_ARGUMENT, "min_samples must be at most the number of rows: %d samples, %zu rows",
						options->min_samples, count);
	if (count > MAX_ROWS)
		return uc_error(err, UC_LIMIT_EXCEEDED, "HDBSCAN takes at most %zu rows, not %zu", MAX_ROWS, count);
	snprintf(what, sizeof what, "HDBSCAN over %zu rows of %zu dimensions", count, dim);
	return uc_check_budget(what, uc_hdbscan_memory(count, dim, options, run->threads), run->max_memory, err);
}

static UcStatus
span(const float *rows, size_t count, size_t dim, const UcHdbscanOptions *options, UcMerge *merges, double *core,
	 const UcRun *run, UcError *err)
{
	bool		matrix = dim >= UC_FEW_DIMENSIONS &&
		memory_needed(count, dim, options, run->threads, true) <= run->max_memory;
	UcPairwise	pairwise;
	UcStatus	status;

	status = uc_pairwise_create(&pairwise, rows, count, dim, options->metric == UC_METRIC_COSINE ?
								UC_DISTANCE_COSINE : UC_DISTANCE_EUCLIDEAN, run, err);
	if (status != UC_OK)
		return status;
	status = uc_pairwise_kth_nearest(&pairwise, (size_t) options->min_samples, core, run, err);
	if (status == UC_OK)
		status = uc_spanning_tree(&pairwise, core, matrix, merges, run, err);
	uc_pairwise_free(&pairwise);
	if (status == UC_OK)
		status = uc_tree_number(merges, count, NULL, err);
	return status;
}

UcStatus
uc_hdbscan(const float *rows, size_t count, size_t dim, const UcHdbscanOptions *options, const UcRun *run,
		   UcHdbscan *result, UcError *err)
{
	UcMerge    *merges;
	double	   *core;
	size_t		clusters = 0;
	UcStatus	status;

	memset(result, 0, sizeof *result);
	status = check_options(count, dim, options, run, err);
	if (status != UC_OK)
		return status;
	merges = uc_alloc(uc_size_mul(count, sizeof(UcMerge)));
	core = uc_alloc(uc_size_mul(count, sizeof(double)));
	result->rows = count;
	result->labels = uc_alloc(uc_size_mul(count, sizeof(int32_t)));
	result->membership = uc_alloc(uc_size_mul(count, sizeof(double)));
	if (merges == NULL || core == NULL || result->labels == NULL || result->membership == NULL)
		status = uc_out_of_memory(err, count * sizeof(UcMerge));
	if (status == UC_OK)
		status = span(rows, count, dim, options, merges, core, run, err);
	uc_free(core);
	if (status == UC_OK && count == 1)
	{
		result->labels[0] = -1;
		result->membership[0] = 0;
	}
	else if (status == UC_OK)
		status = uc_hdbscan_select(merges, count, (size_t) options->min_cluster_size, options->leaves, result->labels,
								   result->membership, err);
	uc_free(merges);
	if (status == UC_OK)
		status = uc_labels_by_size(result->labels, count, count, &clusters, err);
	result->clusters = (int) clusters;
	if (status != UC_OK)
		uc_hdbscan_free(result);
	return status;
}

void
uc_hdbscan_free(UcHdbscan *result)
{
	uc_free(result->labels);
	uc_free(result->membership);
	memset(result, 0, sizeof *result);
}
