# Long calls are seen from other sessions while they last and no longer, also where shared memory has no room for them
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $slots = 32;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "usercluster.threads = 2\nmax_connections = 60\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE ROLE analyst LOGIN;
	CREATE ROLE stranger LOGIN;
	GRANT pg_read_all_stats TO analyst;
	CREATE TABLE points AS SELECT i AS id,
		(SELECT array_agg(sin(12.9898 * i + 78.233 * d * d + i * d)) FROM generate_series(1, 64) d)::real[]::embedding AS at
	FROM generate_series(1, 20000) i});
my $timer = IPC::Run::timeout(180);
my $endless = q{SELECT * FROM usercluster.kmeans('TABLE points', 100, restarts => 1000000, tolerance => 0)};
my $waiting = q{SELECT * FROM usercluster.kmeans('SELECT 1, ''[1]''::embedding WHERE pg_sleep(100) IS NOT NULL', 1)};

sub begin
{
	my (@statements) = @_;
	my %call = (in => '', out => '', err => '');
	$call{run} = IPC::Run::start(['psql', '-X', '-A', '-t', '-d', $node->connstr('postgres'), map { ('-c', $_) } @statements],
		'<', \$call{in}, '>', \$call{out}, '2>', \$call{err}, $timer);
	return \%call;
}

sub ended
{
	my ($call) = @_;
	eval { IPC::Run::finish($call->{run}) };
	return;
}

sub look
{
	my ($what, %how) = @_;
	return $node->safe_psql('postgres', "SELECT $what FROM usercluster.progress", %how);
}

sub wait_for
{
	my ($what, $wanted) = @_;
	return $node->poll_query_until('postgres', "SELECT ($what) = $wanted FROM usercluster.progress");
}

is(look('count(*)'), '0', 'nothing is under way');

# one call
my $call = begin($endless);
ok(wait_for(q{count(*) FILTER (WHERE phase = 'iterating' AND part > 1)}, 1), 'k-means reaches its second restart');
my $pid = look('pid');
like(look('datname, usename, command, parts, percent IS NULL, total IS NULL, since <= phase_since, since < now()'),
	qr/^postgres\|[^|]+\|kmeans\|1000000\|t\|t\|t\|t$/, 'the view says whose call it is, and of what');
my ($part, $rising) = (look('part'), 0);
for (1 .. 200)
{
	my $now = look('part');
	$rising++ if $now > $part;
	$part = $now;
	last if $rising == 2;
	usleep(20_000);
}
is($rising, 2, 'its restarts go on');
is($node->safe_psql('postgres', q{
	CREATE TEMP TABLE looks AS SELECT (p).* FROM (SELECT usercluster.list_progress() AS p FROM generate_series(1, 50000)) l;
	SELECT count(*), bool_and(phase = 'iterating' AND total IS NULL OR phase = 'seeding' AND total = 100 AND done <= 100),
		bool_and(command = 'kmeans' AND part <= parts AND parts = 1000000), count(DISTINCT done) > 10
	FROM looks}), '50000|t|t|t', '50,000 looks find whole entries only');

# rights
is(look('command, part, since', extra_params => ['-U', 'analyst']) =~ /^kmeans\|\d+\|/, 1, 'a role with pg_read_all_stats sees it');
is(look('pid, datname, usename IS NULL, num_nulls(command, phase, part, parts, done, total, percent, since, phase_since)',
	extra_params => ['-U', 'stranger']), "$pid|postgres|f|9", 'another sees whose call it is, and no more');

# two at once, and the end of each
my $other = begin($endless);
ok(wait_for('count(*)', 2), 'a second call is seen beside it');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
ended($call);
is(look("count(*), bool_or(pid = $pid)"), '1|f', 'a cancelled call is gone');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM usercluster.progress');
ended($other);
is(look('count(*)'), '0', 'a terminated one is, too');

# inside one session: a savepoint, and the next call
$call = begin(q{BEGIN; SAVEPOINT before}, q{SET statement_timeout = '300ms'}, $endless,
	q{ROLLBACK TO before}, q{SELECT count(*) FROM usercluster.progress},
	q{SELECT count(*) FROM usercluster.kmeans('SELECT * FROM points LIMIT 10', 2)}, q{SELECT count(*) FROM usercluster.progress});
ended($call);
like($call->{out}, qr/^0\n10\n0$/m, 'a call that a timeout ended is gone, and the session goes on');

