# Segmentations: what a low role cannot do through them, who sees what, standby, dump and restore, a crash in the middle
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "restart_after_crash = on\nsearch_path = public\n");
$node->start;
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

sub as_role
{
	my ($role, $sql, $database) = @_;
	my ($out, $err);
	my $code = $node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ]);
	return ($code, $out, $err);
}

# ---- an attack: everything that a low role can make run when a superuser refreshes its segmentation ----

$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE ROLE low LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE stranger LOGIN;
	GRANT CREATE ON SCHEMA public TO low;
	CREATE TABLE secret (what text)});
my $attack = q{
	CREATE SCHEMA trap;
	CREATE TABLE loot (who name, what text);
	CREATE FUNCTION steal(what text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.loot VALUES (current_user, what);
		BEGIN
			SET ROLE postgres;
			INSERT INTO public.loot VALUES (current_user, what || ': SET ROLE');
		EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN
			RESET SESSION AUTHORIZATION;
			INSERT INTO public.loot VALUES (current_user, what || ': RESET SESSION AUTHORIZATION');
		EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN
			ALTER ROLE low SUPERUSER;
			INSERT INTO public.loot VALUES (current_user, what || ': ALTER ROLE');
		EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN
			INSERT INTO public.secret VALUES (what);
			INSERT INTO public.loot VALUES (current_user, what || ': INSERT');
		EXCEPTION WHEN OTHERS THEN NULL; END;
		RETURN true;
	END $$;
	CREATE FUNCTION steal_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('trigger'); RETURN NEW; END $$;
	CREATE FUNCTION steal_quietly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('index'); RETURN $1; END $$;
	CREATE TABLE people (id int PRIMARY KEY, at embedding(3));
	INSERT INTO people SELECT i, ARRAY[i % 2, 1 - i % 2, i / 1000.0]::real[]::embedding FROM generate_series(1, 40) i;
	CREATE TABLE people_segments (id int PRIMARY KEY, segment int, distance float8, margin float8, assigned_at timestamptz,
		extra boolean DEFAULT public.steal('default'), CHECK (public.steal('check')));
	CREATE TRIGGER steal BEFORE INSERT OR UPDATE ON people_segments FOR EACH ROW EXECUTE FUNCTION steal_row();
	CREATE INDEX ON people_segments (steal_quietly(segment));
	-- what stands for the names and operators of the server where public comes first
	CREATE FUNCTION public.unnest(int[]) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('unnest'); RETURN QUERY SELECT pg_catalog.unnest($1); END $$;
	CREATE FUNCTION public.capture(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
	CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.capture);
	CREATE FUNCTION public.capture(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.steal('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
	CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = public.capture);
	CALL usercluster.create_segmentation('trap', $$SELECT id, at, steal('text')::text AS text FROM people WHERE steal('query')$$, k => 2, members => 'people_segments');
	INSERT INTO people SELECT i, at FROM people, generate_series(100, 110) i WHERE id = 7;
	DELETE FROM people WHERE id = 8;
};
my ($code, $out, $err) = as_role('low', $attack =~ s/CREATE SCHEMA trap;//r);
is($code, 0, 'a low role sets its trap') or diag($err);
$node->safe_psql('postgres', q{
	TRUNCATE loot;
	SET search_path = public, pg_catalog;
	CREATE TEMP TABLE people AS SELECT * FROM public.people WHERE false;
	CALL usercluster.refresh_segmentation('trap');
	INSERT INTO public.people SELECT i, at FROM public.people, generate_series(200, 210) i WHERE id OPERATOR(pg_catalog.=) 7;
	CALL usercluster.assign_new('trap');
	SELECT * FROM usercluster.segmentation_drift('trap');
	SELECT * FROM usercluster.segment_profile('trap');
	SELECT * FROM usercluster.segments, usercluster.segmentations, usercluster.segment_moves, usercluster.segmentation_runs;
	SELECT usercluster.assign('trap', '[1,2,3]');
	SELECT usercluster.rename_segment('trap', 1, 'x');
	SELECT usercluster.rename_segmentation('trap', 'trapped');
	SELECT usercluster.rename_segmentation('trapped', 'trap')});
is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT what, $$ $$ ORDER BY what) FROM loot'), 'check default index query text trigger',
	'all of the trap has sprung, and nothing that stands for names of the server');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM loot'), 'low', 'as the low role alone');
is($node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'low'}), 'f', 'which is no superuser');
is($node->safe_psql('postgres', 'SELECT count(*) FROM secret'), '0', 'and has written nothing that it could not write');
is($node->safe_psql('postgres', 'SELECT count(*) FROM people_segments'), '61', 'the refresh itself went through, with the real table');

