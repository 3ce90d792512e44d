# usercluster_pgvector: pgvector's indexes on embeddings, casts and operators between the two types, dump, drop
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "search_path = public\nusercluster.threads = 2\nmaintenance_work_mem = '128MB'\n");
$node->start;

sub refused
{
	my ($database, $sql, $state, $message, $name) = @_;
	my ($code, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");
	like($err, qr/ERROR:\s+$state: .*$message/s, $name);
}

sub database
{
	my ($name, @commands) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, $_) for @commands;
}

# The names of the indexes that a query uses
sub indexes
{
	my ($database, $sql, $set) = @_;
	my $plan = $node->safe_psql($database, ($set // '') . "EXPLAIN (COSTS OFF) $sql");
	return join(' ', $plan =~ /Index Scan using (\S+)/g) || $plan;
}

if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'}) eq '0')
{
	database('alone', 'CREATE EXTENSION usercluster');
	refused('alone', 'CREATE EXTENSION usercluster_pgvector', '\w+', 'required extension "vector" is not installed', 'pgvector is needed');
	note('skipped: pgvector is not installed; scripts/fetch-pgvector brings it');
	$node->stop;
	done_testing();
	exit;
}
note('pgvector ' . $node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'vector'}));

# What must be refused
database('refusals', 'CREATE EXTENSION usercluster');
refused('refusals', 'CREATE EXTENSION usercluster_pgvector', '\w+', 'required extension "vector" is not installed', 'without pgvector');
$node->safe_psql('refusals', 'CREATE ROLE analyst; GRANT CREATE ON SCHEMA public TO analyst; CREATE EXTENSION vector');
refused('refusals', 'SET ROLE analyst; CREATE EXTENSION usercluster_pgvector', '42501', 'permission denied', 'only a superuser installs');
refused('refusals', q{BEGIN; UPDATE pg_am SET amname = 'unknown' WHERE amname = 'hnsw'; CREATE EXTENSION usercluster_pgvector},
	'55000', 'needs pgvector 0\.5\.0 or newer.*HINT:.*ALTER EXTENSION vector UPDATE', 'a pgvector without HNSW');
