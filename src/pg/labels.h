/*
 * labels.h
 *	  A column of names, such as the language of each row, as small numbers.
 */
#ifndef USERCLUSTER_LABELS_H
#define USERCLUSTER_LABELS_H

#include "postgres.h"

typedef struct Labels
{
	int32	   *codes;			/* [rows] index into names; -1: NULL. Grown and ordered by the owner of the rows */
	char	  **names;			/* [count] distinct */
	int			count;
	int			capacity;
	struct label_hash *index;	/* name to code */
	size_t		bytes;			/* that the names and the index take */
	MemoryContext context;		/* of the names */
} Labels;

/* Starts an empty set of names in the current memory context; codes are the caller's. */
extern void labels_begin(Labels *labels);

/* The code of a name, new or known. */
extern int32 labels_code(Labels *labels, const char *name);

/* Orders the names by their bytes and renumbers the codes, so that they do not depend on the order of arrival. */
extern void labels_finish(Labels *labels, size_t rows);

#endif
