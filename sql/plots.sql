-- cluster_plot: a picture of rows and their clusters
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

-- queries and rows that are refused
SELECT usercluster.cluster_plot('SELECT id, at FROM shown');
SELECT usercluster.cluster_plot('SELECT id, cluster, at FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster, name FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster, 1.0 AS weight FROM shown');
SELECT usercluster.cluster_plot('DELETE FROM shown');
SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE false');
SELECT usercluster.cluster_plot('SELECT id, at, cluster FROM shown WHERE at IS NULL');
SELECT usercluster.cluster_plot($$SELECT 1, '[0,0]'::embedding, 1 AS cluster$$);
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

-- Whether a text is well-formed XML, by itself: every element that begins ends, in order, and nothing else looks like one.
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

DROP FUNCTION many, well_formed;
DROP TABLE picture, shown;
