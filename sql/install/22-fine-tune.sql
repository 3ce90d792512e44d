-- Models fine-tuned on the site's own texts.

CREATE PROCEDURE usercluster.fine_tune(base text, name text, query text, objective text DEFAULT 'pairs', epochs int DEFAULT 2,
	batch int DEFAULT 32, rate float8 DEFAULT 1e-4, layers int DEFAULT NULL, adapter_rank int DEFAULT NULL,
	dropout float8 DEFAULT NULL, masked float8 DEFAULT 0.15, max_tokens int DEFAULT 128, prompt text DEFAULT NULL, seed bigint DEFAULT 1)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_fine_tune';
COMMENT ON PROCEDURE usercluster.fine_tune(text, text, text, text, int, int, float8, int, int, float8, float8, int, text, bigint) IS
'trains a copy of the base model on the query''s texts and writes it into the model directory of this server under the new name, which must be free, if it is better than the base on the twentieth held back; else this is an error. objective: pairs (two columns, texts that belong together), labels (a text and its label), unsupervised (a text alone, under two dropouts) or masked (a text alone: the share masked of its words is to be guessed). layers: the last so many are trained, NULL is all and the embeddings; adapter_rank: low-rank adapters to these layers are trained instead and merged. dropout: NULL is 0.1 for unsupervised and none else. Texts are cut behind max_tokens. For superusers and roles that are granted EXECUTE';
REVOKE ALL ON PROCEDURE usercluster.fine_tune(text, text, text, text, int, int, float8, int, int, float8, float8, int, text, bigint) FROM PUBLIC;
