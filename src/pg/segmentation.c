/*
 * segmentation.c
 *	  create_segmentation and refresh_segmentation: one run of a segmentation, in one transaction.
 *
 * From the first look at the stored query to the last write to the members table everything happens as the owner of that
 * table in a restricted operation: the query, the table's triggers, constraints and defaults are the owner's code.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/restricted.h"
#include "pg/segmentation.h"
#include "pg/segmentation_drift.h"
#include "pg/segmentation_fit.h"
#include "pg/segmentation_keywords.h"
#include "pg/segmentation_members.h"
#include "pg/texts.h"
#include "pg/timebox.h"

/*
 * A row of the members table is written when its distance or margin is off by more than this share of the mean distance to
 * the second nearest centroid: any fit moves all centroids a little.
 */
#define DISTANCE_TOLERANCE 0.02

enum
{
	CREATE_NAME, CREATE_QUERY, CREATE_K, CREATE_ALGORITHM, CREATE_MEMBERS, CREATE_PREPARATION, CREATE_METRIC,
	CREATE_FEATURE_WEIGHT, CREATE_MODEL, CREATE_SEED, CREATE_RESTARTS, CREATE_MAX_ITERATIONS, CREATE_TOLERANCE,
	CREATE_MAX_SECONDS
};
enum
{
	REFRESH_NAME, REFRESH_IF_DRIFTED, REFRESH_MAX_SECONDS, REFRESH_K
};

typedef struct RunOptions
{
	const char *members;		/* of a new one: name of the table, NULL: by default */
	bool		if_drifted;
	bool		new_k;
} RunOptions;

/* ---- one run ---- */

/* The numbers that rows have had so far. */
static int32 *
previous_segments(const Rows *rows, const Members *members, const size_t *member_of)
{
	int32	   *previous = palloc_extended(sizeof(int32) * rows->count, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < rows->count; i++)
		previous[i] = member_of[i] == NO_MEMBER ? -1 : members->segments[member_of[i]];
	return previous;
}

/* Decides whether to fit; where not, the rows are assigned already. */
static bool
wants_fit(Segmentation *s, SegmentationRows *rows, const int32 *previous, const RunOptions *options, SegmentationRun *run)
{
	SegmentationDrift drift;

	if (options->new_k || !segmentation_fits(s, rows))
		return true;
	if (s->has_content && s->content == rows->stored.content)
	{
		run->kind = "unchanged";
		segmentation_assign_rows(s, rows);
		return false;
	}
	if (!options->if_drifted)
		return true;
	segmentation_assign_rows(s, rows);
	segmentation_measure_drift(s, rows, previous, &drift);
	run->drift = drift.drift;
	run->kind = "assign";
	return drift.drift > SEGMENTATION_DRIFTED;
}

static void
make_members_table(Segmentation *s, const SegmentationRows *rows, const char *name)
{
	MembersTable table;

	s->members = members_find(name, s->name, rows->rows.key_type, rows->stored.key_name);
	members_open(s->members, rows->rows.key_type, &table);
	segmentation_set_members(s);
}

static void
run_segmentation(Segmentation *s, const RunOptions *options, SegmentationRun *run)
{
	Restricted	restricted;
	SegmentationRows rows;
	MembersTable table;
	Members		members;
	MembersChange change;
	SegmentMove *moves;
	int32	   *previous;
	size_t	   *member_of;
	bool		fitted;

	*run = (SegmentationRun) {.kind = "fit",.started_at = GetCurrentTimestamp(),.inertia = NAN,.drift = NAN};
	restricted_begin(&restricted, s->owner, s->search_path);
	segmentation_read(s, &rows);
	if (!OidIsValid(s->members))
	{
		/* the table is made with the caller's own rights and in the place where he would make it */
		restricted_end(&restricted);
		make_members_table(s, &rows, options->members);
		restricted_begin(&restricted, s->owner, s->search_path);
	}
	members_open(s->members, rows.rows.key_type, &table);
	members_read(&table, &rows.rows, &members);
	member_of = members_join(&members, &rows.rows);
	previous = previous_segments(&rows.rows, &members, member_of);

	fitted = wants_fit(s, &rows, previous, options, run);
	if (fitted)
	{
		run->kind = "fit";
		segmentation_fit(s, &rows, previous, run);
		segmentation_assign_rows(s, &rows);
		s->mean_distance = rows.mean_distance;
	}
	run->rows = rows.rows.count;
	run->skipped = rows.rows.skipped;
	run->mean_distance = rows.mean_distance;
	run->silhouette = rows.silhouette;
	segmentation_describe(s, &rows);

	progress_phase("writing members", UC_UNKNOWN_TOTAL);
	change = (MembersChange) {
		.rows = &rows.rows,.members = &members,.member_of = member_of,.segments = rows.segments,
		.distances = rows.distances,.margins = rows.margins,.tolerance = DISTANCE_TOLERANCE * rows.mean_next
	};
	moves = members_write(&table, &change, run);
	s->run++;
	segmentation_save(s, fitted);
	segmentation_save_run(s, run, moves, run->moved);
	if (fitted)
		segmentation_find_keywords(s, &rows, &table);
	restricted_end(&restricted);
	quality_tell_skipped(run->skipped);
}

