/*
 * run.c
 *	  Parallel sections: short-lived worker threads that take tasks from a counter.
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

bool
uc_section_stopped(UcSection *section, int worker)
{
	if (worker == 0 && !section->interrupted && uc_interrupted(section->run))
	{
		section->interrupted = true;
		atomic_store(&section->stopped, true);
	}
	return atomic_load_explicit(&section->stopped, memory_order_relaxed);
}

static void *
work(void *arg)
{
	Worker	   *worker = arg;
	UcSection  *section = worker->section;

	while (!uc_section_stopped(section, worker->number))
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

UcStatus
uc_parallel(const UcRun *run, size_t tasks, UcTask body, void *arg, UcError *err)
{
	UcSection	section = {.run = run,.body = body,.arg = arg,.tasks = tasks};
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
	start_workers(workers, (int) count);
	work(&workers[0]);
	for (size_t i = 1; i < count; i++)
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);

	for (size_t i = 0; i < count; i++)
		if (workers[i].error.status != UC_OK && (failed == NULL || workers[i].failed_task < failed->failed_task))
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
