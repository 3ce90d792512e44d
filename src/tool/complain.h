/*
 * complain.h
 *	  What every command of usercluster-model says where it cannot go on; each returns the exit code.
 */
#ifndef UC_TOOL_COMPLAIN_H
#define UC_TOOL_COMPLAIN_H

#include "base/status.h"

/* An error of the core, with its detail and hint: 1. */
extern int	fail(const UcError *err);

/* Arguments that make no sense, and which: 2. */
extern int	misuse(const char *complaint, const char *what);

#endif
