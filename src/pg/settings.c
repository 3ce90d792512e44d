/*
 * settings.c
 *	  The settings usercluster.*: where models lie, and what one call may use of the machine.
 */
#include "postgres.h"

#include <sched.h>

#include "access/parallel.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/run.h"
#include "pg/settings.h"

#define DEFAULT_MAX_MEMORY_KB (1024 * 1024)
#define SMALLEST_MAX_MEMORY_KB 64

static char *default_model;
static char *model_dir;
static int	threads;
static int	max_memory_kb;
static int	progress_interval;

/* A relative path would mean another directory in each process, since backends start in the data directory. */
static bool
check_model_dir(char **value, void **extra, GucSource source)
{
	if ((*value)[0] == '\0' || is_absolute_path(*value))
		return true;
	GUC_check_errdetail("The path must be absolute, or empty for usercluster under the server's share directory.");
	return false;
}

void
settings_define(void)
{
	DefineCustomStringVariable("usercluster.default_model", "Model that functions use where none is named.", NULL,
							   &default_model, "multilingual-e5-small-q4", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("usercluster.model_dir", "Directory that holds the model files.",
							   "Empty means the directory usercluster under the server's share directory.",
							   &model_dir, "", PGC_SUSET, 0, check_model_dir, NULL, NULL);
	DefineCustomIntVariable("usercluster.threads", "Threads that one bulk call may use.",
							"0 means max_parallel_maintenance_workers + 1, but no more than the available processors.",
							&threads, 0, 0, UC_MAX_THREADS, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("usercluster.max_memory", "Memory that one bulk call may allocate.",
							"A call that would need more is refused before it starts.",
							&max_memory_kb, DEFAULT_MAX_MEMORY_KB, SMALLEST_MAX_MEMORY_KB, MAX_KILOBYTES, PGC_USERSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("usercluster.progress_interval", "Seconds between notices of how far a long call has come.",
							"0 sends none. Other sessions see it in the view usercluster.progress.",
							&progress_interval, 0, 0, SECS_PER_DAY, PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	MarkGUCPrefixReserved("usercluster");
}

const char *
settings_default_model(void)
{
	return default_model;
}

char *
settings_model_dir(void)
{
	char		share[MAXPGPATH];

	if (model_dir[0] != '\0')
		return pstrdup(model_dir);
	get_share_path(my_exec_path, share);
	return psprintf("%s/usercluster", share);
}

static int
available_processors(void)
{
	cpu_set_t	set;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	return CPU_COUNT(&set);
}

int
settings_threads(void)
{
	if (IsParallelWorker())
		return 1;
	if (threads > 0)
		return threads;
	return Max(1, Min(Min(max_parallel_maintenance_workers + 1, available_processors()), UC_MAX_THREADS));
}

size_t
settings_max_memory(void)
{
	return (size_t) max_memory_kb * 1024;
}

int
settings_progress_interval(void)
{
	return progress_interval;
}
