# Databases that are not UTF-8: text is converted, or refused with the reason
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => ['--encoding=UTF8', '--locale=C']);
$node->start;
for my $encoding ('UTF8', 'LATIN1', 'EUC_CN', 'SQL_ASCII')
{
	$node->safe_psql('postgres', "CREATE DATABASE \"in_$encoding\" TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql("in_$encoding", 'CREATE EXTENSION usercluster');
}

# Statements are written here in UTF-8.
sub ask
{
	my ($encoding, $sql) = @_;
	my ($out, $err);
	my $code = $node->psql("in_$encoding", "SET client_encoding = 'UTF8'; $sql", stdout => \$out, stderr => \$err);
	return $code == 0 ? $out : $err;
}

my %texts = ('LATIN1' => 'café à la crème, Größe', 'EUC_CN' => '我喜欢看电影', 'SQL_ASCII' => 'plain ASCII');
for my $encoding (sort keys %texts)
{
	my $text = $texts{$encoding};
	my $vector = ask('UTF8', "SELECT usercluster.embed('$text')");
	like($vector, qr/^\[/, "$encoding: UTF8 embeds the text");
	is(ask($encoding, "SELECT usercluster.embed('$text') <-> '$vector' < 1e-6"), 't', "$encoding: it is the same here");
	is(ask($encoding, "SELECT (usercluster.embed(ARRAY['x', '$text']))[2] <-> '$vector' < 1e-6"), 't', "$encoding: in an array too");
	is(ask($encoding, "SELECT usercluster.token_count('$text')"), ask('UTF8', "SELECT usercluster.token_count('$text')"),
		"$encoding: as many tokens");
	is(ask($encoding, "SELECT usercluster.embed('x', prompt => '$text') <-> '" .
			ask('UTF8', "SELECT usercluster.embed('x', prompt => '$text')") . "' < 1e-6"), 't', "$encoding: prompts are converted");
	is(ask($encoding, "SELECT string_agg(id || ' ' || coalesce(substr('$text', start, stop - start), ''), '/' ORDER BY position)
			FROM usercluster.tokenize('$text')"),
		ask('UTF8', "SELECT string_agg(id || ' ' || coalesce(substr('$text', start, stop - start), ''), '/' ORDER BY position)
			FROM usercluster.tokenize('$text')"), "$encoding: tokens cover the same characters");
	is(ask($encoding, "SELECT string_agg(sentence || start || '-' || stop, '/') FROM usercluster.sentences('$text. $text!')"),
		ask('UTF8', "SELECT string_agg(sentence || start || '-' || stop, '/') FROM usercluster.sentences('$text. $text!')"),
		"$encoding: the same sentences at the same places");
	is(ask($encoding, "SELECT string_agg(concat_ws('-', word, kind, start, stop, stem), '/') FROM usercluster.words('$text', 'fr')"),
		ask('UTF8', "SELECT string_agg(concat_ws('-', word, kind, start, stop, stem), '/') FROM usercluster.words('$text', 'fr')"),
		"$encoding: the same words and stems");
	is(ask($encoding, "SELECT usercluster.detect_language('$text')"), ask('UTF8', "SELECT usercluster.detect_language('$text')"),
		"$encoding: the same language");
	my $keywords = "SELECT string_agg(concat_ws('-', segment, rank, keyword, support), '/' ORDER BY segment, rank)
		FROM usercluster.segment_keywords(\$\$SELECT '$text', '$text' UNION ALL SELECT 'b', 'other things'\$\$, stop_words => ARRAY['$text'])";
	like(ask('UTF8', $keywords), qr/\Q$text\E-1-\S/, "$encoding: UTF8 has keywords");
	is(ask($encoding, $keywords), ask('UTF8', $keywords), "$encoding: the same keywords");
	my $picture = "SELECT usercluster.cluster_plot(\$\$SELECT 1, '[1,2]'::embedding, '$text' AS cluster\$\$, title => '$text')";
	like(ask('UTF8', $picture), qr/^<svg .*>\Q$text\E</s, "$encoding: UTF8 draws a picture");
	is(ask($encoding, $picture), ask('UTF8', $picture), "$encoding: a picture holds it as name and title");
	my $tree = "SELECT usercluster.linkage_plot(\$\$VALUES ('$text', '[1,2]'::embedding), ('x', '[2,1]')\$\$, title => '$text')";
	like(ask('UTF8', $tree), qr/^<svg .*>\Q$text\E<.*>\Q$text\E</s, "$encoding: UTF8 draws a tree");
	is(ask($encoding, $tree), ask('UTF8', $tree), "$encoding: a tree holds it as key and title");
	is(ask($encoding, "CREATE TABLE users (text text, at embedding(384));
		CREATE TRIGGER users_embedding BEFORE INSERT OR UPDATE ON users
		FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('text', 'at');
		INSERT INTO users VALUES ('$text');
		SELECT at <-> '$vector' < 1e-6 FROM users"), 't', "$encoding: the trigger embeds it");
}

# A database without an encoding holds bytes: those of UTF-8 are taken for that, others are refused.
is(ask('SQL_ASCII', "SET client_encoding = 'SQL_ASCII'; SELECT usercluster.embed('我喜欢看电影') <-> '" .
		ask('UTF8', "SELECT usercluster.embed('我喜欢看电影')") . "' < 1e-6"), 't', 'SQL_ASCII: bytes of UTF-8 are text');
like(ask('SQL_ASCII', q{SET client_encoding = 'SQL_ASCII'; SELECT usercluster.embed(E'caf\xe9')}),
	qr/invalid byte sequence for encoding "UTF8": 0xe9/, 'SQL_ASCII: other bytes are refused');
like(ask('SQL_ASCII', q{SET client_encoding = 'SQL_ASCII'; SELECT usercluster.embed(ARRAY['fine', E'caf\xe9'])}),
	qr/invalid byte sequence for encoding "UTF8": 0xe9/, 'SQL_ASCII: in an array too');
like(ask('SQL_ASCII', q{SET client_encoding = 'SQL_ASCII'; SELECT usercluster.sentences(E'caf\xe9')}),
	qr/invalid byte sequence for encoding "UTF8": 0xe9/, 'SQL_ASCII: sentences refuses them too');
like(ask('SQL_ASCII', q{SET client_encoding = 'SQL_ASCII';
		SELECT usercluster.cluster_plot($$SELECT 1, '[1,2]'::embedding, 1 AS cluster$$, title => E'caf\xe9')}),
	qr/invalid byte sequence for encoding "UTF8": 0xe9/, 'SQL_ASCII: a picture refuses them too');
is(ask('SQL_ASCII', q{SELECT dims(usercluster.embed('and goes on'))}), '384', 'SQL_ASCII: the next text is embedded');

is(ask('LATIN1', q{SELECT count(*) FILTER (WHERE language = 'en') > 100, count(*) FILTER (WHERE language = 'zh') FROM usercluster.all_stop_words}),
	't|0', 'LATIN1: the stop words that it can hold');

# Cleaning: what the encoding lacks is left out, or refused where all of the result would suffer.
is(ask('LATIN1', "SELECT usercluster.clean_text('<b>Caf&eacute;&hearts;&#x4E2D;</b> Größe')"), 'Café Größe', 'LATIN1: entities');
is(ask('LATIN1', "SELECT usercluster.clean_text('5 µm ½ GROSS Größe', 'keywords')"), '5 µm ½ gross größe', 'LATIN1: keywords');
is(ask('EUC_CN', "SELECT usercluster.clean_text('我喜欢看电影！！！！！ @小明', 'keywords')"), '我喜欢看电影！！！', 'EUC_CN: keywords');
is(ask('EUC_CN', "SELECT length(usercluster.clean_text(repeat('我喜欢看电影&hearts;', 5000), hashtags => 'drop'))"), '30000',
	'EUC_CN: a long text, piece by piece');
is(ask('SQL_ASCII', "SELECT usercluster.clean_text('caf&eacute; ' || U&'x')"), 'café x', 'SQL_ASCII: UTF-8 comes out');
like(ask('EUC_CN', "SELECT usercluster.clean_text('x', chinese => 'traditional')"),
	qr/chinese "traditional" needs a database in UTF8/, 'EUC_CN: there is no other script');
like(ask('LATIN1', "SELECT usercluster.clean_text('x', form => 'nfkc')"), qr/form "nfkc" needs a database in UTF8/, 'LATIN1: nor a form');

$node->stop;
done_testing();
