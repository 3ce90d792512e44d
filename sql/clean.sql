-- clean_text(): what is refused, the purposes, every switch
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

\pset format unaligned
\pset tuples_only on
\pset null NULL

SELECT pg_temp.refused(format('SELECT usercluster.clean_text(%s)', arguments)) FROM (VALUES
	(1, $$'x', NULL$$),
	(2, $$'x', ''$$),
	(3, $$'x', 'search'$$),
	(4, $$NULL, 'search'$$),
	(5, $$'x', emoji => 'eat'$$),
	(6, $$'x', emoji => 'nfc'$$),
	(7, $$'x', markup => ''$$),
	(8, $$'x', form => 'NFC'$$),
	(9, $$'x', hashtags => 'name'$$),
	(10, $$'x', letter_case => 'upper'$$),
	(11, $$'x', chinese => 'zh'$$),
	(12, $$'x', spaces => 'drop'$$),
	(13, $$'x', repeats => -1$$),
	(14, $$'x', stop_words => 'english words'$$),
	(15, $$'x', stop_words => 'zxx'$$)) v(n, arguments) ORDER BY n;
SET usercluster.max_memory = '64kB';
SELECT pg_temp.refused($$SELECT usercluster.clean_text(repeat('x', 100000))$$);
RESET usercluster.max_memory;

SELECT usercluster.clean_text(NULL), usercluster.clean_text(''), usercluster.clean_text(E' \n<br>\u200b');

-- the two purposes
CREATE TEMP TABLE said (id int, body text);
INSERT INTO said VALUES
	(1, E'<p>The <b>best</b> ramen I&rsquo;ve had!!!!!!</p><p>Soooooo good \U0001F35C\U0001F60D</p> https://t.co/x1 via @foodie #Tokyo, mail me: bob@example.com'),
	(2, E'【轉發】＠小明：這部電影真的好看好看！！！！！！ 詳情：http://t.cn/A6xyz #流浪地球#，強烈推薦\U0001F44D\U0001F44D\U0001F44D\U0001F44D\U0001F44D'),
	(3, E'東京ﾀﾜｰはすごい！！！！！！\U0001F5FC ＡＢＣ　http://example.jp/タワー'),
	(4, E'อาหาร\u200Bอร่อยมากกกกกกกกก 555555 \U0001F600'),
	(5, E'\u202Bالطعام لذيذ جدااااااا\u202C ، می\u200Cخواهم'),
	(6, E'खाना बहुत अच्छाााााा है क्\u200Dष &#x1F44D;');
SELECT id, purpose, usercluster.clean_text(body, purpose) FROM said, (VALUES ('embedding'), ('keywords')) p(purpose) ORDER BY id, purpose;

-- a cleaned text is clean
SELECT count(*) FROM said, (VALUES ('embedding'), ('keywords')) p(purpose), usercluster.clean_text(body, purpose) once
WHERE once <> usercluster.clean_text(once, purpose);

-- switches, one at a time
SELECT usercluster.clean_text('a &lt;i&gt; <i>b</i> &#xD800;&#128; <Up> &copy=1', markup => choice) FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('see www.x.com/a_(b). http://t.cn/a真', urls => choice) FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('邮箱123@qq.com谢谢', emails => choice) FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('hi @bob, ＠小明 5@3元', handles => choice) FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('看#三体#真好 #fun! C# #1', hashtags => choice) FROM unnest('{keep,drop,text}'::text[]) choice;
SELECT usercluster.clean_text(E'ok\U0001F44D\U0001F3FD \U0001F1E8\U0001F1F3 1\uFE0F\u20E3 \u00A9', emoji => choice) FROM unnest('{keep,drop,name}'::text[]) choice;
SELECT convert_to(usercluster.clean_text(E'a\u200Bb\u202Ac', invisible => choice), 'UTF8') FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('ＡＢＣ１２，ｶﾞ', form => 'keep', width => choice) FROM unnest('{keep,fold}'::text[]) choice;
SELECT convert_to(usercluster.clean_text(E'e\u0301\uFB01', form => choice), 'UTF8') FROM unnest('{keep,nfc,nfkc}'::text[]) choice;
SELECT usercluster.clean_text('Straße ΣΑΣ', letter_case => choice) FROM unnest('{keep,lower,fold}'::text[]) choice;
SELECT usercluster.clean_text('頭髮 皇后 头发 電気です', chinese => choice) FROM unnest('{keep,simplified,traditional}'::text[]) choice;
SELECT usercluster.clean_text('皇后的头发', chinese => 'traditional');
SELECT usercluster.clean_text('15元 1,000.5 iPhone15', numbers => choice) FROM unnest('{keep,drop,zero}'::text[]) choice;
SELECT usercluster.clean_text('你好，《世界》! don''t 3.14', punctuation => choice) FROM unnest('{keep,drop}'::text[]) choice;
SELECT usercluster.clean_text('好好好好好 sooooo 10000', repeats => n) FROM generate_series(0, 3) n;
SELECT usercluster.clean_text(E'a  b\n\n c', spaces => choice) FROM unnest('{keep,collapse}'::text[]) choice;
SELECT usercluster.clean_text('The cat and the dogs, 我的电影和书', stop_words => language) FROM unnest('{en,english,zh,fr}'::text[]) language;

-- a generated column and an index may hold it; workers may run it
CREATE TEMP TABLE reviews (body text, cleaned text GENERATED ALWAYS AS (usercluster.clean_text(body, 'keywords')) STORED);
CREATE INDEX ON reviews (usercluster.clean_text(body));
INSERT INTO reviews SELECT body FROM said;
SELECT count(*) FROM reviews WHERE cleaned = usercluster.clean_text(body, 'keywords');

-- large ones
SELECT length(usercluster.clean_text(repeat(part, 200000), emoji => 'drop')) FROM unnest('{<,&,a@,<a ,x,#,好}'::text[]) part;
