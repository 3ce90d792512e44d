# Parallel workers embed what the leader would; the number of threads changes nothing
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', q{
max_parallel_workers = 4
max_worker_processes = 8
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE reviews (id int, body text) WITH (parallel_workers = 2);
	INSERT INTO reviews SELECT i, repeat((ARRAY['good films ', '很好的书。', 'Ä ö ü ', 'x'])[i % 4 + 1], 1 + i % 7) || i
	FROM generate_series(1, 80) i;
	INSERT INTO reviews VALUES (81, NULL), (82, ''), (83, '  ');
	ANALYZE reviews});

my $embed = 'SELECT id, usercluster.embed(body) AS at FROM reviews';
my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;';
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $plan = $node->safe_psql('postgres', "$parallel EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) $embed");
like($plan, qr/Workers Launched: [12]/, 'a scan that embeds runs in workers');
$node->safe_psql('postgres', "$serial CREATE TABLE alone AS $embed");
$node->safe_psql('postgres', "$parallel CREATE TABLE apart AS $embed");
$node->safe_psql('postgres', q{
	CREATE TABLE batch AS
	SELECT unnest(array_agg(id ORDER BY id)) AS id, unnest(usercluster.embed(array_agg(body ORDER BY id))) AS at FROM reviews});
for my $other ('apart', 'batch')
{
	is($node->safe_psql('postgres', qq{
		SELECT count(*), count(a.at), count(o.at), coalesce(max(a.at <-> o.at), 9) <= 1e-6
		FROM alone a JOIN $other o USING (id)}), '83|80|80|t', "embedded $other it is what it is alone");
}

$node->safe_psql('postgres', 'ALTER TABLE alone SET (parallel_workers = 2); ANALYZE alone');
my $mean = 'SELECT avg(at) AS mean, sum(at) AS sum FROM alone';
like($node->safe_psql('postgres', "$parallel EXPLAIN (COSTS OFF) $mean"), qr/Partial Aggregate/, 'avg and sum have partial states');
is($node->safe_psql('postgres', qq{
	$serial CREATE TEMP TABLE one AS $mean;
	$parallel CREATE TEMP TABLE many AS $mean;
	SELECT one.mean <-> many.mean < 1e-6, one.sum <-> many.sum < 1e-4 FROM one, many}), 't|t', 'that give the same in workers');

for my $threads (1, 2, 3, 8)
{
	$node->safe_psql('postgres', qq{
		SET usercluster.threads = $threads;
		CREATE TABLE labels_$threads AS
		SELECT * FROM usercluster.kmeans('SELECT id, at FROM alone', 5, restarts => 4) WITH ORDINALITY;
		CREATE TABLE texts_$threads AS SELECT usercluster.embed(array_agg(body ORDER BY id)) AS at FROM reviews});
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM labels_1 a JOIN labels_$threads b USING (id, cluster, distance, ordinality)}), '80',
		"$threads threads find the same clusters as one");
	is($node->safe_psql('postgres', qq{SELECT a.at = b.at FROM texts_1 a, texts_$threads b}), 't',
		"$threads threads embed the same vectors as one");
}

# k-means that keeps no rows: each pass over the query runs in workers, and finds what rows in memory give.
$node->append_conf('postgresql.conf', "log_line_prefix = '%b: '");
$node->reload;
$node->safe_psql('postgres', q{
	CREATE FUNCTION seen(id int) RETURNS bool LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
	BEGIN
		IF id = 7 THEN RAISE LOG 'row % is read', id; END IF;
		RETURN true;
	END $$});
my $offset = -s $node->logfile;
my $iterations = $node->safe_psql('postgres', q{
	SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
	SELECT iterations FROM usercluster.kmeans_fit('SELECT id, at FROM alone WHERE seen(id)', 5, route => 'query')});
my @reads = slurp_file($node->logfile, $offset) =~ /^(.*?): LOG:  row 7 is read/mg;
cmp_ok(scalar @reads, '>=', $iterations + 2, 'the rows are read once per iteration, and before and after');
is(scalar(grep { $_ ne 'parallel worker' } @reads), 0, 'in parallel workers');
my $route = 'FROM usercluster.kmeans(\'SELECT id, at FROM alone\', 5, route => $$%s$$, init => $$sample$$)';
is($node->safe_psql('postgres', "$parallel SELECT count(*) " . sprintf($route, 'query') . ' a JOIN (SELECT * '
		. sprintf($route, 'memory') . ') b USING (id, cluster) WHERE abs(a.distance - b.distance) < 1e-6'), '80',
	'and they are clustered as in memory');

# Inside a worker there is one thread, whatever the setting.
is($node->safe_psql('postgres', qq{
	SET usercluster.threads = 4;
	$parallel
	SELECT max(threads) FROM (SELECT usercluster.embed(ARRAY[body, body, body]) AS at,
		(SELECT count(*) FROM pg_ls_dir('/proc/self/task')) AS threads FROM reviews) t WHERE at IS NOT NULL}), '1',
	'workers keep to one thread');

$node->stop;
done_testing();
