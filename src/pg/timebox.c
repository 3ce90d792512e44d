/*
 * timebox.c
 *	  An end to a call that takes too long.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"

#include "pg/timebox.h"

static TimeoutId timer = MAX_TIMEOUTS;
static volatile sig_atomic_t expired = false;

static void
expire(void)
{
	expired = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

void
timebox_begin(double seconds)
{
	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, expire);
	expired = false;
	enable_timeout_after(timer, (int) Max(1, Min(seconds * 1000, INT_MAX)));
}

bool
timebox_end(void)
{
	bool		late = expired;

	disable_timeout(timer, false);
	if (late)
		QueryCancelPending = false; /* it came while nobody looked */
	expired = false;
	return late;
}
