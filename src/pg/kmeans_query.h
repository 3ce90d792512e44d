/*
 * kmeans_query.h
 *	  route => 'query': k-means over rows that are never kept. The query is run once to look at the rows, where they are
 *	  whitened once more, then once per iteration, and at the end for sizes and labels.
 *
 * It starts from what init => 'sample' starts from, or from given centroids, and takes the steps that uc_kmeans takes from
 * there: labels equal those of rows in memory except where two centroids are equally near to within rounding. Inertia agrees
 * within 1e-9, and within 1e-8 after whitening: a row by itself and one in a block are projected with other roundings.
 */
#ifndef USERCLUSTER_KMEANS_QUERY_H
#define USERCLUSTER_KMEANS_QUERY_H

#include "pg/kmeans.h"
#include "pg/kmeans_passes.h"

typedef struct KmeansQuery
{
	Rows		rows;			/* what was seen of them: count, dim, skipped, languages; none is kept */
	Prepared	prepared;		/* without values */
	UcKmeans	result;			/* in the space of the prepared rows; without labels and distances */
	KmeansPasses passes;		/* private */
} KmeansQuery;

/*
 * Fits in the current memory context. Pushes an active snapshot, which the caller pops when nothing more is asked.
 * `centroid_dim` is that of options->centroids, or 0. Errors: those of query_read; 22023 where the query does not give the
 * same rows each time; 53400 where the sample needs more memory than allowed.
 */
extern void kmeans_query_fit(KmeansQuery *fit, const char *query, Oid key_type, const UcKmeansOptions *options,
							 const PreparationOptions *preparation, int centroid_dim);

/* The centroids [k, dim] in the space of the embeddings, as kmeans_means. */
extern const float *kmeans_query_means(const KmeansQuery *fit);

/* A row (key, cluster, distance) for each row of the query, in the order of the keys. */
extern void kmeans_query_rows(const KmeansQuery *fit, ReturnSetInfo *set);

#endif
