/*
 * kmeans.h
 *	  What the SQL forms of k-means share.
 */
#ifndef USERCLUSTER_KMEANS_H
#define USERCLUSTER_KMEANS_H

#include "postgres.h"
#include "fmgr.h"

#include "cluster/kmeans.h"
#include "pg/preparation.h"
#include "pg/rows.h"

/* Where the query stands among the arguments, and in the keyed form the key's type. */
#define KMEANS_QUERY 0
#define KMEANS_KEY 2

/* The columns of a query that k-means takes. */
#define KMEANS_COLUMNS (PREPARATION_COLUMNS | ROWS_KNOWS(ROWS_WEIGHT))

typedef enum KmeansRoute
{
	KMEANS_ROUTE_AUTO,			/* in memory, where that is enough */
	KMEANS_ROUTE_MEMORY,
	KMEANS_ROUTE_QUERY			/* see kmeans_query.h */
} KmeansRoute;

/* What the core's options do not know. */
typedef struct KmeansWay
{
	KmeansRoute route;
	bool		from_sample;	/* init => 'sample' */
} KmeansWay;

/* "cosine" or "euclidean"; others are refused (22023). */
extern UcMetric kmeans_metric(const char *metric);

/* Refuses options that no rows could suit (22023), so that a query does not run in vain. */
extern void kmeans_check_options(const UcKmeansOptions *options);

/*
 * Reads and checks the arguments of a form over a query; `shift` is 1 in the keyed form. Returns the dimension of the given
 * centroids, or 0.
 */
extern int	kmeans_read_options(FunctionCallInfo fcinfo, int shift, UcKmeansOptions *options,
								PreparationOptions *preparation, KmeansWay *way);

/* Refuses fewer rows than clusters (22023), and another dimension than that of the given centroids (22000) unless it is 0. */
extern void kmeans_check_rows(const Rows *rows, const UcKmeansOptions *options, int centroid_dim);

/* How rows for k-means are to be gathered; the options must outlive the gathering. */
extern void kmeans_rows_options(const UcKmeansOptions *options, RowsOptions *rows_options);

/*
 * Clusters values [count, dim], at least k of them, beside which the caller holds `memory` bytes, themselves included. The
 * result belongs to the current memory context.
 */
extern const UcKmeans *kmeans_run(const float *values, size_t count, size_t dim, size_t memory,
								  const UcKmeansOptions *options);

/*
 * The means [k, rows->dim] of the rows by cluster, in the space of the embeddings; of unit vectors and of unit length with
 * the cosine metric. A cluster whose rows have no weight takes their plain mean. `members` are the numbers of the rows that
 * the result is about, NULL: all.
 */
extern float *kmeans_means(const Rows *rows, const size_t *members, const UcKmeans *result, UcMetric metric);

#endif