is($node->safe_psql('refusals', q{
	CREATE SCHEMA trap;
	CREATE TYPE trap.embedding AS (x int);
	CREATE TYPE trap.vector AS (x int);
	CREATE FUNCTION trap.vector_norm(vector) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT 1/0.0::float8';
	CREATE FUNCTION trap.vector_negative_inner_product(vector, vector) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT 1/0.0::float8';
	CREATE FUNCTION trap.replace(text, text, text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT NULL::text';
	CREATE EXTENSION usercluster_pgvector SCHEMA trap;
	SELECT count(*) FROM pg_amproc JOIN pg_proc ON pg_proc.oid = amproc::oid WHERE pronamespace = 'trap'::regnamespace}), '0',
	'what lies in the schema already is not taken for what is needed');
refused('refusals', q{BEGIN; CREATE TABLE loose (at embedding); CREATE INDEX ON loose USING hnsw (at trap.embedding_l2_ops)}, '\w+',
	'does not have dimensions', 'a column without dimensions');
refused('refusals', q{BEGIN; CREATE TABLE wide (at embedding(2001)); CREATE INDEX ON wide USING hnsw (at)}, '\w+',
	'more than 2000 dimensions for hnsw', 'HNSW beyond 2,000 dimensions');
refused('refusals', q{BEGIN; CREATE TABLE wide (at embedding(2001)); CREATE INDEX ON wide USING ivfflat (at)}, '\w+',
	'more than 2000 dimensions for ivfflat', 'IVFFlat beyond 2,000 dimensions');
refused('refusals', q{SELECT '[1,2]'::embedding::vector(3)}, '22000', 'expected 3 dimensions, not 2', 'a modifier of vector that does not fit');
refused('refusals', q{SELECT '[1,2]'::vector::embedding(3)}, '22000', 'expected 3 dimensions, not 2', 'and one of embedding');
refused('refusals', q{SET search_path = public, trap; SELECT '[1,2]'::embedding <-> '[1,2,3]'::vector}, '22000',
	'different embedding dimensions 2 and 3', 'distances of different dimensions');
$node->safe_psql('refusals', q{
	CREATE TABLE few (at embedding(2));
	CREATE INDEX ON few USING hnsw (at);
	INSERT INTO few VALUES ('[1,0]')});
refused('refusals', q{INSERT INTO few VALUES ('[1,0,0]'::vector)}, '22000', 'expected 2 dimensions, not 3', 'an insertion of other dimensions');
refused('refusals', q{SET enable_seqscan = off; SELECT at FROM few ORDER BY at <=> '[1,0,0]' LIMIT 1}, '\w+', '(different vector dimensions 3 and 2|expected 2 dimensions, not 3)',
	'a search with other dimensions');

# Both types are the same bytes.
is($node->safe_psql('refusals', q{
	SELECT bool_and(vector_send(v) = embedding_send(e) AND v::text = e::text AND pg_column_size(v) = pg_column_size(e)
			AND embedding_send(v::embedding) = embedding_send(e) AND vector_send(t.e::vector::embedding::vector) = vector_send(v)), count(*)
	FROM (SELECT x::embedding AS e, x::vector AS v FROM unnest(ARRAY['[0]', '[-0,1]', '[1e-45,-1e-38,3.4028235e38,-3.4028235e38]', '[0.1,0.2,0.3]',
		'[' || array_to_string(ARRAY(SELECT sin(i)::real FROM generate_series(1, 16000) i), ',') || ']']) x) t}), 't|5', 'bit for bit, both ways');
is($node->safe_psql('refusals', q{
	CREATE TABLE pair (e embedding(3), v vector(3));
	INSERT INTO pair VALUES ('[1,2,3]'::vector, '[1,2,3]'::embedding), (NULL::vector, NULL::embedding);
	UPDATE pair SET e = v, v = e;
	SELECT e, v, e::vector = v, v::embedding = e, e IS NULL FROM pair}), "[1,2,3]|[1,2,3]|t|t|f\n||||t", 'assignments cast');

# Operators and aggregates mean what they mean without the bridge, wherever the three lie.
my @distances = ('<->', '<#>', '<=>');
my @alone = (
	(map { ("at $_ at", "at $_ '[1,2,3]'", "'[1,2,3]' $_ at") } @distances, qw(+ - = <> < <= > >=)), 'at * 2', '2.5::float8 * at', 'avg(at)', 'sum(at)',
	'max(dims(at))', 'max(norm(at))', 'max(l2_distance(at, at))', q{max(l2_distance(at, '[1,2,3]'))}, q{max(cosine_distance('[1,2,3]', at))},
	q{max(inner_product(at, '[1,2,3]'))}, 'min(l2_normalize(at)::text)', 'count(DISTINCT at)');
my @pgvector = (
	(map { ("v $_ v", "v $_ '[1,2,3]'", "'[1,2,3]' $_ v") } @distances, qw(+ - * = <> < <= > >=)), 'avg(v)', 'sum(v)', 'max(vector_dims(v))', 'max(vector_norm(v))',
	'max(l2_distance(v, v))', q{max(l2_distance(v, '[1,2,3]'))}, q{max(cosine_distance('[1,2,3]', v))}, q{max(inner_product(v, '[1,2,3]'))},
	'v = ANY (ARRAY[v])', 'v::real[]');
my @mixed = map { ("at $_ v", "v $_ at") } @distances;
sub meaning
{
	my ($database, @expressions) = @_;
	return $node->safe_psql($database, join(';', map {
		my $list = /^(avg|sum|max|min|count)\(/ ? $_ : "min(($_)::text)";
		"SELECT \$\$$_\$\$, $list, pg_typeof($list) FROM points" } @expressions));
}
my $points = q{CREATE TABLE points AS SELECT ARRAY[i, 2 - i, i * i]::real[]::embedding(3) AS at, ARRAY[i, 2 - i, i * i]::real[]::vector(3) AS v
	FROM generate_series(1, 4) i};
database('together', 'CREATE EXTENSION usercluster; CREATE EXTENSION vector', $points);
database('apart', 'CREATE SCHEMA u; CREATE SCHEMA p; CREATE SCHEMA bridge; CREATE EXTENSION usercluster SCHEMA u; CREATE EXTENSION vector SCHEMA p');
$node->safe_psql('postgres', 'ALTER DATABASE apart SET search_path = public, p, bridge, u');
$node->safe_psql('apart', $points);
my $before = meaning('together', @alone, @pgvector);
is(meaning('apart', @alone, @pgvector), $before, 'before the bridge: one schema or two');
$node->safe_psql('together', 'CREATE EXTENSION usercluster_pgvector');
$node->safe_psql('apart', 'CREATE EXTENSION usercluster_pgvector SCHEMA bridge');
is(meaning($_, @alone, @pgvector), $before, "every operator and aggregate is what it was: $_") for 'together', 'apart';
is(meaning('together', @mixed) =~ s/at \S+ v|v \S+ at//gr, meaning('together', map { s/\bv\b/at/r } @mixed) =~ s/at \S+ at//gr,
	'distances between the types are those within one');
is($node->safe_psql('together', q{SELECT e.extnamespace::regnamespace::text, count(*),
		count(*) FILTER (WHERE obj_description(d.objid, d.classid::regclass::name) IS NULL AND d.classid <> 'pg_opfamily'::regclass),
		(SELECT bool_and(provolatile = 'i' AND proisstrict AND proparallel = 's' AND p.pronamespace = e.extnamespace) FROM pg_proc p JOIN pg_depend f ON f.objid = p.oid
			AND f.classid = 'pg_proc'::regclass AND f.refobjid = e.oid AND f.refclassid = 'pg_extension'::regclass)
	FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	WHERE extname = 'usercluster_pgvector' GROUP BY e.oid}), 'public|26|0|t', 'every object has its comment, every function its labels');

# Searches of real embeddings. IVFFlat with all its lists is exact: what fewer cost is a matter of the lists, not of the type.
my $rows = 240;
$node->safe_psql('together', qq{
	CREATE TABLE sentence (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id int, lang text, topic text, body text, at embedding(384));
	COPY sentence (id, lang, topic, body) FROM PROGRAM 'gzip -d -c "$ENV{TESTDIR}/data/sib200_zh_en.csv.gz"' (FORMAT csv, HEADER);
	DELETE FROM sentence WHERE id NOT IN (SELECT DISTINCT id FROM sentence ORDER BY id LIMIT $rows / 2);
	UPDATE sentence s SET at = e.at FROM (SELECT unnest(numbers) AS number, unnest(usercluster.embed(bodies, 'multilingual-e5-small-q4')) AS at
		FROM (SELECT array_agg(number) AS numbers, array_agg(body) AS bodies FROM sentence) a) e WHERE e.number = s.number;
	VACUUM ANALYZE sentence;
	CREATE TABLE question AS SELECT number, at FROM sentence ORDER BY hashint4(number) LIMIT 30;
	CREATE TABLE exact AS SELECT q.number AS question, o.operator, a.number FROM question q, (VALUES ('<=>'), ('<->'), ('<#>')) o (operator),
		LATERAL (SELECT s.number FROM sentence s ORDER BY CASE o.operator WHEN '<=>' THEN s.at <=> q.at WHEN '<->' THEN s.at <-> q.at ELSE s.at <#> q.at END LIMIT 10) a});
is($node->safe_psql('together', 'SELECT count(at), count(DISTINCT id) = count(*) / 2 FROM sentence'), "$rows|t", 'sentences are embedded');
for my $method ('hnsw', 'ivfflat')
{
	for my $class ([ 'cosine', '<=>' ], [ 'l2', '<->' ], [ 'ip', '<#>' ])
	{
		my ($name, $operator) = @$class;
		my $set = 'SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 60; SET ivfflat.probes = 10;';
		$node->safe_psql('together', "CREATE INDEX search ON sentence USING $method (at embedding_${name}_ops)" . ($method eq 'ivfflat' ? ' WITH (lists = 10)' : ''));
		is(indexes('together', "EXECUTE near('[1" . ',0' x 383 . "]')", "$set PREPARE near AS SELECT number FROM sentence ORDER BY at $operator \$1 LIMIT 10;"),
			'search', "$method serves $operator");
		my $lateral = "SELECT %s FROM question q CROSS JOIN LATERAL (SELECT number FROM sentence s ORDER BY s.at $operator q.at%s LIMIT 10) a";
		is(indexes('together', "SELECT number FROM sentence ORDER BY at $operator usercluster.embed('科幻电影', 'multilingual-e5-small-q4') LIMIT 10", $set), 'search',
			"$method serves $operator of a text that is embedded on the way") if $method eq 'hnsw';
		is(indexes('together', sprintf($lateral, 'a.number', $_), $set), 'search', "$method serves $operator of each question$_") for '', '::vector';
		cmp_ok($node->safe_psql('together', "$set " . sprintf($lateral, 'count(*) / 300.0', $method eq 'hnsw' ? '' : '::vector') .
			" JOIN exact e ON e.number = a.number AND e.question = q.number AND e.operator = '$operator'"), '>=', 0.95, "$method finds what is near by $operator");
		$node->safe_psql('together', 'DROP INDEX search');
	}
}

# Few rows need no index; with many, the planner takes it by itself. Inserts, updates, deletes, NULLs and zeroes under all six.
$node->safe_psql('together', q{
	CREATE TABLE many (id int PRIMARY KEY, at embedding(3)) WITH (autovacuum_enabled = off);
	INSERT INTO many SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * i)]::float8[]::embedding FROM generate_series(1, 1500) i;
	CREATE INDEX many_hc ON many USING hnsw (at);
	CREATE INDEX many_ic ON many USING ivfflat (at) WITH (lists = 4);
	CREATE INDEX many_hl ON many USING hnsw (at embedding_l2_ops);
	CREATE INDEX many_il ON many USING ivfflat (at embedding_l2_ops) WITH (lists = 4);
	CREATE INDEX many_hi ON many USING hnsw (at embedding_ip_ops);
	CREATE INDEX many_ii ON many USING ivfflat (at embedding_ip_ops) WITH (lists = 4);
	ANALYZE many});
for my $order (q{at <=> '[1,2,3]'}, q{'[1,2,3]' <=> at}, q{at <=> '[1,2,3]'::vector}, q{'[1,2,3]'::vector <=> at})
{
	like(indexes('together', "SELECT id FROM many ORDER BY $order LIMIT 10"), qr/^many_[hi]c$/, "an index without being asked: $order");
}
unlike(indexes('together', q{SELECT id FROM many ORDER BY at::text LIMIT 10}), qr/^many_/, 'none where nothing is near');
$node->safe_psql('together', q{
	INSERT INTO many VALUES (-1, '[90,90,-90]'), (-2, '[91,91,-91]'::vector), (-3, NULL), (-4, '[0,0,0]');
	UPDATE many SET at = '[80,80,-80]' WHERE id = 7;
	DELETE FROM many WHERE id IN (-1, 8)});
for my $step ('as it stands', 'after VACUUM')
{
	$node->safe_psql('together', 'VACUUM many') if $step eq 'after VACUUM';
	for my $index (qw(many_hc many_ic many_hl many_il many_hi many_ii))
	{
		my $operator = { c => '<=>', l => '<->', i => '<#>' }->{ substr($index, -1) };
		my $others = join(', ', grep { $_ ne $index } qw(many_hc many_ic many_hl many_il many_hi many_ii));
		my $near = "SELECT id FROM many ORDER BY at $operator '[90,90,-90]'";
		my $found = $node->safe_psql('together', qq{BEGIN; DROP INDEX $others; SET LOCAL enable_seqscan = off; SET LOCAL ivfflat.probes = 4;
			SELECT string_agg(id::text, ' ' ORDER BY id) FROM ($near LIMIT 2) n;
			SET LOCAL hnsw.ef_search = 1000;
			SELECT count(*) FILTER (WHERE id = -3), count(*) FILTER (WHERE id IN (-1, 8)) FROM ($near) n; ROLLBACK});
		is($found, "-2 7\n0|0", "$index finds what came, and not what went or is NULL: $step");
	}
}
is($node->safe_psql('together', 'SELECT count(*) FROM many WHERE at IS NULL OR at = embedding(ARRAY[0,0,0]::real[], 3, true)'), '2', 'NULL and zero are stored');

# A column of pgvector's own, searched with an embedding; expressions; more than 2,000 dimensions by half precision
$node->safe_psql('together', q{
	CREATE TABLE theirs AS SELECT id, at::vector(3) AS v, at FROM many WHERE id > 0;
	CREATE INDEX theirs_v ON theirs USING hnsw (v vector_cosine_ops);
	CREATE INDEX theirs_at ON theirs USING hnsw ((at::embedding(3)) embedding_l2_ops);
	ANALYZE theirs;
	CREATE TABLE broad AS SELECT i AS id, (SELECT array_agg(sin(i * 3000 + j))::embedding FROM generate_series(1, 2500) j)::embedding(2500) AS at
	FROM generate_series(1, 50) i});
is(indexes('together', $_), 'theirs_v', $_)
	for q{SELECT id FROM theirs ORDER BY v <=> '[1,2,3]' LIMIT 3}, q{SELECT id FROM theirs ORDER BY v <=> '[1,2,3]'::embedding LIMIT 3},
	q{SELECT id FROM theirs ORDER BY '[1,2,3]'::embedding <=> v LIMIT 3};
is(indexes('together', q{SELECT id FROM theirs ORDER BY at::embedding(3) <-> '[1,2,3]' LIMIT 3}), 'theirs_at', 'an expression with dimensions');
SKIP:
{
	skip('halfvec came with pgvector 0.7.0', 1) if $node->safe_psql('together', q{SELECT to_regtype('halfvec') IS NULL}) eq 't';
	$node->safe_psql('together', 'CREATE INDEX broad_at ON broad USING hnsw ((at::vector::halfvec(2500)) halfvec_cosine_ops)');
	is(indexes('together', q{SELECT id FROM broad ORDER BY at::vector::halfvec(2500) <=> (SELECT at::vector::halfvec(2500) FROM broad LIMIT 1) LIMIT 3},
		'SET enable_seqscan = off;'),
		'broad_at', '2,500 dimensions by half precision');
}

# k-means of a column of type vector says how
refused('together', q{SELECT * FROM usercluster.kmeans('SELECT id, v FROM theirs', 2)}, '42804', 'HINT:.*v::embedding', 'a vector in a query is to be cast');
is($node->safe_psql('together', q{SELECT count(*), max(cluster) FROM usercluster.kmeans('SELECT id, v::embedding FROM theirs', 3)}), '1499|3', 'and is clustered');

# Dump and restore
$node->safe_psql('together', 'CREATE VIEW closest AS SELECT id, v <=> at AS distance FROM theirs');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/together.sql";
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('together') ], 'the database is dumped');
unlike(slurp_file($dump), qr/OPERATOR CLASS|OPERATOR FAMILY|CREATE CAST/, 'without what belongs to the extension');
database('restored');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'it is restored');
$node->safe_psql('restored', 'ANALYZE');
my $look = q{SET enable_indexscan = off; SELECT md5(string_agg(number || at::text, '/' ORDER BY number)) FROM sentence;
	SELECT string_agg(id::text, ' ' ORDER BY id) FROM (SELECT id FROM many ORDER BY at <-> '[90,90,-90]' LIMIT 2) n; SELECT count(*), max(abs(distance)) < 1e-6 FROM closest};
