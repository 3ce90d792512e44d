/*
 * restricted.h
 *	  Running SQL as somebody else without handing over what the caller may do.
 *
 * As with REFRESH MATERIALIZED VIEW: the role changes, nothing inside can change it back (SET ROLE, SET SESSION
 * AUTHORIZATION), leave a trigger or a cursor for later, or make a temporary table; and names are looked up along a path
 * that the caller does not choose. An error puts everything back with its transaction or savepoint.
 */
#ifndef USERCLUSTER_RESTRICTED_H
#define USERCLUSTER_RESTRICTED_H

#include "postgres.h"

#define RESTRICTED_CATALOGUE_PATH "pg_catalog, pg_temp"

typedef struct Restricted
{
	Oid			user;			/* what restricted_end goes back to */
	int			context;
	int			nest_level;
} Restricted;

extern void restricted_begin(Restricted *restricted, Oid user, const char *search_path);
extern void restricted_end(const Restricted *restricted);

/* The search_path in force, with pg_temp last where it does not name it: for keeping with a query. */
extern char *restricted_current_path(void);

#endif
