-- Regular runs by pg_cron, where it is installed

CREATE FUNCTION usercluster.schedule(
	name text, cron_expression text, if_drifted boolean DEFAULT true, max_seconds double precision DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_schedule';
COMMENT ON FUNCTION usercluster.schedule(text, text, boolean, double precision) IS
'Lets pg_cron refresh a segmentation at the times of a cron expression, as the current user; returns the job''s number. Where pg_cron keeps its jobs in another database, or is not there, the error says what to run instead. Again: takes the place of the schedule before';

CREATE FUNCTION usercluster.unschedule(name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_unschedule';
COMMENT ON FUNCTION usercluster.unschedule(text) IS 'Ends what the current user began with schedule';

CREATE FUNCTION usercluster.schedule_queue(
	cron_expression text DEFAULT '* * * * *', max_seconds double precision DEFAULT 55)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_schedule_queue';
COMMENT ON FUNCTION usercluster.schedule_queue(text, double precision) IS
'Lets pg_cron call process_queue for at most max_seconds at the times of a cron expression, as the current user, like schedule';

CREATE FUNCTION usercluster.unschedule_queue() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_unschedule_queue';
COMMENT ON FUNCTION usercluster.unschedule_queue() IS 'Ends what the current user began with schedule_queue';
