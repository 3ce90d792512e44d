# Workers of the queue side by side: each row once, no text with another's embedding, and a worker that is killed
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 150;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "usercluster.default_model = 'all-MiniLM-L6-v2'\nusercluster.threads = 1\nsearch_path = public\n");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION usercluster;
	CREATE TABLE review (id int PRIMARY KEY, body text, e embedding);
	CREATE TABLE written (id int, body text, pid int);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \$\$
		BEGIN INSERT INTO public.written VALUES (NEW.id, NEW.body, pg_backend_pid()); RETURN NULL; END \$\$;
	CREATE TRIGGER note AFTER UPDATE OF e ON review FOR EACH ROW WHEN (NEW.e IS NOT NULL) EXECUTE FUNCTION note();
	SELECT usercluster.enable_embedding('review', 'body', 'e', mode => 'queue');
	INSERT INTO review SELECT i, 'review number ' || i FROM generate_series(1, $rows) i});

sub start_session
{
	my ($sql) = @_;
	my $output = '';
	my $run = IPC::Run::start(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql],
		'<', \undef, '>', \$output, '2>', \$output);
	return {run => $run, output => \$output};
}

my $wrong = q{SELECT count(*) FROM (
	SELECT unnest(array_agg(e ORDER BY id)) AS e, unnest(usercluster.embed(array_agg(body ORDER BY id))) AS expected FROM review) r
	WHERE e IS NULL OR e <-> expected > 1e-6};

# Three workers, and a writer who changes and deletes rows under them
my @workers = map { start_session('CALL usercluster.process_queue(batch_rows => 10)') } 1 .. 3;
for my $i (1 .. 15)
{
	my ($changed, $deleted) = ($i * 10, $i * 10 - 5);
	$node->safe_psql('postgres', "UPDATE review SET body = 'changed ' || id WHERE id = $changed; DELETE FROM review WHERE id = $deleted");
}
ok($_->{run}->finish, "a worker ends") || diag ${$_->{output}} for @workers;
# What had been locked, or was changed last
$node->safe_psql('postgres', 'UPDATE usercluster.queued SET due = now()');
$node->safe_psql('postgres', 'CALL usercluster.process_queue()');
is($node->safe_psql('postgres', 'SELECT count(*) FROM review'), $rows - 15, 'the rows that are left');
is($node->safe_psql('postgres', $wrong), '0', 'all have the embedding of the text that they have');
is($node->safe_psql('postgres', 'SELECT count(*) FROM usercluster.queued'), '0', 'the queue is empty');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT id, body FROM written GROUP BY 1, 2 HAVING count(*) > 1) twice'), '0',
	'no text was embedded twice');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT pid) FROM written'), '>', 1, 'more than one worker wrote');

# A worker that is killed takes the server with it, but no entry of the queue
$node->safe_psql('postgres', q{TRUNCATE written; UPDATE review SET body = body || ' again'});
my $queued = $node->safe_psql('postgres', 'SELECT count(*) FROM usercluster.queued');
my $worker = start_session('CALL usercluster.process_queue(batch_rows => 10)');
$node->poll_query_until('postgres', 'SELECT count(*) >= 20 FROM written') or die 'no batch was committed';
kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL usercluster.process_queue%' AND state = 'active'});
$worker->{run}->finish;
$node->stop('immediate', fail_ok => 1);
$node->start;
is($node->safe_psql('postgres', 'SELECT count(e) + (SELECT count(*) FROM usercluster.queued) FROM review'), $queued,
	'each row has its embedding or its entry');
is($node->safe_psql('postgres', 'SELECT count(*) = (SELECT count(e) FROM review) FROM written'), 't', 'and nothing is half done');
$node->safe_psql('postgres', 'CALL usercluster.process_queue()');
is($node->safe_psql('postgres', $wrong), '0', 'the next worker does the rest');

# Time is up, in a session that a job would have
my ($out, $err);
$node->safe_psql('postgres', q{UPDATE review SET body = body || ' and again'});
is($node->psql('postgres', 'CALL usercluster.process_queue(0.05, 5)', stderr => \$err), 0, 'a time box');
like($err, qr/NOTICE:  \d+ queued rows embedded.*\nHINT:  Time is up/, 'says that it was not enough');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM usercluster.queued'), '>', 0, 'and leaves the rest');

$node->stop;
done_testing();
