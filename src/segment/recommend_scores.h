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

#define UC_SCORES_BLOCK 16		/* users compared at once, at most */
#define UC_PRODUCT_ROWS 2048	/* that a block of users is compared with in one matrix product */

/* One user's scores, and the scratch to make them: comparisons of a block of users that came before. */
typedef struct UcScores
{
	double	   *of[UC_STRATEGIES];	/* [items] each; that of popularity is shared */
	bool		known[UC_STRATEGIES];	/* the strategy has something to say about this user */
	double		weights[UC_STRATEGIES]; /* recommend.c's: what the scores are multiplied by in the blend */
	double	   *sums;			/* [items] scratch, zero between uses */
	int32_t    *touched;		/* [items] which sums are not zero */
	double	   *most;			/* [items] the largest part that one of the user's items has in the score by items … */
	int32_t    *because;		/* [items] … and which that is, where the score is above 0 */
	int32_t    *near;			/* [neighbours] */
	float	   *near_cosines;	/* [neighbours] */
	float	   *gathered;		/* [block, dim] vectors of the block's users */
	float	   *tile;			/* [block, UC_PRODUCT_ROWS] */
	float	   *text_cosines;	/* [block, items] with every item; NULL: items have no texts */
	bool		has_text[UC_SCORES_BLOCK];
	bool		has_vector[UC_SCORES_BLOCK];
	int32_t    *all_users;		/* [block, neighbours] users similar to each of the block */
	float	   *user_cosines;	/* [block, neighbours] */
	int			user_counts[UC_SCORES_BLOCK];
	const int32_t *users;		/* [user_count] in all_users, those similar to this user */
	int			user_count;
} UcScores;

extern size_t uc_scoring_memory(const UcShop *shop);
extern UcStatus uc_scoring_create(UcScoring *scoring, const UcShop *shop, const UcRecommendOptions *options, const UcRun *run,
								  UcError *err);
extern void uc_scoring_free(UcScoring *scoring);

/* Finds the neighbours of all items once, which pays where many users follow, and the bytes that takes. */
extern size_t uc_scoring_all_memory(const UcShop *shop, int neighbours);
extern UcStatus uc_scoring_all_items(UcScoring *scoring, const UcRun *run, UcError *err);

extern size_t uc_scores_memory(const UcShop *shop, int neighbours);
extern UcStatus uc_scores_create(UcScores *scores, const UcScoring *scoring, UcError *err);
extern void uc_scores_free(UcScores *scores);

/* How many users are compared at once: UC_SCORES_BLOCK, or fewer where items are many. */
extern size_t uc_scores_block(const UcShop *shop);

/*
 * Compares the vectors of users [count], a block at most, with those of all users and items. Leaves early, as does
 * uc_scores_of_user, with what means nothing, where the section stops.
 */
extern void uc_scores_compare(UcScores *scores, const UcScoring *scoring, const int32_t *users, size_t count,
							  UcSection *section, int worker);

/* The scores of the user who has this place in the block compared last. */
extern void uc_scores_of_user(UcScores *scores, const UcScoring *scoring, size_t place, int32_t user, UcSection *section,
							  int worker);

/*
 * Puts a candidate into a list that is ordered by falling value, then rising number, and holds at most `most`. Returns its
 * new length.
 */
extern int	uc_near_insert(int32_t *list, float *values, int count, int most, int32_t candidate, float value);

extern bool uc_interacted(const UcInteractions *past, int32_t user, int32_t item);

/* How much commoner the item is in the user's segment, shrunk, than overall; NaN without a segment or for a new item. */
extern double uc_segment_lift(const UcScoring *scoring, int32_t user, int32_t item);

/* How many of the similar users that were found had the item. */
extern int	uc_similar_users_with(const UcScoring *scoring, const UcScores *scores, int32_t item);

#endif
