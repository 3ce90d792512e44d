# fine_tune: who may, what is refused, and a model that appears whole and better, or not at all
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
	CREATE TABLE texts AS SELECT i AS id, 1 + i % 4 AS topic,
		(ARRAY['red apples and pears', 'a film about the sea', 'late trains again', 'books and more books'])[1 + i % 4]
			|| ' number ' || i % 17 AS body FROM generate_series(1, 80) i;
	CREATE VIEW pairs AS SELECT a.body AS one, b.body AS other FROM texts a JOIN texts b ON b.id = a.id + 40 ORDER BY a.id;
	GRANT SELECT ON texts, pairs TO trainer;
	CREATE TABLE calls (call text);
});

my $labels = 'SELECT body, topic FROM texts ORDER BY id';

sub refused
{
	my ($call, $state, $message, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");
	like($err, qr/ERROR:\s+$state: .*$message/, $name);
	return $err;
}

sub files
{
	return join ' ', sort map { s{.*/}{}r } glob("$dir/*");
}

for my $argument (qw(base name query objective epochs batch rate max_tokens seed))
{
	my %given = (base => q{'base'}, name => q{'x'}, query => q{'TABLE pairs'}, $argument => 'NULL');
	my $list = join ', ', map { "$_ => $given{$_}" } sort keys %given;
	refused("CALL usercluster.fine_tune($list)", '22004', qq{argument "$argument" must not be null}, "no $argument");
}
for my $case (
	[q{'gone', 'x', 'TABLE pairs'}, '42704', 'does not exist', 'no such base'],
	[q{'base', '../x', 'TABLE pairs'}, '22023', 'invalid model name', 'a path'],
	[q{'base', 'base', 'TABLE pairs'}, '42710', 'already exists', 'a name that is taken'],
	[q{'base', 'x', 'TABLE pairs', 'triples'}, '22023', 'unknown objective "triples"', 'no such objective'],
	[q{'base', 'x', 'SELECT one FROM pairs'}, '22023', 'must return two columns', 'one column'],
	[q{'base', 'x', 'SELECT 1, 2, 3 FROM pairs'}, '22023', 'must return two columns', 'three'],
	[q{'base', 'x', 'SELECT body, id FROM texts'}, '42804', 'column "id" of the query must be a text', 'a number as a text'],
	[q{'base', 'x', 'SELECT id, body FROM texts', 'labels'}, '42804', 'column "id" of the query must be a text', 'a label first'],
	[q{'base', 'x', 'TABLE pairs LIMIT 0'}, '22000', 'too little to train on', 'no rows'],
	[q{'base', 'x', 'TABLE pairs LIMIT 9'}, '22000', 'too little to train on', 'nine rows'],
	[q{'base', 'x', 'SELECT NULL::text, NULL::text FROM pairs'}, '22000', 'too little to train on', 'NULL everywhere'],
	[q{'base', 'x', 'SELECT one, repeat('' '', 3) FROM pairs'}, '22000', 'too little to train on', 'blank texts'],
	[q{'base', 'x', 'SELECT body, 1 FROM texts', 'labels'}, '22000', 'the same label', 'one label'],
	[q{'base', 'x', 'SELECT body, NULL::int FROM texts', 'labels'}, '22000', 'too little to train on', 'no label'],
	[q{'base', 'x', 'DELETE FROM texts'}, '22023', '', 'no SELECT'],
	[q{'base', 'x', 'SELECT gone FROM texts'}, '42703', '', 'an error of the query'],
	[q{'base', 'x', 'TABLE pairs', epochs => 0}, '22023', 'epochs', 'no epochs'],
	[q{'base', 'x', 'TABLE pairs', epochs => 1001}, '22023', 'epochs', 'too many'],
	[q{'base', 'x', 'TABLE pairs', batch => 1}, '22023', 'batch', 'a batch of one'],
	[q{'base', 'x', 'TABLE pairs', batch => -5}, '22023', 'batch', 'a batch below nothing'],
	[q{'base', 'x', 'TABLE pairs', rate => 'NaN'}, '22023', 'rate', 'a rate of NaN'],
	[q{'base', 'x', 'TABLE pairs', rate => 0}, '22023', 'rate', 'a rate of 0'],
	[q{'base', 'x', 'TABLE pairs', layers => 0}, '22023', 'layers', 'no layers'],
	[q{'base', 'x', 'TABLE pairs', max_tokens => 3}, '22023', 'tokens', 'too few tokens'])
{
	my ($arguments, $state, $message, $name) = @$case;
	refused("CALL usercluster.fine_tune($arguments)", $state, $message, $name);
}
refused(q{SET ROLE trainer; CALL usercluster.fine_tune('base', 'x', 'TABLE pairs')}, '42501', 'permission denied', 'a role without the grant');
refused(q{SET usercluster.max_memory = '32MB'; CALL usercluster.fine_tune('base', 'x', 'SELECT repeat(one, 100000), other FROM pairs', batch => 4)}, '53400',
	'keeping these texts needs more memory', 'texts beyond the budget');
like(refused(q{SET usercluster.max_memory = '1MB'; CALL usercluster.fine_tune('base', 'x', 'TABLE pairs')}, '53400', 'needs more memory than allowed',
	'training beyond the budget'), qr/DETAIL:  It needs \d+ MB, and \d MB are allowed.\nHINT:  Run SET usercluster.max_memory/, 'both numbers and the way on');
is(files(), 'base.ucm', 'none of these left a file');

# cancelled while the query is read, and while it trains
refused(q{SET statement_timeout = 300; CALL usercluster.fine_tune('base', 'x', 'SELECT one, pg_sleep(0.1)::text || other FROM pairs')}, '57014', 'timeout',
	'cancelled while it reads');
my $endless = qq{CALL usercluster.fine_tune('base', 'x', 'SELECT one, other FROM pairs, generate_series(1, 100)', epochs => 1000, batch => 8)};
refused("SET statement_timeout = '1s'; $endless", '57014', 'timeout', 'cancelled while it trains');
my $training = $node->background_psql('postgres', on_error_stop => 0);
$training->query_until(qr/begun/, "\\echo begun\n$endless;\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM usercluster.progress WHERE command = 'fine_tune' AND phase = 'fine-tuning'
	AND done BETWEEN 1 AND total AND loss > 0 AND rate > 0 AND remaining > '0' AND per_second > 0}) or die;
