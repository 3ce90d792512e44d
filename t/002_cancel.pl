# embed ends at once, with its threads alive, by cancel, timeout, terminate, a lost client and fast shutdown
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "usercluster.threads = 2\nclient_connection_check_interval = 200ms\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE reviews (id int, body text, at embedding(384));
	CREATE TRIGGER reviews_embedding BEFORE INSERT OR UPDATE ON reviews
	FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at')});

# Hours of work: texts of several hundred tokens each.
my $texts = q{(SELECT i, repeat('segment ' || i || ' of our users; ', 70) FROM generate_series(1, 20000) i)};
my $endless = "SELECT count(usercluster.embed(array_agg(body))) FROM $texts AS t(i, body)";
$endless =~ s/count\((.*)\) FROM/cardinality($1) FROM/;
my $timer = IPC::Run::timeout(300);

sub threads
{
	my ($pid) = @_;
	my @threads = glob("/proc/$pid/task/*");
	return scalar @threads;
}

# Runs the statement in a session of its own; returns once that has the wanted number of threads.
sub begin
{
	my ($name, $sql, $wanted) = @_;
	my %run = (out => '', err => '', in => '');
	$run{run} = IPC::Run::start(['psql', '-X', '-d', $node->connstr('postgres') . " application_name=$name", '-c', $sql],
		'<', \$run{in}, '>', \$run{out}, '2>', \$run{err}, $timer);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND state = 'active'")
		or die "$name did not start";
	$run{pid} = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$name'");
	for (1 .. 1000)
	{
		if (threads($run{pid}) >= $wanted)
		{
			usleep(300_000);
			return \%run;
		}
		usleep(20_000);
	}
	die "$name did not start $wanted threads";
}

sub ended
{
	my ($run) = @_;
	my $start = time;
	eval { IPC::Run::finish($run->{run}) };
	return time - $start;
}

# The promise is a second from the cancel to the error, whatever the statement embeds.
for my $case (['array', $endless, 2], ['rows', "SELECT count(usercluster.embed(body)) FROM $texts AS t(i, body)", 1],
	['trigger', "INSERT INTO reviews SELECT * FROM $texts AS t(i, body)", 1])
{
	my ($name, $sql, $wanted) = @$case;
	my $run = begin("cancelled_$name", $sql, $wanted);
	my $session = $node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{pid})");
	cmp_ok(ended($run), '<', 1, "a cancel ends embedding by $name within a second");
	like($run->{err}, qr/^ERROR:  canceling statement due to user request/, "and as a cancel by $name");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM reviews'), '0', 'nothing of the cancelled insert stays');

# A text of many megabytes is read, and given up, as a text of one line is.
my $run = begin('long_text', q{SELECT usercluster.token_count(repeat('x y ', 200000000))}, 1);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($run->{pid})");
cmp_ok(ended($run), '<', 5, 'a cancel ends the reading of one long text');

my ($out, $err);
my $start = time;
$node->psql('postgres', qq{
	SELECT dims(usercluster.embed('warm'));
	BEGIN;
	SAVEPOINT before;
	SET LOCAL statement_timeout = '500ms';
	$endless;
	ROLLBACK TO before;
	SELECT dims(usercluster.embed('the same session')), cardinality(usercluster.embed(ARRAY['goes', 'on']));
	COMMIT;
	SELECT count(*) FROM pg_ls_dir('/proc/self/task')}, stdout => \$out, stderr => \$err, on_error_stop => 0);
cmp_ok(time - $start, '<', 20, 'statement_timeout ends it');
like($err, qr/canceling statement due to statement timeout/, 'and as a timeout');
is($out, "384\n384|2\n1", 'the session goes on behind the savepoint, with one thread');

$run = begin('terminated', $endless, 2);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($run->{pid})");
cmp_ok(ended($run), '<', 2, 'a terminate ends it');
like($run->{err}, qr/FATAL:  terminating connection due to administrator command/, 'and as a terminate');

$run = begin('lost', $endless, 2);
$run->{run}->kill_kill;
$start = time;
usleep(10_000) while kill(0, $run->{pid}) && time - $start < 30;
cmp_ok(time - $start, '<', 5, 'a lost client is noticed');

# A session at work holds up no other.
$run = begin('busy', $endless, 2);
$node->safe_psql('postgres', 'CREATE DATABASE dropped');
$start = time;
$node->safe_psql('postgres', 'DROP DATABASE dropped');
cmp_ok(time - $start, '<', 5, 'DROP DATABASE does not wait for it');
$start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', 5, 'nor does fast shutdown');
ended($run);

$node->start;
$run = begin('immediate', $endless, 2);
$start = time;
$node->stop('immediate');
cmp_ok(time - $start, '<', 4, 'immediate shutdown is not held up until the postmaster kills');
ended($run);
$node->start;
is($node->safe_psql('postgres', q{SELECT dims(usercluster.embed('after recovery'))}), '384', 'and the server comes back');
$node->stop;
unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC/, 'no process crashed');

done_testing();
