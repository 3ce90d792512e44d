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

for my $argument (qw(base name query objective epochs batch rate masked max_tokens seed))
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
	[q{'base', 'x', 'TABLE pairs', 'unsupervised'}, '22023', 'must return one column', 'pairs as texts'],
	[q{'base', 'x', 'SELECT one FROM pairs', 'unsupervised', dropout => 0}, '22023', 'without dropout', 'no dropout'],
	[q{'base', 'x', 'SELECT one FROM pairs', 'masked', masked => 0}, '22023', 'share masked', 'nothing masked'],
	[q{'base', 'x', 'SELECT one FROM pairs', 'masked', masked => 'NaN'}, '22023', 'share masked', 'a share of NaN'],
	[q{'base', 'x', 'TABLE pairs', dropout => 'NaN'}, '22023', 'dropout must be between', 'a dropout of NaN'],
	[q{'base', 'x', 'TABLE pairs', adapter_rank => 0}, '22023', 'adapter_rank', 'a rank of 0'],
	[q{'base', 'x', 'TABLE pairs', adapter_rank => 1000000}, '22023', 'adapter rank must be between', 'a rank that is too large'],
	[q{'base', 'x', 'TABLE pairs', layers => 0}, '22023', 'layers', 'no layers'],
	[q{'base', 'x', 'TABLE pairs', max_tokens => 3}, '22023', 'tokens', 'too few tokens'])
{
	my ($arguments, $state, $message, $name) = @$case;
	refused("CALL usercluster.fine_tune($arguments)", $state, $message, $name);
}
refused(q{SET ROLE trainer; CALL usercluster.fine_tune('base', 'x', 'TABLE pairs')}, '42501', 'permission denied', 'a role without the grant');
refused(q{GRANT EXECUTE ON PROCEDURE usercluster.fine_tune TO trainer; SET ROLE trainer; CALL usercluster.fine_tune('base', 'x', 'SELECT call, call FROM calls')},
	'42501', 'permission denied for table calls', 'a table that the caller may not read');
refused(q{SET usercluster.max_memory = '32MB'; CALL usercluster.fine_tune('base', 'x', 'SELECT repeat(one, 100000), other FROM pairs', batch => 4)}, '53400',
	'keeping these texts needs more memory', 'texts beyond the budget');
like(refused(q{SET usercluster.max_memory = '1MB'; CALL usercluster.fine_tune('base', 'x', 'TABLE pairs')}, '53400', 'needs more memory than allowed',
	'training beyond the budget'), qr/DETAIL:  It needs \d+ MB, and \d MB are allowed.\nHINT:  Run SET usercluster.max_memory/, 'both numbers and the way on');
is(files(), 'base.ucm', 'none of these left a file');

# cancelled while the query is read, and while it trains
refused(q{SET statement_timeout = 300; CALL usercluster.fine_tune('base', 'x', 'SELECT one, pg_sleep(0.1)::text || other FROM pairs')}, '57014', 'timeout',
	'cancelled while it reads');
my $endless = qq{CALL usercluster.fine_tune('base', 'x', 'SELECT one, other FROM pairs, generate_series(1, 100)', epochs => 1000, batch => 8)};
like(refused("SET statement_timeout = '2500ms'; SET usercluster.progress_interval = 1; $endless", '57014', 'timeout', 'cancelled while it trains'),
	qr/NOTICE:  00000: fine_tune: fine-tuning, \d+ of \d+, loss \d+\.\d+, rate [0-9.e-]+\nDETAIL:  It began \d seconds ago\. This phase ends in \d+ more/,
	'and says how far it is');
my ($said, $complained) = ('', '');
my $training = IPC::Run::start(['psql', '-X', '-d', $node->connstr('postgres'), '-c', $endless], '>', \$said, '2>', \$complained,
	IPC::Run::timeout(120));
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM usercluster.progress WHERE command = 'fine_tune' AND phase = 'fine-tuning'
	AND done BETWEEN 1 AND total AND loss > 0 AND rate > 0 AND remaining > '0' AND per_second > 0}) or die;
