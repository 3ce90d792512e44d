/*
 * complain.c
 *	  Errors of the commands, on standard error.
 */
#include "tool/complain.h"

#include <stdio.h>

int
fail(const UcError *err)
{
	fprintf(stderr, "usercluster-model: %s\n", err->message);
	if (err->detail[0] != '\0')
		fprintf(stderr, "DETAIL:  %s\n", err->detail);
	if (err->hint[0] != '\0')
		fprintf(stderr, "HINT:  %s\n", err->hint);
	return 1;
}

int
misuse(const char *complaint, const char *what)
{
	fprintf(stderr, "usercluster-model: %s%s\nTry usercluster-model --help.\n", complaint, what);
	return 2;
}
