/*
 * watch_attempt.h
 *	  Work on many rows of which some may fail: the others go through, and each failure is known by its row.
 */
#ifndef USERCLUSTER_WATCH_ATTEMPT_H
#define USERCLUSTER_WATCH_ATTEMPT_H

#include "postgres.h"

#include "pg/embed.h"

/* Does rows first … first + count - 1; an error undoes all of them. */
typedef void (*AttemptBody) (void *arg, int first, int count);

typedef enum AttemptErrors
{
	ATTEMPT_DATA,				/* what another row would not have met: values, constraints, triggers that refuse */
	ATTEMPT_ANY					/* whatever their table has done to itself; not a cancel, a full disk, want of memory */
} AttemptErrors;

/*
 * Calls body for all rows inside a subtransaction, and where that fails for halves of them, down to single rows. problems[i]
 * (palloc'd here, or NULL) becomes the error of row i. Errors of other kinds are raised.
 */
extern void attempt_rows(AttemptBody body, void *arg, int count, AttemptErrors errors, ErrorData **problems);

/* embed_texts by this rule: where problems[i] is set, out[i] is NULL. */
extern void attempt_embed(const EmbedRequest *request, text **texts, int count, Embedding **out, ErrorData **problems);

#endif
