/*
 * query.h
 *	  The query contract: what a function that takes a query accepts, and how it reads it.
 *
 * The query is a single SELECT, VALUES, TABLE or WITH that changes no data itself. Its first column is the key,
 * its second the embedding; further ones are known by name: those of RowsColumn that the function takes. It runs
 * as the caller with the caller's search_path, on a snapshot of its own, and may run in parallel.
 */
#ifndef USERCLUSTER_QUERY_H
#define USERCLUSTER_QUERY_H

#include "pg/embed.h"
#include "pg/rows.h"

/*
 * Runs the query and gathers its rows in the current memory context. Rows without an embedding are counted in
 * rows->skipped. `key_type` is the type that keys must have: INT8OID also takes the smaller integers, other types
 * what is binary-coercible to them, InvalidOid any type that can be sorted. Errors: 22023 (not such a query, unknown
 * columns), 42701 (a column twice), 42804 (type of a column), 22004 (a row without a key), those of the query itself and those of
 * rows.h.
 */
extern void query_read(const char *query, Oid key_type, const RowsOptions *options, Rows *rows);

/* A query that is kept and will run again. Its further columns may include a "text", which is for keywords. */
typedef struct StoredQuery
{
	const EmbedRequest *embed;	/* how to embed where the second column is a text; NULL: refuse that */
	Oid			key_type;		/* that the key must have; InvalidOid: any */
	bool		(*wanted) (const void *arg, Datum key);	/* false: pass over the row unread; NULL: take all */
	const void *wanted_arg;

	/* what reading it found */
	bool		from_text;		/* the second column is a text */
	bool		has_text;		/* there is a text: that one, or a further column "text" */
	char	   *key_name;
	uint64		content;		/* of all rows in whatever order: equal where they are equal */
} StoredQuery;

/*
 * The same for a stored query, with keys of any type. Further errors: 42P16 (a temporary relation), 42804 (the
 * key's type), those of embedding.
 */
extern void query_read_stored(const char *query, const RowsOptions *options, StoredQuery *stored, Rows *rows);

#endif
