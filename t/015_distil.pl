# distil: who may, what is refused, and a model that appears whole or not at all
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
my $dir = $node->basedir . '/models';
mkdir $dir or die;
chmod 0755, $dir;
$node->append_conf('postgresql.conf', "usercluster.model_dir = '$dir'\nusercluster.threads = 2\nsearch_path = public\n");
$node->start;
command_ok(['usercluster-model', 'import', 'test/golden/tiny/gelu_mean', '--name', 'base', '--model-dir', $dir], 'a base model');
$node->safe_psql('postgres', q{
	CREATE EXTENSION usercluster;
	CREATE ROLE trainer;
	CREATE TABLE reviews AS SELECT i AS id, (ARRAY['red apples and pears', 'a film about the sea', 'late trains, trainers and training again', ' '])[1 + i % 4]
		|| CASE WHEN i % 4 < 3 THEN ' number ' || i % 20 ELSE '' END AS body FROM generate_series(1, 200) i;
	GRANT SELECT ON reviews TO trainer;
});

sub refused
{
	my ($call, $state, $message, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");
	like($err, qr/ERROR:\s+$state: .*$message/, $name);
}

refused(q{CALL usercluster.distil(NULL, 'x', 'SELECT body FROM reviews')}, '22004', 'must not be null', 'no base');
refused(q{CALL usercluster.distil('base', 'x', NULL)}, '22004', 'must not be null', 'no query');
refused(q{CALL usercluster.distil('base', 'x', 'SELECT body FROM reviews', NULL)}, '22004', 'must not be null', 'no seed');
refused(q{CALL usercluster.distil('gone', 'x', 'SELECT body FROM reviews')}, '42704', 'does not exist', 'no such base');
refused(q{CALL usercluster.distil('base', '../x', 'SELECT body FROM reviews')}, '22023', 'invalid model name', 'a path');
refused(q{CALL usercluster.distil('base', 'base', 'SELECT body FROM reviews')}, '42710', 'already exists', 'a name that is taken');
refused(q{CALL usercluster.distil('base', 'x', 'SELECT id, body FROM reviews')}, '22023', 'must return one column', 'two columns');
refused(q{CALL usercluster.distil('base', 'x', 'SELECT id FROM reviews')}, '42804', 'must be a text', 'no text');
refused(q{CALL usercluster.distil('base', 'x', 'SELECT body FROM reviews LIMIT 0')}, '22\w+', 'too few texts', 'no rows');
refused(q{CALL usercluster.distil('base', 'x', 'SELECT repeat('' '', 3) FROM reviews')}, '22\w+', 'too few texts', 'blank texts');
refused(q{CALL usercluster.distil('base', 'x', 'DELETE FROM reviews')}, '\w+', '', 'no SELECT');
refused(q{SET ROLE trainer; CALL usercluster.distil('base', 'x', 'SELECT body FROM reviews')}, '42501', 'permission denied',
	'a role without the grant');
refused(q{SET statement_timeout = 300; CALL usercluster.distil('base', 'x', 'SELECT pg_sleep(0.01)::text FROM reviews')}, '57014', 'timeout',
	'a cancelled call');
refused(q{SET usercluster.max_memory = '128kB'; CALL usercluster.distil('base', 'x', 'SELECT body || id FROM reviews')}, '5\w+',
	'needs more memory than allowed', 'more than the memory allowed');
is(join(' ', sort map { s{.*/}{}r } glob("$dir/*")), 'base.ucm', 'none of these left a file');

$node->safe_psql('postgres', 'GRANT EXECUTE ON PROCEDURE usercluster.distil(text, text, text, bigint) TO trainer');
my $call = q{SET ROLE trainer; CALL usercluster.distil('base', '%s', 'SELECT body FROM reviews ORDER BY id')};
$node->safe_psql('postgres', sprintf($call, 'fast'));
$node->safe_psql('postgres', sprintf($call, 'again'));
is($node->safe_psql('postgres', q{SELECT name, architecture, base, fidelity BETWEEN -1 AND 1, problem IS NULL
	FROM usercluster.models WHERE name <> 'base'}), "again|static|base|t|t\nfast|static|base|t|t", 'the view shows where it comes from');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT fingerprint) FROM usercluster.models'), 2, 'the same texts give the same model');
