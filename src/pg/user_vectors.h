/*
 * user_vectors.h
 *	  One vector per user, which triggers of the table of texts keep current in a table of users.
 *
 * Columns of the table of texts are those of a row trigger that never fires: the server keeps that list right through RENAME, dump
 * and restore, and refuses to drop a column of it. All else, above all the means of the languages, is a row of the hidden table
 * user_vector_store, which only enable_user_vectors and refresh_user_vectors write: arguments of a trigger say nothing, so that nobody
 * gains by making one. Everything is read and written as the owner of the table of texts.
 */
#ifndef USERCLUSTER_USER_VECTORS_H
#define USERCLUSTER_USER_VECTORS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/relcache.h"

enum
{
	USER_COLUMN,
	EMBEDDING_COLUMN,
	TIME_COLUMN,
	WEIGHT_COLUMN,
	LANGUAGE_COLUMN,
	USER_VECTOR_COLUMNS
};

/* One letter for each column: which of them the row trigger names, in its order. */
#define USER_VECTOR_LETTERS "uetwl"

typedef struct UserVectors
{
	Relation	source;			/* the caller's: the table of texts, or that above it where partitions are */
	Oid			target;			/* table of users; it may be gone */
	char	   *key_column;		/* of the target */
	char	   *vector_column;
	Interval   *half_life;		/* NULL: all texts are equally old */
	char	   *search_path;	/* of whoever enabled it, for what the target's own triggers call */
	char	   *resume_after;	/* last user that an unfinished refresh has done; NULL: none is unfinished */
	Datum		means;			/* usercluster.preparation; 0: embeddings are taken as they are */
	bool		neutral;		/* subtract the means of languages … */
	bool		auto_neutral;	/* … where there are two or more */
	AttrNumber	columns[USER_VECTOR_COLUMNS];	/* of the source; 0: none */
} UserVectors;

/* Needs SPI, as all here. False where the relation keeps no user vectors. */
extern bool user_vectors_find(Relation source, UserVectors *vectors);

/* The same; refuses where there are none. */
extern void user_vectors_require(Relation source, UserVectors *vectors);

/* Names that the search_path does not change: the type without its domain and modifier, and one of its arrays. */
extern char *user_vectors_type(Relation relation, const char *column);
extern Oid	user_vectors_array_type(const UserVectors *vectors);

/* The name of one of the source's columns, quoted. */
extern const char *user_vectors_name(const UserVectors *vectors, int column);

/*
 * A query for (u, v): the users of array $1 that have texts, and their vectors; $2 the means, $3 the half-life. Runs it, or a statement
 * around it, with these three arguments.
 */
extern char *user_vectors_sql(const UserVectors *vectors);
extern void user_vectors_run(const UserVectors *vectors, const char *sql, Datum keys, bool read_only, int expected);

/* Recomputes the vectors of these users in the target, in the order of their keys; as the source's owner. */
extern void user_vectors_recompute(const UserVectors *vectors, Datum keys);

/* Takes the vectors of users without texts away; as the source's owner. */
extern void user_vectors_empty(const UserVectors *vectors);

/* The means of the languages that the source has now, as usercluster.preparation; 0 where they are not to be subtracted. */
extern Datum user_vectors_means(const UserVectors *vectors);
extern void user_vectors_keep_means(const UserVectors *vectors, Datum means);
extern Oid	user_vectors_means_type(void);

#endif
