/*
 * preparation_fit.c
 *	  fit_preparation: the preparation of a query's rows without clustering them, for vectors that are prepared before they
 *	  are averaged, searched or kept.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"

typedef struct Work
{
	PreparationOptions options;
	Rows		rows;
} Work;

static size_t
work_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Work *work = arg;
	size_t		out_dim;

	return preparation_memory(&work->options, &work->rows, rows, dim, threads, &out_dim);
}

/* (query, preparation, metric, feature_weight) → preparation */
USERCLUSTER_FUNCTION(usercluster_fit_preparation)
{
	static const char *const names[] = {"query", "preparation", "metric", "feature_weight"};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "usercluster preparation", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RowsOptions options = {.name = "the preparation"};
	Work		work;
	Prepared	prepared;
	TupleDesc	description;
	Datum		result;

	progress_begin("fit_preparation");
	memset(&work, 0, sizeof work);
	for (int i = 0; i < (int) lengthof(names); i++)
		usercluster_refuse_null(fcinfo, i, names[i]);
	preparation_options(&work.options, text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_FLOAT8(3),
						kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(2))));
	options.directions = work.options.directions;
	options.columns = PREPARATION_COLUMNS | ROWS_KNOWS(ROWS_WEIGHT);
	options.work = work_memory;
	options.work_arg = &work;
	query_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), InvalidOid, &options, &work.rows);
	if (work.rows.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the query returned no row with an embedding")));
	preparation_fit(&work.options, &work.rows, &prepared);
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result = preparation_datum(&prepared, &work.rows, description->tdtypeid);
	MemoryContextSwitchTo(old);
	result = datumCopy(result, false, -1);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(result);
}
