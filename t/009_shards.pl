# k-means over a table whose partitions lie on two servers: states travel, rows do not
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = q{SELECT i, ARRAY[10 * (i % 4) + sin(i), cos(i * i), i % 5]::real[]::embedding FROM generate_series(%d, %d) AS i};
my @shards;
for my $shard (1, 2)
{
	my $node = PostgreSQL::Test::Cluster->new("shard$shard");
	$node->init;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION usercluster; CREATE TABLE public.reviews (shard int, id bigint, at embedding);'
		. "INSERT INTO public.reviews SELECT $shard, r.* FROM (" . sprintf($rows, 1000 * $shard - 999, 1000 * $shard) . ') AS r');
	push @shards, $node;
}

my $hub = PostgreSQL::Test::Cluster->new('hub');
$hub->init;
$hub->start;
$hub->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE EXTENSION postgres_fdw;
	CREATE TABLE public.reviews (shard int, id bigint, at embedding) PARTITION BY LIST (shard);
	CREATE TABLE whole (id bigint, at embedding);
	INSERT INTO whole } . sprintf($rows, 1, 2000));
for my $shard (1, 2)
{
	my $node = $shards[$shard - 1];
	$hub->safe_psql('postgres', sprintf(q{
		CREATE SERVER s%d FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '%s', port '%d', dbname 'postgres', extensions 'usercluster');
		CREATE USER MAPPING FOR PUBLIC SERVER s%1$d;
		CREATE FOREIGN TABLE r%1$d PARTITION OF reviews FOR VALUES IN (%1$d) SERVER s%1$d OPTIONS (schema_name 'public', table_name 'reviews')},
		$shard, $node->host, $node->port));
}

my $set = 'SET enable_partitionwise_aggregate = on;';
my $merged = q{SELECT usercluster.kmeans_merge(state) FROM (
	SELECT shard, usercluster.kmeans_partial(at, %s, 'euclidean') AS state FROM reviews GROUP BY shard) AS s};
my $starts = q{ARRAY['[0,0,0]', '[10,0,1]', '[20,1,2]', '[31,0,3]']::embedding[]};

my $plan = $hub->safe_psql('postgres', "$set EXPLAIN (VERBOSE, COSTS OFF) " . sprintf($merged, $starts));
my @remote = $plan =~ /Remote SQL: (.*)/g;
is(scalar(@remote), 2, 'each server is asked once');
like($_, qr/^SELECT shard, usercluster\.kmeans_partial\(at, .*\) FROM public\.reviews GROUP BY 1$/, 'for its state, not for its rows')
	for @remote;

# Each step sends the centroids out and brings states back.
my $steps = $hub->safe_psql('postgres', $set . q{
	CREATE FUNCTION pg_temp.fit(source text, INOUT centroids embedding[], OUT sizes bigint[], OUT inertia float8)
	LANGUAGE plpgsql AS $$
	DECLARE
		shift float8;
	BEGIN
		LOOP
			EXECUTE format('SELECT s.* FROM usercluster.kmeans_step((' || source || '), %1$L::real[], ''euclidean'') AS s',
				centroids::real[]) INTO centroids, sizes, inertia, shift;
			EXIT WHEN shift = 0;
		END LOOP;
	END $$;
	SELECT s.sizes = w.sizes, abs(s.inertia / w.inertia - 1) < 1e-9, abs(s.inertia / k.inertia - 1) < 1e-6, s.inertia > 0
	FROM pg_temp.fit($$} . sprintf($merged, '%1$L::real[]') . qq{\$\$, $starts) AS s,
		pg_temp.fit(\$\$SELECT usercluster.kmeans_partial(at, %1\$L::real[], 'euclidean') FROM whole\$\$, $starts) AS w,
		usercluster.kmeans_fit('TABLE whole', 4, metric => 'euclidean', centroids => $starts) AS k});
is($steps, 't|t|t|t', 'the clusters are those of one table on one server, and those of kmeans');

# A shard that has gone is the server's own error, and nothing hangs.
$shards[1]->stop;
my ($code, $out, $err) = $hub->psql('postgres', $set . sprintf($merged, $starts));
isnt($code, 0, 'a lost shard is an error');
like($err, qr/could not connect to server "s2"/, 'that names the server');

$_->stop for $hub, $shards[0];
done_testing();
