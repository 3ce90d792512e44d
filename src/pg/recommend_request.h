/*
 * recommend_request.h
 *	  The arguments that the functions around recommendations have in common.
 */
#ifndef USERCLUSTER_RECOMMEND_REQUEST_H
#define USERCLUSTER_RECOMMEND_REQUEST_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/jsonb.h"

#include "pg/recommend_data.h"

#define RECOMMEND_MOST 1000		/* items for one user */
#define RECOMMEND_MOST_NEIGHBOURS 10000

/* What SQL calls the strategies; the last one is all of them together. */
extern const char *const recommend_strategy_names[UC_STRATEGIES + 1];
#define RECOMMEND_BLEND UC_STRATEGIES

/* The strategy of this name, or RECOMMEND_BLEND; refuses others (22023). */
extern int	recommend_strategy(const char *name);

/* What a blend consists of: {"segment": 0.5, "items": 1}; strategies that are not named have no part. Refuses (22023). */
extern void recommend_weights(Jsonb *weights, double out[UC_STRATEGIES]);

/* The same back, in the current memory context. */
extern Jsonb *recommend_weights_datum(const double weights[UC_STRATEGIES]);

/* Refuses an interval that is not above 0 (22023). */
extern const Interval *recommend_half_life_argument(FunctionCallInfo fcinfo, int argument);

#endif
