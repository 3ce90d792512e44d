/*
 * run.h
 *	  What a caller grants a piece of long work: threads, memory, and a way to stop it.
 */
#ifndef UC_BASE_RUN_H
#define UC_BASE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define UC_MAX_THREADS 256

typedef struct UcRun
{
	int			threads;		/* 1 to UC_MAX_THREADS, the calling thread included */
	size_t		max_memory;		/* bytes that one call may allocate */
	bool		(*interrupted) (void *arg); /* true: stop. Called on the calling thread only; NULL: never stops */
	void	   *interrupt_arg;
} UcRun;

/* Asks the callback. The core calls it every 20 to 50 ms of work on the calling thread, and unwinds when it says true. */
static inline bool
uc_interrupted(const UcRun *run)
{
	return run->interrupted != NULL && run->interrupted(run->interrupt_arg);
}

/* Fills the error for a call that stops because the callback said so. */
extern UcStatus uc_interrupt_error(UcError *err);

/*
 * One task of a parallel section. `worker` is below run->threads and unique among the tasks that run at one time, for
 * per-thread scratch; what a task computes must depend on `task` alone, never on `worker` or on which task ran before.
 * A task that takes longer than 50 ms polls uc_section_stopped between blocks and returns early when it is true.
 */
typedef struct UcSection UcSection;
typedef UcStatus (*UcTask) (void *arg, size_t task, int worker, UcSection *section, UcError *err);

/*
 * Runs task 0 … tasks-1 on run->threads threads and returns when all have ended. The calling thread works too and polls
 * the interrupt callback between its tasks. The first failing status, in task order among those that ran, is returned.
 * Threads start with all signals blocked, live for this call only and are joined before it returns; where a thread
 * cannot be started the others do its work.
 */
extern UcStatus uc_parallel(const UcRun *run, size_t tasks, UcTask body, void *arg, UcError *err);

/* True when the section should end early. On the calling thread this also polls the interrupt callback. */
extern bool uc_section_stopped(UcSection *section, int worker);

#endif
