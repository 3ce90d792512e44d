# Whatever lies in the model directory, the server says what is wrong with it and stays up
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use POSIX qw(mkfifo);

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
my $dir = $node->basedir . '/models';
mkdir $dir or die;
chmod 0755, $dir;
$node->append_conf('postgresql.conf', "usercluster.model_dir = '$dir'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION usercluster');

command_ok(['usercluster-model', 'import', 'test/golden/tiny/gelu_mean', '--name', 'good', '--model-dir', $dir],
	'a model is imported');
command_ok(['usercluster-model', 'import', 'test/golden/tiny/relu_cls', '--name', 'other', '--model-dir', $dir],
	'and another');
my $good = slurp_file("$dir/good.ucm");
my $bytes = length $good;

sub put
{
	my ($name, $content, $mode) = @_;
	open my $file, '>:raw', "$dir/$name.ucm.new" or die;
	print $file $content;
	close $file;
	chmod $mode // 0644, "$dir/$name.ucm.new";
	rename "$dir/$name.ucm.new", "$dir/$name.ucm" or die;
}

sub with_bytes
{
	my ($offset, $replacement) = @_;
	my $changed = $good;
	substr($changed, $offset, length $replacement) = $replacement;
	return $changed;
}

sub unpack_at
{
	return unpack('Q<', substr($good, $_[0], 8));
}

# magic 8, version 4, byte order 4, file bytes 8, fingerprint 32, then spans: config, metadata, tokenizer, tensors
my $config = unpack_at(56);
my $tensors = unpack_at(56 + 48);
my %refused = (
	'empty' => [''],
	'letters' => ['not a model'],
	'header_alone' => [substr $good, 0, 64],
	'half' => [substr $good, 0, $bytes / 2],
	'one_byte_short' => [substr $good, 0, $bytes - 1],
	'one_byte_long' => [$good . 'x'],
	'magic' => [with_bytes(0, 'X')],
	'version' => [with_bytes(8, pack 'V', 99)],
	'byte_order' => [with_bytes(12, pack 'V', 0x04030201)],
	'file_bytes' => [with_bytes(16, pack 'Q<', $bytes * 2)],
	'config_outside' => [with_bytes(56, pack 'Q<', $bytes)],
	'config_overflow' => [with_bytes(56, pack 'Q<Q<', 2**63, 2**63)],
	'tensors_outside' => [with_bytes(56 + 48, pack 'Q<Q<', $bytes - 8, 1024)],
	'no_layers' => [with_bytes($config + 8, pack 'V', 0)],
	'many_layers' => [with_bytes($config + 8, pack 'V', 0xffffffff)],
	'wide' => [with_bytes($config + 4, pack 'V', 0x7fffffff)],
	'heads' => [with_bytes($config + 12, pack 'V', 7)],
	'vocabulary' => [with_bytes($config + 20, pack 'V', 1)],
	'max_tokens' => [with_bytes($config + 32, pack 'V', 0xffffffff)],
	'activation' => [with_bytes($config + 40, pack 'V', 4000)],
	'tensor_data_outside' => [with_bytes($tensors + 72, pack 'Q<', $bytes)],
	'world_writable' => [$good, 0666],
	'unreadable' => [$good, 0000]);
put($_, @{ $refused{$_} }) for keys %refused;
symlink 'good.ucm', "$dir/link.ucm" or die;
symlink 'nowhere.ucm', "$dir/dangling.ucm" or die;
mkdir "$dir/directory.ucm" or die;
mkfifo("$dir/fifo.ucm", 0644) or die;
$refused{$_} = 1 for qw(link dangling directory fifo);

my %problem = map { split /\|/, $_, 2 } split /\n/,
	$node->safe_psql('postgres', q{SELECT name, coalesce(problem, '') FROM usercluster.models});
is($problem{good}, '', 'a good model has no problem');
is($problem{other}, '', 'nor has another');
for my $name (sort keys %refused)
{
	my ($out, $err);
	isnt($problem{$name} // '', '', "$name: models names the problem: " . ($problem{$name} // ''));
	isnt($node->psql('postgres', "SELECT usercluster.embed('a cat', '$name')", stdout => \$out, stderr => \$err), 0,
		"$name: embed refuses");
	like($err, qr/ERROR:  /, "$name: with an error");
	unlike($err, qr/server closed the connection|XX000/, "$name: and the server stays");
}
like($problem{link}, qr/link/, 'a link is called one');
like($problem{world_writable}, qr/writ/, 'a file that anyone may write is called that');

# Names are names, not paths.
for my $name ('missing', '', '.', '..', '../models/good', "$dir/good", 'good.ucm', 'go/od', "x' y", 'x' x 1000)
{
	my ($out, $err);
	my $quoted = $name =~ s/'/''/gr;
	next if $name eq '';
	isnt($node->psql('postgres', "SELECT usercluster.embed('a cat', '$quoted')", stdout => \$out, stderr => \$err), 0,
		'no model: ' . substr($name, 0, 20));
	unlike($err, qr/server closed the connection|Permission denied|No such file/, 'and no file is touched: ' . substr($name, 0, 20));
}

# verify reads what opening does not.
command_ok(['usercluster-model', 'verify', "$dir/good.ucm"], 'verify finds a good model whole');
put('flipped', with_bytes($bytes - 5, chr(ord(substr $good, $bytes - 5, 1) ^ 1)));
command_fails(['usercluster-model', 'verify', "$dir/flipped.ucm"], 'and sees a flipped bit in the weights');
command_fails(['usercluster-model', 'verify', "$dir/$_.ucm"], "verify refuses $_") for qw(empty half version directory);

# Random damage: any answer will do, but an answer.
srand 20260101;
my $answers = 0;
my $rounds = 200;
for my $round (1 .. $rounds)
{
	my $damaged = $good;
	my $region = $round % 2 ? 1024 : $bytes;
	substr($damaged, int(rand $region), 1) = chr int rand 256 for 1 .. 1 + int rand 8;
	put('damaged', $damaged);
	my ($out, $err);
	my $code = $node->psql('postgres', q{
		SELECT count(*) FROM usercluster.models;
		SELECT usercluster.embed('a cat sat on the mat 我喜欢', 'damaged');
		SELECT count(*) FROM usercluster.tokenize('a cat sat on the mat 我喜欢', 'damaged')}, stdout => \$out, stderr => \$err);
	$answers++ if $code == 0 || $err =~ /ERROR:  / && $err !~ /server closed the connection/;
}
is($answers, $rounds, 'damaged files are used or refused, never a crash');

# A model that is replaced by rename is noticed at the next call; the old mapping serves until then.
put('current', $good);
my $other = slurp_file("$dir/other.ucm");
my $swap = "$dir/swap.ucm.new";
open my $file, '>:raw', $swap or die;
print $file $other;
close $file;
my $swapped = $node->safe_psql('postgres', qq{
	CREATE TABLE seen AS SELECT usercluster.embed('a cat', 'current') AS at;
	\\! mv $swap $dir/current.ucm
	SELECT usercluster.embed('a cat', 'current') = usercluster.embed('a cat', 'other'),
		usercluster.embed('a cat', 'current') = at FROM seen});
is($swapped, 't|f', 'a session notices that another file took the place');
is($node->safe_psql('postgres', qq{
	SELECT dims(usercluster.embed('a cat', 'current')) > 0;
	\\! rm $dir/current.ucm
	SELECT count(*) FROM usercluster.models WHERE name = 'current'}), "t\n0", 'one that is gone is gone');

unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC/, 'no process crashed');
$node->stop;
done_testing();
