/*
 * segmentation_store.c
 *	  The catalogue tables of segmentations: who may see them, and reading them as their owner along a fixed search_path.
 *
 * Other sessions learn of a change through a relcache invalidation of segmentation_store, which reaches standbys too.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/definition.h"
#include "pg/kmeans.h"
#include "pg/restricted.h"
#include "pg/segmentation.h"


static uint64 generation = 1;
static Oid	store_oid = InvalidOid; /* as of the last look */
static bool listening = false;

/* ---- who may do what ---- */

Oid
segmentation_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* A segmentation without its table is looked after by whoever owns the database. */
bool
segmentation_readable(Oid members)
{
	Oid			owner = segmentation_owner(members);

	if (!OidIsValid(owner))
		return has_privs_of_role(GetUserId(), ROLE_PG_DATABASE_OWNER);
	return has_privs_of_role(GetUserId(), owner) ||
		pg_class_aclcheck(members, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

static Oid	find_store(void);

static bool
owned(Oid owner)
{
	return has_privs_of_role(GetUserId(), OidIsValid(owner) ? owner : ROLE_PG_DATABASE_OWNER);
}

USERCLUSTER_FUNCTION(usercluster_can_read_segmentation)
{
	PG_RETURN_BOOL(segmentation_readable(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0)));
}

/* A restore is the only one that puts in rows from outside; it goes on without a table that it may not hand out. */
USERCLUSTER_FUNCTION(usercluster_check_segmentation)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	tuple;
	int			column;
	bool		is_null;
	Datum		members;
	Oid			owner;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("check_segmentation must be fired for each row before INSERT or UPDATE")));
	if (RelationGetRelid(trigger->tg_relation) != find_store())
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("check_segmentation serves only the table usercluster.segmentation_store")));
	tuple = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? trigger->tg_trigtuple : trigger->tg_newtuple;
	column = SPI_fnumber(RelationGetDescr(trigger->tg_relation), "members");
	members = SPI_getbinval(tuple, RelationGetDescr(trigger->tg_relation), column, &is_null);
	/* whoever owns the catalogue could take the trigger away */
	if (is_null || has_privs_of_role(GetUserId(), trigger->tg_relation->rd_rel->relowner))
		return PointerGetDatum(tuple);
	owner = segmentation_owner(DatumGetObjectId(members));
	if (!OidIsValid(owner) || !has_privs_of_role(GetUserId(), owner))
	{
		if (OidIsValid(owner))
			ereport(WARNING,
					(errmsg("a segmentation is kept without its members table"),
					 errdetail("Table \"%s\" belongs to \"%s\", as whom \"%s\" cannot act.",
							   get_rel_name(DatumGetObjectId(members)), GetUserNameFromId(owner, true),
							   GetUserNameFromId(GetUserId(), true))));
		members = (Datum) 0;
		is_null = true;
		tuple = heap_modify_tuple_by_cols(tuple, RelationGetDescr(trigger->tg_relation), 1, &column, &members, &is_null);
	}
	return PointerGetDatum(tuple);
}

/* ---- access ---- */

static void
note_change(Datum arg, Oid relation)
{
	if (!OidIsValid(relation) || relation == store_oid)
		generation++;
}

static Oid
find_store(void)
{
	if (!listening)
	{
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
		listening = true;
	}
	store_oid = get_relname_relid("segmentation_store", get_namespace_oid("usercluster", false));
	if (!OidIsValid(store_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table usercluster.segmentation_store does not exist"),
				 errhint("Update the extension: ALTER EXTENSION usercluster UPDATE.")));
	return store_oid;
}

uint64
segmentation_generation(void)
{
	(void) find_store();
	return generation;
}

static void
enter_catalogue(Restricted *restricted)
{
	restricted_begin(restricted, segmentation_owner(find_store()), RESTRICTED_CATALOGUE_PATH);
	SPI_connect();
}

static void
leave_catalogue(const Restricted *restricted)
{
	SPI_finish();
	restricted_end(restricted);
}

