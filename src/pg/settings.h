/*
 * settings.h
 *	  The settings usercluster.* and what follows from them.
 */
#ifndef USERCLUSTER_SETTINGS_H
#define USERCLUSTER_SETTINGS_H

#include <stddef.h>

/* Defines the settings; called once, from _PG_init. */
extern void settings_define(void);

/* The model that functions use where none is named; empty where the setting is. */
extern const char *settings_default_model(void);

/* The absolute path of the model directory, in the current memory context. */
extern char *settings_model_dir(void);

/* Threads of one bulk call, the calling one included: 1 … UC_MAX_THREADS. Always 1 in a parallel worker. */
extern int	settings_threads(void);

/* Bytes that one bulk call may allocate. */
extern size_t settings_max_memory(void);

/* Seconds between notices of progress; 0: none. */
extern int	settings_progress_interval(void);

#endif
