-- Arithmetic, distances, order and hashes of embeddings
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- refused: other dimensions, overflow, no direction
SELECT op, pg_temp.refused(format($$SELECT '[1,2]'::embedding %s '[1,2,3]'::embedding$$, op))
	FROM unnest(ARRAY['+', '-', '<->', '<=>', '<#>']) AS op;
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT l2_distance('[1]', '[1,2]')$$), ($$SELECT inner_product('[1]', '[1,2]')$$),
	($$SELECT '[1,3e38]'::embedding + '[1,3e38]'$$), ($$SELECT '[-3e38]'::embedding - '[3e38]'$$),
	($$SELECT '[1,2,3]'::embedding * 1e39$$), ($$SELECT 1e200 * '[0,0,2]'::embedding$$),
	($$SELECT '[1]'::embedding * 'NaN'$$), ($$SELECT '-Infinity'::float8 * '[1]'::embedding$$),
	($$SELECT '[0,0]'::embedding <=> '[1,0]'$$), ($$SELECT '[1,0]'::embedding <=> '[0,0]'$$),
	($$SELECT l2_normalize('[0,-0]'::embedding)$$)
) AS calls(call);

-- arithmetic
SELECT '[1,2]'::embedding + '[3,-4]', '[1,2]'::embedding - '[3,-4]', '[1,2]'::embedding * 0.5, -2 * '[1,2]'::embedding,
	'[1e-30]'::embedding * 1e-30;
SELECT NULL::embedding + '[1]' IS NULL, '[1]'::embedding - NULL IS NULL, '[1]'::embedding * NULL IS NULL,
	'[1]'::embedding <-> NULL IS NULL, NULL::embedding <=> '[1]' IS NULL, '[1]'::embedding <#> NULL IS NULL,
	dims(NULL::embedding) IS NULL, norm(NULL::embedding) IS NULL, l2_normalize(NULL::embedding) IS NULL;
SELECT '[3,4]'::embedding <-> '[0,0]', '[1,2,2]'::embedding <#> '[3,4,5]', norm('[3,4]'::embedding), l2_normalize('[3,0,-4]'::embedding);
-- squares of large and of tiny components neither overflow nor vanish
SELECT '[3e38,0]'::embedding <-> '[-3e38,0]' BETWEEN 5.99e38 AND 6.01e38, norm('[1e-30,0]'::embedding) BETWEEN 0.99e-30 AND 1.01e-30,
	abs(('[1e38,1e38]'::embedding <=> '[1e-38,0]') - (1 - sqrt(0.5))) < 1e-6, norm(l2_normalize('[1e-40,2e-40]'::embedding)) BETWEEN 0.999 AND 1.001;
-- the cosine distance is 0 of one direction, 1 of orthogonal and 2 of opposite ones, and never outside
SELECT '[1,2]'::embedding <=> '[2,4]' BETWEEN 0 AND 1e-12, abs(('[1,0]'::embedding <=> '[0,3]') - 1) < 1e-12,
	'[1,2,3]'::embedding <=> '[-1,-2,-3]' BETWEEN 2 - 1e-12 AND 2;

-- by the definitions, over many dimensions and every remainder of a vector register
CREATE TEMP TABLE pairs AS
	SELECT n, array_agg(sin(n * d) ORDER BY d)::real[] AS a, array_agg(cos(n + d * d) ORDER BY d)::real[] AS b
	FROM generate_series(1, 70) AS n, LATERAL generate_series(1, n) AS d GROUP BY n
	UNION ALL
	SELECT n, array_agg(sin(n * d) ORDER BY d)::real[], array_agg(cos(n + d * d) ORDER BY d)::real[]
	FROM unnest(ARRAY[384, 1000, 16000]) AS n, LATERAL generate_series(1, n) AS d GROUP BY n;