static uint64
execute(const char *sql, int count, const Oid *types, const Datum *values, const bool *nulls, bool read_only)
{
	char	   *null_marks = palloc(count + 1);
	int			result;

	for (int i = 0; i < count; i++)
		null_marks[i] = nulls != NULL && nulls[i] ? 'n' : ' ';
	result = SPI_execute_with_args(sql, count, (Oid *) types, (Datum *) values, null_marks, read_only, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

uint64
segmentation_execute(const char *sql, int count, const Oid *types, const Datum *values, const bool *nulls)
{
	Restricted	restricted;
	uint64		rows;

	enter_catalogue(&restricted);
	rows = execute(sql, count, types, values, nulls, false);
	leave_catalogue(&restricted);
	CacheInvalidateRelcacheByRelid(store_oid);
	return rows;
}

/* ---- reading ---- */

/* One column of one row of the SPI result, copied to the context of the reader. */
typedef struct Reader
{
	MemoryContext context;
	int			row;
} Reader;

static Datum
value(const Reader *reader, const char *column, bool *is_null)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[reader->row], SPI_tuptable->tupdesc, number, is_null);

	return *is_null ? (Datum) 0 : datum;
}

static char *
string(const Reader *reader, const char *column)
{
	bool		is_null;
	Datum		datum = value(reader, column, &is_null);
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	char	   *result = is_null ? NULL : TextDatumGetCString(datum);

	MemoryContextSwitchTo(old);
	return result;
}

static Datum
plain(const Reader *reader, const char *column)
{
	bool		is_null;

	return value(reader, column, &is_null);
}

static struct varlena *
varlena(const Reader *reader, const char *column)
{
	bool		is_null;
	Datum		datum = value(reader, column, &is_null);
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	struct varlena *result = is_null ? NULL : PG_DETOAST_DATUM_COPY(datum);

	MemoryContextSwitchTo(old);
	return result;
}

#define SEGMENTATION_COLUMNS \
	"name, members, query, search_path, k, automatic_k, algorithm, metric, preparation, feature_weight, seed, restarts, " \
	"max_iterations, tolerance, model, model_named, fingerprint, dimensions, run, content, last_segment, mean_distance, " \
	"fitted_at, fitted"
#define SEGMENTATION_TYPES \
	"text regclass text text int4 bool text text text float8 int8 int4 int4 float8 text bool text int4 int4 int8 int4 float8 " \
	"timestamptz preparation"

static void
read_segmentation(const Reader *reader, Segmentation *s)
{
	bool		is_null;
	Datum		fitted;

	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.segmentation_store", SEGMENTATION_TYPES);
	s->name = string(reader, "name");
	s->members = DatumGetObjectId(plain(reader, "members"));
	s->query = string(reader, "query");
	s->search_path = string(reader, "search_path");
	uc_kmeans_defaults(&s->kmeans);
	s->kmeans.k = DatumGetInt32(plain(reader, "k"));
	s->automatic_k = DatumGetBool(plain(reader, "automatic_k"));
	s->algorithm = string(reader, "algorithm");
	s->by_tree = segmentation_by_tree(s->algorithm);
	s->metric = string(reader, "metric");
	s->kmeans.metric = kmeans_metric(s->metric);
	s->preparation = string(reader, "preparation");
	s->feature_weight = DatumGetFloat8(plain(reader, "feature_weight"));
	s->kmeans.seed = (uint64) DatumGetInt64(plain(reader, "seed"));
	s->kmeans.restarts = DatumGetInt32(plain(reader, "restarts"));
	s->kmeans.max_iterations = DatumGetInt32(plain(reader, "max_iterations"));
	s->kmeans.tolerance = DatumGetFloat8(plain(reader, "tolerance"));
	s->model = string(reader, "model");
	s->model_named = DatumGetBool(plain(reader, "model_named"));
	s->fingerprint = string(reader, "fingerprint");
	s->dimensions = DatumGetInt32(plain(reader, "dimensions"));
	s->run = DatumGetInt32(plain(reader, "run"));
	s->content = (uint64) DatumGetInt64(value(reader, "content", &is_null));
	s->has_content = !is_null;
	s->last_segment = DatumGetInt32(plain(reader, "last_segment"));
	s->mean_distance = DatumGetFloat8(plain(reader, "mean_distance"));
	s->fitted_at = DatumGetTimestampTz(plain(reader, "fitted_at"));
	fitted = value(reader, "fitted", &is_null);
	if (!is_null)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);

		s->fitted = (HeapTupleHeader) PG_DETOAST_DATUM_COPY(fitted);
		MemoryContextSwitchTo(old);
	}
}

