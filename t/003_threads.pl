# What a backend keeps after embedding: one thread, and no copy of the weights
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION usercluster');

my $threads = q{SELECT count(*) FROM pg_ls_dir('/proc/self/task')};
is($node->safe_psql('postgres', "LOAD 'usercluster'; $threads"), '1', 'loading the library starts no thread');
is($node->safe_psql('postgres', qq{
	SELECT dims(usercluster.embed('one text'));
	$threads}), "384\n1", 'a backend that is idle after embed has one thread');
is($node->safe_psql('postgres', qq{
	SET usercluster.threads = 4;
	SELECT cardinality(usercluster.embed(array_agg('text ' || i))) FROM generate_series(1, 200) i;
	$threads}), "200\n1", 'so has one that used four for an array');

# The model's pages as one backend maps them: kilobytes that no other process could share.
my $private = q{
	WITH line AS (SELECT number, line FROM regexp_split_to_table(pg_read_file('/proc/self/smaps', 0, 100000000), E'\n')
					WITH ORDINALITY AS t(line, number)),
		mapping AS (SELECT number, line, count(*) FILTER (WHERE line ~ '^[0-9a-f]+-[0-9a-f]+ ') OVER (ORDER BY number) AS mapping FROM line)
	SELECT sum(substring(line FROM '\d+')::int) FILTER (WHERE line LIKE 'Private_Dirty:%') AS private_dirty,
		sum(substring(line FROM '\d+')::int) FILTER (WHERE line LIKE 'Size:%') > 100000 AS mapped
	FROM mapping WHERE mapping IN (SELECT mapping FROM mapping WHERE line LIKE '%multilingual-e5-small-q4.ucm')};
is($node->safe_psql('postgres', qq{
	SELECT dims(usercluster.embed('one text'));
	$private}), "384\n0|t", 'the weights are mapped, and no page of them is the backend\'s own');

# Descriptors and mappings do not pile up, in success or failure.
my $held = q{SELECT (SELECT count(*) FROM pg_ls_dir('/proc/self/fd')) || '/' ||
	(SELECT count(*) FROM regexp_matches(pg_read_file('/proc/self/maps', 0, 10000000), '\.ucm', 'g'))};
sub rounds
{
	my ($count) = @_;
	return qq{
	DO \$\$
	BEGIN
		FOR i IN 1 .. $count LOOP
			BEGIN
				PERFORM usercluster.embed('x', model => 'missing');
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
			PERFORM usercluster.embed('x');
			PERFORM * FROM usercluster.models;
		END LOOP;
	END \$\$;};
}
# The first rounds open what the server itself keeps open: files of its catalogue, the language.
my $result = $node->safe_psql('postgres', rounds(3) . "$held;" . rounds(300) . $held);
my ($before, $after) = split /\n/, $result;
is($after, $before, 'three hundred calls leave no descriptor and no mapping behind');

# A server that loads the library for every backend, and its children
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'usercluster'\n");
$node->restart;
is($node->safe_psql('postgres', qq{
	SELECT dims(usercluster.embed('one text'));
	SELECT cardinality(usercluster.embed(array_agg('text ' || i))) FROM generate_series(1, 50) i;
	$threads}), "384\n50\n1", 'preloaded it works in the children');
my $postmaster = $node->safe_psql('postgres', q{SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)});
my @postmaster_threads = glob("/proc/$postmaster/task/*");
is(scalar @postmaster_threads, 1, 'and the postmaster has one thread');

$node->stop;
done_testing();
