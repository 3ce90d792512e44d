/*
 * choose_k.h
 *	  What the SQL forms of choosing k share.
 */
#ifndef USERCLUSTER_CHOOSE_K_H
#define USERCLUSTER_CHOOSE_K_H

#include "postgres.h"
#include "fmgr.h"

#include "cluster/choose.h"

/* The arguments that choose_k has in SQL, in this order; of its other forms they are the first ones. */
enum
{
	CHOOSE_QUERY, CHOOSE_KMIN, CHOOSE_KMAX, CHOOSE_SEED, CHOOSE_FITS, CHOOSE_SAMPLE, CHOOSE_METRIC, CHOOSE_RESTARTS,
	CHOOSE_MAX_ITERATIONS, CHOOSE_TOLERANCE, CHOOSE_PREPARATION, CHOOSE_FEATURE_WEIGHT, CHOOSE_ARGUMENTS
};

/* What was measured of each k, in the memory context that was current. */
typedef struct Choices
{
	UcChoice   *choices;		/* [count] by rising k */
	int			count;
	int			recommended;	/* place in choices; -1: none */
	UcChoiceReason reason;		/* for it */
} Choices;

/* Reads arguments and rows, refuses those that do not fit, measures every k and recommends one. */
extern void choose_k_measure(FunctionCallInfo fcinfo, Choices *choices);

/* Why the choice at this place is recommended, or is not. */
extern const char *choose_k_reason(const Choices *choices, int choice);

#endif
