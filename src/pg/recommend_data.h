/*
 * recommend_data.h
 *	  What recommendations are made from: the members of a segmentation, the caller's queries of interactions, items and users,
 *	  gathered under small numbers.
 *
 * Users and items are known by how their keys are written, so that an int and a bigint meet. Their numbers follow the bytes
 * of that, and do not depend on the order in which a query returns them.
 */
#ifndef USERCLUSTER_RECOMMEND_DATA_H
#define USERCLUSTER_RECOMMEND_DATA_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "pg/labels.h"
#include "pg/segmentation.h"
#include "segment/recommend.h"

typedef struct RecommendRequest
{
	const char *segmentation;
	const char *interactions;	/* query of user, item; weight or rating, at */
	const char *items;			/* query of item; embedding, title, available. NULL: none */
	const char *users;			/* query of user, embedding. NULL: the segmentation's own, where that returns embeddings */
	const Interval *half_life;	/* of an interaction's weight, by its time; NULL: it stays */
	bool		want_vectors;	/* of users: some strategy compares them */
	bool		want_texts;		/* of users and items: some strategy compares these */
} RecommendRequest;

typedef struct RecommendData
{
	Segmentation *segmentation;
	Labels		users;
	Labels		items;
	Oid			user_type;		/* of the key in interactions */
	Oid			item_type;

	/* the interactions, as the query returned them; in no order */
	size_t		count;
	int32	   *user;			/* [count] */
	int32	   *item;			/* [count] */
	float	   *weight;			/* [count] */
	TimestampTz *at;			/* [count]; NULL: the query has no column "at" */
	bool		rated;			/* the weight is called "rating" */

	/* by number */
	int32	   *segments;		/* [users] place among the segmentation's segments, -1: none */
	char	  **titles;			/* [items] NULL: none */
	bool	   *available;		/* [items]; NULL: all */
	float	   *vectors;		/* [users, dim] */
	int			dim;
	float	   *user_texts;		/* [users, text_dim] */
	float	   *segment_texts;	/* [segments, text_dim] */
	float	   *item_texts;		/* [items, text_dim] */
	int			text_dim;
	size_t		bytes;			/* that all of it takes */
} RecommendData;

/*
 * Gathers it in the current memory context; `user` (as its type writes it; NULL: none) gets a number also where no query
 * knows it. Errors: those of segmentation_load, of query.h, 42804 (the type of a column), 22000 (a weight, an embedding),
 * 53400 (more than usercluster.max_memory).
 */
extern void recommend_read(const RecommendRequest *request, const char *user, RecommendData *data);

/* The shop that they make, over interactions of the caller. */
extern void recommend_shop(const RecommendData *data, const UcInteractions *past, UcShop *shop);

/* The number of a key, or -1. */
extern int32 recommend_number(const Labels *labels, const char *key);

#endif
