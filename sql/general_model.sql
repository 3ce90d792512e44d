-- general-zh-en, the model that comes with the extension: what embed() takes where nobody names a model
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- refused: a text of too many words; no vector: what has no words
SET usercluster.default_model = 'general-zh-en';
SELECT pg_temp.refused($$SELECT usercluster.embed(repeat('word ', 70000), truncation => 'error')$$);
SELECT text, usercluster.embed(text) IS NULL FROM (VALUES (''), (' '), ('?!'), (U&'\+01F600'), ('12345')) v(text);

-- the setting's own value
SELECT boot_val FROM pg_settings WHERE name = 'usercluster.default_model';
SELECT name, architecture, dimensions, base, problem FROM usercluster.models WHERE name = 'general-zh-en';
SELECT dims(usercluster.embed('我喜欢看电影')), dims(usercluster.embed('I like films'));
SELECT string_agg(token, ' ' ORDER BY position) FROM usercluster.tokenize('电影, I liked it');

-- who writes about the same: films 1 and 7, books 2 and 8, music 3 and 9, travel 4 and 10
CREATE TEMP TABLE writer (id int, text text, at embedding);
INSERT INTO writer (id, text) VALUES (1, '我喜欢看电影，特别是科幻片。'), (2, '我喜欢阅读历史书籍。'), (3, '我喜欢听音乐，特别是摇滚乐。'),
	(4, '我喜欢旅行，去过很多地方。'), (5, '我喜欢玩游戏，特别是角色扮演游戏。'), (6, '我喜欢编程，是程序员。'), (7, '我喜欢看电影，特别是动画电影。'),
	(8, '我喜欢阅读科幻书籍。'), (9, '我喜欢听音乐，特别是流行乐。'), (10, '我喜欢旅行，喜欢探险。');
UPDATE writer SET at = usercluster.embed(text);
SELECT a.id, (SELECT b.id FROM writer b WHERE b.id <> a.id ORDER BY a.at <=> b.at LIMIT 1) AS nearest
	FROM writer a WHERE a.id NOT IN (5, 6) ORDER BY 1;

-- the two languages lie together: each sentence is nearest to its translation
CREATE TEMP TABLE said (id int, language text, text text, at embedding);
INSERT INTO said (id, language, text) VALUES (1, 'zh', '我喜欢看电影'), (2, 'zh', '银行卡丢了怎么办'), (3, 'zh', '周末去爬山，风景很美'),
	(4, 'zh', '医生说我发烧了，要吃药'), (1, 'en', 'I like watching movies'), (2, 'en', 'I lost my bank card'),
	(3, 'en', 'hiking in the mountains at the weekend, beautiful scenery'), (4, 'en', 'the doctor gave me medicine for the fever');
UPDATE said SET at = usercluster.embed(text);
SELECT z.id, (SELECT e.id FROM said e WHERE e.language = 'en' ORDER BY e.at <=> z.at LIMIT 1) FROM said z WHERE language = 'zh' ORDER BY 1;
