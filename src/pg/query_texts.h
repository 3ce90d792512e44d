/*
 * query_texts.h
 *	  Rows of a query that bring a text in place of an embedding: gathered in batches, so that all threads embed.
 */
#ifndef USERCLUSTER_QUERY_TEXTS_H
#define USERCLUSTER_QUERY_TEXTS_H

#include "pg/embed.h"
#include "pg/rows.h"

#define QUERY_TEXTS_BATCH 256

typedef struct QueryTexts
{
	Rows	   *rows;			/* where they go, embedded */
	const EmbedRequest *request;
	int			count;
	Datum		keys[QUERY_TEXTS_BATCH];
	text	   *texts[QUERY_TEXTS_BATCH];
	RowExtra	extras[QUERY_TEXTS_BATCH];
	MemoryContext context;		/* what the batch holds; the caller's extras must be in it too */
} QueryTexts;

/* Starts in the current memory context, after rows_begin. */
extern QueryTexts *query_texts_begin(Rows *rows, const EmbedRequest *request);

/* Takes a row; copies key and text. A full batch is embedded at once, and `context` emptied. */
extern void query_texts_add(QueryTexts *texts, Datum key, Datum text_datum, const RowExtra *extra);

/* Embeds what is left. Blank texts are counted in rows->skipped. */
extern void query_texts_flush(QueryTexts *texts);

/* A number for what the row holds: equal rows have equal ones. `value` is a text or an embedding, detoasted here. */
extern uint64 query_row_hash(const Rows *rows, Datum key, Datum value, const RowExtra *extra);

#endif
