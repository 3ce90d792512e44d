-- Static models distilled from a base model on the site's own texts.

CREATE PROCEDURE usercluster.distil(base text, name text, query text, seed bigint DEFAULT 1)
LANGUAGE C
AS 'MODULE_PATHNAME', 'usercluster_distil';
COMMENT ON PROCEDURE usercluster.distil(text, text, text, bigint) IS
'trains a static model (one vector per word: far faster, somewhat less exact) on the texts in the only column of the query, to give what the base model gives for them, and writes it into the model directory of this server under the new name, which must be free. Takes the base model''s time for these texts and their distinct words: a few thousand texts suffice. For superusers and roles that are granted EXECUTE';
REVOKE ALL ON PROCEDURE usercluster.distil(text, text, text, bigint) FROM PUBLIC;
