/*
 * watch_entries.h
 *	  Entries of the queue at work, and the rows that they name.
 */
#ifndef USERCLUSTER_WATCH_ENTRIES_H
#define USERCLUSTER_WATCH_ENTRIES_H

#include "postgres.h"

#include "pg/watch.h"

typedef enum Outcome
{
	ENTRY_OPEN,					/* has text, and no embedding yet */
	ENTRY_DONE,					/* embedded, or nothing to embed any more */
	ENTRY_BUSY,					/* locked, or changed meanwhile */
	ENTRY_FAILED
} Outcome;

typedef struct Entry
{
	int64		id;
	Oid			relation;
	int			number;
	Datum		key;			/* text[] */
	int			attempts;
	ArrayType  *texts;			/* of the row, once it is read; NULL: none */
	Embedding  *embedding;
	Outcome		outcome;
	char	   *problem;
} Entry;

/* Entries of one watch, with the plans that read and write its rows. */
typedef struct RowGroup
{
	Relation	relation;
	Watch		watch;
	bool		watched;		/* else neither the watch nor what follows is there */
	Entry	  **entries;
	int			count;
	int			key_count;
	Oid			inputs[INDEX_MAX_KEYS];
	Oid			parameters[INDEX_MAX_KEYS];
	Oid			types[INDEX_MAX_KEYS + 2];	/* key, then texts, then embedding */
	int32		modifiers[INDEX_MAX_KEYS];
	char	   *by_key;			/* condition over the parameters of the key */
} RowGroup;

/* Fills what the group knows of its relation's primary key; refuses a table without one. */
extern void entries_describe_key(RowGroup *group);

/* Both are bodies of attempt_rows over a RowGroup. The first reads the texts of rows that still lack their embedding. */
extern void entries_read(void *group, int first, int count);
extern void entries_store(void *group, int first, int count);

#endif
