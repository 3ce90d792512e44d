/*
 * kmeans_groups.h
 *	  k-means within each of several groups of rows.
 *
 * Every group is prepared and fitted as its rows alone would be, with the same options and seed. Measured on groups of 60 to 1,000
 * sentences, with two models, that finds classes within the groups better than one preparation of all rows (bench/README.md).
 * A group of few rows is the work of one thread, and several are fitted at a time; a group that is a large part of the rows has
 * all threads.
 */
#ifndef UC_CLUSTER_KMEANS_GROUPS_H
#define UC_CLUSTER_KMEANS_GROUPS_H

#include "cluster/kmeans.h"
#include "cluster/prepare.h"

typedef struct UcGroupedRows
{
	const float *rows;			/* [count, dim] */
	const double *weights;		/* [count] as in UcKmeansOptions, in no group all 0; or NULL */
	const int32_t *languages;	/* [count] 0 … language_count-1, or -1: unknown; what UcPrepareInput calls groups. NULL: none */
	int			language_count;
	const double *features;		/* [count, feature_count] as in UcPrepareInput, or NULL */
	size_t		feature_count;
	size_t		dim;
	int			groups;
	const size_t *members;		/* [count] numbers of rows, group by group */
	const size_t *starts;		/* [groups + 1] where each group begins in members; no group is empty */
} UcGroupedRows;

typedef struct UcGroupOptions
{
	UcKmeansOptions kmeans;		/* weights are not looked at, centroids must be NULL; a group with fewer than k rows is asked for as
								 * many clusters as it has rows */
	bool		automatic;		/* each group is prepared by the rule of uc_prepare_auto */
	UcPreparationMethod method; /* otherwise */
	double		feature_weight;
} UcGroupOptions;

typedef struct UcGroupFit
{
	UcKmeans	kmeans;			/* over the group's rows in the order of members, as they were prepared */
	bool		prepared;		/* false: as they are */
} UcGroupFit;

/* Bytes that uc_kmeans_groups allocates beyond the caller's rows, the results included; SIZE_MAX if not representable. */
extern size_t uc_kmeans_groups_memory(const UcGroupedRows *grouped, const UcGroupOptions *options, int threads);

/*
 * Fills fits [groups], ended by uc_kmeans_groups_free. On any status but UC_OK they hold nothing. Errors: those of uc_kmeans
 * and uc_prepare_fit, where rows are counted within their group.
 */
extern UcStatus uc_kmeans_groups(const UcGroupedRows *grouped, const UcGroupOptions *options, const UcRun *run,
								 UcGroupFit *fits, UcError *err);
extern void uc_kmeans_groups_free(UcGroupFit *fits, int groups);

#endif