static void
read_segments(MemoryContext context, Segmentation *s)
{
	Datum		name = CStringGetTextDatum(s->name);

	s->count = (int) execute("SELECT segment, size, mean_distance, centroid, prepared_centroid "
							 "FROM usercluster.segment_store WHERE segmentation = $1 ORDER BY segment",
							 1, (Oid[]) {TEXTOID}, &name, NULL, true);
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.segment_store", "int4 int8 float8 embedding embedding");
	s->segments = MemoryContextAllocZero(context, sizeof(Segment) * Max(s->count, 1));
	for (int i = 0; i < s->count; i++)
	{
		Reader		reader = {context, i};

		s->segments[i].number = DatumGetInt32(plain(&reader, "segment"));
		s->segments[i].size = DatumGetInt64(plain(&reader, "size"));
		s->segments[i].mean_distance = DatumGetFloat8(plain(&reader, "mean_distance"));
		s->segments[i].centroid = (Embedding *) varlena(&reader, "centroid");
		s->segments[i].prepared = (Embedding *) varlena(&reader, "prepared_centroid");
	}
}

/* What is read may have been put in by whoever owns the database: a restore, or a forgery. */
static void
check_sound(const Segmentation *s)
{
	bool		sound = s->count == 0 ||
		(s->fitted != NULL && s->dimensions >= 1 && s->dimensions <= EMBEDDING_MAX_DIM);

	for (int i = 0; i < s->count; i++)
		sound = sound && s->segments[i].number >= 1 && s->segments[i].number <= s->last_segment;
	if (!sound)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the catalogue of segmentation \"%s\" contradicts itself", s->name),
				 errhint("Drop the segmentation with usercluster.drop_segmentation and create it anew.")));
}

static _Noreturn void
refuse_unknown(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("segmentation \"%s\" does not exist", name),
			 errhint("Those that you can read are in usercluster.segmentations.")));
}

static void
check_access(const Segmentation *s, SegmentationAccess access)
{
	if (!segmentation_readable(s->members))
		refuse_unknown(s->name);
	if (access == SEGMENTATION_READ)
		return;
	if (!owned(s->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of segmentation \"%s\"", s->name),
				 errdetail("Its owner is that of its members table, \"%s\".", GetUserNameFromId(s->owner, true))));
}

/* Locked before it is read again, so that what is read is what stays. */
static void
lock_row(Datum name, const char *shown)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;

	PG_TRY();
	{
		execute("SELECT FROM usercluster.segmentation_store WHERE name = $1 FOR UPDATE NOWAIT", 1, (Oid[]) {TEXTOID}, &name, NULL,
				false);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		CurrentResourceOwner = resources;
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("segmentation \"%s\" is being changed by another session", shown),
				 errhint("Try again when that is done; nothing has to be done twice.")));
	}
	PG_END_TRY();
}

Segmentation *
segmentation_load(const char *name, SegmentationAccess access)
{
	static const char *const query = "SELECT " SEGMENTATION_COLUMNS " FROM usercluster.segmentation_store WHERE name = $1";
	Segmentation *s = palloc0(sizeof *s);
	Reader		reader = {CurrentMemoryContext, 0};
	Restricted	restricted;
	Datum		name_datum = CStringGetTextDatum(name);
	uint64		found;

	enter_catalogue(&restricted);
	found = execute(query, 1, (Oid[]) {TEXTOID}, &name_datum, NULL, true);
	if (found == 1)
		read_segmentation(&reader, s);
	leave_catalogue(&restricted);
	if (found == 0)
		refuse_unknown(name);
	s->owner = segmentation_owner(s->members);
	check_access(s, access);

	enter_catalogue(&restricted);
	if (access == SEGMENTATION_LOCK)
	{
		lock_row(name_datum, name);
		found = execute(query, 1, (Oid[]) {TEXTOID}, &name_datum, NULL, false);
		if (found == 1)
			read_segmentation(&reader, s);
	}
	if (found == 1)
		read_segments(reader.context, s);
	leave_catalogue(&restricted);
	if (found == 0)
		refuse_unknown(name);
	if (access != SEGMENTATION_OWN)
		check_sound(s);
	if (access == SEGMENTATION_LOCK)
	{
		s->owner = segmentation_owner(s->members);
		check_access(s, access);
		if (!OidIsValid(s->owner))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("the members table of segmentation \"%s\" does not exist any more", name),
					 errhint("Drop the segmentation with usercluster.drop_segmentation and create it anew.")));
	}
	return s;
}
