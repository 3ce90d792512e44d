-- embed, tokenize, token_count, models and the trigger embed_column, with the two models that fetch-model brings
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- refused: models
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.embed('x', 'no-such-model')$$), ($$SELECT usercluster.embed('x', '../all-MiniLM-L6-v2')$$),
	($$SELECT usercluster.embed('x', 'a/b')$$), ($$SELECT usercluster.embed('x', '.')$$),
	($$SELECT usercluster.embed('x', '..')$$), ($$SELECT usercluster.embed('x', '.hidden')$$),
	($$SELECT usercluster.tokenize('x', 'no-such-model')$$), ($$SELECT usercluster.token_count('x', 'a b')$$)
) AS calls(call);
SELECT refused LIKE '%"no-such-model"%' FROM pg_temp.refused($$SELECT usercluster.embed('x', 'no-such-model')$$) AS refused;
-- refused: no model named and no default, texts too long, a truncation unknown
SET usercluster.default_model = '';
SELECT pg_temp.refused($$SELECT usercluster.embed('x')$$);
SET usercluster.default_model = 'all-MiniLM-L6-v2';
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.embed(repeat('long ', 300), truncation => 'error')$$),
	($$SELECT usercluster.embed(ARRAY['short', repeat('long ', 300)], truncation => 'error')$$),
	($$SELECT usercluster.embed('x', truncation => 'shorten')$$), ($$SELECT usercluster.embed('x', truncation => NULL)$$)
) AS calls(call);
-- refused: settings; how the server writes a range differs between its versions
SELECT split_part(pg_temp.refused(call), ' (', 1) FROM (VALUES
	('SET usercluster.threads = -1'), ('SET usercluster.threads = 1000'), ('SET usercluster.max_memory = 0'),
	($$SET usercluster.max_memory = '1 parsec'$$)
) AS calls(call);
CREATE ROLE usercluster_regress_reader;
SET ROLE usercluster_regress_reader;
SELECT pg_temp.refused($$SET usercluster.model_dir = '/tmp'$$);
SELECT dims(usercluster.embed('anybody may embed'));
RESET ROLE;
DROP ROLE usercluster_regress_reader;

-- NULL gives NULL, and so does a text without anything to read: spaces of any script
SELECT usercluster.embed(NULL::text) IS NULL, usercluster.embed('') IS NULL, usercluster.embed(E' \t\n\u00a0\u3000') IS NULL,
	usercluster.embed(NULL::text[]) IS NULL, usercluster.embed('{}'::text[]), usercluster.token_count(NULL) IS NULL;
SELECT i, e IS NULL FROM unnest(usercluster.embed(ARRAY['a', NULL, '', 'b', '　'])) WITH ORDINALITY AS t(e, i) ORDER BY i;

-- an array keeps its shape
SELECT array_dims(usercluster.embed('[3:4][0:0]={{a},{b}}'::text[]));

-- models: what each is
SELECT name, architecture, dimensions, maximum_tokens, prompt, parameters BETWEEN 2e7 AND 2e8, bytes > 4e7, length(fingerprint) >= 32, problem
	FROM usercluster.models WHERE name IN ('all-MiniLM-L6-v2', 'multilingual-e5-small-q4') ORDER BY name;
SELECT dims(usercluster.embed('x', name)) = dimensions, abs(norm(usercluster.embed('x', name)) - 1) < 1e-5
	FROM usercluster.models WHERE name IN ('all-MiniLM-L6-v2', 'multilingual-e5-small-q4') ORDER BY name;

-- alone, in an array of any length and order, and with other threads, a text has one vector
CREATE TEMP TABLE texts AS SELECT row_number() OVER () AS id, body FROM unnest(ARRAY[
	'I like science fiction films', '我喜欢科幻电影', '看一部好电影是周末最大的乐趣', 'Reading novels before sleep', '睡前读小说',
	'我 love 旅行, especially 海边!', 'Travelling to the sea', '😀 emoji 🎬', 'x', repeat('很长的评论。', 200), repeat('a long review, ', 200),
	'<b>html</b> &amp; http://example.org', E'tab\tand\nline', 'Ünïcödé façade', 'مرحبا', '日本語のレビュー']) AS body;
SELECT model, count(*), max(t.e <-> usercluster.embed(body, model)) < 1e-6, max(r.e <-> t.e) < 1e-6
	FROM unnest(ARRAY['all-MiniLM-L6-v2', 'multilingual-e5-small-q4']) AS model,
		LATERAL unnest(usercluster.embed((SELECT array_agg(body ORDER BY id) FROM texts), model)) WITH ORDINALITY AS t(e, id)
		JOIN texts USING (id),
		LATERAL (SELECT e FROM unnest(usercluster.embed((SELECT array_agg(body ORDER BY id DESC) FROM texts), model))
			WITH ORDINALITY AS r(e, n) WHERE n = 17 - t.id) AS r
	GROUP BY model ORDER BY model;
