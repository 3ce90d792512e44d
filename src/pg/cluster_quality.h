/*
 * cluster_quality.h
 *	  What the SQL forms of the measures of a clustering share.
 */
#ifndef USERCLUSTER_CLUSTER_QUALITY_H
#define USERCLUSTER_CLUSTER_QUALITY_H

#include "postgres.h"
#include "fmgr.h"

#include "cluster/kmeans.h"
#include "pg/rows.h"

/*
 * The argument `sample` at this position: rows of which silhouettes are measured, at least 2, or 0 for NULL.
 */
extern size_t quality_sample_argument(FunctionCallInfo fcinfo, int argument);

/*
 * What a sample of 0 means for so many rows: again 0, all of them, or where that would take rows times rows and there are
 * many, a fixed number.
 */
extern size_t quality_sample(size_t sample, UcMetric metric, size_t rows);

/* A figure for SQL: NULL where it is not defined. */
extern Datum quality_datum(double value, bool *is_null);

/* Refuses rows of a query without a column "cluster" (22023). */
extern void quality_require_cluster(const Rows *rows);

/* Tells how many rows had no embedding. */
extern void quality_tell_skipped(int64 skipped);

#endif
