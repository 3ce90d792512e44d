/*
 * tune.h
 *	  The mixture of strategies that does best on interactions kept back for it.
 */
#ifndef UC_SEGMENT_TUNE_H
#define UC_SEGMENT_TUNE_H

#include "segment/evaluate.h"

typedef struct UcTuning
{
	double		before;			/* mean NDCG with the options that came in */
	double		after;			/* with those that went out */
	int			trials;			/* mixtures that were measured, at most UC_MOST_TRIALS */
} UcTuning;

#define UC_MOST_TRIALS 60

/*
 * Changes one weight after the other, then the number of neighbours, to the value of a small grid with the highest NDCG of the
 * first n on `split`, and leaves what does not gain as it is. Strategies that know nothing of this shop get weight 0. The
 * shop's past is that of the split. Errors: those of uc_evaluate.
 */
extern UcStatus uc_tune(const UcShop *shop, const UcSplit *split, int n, int folds, const UcRun *run, UcRecommendOptions *options,
						UcTuning *tuning, UcError *err);

#endif
