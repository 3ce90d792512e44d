/*
 * watch_skipped.h
 *	  Texts that get no embedding, remembered by their SHA-256 so that no run takes them up again.
 *
 * Not the row but its text decides, so a table needs no key for this, and a row whose text is mended is found again.
 */
#ifndef USERCLUSTER_WATCH_SKIPPED_H
#define USERCLUSTER_WATCH_SKIPPED_H

#include "postgres.h"

#include "utils/elog.h"

typedef struct SkippedTexts SkippedTexts;

/* What is recorded for a watch, in `context`. Needs SPI, as the two below that write do. */
extern SkippedTexts *skipped_load(Oid relation, int number, MemoryContext context);

/* NULL is blank text. */
extern bool skipped_known(SkippedTexts *skipped, text *joined);
extern void skipped_add(SkippedTexts *skipped, text *joined);

/* Records it with the key (text[] or 0) of a row that has it; without a problem the text is blank. */
extern void skipped_record(Oid relation, int number, text *joined, const ErrorData *problem, Datum key);

#endif
