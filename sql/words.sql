-- Sentences and words. ICU's dictionaries differ between versions: only words on which all agree are shown.

-- what must be refused, and nothing
SELECT usercluster.sentences(1);
SELECT * FROM usercluster.sentences(NULL);
SELECT * FROM usercluster.sentences('');
SELECT * FROM usercluster.sentences(E' \t\n ');

SELECT * FROM usercluster.sentences(E' I like films. Dr. Who is one,\tisn''t it? Yes!\nNew line');
SELECT * FROM usercluster.sentences('我喜欢看电影。真的？他说：“好。”然后走了！');

-- places are those of the input, and no sentence is lost
WITH input AS (SELECT E'Ünïcödé👍🏽goes. 第二句！\r\n\r\n¿Qué? نعم. ' || repeat('One. 二。', 1000) AS text)
SELECT count(*), bool_and(substr(text, start, stop - start) = sentence) AS places,
	string_agg(sentence, '' ORDER BY start) = max(regexp_replace(text, '\s', '', 'g')) AS whole
FROM input, usercluster.sentences(text);

-- one megabyte without an end
SELECT count(*) > 30 AS divided, sum(length(sentence)), max(octet_length(sentence)) <= 32768 AS short
FROM usercluster.sentences(repeat('我', 350000));

-- words: what must be refused, and nothing
SELECT * FROM usercluster.words('x', 'englsh');
SELECT * FROM usercluster.words('x', '');
SELECT * FROM usercluster.words('x', 'x');
SELECT * FROM usercluster.words(NULL, 'no such language');
\set VERBOSITY terse
SELECT usercluster.stem('电影', 'zh');
\set VERBOSITY default
SELECT usercluster.stem(NULL, 'en') IS NULL AS is_null, usercluster.stem('x', NULL) IS NULL AS is_null;
SELECT * FROM usercluster.words(NULL);
SELECT * FROM usercluster.words('。, -- 👍🏽 !');

SELECT * FROM usercluster.words('I don''t like 3.14 e-mails: x1 ½ 我喜欢看电影。', 'en');
SELECT * FROM usercluster.words('电影 カタカナ ภาษาไทย 한국어를', 'zh-Hans-CN');
SELECT language, usercluster.stem(word, language) FROM (VALUES
	('en', 'Travelling'), ('English', 'ＭＯＶＩＥＳ'), ('en_GB', 'readers'), ('eng', 'reading'), ('de', 'Bücher'), ('fr', 'voyages'), ('en', 'cat’s'),
	('es', 'películas'), ('it', 'libri'), ('pt', 'livros'), ('nl', 'boeken'), ('sv', 'böckerna'), ('fi', 'kirjoissa'), ('nb', 'bøkene'),
	('ru', 'книгами'), ('da', E'bøgerne')) AS word(language, word);
-- composed or not, a stem is the same; what is too long to be a word is its own stem
SELECT usercluster.stem(E'bo\u0308ckerna', 'sv') = usercluster.stem('böckerna', 'sv') AS composed,
	usercluster.stem(repeat('Ab', 500), 'en') = repeat('Ab', 500) AS long, usercluster.stem('', 'en') = '' AS empty;

WITH input AS (SELECT repeat('我喜欢看科幻电影 the cat''s 12 ', 300) AS text)
SELECT bool_and(substr(text, start, stop - start) = word) AS places,
	string_agg(word, '' ORDER BY start) = max(replace(text, ' ', '')) AS whole
FROM input, usercluster.words(text);
-- one megabyte without a space
SELECT sum(length(word)), max(length(word)) <= 32768 AS divided FROM usercluster.words(repeat('a', 1000000), 'en');
SELECT sum(length(word)) FROM usercluster.words(repeat('ภาษาไทย', 50000));
