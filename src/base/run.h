/*
 * run.h
 *	  What a caller grants a piece of long work: threads, memory, a way to stop it, and somebody who watches.
 */
#ifndef UC_BASE_RUN_H
#define UC_BASE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UC_MAX_THREADS 256

/*
 * How far a call has come. The core writes it on the calling thread, at most once per block of work, and calls
 * `report` after each change; like `interrupted`, report only looks. When it says true the core soon calls `pause`, on
 * the calling thread while no other thread of the core lives: there the caller may speak, but must return. A caller may
 * use one UcProgress for several calls in a row.
 */
typedef struct UcProgress
{
	const char *phase;			/* what is being done now, a string that is never freed; NULL before the first */
	size_t		done;			/* from 0 to total within a phase */
	size_t		total;			/* UC_UNKNOWN_TOTAL: nobody knows beforehand */
	size_t		part;			/* 1 to parts: one restart, one number of clusters; 0 before the first */
	size_t		parts;			/* 0: the call is one piece */
	int			depth;			/* calls of parts that are under way inside each other; the outermost one's are shown */
	bool		(*report) (struct UcProgress *progress);
	void		(*pause) (struct UcProgress *progress); /* NULL where report never says true */
} UcProgress;

#define UC_UNKNOWN_TOTAL SIZE_MAX

typedef struct UcRun
{
	int			threads;		/* 1 to UC_MAX_THREADS, the calling thread included */
	size_t		max_memory;		/* bytes that one call may allocate */
	bool		(*interrupted) (void *arg); /* true: stop. Called on the calling thread only; NULL: never stops */
	void	   *interrupt_arg;
	UcProgress *progress;		/* NULL: nobody watches */
} UcRun;

/* Asks the callback. The core calls it every 20 to 50 ms of work on the calling thread, and unwinds when it says true. */
static inline bool
uc_interrupted(const UcRun *run)
{
	return run->interrupted != NULL && run->interrupted(run->interrupt_arg);
}

/* Fills the error for a call that stops because the callback said so. */
extern UcStatus uc_interrupt_error(UcError *err);

/* For the calling thread outside parallel sections. Begins a phase of `total` rows, steps, or whatever the phase counts. */
extern void uc_progress_phase(const UcRun *run, const char *phase, size_t total);

/* So many of the phase's total are done; less than before is ignored, more than the total is the total. */
extern void uc_progress_done(const UcRun *run, size_t done);

/*
 * Around work that consists of parts, each with phases of its own: enter, uc_progress_part with 1, 2 … as each begins,
 * leave. Where such calls contain each other the outermost one's parts count. A call that fails need not leave.
 */
extern void uc_progress_enter(const UcRun *run, size_t parts);
extern void uc_progress_part(const UcRun *run, size_t part);
extern void uc_progress_leave(const UcRun *run);

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

/* The same as a phase of its own: `total` rows, of which each task does an equal share. */
extern UcStatus uc_parallel_phase(const UcRun *run, const char *phase, size_t total, size_t tasks, UcTask body, void *arg,
								  UcError *err);

/* True when the section should end early. On the calling thread this also polls the interrupt callback. */
extern bool uc_section_stopped(UcSection *section, int worker);

#endif
