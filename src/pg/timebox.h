/*
 * timebox.h
 *	  An end to a call that takes too long, apart from statement_timeout, which belongs to the client.
 */
#ifndef USERCLUSTER_TIMEBOX_H
#define USERCLUSTER_TIMEBOX_H

#include "postgres.h"

/* From now on, after so many seconds, the call is cancelled like one that the user cancels (57014). Boxes do not nest. */
extern void timebox_begin(double seconds);

/* Also after an error. True where the time was up. */
extern bool timebox_end(void);

#endif
