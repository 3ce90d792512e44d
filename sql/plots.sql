-- Pictures: rows and their clusters, the tree that joins rows, the choice of k
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

CREATE TABLE shown (id int, at embedding, cluster int, name text);
INSERT INTO shown VALUES (1, '[1,2]', 1, '爱看<电影>&"音乐"'), (2, '[2,1]', 1, '爱看<电影>&"音乐"'),
	(3, '[8,1]', 2, E'two\nlines\x01'), (4, '[9,2]', 2, E'two\nlines\x01'), (5, '[5,5]', NULL, NULL), (6, NULL, 2, 'x');

-- arguments that are refused before the query runs
SELECT usercluster.cluster_plot(NULL);
SELECT usercluster.cluster_plot('SELECT nothing', width => 199);
SELECT usercluster.cluster_plot('SELECT nothing', width => 4001);
SELECT usercluster.cluster_plot('SELECT nothing', width => NULL);
SELECT usercluster.cluster_plot('SELECT nothing', height => -1);
SELECT usercluster.cluster_plot('SELECT nothing', height => 2147483647);
SELECT usercluster.cluster_plot('SELECT nothing', height => NULL);
SELECT usercluster.cluster_plot('SELECT nothing', seed => NULL);
SELECT usercluster.cluster_plot('SELECT nothing', metric => 'manhattan');
SELECT usercluster.cluster_plot('SELECT nothing', metric => NULL);
SELECT usercluster.cluster_plot('SELECT nothing', preparation => 'bleached');
SELECT usercluster.cluster_plot('SELECT nothing', preparation => NULL);
SELECT usercluster.cluster_plot('SELECT nothing', feature_weight => -1);
SELECT usercluster.cluster_plot('SELECT nothing', feature_weight => NULL);

SELECT usercluster.linkage_plot(NULL);
SELECT usercluster.linkage_plot('SELECT nothing', k => 0);
SELECT usercluster.linkage_plot('SELECT nothing', k => 2, cut_height => 1);
SELECT usercluster.linkage_plot('SELECT nothing', cut_height => -1);
SELECT usercluster.linkage_plot('SELECT nothing', cut_height => 'NaN');
SELECT usercluster.linkage_plot('SELECT nothing', method => 'centroid');
SELECT usercluster.linkage_plot('SELECT nothing', method => NULL);
SELECT usercluster.linkage_plot('SELECT nothing', metric => NULL);
SELECT usercluster.linkage_plot('SELECT nothing', preparation => NULL);
SELECT usercluster.linkage_plot('SELECT nothing', feature_weight => 'NaN');
SELECT usercluster.linkage_plot('SELECT nothing', width => 199);
SELECT usercluster.linkage_plot('SELECT nothing', height => NULL);
SELECT usercluster.linkage_plot('SELECT nothing', leaves => 0);
SELECT usercluster.linkage_plot('SELECT nothing', leaves => 1000);

SELECT usercluster.choose_k_plot(NULL);
SELECT usercluster.choose_k_plot('SELECT nothing', kmin => 1);
SELECT usercluster.choose_k_plot('SELECT nothing', kmin => 5, kmax => 4);
SELECT usercluster.choose_k_plot('SELECT nothing', kmax => NULL);
SELECT usercluster.choose_k_plot('SELECT nothing', fits => 1);
SELECT usercluster.choose_k_plot('SELECT nothing', metric => 'manhattan');
SELECT usercluster.choose_k_plot('SELECT nothing', tolerance => 'NaN');
SELECT usercluster.choose_k_plot('SELECT nothing', width => 4001);
SELECT usercluster.choose_k_plot('SELECT nothing', height => 0);

