-- Languages: their codes, their stop words, and which one a text is in.

-- what must be refused, and nothing
SELECT usercluster.language_code('englsh');
INSERT INTO usercluster.stop_words VALUES ('englsh', 'x');
INSERT INTO usercluster.stop_words VALUES ('English', 'x');
INSERT INTO usercluster.stop_words VALUES ('en', '');
SELECT usercluster.detect_language(NULL) IS NULL AS is_null, usercluster.language_code(NULL) IS NULL AS is_null;
SELECT input, usercluster.detect_language(input) FROM unnest(ARRAY['', ' ', '123 !?', '👍🏽', 'xyzzy', 'OK', 'Berlin Paris Roma']) AS input;

SELECT name, usercluster.language_code(name) FROM unnest(ARRAY['en', 'ENG', 'en_GB', 'English', 'zh-Hans-CN', 'nb', 'deu']) AS name;

SELECT usercluster.detect_language(input), input FROM unnest(ARRAY[
	'我喜欢看电影，特别是科幻片。', '我喜歡看電影', 'I like films, most of all science fiction.', 'これは映画です', '映画館へ行きました', '영화를 좋아해요', 'ฉันชอบดูหนัง',
	'Ich mag Filme und Bücher nicht.', 'J''aime beaucoup les films.', 'Me gustan mucho las películas.', 'Mi piacciono molto i film.', 'Gosto muito de filmes e também de livros.',
	'Ik hou van films en van boeken.', 'Jag tycker om filmer och böcker.', 'Lubię filmy i książki, ale nie wszystkie.', 'Filmleri ve kitapları çok seviyorum.',
	'Saya suka menonton film dan membaca buku.', 'Tôi thích xem phim.', 'Я люблю фильмы и книги.', 'Я люблю фільми і книги.', 'أحب مشاهدة الأفلام', 'من فیلم دوست دارم و کتاب را', 'אני אוהב סרטים',
	'Μου αρέσουν οι ταινίες', 'मुझे फिल्में देखना पसंद है', '我昨天看了 Star Wars，很好看', 'I saw 霸王别姬 at the cinema and it was great']) AS input;

-- one megabyte in one word, and of one letter in many
SELECT usercluster.detect_language(repeat('a', 1000000)), usercluster.detect_language(repeat('我', 300000)), usercluster.detect_language(repeat('é ', 500000));

-- stop words: shipped ones, one more, one less
SELECT language, count(*) > 100 AS many FROM usercluster.all_stop_words WHERE language IN ('zh', 'en') GROUP BY 1 ORDER BY 1;
SELECT count(*) = count(DISTINCT (language, word)) AS once FROM usercluster.all_stop_words;
INSERT INTO usercluster.stop_words VALUES ('en', 'hello'), ('en', 'and'), ('zh', '亲');
INSERT INTO usercluster.stop_words VALUES ('en', 'not', false);
SELECT word, shipped FROM usercluster.all_stop_words WHERE word IN ('hello', 'and', 'not', '亲') AND language IN ('en', 'zh') ORDER BY word COLLATE "C";
SELECT bool_or(word = 'not') AS still_shipped FROM usercluster.shipped_stop_words();
CREATE ROLE regress_words_reader;
SET ROLE regress_words_reader;
SELECT count(*) FROM usercluster.stop_words;
SELECT count(*) > 1000 AS many FROM usercluster.all_stop_words;
INSERT INTO usercluster.stop_words VALUES ('en', 'bye');
RESET ROLE;
DROP ROLE regress_words_reader;
DELETE FROM usercluster.stop_words;
