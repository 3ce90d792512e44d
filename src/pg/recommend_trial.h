/*
 * recommend_trial.h
 *	  Interactions to learn from and interactions to be measured on: what evaluating and tuning have in common.
 */
#ifndef USERCLUSTER_RECOMMEND_TRIAL_H
#define USERCLUSTER_RECOMMEND_TRIAL_H

#include "postgres.h"

#include "pg/recommend_data.h"
#include "segment/evaluate.h"

typedef struct Trial
{
	RecommendData data;
	UcInteractions all;			/* freed with the memory context that trial_read was called in */
	int64	   *times;			/* [all.count] */
	MemoryContextCallback callback;
} Trial;

/* The share to keep back, 0 for the last interaction; refuses other names of splits, and other shares (22023). */
extern double trial_share(const char *split, double share);

/* Errors: those of recommend_read. Says so where there are no times. */
extern void trial_read(Trial *trial, const RecommendRequest *request, uint64 seed);

/* What one core call may use beside what is held already. */
extern void trial_run(const Trial *trial, UcRun *run);
extern void trial_split(const Trial *trial, const UcInteractions *of, const int64 *times, double share, int sample, uint64 seed,
						UcSplit *split);
extern void trial_shop(const Trial *trial, const UcInteractions *past, UcShop *shop);
extern void trial_bootstrap(const Trial *trial, const double *values, const double *base, size_t count, uint64 seed,
							UcEstimate *estimate);
extern double trial_mean(const double *values, size_t count);	/* NaN of none */

#endif
