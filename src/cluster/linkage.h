/*
 * linkage.h
 *	  Hierarchical clustering of the rows of a matrix in memory.
 *
 * Ward, average, complete and weighted linkage by nearest-neighbour chains (Müllner, https://arxiv.org/abs/1109.2378),
 * single linkage by a minimum spanning tree. Heights and the numbering of nodes are those of SciPy's linkage matrix,
 * ties included as long as distances are measured pair by pair in double (up to a few thousand rows); with more rows
 * heights agree within 1e-5. With the cosine metric Ward works on the rows scaled to unit length, and its heights are
 * euclidean distances; the others' are 1 - cosine.
 *
 * Where the matrix of distances exceeds the memory, the rows are first gathered into micro-clusters by k-means, and the
 * tree joins their centroids. The same rows in the same order give the same tree whatever the number of threads.
 */
#ifndef UC_CLUSTER_LINKAGE_H
#define UC_CLUSTER_LINKAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"
#include "cluster/tree.h"

typedef enum UcLinkageMethod
{
	UC_LINKAGE_WARD,
	UC_LINKAGE_AVERAGE,
	UC_LINKAGE_COMPLETE,
	UC_LINKAGE_SINGLE,
	UC_LINKAGE_WEIGHTED
} UcLinkageMethod;

typedef struct UcLinkage
{
	size_t		rows;
	size_t		leaves;			/* rows, or fewer: micro-clusters */
	UcMerge    *merges;			/* [leaves - 1] */
	int32_t    *leaf_of;		/* [rows] the micro-cluster of each row; NULL where every row is a leaf */
} UcLinkage;

/* The least that uc_linkage allocates beyond the caller's rows: the tree over micro-clusters where rows are many. */
extern size_t uc_linkage_memory(size_t rows, size_t dim, UcLinkageMethod method, UcMetric metric, int threads);

/*
 * Joins rows [count, dim], which must be finite, and of non-zero norm with the cosine metric. `weights` [count], all
 * positive, say how many rows each stands for in the means of Ward and average linkage; NULL: one each. They are not
 * counted in the sizes of merges. `result` is filled on UC_OK and ended by uc_linkage_free; on any other status it
 * holds nothing. Errors: UC_INVALID_ARGUMENT (no rows), UC_INVALID_DATA, UC_LIMIT_EXCEEDED (2^30 rows), UC_MEMORY_LIMIT,
 * UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_linkage(const float *rows, size_t count, size_t dim, UcLinkageMethod method, UcMetric metric,
						   const double *weights, const UcRun *run, UcLinkage *result, UcError *err);
extern void uc_linkage_free(UcLinkage *result);

/*
 * labels [rows]: the k clusters that stand before the last k - 1 merges, or those whose joins are at most `height`
 * high; numbered from 0 by falling size, ties by first row. Errors: UC_INVALID_ARGUMENT (k not in 1 … leaves, height
 * not a number of at least 0), UC_OUT_OF_MEMORY.
 */
extern UcStatus uc_tree_cut(const UcLinkage *linkage, int64_t k, int32_t *labels, UcError *err);
extern UcStatus uc_tree_cut_height(const UcLinkage *linkage, double height, int32_t *labels, size_t *clusters,
								   UcError *err);

#endif