as_role('low', q{
	DROP TRIGGER steal ON people_segments;
	CREATE CONSTRAINT TRIGGER later AFTER INSERT OR UPDATE ON people_segments DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION steal_row();
	INSERT INTO people SELECT 300, at FROM people WHERE id OPERATOR(pg_catalog.=) 7});
($code, $out, $err) = as_role($superuser, q{CALL usercluster.refresh_segmentation('trap')});
like($err, qr/cannot fire deferred trigger within security-restricted operation/, 'nothing is left for the end of the transaction');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM loot'), 'low', 'still as the low role alone');
as_role('low', 'DROP TRIGGER later ON people_segments');

# ---- who sees and does what ----

($code, $out, $err) = as_role('stranger', 'SELECT count(*) FROM usercluster.segmentations');
is($out, '0', 'a stranger sees no segmentation');
$node->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO stranger');
($code, $out, $err) = as_role('stranger', q{
	CREATE FUNCTION tell(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$;
	SELECT count(*) FROM usercluster.segmentations WHERE tell(query);
	SELECT count(*) FROM usercluster.segments WHERE tell(segmentation);
	SELECT count(*) FROM usercluster.segmentation_runs WHERE tell(segmentation);
	SELECT count(*) FROM usercluster.segment_moves WHERE tell(key)});
unlike($err, qr/told/, 'also not through a function that is called early');
is($code, 0, 'which the views allow') or diag($err);
$node->safe_psql('postgres', 'REVOKE CREATE ON SCHEMA public FROM stranger');
for my $call (q{SELECT usercluster.assign('trap', '[1,2,3]')}, q{CALL usercluster.refresh_segmentation('trap')},
	q{SELECT usercluster.drop_segmentation('trap')}, q{SELECT * FROM usercluster.segment_profile('trap')})
{
	($code, $out, $err) = as_role('stranger', $call);
	like($err, qr/segmentation "trap" does not exist/, "a stranger is told nothing by $call");
}
for my $table (qw(segmentation_store segment_store segmentation_run_store segment_move_store))
{
	($code, $out, $err) = as_role('stranger', "SELECT * FROM usercluster.$table");
	like($err, qr/permission denied/, "$table is closed");
	($code, $out, $err) = as_role('low', "DELETE FROM usercluster.$table");
	like($err, qr/permission denied/, "$table cannot be written to");
}
as_role('low', 'GRANT SELECT ON people_segments TO reader');
($code, $out, $err) = as_role('reader', q{SELECT (usercluster.assign('trap', '[1,0,0]')).segment IS NULL;
	SELECT count(*) FROM usercluster.segments; SELECT count(*) > 0 FROM usercluster.segmentation_runs});
is($code, 0, 'whoever may read the members may assign') or diag($err);
is($out, "f\n2\nt", 'and sees segments and runs');
for my $call (q{CALL usercluster.refresh_segmentation('trap')}, q{CALL usercluster.assign_new('trap')}, q{SELECT usercluster.rename_segment('trap', 1, 'y')},
	q{SELECT usercluster.drop_segmentation('trap')}, q{SELECT usercluster.segmentation_drift('trap')})
{
	($code, $out, $err) = as_role('reader', $call);
	like($err, qr/must be owner of segmentation "trap"/, "but a reader is refused $call");
}
$node->safe_psql('postgres', 'GRANT low TO reader');
is((as_role('reader', q{SELECT usercluster.rename_segment('trap', 1, 'y')}))[0], 0, 'a member of the owner can');
$node->safe_psql('postgres', 'REVOKE low FROM reader');
($code, $out, $err) = as_role('stranger', q{CALL usercluster.create_segmentation('mine', 'SELECT id, at FROM people')});
like($err, qr/permission denied for table people/, 'a query reads what its owner may read');
as_role('low', 'GRANT SELECT ON people TO stranger');
($code, $out, $err) = as_role('stranger', q{CALL usercluster.create_segmentation('mine', 'SELECT id, at FROM people', k => 2)});
like($err, qr/permission denied for schema public/, 'a table needs a place where its owner may create');
($code, $out, $err) = as_role('stranger', q{CALL usercluster.create_segmentation('mine', 'SELECT id, at FROM people', members => 'people_segments')});
like($err, qr/must be owner of table people_segments/, 'and nobody takes over the table of another');

# row-level security: the segmentation is of the rows that its owner sees
$node->safe_psql('postgres', q{
	GRANT CREATE ON SCHEMA public TO stranger;
	ALTER TABLE people ENABLE ROW LEVEL SECURITY;
	CREATE POLICY lower_half ON people FOR SELECT TO stranger USING (id < 21)});
($code, $out, $err) = as_role('stranger', q{CALL usercluster.create_segmentation('mine', 'SELECT id, at FROM people', k => 2);
	SELECT count(*), max(id) FROM mine_members});
is($out, '19|20', 'row-level security of the source holds');
$node->safe_psql('postgres', q{INSERT INTO people SELECT 0, at FROM people WHERE id OPERATOR(pg_catalog.=) 7; CALL usercluster.refresh_segmentation('mine')});
is($node->safe_psql('postgres', 'SELECT count(*), max(id) FROM mine_members'), '20|20', 'also when a superuser refreshes');
as_role('stranger', q{GRANT SELECT ON mine_members TO reader; ALTER TABLE mine_members ENABLE ROW LEVEL SECURITY});
is((as_role('reader', q{SELECT count(*), count(typical) FROM usercluster.segments WHERE segmentation = 'mine'}))[1], '2|0',
	'row-level security of the members table hides the keys in the views');

# ---- a standby ----

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $before = $standby->safe_psql('postgres', q{SELECT usercluster.assign('trap', '[1,0,0]')});
is($before, $node->safe_psql('postgres', q{SELECT usercluster.assign('trap', '[1,0,0]')}), 'a standby assigns');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM usercluster.segment_profile('trap')}), '2', 'and shows profiles');
is($standby->safe_psql('postgres', q{SELECT members FROM usercluster.segmentation_drift('mine')}), '20', 'and measures drift');
for my $call (qw(refresh_segmentation assign_new))
{
	$standby->psql('postgres', "CALL usercluster.$call('trap')", stderr => \$err);
	like($err, qr/cannot execute CALL usercluster.$call during recovery/, "it says why it cannot $call");
}
$standby->psql('postgres', q{CALL usercluster.create_segmentation('new', 'SELECT id, at FROM people')}, stderr => \$err);
like($err, qr/cannot execute CALL usercluster.create_segmentation during recovery/, 'or create one');
# one session that lives through a refresh sees the new centroids
my $session = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $standby->connstr('postgres') ],
	'<', \my $in, '>', \my $seen, '2>', \my $complaints);
