# k-means ends cleanly and at once, with its threads alive, by cancel, terminate, a lost client and fast shutdown; it holds
# up no other session; it runs on a standby
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $within = 1.5;	# seconds: one for the promise, the rest for a busy machine

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "usercluster.threads = 2\nclient_connection_check_interval = 200ms\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE points AS SELECT i AS id,
		(SELECT array_agg(sin(12.9898 * i + 78.233 * d * d + i * d)) FROM generate_series(1, 64) d)::real[]::embedding AS at
	FROM generate_series(1, 20000) i});

my $endless = q{SELECT * FROM usercluster.kmeans('TABLE points', 300, restarts => 1000000, tolerance => 0)};
my $timer = IPC::Run::timeout(180);

# Starts the endless fit in a session of its own; returns once two threads are at work on it.
sub start_fit
{
	my ($name) = @_;
	my %fit = (out => '', err => '', in => '');
	$fit{run} = IPC::Run::start(
		['psql', '-X', '-d', $node->connstr('postgres') . " application_name=$name", '-c', $endless],
		'<', \$fit{in}, '>', \$fit{out}, '2>', \$fit{err}, $timer);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND state = 'active'")
		or die "the fit $name did not start";
	$fit{pid} = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$name'");
	for (1 .. 500)
	{
		return \%fit if threads($fit{pid}) == 2;
		usleep(20_000);
	}
	die "the fit $name started no thread";
}

sub threads
{
	my ($pid) = @_;
	my @threads = glob("/proc/$pid/task/*");
	return scalar @threads;
}

sub seconds_until_gone
{
	my ($pid) = @_;
	my $start = time;
	usleep(10_000) while kill(0, $pid) && time - $start < 30;
	return time - $start;
}

sub ended
{
	my ($fit) = @_;
	my $start = time;
	eval { IPC::Run::finish($fit->{run}) };
	return time - $start;
}

my $fit = start_fit('cancelled');
$node->safe_psql('postgres', 'CREATE DATABASE dropped');
my $start = time;
$node->safe_psql('postgres', 'DROP DATABASE dropped');
cmp_ok(time - $start, '<', $within, 'DROP DATABASE does not wait for the fit');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($fit->{pid})");
cmp_ok(ended($fit), '<', $within, 'a cancel shows at once');
like($fit->{err}, qr/^ERROR:  canceling statement due to user request/, 'and as a cancel');

# The routes and forms that run more than one core call: a timeout ends each in whatever it does then.
my $far = q{SELECT a.id + 20000 * i, a.at FROM points a, generate_series(1, 1000) i};
for my $case (
	['the survey of the rows', "kmeans('$far', 300, route => \$\$query\$\$)"],
	['the fit over the sample', q{kmeans('TABLE points', 300, route => 'query', restarts => 1000000)}],
	['the passes', "kmeans('TABLE points', 300, route => 'query', restarts => 1, tolerance => 0, max_iterations => 1000000, "
			. 'centroids => (SELECT array_agg(at) FROM (SELECT at FROM points LIMIT 300) p))'],
	['the groups', q{kmeans_by_group('SELECT id, at, id % 50 AS group_key FROM points', 90, restarts => 1000000)}])
{
	my ($what, $call) = @$case;
	my $err;

	$start = time;
	$node->psql('postgres', "SET statement_timeout = '500ms'; SELECT count(*) FROM usercluster.$call", stderr => \$err);
	cmp_ok(time - $start, '<', 0.5 + $within, "a timeout ends $what");
	like($err, qr/canceling statement due to statement timeout/, 'and as a timeout');
}

$fit = start_fit('terminated');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($fit->{pid})");
cmp_ok(ended($fit), '<', $within, 'a terminate shows at once');
like($fit->{err}, qr/FATAL:  terminating connection due to administrator command/, 'and as a terminate');

$fit = start_fit('lost');
$fit->{run}->kill_kill;
cmp_ok(seconds_until_gone($fit->{pid}), '<', $within, 'a lost client is noticed');

is($node->safe_psql('postgres', q{
	SELECT rows FROM usercluster.kmeans_fit('TABLE points', 3, restarts => 2);
	SELECT count(*) FROM pg_ls_dir('/proc/self/task')}), "20000\n1", 'after a fit the backend has one thread');

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $on_both = q{SELECT md5(string_agg(id || ':' || cluster, ',' ORDER BY id))
	FROM usercluster.kmeans('TABLE points', 7, restarts => 2)};
is($standby->safe_psql('postgres', $on_both), $node->safe_psql('postgres', $on_both), 'a standby finds the same clusters');
$standby->stop;

$fit = start_fit('shut_down');
$start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', $within + 1, 'fast shutdown does not wait for the fit');
ended($fit);
unlike(slurp_file($node->logfile), qr/was terminated by signal|database system was interrupted|PANIC/, 'no process crashed');

done_testing();
