/*
 * watch_attempt.c
 *	  Work on many rows of which some may fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/watch_attempt.h"

#define CATEGORY(a, b) MAKE_SQLSTATE(a, b, '0', '0', '0')

static bool
is_of_row(int code, AttemptErrors errors)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case CATEGORY('0', '9'):	/* triggers */
		case CATEGORY('2', '2'):	/* values */
		case CATEGORY('2', '3'):	/* constraints */
		case CATEGORY('2', '7'):
		case CATEGORY('4', '4'):
		case CATEGORY('5', '4'):	/* limits */
		case CATEGORY('P', '0'):	/* RAISE */
			return true;
		case CATEGORY('5', '3'):	/* resources */
		case CATEGORY('5', '7'):	/* cancel, shutdown */
		case CATEGORY('5', '8'):	/* files */
			return false;
		default:
			return errors == ATTEMPT_ANY;
	}
}

/* True where the rows went through; else their error, of this memory context. */
static bool
attempt(AttemptBody body, void *arg, int first, int count, AttemptErrors errors, ErrorData **problem)
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
	if (*problem != NULL && !is_of_row((*problem)->sqlerrcode, errors))
		ReThrowError(*problem);
	return *problem == NULL;
}

/* Halves at most log2(count) deep. */
static void
attempt_range(AttemptBody body, void *arg, int first, int count, AttemptErrors errors, ErrorData **problems)
{
	ErrorData  *problem;

	if (count == 0 || attempt(body, arg, first, count, errors, &problem))
		return;
	if (count == 1)
	{
		problems[first] = problem;
		return;
	}
	FreeErrorData(problem);
	attempt_range(body, arg, first, count / 2, errors, problems);
	attempt_range(body, arg, first + count / 2, count - count / 2, errors, problems);
}

void
attempt_rows(AttemptBody body, void *arg, int count, AttemptErrors errors, ErrorData **problems)
{
	memset(problems, 0, sizeof *problems * count);
	attempt_range(body, arg, 0, count, errors, problems);
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
	attempt_rows(embed_range, &job, count, ATTEMPT_DATA, problems);
	for (int i = 0; i < count; i++)
		if (problems[i] != NULL)
			out[i] = NULL;
}
