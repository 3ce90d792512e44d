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

#include "executor/tuptable.h"

#include "pg/embed.h"
#include "pg/query_source.h"
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
	bool		other_model;	/* or with the model of a watched column that has these texts */
	Oid			key_type;		/* that the key must have; InvalidOid: any */
	bool		(*wanted) (const void *arg, Datum key);	/* false: pass over the row unread; NULL: take all */
	const void *wanted_arg;

	/* what reading it found */
	bool		from_text;		/* the second column is a text */
	bool		has_text;		/* there is a text: that one, or a further column "text" */
	char	   *table;			/* what to write behind FROM: its rows are q, with key, text or embedding, and the named columns */
	bool		has_language;
	char	   *key_name;
	VectorSource source;			/* the model of the watched columns that the embeddings come from */
	uint64		content;		/* of all rows in whatever order: equal where they are equal */
} StoredQuery;

/*
 * The same for a stored query, with keys of any type. Further errors: 42P16 (a temporary relation), 42804 (the
 * key's type), 22000 (columns of different models), those of embedding.
 */
extern void query_read_stored(const char *query, const RowsOptions *options, StoredQuery *stored, Rows *rows);

/* Finds out what a stored query returns, without running it: from_text, has_text, table, has_language and key_name. */
extern void query_look_at_stored(const char *query, int columns, StoredQuery *stored);

/* A query whose columns are not those of the contract: the one who asked checks them and takes each row. */
typedef struct OtherQuery
{
	void		(*check) (void *arg, TupleDesc columns);
	void		(*take) (void *arg, TupleTableSlot *slot);	/* in a memory context of the row */
	void	   *arg;
} OtherQuery;

/* Runs it as query_read does, and refuses as that does what is no SELECT. */
extern void query_read_other(const char *query, const OtherQuery *other);

/* A query as part of others, for work that runs it several times instead of keeping its rows. */
typedef struct QueryForm
{
	const char *from;			/* what to write behind FROM: its rows are q, with key, embedding, and the named columns */
	const char *key_order;		/* what to write behind ORDER BY: the key as rows_finish compares it */
	const char *order;			/* the same, then the embedding: the order of rows_finish, but for rows alike in both */
	const char *language;		/* the column as query_read reads it, of type text; NULL: there is none */
	int			columns;		/* ROWS_KNOWS() of those that are there */
} QueryForm;

/* For a query that gives other rows when it is run again (22023). */
extern _Noreturn void query_refuse_change(void);

/* Reads the query's form, without running it, in the current memory context. Refuses what query_read refuses of it. */
extern void query_form(const char *query, Oid key_type, int columns, QueryForm *form);

#endif
