/*
 * training.h
 *	  What the procedures that make a model share: the texts that a query brings, and the place where the model will be.
 */
#ifndef USERCLUSTER_TRAINING_H
#define USERCLUSTER_TRAINING_H

#include "postgres.h"
#include "fmgr.h"

#include "embed/embed.h"
#include "pg/labels.h"

typedef enum TrainingSecond
{
	TRAINING_TEXT,				/* one column, the text */
	TRAINING_PAIR,				/* two texts that belong together */
	TRAINING_LABEL				/* a text and its label, of any type */
} TrainingSecond;

typedef struct TrainingTexts
{
	TrainingSecond second;
	UcText	   *texts;			/* [count] UTF-8; of pairs [2 * count]: the second ones behind the first ones */
	int32	   *labels;			/* [count], equal where the labels are; NULL: there are none */
	size_t		count;
	size_t		skipped;		/* rows with a NULL or a blank text */
	size_t		bytes;			/* that all this takes */
} TrainingTexts;

/* The argument as a string; refuses NULL (22004). */
extern char *training_argument(FunctionCallInfo fcinfo, int number, const char *name);

/*
 * The path of a new model's file, refused before any work is done where it cannot be: 22023 (the name), 42710 (it exists), 55000
 * (the server may not write there). `command` is what usercluster-model has for it.
 */
extern char *training_output(const char *name, const char *command);

/*
 * usercluster_check for a call that wrote that file, or would have: where another session has taken the name in the meantime the
 * error is that of training_output.
 */
extern void training_check(UcStatus status, const UcError *err, const char *name, const char *command);

/* Runs the query as the caller and gathers its texts in the current memory context, within usercluster.max_memory. */
extern void training_read(const char *query, TrainingSecond second, TrainingTexts *out);

#endif