# every long function, in its own words
my $text = q{(SELECT array_agg('segment ' || i || ' of our users') FROM generate_series(1, 20000) i)};
for my $case (['embed', "SELECT cardinality(usercluster.embed($text))", 'embedding texts', 20000],
	['hierarchical', q{SELECT count(*) FROM usercluster.hierarchical('SELECT * FROM points WHERE id <= 10000', k => 3)},
		'measuring distances', 10000],
	['hdbscan', q{SELECT count(*) FROM usercluster.hdbscan('TABLE points')}, 'finding neighbours', 20000],
	['choose_k', q{SELECT count(*) FROM usercluster.choose_k('TABLE points', 90, 99, tolerance => 0)}, 'seeding', 90],
	['silhouette', q{SELECT count(*) FROM usercluster.silhouette('SELECT *, id % 300 AS cluster FROM points')},
		'measuring silhouettes', 20000])
{
	my ($command, $sql, $phase, $total) = @$case;
	$call = begin('SET usercluster.threads = 1', $sql);
	ok(wait_for("count(*) FILTER (WHERE command = '$command' AND phase = '$phase' AND total = $total AND done BETWEEN 1 AND total - 1)", 1),
		"$command: $phase, some of $total");
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM usercluster.progress');
	ended($call);
}
is(look('count(*)'), '0', 'they are gone');

# notices
my ($out, $err);
$node->psql('postgres', q{SET usercluster.progress_interval = '1s';
	SELECT count(*) FROM usercluster.kmeans('SELECT * FROM points WHERE id <= 3 AND pg_sleep(0.7) IS NOT NULL', 2)},
	stdout => \$out, stderr => \$err);
like($err, qr/NOTICE:  kmeans: reading rows, 2\nDETAIL:  It began 1 seconds ago\./, 'a NOTICE comes every interval');
is(() = $err =~ /NOTICE/g, 1, 'and not more often');

for my $case ([$endless, qr/kmeans: (seeding|iterating), \d+( of 100)?, part \d+ of 1000000/],
	["SELECT cardinality(usercluster.embed($text))", qr/embed: embedding texts, [1-9]\d* of 20000/])
{
	my ($sql, $told) = @$case;
	$node->psql('postgres', "SET usercluster.progress_interval = 1; SET statement_timeout = '3500ms'; $sql", stderr => \$err);
	like($err, qr/(NOTICE:  $told\nDETAIL:  It began \d seconds ago\.[^\n]*\n[^\n]*){2,3}ERROR:  canceling statement due to statement timeout/,
		'NOTICEs come while threads are at work, and a timeout is one');
}

# more calls than places
my @calls = map { begin($waiting) } 1 .. $slots + 2;
$node->poll_query_until('postgres',
	"SELECT count(*) = $slots + 2 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die 'the calls did not start';
is(look(q{count(*) FILTER (WHERE phase = 'reading rows'), count(DISTINCT pid)}), "$slots|$slots", 'as many are seen as there are places');
is($node->safe_psql('postgres', q{SELECT count(*) FROM usercluster.kmeans('SELECT * FROM points LIMIT 10', 2)}), '10',
	'a call without a place works');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM usercluster.progress});
ok(wait_for('count(*)', 0), 'their places become free');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
ended($_) for @calls;

# a crash leaves nothing behind
$call = begin($waiting);
ok(wait_for('count(*)', 1), 'the places are used again');
kill 'KILL', look('pid');
ended($call);
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM usercluster.progress');
is(look('count(*)'), '0', 'a crash leaves nothing behind');

# no room
$node->restart;
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
if ($version < 170000)
{
	# The two tables of locks grow into the spare memory and never give it back: one by locks, the other by their holders.
	my $locks = q{SELECT count(pg_advisory_lock_shared(i)) FROM generate_series(1, 1000000) i};
	$call = begin($locks, 'SELECT count(pg_advisory_unlock_shared(i)) FROM generate_series(1, 1000) i', 'SELECT pg_sleep(100)');
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	$node->psql('postgres', $locks, stderr => \$err);
	like($err, qr/out of shared memory/, 'shared memory is used up');
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	ended($call);
}
else
{
	$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
	$node->restart;
	chmod 0500, $node->data_dir . '/pg_dynshmem';
}
$node->psql('postgres', q{
	BEGIN;
	SELECT count(*) FROM usercluster.progress;
	SELECT count(*) FROM usercluster.kmeans('SELECT * FROM points WHERE id <= 10 AND (SELECT count(*) FROM usercluster.progress) = 0', 2);
	SELECT count(*) FROM usercluster.progress;
	COMMIT;
	SELECT pg_cancel_backend(pg_backend_pid());
	SELECT count(*) FROM usercluster.progress}, stdout => \$out, stderr => \$err, on_error_stop => 0);
is($out, "0\n10\n0\n0", 'without room calls work and are not seen');
like($err, qr/^[^\n]*ERROR:  canceling statement due to user request$/, 'and the session can be cancelled as ever');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_shmem_allocations WHERE name LIKE 'usercluster%'}), '0', 'there was none');
chmod 0700, $node->data_dir . '/pg_dynshmem';

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|leak|not enough shared memory/, 'the log knows of no leak');
done_testing();
