# usercluster-model fine-tune: its arguments, its files, and what is left where it is stopped
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $dir = PostgreSQL::Test::Utils::tempdir;
my $number = 0;

# The exit code, what was printed, and what was complained of.
sub run_tool
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(['usercluster-model', 'fine-tune', @arguments, '--model-dir', $dir], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub refused
{
	my ($arguments, $wanted, $message, $name) = @_;
	my ($code, $out, $err) = run_tool(@$arguments);

	is($code, $wanted, "$name: exit code");
	like($err, $message, "$name: message");
	return;
}

sub file_of
{
	my ($content) = @_;
	my $path = "$dir/" . ++$number . '.txt';

	append_to_file($path, $content);
	return $path;
}

command_ok(['usercluster-model', 'import', 'test/golden/tiny/gelu_mean', '--name', 'base', '--model-dir', $dir], 'a base model');
my @topics = ('red apples and pears', 'a film about the sea', 'late trains again', 'books and more books');
my @texts = map { [ "$topics[$_ % 4] number " . $_ % 17, $_ % 4 ] } 1 .. 60;
my $csv = file_of("text,label\n" . join '', map { "$$_[0],$$_[1]\n" } @texts);
my $pairs = file_of(join '', map { qq{["$texts[$_][0]", "$texts[$_ + 4][0]"]\n} } 0 .. 55);

refused([], 2, qr/takes BASE, NEW, and one of/, 'nothing');
refused(['base', 'x'], 2, qr/takes BASE, NEW, and one of/, 'no file');
refused(['base', 'x', 'y', '--labels', $csv], 2, qr/too many arguments: y/, 'three models');
refused(['base', 'x', '--labels', $csv, '--pairs', $pairs], 2, qr/one of --pairs, --labels and --texts/, 'both files');
refused(['base', 'x', '--labels', $csv, '--objective', 'pairs'], 2, qr/another file goes with the objective pairs/, 'labels as pairs');
refused(['base', 'x', '--texts', $csv, '--objective', 'labels'], 2, qr/no objective for texts alone: labels/, 'texts as labels');
refused(['base', 'x', '--texts', $csv, '--dropout', '0'], 1, qr/without dropout nothing tells a text from itself/, 'no dropout');
refused(['base', 'x', '--texts', $csv, '--objective', 'masked', '--masked', '1'], 1, qr/share masked must be above/, 'all masked');
refused(['base', 'x', '--texts', $csv, '--dropout', '1'], 1, qr/dropout must be between/, 'all dropped');
refused(['base', 'x', '--labels', $csv, '--adapter-rank', '100000'], 1, qr/adapter rank must be between/, 'a rank that is too large');
refused(['base', 'x', '--labels', $csv, '--speed', '9'], 2, qr/unknown option --speed/, 'an option that is none');
refused(['base', 'x', '--labels', $csv, '--rate', 'fast'], 2, qr/not a number: fast/, 'a rate that is no number');
refused(['base', 'x', '--labels', $csv, '--epochs', '1.5'], 2, qr/not a whole number: 1\.5/, 'half an epoch');
refused(['base', 'x', '--labels', $csv, '--epochs', '-1'], 2, qr/not a whole number: -1/, 'epochs below nothing');
refused(['base', 'x', '--labels', $csv, '--threads', '0'], 2, qr/not a number of threads: 0/, 'no threads');
refused(['base', '../x', '--labels', "$dir/none"], 1, qr/could not read/, 'no such file');
refused(['base', 'x y', '--labels', $csv], 2, qr/not a model name/, 'a name that is none');
refused(['gone', 'x', '--labels', $csv], 1, qr/gone/, 'no such base');
refused(['base', 'base', '--labels', $csv], 1, qr/exists already/, 'a name that is taken');
refused(['base', 'x', '--labels', $dir], 1, qr/could not read/, 'a directory');
refused(['base', 'x', '--pairs', $dir], 1, qr/could not read/, 'a directory of pairs');
refused(['base', 'x', '--labels', $csv, '--batch', '1'], 1, qr/batch must be between 2 and/, 'a batch of one');
refused(['base', 'x', '--labels', $csv, '--epochs', '0'], 1, qr/epochs must be between/, 'no epochs');
refused(['base', 'x', '--labels', $csv, '--rate', 'nan'], 1, qr/rate must be above 0/, 'a rate of NaN');
refused(['base', 'x', '--labels', $csv, '--layers', '0'], 1, qr/at least one layer/, 'no layers');
refused(['base', 'x', '--labels', $csv, '--max-memory', '1'], 1,
	qr/needs more memory than allowed\nDETAIL:  It needs \d+ MB, and 1 MB are allowed\.\nHINT:  Give more by --max-memory/, 'too little memory');
refused(['base', 'x', '--labels', file_of('')], 1, qr/record 1 of ".*" lacks the column text/, 'an empty file');
refused(['base', 'x', '--labels', file_of("text,topic\na,b\n")], 1, qr/record 1 of ".*" lacks the column label/, 'no column label');
refused(['base', 'x', '--labels', file_of("text,label\na\n")], 1, qr/record 2 of ".*" lacks the column label/, 'a short record');
refused(['base', 'x', '--labels', file_of(qq{text,label\n"a,b\n})], 1, qr/quotes of record 2 of ".*" do not end/, 'quotes that do not end');
refused(['base', 'x', '--labels', file_of("text,label\na\0b,c\n")], 1, qr/holds a zero byte/, 'no text');
refused(['base', 'x', '--labels', file_of("text,label\n" . "\xff\xfe,a\nb,b\n" x 10)], 1, qr/UTF-8/, 'no UTF-8');
refused(['base', 'x', '--labels', file_of("text,label\n" . "a,b\n" x 9)], 1, qr/too little to train on/, 'nine texts');
refused(['base', 'x', '--labels', file_of("text,label\n" . "a,b\n" x 20)], 1, qr/the same label/, 'one label');
refused(['base', 'x', '--pairs', file_of(qq{["a", "b"]\n["c"]\n})], 1, qr/line 2 of ".*" is not a pair/, 'one text');
refused(['base', 'x', '--pairs', file_of(qq{["a", null]\n})], 1, qr/line 1 of ".*" is not a pair/, 'null');
refused(['base', 'x', '--pairs', file_of(qq{["a", "b"\n})], 1, qr/line 1 of ".*" is not a pair/, 'no JSON');
is(join(' ', map { s{.*/}{}r } glob("$dir/*.ucm*")), 'base.ucm', 'none of these left a model');

# files as programs write them
my @learn = ('--epochs', '4', '--batch', '8', '--rate', '5e-3', '--seed', '3');
my $windows = file_of("\xef\xbb\xbfid,label,\"text\"\r\n" . join('', map { qq{"$_",$texts[$_][1],"$texts[$_][0]"\r\n} } 0 .. 59)
		. qq{\r\n61,x,"  "\r\n62,,no label\r\n});
my ($code, $out, $err) = run_tool('base', 'plain', '--labels', $csv, @learn);
is($code, 0, 'a plain file') or diag($err);
is($out, "$dir/plain.ucm\n", 'its path is printed');
like($err, qr/^60 examples, 0 skipped, \d+ steps, loss on what was held back \d\.\d+ before, \d\.\d+ after step \d+$/m, 'and how it went');
($code, $out, $err) = run_tool('base', 'windows', '--labels', $windows, @learn, '--threads', '2');
is($code, 0, 'CRLF, quotes, a mark at the beginning, columns in another order') or diag($err);
like($err, qr/^60 examples, 2 skipped/m, 'what has no text or no label is left out');
my %print = map { $_ => (split ' ', (grep { /fingerprint/ } `usercluster-model info $_ --model-dir $dir`)[0])[1] } qw(plain windows);
is($print{plain}, $print{windows}, 'both make the same model, with one thread and with two');
($code, $out, $err) = run_tool('base', "$dir/quoted.ucm", '--pairs',
	file_of(join "\n", (map { qq{["$texts[$_][0], \\"so\\" \\u7535\\u5f71 $_", "$texts[$_][0], \\"so\\" $_"]} } 0 .. 39), '', '["a", " "]', ''), @learn,
	'--layers', '1', '--max-tokens', '16', '--prompt', 'q: ', '--max-memory', '200');
is($code, 0, 'pairs, to a path') or diag($err);
like($err, qr/^40 examples, 1 skipped/m, 'blank lines are none');
my $info = `usercluster-model info quoted --model-dir $dir`;
like($info, qr/^$_/m, "info: $_") for 'prompt        "q: "', 'base          base$', 'base sha256   [0-9a-f]{64}$', 'objective     pairs$', 'texts         40$',
	'seed          3$', 'loss before   \d', 'loss after    \d', 'options       epochs 4, batch 8, rate 0\.005, .*last layers 1, tokens 16';
refused(['plain', 'x', '--labels', $csv, '--batch', '8', '--rate', '1'], 1, qr/nothing was written\nDETAIL:  The loss there was/, 'nothing better');

($code, $out, $err) = run_tool('base', 'alone', '--texts', file_of(join "\r\n", (map { "$texts[$_][0] $_" } 0 .. 59), '', ' '), '--epochs', '4', '--batch', '8',
	'--rate', '5e-3', '--adapter-rank', '8');
is($code, 0, 'texts alone, and adapters') or diag($err);
like($err, qr/^60 examples, 2 skipped/m, 'blank texts are left out');
like(scalar `usercluster-model info alone --model-dir $dir`, qr/^objective     unsupervised\n.*^options       .*dropout 0\.1, last layers 2, adapter rank 8,/ms, 'info says so');

($code, $out, $err) = run_tool('base', 'guesses', '--texts', file_of(join "\n", map { $$_[0] } @texts), '--objective', 'masked', '--masked', '0.3', '--batch', '8',
	'--rate', '5e-3');
is($code, 0, 'words to be guessed') or diag($err);

# stopped, and no room
my @command = ('usercluster-model', 'fine-tune', 'base', 'x', '--model-dir', $dir, '--labels', $csv, '--epochs', '1000', '--batch', '2', '--rate', '1e-6');
for my $signal (qw(INT TERM))
{
	my ($said, $complained) = ('', '');
	my $run = IPC::Run::start(\@command, '>', \$said, '2>', \$complained, IPC::Run::timeout(60));

	usleep(300_000);
	$run->signal($signal);
	$run->finish;
	is($run->full_result(0) >> 8, 1, "$signal: exit code");
	like($complained, qr/interrupted/, "$signal: message");
}
my $complaint = `ulimit -f 10; usercluster-model fine-tune base x --model-dir $dir --labels $csv @learn 2>&1`;
is($? >> 8, 1, 'a disk that is full');
like($complaint, qr/could not write the model file: File too large/, 'is told');
is(join(' ', map { s{.*/}{}r } sort glob("$dir/*.ucm*")), 'alone.ucm base.ucm guesses.ucm plain.ucm quoted.ucm windows.ucm', 'nothing is left of these');
done_testing();
