# pg_cron refreshes segmentations and works the queue off; without it the error says what any scheduler can run
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->start;
my $err;

sub refused
{
	my ($sql, $wanted, $what, $database) = @_;
	$node->psql($database // 'postgres', $sql, stderr => \$err);
	like($err, $wanted, $what);
}

$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE viewers (id int PRIMARY KEY, at embedding(3));
	INSERT INTO viewers SELECT i, ARRAY[i % 2, 1 - i % 2, i / 1000.0]::real[]::embedding FROM generate_series(1, 40) i;
	CALL usercluster.create_segmentation('it''s', 'SELECT id, at FROM viewers', k => 2, members => 'viewer_segments')});
refused(q{SELECT usercluster.schedule('none', '0 3 * * *')}, qr/segmentation "none" does not exist/, 'an unknown segmentation');
refused(q{SELECT usercluster.schedule('it''s', NULL)}, qr/argument "cron_expression" must not be null/, 'no expression');
refused(q{SELECT usercluster.schedule('it''s', '0 3 * * *', max_seconds => 0)}, qr/max_seconds must be a finite number above 0/, 'no time');
refused(q{SELECT usercluster.schedule('it''s', '0 3 * * *')},
	qr/pg_cron is not loaded in this server.*HINT:.*'0 3 \* \* \*': CALL usercluster\.refresh_segmentation\('it''s', if_drifted => true\);/s, 'without pg_cron the hint is a job');
refused(q{SELECT usercluster.schedule_queue(max_seconds => 20)}, qr/HINT:.*CALL usercluster\.process_queue\(20\);/s, 'for the queue too');
refused(q{SELECT usercluster.unschedule('it''s')}, qr/is not scheduled in this database/, 'nothing to end');
refused(q{SELECT usercluster.unschedule_queue()}, qr/the queue is not scheduled in this database/, 'nothing to end for the queue');

if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'}) eq '0')
{
	note('pg_cron is not installed: install the package postgresql-VERSION-cron to test real jobs');
	$node->stop;
	done_testing();
	exit;
}

$node->append_conf('postgresql.conf', q{
	shared_preload_libraries = 'pg_cron'
	cron.database_name = 'postgres'
	cron.use_background_workers = on});
$node->restart;
refused(q{SELECT usercluster.schedule('it''s', '0 3 * * *')}, qr/pg_cron is not created in this database.*CREATE EXTENSION pg_cron/s, 'the extension is wanted too');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron; CREATE ROLE analyst LOGIN');
refused(q{SELECT usercluster.schedule('it''s', 'whenever')}, qr/invalid schedule/, 'pg_cron reads the expression');
$node->psql('postgres', q{SELECT usercluster.schedule('it''s', '0 3 * * *')}, stderr => \$err, extra_params => [ '-U', 'analyst' ]);
like($err, qr/segmentation "it's" does not exist/, 'strangers schedule nothing');

# from another database: what to run, and it does run
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE viewers (id int PRIMARY KEY, at embedding(3));
	INSERT INTO viewers SELECT i, ARRAY[i % 2, 1 - i % 2, i / 1000.0]::real[]::embedding FROM generate_series(1, 40) i;
	CALL usercluster.create_segmentation('shoppers', 'SELECT id, at FROM viewers', k => 2);
	INSERT INTO viewers SELECT 41, at FROM viewers WHERE id = 1});
# schedules in seconds came with 1.6; before, a job needs up to a minute
my $always = $node->safe_psql('postgres', q{SELECT string_to_array(substring(extversion FROM '^[0-9]+[.][0-9]+'), '.')::int[] >= '{1,6}'
	FROM pg_extension WHERE extname = 'pg_cron'}) eq 't' ? '2 seconds' : '* * * * *';
refused("SELECT usercluster.schedule('shoppers', '$always')", qr/pg_cron keeps its jobs in database "postgres"/, 'another database cannot reach the jobs', 'shop');
like($err, qr/HINT:  Run there, as a superuser: SELECT cron\.schedule_in_database\(.*'shop', '\w+'\);/, 'the hint can');
my ($there) = $err =~ /(SELECT cron\.schedule_in_database.*;)/;
$node->safe_psql('postgres', $there);

# in its own
my $job = $node->safe_psql('postgres', "SELECT usercluster.schedule('it''s', '0 3 * * *')");
is($node->safe_psql('postgres', "SELECT usercluster.schedule('it''s', '$always', if_drifted => false, max_seconds => 50)"), $job, 'the same job again');
is($node->safe_psql('postgres', "SELECT command FROM cron.job WHERE jobid = $job"),
	q{CALL usercluster.refresh_segmentation('it''s', if_drifted => false, max_seconds => 50)}, 'one CALL is the whole command');
$node->safe_psql('postgres', qq{
	INSERT INTO viewers SELECT 41, at FROM viewers WHERE id = 1;
	CREATE TABLE reviews (id int PRIMARY KEY, body text, embedding embedding(384));
	SELECT usercluster.enable_embedding('reviews', 'body', 'embedding', mode => 'queue');
	INSERT INTO reviews VALUES (1, '我喜欢科幻电影');
	SELECT usercluster.schedule_queue('$always')});
ok($node->poll_query_until('postgres', q{SELECT count(DISTINCT jobid) = 3 FROM cron.job_run_details WHERE status NOT IN ('starting', 'running')}), 'three jobs have run');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status NOT IN ('succeeded', 'starting', 'running')}), '0', 'without failing')
	or diag($node->safe_psql('postgres', 'SELECT command, status, return_message FROM cron.job_run_details'));
is($node->safe_psql('postgres', 'SELECT count(*) FROM viewer_segments'), '41', 'the segmentation is up to date');
is($node->safe_psql('shop', 'SELECT count(*) FROM shoppers_members'), '41', 'also in the other database');
is($node->safe_psql('postgres', 'SELECT count(embedding) FROM reviews'), '1', 'and the queue is worked off, which commits on its way');

$node->safe_psql('postgres', q{SELECT usercluster.unschedule('it''s'); SELECT usercluster.unschedule_queue()});
is($node->safe_psql('postgres', q{SELECT string_agg(database, ' ') FROM cron.job}), 'shop', 'both are ended');
refused(q{SELECT usercluster.unschedule('it''s')}, qr/is not scheduled in this database/, 'and cannot be ended twice');
$node->safe_psql('postgres', q{SELECT usercluster.schedule('it''s', '0 3 * * *')});
$node->psql('postgres', q{SELECT usercluster.drop_segmentation('it''s')}, stderr => \$err);
like($err, qr/segmentation "it's" is no longer scheduled/, 'a segmentation takes its schedule along');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job}), '1', 'when it goes');

$node->stop;
done_testing();
