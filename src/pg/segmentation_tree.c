/*
 * segmentation_tree.c
 *	  Segments by hierarchical clustering (Ward): a cut through the tree, and the means of its clusters, nearest to which later
 *	  rows are assigned as with k-means.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/linkage.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/segmentation_fit.h"

typedef struct OwnedTree
{
	MemoryContextCallback callback;
	UcLinkage	tree;
} OwnedTree;

static void
free_tree(void *arg)
{
	uc_linkage_free(arg);
}

static const UcLinkage *
grow_tree(const Segmentation *s, const Prepared *prepared, const Rows *rows, size_t memory)
{
	OwnedTree  *owned = palloc0(sizeof *owned);
	UcRun		run;
	UcError		err;

	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(memory, run.max_memory);
	usercluster_check(uc_linkage(prepared->values, rows->count, prepared->dim, UC_LINKAGE_WARD, s->kmeans.metric,
								 rows->weights, &run, &owned->tree, &err), &err);
	owned->callback.func = free_tree;
	owned->callback.arg = &owned->tree;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	return &owned->tree;
}

/* Sum over the rows of 1 - cosine, or of the squared distance, to the mean of their own cluster. */
static double
inertia(const UcKmeans *fit, const Rows *prepared, bool cosine)
{
	const UcKernels *kernels = uc_kernels();
	double		sum = 0;

	for (size_t i = 0; i < prepared->count; i++)
	{
		const float *x = prepared->values + i * prepared->dim;
		const float *centroid = fit->centroids + (size_t) fit->labels[i] * prepared->dim;
		double		weight = prepared->weights == NULL ? 1 : prepared->weights[i];

		CHECK_FOR_INTERRUPTS();
		sum += weight * (cosine ? 1 - kernels->dot(x, centroid, prepared->dim) / sqrt(kernels->dot(x, x, prepared->dim)) :
						 kernels->squared_distance(x, centroid, prepared->dim));
	}
	return sum;
}

const UcKmeans *
segmentation_cut_tree(const Segmentation *s, const Prepared *prepared, const Rows *rows, size_t memory)
{
	const UcLinkage *tree = grow_tree(s, prepared, rows, memory);
	UcKmeans   *fit = palloc0(sizeof *fit);
	Rows		view = *rows;
	UcError		err;

	view.values = prepared->values;
	view.dim = prepared->dim;
	fit->rows = rows->count;
	fit->dim = prepared->dim;
	fit->k = s->kmeans.k;
	fit->labels = palloc_extended(uc_size_mul(rows->count, sizeof(int32_t)), MCXT_ALLOC_HUGE);
	usercluster_check(uc_tree_cut(tree, fit->k, fit->labels, &err), &err);
	fit->centroids = kmeans_means(&view, NULL, fit, s->kmeans.metric);
	fit->inertia = inertia(fit, &view, s->kmeans.metric == UC_METRIC_COSINE);
	fit->converged = true;
	return fit;
}

size_t
segmentation_tree_memory(size_t rows, size_t dim, UcMetric metric, int threads)
{
	return uc_size_add(uc_linkage_memory(rows, dim, UC_LINKAGE_WARD, metric, threads), uc_size_mul(rows, sizeof(int32_t)));
}
