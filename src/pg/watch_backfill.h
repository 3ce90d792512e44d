/*
 * watch_backfill.h
 *	  Filling a watched column, for the procedures that do it.
 */
#ifndef USERCLUSTER_WATCH_BACKFILL_H
#define USERCLUSTER_WATCH_BACKFILL_H

#include "postgres.h"
#include "fmgr.h"

typedef struct BackfillLimits
{
	int			batch_rows;
	double		max_seconds;	/* 0: none */
} BackfillLimits;

/* Reads the arguments of these numbers; refuses what makes no sense. */
extern void backfill_arguments(FunctionCallInfo fcinfo, int batch_rows, int max_seconds, BackfillLimits *limits);

/*
 * Embeds the rows of the watch that have text and no embedding, and reports by NOTICE; commits in between. Needs SPI that may.
 * True where no row is left but those that are skipped.
 */
extern bool backfill_column(Oid relation, int number, const BackfillLimits *limits);

#endif
