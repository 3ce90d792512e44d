-- avg and sum over embeddings
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

CREATE TABLE rows_to_add AS
	SELECT i AS id, i % 7 AS part, CASE WHEN i % 11 = 0 THEN NULL ELSE ARRAY[i, sin(i), 1 / i::float8]::real[]::embedding END AS at
	FROM generate_series(1, 30000) AS i;
ANALYZE rows_to_add;

-- refused: other dimensions, a sum that float4 cannot hold, and what is no state
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT sum(x) FROM unnest(ARRAY['[1,2]', '[1]']::embedding[]) AS x$$),
	($$SELECT avg(x) FROM unnest(ARRAY['[1]', NULL, '[1,2,3]']::embedding[]) AS x$$),
	($$SELECT sum(x) FROM unnest(ARRAY['[1,3e38]', '[1,3e38]']::embedding[]) AS x$$),
	($$SELECT embedding_accumulate('{}', '[1]')$$), ($$SELECT embedding_accumulate('{1,NULL}', '[1]')$$),
	($$SELECT embedding_accumulate('{{1,2}}', '[1]')$$), ($$SELECT embedding_accumulate('{1,2,3}', '[1]')$$),
	($$SELECT weighted_avg(x, -1) FROM unnest(ARRAY['[1,2]']::embedding[]) AS x$$),
	($$SELECT weighted_avg(x, 'NaN') FROM unnest(ARRAY['[1,2]']::embedding[]) AS x$$),
	($$SELECT weighted_avg(x, 'infinity') FROM unnest(ARRAY['[1,2]']::embedding[]) AS x$$),
	($$SELECT weighted_avg(x, 1) FROM unnest(ARRAY['[1,2]', '[1]']::embedding[]) AS x$$),
	($$SELECT usercluster.recency_weight(now(), '0 days')$$), ($$SELECT usercluster.recency_weight(now(), '-1 days')$$),
	($$SELECT usercluster.recency_weight(now(), '1 day', 'infinity')$$),
	($$SELECT embedding_combine('{1,2,3}', '{1,2}')$$), ($$SELECT embedding_combine('{}', '{0}')$$)
) AS calls(call);

-- nothing, only NULL, one row
SELECT sum(at) IS NULL, avg(at) IS NULL FROM rows_to_add WHERE false;
SELECT sum(NULL::embedding) IS NULL, avg(NULL::embedding) IS NULL FROM generate_series(1, 3);
SELECT sum('[1,2]'::embedding), avg('[1,2]'::embedding);
-- the mean of what cannot be summed is still a mean
SELECT avg(x) FROM unnest(ARRAY['[3e38,1]', '[3e38,2]']::embedding[]) AS x;
-- states: the empty one adds nothing on either side
SELECT embedding_accumulate('{0}', '[1,2]'), embedding_combine('{0}', '{1,5}'), embedding_combine('{1,5}', '{0}'),
	embedding_combine('{0}', '{0}'), embedding_sum_final('{0}') IS NULL, embedding_avg_final('{4,2,8}');

-- by definition, in groups, with FILTER and DISTINCT, and as window functions
SELECT count(*), bool_and(abs((s.total::real[])[1] / x - 1) < 1e-6 AND abs((s.mean::real[])[2] - y) < 1e-6)
	FROM (SELECT part, sum(at) AS total, avg(at) AS mean, sum((at::real[])[1]::float8) AS x, avg((at::real[])[2]::float8) AS y
		FROM rows_to_add GROUP BY part) AS s;
SELECT sum(x) FILTER (WHERE x <> '[1]'), sum(DISTINCT x), avg(DISTINCT x) FROM unnest(ARRAY['[1]', '[2]', '[2]']::embedding[]) AS x;
SELECT id, avg(at) OVER (ORDER BY id ROWS 1 PRECEDING) FROM (VALUES (1, '[2]'::embedding), (2, NULL), (3, '[4]'), (4, '[8]')) AS t(id, at);
SELECT grouping(part), part, sum(x) FROM (VALUES (1, '[1]'::embedding), (1, '[2]'), (2, '[4]')) AS t(part, x)
	GROUP BY ROLLUP (part) ORDER BY 1, 2;

-- workers sum apart and their states are added
CREATE FUNCTION pg_temp.has_line(query text, line text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	plan text;
BEGIN
	FOR plan IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF plan LIKE line THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;
CREATE TEMP TABLE added (how text, total embedding, mean embedding);
SET max_parallel_workers_per_gather = 0;
INSERT INTO added SELECT 'alone', sum(at), avg(at) FROM rows_to_add;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.has_line('SELECT sum(at), avg(at) FROM rows_to_add', '%Partial Aggregate%');
CREATE TABLE in_parallel AS SELECT 'in parallel' AS how, sum(at) AS total, avg(at) AS mean FROM rows_to_add;
SELECT norm(a.total - p.total) / norm(a.total) < 1e-6, norm(a.mean - p.mean) / norm(a.mean) < 1e-6 FROM added AS a, in_parallel AS p;
-- some workers with nothing but NULL
SELECT avg(at) IS NULL FROM rows_to_add WHERE id % 11 = 0;
-- the weighted mean: rows of weight 2 are two rows; NULLs and weight 0 do not count; parallel workers agree
SELECT weighted_avg(at, weight), weighted_avg(at, 0) FROM (VALUES
	('[1,0]'::embedding, 1::float8), ('[0,1]', 3), (NULL, 5), ('[7,7]', NULL), ('[9,9]', 0)) AS v(at, weight);
SELECT l2_distance(weighted_avg(at, part), (SELECT avg(at) FROM rows_to_add, generate_series(1, part))) < 1e-6 FROM rows_to_add;
SELECT weighted_avg(at, 1) = avg(at) FROM rows_to_add;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT l2_distance(weighted_avg(at, part), (SELECT avg(at) FROM rows_to_add, generate_series(1, part))) < 1e-6 FROM rows_to_add;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

DROP TABLE rows_to_add, in_parallel;

-- memory does not grow with the rows
\set memory :abs_srcdir '/sql/include/memory.sql'
\i :memory
SELECT dims(sum(at)), dims(avg(at)), dims(weighted_avg(at, i))
	FROM (SELECT i, ARRAY[i, 1, -i]::real[]::embedding AS at FROM generate_series(1, 200000) AS i) AS r
	WHERE i NOT IN (100, 20000, 200000) OR pg_temp.note();
SELECT count(*), max(bytes) FILTER (WHERE n = 3) - max(bytes) FILTER (WHERE n = 2) < 50000 FROM noted;

-- what a text counts by its age
SELECT usercluster.recency_weight(at::timestamptz, '30 days', '2026-03-02 UTC')
	FROM unnest(ARRAY['2026-03-02 UTC', '2026-01-31 UTC', '2026-01-01 UTC', '2030-01-01 UTC', 'infinity', '-infinity']) AS at;
SELECT usercluster.recency_weight('2026-01-01 UTC', '1 mon', '2026-01-31 UTC'),
	usercluster.recency_weight('2026-01-01 00:00 UTC', '90 minutes', '2026-01-01 04:30 UTC'),
	usercluster.recency_weight(NULL, '1 day') IS NULL;
