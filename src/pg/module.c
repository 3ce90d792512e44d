/*
 * module.c
 *	  What the server loads. No BLAS here: a preloaded library must not start threads in the postmaster.
 */
#include "postgres.h"
#include "fmgr.h"

#include "pg/settings.h"

PG_MODULE_MAGIC;

extern void _PG_init(void);

void
_PG_init(void)
{
	settings_define();
}
