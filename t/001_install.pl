# Installing in a schema of one's own, dropping, and dump and restore with and without the model
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->start;

sub error_of
{
	my ($database, $sql) = @_;
	my ($out, $err);
	my $code = $node->psql($database, $sql, stdout => \$out, stderr => \$err);
	return $code == 0 ? "none: $out" : $err;
}

# What must be refused
$node->safe_psql('postgres', 'CREATE DATABASE refusals');
$node->safe_psql('refusals', 'CREATE ROLE analyst; CREATE SCHEMA usercluster AUTHORIZATION analyst');
like(error_of('refusals', 'CREATE EXTENSION usercluster'), qr/schema "usercluster" already exists/,
	'a schema that somebody else made is not taken over');
$node->safe_psql('refusals', 'DROP SCHEMA usercluster');
like(error_of('refusals', 'SET ROLE analyst; CREATE EXTENSION usercluster'), qr/permission denied to create extension/,
	'only a superuser installs');
$node->safe_psql('refusals', 'CREATE EXTENSION usercluster');
like(error_of('refusals', 'ALTER EXTENSION usercluster SET SCHEMA pg_temp'), qr/does not support SET SCHEMA/,
	'the extension stays in its schema');
$node->safe_psql('refusals', 'CREATE TABLE users (at embedding(3))');
like(error_of('refusals', 'DROP EXTENSION usercluster'), qr/other objects depend on it/,
	'a column of the type keeps the extension');

# A schema of one's own
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE SCHEMA vectors; CREATE EXTENSION usercluster SCHEMA vectors');
is($node->safe_psql('elsewhere', q{
	SELECT vectors.dims(usercluster.embed('a cat')), pg_typeof(usercluster.embed('a cat')),
		pg_typeof(usercluster.embed(ARRAY['a cat']))}),
	'384|vectors.embedding|vectors.embedding[]', 'embed finds the type outside the search path');
is($node->safe_psql('elsewhere', q{
	SELECT string_agg(id || ':' || cluster, ' ' ORDER BY id) FROM usercluster.kmeans(
		'SELECT i, ARRAY[i % 2, 1 - i % 2]::real[]::vectors.embedding FROM generate_series(1, 5) i', 2)}),
	'1:1 2:2 3:1 4:2 5:1', 'kmeans finds it there too');
is($node->safe_psql('elsewhere', q{
	CREATE TEMP TABLE points AS SELECT i AS id, ARRAY[i % 2, 1 - i % 2]::real[]::vectors.embedding AS at FROM generate_series(1, 6) i;
	SELECT vectors.sum(at), vectors.avg(at), vectors.weighted_avg(at, 1 + id % 2), pg_typeof(vectors.avg(at)) FROM points;
	SELECT count(DISTINCT c), count(DISTINCT (c, id % 2)) FROM (SELECT id, usercluster.kmeans_cluster(at, 2) OVER () AS c FROM points) p;
	SELECT s.sizes, s.centroids::text FROM (SELECT usercluster.kmeans_partial(at, ARRAY['[1,0]', '[0,1]']::vectors.embedding[], 'cosine')
		AS state FROM points) p, usercluster.kmeans_step(state, ARRAY['[1,0]', '[0,1]']::vectors.embedding[], 'cosine') s;
	SELECT usercluster.nearest(at, ARRAY['[1,0]', '[0,1]']::vectors.embedding[]), count(*) FROM points GROUP BY at ORDER BY 1;
	SELECT usercluster.adjusted_rand_index(id % 2, id % 2), count(DISTINCT at) FROM points;
	SET search_path = vectors;
	SELECT avg(at), count(*) FROM pg_temp.points WHERE at <-> '[1,0]' < 0.5}),
	"[3,3]|[0.5,0.5]|[0.6666667,0.33333334]|vectors.embedding\n2|2\n{3,3}|{\"[1,0]\",\"[0,1]\"}\n(1,0)|3\n(2,0)|3\n1|2\n[1,0]|3",
	'aggregates and window functions do, whatever the search path');
