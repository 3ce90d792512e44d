/*
 * evaluate.h
 *	  Recommendations against what users turned to afterwards: a split of interactions, and the measures of one way to
 *	  recommend on it.
 */
#ifndef UC_SEGMENT_EVALUATE_H
#define UC_SEGMENT_EVALUATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "segment/interactions.h"
#include "segment/ranking.h"
#include "segment/recommend.h"

/*
 * When each pair of `all` first came, into times [all->count] in the order of user_items, from `count` pairs that `all` was
 * made of. Without times (at: NULL) a random order from the seed.
 */
extern void uc_pair_times(const UcInteractions *all, size_t count, const int32_t *user, const int32_t *item, const int64_t *at,
						  uint64_t seed, int64_t *times);

typedef struct UcSplit
{
	UcInteractions past;		/* what may be learnt from */
	int64_t    *times;			/* [past.count] of its pairs, for a further split */
	UcInteractions kept;		/* the last ones of each user, kept back */
	int32_t    *users;			/* [count] who is tested, rising */
	size_t		count;
} UcSplit;

/* Bytes that a split of these interactions allocates. */
extern size_t uc_split_memory(const UcInteractions *all);

/*
 * Of each user with at least two items the latest max(1, round(share · items)) are kept back, at most all but one; of one time
 * those with the higher numbers; share 0: the last one. At most `most` of these users are tested, drawn from the seed.
 * Errors: UC_INVALID_ARGUMENT (share is not from 0 to below 1), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_split(const UcInteractions *all, const int64_t *times, double share, size_t most, uint64_t seed,
						 const UcRun *run, UcSplit *split, UcError *err);
extern void uc_split_free(UcSplit *split);

/* segments [users] dealt out anew among the users that have one, so that each keeps its size: the control. Error:
 * UC_OUT_OF_MEMORY. */
extern UcStatus uc_shuffle_segments(int32_t *segments, size_t users, uint64_t seed, UcError *err);

typedef struct UcEvaluation
{
	size_t		count;			/* tested users */
	double	   *measures;		/* [UC_RANKING_MEASURES, count] */
	double		coverage;		/* share of the items that may be recommended which came in any list */
	double		diversity;		/* mean of 1 - cosine of the items' texts within a list; NaN without texts */
} UcEvaluation;

/*
 * The shop's past is that of the split. With folds > 0 users are tested as newcomers: in as many parts, each without any of its
 * users' interactions; what they had is not recommended to them all the same. Errors: those of uc_recommend.
 */
extern UcStatus uc_evaluate(const UcShop *shop, const UcSplit *split, const UcRecommendOptions *options, int n, int folds,
							const UcRun *run, UcEvaluation *evaluation, UcError *err);
extern void uc_evaluation_free(UcEvaluation *evaluation);

#endif
