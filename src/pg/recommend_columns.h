/*
 * recommend_columns.h
 *	  The columns of the queries that recommendations are made from: the first ones by their place, the rest by name.
 */
#ifndef USERCLUSTER_RECOMMEND_COLUMNS_H
#define USERCLUSTER_RECOMMEND_COLUMNS_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "pg/embedding.h"

typedef enum RecommendColumn
{
	RECOMMEND_USER,
	RECOMMEND_ITEM,
	RECOMMEND_WEIGHT,
	RECOMMEND_AT,
	RECOMMEND_TITLE,
	RECOMMEND_AVAILABLE,
	RECOMMEND_EMBEDDING,
	RECOMMEND_COLUMNS
} RecommendColumn;

typedef struct RecommendColumns
{
	int			attribute[RECOMMEND_COLUMNS];	/* 0: there is none */
	Oid			type[RECOMMEND_COLUMNS];
	FmgrInfo	output[RECOMMEND_COLUMNS];	/* of keys and titles */
	bool		rated;			/* the weight is called "rating" */
} RecommendColumns;

/* One key at this place of any type. */
extern void recommend_columns_key(RecommendColumns *columns, TupleDesc description, RecommendColumn column, int attribute);

/* (user, item; weight or rating, at); refuses others (22023, 42701, 42804). */
extern void recommend_columns_interactions(RecommendColumns *columns, TupleDesc description);

/* (item; embedding, title, available) */
extern void recommend_columns_items(RecommendColumns *columns, TupleDesc description);

/* 1 where there is no such column; refuses (22000) what is negative or not finite. */
extern double recommend_columns_weight(const RecommendColumns *columns, TupleTableSlot *slot, bool *is_null);
extern TimestampTz recommend_columns_time(const RecommendColumns *columns, TupleTableSlot *slot);	/* NULL: -infinity */
extern bool recommend_columns_available(const RecommendColumns *columns, TupleTableSlot *slot);

/* In the current memory context; NULL where there is none. */
extern char *recommend_columns_title(RecommendColumns *columns, TupleTableSlot *slot);
extern Embedding *recommend_columns_embedding(const RecommendColumns *columns, TupleTableSlot *slot);

#endif
