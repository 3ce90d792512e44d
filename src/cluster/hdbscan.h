/*
 * hdbscan.h
 *	  Clusters as regions of high density, without a number of clusters to be given.
 *
 * HDBSCAN* (Campello, Moulavi and Sander, https://doi.org/10.1007/978-3-642-37456-2_14): the minimum spanning tree of
 * mutual reachability distances, condensed to clusters of at least min_cluster_size rows, of which those are taken that
 * live longest (excess of mass), or those without further split (leaves). Labels and memberships are those of
 * scikit-learn's HDBSCAN, except where equal distances leave it open which edge the tree takes.
 *
 * Time grows with rows², memory with rows; where there is room for the matrix of distances it is used, and the search
 * is faster.
 */
#ifndef UC_CLUSTER_HDBSCAN_H
#define UC_CLUSTER_HDBSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/kmeans.h"

typedef struct UcHdbscanOptions
{
	int			min_cluster_size;	/* at least 2 */
	int			min_samples;	/* rows, the own one included, that make a place dense: 1 … rows */
	UcMetric	metric;			/* 1 - cosine, or euclidean */
	bool		leaves;			/* the tree's leaves instead of excess of mass */
} UcHdbscanOptions;

typedef struct UcHdbscan
{
	size_t		rows;
	int			clusters;		/* may be 0 */
	int32_t    *labels;			/* [rows] 0 … clusters-1 by falling size, ties by first row; -1: noise */
	double	   *membership;		/* [rows] 0 … 1, how deep in its cluster the row lies; 0: noise */
} UcHdbscan;

/* The least that uc_hdbscan allocates beyond the caller's rows. */
extern size_t uc_hdbscan_memory(size_t rows, size_t dim, const UcHdbscanOptions *options, int threads);

/*
 * Clusters rows [count, dim], which must be finite, and of non-zero norm with the cosine metric. The whole is never one
 * cluster. `result` is filled on UC_OK and ended by uc_hdbscan_free; on any other status it holds nothing. Errors:
 * UC_INVALID_ARGUMENT (options), UC_INVALID_DATA, UC_LIMIT_EXCEEDED (2^29 rows), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY,
 * UC_INTERRUPTED.
 */
extern UcStatus uc_hdbscan(const float *rows, size_t count, size_t dim, const UcHdbscanOptions *options,
						   const UcRun *run, UcHdbscan *result, UcError *err);
extern void uc_hdbscan_free(UcHdbscan *result);

#endif
