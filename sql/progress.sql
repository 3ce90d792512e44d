-- How far long calls have come, seen by the calls themselves: a query that a function reads can look at the view.
\set VERBOSITY terse
CREATE TABLE points AS
	SELECT i AS id, ARRAY[cos(i), sin(i), i % 7 - 3]::embedding AS e, i % 2 AS cluster, i % 3 AS group_key
	FROM generate_series(1, 60) i;
CREATE TABLE seen (n serial, command text, phase text, part bigint, done bigint, total bigint);
CREATE FUNCTION look() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen (command, phase, part, done, total)
		SELECT command, phase, part, done, total FROM usercluster.progress WHERE pid = pg_backend_pid();
	RETURN true;
END $$;

-- settings that are refused
\set VERBOSITY sqlstate
SET usercluster.progress_interval = -1;
SET usercluster.progress_interval = '2 days';
\set VERBOSITY terse

-- nothing is under way
SELECT count(*) FROM usercluster.progress;

-- each function has its name, and its rows are counted
CREATE VIEW looking AS SELECT id, e FROM points WHERE look();
SELECT count(*) FROM usercluster.kmeans('TABLE looking', 3);
SELECT count(*) FROM usercluster.kmeans('TABLE looking', 3, key => NULL::int);
SELECT count(*) FROM usercluster.kmeans_centroids('TABLE looking', 3);
SELECT iterations > 0 FROM usercluster.kmeans_fit('TABLE looking', 3);
SELECT count(*) FROM usercluster.kmeans_by_group('SELECT id, e, group_key FROM points WHERE look()', 3);
SELECT count(*) FROM usercluster.kmeans_centroids_by_group('SELECT id, e, group_key FROM points WHERE look()', 3);
SELECT count(*) FROM usercluster.hierarchical('TABLE looking', k => 3);
SELECT count(*) FROM usercluster.linkage('TABLE looking');
SELECT count(*) FROM usercluster.hdbscan('TABLE looking');
SELECT clusters FROM usercluster.cluster_quality('SELECT id, e, cluster FROM points WHERE look()');
SELECT count(*) FROM usercluster.silhouette('SELECT id, e, cluster FROM points WHERE look()');
SELECT count(*) FROM usercluster.choose_k('TABLE looking', 2, 4);
SELECT usercluster.stability('TABLE looking', 3) > 0;
SELECT length(usercluster.cluster_plot('SELECT id, e, cluster FROM points WHERE look()')) > 0;
SELECT (usercluster.fit_preparation('TABLE looking')).method;
SELECT count(*) FROM usercluster.typical_members('SELECT id, e, cluster FROM points WHERE look()');
SELECT count(*) FROM usercluster.border_members('SELECT id, e, cluster FROM points WHERE look()');
SELECT command, phase, min(done), max(done), count(*), max(total) AS total FROM seen GROUP BY command, phase ORDER BY command COLLATE "C";
SELECT count(*) FROM usercluster.progress;

-- a call inside the query of another is not shown
TRUNCATE seen;
SELECT count(*) FROM usercluster.kmeans(
	$$SELECT id, e FROM points WHERE (SELECT count(*) FROM usercluster.hierarchical('TABLE looking', k => 2)) > 0 AND look()$$, 3);
SELECT command, count(*) FROM seen GROUP BY command;

-- after an error, whether or not it is caught, nothing is under way
SELECT count(*) FROM usercluster.kmeans('SELECT id, e FROM points WHERE look() AND 1 / (id - 50) < 2', 3);
SELECT count(*) FROM usercluster.progress;
DO $$
BEGIN
	PERFORM * FROM usercluster.kmeans('SELECT id, e FROM points WHERE 1 / (id - 50) < 2', 3);
EXCEPTION WHEN division_by_zero THEN
	ASSERT (SELECT count(*) FROM usercluster.progress) = 0;
	TRUNCATE seen;
	PERFORM * FROM usercluster.linkage('TABLE looking');
	ASSERT (SELECT count(*) FROM usercluster.progress) = 0;
END $$;
SELECT DISTINCT command FROM seen;

-- a cursor that is not read to its end
BEGIN;
DECLARE half_read CURSOR FOR SELECT usercluster.kmeans('SELECT id, e FROM points', 3);
FETCH 1 FROM half_read;
SELECT count(*) FROM usercluster.progress;
COMMIT;

-- what a role may see of others
CREATE ROLE regress_usercluster_watcher;
GRANT USAGE ON SCHEMA public TO regress_usercluster_watcher;
CREATE FUNCTION look_as_watcher() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL ROLE regress_usercluster_watcher;
	RAISE NOTICE 'sees %', (SELECT (command, phase, part, parts, done, total, percent, since <= clock_timestamp(), phase_since >= since)
							FROM usercluster.progress
							WHERE pid = pg_backend_pid() AND datname = current_database() AND usename = session_user);
	RESET ROLE;
	RETURN true;
END $$;
SELECT count(*) FROM usercluster.kmeans('SELECT id, e FROM points WHERE id < 2 AND look_as_watcher()', 1);
GRANT pg_read_all_stats TO regress_usercluster_watcher;
DO $$
BEGIN
	PERFORM * FROM usercluster.kmeans('SELECT id, e FROM points WHERE id < 2 AND look_as_watcher()', 1);
END $$;
DROP TABLE points, seen CASCADE;
DROP FUNCTION look, look_as_watcher;
REVOKE ALL ON SCHEMA public FROM regress_usercluster_watcher;
DROP ROLE regress_usercluster_watcher;
