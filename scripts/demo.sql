-- The way from sentences to segments. scripts/demo runs this file in an empty database; every statement works as it stands
-- in any database where the extension is installed.
\set QUIET on
\pset footer off
\pset null '-'

CREATE EXTENSION usercluster;

-- Where the time goes: one row for each step, printed at the end.
CREATE TABLE step (number int GENERATED ALWAYS AS IDENTITY, what text, started timestamptz DEFAULT clock_timestamp());

SELECT name, dimensions, maximum_tokens, parameters, pg_size_pretty(bytes) AS size, prompt FROM usercluster.models
WHERE name = 'multilingual-e5-small-q4';


\echo '1. Ten users, who wrote one sentence each'
\echo
INSERT INTO step (what) VALUES ('ten users: insert, the trigger embeds');

CREATE TABLE users (user_id int PRIMARY KEY, text text, embedding embedding(384));

-- From here on the embedding follows the text.
SELECT usercluster.enable_embedding('users', 'text', 'embedding', model => 'multilingual-e5-small-q4') \g /dev/null

\copy users (user_id, text) FROM data/ten_users.csv (FORMAT csv, HEADER)

SELECT user_id, text, dims(embedding), round(norm(embedding)::numeric, 6) AS norm,
	left(embedding::text, 36) || '…' AS embedding
FROM users ORDER BY user_id;

\echo 'The same users in 4 clusters'
\echo
INSERT INTO step (what) VALUES ('ten users: k-means, 4 and 6 clusters');

SELECT cluster, user_id, text, round(distance::numeric, 4) AS distance
FROM usercluster.kmeans('SELECT user_id, embedding FROM users', k => 4, restarts => 10) c
JOIN users u ON u.user_id = c.id
ORDER BY cluster, user_id;

\echo 'In 6 clusters: film, books, music and travel each bring two users together; games and programming stand alone'
\echo
SELECT cluster, user_id, text, round(distance::numeric, 4) AS distance
FROM usercluster.kmeans('SELECT user_id, embedding FROM users', k => 6, restarts => 10) c
JOIN users u ON u.user_id = c.id
ORDER BY cluster, user_id;

\echo 'What the 6 clusters are about: words that set their texts apart'
\echo
SELECT segment AS cluster, string_agg(keyword, ', ' ORDER BY rank) AS keywords
FROM usercluster.segment_keywords($$
	SELECT cluster, text FROM usercluster.kmeans('SELECT user_id, embedding FROM users', k => 6, restarts => 10)
	JOIN users ON user_id = id$$, keywords => 3)
GROUP BY segment ORDER BY segment::int;

\echo 'Is that chance? The groups that 20 other seeds find:'
\echo
INSERT INTO step (what) VALUES ('ten users: 20 seeds');

CREATE TABLE groups_of_seeds AS
SELECT groups, count(*) AS seeds
FROM (SELECT seed, string_agg(members, ' | ' ORDER BY first) AS groups
	  FROM (SELECT seed, cluster, string_agg(id::text, '+' ORDER BY id) AS members, min(id) AS first
			FROM generate_series(1, 20) AS seed,
				usercluster.kmeans('SELECT user_id, embedding FROM users', k => 6, seed => seed, restarts => 10)
			GROUP BY seed, cluster) AS cluster
	  GROUP BY seed) AS fit
GROUP BY groups;

SELECT * FROM groups_of_seeds ORDER BY seeds DESC;


\echo '2. 1,004 sentences in Chinese and the same in English, on seven topics (SIB-200, see data/README.md)'
\echo
INSERT INTO step (what) VALUES ('sentences: load');

CREATE TABLE sentence (number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id int, lang text, topic text, text text,
					   embedding embedding(384));

\copy sentence (id, lang, topic, text) FROM PROGRAM 'gzip -d -c data/sib200_zh_en.csv.gz' (FORMAT csv, HEADER)

INSERT INTO step (what) VALUES ('sentences: embed all 2,008');

-- Many texts in one call share its threads.
UPDATE sentence SET embedding = embedded.embedding
FROM (SELECT unnest(array_agg(number ORDER BY number)) AS number,
			 unnest(usercluster.embed(array_agg(text ORDER BY number), model => 'multilingual-e5-small-q4')) AS embedding
	  FROM sentence) AS embedded
WHERE sentence.number = embedded.number;

\echo 'As they are, in 7 clusters: the languages part, the topics do not meet'
\echo
INSERT INTO step (what) VALUES ('sentences: k-means');

