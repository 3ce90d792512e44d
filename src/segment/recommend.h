/*
 * recommend.h
 *	  Items for users: from what everybody, their segment, similar users and users of the same items had to do with, and from
 *	  what their texts are near to; each way by itself, or blended.
 */
#ifndef UC_SEGMENT_RECOMMEND_H
#define UC_SEGMENT_RECOMMEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "segment/interactions.h"

typedef enum UcStrategy
{
	UC_BY_POPULARITY,			/* what many users had to do with */
	UC_BY_SEGMENT,				/* what many of the same segment did, drawn towards all users where the segment is small */
	UC_BY_TEXT,					/* whose text is near to the user's vector, or to the segment's where the user has none */
	UC_BY_ITEMS,				/* what users of the same items had to do with as well (cosine between items) */
	UC_BY_USERS,				/* what users with similar vectors had to do with */
	UC_STRATEGIES
} UcStrategy;

/* What there is to recommend from. All of it is the caller's and stays unchanged; vectors have length 1, or are zero where
 * there is none. */
typedef struct UcShop
{
	const UcInteractions *past;
	const UcInteractions *had;	/* what is not recommended because a user had it already; NULL: past */
	size_t		dim;
	const float *user_vectors;	/* [users, dim] as segments are made of, to compare users with; or NULL */
	const int32_t *segments;	/* [users] 0 … segment_count-1, or -1; or NULL */
	int			segment_count;
	size_t		text_dim;
	const float *user_texts;	/* [users, text_dim] to compare with items; or NULL */
	const float *segment_texts;	/* [segment_count, text_dim] for users without one; or NULL */
	const float *item_texts;	/* [items, text_dim]; or NULL */
	const bool *available;		/* [items] what may be recommended; NULL: all */
	bool		repeat;			/* recommend what the user had already */
} UcShop;

typedef struct UcRecommendOptions
{
	double		weights[UC_STRATEGIES]; /* of the blend, at least 0 and not all 0: one alone is that strategy by itself */
	int			neighbours;		/* similar users, and similar items of each item, that are looked at */
	double		segment_shrinkage;	/* how many average users a segment is mixed with */
	double		item_shrinkage; /* added to the norms of the cosine between items, so that a few pairs prove little */
	double		diversity;		/* 0 … below 1: how much the likeness to better items counts against one */
} UcRecommendOptions;

typedef struct UcRecommendation
{
	int32_t		item;
	double		score;			/* weighted mean of the strategies' scores, each 1 for its best item; 0 … 1 */
	UcStrategy	source;			/* the strategy that gave most of it */
	double		share;			/* of that in the score, 0 … 1 */
	double		lift;			/* how much commoner the item is in the user's segment than overall; NaN without a segment */
	int32_t		because;		/* UC_BY_ITEMS: the user's own item that speaks most for it; else -1 */
	int			users;			/* UC_BY_USERS: how many of the similar users had it; else 0 */
} UcRecommendation;

extern void uc_recommend_defaults(UcRecommendOptions *options);

typedef struct UcRecommender UcRecommender;

/* Bytes that a recommender and one user's scores on each of run->threads allocate. */
extern size_t uc_recommender_memory(const UcShop *shop, int neighbours, int threads);

/*
 * Prepares what all users share. `shop` must outlive the recommender. Errors: UC_INVALID_ARGUMENT (options), UC_MEMORY_LIMIT,
 * UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_recommender_create(const UcShop *shop, const UcRecommendOptions *options, const UcRun *run,
									  UcRecommender **recommender, UcError *err);
extern void uc_recommender_free(UcRecommender *recommender);	/* takes NULL */

/*
 * The best n items of each of `count` users into out [count, n], best first, and how many there are into found [count]. A
 * user for whom no strategy knows anything gets the most popular items; ties go to the lower item. Same result whatever the
 * number of threads. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_recommend(UcRecommender *recommender, const int32_t *users, size_t count, int n, const UcRun *run,
							 UcRecommendation *out, int *found, UcError *err);

#endif
