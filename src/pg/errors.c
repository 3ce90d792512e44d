/*
 * errors.c
 *	  From a core call to the server and back, and what is refused before it.
 *
 * While the core works, threads may be alive, so nothing that it calls may raise an error or leave the process: the
 * callback looks at what is pending, the core unwinds and joins its threads, and usercluster_check lets the server
 * act.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/procsignal.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

#include "pg/errors.h"
#include "pg/settings.h"

/* From libpq/libpq.h, which cannot be included where the server knows GSSAPI and its headers are not installed. */
extern bool pq_check_connection(void);

/*
 * Whether the server must act now on something that is neither a cancel nor a terminate: a client that has gone,
 * or a barrier that could not be absorbed (another session, with DROP DATABASE for one, waits until every backend
 * has absorbed it). Both looks can raise an error; then the server, asked again, will report it.
 *
 * The server sets CheckClientConnectionPending once per client_connection_check_interval and clears it when it
 * acts; until then every call here looks again.
 */
static bool
must_act(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool act = false;

	PG_TRY();
	{
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
		if (CheckClientConnectionPending && MyProcPort != NULL)
			act = !pq_check_connection();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		act = true;
	}
	PG_END_TRY();
	return act;
}

static ErrorData *deferred;

void
usercluster_defer_error(MemoryContext context)
{
	MemoryContextSwitchTo(context);
	deferred = CopyErrorData();
	FlushErrorState();
}

static bool
interrupted(void *arg)
{
	if (deferred != NULL)
		return true;
	/* Held-off interrupts would not be raised after the core has stopped, so it must not stop for them. */
	if (!InterruptPending || InterruptHoldoffCount > 0 || CritSectionCount > 0)
		return false;
	if (ProcDiePending || (QueryCancelPending && QueryCancelHoldoffCount == 0))
		return true;
#if PG_VERSION_NUM >= 170000
	if (TransactionTimeoutPending)
		return true;
#endif
	if (ClientConnectionLost)
		return true;
	return (ProcSignalBarrierPending || CheckClientConnectionPending) && must_act();
}

void
usercluster_run(UcRun *run)
{
	deferred = NULL;
	run->threads = settings_threads();
	run->max_memory = settings_max_memory();
	run->interrupted = interrupted;
	run->interrupt_arg = NULL;
	run->progress = NULL;
}

static int
sqlstate(UcStatus status)
{
	switch (status)
	{
		case UC_INVALID_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case UC_INVALID_DATA:
			return ERRCODE_DATA_EXCEPTION;
		case UC_LIMIT_EXCEEDED:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case UC_MEMORY_LIMIT:
			return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		case UC_OUT_OF_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case UC_NOT_FOUND:
			return ERRCODE_UNDEFINED_OBJECT;
		case UC_NOT_ALLOWED:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case UC_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case UC_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case UC_IO_ERROR:
			return ERRCODE_IO_ERROR;
		case UC_OK:
		case UC_INTERRUPTED:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
usercluster_check(UcStatus status, const UcError *err)
{
	/* also where the core ended before its next look: what it gave is lost then, which is less than to lose the error */
	if (deferred != NULL && (status == UC_OK || status == UC_INTERRUPTED))
	{
		ErrorData  *error = deferred;

		deferred = NULL;
		ReThrowError(error);
	}
	if (status == UC_OK)
		return;
	if (status == UC_INTERRUPTED)
	{
		CHECK_FOR_INTERRUPTS();
		/* What was pending can have gone away since, as a deadline does that was met in the meantime. */
		ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling statement due to user request")));
	}
	ereport(ERROR,
			(errcode(sqlstate(status)),
			 errmsg("%s", err->message),
			 err->detail[0] != '\0' ? errdetail("%s", err->detail) : 0,
			 err->hint[0] != '\0' ? errhint("%s", err->hint) : 0));
}

void
usercluster_refuse_null(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be null", name)));
}

int
usercluster_count_argument(FunctionCallInfo fcinfo, int argument, const char *name, int most)
{
	int			value;

	usercluster_refuse_null(fcinfo, argument, name);
	value = PG_GETARG_INT32(argument);
	if (value < 1 || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from 1 to %d, not %d", name, most, value)));
	return value;
}