CREATE TABLE plain AS
SELECT s.number, s.id, s.lang, s.topic, c.cluster
FROM usercluster.kmeans('SELECT number, embedding FROM sentence', k => 7, restarts => 10, preparation => 'none') c
JOIN sentence s ON s.number = c.id;

SELECT cluster, topic, count(*) FROM plain GROUP BY 1, 2 ORDER BY 1
\crosstabview cluster topic count topic
SELECT cluster, lang, count(*) FROM plain GROUP BY 1, 2 ORDER BY 1
\crosstabview cluster lang count lang

\echo 'With the mean embedding of each language subtracted'
\echo
INSERT INTO step (what) VALUES ('sentences: subtract the means, k-means again');

CREATE VIEW centred AS
SELECT number, l2_normalize(embedding - mean) AS embedding
FROM sentence JOIN (SELECT lang, avg(embedding) AS mean FROM sentence GROUP BY lang) AS language USING (lang);

CREATE TABLE by_topic AS
SELECT s.number, s.id, s.lang, s.topic, c.cluster
FROM usercluster.kmeans('SELECT number, embedding FROM centred', k => 7, restarts => 10, preparation => 'none') c
JOIN sentence s ON s.number = c.id;

SELECT cluster, topic, count(*) FROM by_topic GROUP BY 1, 2 ORDER BY 1
\crosstabview cluster topic count topic
SELECT cluster, lang, count(*) FROM by_topic GROUP BY 1, 2 ORDER BY 1
\crosstabview cluster lang count lang

\echo 'With a column "language", and the preparation that is the default: language means subtracted, then softly whitened'
\echo
INSERT INTO step (what) VALUES ('sentences: k-means over a column "language"');

CREATE TABLE by_language_column AS
SELECT s.number, s.id, s.lang, s.topic, c.cluster
FROM usercluster.kmeans('SELECT number, embedding, lang AS language FROM sentence', k => 7, restarts => 10) c
JOIN sentence s ON s.number = c.id;

SELECT cluster, topic, count(*) FROM by_language_column GROUP BY 1, 2 ORDER BY 1
\crosstabview cluster topic count topic

\echo 'Segments against topics, and how many of the 1,004 sentences share a segment with their translation'
\echo
INSERT INTO step (what) VALUES ('sentences: scores');

-- Both measures are 1 where segments and topics are the same partition. The adjusted Rand index is 0 on average by chance.
CREATE TABLE score AS
SELECT embeddings, usercluster.normalized_mutual_info(cluster, topic) AS nmi, usercluster.adjusted_rand_index(cluster, topic) AS ari,
	(count(*) - count(DISTINCT (id, cluster)))::float8 / count(DISTINCT id) AS pairs_together
FROM (SELECT 'as they are' AS embeddings, * FROM plain UNION ALL SELECT 'language means subtracted', * FROM by_topic
	UNION ALL SELECT 'prepared by default', * FROM by_language_column) AS fit
GROUP BY embeddings;

SELECT embeddings, round(nmi::numeric, 3) AS nmi, round(ari::numeric, 3) AS ari,
	round(100 * pairs_together::numeric, 1) || ' %' AS pairs_together
FROM score ORDER BY embeddings;


\echo '3. A segmentation: segments that stay, with names from what their texts are about'
\echo
INSERT INTO step (what) VALUES ('segmentation: fit, members, names');

CALL usercluster.create_segmentation('topics', 'SELECT number, embedding, lang AS language, text FROM sentence', k => 7,
	members => 'sentence_segments', model => 'multilingual-e5-small-q4');

SELECT segment, name, size, round(100 * share::numeric) || ' %' AS share FROM usercluster.segment_profile('topics');

\echo 'New texts find their segment at once'
\echo
INSERT INTO step (what) VALUES ('segmentation: assign two texts, explain one');

SELECT input, segment, round(distance::numeric, 3) AS distance, round(margin::numeric, 3) AS margin
FROM unnest(ARRAY['这支球队在决赛中赢了。', 'The president signed the law yesterday.', '医生说这种病毒传播得很快。']) AS input,
	usercluster.assign_text('topics', input);

\echo 'Which sentence of a text puts it there'
\echo
SELECT rank, sentence, round(pull::numeric, 3) AS pull
FROM usercluster.explain_sentences('topics', 'I live in Beijing. 昨天的足球比赛太精彩了！We have two cats.');


\echo '4. The time each step took'
\echo
INSERT INTO step (what) VALUES ('end');

SELECT what AS step, to_char(extract(epoch FROM lead(started) OVER (ORDER BY number) - started), '990.000') AS seconds
FROM step ORDER BY number LIMIT (SELECT count(*) - 1 FROM step);
