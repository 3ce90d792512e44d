-- Segmentations that live in the database. Their members lie in ordinary tables of the users; what belongs to the fit lies
-- here, in tables that only the views and functions below show, each to those who may see it: whoever owns the members
-- table owns the segmentation, and whoever may read the one may read the other. So nothing here names a role, and a dump
-- restores under any.

CREATE TABLE usercluster.segmentation_store (
	name text PRIMARY KEY,
	members regclass UNIQUE,
	query text NOT NULL,
	search_path text NOT NULL,
	k integer NOT NULL,
	automatic_k boolean NOT NULL,
	algorithm text NOT NULL,
	metric text NOT NULL,
	preparation text NOT NULL,
	feature_weight double precision NOT NULL,
	seed bigint NOT NULL,
	restarts integer NOT NULL,
	max_iterations integer NOT NULL,
	tolerance double precision NOT NULL,
	model text,
	model_named boolean NOT NULL,
	fingerprint text,
	dimensions integer,
	run integer NOT NULL DEFAULT 0,
	content bigint,
	last_segment integer NOT NULL DEFAULT 0,
	mean_distance double precision,
	fitted_at timestamptz,
	fitted usercluster.preparation
);
COMMENT ON TABLE usercluster.segmentation_store IS
'segmentations: query, settings, and the preparation of the last fit; see the view segmentations';

CREATE TABLE usercluster.segment_store (
	segmentation text NOT NULL REFERENCES usercluster.segmentation_store ON UPDATE CASCADE ON DELETE CASCADE,
	segment integer NOT NULL,
	given_name text,
	keywords text[],
	size bigint NOT NULL,
	mean_distance double precision,
	cohesion double precision,
	typical text[] NOT NULL,
	centroid @extschema@.embedding NOT NULL,
	prepared_centroid @extschema@.embedding NOT NULL,
	PRIMARY KEY (segmentation, segment)
);
COMMENT ON TABLE usercluster.segment_store IS 'segments of each segmentation, with their centroids; see the view segments';

CREATE TABLE usercluster.segmentation_run_store (
	segmentation text NOT NULL REFERENCES usercluster.segmentation_store ON UPDATE CASCADE ON DELETE CASCADE,
	run integer NOT NULL,
	kind text NOT NULL,
	started_at timestamptz NOT NULL,
	seconds double precision NOT NULL,
	rows bigint NOT NULL,
	skipped bigint NOT NULL,
	segments integer NOT NULL,
	inertia double precision,
	mean_distance double precision,
	silhouette double precision,
	iterations integer,
	converged boolean,
	warm boolean,
	drift double precision,
	moved bigint NOT NULL,
	joined bigint NOT NULL,
	departed bigint NOT NULL,
	written bigint NOT NULL,
	fingerprint text,
	PRIMARY KEY (segmentation, run)
);
COMMENT ON TABLE usercluster.segmentation_run_store IS 'what each run of a segmentation did; see the view segmentation_runs';

