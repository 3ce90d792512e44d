/*
 * linkage.h
 *	  What the SQL forms of hierarchical clustering share.
 */
#ifndef USERCLUSTER_LINKAGE_H
#define USERCLUSTER_LINKAGE_H

#include "postgres.h"
#include "fmgr.h"

#include "cluster/linkage.h"
#include "pg/preparation.h"
#include "pg/rows.h"

typedef struct LinkageOptions
{
	UcLinkageMethod method;
	const char *method_name;
	UcMetric	metric;
	PreparationOptions preparation;
	int			columns;		/* ROWS_KNOWS() of those that the caller takes beside weight, language and features */
	size_t		row_bytes;		/* that the caller will hold for each row, beside the tree */
	size_t		fixed_bytes;	/* … and once */
	Rows	   *rows;			/* being gathered */
} LinkageOptions;

/*
 * The arguments query (the first) and, in this order from the position `method` on, method, metric, preparation and
 * feature_weight: refuses NULL (22004) and unknown names (22023). What the caller takes and holds is 0.
 */
extern void linkage_options(FunctionCallInfo fcinfo, int method, LinkageOptions *options);

/* Refuses k below 1, and a height, called so in SQL, that is not a number of at least 0 (22023). */
extern void linkage_check_cut(bool by_k, int k, bool by_height, double height, const char *height_name);

/*
 * Reads the rows and joins them, with NOTICEs of rows left out and of micro-clusters. Rows and tree are of the current
 * memory context. NULL where the query has no rows.
 */
extern const UcLinkage *linkage_run(const char *query, Oid key_type, LinkageOptions *options, Rows *rows);

#endif
