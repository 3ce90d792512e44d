-- Texts as users write them, cleaned.

CREATE FUNCTION usercluster.clean_text(input text, purpose text DEFAULT 'embedding',
	markup text DEFAULT NULL, urls text DEFAULT NULL, emails text DEFAULT NULL, handles text DEFAULT NULL, hashtags text DEFAULT NULL,
	emoji text DEFAULT NULL, invisible text DEFAULT NULL, width text DEFAULT NULL, form text DEFAULT NULL,
	letter_case text DEFAULT NULL, chinese text DEFAULT NULL, numbers text DEFAULT NULL, punctuation text DEFAULT NULL,
	stop_words text DEFAULT NULL, repeats int DEFAULT NULL, spaces text DEFAULT NULL)
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500
AS 'MODULE_PATHNAME', 'usercluster_clean_text';
COMMENT ON FUNCTION usercluster.clean_text(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, int, text) IS
'a text without what disturbs: markup, addresses, control characters, long repetitions, ...; purpose: embedding or keywords, which decide where a switch is NULL. markup, urls, emails, handles, invisible, punctuation: keep, drop; hashtags: keep, drop, text; emoji: keep, drop, name; width: keep, fold; form: keep, nfc, nfkc; letter_case: keep, lower, fold; chinese: keep, simplified, traditional; numbers: keep, drop, zero; stop_words: a language whose shipped stop words are dropped; repeats: most of a character in a row, 0 any; spaces: keep, collapse';
