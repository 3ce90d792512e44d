/*
 * plot.h
 *	  What the SQL forms of pictures share.
 */
#ifndef USERCLUSTER_PLOT_H
#define USERCLUSTER_PLOT_H

#include "postgres.h"
#include "fmgr.h"

#include "base/status.h"

/* The argument at this position, a side of a picture: refuses NULL (22004) and what no picture has (22023). */
extern int	plot_side(FunctionCallInfo fcinfo, int argument, const char *name);

/* Text of the database for a picture, which is built as UTF-8. */
extern const char *plot_utf8(const char *text);

/* The argument at this position, UTF-8; NULL: no title. */
extern const char *plot_title(FunctionCallInfo fcinfo, int argument);

/* A drawn picture, which is freed, as a text of the current memory context; or the error of drawing it. */
extern text *plot_text(UcStatus status, char *drawn, size_t length, const UcError *err);

#endif
