/*
 * segmentation_verbs.c
 *	  What else can be done with a segmentation: measure its drift, read its profile, rename and drop.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/restricted.h"
#include "pg/schedule.h"
#include "pg/segmentation_drift.h"
#include "pg/segmentation_members.h"
#include "pg/texts.h"

static Segmentation *
named_segmentation(FunctionCallInfo fcinfo, SegmentationAccess access)
{
	usercluster_refuse_null(fcinfo, 0, "name");
	return segmentation_load(texts_argument(fcinfo, 0), access);
}

/* (name) → drift, moved, rise, members, joined, departed */
USERCLUSTER_FUNCTION(usercluster_segmentation_drift)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster drift", ALLOCSET_DEFAULT_SIZES);
	Segmentation *s;
	SegmentationRows rows;
	SegmentationDrift drift;
	MembersTable table;
	Members		members;
	size_t	   *member_of;
	int32	   *previous;
	Restricted	restricted;
	TupleDesc	description;
	HeapTuple	tuple;

	MemoryContextSwitchTo(context);
	progress_begin("segmentation_drift");
	s = named_segmentation(fcinfo, SEGMENTATION_MEASURE);
	restricted_begin(&restricted, s->owner, s->search_path);
	segmentation_read(s, &rows);
	members_open(s->members, rows.rows.key_type, &table);
	members_read(&table, &rows.rows, &members);
	restricted_end(&restricted);
	segmentation_require_fit(s, &rows);
	member_of = members_join(&members, &rows.rows);
	previous = palloc_extended(sizeof(int32) * rows.rows.count, MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < rows.rows.count; i++)
		previous[i] = member_of[i] == NO_MEMBER ? -1 : members.segments[member_of[i]];
	segmentation_assign_rows(s, &rows);
	segmentation_measure_drift(s, &rows, previous, &drift);

	MemoryContextSwitchTo(old);
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	{
		bool		nulls[6] = {false};
		Datum		values[6] = {
			Float8GetDatum(drift.drift), Float8GetDatum(drift.moved), Float8GetDatum(drift.rise),
			Int64GetDatum(drift.members), Int64GetDatum(drift.joined),
			Int64GetDatum((int64) members.count - drift.members)
		};

		tuple = heap_form_tuple(BlessTupleDesc(description), values, nulls);
	}
	progress_end();
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/* What the view segments says of one segmentation; unlike the view it refuses a name that does not exist. */
USERCLUSTER_FUNCTION(usercluster_segment_profile)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Restricted	restricted;
	Datum		name;

	InitMaterializedSRF(fcinfo, 0);
	name = CStringGetTextDatum(named_segmentation(fcinfo, SEGMENTATION_READ)->name);
	restricted_begin(&restricted, GetUserId(), RESTRICTED_CATALOGUE_PATH);
	SPI_connect();
	SPI_execute_with_args("SELECT segment, name, size, share, cohesion, keywords, typical FROM usercluster.segments "
						  "WHERE segmentation = $1 ORDER BY segment", 1, (Oid[]) {TEXTOID}, &name, NULL, true, 0);
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.segments", "int4 text int8 float8 float8 _text _text");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(set->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	restricted_end(&restricted);
	return (Datum) 0;
}

/* ---- changing names ---- */

/* A job that calls a name that is gone would fail every night. */
static void
end_schedule(const char *name)
{
	if (schedule_end(name))
		ereport(NOTICE, (errmsg("segmentation \"%s\" is no longer scheduled", name)));
}

static char *
new_name_argument(FunctionCallInfo fcinfo, int argument, const char *of_what)
{
	char	   *name = texts_argument(fcinfo, argument);

	if (name != NULL && name[strspn(name, " \t\r\n")] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a %s's name must not be blank", of_what)));
	return name;
}

/* (name, segment, new_name): a NULL name goes back to the keywords */
USERCLUSTER_FUNCTION(usercluster_rename_segment)
{
	Segmentation *s = named_segmentation(fcinfo, SEGMENTATION_OWN);
	char	   *name = new_name_argument(fcinfo, 2, "segment");
	Datum		values[3] = {CStringGetTextDatum(s->name)};
	bool		nulls[3] = {false, false, name == NULL};

	usercluster_refuse_null(fcinfo, 1, "segment");
	values[1] = PG_GETARG_DATUM(1);
	if (name != NULL)
		values[2] = CStringGetTextDatum(name);
	if (segmentation_execute("UPDATE usercluster.segment_store SET given_name = $3 WHERE segmentation = $1 AND segment = $2",
							 3, (Oid[]) {TEXTOID, INT4OID, TEXTOID}, values, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("segmentation \"%s\" has no segment %d", s->name, PG_GETARG_INT32(1))));
	PG_RETURN_VOID();
}

USERCLUSTER_FUNCTION(usercluster_rename_segmentation)
{
	Segmentation *s = named_segmentation(fcinfo, SEGMENTATION_OWN);
	char	   *name;
	Datum		values[2] = {CStringGetTextDatum(s->name)};

	usercluster_refuse_null(fcinfo, 1, "new_name");
	name = new_name_argument(fcinfo, 1, "segmentation");
	values[1] = CStringGetTextDatum(name);
	if (segmentation_execute("UPDATE usercluster.segmentation_store SET name = $2 WHERE name = $1 AND "
							 "NOT EXISTS (SELECT FROM usercluster.segmentation_store WHERE name = $2)",
							 2, (Oid[]) {TEXTOID, TEXTOID}, values, NULL) == 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("segmentation \"%s\" already exists", name)));
	end_schedule(s->name);
	PG_RETURN_VOID();
}

USERCLUSTER_FUNCTION(usercluster_drop_segmentation)
{
	Segmentation *s = named_segmentation(fcinfo, SEGMENTATION_OWN);
	Datum		name = CStringGetTextDatum(s->name);
	char	   *table = get_rel_name(s->members);

	segmentation_execute("DELETE FROM usercluster.segmentation_store WHERE name = $1", 1, (Oid[]) {TEXTOID}, &name, NULL);
	end_schedule(s->name);
	if (table != NULL)
		ereport(NOTICE, (errmsg("table \"%s\" with the members of segmentation \"%s\" stays", table, s->name)));
	PG_RETURN_VOID();
}
