-- Keywords of segments. ICU's dictionaries differ between versions: only words on which all agree are asked for.

-- what must be refused
SELECT * FROM usercluster.segment_keywords(NULL);
SELECT * FROM usercluster.segment_keywords('SELECT 1');
SELECT * FROM usercluster.segment_keywords('SELECT 1, 2');
SELECT * FROM usercluster.segment_keywords('SELECT ''a''::text, ARRAY[''b'']');
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text AS t, 3 AS weight');
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text AS t, ''en'' AS language, ''de'' AS language');
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text AS t, ''englsh'' AS language');
SELECT * FROM usercluster.segment_keywords('DELETE FROM pg_class');
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', keywords => 0);
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', keywords => NULL);
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', keywords => 1001);
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', language => 'englsh');
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', min_support => 0);
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', max_phrase => 5);
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text', stop_words => ARRAY['a', NULL]);
SELECT * FROM usercluster.segment_keywords('SELECT 1, (i / (i - 2))::text FROM generate_series(1, 3) i');

-- nothing
SELECT * FROM usercluster.segment_keywords('SELECT 1, ''b''::text WHERE false');
SELECT * FROM usercluster.segment_keywords('SELECT s, t FROM (VALUES (1, NULL), (NULL, ''word''), (2, ''''), (3, '' 。 12 the'')) AS v(s, t)');
SELECT * FROM usercluster.segment_keywords('SELECT i, ''alike''::text FROM generate_series(1, 3) i');

CREATE TEMP TABLE review (segment int, body text);
INSERT INTO review VALUES
	(1, '我喜欢看电影，特别是科幻片。'), (1, '我喜欢看电影，特别是动画电影。'), (1, 'Films, films: my favourite film is science fiction.'), (1, 'Science fiction films'),
	(1, 'I like science fiction.'),
	(2, '我喜欢听音乐。'), (2, '音乐！'), (2, 'Listening to music in New York'), (2, 'music, from New York'), (2, 'New York'),
	(10, '我喜欢旅行，去过很多地方。'), (10, '我喜欢旅行，喜欢探险。'), (10, 'Travelling'), (10, 'travels');

-- segments in their order, phrases, and the forms that are commonest
SELECT segment, rank, keyword, round(weight::numeric, 3) AS weight, support
FROM usercluster.segment_keywords('SELECT segment, body FROM review', min_support => 2) ORDER BY segment::int, rank;

-- whatever the order of the texts
SELECT array_agg(k) = (SELECT array_agg(k) FROM usercluster.segment_keywords('SELECT segment, body FROM review ORDER BY md5(body)') k) AS same
FROM usercluster.segment_keywords('SELECT segment, body FROM review ORDER BY body') k;

-- names as segments; fewer words; stop words of the call and of the table
SELECT segment, keyword FROM usercluster.segment_keywords($$SELECT CASE segment WHEN 1 THEN '影' ELSE 'b' END, body FROM review$$,
	keywords => 1, max_phrase => 1, min_support => 3, stop_words => ARRAY['fiction']);
BEGIN;
INSERT INTO usercluster.stop_words VALUES ('en', 'Music', true);
SELECT bool_or(keyword = 'music') AS music FROM usercluster.segment_keywords('SELECT segment, body FROM review', 100);
ROLLBACK;
SELECT bool_or(keyword = 'music') AS music FROM usercluster.segment_keywords('SELECT segment, body FROM review', 100);

-- the language is given: by column, and for all
SELECT segment, keyword, support FROM usercluster.segment_keywords($$SELECT * FROM (VALUES (1, 'les livres', 'fr'), (1, 'l''hôtel', 'French'),
	(2, 'die Bücher', 'de'), (2, 'die Bücher sind nicht da', NULL)) AS v(segment, body, language)$$);
SELECT segment, keyword, support FROM usercluster.segment_keywords($$SELECT * FROM (VALUES (1, 'die Bücher'), (1, 'ein Buch'), (2, 'die Hotels')) AS v$$,
	language => 'de');

-- what is no text, and traditional beside simplified characters
SELECT segment, keyword, support FROM usercluster.segment_keywords($$SELECT * FROM (VALUES (1, '<p>電影</p> https://example.com/films'), (1, '電影'),
	(1, '电影'), (2, '音乐 &amp; @name'), (2, '音樂'), (2, '音乐')) AS v(segment, body)$$);

-- one megabyte in one word; and memory that does not do
SELECT segment, length(keyword), support FROM usercluster.segment_keywords(
	'SELECT i, CASE i WHEN 1 THEN repeat(''a'', 1000000) WHEN 2 THEN repeat(''旅行'', 100000) ELSE ''short'' END FROM generate_series(1, 3) i', 1);
SET usercluster.max_memory = '1MB';
SELECT * FROM usercluster.segment_keywords('SELECT i % 2, ''word'' || i FROM generate_series(1, 100000) i');
RESET usercluster.max_memory;

-- long work ends when it shall
CREATE TEMP TABLE clock AS SELECT clock_timestamp() AS start;
\set VERBOSITY terse
SET statement_timeout = '200ms';
SELECT count(*) FROM usercluster.words(repeat('ภาษาไทย', 3000000));
SELECT count(*) FROM usercluster.sentences(repeat(' ', 100000000));
SELECT count(*) FROM usercluster.segment_keywords('SELECT i % 10, md5(i::text) || md5(i::text) FROM generate_series(1, 10000000) i');
RESET statement_timeout;
\set VERBOSITY default
SELECT clock_timestamp() - start < '3 s' AS soon FROM clock;
