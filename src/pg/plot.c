/*
 * plot.c
 *	  Between SQL and a picture: its sides, its texts, and the picture itself.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/memory.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/plot.h"
#include "segment/plot.h"

int
plot_side(FunctionCallInfo fcinfo, int argument, const char *name)
{
	int			side;

	usercluster_refuse_null(fcinfo, argument, name);
	side = PG_GETARG_INT32(argument);
	if (side < UC_PLOT_SMALLEST || side > UC_PLOT_LARGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from %d to %d, not %d", name, UC_PLOT_SMALLEST, UC_PLOT_LARGEST, side)));
	return side;
}

const char *
plot_utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

const char *
plot_title(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : plot_utf8(text_to_cstring(PG_GETARG_TEXT_PP(argument)));
}

text *
plot_text(UcStatus status, char *drawn, size_t length, const UcError *err)
{
	char	   *copy;
	text	   *svg;

	usercluster_check(status, err);
	copy = palloc_extended(length + 1, MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
		memcpy(copy, drawn, length + 1);
	uc_free(drawn);
	if (copy == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	svg = cstring_to_text(pg_any_to_server(copy, length, PG_UTF8));
	pfree(copy);
	return svg;
}
