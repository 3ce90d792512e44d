/*
 * schedule.h
 *	  Regular runs by pg_cron.
 */
#ifndef USERCLUSTER_SCHEDULE_H
#define USERCLUSTER_SCHEDULE_H

#include "postgres.h"

/* Ends the current user's schedule of a segmentation in this database, if there is one; true where there was. */
extern bool schedule_end(const char *segmentation);

#endif