is($node->safe_psql('restored', $look), $node->safe_psql('together', $look), 'with the same rows and answers');
like(indexes('restored', q{SELECT id FROM many ORDER BY at <=> '[1,2,3]' LIMIT 10}), qr/^many_[hi]c$/, 'and its indexes');

# Dropping: first what uses the bridge, then the bridge, then either of the two.
refused('together', 'DROP EXTENSION vector', '2BP01', 'extension usercluster_pgvector depends on extension vector', 'pgvector stays while the bridge stands');
refused('together', 'DROP EXTENSION usercluster', '2BP01', 'extension usercluster_pgvector depends on extension usercluster', 'usercluster, too');
refused('together', 'DROP EXTENSION usercluster_pgvector', '2BP01', 'index many_hc depends on operator class embedding_cosine_ops', 'the bridge stays while an index needs it');
refused('together', 'BEGIN; DROP TABLE many; DROP INDEX theirs_at; DROP EXTENSION usercluster_pgvector', '2BP01', 'view closest depends on operator <=>\(vector,embedding\)',
	'and while a view does');
is($node->safe_psql('together', q{
	SET client_min_messages = warning;
	DROP EXTENSION usercluster_pgvector CASCADE;
	SELECT count(*) FROM pg_amop WHERE amopmethod IN (SELECT oid FROM pg_am WHERE amname IN ('hnsw', 'ivfflat'))
		AND (amoplefttype = 'embedding'::regtype OR amoprighttype = 'embedding'::regtype);
	SELECT count(*) FROM pg_class WHERE relname LIKE 'many\_%' AND relkind = 'i' AND relname <> 'many_pkey';
	SELECT count(*) FROM pg_cast WHERE castsource = 'embedding'::regtype AND casttarget = 'vector'::regtype}) . '/'
	. indexes('together', q{SELECT id FROM theirs ORDER BY v <=> '[1,2,3]' LIMIT 3}), "0\n0\n0/theirs_v", "nothing of it is left, and pgvector's own index is");
is(meaning('together', @alone, @pgvector), $before, 'operators are what they were before');
$node->safe_psql('together', 'CREATE EXTENSION usercluster_pgvector; CREATE INDEX many_hc ON many USING hnsw (at); DROP EXTENSION usercluster_pgvector CASCADE;'
	. 'DROP EXTENSION vector CASCADE');
is($node->safe_psql('together', q{SELECT count(at), avg(at) IS NULL FROM many}), '1501|f', 'embeddings outlive pgvector');

$node->stop;
done_testing();
