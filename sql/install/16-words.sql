-- Sentences and words of a text.

CREATE FUNCTION usercluster.sentences(input text, OUT sentence text, OUT start int, OUT stop int)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_sentences';
COMMENT ON FUNCTION usercluster.sentences(text) IS
'sentences of a text in any script (Unicode Standard Annex 29, by ICU), without the blanks around them, and their places: substr(input, start, stop - start). A line end ends a sentence; beyond 32 kB it is divided';

CREATE FUNCTION usercluster.words(input text, language text DEFAULT NULL,
	OUT word text, OUT kind text, OUT start int, OUT stop int, OUT stem text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 30
AS 'MODULE_PATHNAME', 'usercluster_words';
COMMENT ON FUNCTION usercluster.words(text, text) IS
'words of a text in any script (by ICU, with dictionaries for Chinese, Japanese, Thai), without spaces, punctuation and emoji; kind: word, number, ideographic or kana; place: substr(input, start, stop - start); stem: with a language, in lower case and, where libstemmer knows the language, stemmed';

CREATE FUNCTION usercluster.stem(word text, language text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'usercluster_stem';
COMMENT ON FUNCTION usercluster.stem(text, text) IS
'stem of a word, in lower case, by the Snowball algorithm of the language (ISO 639 code)';

CREATE FUNCTION usercluster.language_code(name text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'usercluster_language_code';
COMMENT ON FUNCTION usercluster.language_code(text) IS
'ISO 639 code of a language given as code (eng, en-GB, zh-Hans) or by its English name; an unknown one is an error';

CREATE FUNCTION usercluster.detect_language(input text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'usercluster_detect_language';
COMMENT ON FUNCTION usercluster.detect_language(text) IS
'ISO 639 code of the language that most of a text is in, by script, letters, function words and endings; NULL where it is not clear. Looks at the first 16 kB';

-- What comes with the library is no row: an upgrade may change it, and a dump holds what users have added and taken away.
CREATE TABLE usercluster.stop_words (
	language text NOT NULL CHECK (language = usercluster.language_code(language)),
	word text NOT NULL CHECK (word <> ''),
	stop boolean NOT NULL DEFAULT true,
	PRIMARY KEY (language, word)
);
COMMENT ON TABLE usercluster.stop_words IS
'words that keywords shall leave out beside those that come with the library; with stop = false one of the latter that they shall take';
COMMENT ON COLUMN usercluster.stop_words.language IS 'ISO 639 code';
COMMENT ON COLUMN usercluster.stop_words.word IS 'compared without regard to case and width';
COMMENT ON COLUMN usercluster.stop_words.stop IS 'false: a word that comes with the library is no stop word here';
GRANT SELECT ON usercluster.stop_words TO PUBLIC;
-- Who owns the database restores it.
GRANT INSERT ON usercluster.stop_words TO pg_database_owner;
SELECT pg_catalog.pg_extension_config_dump('usercluster.stop_words', '');

CREATE FUNCTION usercluster.shipped_stop_words(OUT language text, OUT word text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 4000
AS 'MODULE_PATHNAME', 'usercluster_shipped_stop_words';
COMMENT ON FUNCTION usercluster.shipped_stop_words() IS
'function words that come with the library, of 29 languages; without those that the database''s encoding cannot hold';

CREATE VIEW usercluster.all_stop_words AS
	SELECT language, word, true AS shipped FROM usercluster.shipped_stop_words() s
	WHERE NOT EXISTS (SELECT FROM usercluster.stop_words u WHERE u.language = s.language AND u.word = s.word AND NOT u.stop)
	UNION ALL
	SELECT language, word, false FROM usercluster.stop_words u
	WHERE stop AND NOT EXISTS (SELECT FROM usercluster.shipped_stop_words() s WHERE s.language = u.language AND s.word = u.word);
COMMENT ON VIEW usercluster.all_stop_words IS
'stop words in force: those that come with the library (shipped) and those of the table stop_words, without those taken away there';
GRANT SELECT ON usercluster.all_stop_words TO PUBLIC;
