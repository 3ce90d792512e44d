/*
 * preparation_stream.h
 *	  A preparation fitted to a query whose rows are not kept: while they pass by, and for whitening in a second run.
 */
#ifndef USERCLUSTER_PREPARATION_STREAM_H
#define USERCLUSTER_PREPARATION_STREAM_H

#include "pg/preparation.h"
#include "pg/query.h"

typedef struct PreparationStream PreparationStream;

/* Begins in the current memory context, which what the core allocates ends with. */
extern PreparationStream *preparation_stream_begin(bool directions);

/*
 * Takes a row of the first run (see RowsTake); returns its language, numbered by appearance, or -1. Languages are kept in
 * rows->labels.
 */
extern int32 preparation_stream_add(PreparationStream *stream, Rows *rows, const Embedding *embedding, const RowExtra *extra);

/* The sum of the weights that have passed by. */
extern double preparation_stream_weight(const PreparationStream *stream);

/* Bytes that it holds and will need. */
extern size_t preparation_stream_memory(const PreparationStream *stream, const Rows *rows, int threads);

/*
 * Ends the first run, over `rows`, and where whitening asks for it runs the query in `form` again, in its order, on the
 * active snapshot. Languages are renumbered by name: renumbered [languages] says how. prepared->values is NULL.
 */
extern void preparation_stream_end(PreparationStream *stream, const PreparationOptions *options, const QueryForm *form,
								   Oid key_type, Rows *rows, Prepared *prepared, int32 **renumbered);

#endif