pass('its progress shows loss, rate and the time that remains');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM usercluster.progress');
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM usercluster.progress') or die;
eval { IPC::Run::finish($training) };
is(files(), 'base.ucm', 'terminated, it leaves nothing');

# a model
my ($code, $out, $err) = $node->psql('postgres', qq{SET ROLE trainer;
	CALL usercluster.fine_tune('base', 'tuned', 'SELECT body, nullif(topic, 5) FROM texts UNION ALL (VALUES (NULL, 1), (''  '', 1), (''x'', NULL))',
		'labels', epochs => 4, batch => 8, rate => 5e-3, seed => 7)});
is($code, 0, 'a role with the grant may') or diag $err;
like($err, qr/NOTICE:  model "tuned" is better than "base" on what was held back: loss \d\.\d+, before \d\.\d+/, 'it says that it is better');
like($err, qr/after step (\d+) of \d+, learnt from 80 texts\. 3 rows were skipped/, 'with how many texts, and how many were left out');
is($node->safe_psql('postgres', q{SELECT architecture, base, objective, texts, steps > 0, seed, loss_after < loss_before, problem IS NULL,
	base_fingerprint = (SELECT fingerprint FROM usercluster.models WHERE name = 'base'), "check", groups_before IS NULL, options FROM usercluster.models WHERE name = 'tuned'}),
	'bert|base|labels|80|t|7|t|t|t|loss|t|epochs 4, batch 8, rate 0.005, decay 0.01, scale 20, dropout 0, last layers 2, tokens 48', 'the view shows where it comes from');
command_like(['usercluster-model', 'verify', 'tuned', '--model-dir', $dir], qr/whole/, 'it is whole');
$node->safe_psql('postgres', q{CALL usercluster.fine_tune('base', 'again', 'SELECT body, nullif(topic, 5) FROM texts', 'labels', epochs => 4, batch => 8,
	rate => 5e-3, seed => 7); CALL usercluster.fine_tune('tuned', 'more', 'SELECT body || id, body || id FROM texts', batch => 8, layers => 1,
	prompt => 'about: ', rate => 1e-3)});
is($node->safe_psql('postgres', q{SELECT count(DISTINCT fingerprint) FROM usercluster.models WHERE name IN ('tuned', 'again')}), 1,
	'the same texts give the same model');
($code, $out, $err) = $node->psql('postgres', q{CALL usercluster.fine_tune('base', 'paired', 'TABLE pairs', epochs => 4, batch => 8, rate => 5e-3)});
like($err, qr/NOTICE:  model "paired" is better.*What decided are the groups of texts without labels: two halves of them agreed on these by [01]\.\d+, before by/s,
	'without labels it says which check decided');
unlink "$dir/paired.ucm";
is($node->safe_psql('postgres', q{SELECT base, objective, prompt, "check", groups_after >= groups_before FROM usercluster.models WHERE name = 'more'}),
	'tuned|pairs|about: |groups|t',
	'one tuned again names the latest, and keeps its prompt');
is($node->safe_psql('postgres', q{SELECT (usercluster.embed('red apples', 'tuned') <=> usercluster.embed('red pears', 'tuned')) <>
	(usercluster.embed('red apples', 'base') <=> usercluster.embed('red pears', 'base'))}), 't', 'it embeds, otherwise than the base');
$node->safe_psql('postgres', q{CALL usercluster.fine_tune('base', 'alone', 'SELECT body || id FROM texts ORDER BY id', 'unsupervised', batch => 8, rate => 1e-2,
	adapter_rank => 2); CALL usercluster.fine_tune('base', 'guesses', 'SELECT body || id FROM texts ORDER BY id', 'masked', epochs => 6, batch => 8, rate => 5e-3)});
is($node->safe_psql('postgres', q{SELECT objective, options FROM usercluster.models WHERE name IN ('alone', 'guesses') ORDER BY name}),
	"unsupervised|epochs 2, batch 8, rate 0.01, decay 0.01, scale 20, dropout 0.1, last layers 2, adapter rank 2, tokens 48\n"
	. 'masked|epochs 6, batch 8, rate 0.005, decay 0.01, masked 0.15, dropout 0, last layers 2, tokens 48', 'from texts alone');