CREATE TEMP TABLE threaded AS SELECT usercluster.embed(array_agg(body ORDER BY id)) AS e FROM texts;
SET usercluster.threads = 1;
INSERT INTO threaded SELECT usercluster.embed(array_agg(body ORDER BY id)) AS e FROM texts;
RESET usercluster.threads;
SELECT count(DISTINCT e) FROM threaded;

-- nearest in meaning across languages, which is what the vectors are for
SET usercluster.default_model = 'multilingual-e5-small-q4';
SELECT question, (SELECT answer FROM unnest(ARRAY['我喜欢看电影', '我每天跑步', '我爱吃辣的菜']) AS answer
	ORDER BY usercluster.embed(question) <=> usercluster.embed(answer) LIMIT 1)
	FROM unnest(ARRAY['I love watching movies', 'I go running every day', '四川火锅太好吃了', 'Spicy food is my favourite']) AS question;

-- the prompt belongs to the model until somebody says otherwise
SELECT usercluster.embed('电影') <-> usercluster.embed('电影', prompt => 'query: ') < 1e-6,
	usercluster.embed('电影') <-> usercluster.embed('query: 电影', prompt => '') < 1e-6,
	usercluster.embed('电影') <-> usercluster.embed('电影', prompt => '') > 0.01,
	usercluster.embed('电影', prompt => NULL) <-> usercluster.embed('电影') < 1e-6;

-- an empty model is the default one
SET usercluster.default_model = 'all-MiniLM-L6-v2';
SELECT usercluster.embed('x', '') = usercluster.embed('x'), usercluster.embed(ARRAY['x'], '') = ARRAY[usercluster.embed('x', 'all-MiniLM-L6-v2')],
	(SELECT count(*) FROM usercluster.tokenize('x', '')) = 3, usercluster.token_count('x', '');

-- cut where the model ends, unless refused
SELECT usercluster.token_count(repeat('long ', 300)), usercluster.token_count('我喜欢 films'), usercluster.token_count('');
SELECT usercluster.embed(repeat('long ', 300)) <-> usercluster.embed(repeat('long ', 254)) < 1e-6,
	usercluster.embed(repeat('long ', 253)) <-> usercluster.embed(repeat('long ', 254)) > 1e-6;

-- or embedded in windows: all of the text counts, by tokens; a text that fits is embedded as ever
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT usercluster.embed('x', prompt => repeat('long ', 300), truncation => 'window')$$),
	($$SELECT * FROM usercluster.text_windows('x', 'no-such-model')$$),
	($$SELECT * FROM usercluster.text_windows('x', prompt => repeat('long ', 254))$$)
) AS calls(call);
SELECT * FROM usercluster.text_windows('I like films. 我喜欢电影。');
SELECT * FROM usercluster.text_windows('') UNION ALL SELECT * FROM usercluster.text_windows(NULL);
SELECT usercluster.embed('short', truncation => 'window') = usercluster.embed('short'), usercluster.embed('  ', truncation => 'window') IS NULL;
CREATE TEMP TABLE long_texts AS SELECT * FROM (VALUES
	('no sentences', repeat('long ', 600)),
	('one word', repeat('a', 4000)),
	('sentences', (SELECT string_agg(format('This is sentence %s, which says that %s follows it.', i, i + 1), ' ') FROM generate_series(1, 60) AS i)),
	('句子', (SELECT string_agg(format('这是第%s句话，后面还有第%s句。', i, i + 1), '') FROM generate_series(1, 60) AS i)),
	('one emoji', repeat('😀', 900)), ('lines', repeat(E'a line of no end\n', 100))) AS t(kind, body);
SELECT model, kind, count(*) > 1 AS several, bool_and(content = substr(body, start, stop - start)) AS as_said,
	min(start) = 1 AND max(stop) >= length(rtrim(body, E' \n')) + 1 AS covers, bool_and(start <= before) AS without_gaps,
	bool_or(start < before - 1) AS overlaps, bool_and(usercluster.token_count(content, model) <= maximum_tokens) AS fit
FROM (SELECT model, kind, body, w.*, coalesce(lag(stop) OVER (PARTITION BY model, kind ORDER BY "window"), 1) + 1 AS before
	FROM long_texts, unnest(ARRAY['all-MiniLM-L6-v2', 'multilingual-e5-small-q4']) AS model,
		usercluster.text_windows(body, model) AS w) AS windows JOIN usercluster.models ON name = model
GROUP BY model, kind, body ORDER BY model, kind;
SELECT kind, usercluster.embed(body, truncation => 'window') <-> (SELECT l2_normalize(weighted_avg(usercluster.embed(content), tokens))
	FROM usercluster.text_windows(body)) < 1e-5 AS mean FROM long_texts WHERE kind IN ('lines', 'no sentences') ORDER BY kind;
