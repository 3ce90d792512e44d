/*
 * kmeans_passes.h
 *	  What k-means asks of rows that stay where they are: the user's query as part of statements over our own aggregates and
 *	  functions, so that PostgreSQL reads, prepares and compares them, in parallel where the query can.
 *
 * All statements run as the caller, on the active snapshot, and see the same rows if the query gives the same rows.
 */
#ifndef USERCLUSTER_KMEANS_PASSES_H
#define USERCLUSTER_KMEANS_PASSES_H

#include "postgres.h"
#include "funcapi.h"

#include "pg/kmeans_state.h"
#include "pg/preparation.h"
#include "pg/query.h"

typedef struct KmeansPasses
{
	QueryForm	form;
	UcMetric	metric;
	Oid			key_type;		/* of the result's keys, or InvalidOid */
	size_t		rows;			/* with an embedding, that every pass must find */
	int			dim;			/* of a prepared vector */
	Oid			preparation_type;	/* InvalidOid: vectors are clustered as they are */
	Datum		preparation;	/* of that composite type */
} KmeansPasses;

/* A row far from its centroid. */
typedef struct FarRow
{
	float	   *x;				/* [dim] prepared */
	int			cluster;
	double		distance;
	double		weight;			/* above 0 */
} FarRow;

/* What kmeans_partial makes of the rows with centroids [k, dim], in the current memory context. */
extern KmeansState passes_state(const KmeansPasses *passes, const float *centroids, int k);

/* At most `wanted` rows, the farthest first and among equals in the order of their keys, in the current memory context. */
extern FarRow *passes_farthest(const KmeansPasses *passes, const float *centroids, int k, int wanted, int *found);

/*
 * The rows' own embeddings summed by cluster, of unit vectors with the cosine metric: sums [k, dim] and weights [k], zeroed
 * by the caller. `dim` is that of the embeddings.
 */
extern void passes_sums(const KmeansPasses *passes, const float *centroids, int k, int dim, double *sums, double *weights);

/* Fills places [k] with the order in which the clusters first appear in the order of the keys; k for those that do not. */
extern void passes_first_rows(const KmeansPasses *passes, const float *centroids, int k, int *places);

/* Key, cluster and distance of every row, in the order of the keys, into the result. */
extern void passes_rows(const KmeansPasses *passes, const float *centroids, int k, ReturnSetInfo *set);

#endif
