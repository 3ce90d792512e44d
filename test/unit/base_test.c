/*
 * Errors, sizes, random numbers and parallel sections.
 */
#include <signal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/run.h"
#include "base/status.h"
#include "check.h"

static void
check_errors(void)
{
	UcError		err = {0};
	char		long_text[600];

	CHECK(uc_error(NULL, UC_CORRUPT, "x") == UC_CORRUPT, "an error without a place to go still has a status");
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	memcpy(long_text + 254, "中", 3);
	uc_error(&err, UC_CORRUPT, "%s", long_text);
	CHECK(strlen(err.message) == 254, "a message is never cut inside a character");
	uc_error_detail(&err, "%d rows", 3);
	CHECK(strcmp(err.detail, "3 rows") == 0 && err.hint[0] == '\0', "details and hints are apart");

	CHECK(uc_check_budget("work", 100, 100, &err) == UC_OK, "a budget may be used up");
	CHECK_REFUSED(uc_check_budget("work", 3 << 20, 2 << 20, &err), UC_MEMORY_LIMIT, &err, "work needs more memory", "beyond the budget");
	CHECK(strstr(err.detail, "2 MB") != NULL && strstr(err.hint, "SET usercluster.max_memory") != NULL, "with both numbers and the SET");
	CHECK_REFUSED(uc_check_budget("work", SIZE_MAX, 2 << 20, &err), UC_MEMORY_LIMIT, &err, "work", "a size that overflowed");
}

static void
check_sizes(void)
{
	void	   *memory = uc_alloc(100);

	CHECK(uc_size_mul(SIZE_MAX / 2, 3) == SIZE_MAX && uc_size_mul(3, 4) == 12, "products");
	CHECK(uc_size_add(SIZE_MAX, 1) == SIZE_MAX && uc_size_add(3, 4) == 7, "sums");
	CHECK(uc_size_align(SIZE_MAX - 3) == SIZE_MAX && uc_size_align(1) == 64 && uc_size_align(64) == 64, "alignment");
	CHECK(memory != NULL && (uintptr_t) memory % UC_ALIGNMENT == 0, "memory is aligned");
	CHECK(uc_alloc(SIZE_MAX) == NULL, "an overflowed size is not granted");
	uc_free(memory);
	uc_free(NULL);
}

static void
check_random(void)
{
	UcRandom	one, two;
	uint64_t	first, counts[5] = {0};
	bool		even = true;

	uc_random_seed(&one, 42, 0);
	uc_random_seed(&two, 42, 0);
	first = uc_random_next(&one);
	CHECK(first == uc_random_next(&two), "a seed repeats its sequence");
	uc_random_seed(&two, 42, 1);
	CHECK(first != uc_random_next(&two), "streams differ");
	for (int i = 0; i < 50000; i++)
		counts[uc_random_below(&one, 5)]++;
	for (int i = 0; i < 5; i++)
		even = even && counts[i] > 9500 && counts[i] < 10500;
	CHECK(even, "numbers below a bound are even");
	CHECK(uc_random_below(&one, 1) == 0, "below one there is only zero");
}

typedef struct Job
{
	atomic_int	runs;
	_Atomic bool signals_open;
	int			order[1000];
	size_t		fail_from;
	int			polls_left;
} Job;

static UcStatus
job_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Job		   *job = arg;
	sigset_t	blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	if (worker != 0 && !sigismember(&blocked, SIGTERM))
		job->signals_open = true;
	atomic_fetch_add(&job->runs, 1);
	if (task >= job->fail_from)
		return uc_error(err, UC_CORRUPT, "task %zu", task);
	job->order[task % 1000] = (int) task + 1;
	return UC_OK;
}

static bool
stop_after(void *arg)
{
	Job		   *job = arg;

	return job->polls_left-- <= 0;
}

/* Task 0 waits for another to fail and then stops early, as long tasks do. */
static UcStatus
stopping_task(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	if (task > 0)
		return uc_error(err, UC_LIMIT_EXCEEDED, "task %zu", task);
	while (!uc_section_stopped(section, worker))
		;
	return uc_interrupt_error(err);
}

static void
check_sections(int threads)
{
	Job			job = {.fail_from = SIZE_MAX};
	UcRun		run = {.threads = threads};
	UcError		err = {0};
	sigset_t	blocked;
	bool		all = true;

	CHECK(uc_parallel(&run, 1000, job_task, &job, &err) == UC_OK && job.runs == 1000, "%d threads run every task once", threads);
	for (int i = 0; i < 1000; i++)
		all = all && job.order[i] == i + 1;
	CHECK(all, "and each its own");
	CHECK(!job.signals_open, "workers take no signals");
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	CHECK(!sigismember(&blocked, SIGTERM), "the caller still does");
	CHECK(uc_parallel(&run, 0, job_task, &job, &err) == UC_OK, "no tasks is no work");

	job = (Job) {.fail_from = 500};
	CHECK_REFUSED(uc_parallel(&run, 1000, job_task, &job, &err), UC_CORRUPT, &err, "task 5", "a failed task ends the section");
	CHECK(job.runs < 1000, "early");

	if (threads > 1)
		CHECK_REFUSED(uc_parallel(&run, 2, stopping_task, NULL, &err), UC_LIMIT_EXCEEDED, &err, "task 1",
					  "a task that was stopped does not hide the one that failed");

	job = (Job) {.fail_from = SIZE_MAX, .polls_left = 3};
	run.interrupted = stop_after;
	run.interrupt_arg = &job;
	CHECK_REFUSED(uc_parallel(&run, 100000000, job_task, &job, &err), UC_INTERRUPTED, &err, "interrupted", "an interrupt ends the section");
}

int
main(void)
{
	check_errors();
	check_sizes();
	check_random();
	check_sections(1);
	check_sections(2);
	check_sections(7);
	return check_done();
}