SELECT bool_and(together <-> usercluster.embed(body, truncation => 'window') < 1e-6) AS alone_and_together
	FROM (SELECT array_agg(body ORDER BY kind) AS bodies FROM long_texts WHERE kind IN ('lines', 'one word')) AS two,
		unnest(bodies, usercluster.embed(bodies, truncation => 'window')) AS t(body, together);

-- tokens cover the text
SELECT string_agg(format('%s %s %s', id, token, coalesce(substr('I love 电影!', start, stop - start), '-')), '|' ORDER BY position)
	FROM usercluster.tokenize('I love 电影!', 'all-MiniLM-L6-v2');
SELECT string_agg(format('%s %s %s', id, token, coalesce(substr('I love 电影!', start, stop - start), '-')), '|' ORDER BY position)
	FROM usercluster.tokenize('I love 电影!', 'multilingual-e5-small-q4');
SELECT count(*) FROM usercluster.tokenize(NULL);

-- the trigger: misuse is refused
CREATE TEMP TABLE reviews (id int PRIMARY KEY, body text, words varchar, at embedding, small embedding(3), note text);
CREATE FUNCTION pg_temp.try_trigger(definition text, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE 'CREATE TRIGGER tried ' || definition;
	answer := pg_temp.refused(change);
	DROP TRIGGER tried ON reviews;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT pg_temp.refused('SELECT usercluster.embed_column()');
SELECT pg_temp.try_trigger(definition, change) FROM (VALUES
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column()$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('nothing', 'at')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'nothing')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('id', 'at')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'note')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at', 'no-such-model')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'small')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at', 'all-MiniLM-L6-v2', 'more')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE DELETE ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at')$$, $$INSERT INTO reviews VALUES (1, 'x'); DELETE FROM reviews$$),
	($$BEFORE TRUNCATE ON reviews FOR EACH STATEMENT EXECUTE FUNCTION usercluster.embed_column('body', 'at')$$, $$TRUNCATE reviews$$),
	($$AFTER INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at')$$, $$INSERT INTO reviews VALUES (1, 'x')$$),
	($$BEFORE INSERT ON reviews FOR EACH STATEMENT EXECUTE FUNCTION usercluster.embed_column('body', 'at')$$, $$INSERT INTO reviews VALUES (1, 'x')$$)
) AS t(definition, change);
SELECT count(*) FROM reviews;

-- the trigger: new text gets a vector, an unchanged one keeps it, no text has none
INSERT INTO reviews (id, body) VALUES (0, 'already there');
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON reviews
	FOR EACH ROW EXECUTE FUNCTION usercluster.embed_column('body', 'at', 'multilingual-e5-small-q4');
INSERT INTO reviews (id, body) VALUES (1, '我喜欢科幻电影'), (2, NULL), (3, '  ');
INSERT INTO reviews (id, body, at) VALUES (4, 'restored with its vector', '[1,2,3]');
SELECT id, dims(at), at <-> usercluster.embed(body, 'multilingual-e5-small-q4') < 1e-6 FROM reviews WHERE id <> 4 ORDER BY id;
UPDATE reviews SET note = 'read', at = at WHERE id = 4;
SELECT at FROM reviews WHERE id = 4;
UPDATE reviews SET body = 'I prefer novels' WHERE id IN (1, 2, 4);
SELECT id, at <-> usercluster.embed(body, 'multilingual-e5-small-q4') < 1e-6 FROM reviews WHERE id IN (1, 2, 4) ORDER BY id;
UPDATE reviews SET body = NULL WHERE id = 1;
UPDATE reviews SET body = '' WHERE id = 2;
SELECT id, at IS NULL FROM reviews WHERE id IN (1, 2) ORDER BY id;
-- varchar is text as well
CREATE TRIGGER embed_words BEFORE INSERT ON reviews FOR EACH ROW WHEN (NEW.words IS NOT NULL)
	EXECUTE FUNCTION usercluster.embed_column('words', 'at');
INSERT INTO reviews (id, words) VALUES (5, 'a varchar');
SELECT at <-> usercluster.embed('a varchar') < 1e-6 FROM reviews WHERE id = 5;

-- memory does not grow with the number of calls
CREATE FUNCTION pg_temp.used() RETURNS bigint LANGUAGE sql AS 'SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts';
DO $$
DECLARE
	before bigint;
BEGIN
	PERFORM usercluster.embed('warm up ' || i), usercluster.embed(ARRAY['a', 'b']) FROM generate_series(1, 20) AS i;
	before := pg_temp.used();
	PERFORM usercluster.embed('text ' || i), usercluster.embed(ARRAY['a', 'b']), usercluster.token_count('text ' || i)
		FROM generate_series(1, 300) AS i;
	IF pg_temp.used() > before + 200000 THEN
		RAISE 'grew by % bytes', pg_temp.used() - before;
	END IF;
END $$;
