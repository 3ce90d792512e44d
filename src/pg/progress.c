/*
 * progress.c
 *	  The shared array behind the view progress, and this session's place in it.
 *
 * A session writes to its own slot alone, so one counter that is odd while it writes is all that readers need; they
 * take no lock and wait for nobody. Where shared memory has no room, or all slots are taken, calls are not shown, and
 * nothing else changes.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "catalog/pg_authid_d.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/settings.h"

#define SLOTS 32				/* 5 kB of the 100 kB that a server has to spare */
#define SHARED_NAME "usercluster progress 2"	/* another number for another layout */

#define COLUMNS 13				/* of list_progress */

typedef struct Entry
{
	int			pid;			/* 0: nothing is shown */
	Oid			database;
	Oid			role;			/* of the session, as in pg_stat_activity */
	char		command[32];
	char		phase[40];
	uint64		done;
	uint64		total;			/* UC_UNKNOWN_TOTAL */
	uint32		part;
	uint32		parts;			/* 0: none */
	double		loss;			/* of the last step of training … */
	double		rate;			/* … and its learning rate; 0: nothing is trained */
	TimestampTz since;
	TimestampTz phase_since;
} Entry;

typedef struct Slot
{
	pg_atomic_uint32 owner;		/* process number; 0: free */
	uint32		changes;		/* odd while the owner writes */
	Entry		entry;
} Slot;

/* One progress_begin. */
typedef struct Call
{
	MemoryContextCallback callback;
	struct Call *outer;
} Call;

static Slot *slots;				/* [SLOTS], or NULL */
static bool attached;			/* tried to attach, with or without success */
static Call *innermost;
static Slot *mine;				/* of the outermost call; NULL: not shown */
static Entry shown;				/* what `mine` holds, or would */
static UcProgress progress;		/* of the outermost call */
static TimestampTz told;		/* the last NOTICE, or the beginning */

/* ---- shared memory ---- */

static void
begin_slots(void *memory)
{
	Slot	   *array = memory;

	memset(array, 0, sizeof(Slot) * SLOTS);
	for (int i = 0; i < SLOTS; i++)
		pg_atomic_init_u32(&array[i].owner, 0);
}

#if PG_VERSION_NUM >= 170000

static void *
get_shared(void)
{
	bool		found;

	return GetNamedDSMSegment(SHARED_NAME, sizeof(Slot) * SLOTS, begin_slots, &found);
}

#else

static void *
get_shared(void)
{
	bool		found;
	void	   *memory;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(SHARED_NAME, sizeof(Slot) * SLOTS, &found);
	if (!found)
		begin_slots(memory);
	LWLockRelease(AddinShmemInitLock);
	return memory;
}

#endif

/*
 * Gets the shared array, or NULL. Where there is no room the server raises an error, and leaves locks and, from version
 * 17, the descriptor of a segment that has not come to be. A subtransaction would clean up, but cannot begin while a
 * parallel query runs, so what it would do is done here: the descriptor belongs to a resource owner of our own, and all
 * lightweight locks are released. SQL functions run with none, so these are the ones that the failed call took.
 */
