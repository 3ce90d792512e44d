# Every type and table of the extension with rows in it: through pg_dump and psql, as INSERTs, and through COPY in binary;
# what is restored goes on where the original stood.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "search_path = public\nusercluster.default_model = 'all-MiniLM-L6-v2'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', q{
	CREATE EXTENSION usercluster;

	-- each type in columns, domains, constraints, indexes, defaults, generated columns and views
	CREATE DOMAIN unit AS embedding(3) CHECK (abs(norm(VALUE) - 1) < 1e-6);
	CREATE TABLE people (id int PRIMARY KEY, at embedding(3), spoken text, body text, measured float8[],
		language text GENERATED ALWAYS AS (usercluster.detect_language(body)) STORED,
		direction unit, near embedding[] DEFAULT ARRAY['[1,0,0]'::embedding],
		metric usercluster.metric DEFAULT 'euclidean', CHECK (dims(at) = 3));
	INSERT INTO people (id, at, spoken, body, measured, direction)
		SELECT i, ARRAY[i % 2 + i / 64.0, 1 - i % 2, i / 32.0]::real[]::embedding, CASE i % 3 WHEN 0 THEN 'en' ELSE 'zh' END,
			CASE i % 2 WHEN 0 THEN '我喜欢看电影' ELSE 'I run every morning' END || ' ' || i, ARRAY[i, NULL, -1e300], '[0,1,0]'
		FROM generate_series(1, 24) AS i;
	CREATE INDEX people_at ON people (at);
	CREATE INDEX people_words ON people (usercluster.clean_text(body, 'keywords'));
	CREATE TABLE parted (e embedding) PARTITION BY HASH (e);
	CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO parted SELECT at FROM people;
	CREATE TABLE fitted AS SELECT * FROM usercluster.kmeans_fit('SELECT id, at, spoken AS language FROM people', 2, preparation => 'whitened');
	CREATE TABLE state AS SELECT usercluster.kmeans_partial(at, (SELECT centroids::real[] FROM fitted), 'cosine') AS partial FROM people;
	CREATE VIEW placed AS SELECT p.id, (usercluster.nearest(p.at, f.centroids::real[])).* FROM people p, fitted f;
	CREATE MATERIALIZED VIEW middle AS SELECT spoken, avg(at) AS at FROM people GROUP BY 1;
	CREATE FUNCTION own_distance(a embedding, b embedding DEFAULT '[1,0,0]') RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT a <-> b';

	-- each hidden table
	INSERT INTO usercluster.stop_words VALUES ('zh', '亲', true), ('en', 'not', false);
	CALL usercluster.create_segmentation('taste', 'SELECT id, at, body AS text, spoken AS language FROM people', k => 2);
	SELECT usercluster.rename_segment('taste', 2, '第二');
	INSERT INTO people (id, at, spoken, body, direction) VALUES (25, '[9,0,9]', 'en', 'new', '[1,0,0]');
	UPDATE people SET at = '[0,9,0]' WHERE id = 1;
	CALL usercluster.refresh_segmentation('taste');
	CALL usercluster.create_segmentation('said', 'SELECT id, body AS text FROM people WHERE id < 7', k => 2, algorithm => 'hierarchical');
	CREATE TABLE loans AS SELECT r.id AS person, 'book ' || b AS book FROM people r, generate_series(1, 9) AS b WHERE (r.id * b) % 4 < 2;
	CALL usercluster.store_recommendations('taste', 'for_you', 3, 'SELECT person, book FROM loans');
	CREATE TABLE posts (id int PRIMARY KEY, person int, body text, e embedding(384), lang text, written timestamptz DEFAULT '2026-01-01');
	CREATE INDEX ON posts (person);
	CREATE TABLE readers (id int PRIMARY KEY, at embedding);
	INSERT INTO readers SELECT generate_series(1, 4);
	SELECT usercluster.enable_embedding('posts', 'body', 'e', mode => 'queue', truncation => 'error');
	SELECT usercluster.enable_user_vectors('posts', 'person', 'e', 'readers', 'id', 'at', time_column => 'written', half_life => '30 days',
		language_column => 'lang', language_neutral => true);
	INSERT INTO posts (id, person, body, lang)
		SELECT i, 1 + i % 3, 'post number ' || i, CASE i % 2 WHEN 0 THEN 'en' ELSE 'de' END FROM generate_series(1, 8) AS i;
	INSERT INTO posts (id, person, body, lang) VALUES (20, 1, repeat('too long ', 300), 'en')});
$node->safe_psql('original', 'CALL usercluster.process_queue()');
$node->safe_psql('original', q{CALL usercluster.refresh_user_vectors('posts')});
$node->safe_psql('original', q{INSERT INTO posts (id, person, body, lang) VALUES (30, 4, 'waits', 'en'); REFRESH MATERIALIZED VIEW middle});

# one line for each table: its name, its rows and a hash of them
my $tables = q{
	SELECT c.oid::regclass, (xpath('//n/text()', x))[1], (xpath('//h/text()', x))[1]
	FROM pg_class c, LATERAL query_to_xml(format('SELECT count(*) AS n, md5(string_agg(r::text, chr(10) ORDER BY r::text COLLATE "C")) AS h FROM %s AS r', c.oid::regclass),
		false, true, '') AS x
	WHERE c.relkind IN ('r', 'm', 'v') AND c.relnamespace IN ('public'::regnamespace, 'usercluster'::regnamespace)
		AND c.relname NOT IN ('models', 'progress', 'all_stop_words', 'watched_columns', 'embedding_status')
	ORDER BY c.oid::regclass::text COLLATE "C"};
