/*
 * query_source.h
 *	  Which model made the embeddings that a query returns, as far as the columns they come from say so.
 */
#ifndef USERCLUSTER_QUERY_SOURCE_H
#define USERCLUSTER_QUERY_SOURCE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

#include "pg/embed.h"

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

/* A column of texts that another column beside it holds the embeddings of. */
typedef struct TextSource
{
	EmbedRequest request;		/* as they are made; model NULL: no such column was found */
	char	   *table;			/* qualified and quoted, like the columns */
	char	   *text;
	char	   *embedding;
} TextSource;

/*
 * Follows a column of texts to a watched one that the current user may read, of this model or of any (NULL). What the query
 * makes of its texts on the way does not matter: those that are in the watched column have an embedding there.
 */
extern void query_source_texts(const Query *query, AttrNumber column, const char *model, TextSource *source);

/*
 * The rows of `table`, a FROM item q with a column text, and behind q's columns the embedding that the source has of the text,
 * or NULL.
 */
extern char *query_source_join(const TextSource *source, const char *table);

#endif
