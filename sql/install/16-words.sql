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