static Slot *
try_shared(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner own = ResourceOwnerCreate(owner, "usercluster progress");
	Slot	   *volatile array = NULL;

	CurrentResourceOwner = own;
	PG_TRY();
	{
		array = get_shared();
	}
	PG_CATCH();
	{
		LWLockReleaseAll();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	ResourceOwnerRelease(own, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	CurrentResourceOwner = owner;
	ResourceOwnerDelete(own);
	return array;
}

static void leave_slot(int code, Datum arg);

static void
attach(void)
{
	if (attached)
		return;
	attached = true;
	if (!IsUnderPostmaster)
		return;
	slots = try_shared();
	if (slots != NULL)
		before_shmem_exit(leave_slot, (Datum) 0);
}

/* ---- this session's slot ---- */

static bool
take(Slot *slot, uint32 from)
{
	if (!pg_atomic_compare_exchange_u32(&slot->owner, &from, (uint32) MyProcPid))
		return false;
	/* an owner that ended without leaving may have been in the middle of writing */
	slot->changes += slot->changes & 1;
	mine = slot;
	return true;
}

static void
take_slot(void)
{
	attach();
	for (int i = 0; slots != NULL && i < SLOTS; i++)
		if (take(&slots[i], 0))
			return;
	for (int i = 0; slots != NULL && i < SLOTS; i++)
	{
		uint32		owner = pg_atomic_read_u32(&slots[i].owner);

		if ((owner == (uint32) MyProcPid || BackendPidGetProc((int) owner) == NULL) && take(&slots[i], owner))
			return;
	}
}

static void
write_slot(void)
{
	if (mine == NULL)
		return;
	mine->changes++;
	pg_write_barrier();
	mine->entry = shown;
	pg_write_barrier();
	mine->changes++;
}

static void
leave_slot(int code, Datum arg)
{
	Slot	   *slot = mine;

	if (slot == NULL)
		return;
	shown.pid = 0;
	write_slot();
	mine = NULL;
	pg_write_barrier();
	pg_atomic_write_u32(&slot->owner, 0);
}

static bool
notice_is_due(void)
{
	int			interval = settings_progress_interval();

	return interval > 0 && progress.phase != NULL && !IsParallelWorker() &&
		GetCurrentTimestamp() - told >= interval * USECS_PER_SEC;
}

/* The core calls this while threads may live: it copies, and raises nothing. True: a notice is due. */
static bool
report(UcProgress *now)
{
	bool		other = now->phase != NULL && strncmp(shown.phase, now->phase, sizeof shown.phase - 1) != 0;

	if (other)
		strlcpy(shown.phase, now->phase, sizeof shown.phase);
	if (other || now->done < shown.done)
		shown.phase_since = GetCurrentTimestamp();
	shown.done = now->done;
	shown.total = now->total;
	shown.part = (uint32) Min(now->part, PG_UINT32_MAX);
	shown.parts = (uint32) Min(now->parts, PG_UINT32_MAX);
	write_slot();
	return now->pause != NULL && notice_is_due();
}

/* ---- notices ---- */

static void
tell(void)
{
	StringInfoData text,
				detail;

	told = GetCurrentTimestamp();
	initStringInfo(&text);
	initStringInfo(&detail);
	appendStringInfo(&text, "%s, %zu", shown.phase, progress.done);
	if (progress.total != UC_UNKNOWN_TOTAL)
		appendStringInfo(&text, " of %zu", progress.total);
	if (progress.parts > 0)
		appendStringInfo(&text, ", part %zu of %zu", progress.part, progress.parts);
	if (shown.rate > 0)
		appendStringInfo(&text, ", loss %.4f, rate %.3g", shown.loss, shown.rate);
	appendStringInfo(&detail, "It began %lld seconds ago.", (long long) ((told - shown.since) / USECS_PER_SEC));
	if (progress.total != UC_UNKNOWN_TOTAL && progress.done > 0 && progress.done < progress.total)
		appendStringInfo(&detail, " This phase ends in %.0f more if it goes on like that.",
						 (double) (told - shown.phase_since) / USECS_PER_SEC *
						 (double) (progress.total - progress.done) / (double) progress.done);
	ereport(NOTICE,
			(errmsg("%s: %s", shown.command, text.data),
			 errdetail("%s", detail.data)));
	pfree(text.data);
	pfree(detail.data);
}

static void
tell_if_due(void)
{
	if (notice_is_due())
		tell();
}

/*
 * Inside a core call, between its threads. Being asked to terminate may end the process here, as it must where the
 * client does not read; a cancel waits for the core, and an error is kept until the core has stopped.
 */
static void
speak(UcProgress *now)
{
	MemoryContext context = CurrentMemoryContext;
	uint32		interrupts_held = InterruptHoldoffCount;
	uint32		cancel_held = QueryCancelHoldoffCount;

	HOLD_CANCEL_INTERRUPTS();
	PG_TRY();
	{
		tell();
	}
	PG_CATCH();
	{
		usercluster_defer_error(context);
	}
	PG_END_TRY();
	/* an error has set them to 0 */
	InterruptHoldoffCount = interrupts_held;
	QueryCancelHoldoffCount = cancel_held;
}

/* ---- calls ---- */

static bool
is_shown(void)
{
	return innermost != NULL && innermost->outer == NULL;
}

/* Ends a call and those inside it. */
static void
end_call(void *arg)
{
	Call	   *ended = arg;
	Call	   *call = innermost;

	while (call != NULL && call != ended)
		call = call->outer;
	if (call == NULL)
		return;
	innermost = ended->outer;
	if (innermost == NULL)
		leave_slot(0, (Datum) 0);
}

void
progress_begin(const char *command)
{
	Call	   *call = palloc0(sizeof *call);

	call->callback.func = end_call;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &call->callback);
	call->outer = innermost;
	innermost = call;
	if (!is_shown())
		return;

	take_slot();
	told = GetCurrentTimestamp();
	progress = (UcProgress) {.total = UC_UNKNOWN_TOTAL,.report = report};
	shown = (Entry) {
		.pid = MyProcPid,.database = MyDatabaseId,.role = GetSessionUserId(),.total = UC_UNKNOWN_TOTAL,.since = told,
		.phase_since = told
	};
	strlcpy(shown.command, command, sizeof shown.command);
	write_slot();
}

void
progress_end(void)
{
	if (innermost != NULL)
		end_call(innermost);
}

void
progress_watch(UcRun *run)
{
	if (!is_shown())
		return;
	tell_if_due();
	progress.pause = speak;
	run->progress = &progress;
}

void
progress_phase(const char *phase, size_t total)
{
	UcRun		run = {.progress = &progress};

	if (!is_shown())
		return;
	progress.pause = NULL;
	tell_if_due();
	uc_progress_phase(&run, phase, total);
}

void
progress_done(size_t done)
{
	UcRun		run = {.progress = &progress};

	if (!is_shown())
		return;
	progress.pause = NULL;
	uc_progress_done(&run, done);
	tell_if_due();
}

void
progress_learning(double loss, double rate)
{
	if (!is_shown())
		return;
	shown.loss = loss;
	shown.rate = rate;
}

/* ---- the view ---- */

static void
read_slot(Slot *slot, Entry *entry)
{
	for (;;)
	{
		uint32		before = slot->changes;

		pg_read_barrier();
		*entry = slot->entry;
		pg_read_barrier();
		if (slot->changes == before && before % 2 == 0)
			return;
		CHECK_FOR_INTERRUPTS();
	}
}

static Datum
number_datum(uint64 number, uint64 none, bool *is_null)
{
	*is_null = number == none;
	return Int64GetDatum((int64) number);
}

static void
put_entry(ReturnSetInfo *set, const Entry *entry)
{
	bool		nulls[COLUMNS] = {false};
	Datum		values[COLUMNS] = {
		Int32GetDatum(entry->pid), ObjectIdGetDatum(entry->database), ObjectIdGetDatum(entry->role),
		CStringGetTextDatum(entry->command), CStringGetTextDatum(entry->phase),
		number_datum(entry->part, 0, &nulls[5]), number_datum(entry->parts, 0, &nulls[6]),
		Int64GetDatum((int64) entry->done), number_datum(entry->total, UC_UNKNOWN_TOTAL, &nulls[8]),
		TimestampTzGetDatum(entry->since), TimestampTzGetDatum(entry->phase_since),
		Float8GetDatum(entry->loss), Float8GetDatum(entry->rate)
	};

	nulls[4] = entry->phase[0] == '\0';
	nulls[11] = nulls[12] = entry->rate <= 0;
	if (!has_privs_of_role(GetUserId(), entry->role) && !has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		memset(nulls + 3, true, sizeof(bool) * (COLUMNS - 3));
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

USERCLUSTER_FUNCTION(usercluster_list_progress)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Entry		entry;

	InitMaterializedSRF(fcinfo, 0);
	attach();
	for (int i = 0; slots != NULL && i < SLOTS; i++)
	{
		read_slot(&slots[i], &entry);
		if (entry.pid != 0 && BackendPidGetProc(entry.pid) != NULL)
			put_entry(set, &entry);
	}
	return (Datum) 0;
}
