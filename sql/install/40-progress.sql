-- How far long calls have come

CREATE FUNCTION usercluster.list_progress(
	OUT pid int, OUT datid oid, OUT usesysid oid, OUT command text, OUT phase text, OUT part bigint, OUT parts bigint,
	OUT done bigint, OUT total bigint, OUT since timestamptz, OUT phase_since timestamptz,
	OUT loss float8, OUT rate float8)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100 ROWS 5
AS 'MODULE_PATHNAME', 'usercluster_list_progress';
COMMENT ON FUNCTION usercluster.list_progress() IS 'long calls that are under way in this server; see the view progress';

CREATE VIEW usercluster.progress AS
	SELECT p.pid, p.datid, d.datname, p.usesysid, r.rolname AS usename, p.command, p.phase, p.part, p.parts, p.done, p.total,
		round(100.0 * p.done / nullif(p.total, 0), 1) AS percent, p.since, p.phase_since,
		round((p.done / nullif(extract(epoch FROM clock_timestamp() - p.phase_since), 0))::numeric, 1) AS per_second,
		CASE WHEN p.done BETWEEN 1 AND p.total
			THEN (clock_timestamp() - p.phase_since) * ((p.total - p.done)::float8 / p.done) END AS remaining, p.loss, p.rate
	FROM usercluster.list_progress() p
		LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid
		LEFT JOIN pg_catalog.pg_roles r ON r.oid = p.usesysid;
COMMENT ON VIEW usercluster.progress IS
'long calls that are under way, in all databases: the function, what it is doing (phase), how much of that is done of how much (total; NULL where nobody knows), and for calls of several parts, such as the restarts of k-means, which of them this is; per_second and remaining, what the phase has done a second and the time that it still takes at that pace; of training, the loss of the last step and its learning rate. Details of other roles'' calls need pg_read_all_stats';
GRANT SELECT ON usercluster.progress TO PUBLIC;