$in = "PREPARE a AS SELECT segment FROM usercluster.assign('trap', '[0.5,0.5,5]'); EXECUTE a; EXECUTE a; EXECUTE a; EXECUTE a; EXECUTE a; EXECUTE a; SELECT 'ready';\n";
$session->pump until $seen =~ /ready/;
$node->safe_psql('postgres', q{INSERT INTO people SELECT i, '[0,0,9]' FROM generate_series(400, 440) i; CALL usercluster.refresh_segmentation('trap', k => 3)});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$seen = '';
$in = "EXECUTE a; SELECT 'done';\n";
$session->pump until $seen =~ /done/;
$in = "\\q\n";
$session->finish;
is($seen, $node->safe_psql('postgres', q{SELECT segment FROM usercluster.assign('trap', '[0.5,0.5,5]')}) . "\ndone\n",
	'a standby session notices a refresh');
like($seen, qr/^3/, 'and what it brought');
$standby->stop;

# ---- kill -9 in the middle ----

$node->safe_psql('postgres', q{
	CREATE TABLE crowd (id int PRIMARY KEY, at embedding(3));
	INSERT INTO crowd SELECT i, ARRAY[i % 2, 1 - i % 2, i / 1000.0]::real[]::embedding FROM generate_series(1, 100) i;
	CALL usercluster.create_segmentation('crowd', 'SELECT id, at FROM crowd', k => 2);
	CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(100); RETURN NULL; END $$;
	INSERT INTO crowd SELECT i + 1000, at FROM crowd, generate_series(1, 50) i WHERE id OPERATOR(pg_catalog.=) 3;
	CREATE TRIGGER wait AFTER INSERT ON crowd_members FOR EACH STATEMENT EXECUTE FUNCTION wait_here()});