/* The run within its time, with a message of its own where that is up. */
static void
run_in_time(Segmentation *s, const RunOptions *options, double max_seconds, SegmentationRun *run)
{
	MemoryContext context = CurrentMemoryContext;

	if (isnan(max_seconds))
	{
		run_segmentation(s, options, run);
		return;
	}
	PG_TRY();
	{
		timebox_begin(max_seconds);
		run_segmentation(s, options, run);
		timebox_end();
	}
	PG_CATCH();
	{
		bool		late = timebox_end();

		if (!late || geterrcode() != ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("segmentation \"%s\" took longer than max_seconds (%g)", s->name, max_seconds),
				 errdetail("Nothing was changed.")));
	}
	PG_END_TRY();
}

/* ---- arguments ---- */

static double
seconds_argument(FunctionCallInfo fcinfo, int argument)
{
	double		seconds;

	if (PG_ARGISNULL(argument))
		return NAN;
	seconds = PG_GETARG_FLOAT8(argument);
	if (!isfinite(seconds) || seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_seconds must be a finite number above 0, not %g", seconds)));
	return seconds;
}

static void
check_name(const char *name)
{
	if (name[strspn(name, " \t\r\n")] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a segmentation's name must not be blank")));
}

static int
k_argument(FunctionCallInfo fcinfo, int argument)
{
	int			k = PG_GETARG_INT32(argument);

	if (k < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be at least 1, not %d", k)));
	return k;
}

bool
segmentation_by_tree(const char *algorithm)
{
	if (strcmp(algorithm, "hierarchical") == 0)
		return true;
	if (strcmp(algorithm, "kmeans") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized algorithm \"%s\"", algorithm), errhint("Use 'kmeans' or 'hierarchical'.")));
	return false;
}

static Segmentation *
new_segmentation(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {
		"name", "query", NULL, "algorithm", NULL, "preparation", "metric", "feature_weight", NULL, "seed", "restarts",
		"max_iterations", "tolerance"
	};
	Segmentation *s = palloc0(sizeof *s);
	PreparationOptions preparation;

	for (int i = 0; i < lengthof(names); i++)
		if (names[i] != NULL)
			usercluster_refuse_null(fcinfo, i, names[i]);
	s->name = texts_argument(fcinfo, CREATE_NAME);
	check_name(s->name);
	s->query = texts_argument(fcinfo, CREATE_QUERY);
	s->search_path = restricted_current_path();
	s->automatic_k = PG_ARGISNULL(CREATE_K);
	s->algorithm = texts_argument(fcinfo, CREATE_ALGORITHM);
	s->by_tree = segmentation_by_tree(s->algorithm);
	s->preparation = texts_argument(fcinfo, CREATE_PREPARATION);
	s->metric = texts_argument(fcinfo, CREATE_METRIC);
	s->feature_weight = PG_GETARG_FLOAT8(CREATE_FEATURE_WEIGHT);
	s->model = texts_argument(fcinfo, CREATE_MODEL);
	s->model_named = s->model != NULL;
	uc_kmeans_defaults(&s->kmeans);
	s->kmeans.k = s->automatic_k ? 1 : k_argument(fcinfo, CREATE_K);
	s->kmeans.seed = (uint64_t) PG_GETARG_INT64(CREATE_SEED);
	s->kmeans.restarts = PG_GETARG_INT32(CREATE_RESTARTS);
	s->kmeans.max_iterations = PG_GETARG_INT32(CREATE_MAX_ITERATIONS);
	s->kmeans.tolerance = PG_GETARG_FLOAT8(CREATE_TOLERANCE);
	s->kmeans.metric = kmeans_metric(s->metric);
	kmeans_check_options(&s->kmeans);
	preparation_options(&preparation, s->preparation, s->feature_weight, s->kmeans.metric);
	return s;
}

/* Begins a call in a memory context of its own, which is current then. */
static MemoryContext
begin_call(const char *command)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "usercluster segmentation", ALLOCSET_DEFAULT_SIZES);
	char	   *call = psprintf("CALL usercluster.%s", command);

	PreventCommandDuringRecovery(call);
	PreventCommandIfReadOnly(call);
	MemoryContextSwitchTo(context);
	progress_begin(command);
	return context;
}

