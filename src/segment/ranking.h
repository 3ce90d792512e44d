/*
 * ranking.h
 *	  How good lists of recommendations are, against what users turned to afterwards.
 */
#ifndef UC_SEGMENT_RANKING_H
#define UC_SEGMENT_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

/* Of one user's list of at most n items against the items kept back. */
typedef enum UcRankingMeasure
{
	UC_HIT,						/* 1 where any of them is in the list */
	UC_PRECISION,				/* how many of n places they take */
	UC_RECALL,					/* how many of them are in the list */
	UC_NDCG,					/* their discounted places over the best that n places allow; gains are 0 and 1.
								 * https://doi.org/10.1145/582415.582418 */
	UC_RECIPROCAL_RANK,			/* 1 over the place of the first, 0 without one in the list */
	UC_RANKING_MEASURES
} UcRankingMeasure;

/* `kept` [kept_count] rises, and has at least one; `list` [count] repeats none. */
extern void uc_ranking_measure(const int32_t *list, size_t count, size_t n, const int32_t *kept, size_t kept_count,
							   double measures[UC_RANKING_MEASURES]);

typedef struct UcEstimate
{
	double		value;
	double		low;			/* 2.5 and 97.5 percent of the bootstrap's distribution; NaN of fewer than two values */
	double		high;
} UcEstimate;

/*
 * The mean of values [count] and its interval by the bootstrap over them (https://doi.org/10.1214/aos/1176344552), or with
 * `base` [count] the mean of values over the mean of base, both drawn together; NaN where the latter is 0. Same seed, same
 * interval. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_bootstrap(const double *values, const double *base, size_t count, uint64_t seed, const UcRun *run,
							 UcEstimate *estimate, UcError *err);

#endif
