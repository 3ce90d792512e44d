# Watched columns through dump and restore, by a superuser and by a database's owner, without the model; and a crash in a backfill
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "usercluster.default_model = 'all-MiniLM-L6-v2'\n");
$node->start;

sub error_of
{
	my ($database, $sql) = @_;
	my ($out, $err);
	my $code = $node->psql($database, $sql, stdout => \$out, stderr => \$err);
	return $code == 0 ? "none: $out" : $err;
}

# A table whose columns have other numbers after a restore, with one column of each mode, and rows in every state
$node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE ROLE visitor; CREATE DATABASE shop OWNER keeper');
$node->safe_psql('shop', 'CREATE EXTENSION usercluster');
$node->safe_psql('shop', q{
	SET ROLE keeper;
	CREATE SCHEMA trade;
	GRANT USAGE ON SCHEMA trade TO visitor;
	CREATE TABLE trade.review (gone int, id int PRIMARY KEY, title text, body text, now_e embedding, queue_e embedding(384));
	ALTER TABLE trade.review DROP gone;
	GRANT INSERT ON trade.review TO visitor;
	CREATE TABLE trade.left_out (id int PRIMARY KEY, body text, e embedding);
	SELECT usercluster.enable_embedding('trade.review', ARRAY['title', 'body'], 'now_e');
	SELECT usercluster.enable_embedding('trade.review', 'body', 'queue_e', mode => 'queue', truncation => 'error');
	SELECT usercluster.enable_embedding('trade.left_out', 'body', 'e', mode => 'queue');
	ALTER TABLE trade.review RENAME body TO 正文;
	CREATE TABLE trade.post (id int, body text, e embedding(384)) PARTITION BY RANGE (id);
	CREATE TABLE trade.post_low PARTITION OF trade.post FOR VALUES FROM (0) TO (100);
	SELECT usercluster.enable_embedding('trade.post', 'body', 'e');
	INSERT INTO trade.post SELECT i, 'post ' || i FROM generate_series(1, 12) i;
	INSERT INTO trade.review VALUES (1, 'first', 'good'), (2, NULL, '很好'), (3, NULL, NULL), (4, NULL, repeat('long ', 300))});
$node->safe_psql('shop', 'CALL usercluster.process_queue()');
$node->safe_psql('shop', q{
	SET ROLE visitor;
	INSERT INTO trade.review VALUES (5, NULL, 'queued'), (6, NULL, 'queued too');
	RESET ROLE;
	INSERT INTO trade.left_out VALUES (1, 'left out of one dump')});

my %questions = (
	rows => q{SELECT md5(string_agg(r::text, '/' ORDER BY id)) FROM trade.review r},
	watched => q{SELECT relation, text_columns, embedding_column, model, fingerprint, mode, truncation, number
		FROM usercluster.watched_columns WHERE relation = 'trade.review'::regclass ORDER BY number},
	posts => q{SELECT md5(string_agg(p::text, '/' ORDER BY id)) FROM trade.post p WHERE e IS NOT NULL},
	triggers => q{SELECT pg_get_triggerdef(oid) COLLATE "C" FROM pg_trigger
		WHERE tgname LIKE 'zz_usercluster%' AND tgrelid <> coalesce(to_regclass('trade.left_out')::oid, 0) ORDER BY 1},
	queued => q{SELECT id, number, key, queued_at FROM usercluster.queued WHERE relation = 'trade.review'::regclass ORDER BY id},
	skipped => q{SELECT embedding_column, reason, key, text_hash FROM usercluster.skipped_rows});
my %answers = map { $_ => $node->safe_psql('shop', $questions{$_}) } keys %questions;
like($answers{watched}, qr/title,正文.*now_e/, 'the watch follows a renamed column');
is(scalar(split /\n/, $answers{queued}), 2, 'two rows are queued');
like($answers{skipped}, qr/too long/, 'one is skipped');
is(scalar(split /\n/, $answers{triggers}), 4 + 3 + 4 + 4, 'triggers of both modes, and of a table and its partition');

