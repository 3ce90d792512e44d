/*
 * restricted.c
 *	  Running SQL as somebody else in a security-restricted operation.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "pg/restricted.h"

void
restricted_begin(Restricted *restricted, Oid user, const char *search_path)
{
	GetUserIdAndSecContext(&restricted->user, &restricted->context);
	SetUserIdAndSecContext(user, restricted->context | SECURITY_RESTRICTED_OPERATION | SECURITY_LOCAL_USERID_CHANGE);
	restricted->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
restricted_end(const Restricted *restricted)
{
	AtEOXact_GUC(false, restricted->nest_level);
	SetUserIdAndSecContext(restricted->user, restricted->context);
}

/* Temporary relations come first in a path that does not name them, where they would hide the owner's. */
char *
restricted_current_path(void)
{
	List	   *schemas;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &schemas))
		elog(ERROR, "invalid search_path");
	foreach(cell, schemas)
		if (strcmp(lfirst(cell), "pg_temp") == 0)
			return pstrdup(namespace_search_path);
	return psprintf("%s%spg_temp", namespace_search_path, schemas == NIL ? "" : ", ");
}
