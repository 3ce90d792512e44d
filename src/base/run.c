/*
 * run.c
 *	  Progress, and parallel sections: short-lived worker threads that take tasks from a counter.
 *
 * Inside a database backend a thread must never see a signal and never outlive the call that started it. Signals are
 * blocked only around thread creation: the calling thread keeps receiving them while it works.
 */
#include "base/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/memory.h"

struct UcSection
{
	const UcRun *run;
	UcTask		body;
	void	   *arg;
	size_t		tasks;
	atomic_size_t next;			/* first task not yet taken */
	atomic_size_t ended;		/* tasks done */
	size_t		total;			/* of the phase that the tasks are; 0: none */
	atomic_bool pausing;		/* take no more tasks until all threads have ended and the caller has spoken */
	atomic_bool stopped;		/* interrupted or failed: take no more tasks */
	bool		interrupted;	/* written by the calling thread only */
};

typedef struct Worker
{
	pthread_t	thread;
	UcSection  *section;
	int			number;			/* 0 is the calling thread */
	bool		started;
	size_t		failed_task;
	UcError		error;			/* status UC_OK where no task of this worker failed */
} Worker;

UcStatus
uc_interrupt_error(UcError *err)
{
	return uc_error(err, UC_INTERRUPTED, "interrupted");
}

/* Outside parallel sections, where a pause needs no waiting. */
static void
report(UcProgress *progress)
{
	if (progress->report(progress))
		progress->pause(progress);
}

/* Writes what is done; false where that is nothing new. */
static bool
set_done(UcProgress *progress, size_t done)
{
	if (done > progress->total)
		done = progress->total;
	if (done <= progress->done)
		return false;
	progress->done = done;
	return true;
}

void
uc_progress_phase(const UcRun *run, const char *phase, size_t total)
{
	if (run->progress == NULL)
		return;
	run->progress->phase = phase;
	run->progress->done = 0;
	run->progress->total = total;
	report(run->progress);
}

void
uc_progress_done(const UcRun *run, size_t done)
{
	if (run->progress != NULL && set_done(run->progress, done))
		report(run->progress);
}

void
uc_progress_enter(const UcRun *run, size_t parts)
{
	if (run->progress == NULL || run->progress->depth++ > 0)
		return;
	run->progress->part = 0;
	run->progress->parts = parts;
	report(run->progress);
}

void
uc_progress_part(const UcRun *run, size_t part)
{
	if (run->progress == NULL || run->progress->depth > 1)
		return;
	run->progress->part = part;
	report(run->progress);
}

void
uc_progress_leave(const UcRun *run)
{
	if (run->progress == NULL || --run->progress->depth > 0)
		return;
	run->progress->part = 0;
	run->progress->parts = 0;
	report(run->progress);
}

/* A share of the phase: the tasks done of all, whose product with the total may exceed a size_t. */
static void
report_section(UcSection *section)
{
	size_t		ended = atomic_load_explicit(&section->ended, memory_order_relaxed);
	UcProgress *progress = section->run->progress;

	if (section->total > 0 && progress != NULL &&
		set_done(progress, ended == section->tasks ? section->total :
				 (size_t) ((double) section->total / (double) section->tasks * (double) ended)) &&
		progress->report(progress))
		atomic_store(&section->pausing, true);
}

bool
uc_section_stopped(UcSection *section, int worker)
{
	if (worker == 0 && !section->interrupted)
	{
		report_section(section);
		if (uc_interrupted(section->run))
		{
			section->interrupted = true;
			atomic_store(&section->stopped, true);
		}
	}
	return atomic_load_explicit(&section->stopped, memory_order_relaxed);
}

static void *
work(void *arg)
{
	Worker	   *worker = arg;
	UcSection  *section = worker->section;

	while (!uc_section_stopped(section, worker->number) && !atomic_load(&section->pausing))
	{
		size_t		task = atomic_fetch_add(&section->next, 1);

		if (task >= section->tasks)
			break;
		if (section->body(section->arg, task, worker->number, section, &worker->error) != UC_OK)
		{
			worker->failed_task = task;
			atomic_store(&section->stopped, true);
			break;
		}
		atomic_fetch_add_explicit(&section->ended, 1, memory_order_relaxed);
	}
	return NULL;
}

static void
start_workers(Worker *workers, int count)
{
	sigset_t	all,
				before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < count; i++)
		workers[i].started = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
run_threads(Worker *workers, int count)
{
	if (count > 1)
		start_workers(workers, count);
	work(&workers[0]);
	for (int i = 1; i < count; i++)
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);
}

static UcStatus
run_section(const UcRun *run, size_t total, size_t tasks, UcTask body, void *arg, UcError *err)
{
	UcSection	section = {.run = run,.body = body,.arg = arg,.tasks = tasks,.total = total};
	size_t		count = run->threads < 1 ? 1 : (size_t) run->threads;
	Worker	   *workers;
	Worker	   *failed = NULL;
	UcStatus	status = UC_OK;

	if (count > tasks)
		count = tasks == 0 ? 1 : tasks;
	workers = uc_alloc_zeroed(uc_size_mul(count, sizeof *workers));
	if (workers == NULL)
		return uc_out_of_memory(err, uc_size_mul(count, sizeof *workers));

	for (size_t i = 0; i < count; i++)
	{
		workers[i].section = &section;
		workers[i].number = (int) i;
	}
	do
	{
		atomic_store(&section.pausing, false);
		run_threads(workers, (int) count);
		report_section(&section);
		if (atomic_load(&section.pausing))
			run->progress->pause(run->progress);
	} while (!atomic_load(&section.stopped) && atomic_load(&section.next) < tasks);

	/* A task that ended early because another failed says it was interrupted: that is not what went wrong. */
	for (size_t i = 0; i < count; i++)
		if (workers[i].error.status != UC_OK && workers[i].error.status != UC_INTERRUPTED &&
			(failed == NULL || workers[i].failed_task < failed->failed_task))
			failed = &workers[i];
	if (section.interrupted)
		status = uc_interrupt_error(err);
	else if (failed != NULL)
	{
		status = failed->error.status;
		if (err != NULL)
			*err = failed->error;
	}
	uc_free(workers);
	return status;
}

UcStatus
uc_parallel(const UcRun *run, size_t tasks, UcTask body, void *arg, UcError *err)
{
	return run_section(run, 0, tasks, body, arg, err);
}

UcStatus
uc_parallel_phase(const UcRun *run, const char *phase, size_t total, size_t tasks, UcTask body, void *arg, UcError *err)
{
	uc_progress_phase(run, phase, total);
	return run_section(run, total, tasks, body, arg, err);
}