my $before = $node->safe_psql('original', $tables);
my @hidden = qw(queued skipped stop_words user_vector_store segmentation_store segment_store segmentation_run_store segment_move_store);
like($before, qr/^usercluster\.$_\|[1-9]/m, "$_ has rows to lose") for @hidden;
is($node->safe_psql('original', q{
	SELECT string_agg(c.relname, ' ') FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	WHERE c.relkind = 'r' AND c.relname <> ALL (string_to_array('} . join(' ', @hidden) . q{', ' '))}), '', 'and the extension has no other table');
is($node->safe_psql('original', q{
	SELECT string_agg(t.typname, ' ') FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
	WHERE t.typrelid = 0 AND t.typcategory <> 'A' AND (t.typsend = 0 OR t.typreceive = 0)}), '', 'nor a type that cannot be sent in binary');

# ---- pg_dump | psql ----

my $files = $PostgreSQL::Test::Utils::tmp_check;
my %ways = (rows => [], inserts => ['--inserts'], clean => [ '--clean', '--if-exists', '--no-owner' ]);
for my $way (sort keys %ways)
{
	my $database = "from_$way";

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	command_ok([ 'pg_dump', @{ $ways{$way} }, '-f', "$files/$way.sql", $node->connstr('original') ], "$way: dumped");
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', "$files/$way.sql" ], "$way: restored");
	is($node->safe_psql($database, $tables), $before, "$way: every row is as it was");
}

# ---- and goes on ----

my $went_on = q{
	SELECT usercluster.assign('taste', '[1,0,0]', 'en'), usercluster.assign_text('said', 'I run'), own_distance('[0,1,0]');
	SELECT segment, name, size, keywords, typical FROM usercluster.segments ORDER BY segmentation, segment;
	SELECT count(*) FROM people WHERE at = '[9,0,9]';
	SELECT run, kind, written FROM usercluster.segmentation_runs WHERE run = (SELECT max(run) FROM usercluster.segmentation_runs WHERE segmentation = 'taste') ORDER BY segmentation;
	SELECT usercluster.user_vector('posts', 1) <-> at < 1e-6 FROM readers WHERE id = 1;
	SELECT count(*), count(e) FROM posts;
	SELECT usercluster.prepare('[1,2,3]', preparation, 'zh') FROM fitted;
	SELECT * FROM usercluster.recommend('taste', 3, NULL::text, 3, 'SELECT person, book FROM loans')};
my @answers;
for my $database (qw(original from_rows from_clean))
{
	my $stored = $node->safe_psql($database, 'SELECT md5(string_agg(f::text, $$ $$ ORDER BY user_id, rank)) FROM for_you f');

	$node->safe_psql($database, $_) for q{CALL usercluster.refresh_segmentation('taste')}, q{CALL usercluster.refresh_segmentation('said')},
		'CALL usercluster.process_queue()', q{CALL usercluster.refresh_user_vectors('posts')},
		q{CALL usercluster.store_recommendations('taste', 'for_you', 3, 'SELECT person, book FROM loans')},
		q{REFRESH MATERIALIZED VIEW middle}, q{CALL usercluster.assign_new('said')};
	is($node->safe_psql($database, q{SELECT count(*) FROM usercluster.segmentation_runs WHERE kind = 'unchanged' AND written = 0}), '2',
		"$database: refreshes find nothing to do");
	is($node->safe_psql($database, 'SELECT md5(string_agg(f::text, $$ $$ ORDER BY user_id, rank)) FROM for_you f'), $stored,
		"$database: nor do stored recommendations");
	push @answers, $node->safe_psql($database, $went_on);
}
is($answers[$_], $answers[0], 'and all answers are those of the original') for 1, 2;
unlike($answers[0], qr/^\|*$/m, 'which are no empty ones');

# ---- COPY in binary: every table into itself ----

my $copied = $node->safe_psql('from_rows', $tables);
my $names = $node->safe_psql('from_rows', q{
	SELECT c.oid::regclass FROM pg_class c WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'usercluster'::regnamespace) ORDER BY 1});
my ($out, $in) = ('', "SET session_replication_role = replica; BEGIN;\n");
for my $table (split /\n/, $names)
{
	my $file = "$files/" . $table =~ s/\W/_/gr;

	$out .= "COPY $table TO '$file' (FORMAT binary);\n";
	$in .= "DELETE FROM $table;\nCOPY $table FROM '$file' (FORMAT binary);\n";
}
$node->safe_psql('from_rows', $out);
$node->safe_psql('from_rows', "$in COMMIT;");
is($node->safe_psql('from_rows', $tables), $copied, 'in binary every table comes back as it was');

# tables named in binary rows are those of that name, wherever the rows arrive
$node->safe_psql('from_inserts', "DELETE FROM usercluster.skipped; COPY usercluster.skipped FROM '$files/usercluster_skipped' (FORMAT binary)");
is($node->safe_psql('from_inserts', 'SELECT DISTINCT relation FROM usercluster.skipped_rows'), 'posts', 'in another database too');
$node->safe_psql('from_inserts', "DROP TABLE posts; DELETE FROM usercluster.skipped; COPY usercluster.skipped FROM '$files/usercluster_skipped' (FORMAT binary)");
is($node->safe_psql('from_inserts', 'SELECT DISTINCT relation::oid FROM usercluster.skipped'), '0', 'and none where there is none');

$node->stop;
done_testing();