command_like(['usercluster-model', 'verify', 'fast', '--model-dir', $dir], qr/whole/, 'it is whole');
is($node->safe_psql('postgres', q{SELECT usercluster.embed(' ', 'fast') IS NULL, usercluster.embed('?!', 'fast') IS NULL,
	usercluster.embed('trainees', 'fast') IS NOT NULL, usercluster.token_count('Red APPLES', 'fast'),
	abs(norm(usercluster.embed('red apples', 'fast')) - 1) < 1e-6}), 't|t|t|2|t', 'it embeds');
is($node->safe_psql('postgres', q{SELECT token, start, stop FROM usercluster.tokenize('Red apples', 'fast')}),
	"red|1|4\napples|5|11", 'its tokens are words');
is($node->safe_psql('postgres', q{SELECT bool_and((usercluster.embed(ARRAY['red', body], 'fast'))[2] = usercluster.embed(body, 'fast'))
	FROM reviews WHERE id % 4 < 3 LIMIT 50}), 't', 'alone or with others');
my ($printed) = run_command(['usercluster-model', 'embed', '--model', 'fast', '--model-dir', $dir, 'red apples, trainees']);
is($node->safe_psql('postgres', "SELECT '$printed'::embedding = usercluster.embed('red apples, trainees', 'fast')"), 't',
	'the tool prints the same vector to the last bit');
refused(q{CALL usercluster.distil('fast', 'x', 'SELECT body FROM reviews')}, '22023', 'static one already', 'a static base');
$node->safe_psql('postgres', q{
	CREATE TABLE served (id int PRIMARY KEY, body text, e embedding);
	INSERT INTO served SELECT id, body FROM reviews;
	CREATE TABLE moved (id int PRIMARY KEY, body text, e embedding);
	INSERT INTO moved SELECT id, body FROM reviews;
	SELECT usercluster.enable_embedding('served', 'body', 'e', model => 'fast');
	SELECT usercluster.enable_embedding('moved', 'body', 'e', model => 'base')});
$node->safe_psql('postgres', "CALL usercluster.embed_missing('$_')") for qw(served moved);
$node->safe_psql('postgres', q{CALL usercluster.re_embed('moved', 'fast')});
my $same = q{SELECT bool_and(e IS NOT DISTINCT FROM usercluster.embed(body, 'fast')), count(e) FROM };
is($node->safe_psql('postgres', $same . 'served'), 't|150', 'embed_missing fills a watched column with it');
is($node->safe_psql('postgres', $same . 'moved'), 't|150', 're_embed moves a column from the base model to it');
$node->safe_psql('postgres', q{INSERT INTO served VALUES (1001, 'red pears'); UPDATE served SET body = 'a film' WHERE id = 1});
is($node->safe_psql('postgres', $same . 'served WHERE id IN (1, 1001)'), 't|2', 'and so do the triggers');
$node->safe_psql('postgres', q{CALL usercluster.create_segmentation('kinds', 'SELECT id, e FROM served WHERE e IS NOT NULL', k => 3)});
is($node->safe_psql('postgres', q{SELECT count(DISTINCT (usercluster.assign_text('kinds', t)).segment) FROM unnest(ARRAY['red apples and pears number 3',
	'a film about the sea number 4', 'late trains, trainers and training again number 5']) t}), 3, 'its embeddings part the kinds of texts');

# A repeated word, and one that no one knows.
is($node->safe_psql('postgres', q{SELECT usercluster.embed(repeat('red ', 50000), 'fast') <=> usercluster.embed('red', 'fast') < 1e-6,
	usercluster.embed('zzz', 'fast') IS NULL}), 't|t', 'many times the same word says the same, an unknown one nothing');
done_testing();