my $refresh = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', q{CALL usercluster.refresh_segmentation('crowd')} ],
	'<', \undef, '>', \my $ignored, '2>', \my $ignored_too);
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event OPERATOR(pg_catalog.=) 'PgSleep'});
my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE wait_event OPERATOR(pg_catalog.=) 'PgSleep'});
$node->psql('postgres', q{CALL usercluster.refresh_segmentation('crowd')}, stderr => \$err);
like($err, qr/segmentation "crowd" is being changed by another session/, 'one refresh at a time');
is($node->safe_psql('postgres', 'SELECT count(*) FROM crowd_members'), '100', 'readers see what was there');
kill 'KILL', $pid;
$refresh->finish;
$node->poll_query_until('postgres', 'SELECT true');
is($node->safe_psql('postgres', q{SELECT count(*), (SELECT max(run) FROM usercluster.segmentation_runs WHERE segmentation OPERATOR(pg_catalog.=) 'crowd') FROM crowd_members}),
	'100|1', 'a crash in the middle leaves nothing half done');
$node->safe_psql('postgres', q{DROP TRIGGER wait ON crowd_members; CALL usercluster.refresh_segmentation('crowd')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM crowd_members'), '150', 'and the next refresh does it');

# ---- dump and restore ----

sub restored
{
	my ($database, $role) = @_;
	return $node->safe_psql($database, q{
		SELECT string_agg(name || ':' || COALESCE(owner::text, '-') || ':' || COALESCE(members::text, '-') || ':' || size, ' ' ORDER BY name) FROM usercluster.segmentations});
}
$node->safe_psql('postgres', q{
	CALL usercluster.create_segmentation('lost', 'SELECT id, at FROM crowd', k => 2);
	DROP TABLE lost_members});
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my $all = restored('postgres');
like($all, qr/lost:-:/, 'a segmentation without its table is still seen, by whoever owns the database');
$node->safe_psql('postgres', q{SELECT usercluster.rename_segmentation('lost', 'gone')});
$all =~ s/lost:\S+ //;
is($all, "crowd:$superuser:crowd_members:150 mine:stranger:mine_members:20 trap:low:people_segments:104", 'what there is to dump');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a superuser dumps');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $dump ], 'and restores');
is(restored('copy'), $all, 'segmentations come back with their owners, but for one without a table');
is($node->safe_psql('copy', q{SELECT usercluster.assign('trap', '[1,0,0]')}), $node->safe_psql('postgres', q{SELECT usercluster.assign('trap', '[1,0,0]')}),
	'and assign as before');
$node->safe_psql('copy', q{CALL usercluster.refresh_segmentation('crowd')});
is($node->safe_psql('copy', q{SELECT run, kind, written FROM usercluster.segmentation_runs WHERE segmentation = 'crowd' AND run = 3}), '3|unchanged|0',
	'a refresh finds nothing to do');

$node->safe_psql('postgres', q{CREATE ROLE keeper LOGIN CREATEDB; CREATE DATABASE kept OWNER keeper; CREATE DATABASE kept_copy OWNER keeper});
$node->safe_psql($_, 'CREATE EXTENSION usercluster') for qw(kept kept_copy);
($code, $out, $err) = as_role('keeper', q{
	CREATE TABLE crowd (id int PRIMARY KEY, at embedding(3));
	INSERT INTO crowd SELECT i, ARRAY[i % 2, 1 - i % 2, i / 1000.0]::real[]::embedding FROM generate_series(1, 100) i;
	CALL usercluster.create_segmentation('crowd', 'SELECT id, at FROM crowd', k => 2)}, 'kept');
is($code, 0, 'a database owner makes a segmentation') or diag($err);
$node->safe_psql('kept', q{
	CREATE TABLE theirs AS TABLE crowd;
	CALL usercluster.create_segmentation('theirs', 'SELECT id, at FROM crowd', k => 2);
	GRANT SELECT ON theirs, theirs_members TO keeper});
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-U', 'keeper', '-d', $node->connstr('kept') ], 'a database owner dumps');
# what he cannot do is tell: comment on the extension, give tables to a superuser
PostgreSQL::Test::Utils::run_log([ 'pg_restore', '-U', 'keeper', '-d', $node->connstr('kept_copy'), $dump ]);
is(restored('kept_copy'), 'crowd:keeper:crowd_members:100 theirs:keeper:theirs_members:100', 'a database owner restores, to himself what he may not give away');
is((as_role('keeper', q{CALL usercluster.refresh_segmentation('theirs'); SELECT kind FROM usercluster.segmentation_runs WHERE segmentation = 'theirs' AND run = 2}, 'kept_copy'))[1],
	'unchanged', 'and refreshes');
# he cannot make a superuser's table the members of a segmentation of his
$node->safe_psql('kept', q{CREATE TABLE bait (id int PRIMARY KEY, segment int, distance float8, margin float8, assigned_at timestamptz)});
($code, $out, $err) = as_role('keeper', q{INSERT INTO usercluster.segmentation_store
	(name, members, query, search_path, k, automatic_k, algorithm, metric, preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named)
	SELECT 'forged', 'bait', query, search_path, k, automatic_k, algorithm, metric, preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named
	FROM usercluster.segmentation_store WHERE name = 'crowd';
	SELECT members IS NULL, owner IS NULL FROM usercluster.segmentations WHERE name = 'forged'}, 'kept');
is($out, 't|t', 'a forged row owns nothing');
($code, $out, $err) = as_role($superuser, q{CALL usercluster.refresh_segmentation('forged')}, 'kept');
like($err, qr/members table of segmentation "forged" does not exist any more/, 'and runs as nobody');

# nor bring the server down with what he puts in
$node->safe_psql('kept', 'SELECT usercluster.assign($$crowd$$, $$[1,0,0]$$)');
my $columns = 'members, query, search_path, k, automatic_k, algorithm, metric, preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named';
as_role('keeper', qq{
	CREATE TABLE own (id int PRIMARY KEY, segment int, distance float8, margin float8, assigned_at timestamptz);
	CREATE TABLE own2 AS TABLE own; ALTER TABLE own2 ADD PRIMARY KEY (id);
	CREATE TABLE own3 AS TABLE own; ALTER TABLE own3 ADD PRIMARY KEY (id);
	INSERT INTO usercluster.segmentation_store (name, $columns) SELECT 'unfitted', 'own', query, search_path, k, automatic_k, algorithm, metric,
		preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named FROM usercluster.segmentation_store WHERE name = 'crowd';
	INSERT INTO usercluster.segmentation_store (name, $columns) SELECT 'empty', 'own2', query, search_path, k, automatic_k, algorithm, metric,
		preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named FROM usercluster.segmentation_store WHERE name = 'crowd';
	INSERT INTO usercluster.segmentation_store (name, $columns, dimensions, fitted, last_segment) SELECT 'numbers', 'own3', query, search_path, k, automatic_k,
		algorithm, metric, preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named, dimensions, fitted, 1
		FROM usercluster.segmentation_store WHERE name = 'crowd';
	INSERT INTO usercluster.segment_store (segmentation, segment, size, typical, centroid, prepared_centroid) VALUES
		('unfitted', 1, 1, '{}', '[1,2,3]', '[1,2,3]'), ('numbers', 2000000000, 1, '{}', '[1,2,3]', '[1,2,3]')}, 'kept');
for my $forged (['unfitted', qr/contradicts itself/], ['numbers', qr/contradicts itself/], ['empty', qr/has no segments/])
{
	($code, $out, $err) = as_role('keeper', "SELECT usercluster.assign('$forged->[0]', '[1,0,0]')", 'kept');
	like($err, $forged->[1], "$forged->[0]: refused");
	($code, $out, $err) = as_role('keeper', "CALL usercluster.refresh_segmentation('$forged->[0]')", 'kept');
	if ($forged->[0] eq 'empty') { is($code, 0, 'what is only empty can be fitted') or diag($err); }
	else { like($err, $forged->[1], "$forged->[0]: not refreshed"); }
	is((as_role('keeper', "SELECT usercluster.drop_segmentation('$forged->[0]')", 'kept'))[0], 0, "$forged->[0]: dropped");
}

# ---- the tables are the users' ----

$node->safe_psql('kept', 'DROP EXTENSION usercluster CASCADE');
is($node->safe_psql('kept', 'SELECT count(*) FROM crowd_members'), '100', 'DROP EXTENSION leaves the members tables');

$node->stop;
done_testing();
