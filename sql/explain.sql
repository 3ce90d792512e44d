-- explain_assignment, explain_sentences, segment_difference
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE TABLE writers (id int PRIMARY KEY, body text, at embedding);
INSERT INTO writers (id, body) VALUES
	(1, '我喜欢看科幻电影'), (2, '周末去电影院看新电影'), (3, '这部电影的导演很棒'), (4, 'This film has great actors'),
	(5, '我每天早上跑步'), (6, '健身房锻炼身体'), (7, '周末打篮球和游泳'), (8, 'Running and swimming keep me fit'),
	(9, '我爱吃四川火锅'), (10, '自己做饭做菜很开心'), (11, '这家餐厅的菜很好吃'), (12, 'Cooking spicy food at home');
UPDATE writers SET at = usercluster.embed(body, 'multilingual-e5-small-q4');
CALL usercluster.create_segmentation('hobbies', 'SELECT id, body AS text FROM writers', k => 3, members => 'hobbies', preparation => 'centred');
CALL usercluster.create_segmentation('vectors', 'SELECT id, at FROM writers', k => 3, members => 'vectors');

SELECT pg_temp.refused('SELECT * FROM usercluster.' || call) FROM (VALUES
	($$explain_assignment(NULL, 'x')$$), ($$explain_assignment('none', 'x')$$), ($$explain_assignment('vectors', 'x')$$),
	($$explain_sentences('none', ARRAY['x'])$$), ($$explain_sentences('hobbies', repeat('Yes. ', 1001))$$),
	($$segment_difference(NULL, 1, 2)$$), ($$segment_difference('hobbies', 1, NULL)$$), ($$segment_difference('hobbies', 1, 9)$$),
	($$segment_difference('hobbies', 2, 2)$$), ($$segment_difference('hobbies', 1, 2, 0)$$),
	($$segment_difference('vectors', 1, 2)$$)
) AS calls(call);
SELECT count(*) FROM usercluster.explain_assignment('hobbies', NULL::text), usercluster.explain_sentences('hobbies', NULL::text[]);
SELECT count(*) FROM usercluster.explain_sentences('hobbies', ARRAY[NULL, ' ', '']);

-- the nearest segments are those of assign_text
SELECT body, e.rank, e.segment = h.segment AS own, abs(e.distance - a.distance) < 1e-6 AS distance, abs(f.margin - a.margin) < 1e-6 AS margin
	FROM writers JOIN hobbies AS h USING (id), usercluster.explain_assignment('hobbies', body) AS e,
		usercluster.explain_assignment('hobbies', body) AS f, usercluster.assign_text('hobbies', body) AS a
	WHERE id IN (1, 8, 9) AND e.rank = 1 AND f.rank = 2 ORDER BY id;
SELECT count(*), bool_and(margin >= 0), array_agg(rank ORDER BY distance) FROM usercluster.explain_assignment('hobbies', ARRAY['我喜欢看电影', 'I love good films']);

-- the sentence about the hobby pulls most, the one about another hobby pulls away, one alone has nothing to be left out of
SELECT rank, sentence, sentence = substr('我住在北京。我最喜欢看科幻电影！We have two cats.', start, stop - start), sign(pull)
	FROM usercluster.explain_sentences('hobbies', '我住在北京。我最喜欢看科幻电影！We have two cats.') WHERE rank = 1;
SELECT text_number, sentence, pull > 0 FROM usercluster.explain_sentences('hobbies',
	ARRAY['I watch films every evening.', NULL, '这部电影的演员很好。', 'I also cook spicy food at home.']) ORDER BY text_number;
SELECT rank, sentence, pull IS NULL FROM usercluster.explain_sentences('hobbies', '  我喜欢看电影 ');

-- what sets two segments apart
SELECT bool_or(keyword LIKE '%电影%') FILTER (WHERE d.segment = film.segment), bool_or(keyword LIKE '%电影%') FILTER (WHERE d.segment = food.segment), count(DISTINCT d.segment)
	FROM hobbies AS film, hobbies AS food, usercluster.segment_difference('hobbies', film.segment, food.segment) AS d
	WHERE film.id = 1 AND food.id = 9;
CREATE ROLE usercluster_regress_reader;
GRANT SELECT ON hobbies TO usercluster_regress_reader;
SET ROLE usercluster_regress_reader;
SELECT count(*) FROM usercluster.explain_assignment('hobbies', '我喜欢看电影');
SELECT pg_temp.refused($$SELECT * FROM usercluster.segment_difference('hobbies', 1, 2)$$);
RESET ROLE;
DROP OWNED BY usercluster_regress_reader;
DROP ROLE usercluster_regress_reader;
\set VERBOSITY terse
SELECT usercluster.drop_segmentation('hobbies'), usercluster.drop_segmentation('vectors');
DROP TABLE writers, hobbies, vectors;