-- queries and rows that are refused
SELECT usercluster.cluster_plot('SELECT id, at FROM shown');
SELECT usercluster.cluster_plot('SELECT id, cluster, at FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster, name FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster, 1.0 AS weight FROM shown');
SELECT usercluster.cluster_plot('DELETE FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE false');
SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE at IS NULL');
SELECT usercluster.cluster_plot($$SELECT 1, '[0,0]'::embedding, 1 AS cluster$$);
SELECT usercluster.linkage_plot('SELECT id, at, cluster FROM shown');
SELECT usercluster.linkage_plot('SELECT id, at FROM shown WHERE false');
SELECT usercluster.linkage_plot('SELECT id, at FROM shown WHERE id = 1', k => 2);
SELECT usercluster.linkage_plot($$SELECT 1, '[0,0]'::embedding$$);
SELECT usercluster.choose_k_plot('SELECT id, at FROM shown WHERE id = 1');
SELECT usercluster.choose_k_plot('SELECT id, at, name AS text FROM shown');
SET usercluster.max_memory = '1MB';
DO $$
BEGIN
	PERFORM usercluster.cluster_plot(
		'SELECT i, ARRAY[i, 1]::real[]::embedding, i % 5 AS cluster FROM generate_series(1, 30000) i');
	RAISE NOTICE 'accepted';
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'refused';
END $$;
RESET usercluster.max_memory;

-- Whether a text is well-formed XML: every element that begins ends, in order, and nothing else looks like one; and to
-- the server's parser, where it has one.
CREATE FUNCTION well_formed(document text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	open text[] := '{}';
	token text[];
BEGIN
	IF document ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' OR regexp_replace(document,
		'<(/[a-z]+|[a-z]+( [a-zA-Z:-]+="[^"<>]*")*/?)>|&(lt|gt|amp|quot|#[0-9]+);', '', 'g') ~ '[<>&]' THEN
		RETURN false;
	END IF;
	FOR token IN SELECT regexp_matches(document, '<(/?)([a-z]+)[^>]*?(/?)>', 'g') LOOP
		IF token[1] = '/' THEN
			IF cardinality(open) = 0 OR open[cardinality(open)] <> token[2] THEN
				RETURN false;
			END IF;
			open := open[:cardinality(open) - 1];
		ELSIF token[3] = '' THEN
			open := open || token[2];
		END IF;
	END LOOP;
	PERFORM xmlparse(DOCUMENT document);
	RETURN cardinality(open) = 0;
EXCEPTION
	WHEN invalid_xml_document THEN
		RETURN false;
	WHEN feature_not_supported THEN		-- a server without libxml
		RETURN cardinality(open) = 0;
END $$;
SELECT well_formed('<a b="c"><d/>&lt;</a>'), well_formed('<a><d></a>'), well_formed('<a>&</a>'), well_formed('<a b="<"/>');

-- names and titles in any script, with markup and controls in them
CREATE TABLE picture AS SELECT usercluster.cluster_plot('SELECT id, at, name AS cluster FROM shown',
	title => E'用户分群 <script>alert("1")</script> & \x02 ''x''', preparation => 'none', metric => 'euclidean') AS svg;
SELECT well_formed(svg), svg LIKE '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600"%</svg>' || E'\n',
		svg LIKE '%>用户分群 &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp;  ''x''<%',
		svg LIKE '%爱看&lt;电影&gt;&amp;&quot;音乐&quot;%', svg LIKE '%>two lines<%', svg LIKE '%>noise</text>%'
	FROM picture;
-- five points, the centres of two clusters twice, and three lines of the legend
SELECT count(*) FROM picture, regexp_matches(svg, '<circle', 'g');

