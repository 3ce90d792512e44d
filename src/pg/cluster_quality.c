/*
 * cluster_quality.c
 *	  What the SQL forms of the measures of a clustering share.
 */
#include "postgres.h"

#include <math.h>

#include "pg/cluster_quality.h"

#define EXACT_ROWS 10000		/* up to this many, rows times rows take a second or two */
#define SAMPLE_ROWS 5000

size_t
quality_sample_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return 0;
	if (PG_GETARG_INT32(argument) < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be at least 2, not %d", PG_GETARG_INT32(argument))));
	return PG_GETARG_INT32(argument);
}

size_t
quality_sample(size_t sample, UcMetric metric, size_t rows)
{
	if (sample == 0 && metric == UC_METRIC_EUCLIDEAN && rows > EXACT_ROWS)
		return SAMPLE_ROWS;
	return sample;
}

Datum
quality_datum(double value, bool *is_null)
{
	*is_null = isnan(value);
	return Float8GetDatum(value);
}

void
quality_tell_skipped(int64 skipped)
{
	if (skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " row without an embedding",
							   "skipped " INT64_FORMAT " rows without an embedding", (unsigned long) skipped, skipped)));
}
