/*
 * query_source.h
 *	  Which model made the embeddings that a query returns, as far as the columns they come from say so.
 */
#ifndef USERCLUSTER_QUERY_SOURCE_H
#define USERCLUSTER_QUERY_SOURCE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

typedef struct VectorSource
{
	char	   *model;			/* NULL: no watched column was found */
	char	   *fingerprint;
} VectorSource;

/*
 * Follows an output column of an analysed query through expressions, joins, subqueries and views to the watched columns it is
 * made of. Refuses columns that are filled by different models (22000).
 */
extern void query_source_model(const Query *query, AttrNumber column, VectorSource *source);

#endif