my $files = $PostgreSQL::Test::Utils::tmp_check;
my $connection = $node->connstr('shop');
command_ok(['pg_dump', '-f', "$files/superuser.sql", $connection], 'a superuser dumps');
command_ok(['pg_dump', '-T', 'trade.left_out', '-f', "$files/selective.sql", $connection], 'and leaves a table out');
command_ok(['pg_dump', '--no-comments', '-f', "$files/owner.sql", "$connection user=keeper"], 'the owner of the database dumps');

for my $way (qw(superuser selective owner))
{
	my $database = "from_$way";
	my $user = $way eq 'owner' ? ' user=keeper' : '';

	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER keeper");
	$node->safe_psql('postgres', "ALTER DATABASE $database SET usercluster.model_dir = '/nonexistent'");
	# Only a superuser creates the extension; the dump finds it there.
	$node->safe_psql($database, 'CREATE EXTENSION usercluster') if $way eq 'owner';
	command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database) . $user, '-f', "$files/$way.sql"],
		"$way: restored, without the model");
	is($node->safe_psql($database, $questions{$_}), $answers{$_}, "$way: $_ as before") for sort keys %questions;
	like(error_of($database, q{INSERT INTO trade.review VALUES (7, NULL, 'new')}), qr/model "all-MiniLM-L6-v2" does not exist/,
		"$way: new text needs the model");
	is($node->safe_psql($database, q{
		CALL usercluster.process_queue();
		SELECT count(*), max(attempts) FROM usercluster.queued WHERE relation = 'trade.review'::regclass}), '2|0',
		"$way: rows wait for it");

	$node->safe_psql('postgres', "ALTER DATABASE $database RESET usercluster.model_dir");
	$node->safe_psql($database, q{
		SET ROLE visitor;
		INSERT INTO trade.review VALUES (7, NULL, 'new');
		RESET ROLE;
		UPDATE usercluster.queued SET due = now()});
	$node->safe_psql($database, 'CALL usercluster.process_queue()');
	is($node->safe_psql($database, q{
		SELECT string_agg(id::text, ' ' ORDER BY id) FROM trade.review
		WHERE queue_e <-> usercluster.embed(正文) < 1e-6 AND now_e <-> usercluster.embed(concat_ws(E'\n', title, 正文)) < 1e-6}),
		'1 2 5 6 7', "$way: with it everything goes on");
	is($node->safe_psql($database, 'SELECT count(*) FROM usercluster.queued'), '0',
		"$way: and the queue is empty");
}

# The server dies in the middle of a backfill
$node->safe_psql('shop', q{
	CREATE TABLE big (id int PRIMARY KEY, body text, e embedding);
	INSERT INTO big SELECT i, 'review number ' || i FROM generate_series(1, 300) i;
	SELECT usercluster.enable_embedding('big', 'body', 'e')});
my ($in, $out) = ('', '');
my $run = IPC::Run::start(['psql', '-X', '-q', '-d', $connection], '<', \$in, '>', \$out, '2>', \$out);
$in .= "CALL usercluster.embed_missing('big', batch_rows => 10);\n";
$run->pump_nb;
$node->poll_query_until('shop', 'SELECT count(e) BETWEEN 20 AND 290 FROM big') or die 'no batch was committed';
my $backend = $node->safe_psql('shop', q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL usercluster.embed_missing%' AND state = 'active'});
like($backend, qr/^\d+$/, 'the backfill is at work');
kill 'KILL', $backend;
eval { $run->finish };
$node->stop('immediate', fail_ok => 1);
$node->start;
my ($embedded, $wrong) = split /\|/, $node->safe_psql('shop', q{
	SELECT count(e), count(*) FILTER (WHERE e <-> expected > 1e-6)
	FROM (SELECT unnest(array_agg(e ORDER BY id)) AS e, unnest(usercluster.embed(array_agg(body ORDER BY id))) AS expected FROM big) b});
cmp_ok($embedded, '>=', 20, 'what was committed is there');
cmp_ok($embedded, '<', 300, 'and the rest is not');
is($wrong, '0', 'nothing is half done');
$node->safe_psql('shop', q{CALL usercluster.embed_missing('big')});
is($node->safe_psql('shop', 'SELECT count(*) FROM big WHERE e IS NULL'), '0', 'the same call goes on');
is($node->safe_psql('shop', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');

$node->stop;
done_testing();
