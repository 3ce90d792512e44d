/*
 * status.c
 *	  Filling a UcError.
 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

/* A message cut in the middle of a UTF-8 sequence would be refused by whoever prints it. */
static void __attribute__((format(printf, 3, 0)))
format_into(char *buffer, size_t size, const char *format, va_list args)
{
	int			wanted = vsnprintf(buffer, size, format, args);
	size_t		end = size - 1;

	if (wanted < 0)
		buffer[0] = '\0';
	if (wanted < (int) size)
		return;
	while (end > 0 && ((unsigned char) buffer[end - 1] & 0xC0) == 0x80)
		end--;
	if (end > 0 && (unsigned char) buffer[end - 1] >= 0xC0)
		end--;
	buffer[end] = '\0';
}

UcStatus
uc_error(UcError *err, UcStatus status, const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return status;
	err->status = status;
	err->detail[0] = err->hint[0] = '\0';
	va_start(args, format);
	format_into(err->message, sizeof err->message, format, args);
	va_end(args);
	return status;
}

void
uc_error_detail(UcError *err, const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return;
	va_start(args, format);
	format_into(err->detail, sizeof err->detail, format, args);
	va_end(args);
}

void
uc_error_hint(UcError *err, const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return;
	va_start(args, format);
	format_into(err->hint, sizeof err->hint, format, args);
	va_end(args);
}

UcStatus
uc_out_of_memory(UcError *err, size_t bytes)
{
	uc_error(err, UC_OUT_OF_MEMORY, "out of memory");
	uc_error_detail(err, "Failed on request of size %zu.", bytes);
	return UC_OUT_OF_MEMORY;
}