static void
end_call(MemoryContext context, MemoryContext old)
{
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_create_segmentation)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = begin_call("create_segmentation");
	Segmentation *s = new_segmentation(fcinfo);
	RunOptions	options = {.members = texts_argument(fcinfo, CREATE_MEMBERS)};
	double		max_seconds = seconds_argument(fcinfo, CREATE_MAX_SECONDS);
	SegmentationRun run;

	segmentation_insert(s);
	s->members = members_find(options.members, s->name, InvalidOid, NULL);
	s->owner = GetUserId();
	if (OidIsValid(s->members))
	{
		s->owner = segmentation_owner(s->members);
		segmentation_set_members(s);
	}
	run_in_time(s, &options, max_seconds, &run);
	ereport(NOTICE,
			(errmsg_plural("segmentation \"%s\" has %d segment, with " INT64_FORMAT " members in table \"%s\"",
						   "segmentation \"%s\" has %d segments, with " INT64_FORMAT " members in table \"%s\"",
						   s->count, s->name, s->count, run.rows, get_rel_name(s->members))));
	end_call(context, old);
	PG_RETURN_VOID();
}

USERCLUSTER_FUNCTION(usercluster_refresh_segmentation)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = begin_call("refresh_segmentation");
	RunOptions	options = {.new_k = !PG_ARGISNULL(REFRESH_K)};
	double		max_seconds = seconds_argument(fcinfo, REFRESH_MAX_SECONDS);
	Segmentation *s;
	SegmentationRun run;

	usercluster_refuse_null(fcinfo, REFRESH_NAME, "name");
	usercluster_refuse_null(fcinfo, REFRESH_IF_DRIFTED, "if_drifted");
	options.if_drifted = PG_GETARG_BOOL(REFRESH_IF_DRIFTED);
	s = segmentation_load(texts_argument(fcinfo, REFRESH_NAME), SEGMENTATION_LOCK);
	if (options.new_k)
	{
		s->kmeans.k = k_argument(fcinfo, REFRESH_K);
		s->automatic_k = false;
	}
	run_in_time(s, &options, max_seconds, &run);
	ereport(NOTICE,
			(errmsg_plural("segmentation \"%s\" has %d segment: " INT64_FORMAT " members moved, " INT64_FORMAT " joined, "
						   INT64_FORMAT " departed",
						   "segmentation \"%s\" has %d segments: " INT64_FORMAT " members moved, " INT64_FORMAT " joined, "
						   INT64_FORMAT " departed", s->count, s->name, s->count, run.moved, run.joined, run.departed)));
	end_call(context, old);
	PG_RETURN_VOID();
}

/* ---- rows that came since ---- */

/* What decides which rows are new: the members' keys, in order. */
typedef struct Known
{
	Rows		order;			/* holds no rows: how keys compare */
	Members		members;
} Known;

static bool
is_new(const void *arg, Datum key)
{
	const Known *known = arg;
	size_t		low = 0,
				high = known->members.count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;
		int			order = rows_compare_keys(&known->order, known->members.keys[middle], key);

		if (order == 0)
			return false;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return true;
}

static void
add_new(Segmentation *s, SegmentationRun *run)
{
	Restricted	restricted;
	RowsOptions none = {.name = "the members"};
	SegmentationRows rows;
	MembersTable table;
	Known		known;
	size_t	   *member_of;
	MembersChange change;

	*run = (SegmentationRun) {.kind = "new",.started_at = GetCurrentTimestamp(),.inertia = NAN,.drift = NAN};
	restricted_begin(&restricted, s->owner, s->search_path);
	members_open(s->members, InvalidOid, &table);
	rows_begin(&known.order, table.key_type, &none);
	members_read(&table, &known.order, &known.members);
	segmentation_read_some(s, table.key_type, is_new, &known, &rows);
	if (rows.rows.count > 0)
	{
		segmentation_require_fit(s, &rows);
		segmentation_assign_rows(s, &rows);
		member_of = members_join(&known.members, &rows.rows);
		change = (MembersChange) {
			.rows = &rows.rows,.members = &known.members,.member_of = member_of,.segments = rows.segments,
			.distances = rows.distances,.margins = rows.margins,.only_new = true
		};
		members_write(&table, &change, run);
		run->rows = rows.rows.count;
		run->skipped = rows.rows.skipped;
		run->mean_distance = rows.mean_distance;
		run->silhouette = rows.silhouette;
		segmentation_grow(s, rows.places, rows.rows.count);
		segmentation_save_run(s, run, NULL, 0);
	}
	restricted_end(&restricted);
}

USERCLUSTER_FUNCTION(usercluster_assign_new)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = begin_call("assign_new");
	Segmentation *s;
	SegmentationRun run;

	usercluster_refuse_null(fcinfo, 0, "name");
	s = segmentation_load(texts_argument(fcinfo, 0), SEGMENTATION_LOCK);
	add_new(s, &run);
	ereport(NOTICE,
			(errmsg_plural(INT64_FORMAT " member joined segmentation \"%s\"", INT64_FORMAT " members joined segmentation \"%s\"",
						   run.joined, run.joined, s->name)));
	end_call(context, old);
	PG_RETURN_VOID();
}
