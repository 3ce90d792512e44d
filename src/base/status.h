/*
 * status.h
 *	  How every call of the core reports what went wrong.
 *
 * A call takes a UcError last and returns a UcStatus. On UC_OK the error is untouched; otherwise it holds the same
 * status, a primary message in PostgreSQL's style (lower case, no full stop), and where there is one a detail with the
 * numbers and a hint with the next step (both sentences). The core never prints, exits or jumps.
 */
#ifndef UC_BASE_STATUS_H
#define UC_BASE_STATUS_H

#include <stddef.h>

typedef enum UcStatus
{
	UC_OK = 0,
	UC_INVALID_ARGUMENT,		/* a value the caller chose is out of range */
	UC_INVALID_DATA,			/* NaN, infinity, zero norm, malformed text */
	UC_LIMIT_EXCEEDED,			/* text or request beyond a stated limit */
	UC_MEMORY_LIMIT,			/* the estimate exceeds the budget; nothing was done */
	UC_OUT_OF_MEMORY,			/* the system refused memory */
	UC_INTERRUPTED,				/* the interrupt callback asked to stop */
	UC_NOT_FOUND,				/* no such file or model */
	UC_NOT_ALLOWED,				/* a file whose owner, mode or kind is refused */
	UC_CORRUPT,					/* a file that contradicts itself */
	UC_UNSUPPORTED,				/* well-formed, but cannot be represented exactly */
	UC_IO_ERROR,				/* the system failed to read or write */
} UcStatus;

typedef struct UcError
{
	UcStatus	status;
	char		message[256];
	char		detail[512];	/* empty where there is none */
	char		hint[512];		/* empty where there is none */
} UcError;

/* Each returns the status, so that a caller can write `return uc_error(err, …)`. A NULL err is allowed. */
extern UcStatus uc_error(UcError *err, UcStatus status, const char *format,...) __attribute__((format(printf, 3, 4)));
extern void uc_error_detail(UcError *err, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void uc_error_hint(UcError *err, const char *format,...) __attribute__((format(printf, 2, 3)));
extern UcStatus uc_out_of_memory(UcError *err, size_t bytes);

#endif