CREATE TABLE usercluster.segment_move_store (
	segmentation text NOT NULL,
	run integer NOT NULL,
	key text NOT NULL,
	from_segment integer NOT NULL,
	to_segment integer NOT NULL,
	PRIMARY KEY (segmentation, run, key),
	FOREIGN KEY (segmentation, run) REFERENCES usercluster.segmentation_run_store ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE usercluster.segment_move_store IS 'members that went from one segment to another; see the view segment_moves';

-- What has lost its members table is of no use elsewhere, where the table's number may be that of another.
SELECT pg_catalog.pg_extension_config_dump('usercluster.segmentation_store',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = members)');
SELECT pg_catalog.pg_extension_config_dump('usercluster.segment_store',
	'WHERE segmentation IN (SELECT s.name FROM usercluster.segmentation_store s JOIN pg_catalog.pg_class c ON c.oid = s.members)');
SELECT pg_catalog.pg_extension_config_dump('usercluster.segmentation_run_store',
	'WHERE segmentation IN (SELECT s.name FROM usercluster.segmentation_store s JOIN pg_catalog.pg_class c ON c.oid = s.members)');
SELECT pg_catalog.pg_extension_config_dump('usercluster.segment_move_store',
	'WHERE segmentation IN (SELECT s.name FROM usercluster.segmentation_store s JOIN pg_catalog.pg_class c ON c.oid = s.members)');

-- The owner of a database can dump it and restore it. What he restores he can only give to roles that he can act as.
GRANT SELECT, INSERT ON usercluster.segmentation_store, usercluster.segment_store, usercluster.segmentation_run_store,
	usercluster.segment_move_store TO pg_database_owner;

CREATE FUNCTION usercluster.check_segmentation() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_check_segmentation';
COMMENT ON FUNCTION usercluster.check_segmentation() IS
'trigger function of segmentation_store: nobody puts in a segmentation whose members table belongs to a role that he cannot act as';
CREATE TRIGGER check_segmentation BEFORE INSERT OR UPDATE OF members ON usercluster.segmentation_store
	FOR EACH ROW EXECUTE FUNCTION usercluster.check_segmentation();

CREATE FUNCTION usercluster.can_read_segmentation(members regclass) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'usercluster_can_read_segmentation';
COMMENT ON FUNCTION usercluster.can_read_segmentation(regclass) IS
'whether the current user may see a segmentation: whoever may SELECT from its members table; where that is gone, the database''s owner';

CREATE VIEW usercluster.segmentations WITH (security_barrier) AS
	SELECT s.name, c.relowner::regrole AS owner, s.members, s.query, s.search_path, s.k, s.automatic_k, s.algorithm, s.metric,
		s.preparation, s.feature_weight, s.seed, s.model, s.fingerprint, s.dimensions, s.run, s.fitted_at,
		(SELECT sum(g.size)::bigint FROM usercluster.segment_store g WHERE g.segmentation = s.name) AS size
	FROM usercluster.segmentation_store s LEFT JOIN pg_catalog.pg_class c ON c.oid = s.members
	WHERE usercluster.can_read_segmentation(s.members);
COMMENT ON VIEW usercluster.segmentations IS
'segmentations whose members table the current user may read: who owns them, the members table, query and settings, the model whose embeddings they are made of, the number of the last run, and how many members there are';

CREATE VIEW usercluster.segments WITH (security_barrier) AS
	SELECT g.segmentation, g.segment,
		COALESCE(g.given_name, NULLIF(array_to_string(g.keywords[1:3], ', '), ''), 'segment ' || g.segment) AS name,
		g.given_name IS NOT NULL AS named, g.size,
		g.size::double precision / NULLIF(sum(g.size) OVER (PARTITION BY g.segmentation), 0)::double precision AS share,
		g.cohesion, g.mean_distance, g.keywords,
		CASE WHEN NOT pg_catalog.row_security_active(s.members) THEN g.typical END AS typical,
		g.centroid, g.prepared_centroid
	FROM usercluster.segment_store g JOIN usercluster.segmentation_store s ON s.name = g.segmentation
	WHERE usercluster.can_read_segmentation(s.members);
COMMENT ON VIEW usercluster.segments IS
'segments as the last run left them: number, name (its keywords until rename_segment gives one), size and share, cohesion (how much nearer members are to their own centroid than to the next one, 0 to 1), keywords, the keys of the members nearest to the centroid, and the centroid as a mean of embeddings and as the preparation changes it';

CREATE VIEW usercluster.segmentation_runs WITH (security_barrier) AS
	SELECT r.* FROM usercluster.segmentation_run_store r JOIN usercluster.segmentation_store s ON s.name = r.segmentation
	WHERE usercluster.can_read_segmentation(s.members);
COMMENT ON VIEW usercluster.segmentation_runs IS
'what each run did: kind (fit; assign where the centroids were kept; unchanged where the data were those of the last fit; new by assign_new), rows and skipped rows of the query, quality, whether a fit began at the old centroids (warm), drift before it, members that moved, joined and departed, and rows written to the members table';

CREATE VIEW usercluster.segment_moves WITH (security_barrier) AS
	SELECT m.* FROM usercluster.segment_move_store m JOIN usercluster.segmentation_store s ON s.name = m.segmentation
	WHERE usercluster.can_read_segmentation(s.members) AND NOT pg_catalog.row_security_active(s.members);
COMMENT ON VIEW usercluster.segment_moves IS
'members that went from one segment to another, by run; those of the last 30 runs are kept';

GRANT SELECT ON usercluster.segmentations, usercluster.segments, usercluster.segmentation_runs, usercluster.segment_moves
	TO PUBLIC;

CREATE PROCEDURE usercluster.create_segmentation(
	name text, query text, k integer DEFAULT NULL, algorithm text DEFAULT 'kmeans', members text DEFAULT NULL,
	preparation text DEFAULT 'auto', metric text DEFAULT 'cosine', feature_weight double precision DEFAULT 1,
	model text DEFAULT NULL, seed bigint DEFAULT 1, restarts integer DEFAULT 10, max_iterations integer DEFAULT 300,
	tolerance double precision DEFAULT 1e-4, max_seconds double precision DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'usercluster_create_segmentation';
COMMENT ON PROCEDURE usercluster.create_segmentation(
	text, text, integer, text, text, text, text, double precision, text, bigint, integer, integer, double precision,
	double precision) IS
'Clusters the rows of a query and keeps what was found under a name. The query returns a key and its embedding, one row a key;
or a key and a text, as many rows a key as there are texts, each embedded with the model, whose mean stands for the key. It may
have columns text, language, weight and features. k NULL is chosen as choose_k does. algorithm is kmeans or hierarchical. The members go into a table (key,
segment, distance, margin, assigned_at; NAME_members by default), made if there is none. Runs from then on as that table''s owner
with the present search_path.';

CREATE PROCEDURE usercluster.refresh_segmentation(
	name text, if_drifted boolean DEFAULT false, max_seconds double precision DEFAULT NULL, k integer DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'usercluster_refresh_segmentation';
COMMENT ON PROCEDURE usercluster.refresh_segmentation(text, boolean, double precision, integer) IS
'Fits a segmentation anew to the present rows of its query, keeps the numbers of segments whose members stay together, and
brings the members table up to date, of which only changed rows are written. if_drifted: keeps the centroids while
segmentation_drift is at most 0.05, and brings the members table up to date with them. max_seconds: gives up after so long,
and nothing is changed. k: another number of segments. One at a time; a second call fails at once.';

CREATE PROCEDURE usercluster.assign_new(name text)
LANGUAGE C AS 'MODULE_PATHNAME', 'usercluster_assign_new';
COMMENT ON PROCEDURE usercluster.assign_new(text) IS
'Puts the keys of a segmentation''s query that are not in its members table into their segments. Reads no embedding and embeds no text but theirs; centroids and other members stay as they are.';

CREATE FUNCTION usercluster.assign(
	name text, embedding @extschema@.embedding, language text DEFAULT NULL, features double precision[] DEFAULT NULL,
	OUT segment integer, OUT distance double precision, OUT margin double precision)
LANGUAGE C STABLE PARALLEL SAFE COST 2000
AS 'MODULE_PATHNAME', 'usercluster_assign';
COMMENT ON FUNCTION usercluster.assign(text, @extschema@.embedding, text, double precision[]) IS
'The segment of an embedding, as refresh_segmentation would find it without a new fit: the distance to its centroid (1 - cosine, or euclidean, after the preparation), and the margin: how much further the next centroid is. NULL for a NULL embedding. For whoever may SELECT from the members table';

CREATE FUNCTION usercluster.assign_text(
	name text, input text, language text DEFAULT NULL, features double precision[] DEFAULT NULL,
	OUT segment integer, OUT distance double precision, OUT margin double precision)
LANGUAGE C STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_assign_text';
COMMENT ON FUNCTION usercluster.assign_text(text, text, text, double precision[]) IS
'assign for a text, embedded with the segmentation''s model; refused where that has changed since the fit. NULL for NULL and blank text';

CREATE FUNCTION usercluster.segmentation_drift(
	name text, OUT drift double precision, OUT moved double precision, OUT rise double precision, OUT members bigint,
	OUT joined bigint, OUT departed bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_segmentation_drift';
COMMENT ON FUNCTION usercluster.segmentation_drift(text) IS
'How far the present rows of a segmentation''s query have gone from its fit: moved is the share of the members that are nearer to the centroid of another segment by now, rise is by how much the mean distance to the nearest centroid has grown since the fit, relative to it, and drift is the larger of both. members, joined and departed count keys that are, are not yet, and are no longer of the query and the members table';

CREATE FUNCTION usercluster.segment_profile(name text)
RETURNS TABLE (segment integer, name text, size bigint, share double precision, cohesion double precision, keywords text[],
	typical text[])
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_segment_profile';
COMMENT ON FUNCTION usercluster.segment_profile(text) IS
'The segments of a segmentation as its last run left them; columns as in the view segments';

CREATE FUNCTION usercluster.rename_segment(name text, segment integer, new_name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_rename_segment';
COMMENT ON FUNCTION usercluster.rename_segment(text, integer, text) IS
'Gives a segment a name, which stays with its number over refreshes; NULL goes back to the keywords';

CREATE FUNCTION usercluster.rename_segmentation(name text, new_name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_rename_segmentation';
COMMENT ON FUNCTION usercluster.rename_segmentation(text, text) IS
'Gives a segmentation another name; the members table keeps its own';

CREATE FUNCTION usercluster.drop_segmentation(name text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'usercluster_drop_segmentation';
COMMENT ON FUNCTION usercluster.drop_segmentation(text) IS
'Forgets a segmentation with its segments, runs and moves; the members table stays';
