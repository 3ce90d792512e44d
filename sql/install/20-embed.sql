-- Text to tokens to embeddings.

CREATE FUNCTION usercluster.embed(input text, model text DEFAULT NULL, prompt text DEFAULT NULL, truncation text DEFAULT 'truncate')
RETURNS @extschema@.embedding
LANGUAGE C STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'usercluster_embed';
COMMENT ON FUNCTION usercluster.embed(text, text, text, text) IS
'embedding of a text; model: NULL is usercluster.default_model; prompt: put before the text, NULL is the model''s own, '''' none; truncation of text beyond the model''s tokens: truncate (cut), error, or window: the mean of text_windows'' embeddings by their tokens. NULL for NULL and blank text';

CREATE FUNCTION usercluster.embed(input text[], model text DEFAULT NULL, prompt text DEFAULT NULL, truncation text DEFAULT 'truncate')
RETURNS @extschema@.embedding[]
LANGUAGE C STABLE PARALLEL SAFE COST 1000000
AS 'MODULE_PATHNAME', 'usercluster_embed_array';
COMMENT ON FUNCTION usercluster.embed(text[], text, text, text) IS
'embeddings of many texts at once, over usercluster.threads; the same values and arguments as for one text';

CREATE FUNCTION usercluster.tokenize(input text, model text DEFAULT NULL,
	OUT "position" int, OUT id int, OUT token text, OUT start int, OUT stop int)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'usercluster_tokenize';
COMMENT ON FUNCTION usercluster.tokenize(text, text) IS
'tokens of a text, without any prompt and uncut: position from 1, id, vocabulary entry, and the characters it covers: substr(input, start, stop - start); NULL for tokens that the model adds; token is NULL where the database''s encoding lacks a character of it';

CREATE FUNCTION usercluster.token_count(input text, model text DEFAULT NULL, prompt text DEFAULT NULL)
RETURNS int
LANGUAGE C STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'usercluster_token_count';
COMMENT ON FUNCTION usercluster.token_count(text, text, text) IS
'tokens that embed would see before any cut, prompt and added tokens included; compare with models.maximum_tokens';

CREATE FUNCTION usercluster.text_windows(input text, model text DEFAULT NULL, prompt text DEFAULT NULL,
	OUT "window" int, OUT content text, OUT start int, OUT stop int, OUT tokens int)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'usercluster_text_windows';
COMMENT ON FUNCTION usercluster.text_windows(text, text, text) IS
'the windows in which embed(..., truncation => ''window'') embeds a text beyond the model''s tokens: content is substr(input, start, stop - start), tokens its own ones; windows end at ends of sentences where they can and overlap by sentences of at most an eighth. One window where the text fits';

CREATE FUNCTION usercluster.list_models(
	OUT name text, OUT architecture text, OUT dimensions int, OUT maximum_tokens int, OUT parameters bigint, OUT bytes bigint,
	OUT prompt text, OUT fingerprint text, OUT problem text, OUT base text, OUT fidelity float8,
	OUT base_fingerprint text, OUT objective text, OUT texts bigint, OUT steps bigint, OUT seed bigint,
	OUT loss_before float8, OUT loss_after float8, OUT "check" text, OUT groups_before float8, OUT groups_after float8,
	OUT options text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 5
AS 'MODULE_PATHNAME', 'usercluster_list_models';
COMMENT ON FUNCTION usercluster.list_models() IS 'what lies in the model directory of this server; see the view models';

CREATE VIEW usercluster.models AS
	SELECT * FROM usercluster.list_models() ORDER BY name;
COMMENT ON VIEW usercluster.models IS
'models in the model directory: name, architecture, dimensions, maximum tokens, parameters, bytes, prompt, fingerprint (SHA-256 of the content), the problem where a file is refused, and of a model made from another that base model, its fingerprint then, and on how many texts; of a distilled one fidelity: its mean cosine to the base model''s embeddings on texts held back; of a fine-tuned one objective, steps, seed, the loss on what was held back before and after, the check that decided (loss, or how well two halves of the texts agree on their groups, before and after), and the other options';
GRANT SELECT ON usercluster.models TO PUBLIC;

CREATE FUNCTION usercluster.embed_column() RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_embed_column';
COMMENT ON FUNCTION usercluster.embed_column() IS
'trigger function (text column, embedding column [, model]) for BEFORE INSERT OR UPDATE ... FOR EACH ROW: embeds new and changed text';