SELECT count(*), max(abs((a::embedding <-> b::embedding) - l2)) < 1e-9, max(abs((a::embedding <#> b::embedding) + dot)) < 1e-9,
	max(abs((a::embedding <=> b::embedding) - (1 - dot / sqrt(aa * bb)))) < 1e-9, max(abs(norm(a::embedding) - sqrt(aa))) < 1e-9,
	max(abs(l2_distance(a::embedding, b::embedding) - l2)) < 1e-9, max(abs(cosine_distance(a::embedding, b::embedding) - (1 - dot / sqrt(aa * bb)))) < 1e-9,
	max(abs(inner_product(a::embedding, b::embedding) - dot)) < 1e-9, max(abs(negative_inner_product(a::embedding, b::embedding) + dot)) < 1e-9
	FROM pairs, LATERAL (
		SELECT sqrt(sum((x - y) ^ 2)) AS l2, sum(x * y) AS dot, sum(x * x) AS aa, sum(y * y) AS bb
		FROM unnest(a::float8[], b::float8[]) AS u(x, y)) AS by_definition;

-- order: component by component, then the shorter first; 0 and -0 are one
CREATE TEMP TABLE ordered (id int, at embedding);
INSERT INTO ordered VALUES (1, '[2]'), (2, '[1,5]'), (3, '[1]'), (4, '[-1,9,9]'), (5, NULL), (6, '[1,4,7]'), (7, '[0]'), (8, '[-0]'), (9, '[1]');
SELECT string_agg(at::text, ' ' ORDER BY at, id) FROM ordered;
SELECT a.at < b.at AS lt, a.at <= b.at AS le, a.at = b.at AS eq, a.at <> b.at AS ne, a.at >= b.at AS ge, a.at > b.at AS gt,
	embedding_cmp(a.at, b.at)
	FROM ordered AS a, ordered AS b WHERE (a.id, b.id) IN ((1, 2), (3, 2), (3, 9), (7, 8), (4, 5)) ORDER BY a.id, b.id;
SELECT count(DISTINCT at), count(*) FILTER (WHERE at = '[1]') FROM ordered;
-- grouped by hash and by sort alike; equal ones share their hash
SET enable_sort = off;
SELECT count(*) FROM (SELECT at FROM ordered GROUP BY at) AS g;
RESET enable_sort;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT at FROM ordered GROUP BY at) AS g;
RESET enable_hashagg;
SELECT embedding_hash('[0,1]') = embedding_hash('[-0,1]'), embedding_hash_extended('[0]', 7) = embedding_hash_extended('[-0]', 7),
	embedding_hash('[1]') <> embedding_hash('[2]'), embedding_hash_extended('[1]', 7) <> embedding_hash_extended('[1]', 8);

-- btree indexes: unique, found by it, and refused a second time
CREATE UNIQUE INDEX ON ordered (at) WHERE id NOT IN (8, 9);
SELECT pg_temp.refused($$INSERT INTO ordered VALUES (10, '[1,5]')$$);
SET enable_seqscan = off;
SELECT id FROM ordered WHERE at = '[1,5]' AND id NOT IN (8, 9);
SELECT array_agg(id ORDER BY id) FROM ordered WHERE at > '[1]' AND id NOT IN (8, 9);
RESET enable_seqscan;

-- hash indexes: used, and equal ones are found by any of their spellings
CREATE TEMP TABLE hashed AS SELECT i AS id, ARRAY[i % 500, -(i % 3)]::real[]::embedding AS at FROM generate_series(0, 2999) AS i;
INSERT INTO hashed VALUES (3000, NULL), (3001, '[0,-0]'), (3002, '[0]');
CREATE INDEX hashed_at ON hashed USING hash (at);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM hashed WHERE at = '[7,-1]';
SELECT count(*), count(*) FILTER (WHERE id % 500 = 7 AND id % 3 = 1) FROM hashed WHERE at = '[7,-1]';
SELECT count(*), max(id) FROM hashed WHERE at = '[-0,0]';
SELECT array_agg(id) FROM hashed WHERE at = '[0]';
DELETE FROM hashed WHERE at = '[-0,0]' AND id > 3000;
SELECT count(*), max(id) FROM hashed WHERE at = '[0,-0]';
SELECT bool_and((SELECT count(*) FROM hashed AS h WHERE h.at = d.at) = d.n)
	FROM (SELECT at, count(*) AS n FROM hashed WHERE at IS NOT NULL GROUP BY at) AS d;
RESET enable_seqscan;
RESET enable_bitmapscan;
