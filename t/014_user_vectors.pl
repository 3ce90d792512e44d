# Vectors of users through dump and restore, on a standby, and with embeddings that keep themselves current
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "search_path = public\nusercluster.default_model = 'all-MiniLM-L6-v2'\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE people (id int PRIMARY KEY, at embedding);
	CREATE TABLE posts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int, body text, e embedding);
	CREATE INDEX ON posts (person);
	INSERT INTO people SELECT generate_series(1, 3);
	SELECT usercluster.enable_embedding('posts', 'body', 'e');
	SELECT usercluster.enable_user_vectors('posts', 'person', 'e', 'people', 'id', 'at')});

my $wrong = q{SELECT count(*) FROM people LEFT JOIN (SELECT person, avg(e) AS mean FROM posts GROUP BY 1) AS m ON m.person = id
	WHERE (at IS NULL) <> (mean IS NULL) OR at <-> mean > 1e-6};
$node->safe_psql('postgres', q{INSERT INTO posts (person, body) VALUES (1, 'one'), (1, 'two'), (2, 'three')});
is($node->safe_psql('postgres', $wrong), '0', 'a few texts, each embedded by a row trigger');
$node->safe_psql('postgres', q{INSERT INTO posts (person, body) SELECT 1 + i % 2, 'text ' || i FROM generate_series(1, 20) AS i});
is($node->safe_psql('postgres', $wrong), '0', 'many texts, embedded at the end of the statement');
$node->safe_psql('postgres', q{UPDATE posts SET body = body || ' again' WHERE id % 2 = 0; DELETE FROM posts WHERE id % 5 = 0});
is($node->safe_psql('postgres', $wrong), '0', 'texts that change and go');

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $dump ], 'and its restore');
is($node->safe_psql('copy', 'SELECT count(at) FROM people'), '2', 'vectors are there');
is($node->safe_psql('copy', $wrong), '0', 'as they were');
$node->safe_psql('copy', q{INSERT INTO posts (person, body) VALUES (3, 'new')});
is($node->safe_psql('copy', $wrong), '0', 'and go on');
$node->safe_psql('copy', 'DROP TABLE posts');
is($node->safe_psql('copy', 'SELECT count(*) FROM usercluster.user_vectors'), '0', 'a table that goes takes its settings along');

$node->stop;
done_testing();
