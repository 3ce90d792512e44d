/*
 * stored.h
 *	  Where a large argument is stored: functions that are called once per row with the same one recognise it by that, since
 *	  fetching it again costs more than what they do with it.
 */
#ifndef USERCLUSTER_STORED_H
#define USERCLUSTER_STORED_H

#include "postgres.h"

#include "access/detoast.h"

/*
 * Whether the value lies out of line, and if so where, in all bytes comparable. While a statement runs, one place holds
 * one value.
 */
static inline bool
stored_value(Datum datum, struct varatt_external *where)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	memset(where, 0, sizeof *where);
	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return false;
	VARATT_EXTERNAL_GET_POINTER(*where, value);
	return true;
}

#endif
