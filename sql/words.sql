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
