/*
 * recommend_scores.h
 *	  What each strategy says about every item for one user. Private to recommend.c.
 */
#ifndef UC_SEGMENT_RECOMMEND_SCORES_H
#define UC_SEGMENT_RECOMMEND_SCORES_H

#include "segment/recommend.h"

/* What all users share. */
typedef struct UcScoring
{
	const UcShop *shop;
	const UcRecommendOptions *options;
	double	   *popularity;		/* [items] sum of weights */
	double	   *item_norms;		/* [items] length of the item's column of weights */
	double	   *segment_sums;	/* [segment_count, items] sum of the weights of the segment's users; NULL: no segments */
	size_t	   *segment_active; /* [segment_count] users with interactions */
	int32_t    *near_items;		/* [items, neighbours] of every item, -1 behind the last; NULL: found when asked for */
	float	   *near_cosines;	/* [items, neighbours] */
} UcScoring;

/* One user's scores, and the scratch to make them. */
typedef struct UcScores
{
	double	   *of[UC_STRATEGIES];	/* [items] each; that of popularity is shared */
	bool		known[UC_STRATEGIES];	/* the strategy has something to say about this user */
	double		weights[UC_STRATEGIES]; /* recommend.c's: what the scores are multiplied by in the blend */
	double	   *sums;			/* [items] scratch, zero between uses */
	int32_t    *touched;		/* [items] which sums are not zero */
	float	   *cosines;		/* [larger of users and items] */
	int32_t    *near;			/* [neighbours] */
	float	   *near_cosines;	/* [neighbours] */
	int32_t    *users;			/* [neighbours] similar users */
	int			user_count;
} UcScores;

extern size_t uc_scoring_memory(const UcShop *shop);
extern UcStatus uc_scoring_create(UcScoring *scoring, const UcShop *shop, const UcRecommendOptions *options, const UcRun *run,
								  UcError *err);
extern void uc_scoring_free(UcScoring *scoring);

/* Finds the neighbours of all items once, which pays where many users follow, and the bytes that takes. */
extern size_t uc_scoring_all_memory(const UcShop *shop, int neighbours);
extern UcStatus uc_scoring_all_items(UcScoring *scoring, const UcRun *run, UcError *err);

extern size_t uc_scores_memory(const UcShop *shop);
extern UcStatus uc_scores_create(UcScores *scores, const UcScoring *scoring, UcError *err);
extern void uc_scores_free(UcScores *scores);

/* Leaves early, with scores that mean nothing, where the section stops. */
extern void uc_scores_of_user(UcScores *scores, const UcScoring *scoring, int32_t user, UcSection *section, int worker);

extern bool uc_interacted(const UcInteractions *past, int32_t user, int32_t item);

/* How much commoner the item is in the user's segment, shrunk, than overall; NaN without a segment or for a new item. */
extern double uc_segment_lift(const UcScoring *scoring, int32_t user, int32_t item);

/* The user's own item with the largest cosine to this one, or -1. */
extern int32_t uc_item_because(const UcScoring *scoring, int32_t user, int32_t item);

/* How many of the similar users that were found had the item. */
extern int	uc_similar_users_with(const UcScoring *scoring, const UcScores *scores, int32_t item);

#endif