-- the order of the rows does not matter
SELECT count(DISTINCT p) FROM (
	SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE id < 6') p
	UNION ALL SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE id < 6 ORDER BY id DESC')) s;

-- one row, one dimension, rows at one place, noise alone, many clusters
SELECT well_formed(usercluster.cluster_plot($$SELECT 1, '[3,4]'::embedding, 1 AS cluster$$)),
		well_formed(usercluster.cluster_plot('SELECT i, ARRAY[i]::real[]::embedding, i % 2 AS cluster FROM generate_series(1, 9) i',
			metric => 'euclidean')),
		well_formed(usercluster.cluster_plot('SELECT i, ARRAY[1, 1]::real[]::embedding, i AS cluster FROM generate_series(1, 9) i')),
		well_formed(usercluster.cluster_plot('SELECT id, at, NULL::int AS cluster FROM shown WHERE id < 6')),
		well_formed(usercluster.cluster_plot('SELECT i, ARRAY[i, i % 7]::real[]::embedding, i % 150 AS cluster
			FROM generate_series(1, 600) i', width => 200, height => 200));

-- of many rows 5,000 are drawn, chosen by the seed
CREATE FUNCTION many(seed bigint) RETURNS text LANGUAGE sql AS $$
	SELECT usercluster.cluster_plot('SELECT i, ARRAY[i % 97, i % 89, 1]::real[]::embedding, i % 3 AS cluster
		FROM generate_series(1, 6000) i', seed => seed) $$;
SELECT count(*), many(1) = many(1), many(1) <> many(2), many(1) LIKE '%5000 of 6000 points drawn%'
	FROM regexp_matches(many(1), '<circle', 'g');

-- the tree: a leaf for each row, named by text or else by key, the clusters that hierarchical makes
CREATE FUNCTION count_of(document text, what text) RETURNS bigint LANGUAGE sql AS
	'SELECT count(*) FROM regexp_matches($1, $2, ''g'')';
CREATE TABLE place (id int, at embedding(1), text text);
INSERT INTO place VALUES (10, '[0]', '北京 <1>'), (20, '[1]', '北京 <2>'), (30, '[3]', NULL), (40, '[7]', E'e\u0301\u0302'),
	(50, NULL, 'x');
CREATE TABLE tree AS SELECT usercluster.linkage_plot('SELECT id, at, text FROM place', k => 2, metric => 'euclidean',
	title => '树 & "tree"') AS svg;
SELECT well_formed(svg), svg LIKE '%<title>树 &amp; &quot;tree&quot;</title>%', svg LIKE '%>北京 &lt;1&gt;</text>%',
		svg LIKE '%>30</text>%', svg LIKE E'%>e\u0301\u0302</text>%', svg LIKE '%height: ward linkage, euclidean distance</text>%',
		count_of(svg, '<title>height [0-9.]+: [234] rows</title>') AS merges, count_of(svg, '<circle') AS badges,
		count_of(svg, '<title>cut at') AS cuts
	FROM tree;
-- clusters of 3 rows and of 1
SELECT match[1] AS cluster, match[2] AS rows
FROM tree, regexp_matches(svg, '>(\d+)</text><g fill="#666"><text [^>]*>(\d+)</text>', 'g') AS match;
-- without a cut there is neither line nor legend; heights above all merges leave one cluster
SELECT count_of(p, '<circle'), count_of(p, '<title>cut at'), count_of(p, '>cluster</text>')
FROM usercluster.linkage_plot('SELECT id, at FROM place', metric => 'euclidean', method => 'single') p;
SELECT count_of(p, '<circle'), count_of(p, '<title>cut at'), count_of(p, '>cluster</text>')
FROM usercluster.linkage_plot('SELECT id, at FROM place', metric => 'euclidean', method => 'single', cut_height => 1e9) p;

-- the last merges of many: leaves say how many rows they hold, and which text is the commonest
CREATE TABLE folded AS SELECT usercluster.linkage_plot($$
	SELECT i, ARRAY[i / 100 * 50 + sin(i)]::real[]::embedding, CASE WHEN i % 10 > 0 THEN '城' || i / 100 ELSE 'other' END AS text
	FROM generate_series(0, 399) i$$, k => 4, leaves => 4, metric => 'euclidean', method => 'average') AS svg;
SELECT match[1] AS leaf FROM folded, regexp_matches(svg, '>(城\d<tspan fill="#666"> [^<]*)</tspan>', 'g') AS match ORDER BY 1;
SELECT well_formed(svg), svg LIKE '%; 4 leaves for 400 rows</text>%' FROM folded;
SELECT count_of(p, '>100 rows</text>') FROM usercluster.linkage_plot(
	'SELECT i, ARRAY[i / 100 * 50 + sin(i)]::real[]::embedding FROM generate_series(0, 399) i', leaves => 4,
	metric => 'euclidean', method => 'single') p;
-- keys of another type; whitened vectors, in more clusters than leaves
SELECT count_of(p, '>用户 [1-4]0</text>') FROM usercluster.linkage_plot($$SELECT '用户 ' || id, at FROM place WHERE id < 50$$, preparation => 'none',
	metric => 'euclidean') p;
SELECT count_of(p, '<circle') < 30, count_of(p, ' rows</text>')
FROM usercluster.linkage_plot($$SELECT i, (SELECT array_agg(sin(i * j)) FROM generate_series(1, 64) j)::real[]::embedding
	FROM generate_series(1, 300) i$$, k => 40, method => 'single') p;

-- one row, two, rows at one place, heights of any size, a chain as deep as its rows, micro-clusters
SELECT well_formed(usercluster.linkage_plot($$SELECT 1, '[3,4]'::embedding$$)),
		well_formed(usercluster.linkage_plot($$SELECT 1, '[3,4]'::embedding$$, k => 1)),
		well_formed(usercluster.linkage_plot($$VALUES (1, '[3,4]'::embedding), (2, '[4,3]')$$, k => 2, width => 200, height => 200)),
		well_formed(usercluster.linkage_plot('SELECT i, ARRAY[1]::real[]::embedding FROM generate_series(1, 99) i', cut_height => 0)),
		well_formed(usercluster.linkage_plot('SELECT i, ARRAY[i * 1e36]::real[]::embedding FROM generate_series(1, 9) i', k => 3,
			metric => 'euclidean', method => 'average')),
		well_formed(usercluster.linkage_plot('SELECT i, ARRAY[i * 1e-36]::real[]::embedding FROM generate_series(1, 9) i', k => 3,
			metric => 'euclidean', method => 'complete')),
		well_formed(usercluster.linkage_plot('SELECT i, ARRAY[sqrt(i)]::real[]::embedding FROM generate_series(1, 3000) i', k => 9,
			metric => 'euclidean', method => 'single'));
SET usercluster.max_memory = '8MB';
SELECT well_formed(usercluster.linkage_plot(
	'SELECT i, ARRAY[i % 4 * 9 + sin(i), cos(i)]::real[]::embedding FROM generate_series(1, 5000) i', k => 4, metric => 'euclidean'));
RESET usercluster.max_memory;

-- the choice of k: the same figures as choose_k's, three marks for each k, the recommended one and its reason
CREATE FUNCTION four_places() RETURNS text LANGUAGE sql AS
	$$SELECT 'SELECT i, ARRAY[i % 4 * 9 + sin(i), i % 2 * 9 + cos(i)]::real[]::embedding FROM generate_series(1, 200) i'$$;
SELECT well_formed(p), count_of(p, '<circle') AS marks, count_of(p, '<title>k = 4: (silhouette|stability|inertia) ') AS figures,
		p LIKE '%>k = 4</text>%', p LIKE '%>k = 4: highest silhouette of those with a stability of at least 0.6.%',
		p LIKE '%standard error%' AS sampled, p LIKE '%选 &lt;k&gt;%'
FROM usercluster.choose_k_plot(four_places(), kmax => 8, metric => 'euclidean', title => '选 <k>') p;
SELECT bool_and(p LIKE format('%%k = %s: silhouette %s<%%', k, trim_scale(round(silhouette::numeric, 4)))) AS equal
FROM usercluster.choose_k(four_places(), kmin => 4, kmax => 5, metric => 'euclidean'),
	usercluster.choose_k_plot(four_places(), kmin => 4, kmax => 5, metric => 'euclidean') p;
SELECT well_formed(p), p LIKE '%<title>k = 3: silhouette %, standard error %', p LIKE '%Bars: two standard errors%'
FROM usercluster.choose_k_plot(four_places(), kmax => 3, sample => 50, metric => 'euclidean') p;
-- one k; no more distinct rows; every row a cluster of its own
SELECT well_formed(usercluster.choose_k_plot(four_places(), kmin => 4, kmax => 4, metric => 'euclidean', width => 200, height => 200));
SELECT well_formed(p), p LIKE '%>no k is recommended: every row is a cluster of its own.</text>%', count_of(p, '<circle')
FROM usercluster.choose_k_plot('SELECT id, at FROM place WHERE id < 30', metric => 'euclidean') p;

DROP FUNCTION many, well_formed, count_of, four_places;
DROP TABLE picture, shown, place, tree, folded;
