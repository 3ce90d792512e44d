/*
 * kmeans_groups.h
 *	  k-means within each of several groups of rows.
 *
 * Every group is fitted as uc_kmeans would fit its rows alone, with the same options and seed. A group of few rows is
 * the work of one thread, and several are fitted at a time; a group that is a large part of the rows has all threads.
 */
#ifndef UC_CLUSTER_KMEANS_GROUPS_H
#define UC_CLUSTER_KMEANS_GROUPS_H

#include "cluster/kmeans.h"

typedef struct UcGroupedRows
{
	const float *rows;			/* [count, dim] */
	const double *weights;		/* [count] as in UcKmeansOptions, in no group all 0; or NULL */
	size_t		dim;
	int			groups;
	const size_t *members;		/* [count] numbers of rows, group by group */
	const size_t *starts;		/* [groups + 1] where each group begins in members; no group is empty */
} UcGroupedRows;

/* Bytes that uc_kmeans_groups allocates beyond the caller's rows, the results included; SIZE_MAX if not representable. */
extern size_t uc_kmeans_groups_memory(const UcGroupedRows *grouped, const UcKmeansOptions *options, int threads);

/*
 * Fills results [groups], each over its group's rows in the order of members; those with fewer than options->k rows are
 * asked for as many clusters as they have rows. Of the options, weights are not looked at, and centroids must be NULL. On
 * any status but UC_OK the results hold nothing. Errors: those of uc_kmeans, where rows are counted within their group.
 */
extern UcStatus uc_kmeans_groups(const UcGroupedRows *grouped, const UcKmeansOptions *options, const UcRun *run,
								 UcKmeans *results, UcError *err);
extern void uc_kmeans_groups_free(UcKmeans *results, int groups);

#endif