like(refused(qq{CALL usercluster.fine_tune('tuned', 'x', '$labels', 'labels', batch => 8, rate => 1)}, 'P0002',
	'no step made model "tuned" better', 'where nothing is better it is an error'), qr/loss there was \d+\.\d+ before, and after none of \d+ steps/,
	'with the loss');
is(files(), 'again.ucm alone.ucm base.ucm guesses.ucm more.ucm tuned.ucm', 'and nothing else is there');

# a base that another file takes the place of while the query runs
command_ok(['usercluster-model', 'import', 'test/golden/tiny/relu_cls', '--output', "$dir/replacement"], 'another model');
$node->safe_psql('postgres', qq{CREATE FUNCTION replace_base() RETURNS int LANGUAGE plpgsql AS
	\$\$ BEGIN COPY (SELECT) TO PROGRAM 'cat > /dev/null; mv $dir/replacement $dir/again.ucm'; RETURN 1; END \$\$});
my $fingerprint = $node->safe_psql('postgres', q{SELECT fingerprint FROM usercluster.models WHERE name = 'again'});
($code, $out, $err) = $node->psql('postgres', q{CALL usercluster.fine_tune('again', 'late',
	'SELECT body || id, body || id FROM texts, (SELECT replace_base() OFFSET 0) r', batch => 8, rate => 1e-3)});
like($err, qr/WARNING:  model "again" was replaced or removed meanwhile\nDETAIL:  "late" was made from the earlier file, of fingerprint $fingerprint/,
	'a base that was replaced is told');
is($node->safe_psql('postgres', q{SELECT base_fingerprint FROM usercluster.models WHERE name = 'late'}), $fingerprint, 'what was trained is what is recorded');
is($node->safe_psql('postgres', q{SELECT usercluster.embed('red', 'again') IS NOT NULL, usercluster.embed('red', 'late') IS NOT NULL}), 't|t', 'both embed');

# a base with a weight that is no number, the last of its file
my $whole = slurp_file("$dir/base.ucm");
append_to_file("$dir/broken.ucm", substr($whole, 0, -4) . "\x00\x00\xc0\x7f");
refused(qq{CALL usercluster.fine_tune('broken', 'x', '$labels', 'labels')}, '22000', 'not finite', 'a base that gives no numbers');
unlink "$dir/broken.ucm";

# one whose embeddings are so small that their gradient has no number: norm and bias of the last layer, the end of the file
append_to_file("$dir/small.ucm", substr($whole, 0, -128) . pack('f<32', map { $_ * 1e-41 } unpack('f<32', substr($whole, -128))));
like(refused(qq{CALL usercluster.fine_tune('small', 'x', '$labels', 'labels', batch => 8)}, 'P0002', 'no model was written', 'training without numbers ends'),
	qr/no longer finite.*HINT:  Try a lower rate/s, 'and says so');
unlink "$dir/small.ucm";

# a name that another session takes meanwhile
$node->safe_psql('postgres', qq{CREATE FUNCTION take_name() RETURNS int LANGUAGE plpgsql AS
	\$\$ BEGIN COPY (SELECT) TO PROGRAM 'cat > /dev/null; cp $dir/base.ucm $dir/taken.ucm'; RETURN 1; END \$\$});
refused(q{CALL usercluster.fine_tune('base', 'taken', 'SELECT body, topic FROM texts, (SELECT take_name() OFFSET 0) t', 'labels', epochs => 4, batch => 8,
	rate => 5e-3)}, '42710', 'model "taken" already exists', 'a name that is taken meanwhile');
unlink "$dir/taken.ucm";

# nowhere to write
chmod 0555, $dir;
refused(q{CALL usercluster.fine_tune('base', 'x', 'TABLE pairs')}, '55000', 'cannot write into the model directory', 'a directory that is read only');
chmod 0755, $dir;
SKIP:
{
	skip 'no prlimit here', 2 if system('prlimit --version >/dev/null 2>&1') != 0;
	refused(qq{SELECT pg_backend_pid() AS pid \\gset\n\\setenv PID :pid\n\\! prlimit --pid \$PID --fsize=10000
		CALL usercluster.fine_tune('base', 'x', '$labels', 'labels', epochs => 4, batch => 8, rate => 5e-3)}, '58030',
		'could not write the model file: File too large', 'a disk that is full');
	is(files(), 'again.ucm alone.ucm base.ucm guesses.ucm late.ucm more.ucm tuned.ucm', 'nothing is left of it');
}

