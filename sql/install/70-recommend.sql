-- Items for users, with reasons

CREATE FUNCTION usercluster.recommend(
	segmentation text, user_id bigint, n integer DEFAULT 10, interactions text DEFAULT NULL, items text DEFAULT NULL, users text DEFAULT NULL,
	strategy text DEFAULT 'blend', weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	diversity double precision DEFAULT 0, half_life interval DEFAULT NULL, repeat boolean DEFAULT false, language text DEFAULT 'en')
RETURNS TABLE (item bigint, score double precision, reason text, source text)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_recommend';
COMMENT ON FUNCTION usercluster.recommend(text, bigint, integer, text, text, text, text, jsonb, integer, double precision, interval, boolean, text) IS
'The n best items for a user of a segmentation, best first: score from 0 to 1, the reason in words, and the strategy that gave most
of it (popular, segment, text, items, users). interactions is a query of user and item, with weight or rating and at where there are
any; items one of item, with embedding, title and available; users one of user and embedding, by default the segmentation''s own.
Items that the user had already come only with repeat. weights say what a blend consists of, half_life how fast interactions
fade, diversity (0 to below 1) how unlike each other items are to be by their embeddings. A user of whom nothing is known gets what is popular.';

CREATE FUNCTION usercluster.recommend(
	segmentation text, user_id anyelement, item_key anycompatible, n integer DEFAULT 10, interactions text DEFAULT NULL, items text DEFAULT NULL, users text DEFAULT NULL,
	strategy text DEFAULT 'blend', weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	diversity double precision DEFAULT 0, half_life interval DEFAULT NULL, repeat boolean DEFAULT false, language text DEFAULT 'en')
RETURNS TABLE (item anycompatible, score double precision, reason text, source text)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
AS 'MODULE_PATHNAME', 'usercluster_recommend_keyed';
COMMENT ON FUNCTION usercluster.recommend(text, anyelement, anycompatible, integer, text, text, text, text, jsonb, integer, double precision, interval, boolean, text) IS
'recommend with keys of any type: usercluster.recommend(segmentation, u1::text, NULL::uuid, ...). The value of item_key is not used';

CREATE FUNCTION usercluster.recommend_all(
	segmentation text, n integer DEFAULT 10, interactions text DEFAULT NULL, items text DEFAULT NULL, users text DEFAULT NULL,
	strategy text DEFAULT 'blend', weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	diversity double precision DEFAULT 0, half_life interval DEFAULT NULL, repeat boolean DEFAULT false, language text DEFAULT 'en')
RETURNS TABLE (user_id bigint, rank integer, item bigint, score double precision, reason text, source text)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000
AS 'MODULE_PATHNAME', 'usercluster_recommend_all';
COMMENT ON FUNCTION usercluster.recommend_all(text, integer, text, text, text, text, jsonb, integer, double precision, interval, boolean, text) IS
'The n best items for every member of a segmentation and every user of the interactions, as recommend finds them; for INSERT ... SELECT into a table of recommendations';

CREATE FUNCTION usercluster.recommend_all(
	segmentation text, user_key anyelement, item_key anycompatible, n integer DEFAULT 10, interactions text DEFAULT NULL, items text DEFAULT NULL, users text DEFAULT NULL,
	strategy text DEFAULT 'blend', weights jsonb DEFAULT NULL, neighbours integer DEFAULT 50,
	diversity double precision DEFAULT 0, half_life interval DEFAULT NULL, repeat boolean DEFAULT false, language text DEFAULT 'en')
RETURNS TABLE (user_id anyelement, rank integer, item anycompatible, score double precision, reason text, source text)
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000
AS 'MODULE_PATHNAME', 'usercluster_recommend_all_keyed';
COMMENT ON FUNCTION usercluster.recommend_all(text, anyelement, anycompatible, integer, text, text, text, text, jsonb, integer, double precision, interval, boolean, text) IS
'recommend_all with keys of any type: usercluster.recommend_all(segmentation, NULL::text, NULL::uuid, ...). The values of user_key and item_key are not used';