is($node->safe_psql('elsewhere', q{
	CREATE TABLE users (text text, at vectors.embedding(384));
	CREATE TRIGGER users_embedding BEFORE INSERT OR UPDATE ON users
	FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('text', 'at');
	INSERT INTO users VALUES ('a cat');
	SELECT at OPERATOR(vectors.=) usercluster.embed('a cat') FROM users}), 't', 'and so does the trigger');
$node->safe_psql('elsewhere', 'DROP TABLE users; DROP EXTENSION usercluster');
is($node->safe_psql('elsewhere', q{
	SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'usercluster')
		+ (SELECT count(*) FROM pg_proc WHERE pronamespace = 'vectors'::regnamespace)
		+ (SELECT count(*) FROM pg_type WHERE typnamespace = 'vectors'::regnamespace)
		+ (SELECT count(*) FROM pg_operator WHERE oprnamespace = 'vectors'::regnamespace)}), '0', 'dropping leaves nothing');
$node->safe_psql('elsewhere', 'CREATE EXTENSION usercluster SCHEMA vectors; DROP EXTENSION usercluster CASCADE');

# Dump and restore
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE reviews (id int PRIMARY KEY, body text, at embedding(384));
	CREATE TRIGGER reviews_embedding BEFORE INSERT OR UPDATE ON reviews
	FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at', 'multilingual-e5-small-q4');
	INSERT INTO reviews VALUES (1, 'good'), (2, '很好'), (3, NULL), (4, '  ');
	INSERT INTO usercluster.stop_words VALUES ('zh', '亲', true), ('en', 'not', false);
	CREATE INDEX ON reviews (at);
	CREATE VIEW nearest AS SELECT a.id, b.id AS other, a.at <=> b.at AS distance FROM reviews a, reviews b;
	CREATE MATERIALIZED VIEW middle AS SELECT avg(at) AS at FROM reviews});
my $dump = "$PostgreSQL::Test::Utils::tmp_check/original.sql";
my $rows = "$PostgreSQL::Test::Utils::tmp_check/rows.sql";
my $content = q{SELECT md5(string_agg(r::text, '/' ORDER BY id)), count(at),
	(SELECT string_agg(s::text, ' ' ORDER BY language) FROM usercluster.stop_words s) FROM reviews r};
command_ok(['pg_dump', '-f', $dump, $node->connstr('original')], 'the database is dumped');
command_ok(['pg_dump', '--data-only', '--table=reviews', '--inserts', '-f', $rows, $node->connstr('original')],
	'and its rows alone');
unlike(slurp_file($dump), qr/CREATE TYPE/, 'what belongs to the extension is not in the dump');

for my $place ('with the model', 'without the model')
{
	my $database = $place =~ s/ /_/gr;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET usercluster.model_dir = '/nonexistent'")
		if $place eq 'without the model';
	command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $dump],
		"it is restored $place");
	is($node->safe_psql($database, $content), $node->safe_psql('original', $content), "every row is the same $place");
	is($node->safe_psql($database, 'SELECT count(*) FROM nearest WHERE distance < 1e-6'), '2', "views work $place");

	# Rows come into a table that has its trigger already: those with an embedding keep it, and the model is not asked.
	$node->safe_psql($database, 'DELETE FROM reviews');
	command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $rows],
		"rows are restored under the trigger $place");
	is($node->safe_psql($database, $content), $node->safe_psql('original', $content),
		"and are the same under the trigger $place");
}
like(error_of('without_the_model', q{INSERT INTO reviews VALUES (5, 'new')}),
	qr/model "multilingual-e5-small-q4" does not exist/, 'new text needs the model');
like(error_of('without_the_model', q{SELECT usercluster.embed('new')}), qr/HINT:.*standby/s,
	'and a hint says how it comes here');
$node->safe_psql('with_the_model', q{INSERT INTO reviews VALUES (5, 'good')});
is($node->safe_psql('with_the_model', 'SELECT a.at = b.at FROM reviews a, reviews b WHERE a.id = 1 AND b.id = 5'), 't',
	'the restored trigger embeds as the original did');

$node->stop;
done_testing();
