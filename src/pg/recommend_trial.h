/*
 * recommend_trial.h
 *	  Interactions to learn from and interactions to be measured on: what evaluating and tuning have in common.
 */
#ifndef USERCLUSTER_RECOMMEND_TRIAL_H
#define USERCLUSTER_RECOMMEND_TRIAL_H

#include "postgres.h"

#include "fmgr.h"

#include "pg/recommend_data.h"
#include "segment/evaluate.h"

typedef struct Trial
{
	RecommendData data;
	UcInteractions all;			/* freed with the memory context that trial_read was called in */
	int64	   *times;			/* [all.count] */
	int			n;				/* items that are recommended */
	double		share;			/* of the interactions to keep back, 0: the last of each user */
	int			folds;			/* of users who are tested as newcomers, 0: nobody is */
	int			sample;			/* of users */
	uint64		seed;
	MemoryContextCallback callback;
} Trial;

/*
 * Reads the arguments and what they name. The first seven arguments are segmentation, interactions, n, split, share, items and
 * users; `half_life` is followed by cold, sample and seed. Errors: 22004 (NULL), 22023 (out of range), those of recommend_read.
 * Says so where there are no times.
 */
extern void trial_read(Trial *trial, FunctionCallInfo fcinfo, int half_life);

/* What one core call may use beside what is held already. */
extern void trial_run(const Trial *trial, UcRun *run);
extern void trial_split(const Trial *trial, const UcInteractions *of, const int64 *times, UcSplit *split);
extern void trial_shop(const Trial *trial, const UcInteractions *past, UcShop *shop);
extern void trial_bootstrap(const Trial *trial, const double *values, const double *base, size_t count, UcEstimate *estimate);
extern double trial_mean(const double *values, size_t count);	/* NaN of none */

#endif