pass('its progress shows loss, rate and the time that remains');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM usercluster.progress');
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM usercluster.progress') or die;
eval { $training->quit };
is(files(), 'base.ucm', 'terminated, it leaves nothing');

# a model
$node->safe_psql('postgres', 'GRANT EXECUTE ON PROCEDURE usercluster.fine_tune TO trainer');
my ($code, $out, $err) = $node->psql('postgres', qq{SET ROLE trainer;
	CALL usercluster.fine_tune('base', 'tuned', 'SELECT body, nullif(topic, 5) FROM texts UNION ALL (VALUES (NULL, 1), (''  '', 1), (''x'', NULL))',
		'labels', epochs => 4, batch => 8, rate => 5e-3, seed => 7)});
is($code, 0, 'a role with the grant may') or diag $err;
like($err, qr/NOTICE:  model "tuned" is better than "base" on what was held back: loss \d\.\d+, before \d\.\d+/, 'it says that it is better');
like($err, qr/after step (\d+) of \d+, learnt from 80 texts\. 3 rows were skipped/, 'with how many texts, and how many were left out');
is($node->safe_psql('postgres', q{SELECT architecture, base, objective, texts, steps > 0, seed, loss_after < loss_before, problem IS NULL,
	base_fingerprint = (SELECT fingerprint FROM usercluster.models WHERE name = 'base'), options FROM usercluster.models WHERE name = 'tuned'}),
	'bert|base|labels|80|t|7|t|t|t|epochs 4, batch 8, rate 0.005, decay 0.01, scale 20, last layers 2, tokens 128', 'the view shows where it comes from');
command_like(['usercluster-model', 'verify', 'tuned', '--model-dir', $dir], qr/whole/, 'it is whole');
$node->safe_psql('postgres', q{CALL usercluster.fine_tune('base', 'again', 'SELECT body, nullif(topic, 5) FROM texts', 'labels', epochs => 4, batch => 8,
	rate => 5e-3, seed => 7); CALL usercluster.fine_tune('tuned', 'more', 'SELECT body || id, body || id FROM texts', batch => 8, layers => 1,
	prompt => 'about: ', rate => 1e-3)});
is($node->safe_psql('postgres', q{SELECT count(DISTINCT fingerprint) FROM usercluster.models WHERE name IN ('tuned', 'again')}), 1,
	'the same texts give the same model');
is($node->safe_psql('postgres', q{SELECT base, objective, prompt FROM usercluster.models WHERE name = 'more'}), 'tuned|pairs|about: ',
	'one tuned again names the latest, and keeps its prompt');
is($node->safe_psql('postgres', q{SELECT (usercluster.embed('red apples', 'tuned') <=> usercluster.embed('red pears', 'tuned')) <>
	(usercluster.embed('red apples', 'base') <=> usercluster.embed('red pears', 'base'))}), 't', 'it embeds, otherwise than the base');
like(refused(qq{CALL usercluster.fine_tune('tuned', 'x', '$labels', 'labels', batch => 8, rate => 1)}, 'P0002',
	'no step made model "tuned" better', 'where nothing is better it is an error'), qr/loss there was \d+\.\d+ before the first of \d+ steps/,
	'with the loss');
is(files(), 'again.ucm base.ucm more.ucm tuned.ucm', 'and nothing else is there');
done_testing();
