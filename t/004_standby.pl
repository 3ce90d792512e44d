# A standby embeds, clusters and lists models; without the model file it says what is missing
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE TABLE users (id int PRIMARY KEY, text text, at embedding(384));
	CREATE TRIGGER users_embedding BEFORE INSERT OR UPDATE ON users
	FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('text', 'at')});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', q{
	INSERT INTO users SELECT i, (ARRAY['I like films', '我喜欢音乐', 'travelling far'])[i % 3 + 1] || ' ' || i
	FROM generate_series(1, 60) i});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

my %questions = (
	'rows that the trigger embedded' => 'SELECT md5(string_agg(at::text, $$/$$ ORDER BY id)) FROM users',
	'embed' => q{SELECT usercluster.embed('我喜欢音乐 and films')},
	'embed of an array' => q{SELECT md5(usercluster.embed(array_agg(text ORDER BY id))::text) FROM users},
	'tokenize' => q{SELECT string_agg(id::text, ' ' ORDER BY position) FROM usercluster.tokenize('我喜欢音乐')},
	'models' => 'SELECT string_agg(m::text, $$/$$) FROM usercluster.models m',
	'nearest rows' => q{SELECT string_agg(id::text, ' ') FROM
		(SELECT id FROM users ORDER BY at <=> usercluster.embed('a film'), id LIMIT 5) nearest},
	'words' => q{SELECT string_agg(word || stem, ' ' ORDER BY start) FROM usercluster.words('我喜欢音乐 and films', 'en')},
	'segment_keywords' => q{SELECT string_agg(segment || keyword, ' ' ORDER BY segment, rank) FROM
		usercluster.segment_keywords('SELECT id % 3, text FROM users')},
	'kmeans' => q{SELECT md5(string_agg(id || ':' || cluster, ' ')) FROM usercluster.kmeans('SELECT id, at FROM users', 3)},
	'progress' => q{SELECT count(*), (SELECT count(*) FROM usercluster.progress)
		FROM usercluster.kmeans('SELECT id, at FROM users WHERE (SELECT count(*) FROM usercluster.progress) = 1', 3)},
	'kmeans_fit' => q{SELECT sizes, rows, skipped FROM usercluster.kmeans_fit('SELECT id, at FROM users', 3)},
	'kmeans_cluster' => q{SELECT md5(string_agg(id || ':' || c, ' ' ORDER BY id)) FROM
		(SELECT id, usercluster.kmeans_cluster(at, 2) OVER (PARTITION BY id % 3) AS c FROM users) c});
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'the standby is one');
for my $what (sort keys %questions)
{
	my $answer = $primary->safe_psql('postgres', $questions{$what});
	isnt($answer, '', "$what: the primary answers");
	is($standby->safe_psql('postgres', $questions{$what}), $answer, "$what: the standby answers the same");
}

my ($out, $err);
is($standby->psql('postgres', q{INSERT INTO users VALUES (100, 'new')}, stderr => \$err), 3, 'the standby takes no rows');
like($err, qr/read-only transaction/, 'for the usual reason');
for my $procedure ("embed_missing('users')", 're_embed(NULL, NULL)', 'process_queue()')
{
	my $name = $procedure =~ s/\(.*//r;
	$standby->psql('postgres', "CALL usercluster.$procedure", stderr => \$err);
	like($err, qr/cannot execute CALL usercluster\.$name during recovery/, "$name says why not");
}

$standby->append_conf('postgresql.conf', "usercluster.model_dir = '/nonexistent'\n");
$standby->restart;
is($standby->psql('postgres', q{SELECT usercluster.embed('x')}, stderr => \$err), 3, 'a standby without the file refuses');
like($err, qr/model "multilingual-e5-small-q4" does not exist.*DETAIL:.*HINT:.*standby needs the file/s, 'and says what it needs');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM usercluster.models'), '0', 'it lists no model');
is($standby->safe_psql('postgres', $questions{'kmeans'}), $primary->safe_psql('postgres', $questions{'kmeans'}),
	'clustering what was embedded needs no model');

$standby->stop;
$primary->stop;
done_testing();
