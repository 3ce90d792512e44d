/*
 * progress.h
 *	  How far long calls have come: to other sessions by the view progress, to the client by a NOTICE now and then.
 *
 * The call that SQL made is shown, not what it calls by SQL again: while the query of kmeans() is read, the functions
 * in that query show nothing.
 */
#ifndef USERCLUSTER_PROGRESS_H
#define USERCLUSTER_PROGRESS_H

#include "base/run.h"

/*
 * Shows a call under the name that SQL has for it until progress_end, or until the current memory context is reset or
 * deleted, as it is after an error.
 */
extern void progress_begin(const char *command);
extern void progress_end(void);

/* Shows what the core does with `run`. Only for runs of the call that has begun. */
extern void progress_watch(UcRun *run);

/*
 * A phase of the call outside the core, and how many rows or the like of its total (UC_UNKNOWN_TOTAL) are done. The
 * phase's name is never freed.
 */
extern void progress_phase(const char *phase, size_t total);
extern void progress_done(size_t done);

/* Loss and learning rate (0: none yet) of a step of training, shown with the next report. Only copies: the core may call it. */
extern void progress_learning(double loss, double rate);

#endif
