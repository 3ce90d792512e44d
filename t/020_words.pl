# usercluster-model split and words: texts to words, and word vectors to a static model
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;

# Runs the tool on this input: exit code, output, errors
sub tool
{
	my ($input, @arguments) = @_;
	my ($out, $err) = ('', '');
	my $ran = IPC::Run::run(['usercluster-model', @arguments], '<', \$input, '>', \$out, '2>', \$err);
	return ($ran ? 0 : $? >> 8, $out, $err);
}

# What must be refused
my $count = 0;
for my $case (
	['', qr/there are no word vectors/], ["a\t1\t1\n", qr/line 1 .* is no "key: value"/], [": x\n", qr/line 1 /],
	["mean: 1 x\n", qr/line 1 .* no number/], ["mean: 1 nan\n\na\t1\t1 2\n", qr/line 1 .* not finite/], ["\na\t1\n", qr/line 2 .* is not a word/],
	["\n\t1\t1\n", qr/line 2 .* is not a word/], ["\na\t2\t1\n", qr/line 2 .* not between 0 and 1/], ["\na\t-1\t1\n", qr/not between 0 and 1/],
	["\na\tx\t1\n", qr/not between 0 and 1/], ["\na\t1\t\n", qr/line 2 .* too few/], ["\na\t1\t1 2\nb\t1\t1\n", qr/line 3 .* too few/],
	["\na\t1\t1\nb\t1\t1 2\n", qr/line 3 .* too many/], ["mean: 1 2\n\na\t1\t1\n", qr/line 3 .* too few/], ["\na\0b\t1\t1\n", qr/line 2 .* zero byte/],
	["\na\t1\t1 2\n", qr/2 dimensions cannot be kept in 4 bits/, '--compact'])
{
	my ($input, $wanted, @options) = @$case;
	my ($code, $out, $err) = tool($input, 'words', 'bad', '--output', "$dir/bad.ucm", @options);
	like($err, $wanted, 'refused: ' . ++$count);
	ok($code == 1 && !-e "$dir/bad.ucm", 'and nothing is written');
}
for my $arguments ([], ['a/b'], ['a', 'b'], ['a', '--unknown'], ['a', '--output'])
{
	is((tool('', 'words', @$arguments))[0], 2, "misuse: @$arguments");
}
is((tool('', 'split', 'x'))[0], 2, 'split takes no argument');

# Words
is((tool("电影，Don\xe2\x80\x99t STOP!\n\n...\n", 'split'))[1], "电影\tdon't\tstop\n\n\n", 'split folds words, and keeps empty lines');

# Models
my $few = "prompt: \nmean: 0 0\n\nRed\t0.5\t1 0\nапельсин\t1\t0 1\nred\t1\t0 1\n";
my ($code, $out, $err) = tool($few, 'words', 'few', '--model-dir', $dir);
is($code, 0, "a model is written$err");
is((tool($few, 'words', 'few', '--model-dir', $dir))[0], 2, 'and not replaced');
like((tool('', 'info', 'few', '--model-dir', $dir))[1], qr/architecture  static\ndimensions    2\n.*vocabulary    3 words/s, 'info knows it');
is((tool('', 'verify', 'few', '--model-dir', $dir))[0], 0, 'it is whole');
like((tool("RED\n", 'embed', '--model', 'few', '--model-dir', $dir))[1], qr/^\[1,0\]$/m, 'words are folded, and of equal ones the first counts');
like((tool("red Апельсин\n", 'embed', '--model', 'few', '--model-dir', $dir))[1], qr/^\[0\.447\d*,0\.894\d*\]$/m, 'weights count');
my $wide = "prompt: \n\na\t1\t" . join(' ', map { sin($_) } 1 .. 64) . "\n";
is((tool($wide, 'words', 'wide', '--model-dir', $dir))[0], 0, 'float16');
is((tool($wide, 'words', 'small', '--model-dir', $dir, '--compact'))[0], 0, '4 bits');
ok(-s "$dir/small.ucm" < -s "$dir/wide.ucm", 'is smaller');
my @vectors = map { [ (tool("a\n", 'embed', '--model', $_, '--model-dir', $dir))[1] =~ /-?\d[\d.e-]*/g ] } 'wide', 'small';
my $cosine = 0;
$cosine += $vectors[0][$_] * $vectors[1][$_] for 0 .. 63;
cmp_ok($cosine, '>', 0.995, 'and says nearly the same');

done_testing();