# the tool does the same
my $list = $node->safe_psql('postgres', q{COPY (SELECT body AS text, topic AS label FROM texts ORDER BY id) TO STDOUT (FORMAT csv, HEADER)});
PostgreSQL::Test::Utils::append_to_file("$dir/list.csv", "$list\n");
command_ok(['usercluster-model', 'fine-tune', 'base', 'by-tool', '--model-dir', $dir, '--labels', "$dir/list.csv"], 'the tool fine-tunes');
$node->safe_psql('postgres', "CALL usercluster.fine_tune('base', 'by-server', '$labels', 'labels')");
is($node->safe_psql('postgres', q{SELECT count(DISTINCT fingerprint) FROM usercluster.models WHERE name LIKE 'by-%'}), 1,
	'with the same defaults, to the same file');
unlink "$dir/list.csv";

# a real model, and what is done with it
chomp(my $share = `pg_config --sharedir`);
command_ok(['cp', "$share/usercluster/all-MiniLM-L6-v2.ucm", $dir], 'MiniLM');
$node->safe_psql('postgres', q{
	CREATE TABLE questions (id int PRIMARY KEY, body text, intent text, e embedding(384));
	INSERT INTO questions SELECT i, format((ARRAY['my card %s has not come', 'I was charged twice for %s', 'how do I open a %s account'])[1 + i % 3],
		(ARRAY['bank', 'gold', 'travel', 'student', 'business', 'family', 'joint', 'savings'])[1 + i / 3 % 8] || ' ' || i),
		(ARRAY['arrival', 'charge', 'open'])[1 + i % 3] FROM generate_series(0, 59) i;
	CALL usercluster.fine_tune('all-MiniLM-L6-v2', 'mini', 'SELECT body, intent FROM questions ORDER BY id', 'labels', layers => 1, epochs => 1, batch => 8, rate => 3e-4)});
is($node->safe_psql('postgres', q{SELECT t.bytes < 1.01 * b.bytes, t.dimensions, t.loss_after < t.loss_before FROM usercluster.models t, usercluster.models b
	WHERE t.name = 'mini' AND b.name = t.base}), 't|384|t', 'a layer of MiniLM');
$node->safe_psql('postgres', q{
	SELECT usercluster.enable_embedding('questions', 'body', 'e', model => 'mini');
	UPDATE questions SET body = body || '?';
	CALL usercluster.create_segmentation('intents', 'SELECT id, body AS text FROM questions', k => 3, model => 'mini', restarts => 2)});
is($node->safe_psql('postgres', q{SELECT bool_and(e <-> usercluster.embed(body, 'mini') < 1e-5), bool_and(e <-> usercluster.embed(body, 'all-MiniLM-L6-v2') > 1e-3)
	FROM questions WHERE id < 8}), 't|t', 'it fills a watched column');
is($node->safe_psql('postgres', q{SELECT count(*), sum(size) FROM usercluster.segments WHERE segmentation = 'intents'}), '3|60', 'and makes segments');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/questions.sql";
command_ok(['pg_dump', '-f', $dump, $node->connstr('postgres')], 'the table is dumped');
$node->safe_psql('postgres', "CREATE DATABASE elsewhere; ALTER DATABASE elsewhere SET usercluster.model_dir = '/nonexistent'");
command_ok(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('elsewhere'), '-f', $dump], 'and restored where the model is not');
is($node->safe_psql('elsewhere', 'SELECT count(e) FROM questions'), 60, 'with its embeddings');
($code, $out, $err) = $node->psql('elsewhere', q{INSERT INTO questions VALUES (99, 'where is it')});
like($err, qr/model "mini" does not exist\nDETAIL:  There is no file "mini\.ucm" in the model directory/, 'what is missing is named');
done_testing();
