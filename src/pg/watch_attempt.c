/*
 * watch_attempt.c
 *	  Work on many rows of which some may fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/watch_attempt.h"

/* Data, constraints, triggers that refuse: another row, or another text, would not have failed. */
static bool
is_of_row(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case MAKE_SQLSTATE('0', '9', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '2', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '7', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '4', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '4', '0', '0', '0'):
		case MAKE_SQLSTATE('P', '0', '0', '0', '0'):
			return true;
		default:
			return false;
	}
}

/* True where the rows went through; else their error, of this memory context. */
static bool
attempt(AttemptBody body, void *arg, int first, int count, ErrorData **problem)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	*problem = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(arg, first, count);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*problem = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (*problem != NULL && !is_of_row((*problem)->sqlerrcode))
		ReThrowError(*problem);
	return *problem == NULL;
}

/* Halves at most log2(count) deep. */
static void
attempt_range(AttemptBody body, void *arg, int first, int count, ErrorData **problems)
{
	ErrorData  *problem;

	if (count == 0 || attempt(body, arg, first, count, &problem))
		return;
	if (count == 1)
	{
		problems[first] = problem;
		return;
	}
	FreeErrorData(problem);
	attempt_range(body, arg, first, count / 2, problems);
	attempt_range(body, arg, first + count / 2, count - count / 2, problems);
}

void
attempt_rows(AttemptBody body, void *arg, int count, ErrorData **problems)
{
	memset(problems, 0, sizeof *problems * count);
	attempt_range(body, arg, 0, count, problems);
}

typedef struct EmbedJob
{
	const EmbedRequest *request;
	text	  **texts;
	Embedding **out;
} EmbedJob;

static void
embed_range(void *arg, int first, int count)
{
	EmbedJob   *job = arg;

	embed_texts(job->request, job->texts + first, count, job->out + first);
}

void
attempt_embed(const EmbedRequest *request, text **texts, int count, Embedding **out, ErrorData **problems)
{
	EmbedJob	job = {request, texts, out};

	memset(out, 0, sizeof *out * count);
	attempt_rows(embed_range, &job, count, problems);
	for (int i = 0; i < count; i++)
		if (problems[i] != NULL)
			out[i] = NULL;
}
