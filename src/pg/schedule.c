/*
 * schedule.c
 *	  Regular runs by pg_cron: each job is one CALL, for anything else in the command would put it into a transaction block,
 *	  where process_queue could not commit.
 *
 * pg_cron has its functions and jobs in one database of the server. From another one they cannot be reached, so what is
 * refused there says what to run where.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/restricted.h"
#include "pg/schedule.h"
#include "pg/segmentation.h"
#include "pg/texts.h"

#define QUEUE_JOB "usercluster: process the queue"

static char *
refresh_job(const char *segmentation)
{
	return psprintf("usercluster: refresh %s", segmentation);
}

static bool
cron_is_here(void)
{
	return OidIsValid(get_extension_oid("pg_cron", true));
}

static _Noreturn void
refuse_without_cron(const char *job, const char *expression, const char *command)
{
	const char *cron_database = GetConfigOption("cron.database_name", true, false);
	char	   *here = get_database_name(MyDatabaseId);

	if (cron_database == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_cron is not loaded in this server"),
				 errhint("Let any scheduler run in database %s at the times %s: %s;", quote_identifier(here),
						 quote_literal_cstr(expression), command)));
	if (strcmp(cron_database, here) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the extension pg_cron is not created in this database"),
				 errhint("As a superuser: CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO %s;",
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pg_cron keeps its jobs in database \"%s\"", cron_database),
			 errhint("Run there, as a superuser: SELECT cron.schedule_in_database(%s, %s, %s, %s, %s);", quote_literal_cstr(job),
					 quote_literal_cstr(expression), quote_literal_cstr(command), quote_literal_cstr(here),
					 quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

/* One value from pg_cron's functions, as the current user along a fixed search_path; 0 where there is none. */
static Datum
ask_cron(const char *sql, int count, const Datum *values, bool *found)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID};
	Restricted	restricted;
	Datum		result = (Datum) 0;
	bool		is_null = true;

	restricted_begin(&restricted, GetUserId(), RESTRICTED_CATALOGUE_PATH);
	SPI_connect();
	if (SPI_execute_with_args(sql, count, types, (Datum *) values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "pg_cron could not be asked");
	if (SPI_processed > 0)
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	SPI_finish();
	restricted_end(&restricted);
	*found = !is_null;
	return result;
}

static Datum
schedule_job(const char *job, const char *expression, const char *command)
{
	const Datum values[] = {CStringGetTextDatum(job), CStringGetTextDatum(expression), CStringGetTextDatum(command)};
	bool		found;
	Datum		number;

	if (!cron_is_here())
		refuse_without_cron(job, expression, command);
	number = ask_cron("SELECT cron.schedule($1, $2, $3)", 3, values, &found);
	if (!found)
		elog(ERROR, "pg_cron gave the job no number");
	return number;
}

/* pg_cron lets a user see his own jobs only, but a superuser all. */
static bool
unschedule_job(const char *job)
{
	const Datum value = CStringGetTextDatum(job);
	bool		found;

	ask_cron("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = $1 AND username = CURRENT_USER "
			 "AND database = current_database()", 1, &value, &found);
	return found;
}

bool
schedule_end(const char *segmentation)
{
	return cron_is_here() && unschedule_job(refresh_job(segmentation));
}

/* ---- SQL ---- */

static double
seconds_argument(FunctionCallInfo fcinfo, int argument)
{
	double		seconds = PG_GETARG_FLOAT8(argument);

	if (!isfinite(seconds) || seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_seconds must be a finite number above 0, not %g", seconds)));
	return seconds;
}

/* (name, cron_expression, if_drifted, max_seconds) → number of the job */
USERCLUSTER_FUNCTION(usercluster_schedule)
{
	static const char *const names[] = {"name", "cron_expression", "if_drifted"};
	Segmentation *s;
	char	   *limit;

	for (int i = 0; i < lengthof(names); i++)
		usercluster_refuse_null(fcinfo, i, names[i]);
	limit = PG_ARGISNULL(3) ? "" : psprintf(", max_seconds => %.15g", seconds_argument(fcinfo, 3));
	s = segmentation_load(texts_argument(fcinfo, 0), SEGMENTATION_OWN);
	PG_RETURN_DATUM(schedule_job(refresh_job(s->name), texts_argument(fcinfo, 1),
								 psprintf("CALL usercluster.refresh_segmentation(%s, if_drifted => %s%s)",
										  quote_literal_cstr(s->name), PG_GETARG_BOOL(2) ? "true" : "false", limit)));
}

static _Noreturn void
refuse_unknown_job(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s is not scheduled in this database by \"%s\"", what, GetUserNameFromId(GetUserId(), false)),
			 errhint("Jobs are in cron.job of the database that pg_cron runs in, where cron.unschedule ends them.")));
}

/* Also of a segmentation that is gone. */
USERCLUSTER_FUNCTION(usercluster_unschedule)
{
	char	   *name;

	usercluster_refuse_null(fcinfo, 0, "name");
	name = texts_argument(fcinfo, 0);
	if (!schedule_end(name))
		refuse_unknown_job(psprintf("segmentation \"%s\"", name));
	PG_RETURN_VOID();
}

/* (cron_expression, max_seconds) → number of the job */
USERCLUSTER_FUNCTION(usercluster_schedule_queue)
{
	usercluster_refuse_null(fcinfo, 0, "cron_expression");
	usercluster_refuse_null(fcinfo, 1, "max_seconds");
	PG_RETURN_DATUM(schedule_job(QUEUE_JOB, texts_argument(fcinfo, 0),
								 psprintf("CALL usercluster.process_queue(%.15g)", seconds_argument(fcinfo, 1))));
}

USERCLUSTER_FUNCTION(usercluster_unschedule_queue)
{
	if (!cron_is_here() || !unschedule_job(QUEUE_JOB))
		refuse_unknown_job("the queue");
	PG_RETURN_VOID();
}
