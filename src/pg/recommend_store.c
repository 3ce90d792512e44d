/*
 * recommend_store.c
 *	  store_recommendations: what recommend_all finds, in a table of which only what differs is written.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/varlena.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/texts.h"

/* Arguments in SQL; all but the second are those of recommend_all, in its order. */
enum
{
	ARG_SEGMENTATION, ARG_TARGET, ARG_N, ARG_INTERACTIONS
};

#define TOLERANCE "0.01"		/* of scores, all of which move a little with every new interaction */

typedef struct Target
{
	char	   *name;			/* qualified and quoted */
	char	   *user_type;		/* of the keys, as the query of interactions returns them */
	char	   *item_type;
} Target;

static void
execute(const char *sql, int expected)
{
	int			result = SPI_execute(sql, false, 0);

	if (result != expected)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
}

/* The types of the first two columns; the query is looked at, not run. */
static void
find_types(const char *interactions, Target *target)
{
	SPIPlanPtr	plan = SPI_prepare(psprintf("SELECT * FROM (%s\n) AS q", interactions), 0, NULL);
	TupleDesc	columns;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	columns = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
	if (columns == NULL || columns->natts < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return a user and an item"),
				 errdetail("The number of its columns is %d.", columns == NULL ? 0 : columns->natts)));
	target->user_type = format_type_be_qualified(TupleDescAttr(columns, 0)->atttypid);
	target->item_type = format_type_be_qualified(TupleDescAttr(columns, 1)->atttypid);
}

static void
check_shape(Oid relation)
{
	static const char *const names[] = {"user_id", "rank", "item", "score", "reason", "source", "computed_at"};
	char		kind = get_rel_relkind(relation);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", get_rel_name(relation))));
	for (int i = 0; i < (int) lengthof(names); i++)
		if (get_attnum(relation, names[i]) == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
					 errmsg("table \"%s\" has no column \"%s\"", get_rel_name(relation), names[i]),
					 errdetail("Recommendations go into the columns user_id, rank, item, score, reason, source and computed_at."),
					 errhint("Name a table that does not exist, and it is made.")));
}

/* Makes the table where there is none, as whoever calls, and keeps others from writing to it. */
static void
open_target(text *name, Target *target)
{
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(name));
	Oid			relation = RangeVarGetRelid(range, NoLock, true);

	if (!OidIsValid(relation))
	{
		const char *quoted = quote_qualified_identifier(get_namespace_name(RangeVarGetCreationNamespace(range)), range->relname);

		execute(psprintf("CREATE TABLE %s (user_id %s, rank pg_catalog.int4, item %s NOT NULL, score pg_catalog.float8 NOT NULL, "
						 "reason pg_catalog.text NOT NULL, source pg_catalog.text NOT NULL, "
						 "computed_at pg_catalog.timestamptz NOT NULL, PRIMARY KEY (user_id, rank))",
						 quoted, target->user_type, target->item_type), SPI_OK_UTILITY);
		relation = RangeVarGetRelid(range, NoLock, false);
	}
	check_shape(relation);
	target->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
	execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", target->name), SPI_OK_UTILITY);
}

/* Counts of rows found, added, changed and gone. */
static void
write_changes(FunctionCallInfo fcinfo, const Target *target, int64 counts[4])
{
	static const int order[] = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* of recommend_all's among the arguments */
	Oid			types[] = {
		TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT4OID, FLOAT8OID, INTERVALOID, BOOLOID, TEXTOID
	};
	Datum		values[lengthof(order)];
	char		nulls[lengthof(order)];
	int			result;
	char	   *sql = psprintf(
		"WITH found AS MATERIALIZED (SELECT * FROM usercluster.recommend_all($1, NULL::%2$s, NULL::%3$s, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)), "
		"gone AS (DELETE FROM %1$s AS t WHERE NOT EXISTS (SELECT FROM found AS f WHERE f.user_id = t.user_id AND f.rank = t.rank) RETURNING 1), "
		"changed AS (UPDATE %1$s AS t SET item = f.item, score = f.score, reason = f.reason, source = f.source, computed_at = pg_catalog.now() "
		"FROM found AS f WHERE f.user_id = t.user_id AND f.rank = t.rank AND (t.item <> f.item OR t.reason IS DISTINCT FROM f.reason OR "
		"t.source IS DISTINCT FROM f.source OR (pg_catalog.abs(t.score - f.score) <= " TOLERANCE ") IS NOT TRUE) RETURNING 1), "
		"added AS (INSERT INTO %1$s (user_id, rank, item, score, reason, source, computed_at) "
		"SELECT f.user_id, f.rank, f.item, f.score, f.reason, f.source, pg_catalog.now() FROM found AS f "
		"WHERE NOT EXISTS (SELECT FROM %1$s AS t WHERE t.user_id = f.user_id AND t.rank = f.rank) RETURNING 1) "
		"SELECT (SELECT pg_catalog.count(*) FROM found), (SELECT pg_catalog.count(*) FROM added), "
		"(SELECT pg_catalog.count(*) FROM changed), (SELECT pg_catalog.count(*) FROM gone)",
		target->name, target->user_type, target->item_type);

	for (int i = 0; i < (int) lengthof(order); i++)
	{
		values[i] = fcinfo->args[order[i]].value;
		nulls[i] = fcinfo->args[order[i]].isnull ? 'n' : ' ';
	}
	result = SPI_execute_with_args(sql, lengthof(order), types, values, nulls, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	for (int i = 0; i < 4; i++)
	{
		bool		is_null;

		counts[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null));
	}
}

USERCLUSTER_FUNCTION(usercluster_store_recommendations)
{
	Target		target;
	int64		counts[4];

	usercluster_refuse_null(fcinfo, ARG_SEGMENTATION, "segmentation");
	usercluster_refuse_null(fcinfo, ARG_TARGET, "target");
	usercluster_refuse_null(fcinfo, ARG_INTERACTIONS, "interactions");
	SPI_connect();
	find_types(texts_argument(fcinfo, ARG_INTERACTIONS), &target);
	open_target(PG_GETARG_TEXT_PP(ARG_TARGET), &target);
	write_changes(fcinfo, &target, counts);
	ereport(NOTICE,
			(errmsg("table %s holds " INT64_FORMAT " recommendations: " INT64_FORMAT " added, " INT64_FORMAT " changed, "
					INT64_FORMAT " deleted", target.name, counts[0], counts[1], counts[2], counts[3])));
	SPI_finish();
	PG_RETURN_VOID();
}
