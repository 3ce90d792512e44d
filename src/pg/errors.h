/*
 * errors.h
 *	  From a core call to the server and back: what the call may use, and what becomes of its error. Before it: arguments that all
 *	  functions refuse alike.
 */
#ifndef USERCLUSTER_ERRORS_H
#define USERCLUSTER_ERRORS_H

#include "postgres.h"
#include "fmgr.h"

#include "base/run.h"
#include "base/status.h"

/*
 * Threads, memory budget and interrupt callback for one core call, from the settings. The callback only looks: it returns
 * true when a cancel, a terminate or a lost client is pending, and absorbs a pending ProcSignalBarrier. Nobody watches: see
 * progress.h.
 */
extern void usercluster_run(UcRun *run);

/*
 * For a PG_CATCH inside a core call: keeps the error that was caught. The core stops at its next look, and usercluster_check
 * raises the error.
 */
extern void usercluster_defer_error(MemoryContext context);

/*
 * Turns a failed call into ereport(ERROR) with the matching SQLSTATE. For UC_INTERRUPTED it calls CHECK_FOR_INTERRUPTS,
 * which raises the server's own message. The caller has freed what the core gave it.
 */
extern void usercluster_check(UcStatus status, const UcError *err);

/* Refuses NULL (22004) for the argument at this position, naming it. */
extern void usercluster_refuse_null(FunctionCallInfo fcinfo, int argument, const char *name);

/* An int from 1 to `most`; refuses NULL (22004) and others (22023). */
extern int	usercluster_count_argument(FunctionCallInfo fcinfo, int argument, const char *name, int most);

#endif
