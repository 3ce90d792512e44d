-- The type embedding: what it reads and writes, as text, in binary, as arrays, and with a declared dimension
\pset format unaligned
\pset tuples_only on
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- refused: text that is no embedding
SELECT literal, pg_temp.refused(format('SELECT %L::embedding', literal)) FROM unnest(ARRAY[
	'', ' ', '[', ']', '[]', '[ ]', '1,2', '[1,2', '1,2]', '[1,,2]', '[,1]', '[1,]', '[1 2]', '[1;2]', '[[1]]', '[1]]', '[1] x',
	'{1,2}', '[a]', '[1a]', '[1e]', '[--1]', '[NaN]', '[nan,1]', '[1,Infinity]', '[-inf]', '[1e39]', '[-1e400]',
	'[１]', '[1，2]']) AS literal;
SELECT pg_temp.refused(format('SELECT %L::embedding', '[' || repeat('1,', 16000) || '1]'));
-- refused: declarations and values that do not fit them
SELECT pg_temp.refused(call) FROM (VALUES
	('SELECT NULL::embedding(0)'), ('SELECT NULL::embedding(-1)'), ('SELECT NULL::embedding(16001)'),
	('SELECT NULL::embedding(2, 3)'), ($$SELECT NULL::embedding('x')$$), ($$SELECT '[1,2]'::embedding(3)$$),
	($$SELECT '[1,2]'::embedding::embedding(3)$$), ('SELECT ARRAY[1,2]::real[]::embedding(1)'),
	('SELECT ARRAY[1,2]::float8[]::embedding(16000)')
) AS calls(call);
-- refused: arrays
SELECT pg_temp.refused(call) FROM (VALUES
	($$SELECT '{}'::real[]::embedding$$), ($$SELECT '{1,NULL}'::real[]::embedding$$), ($$SELECT '{{1},{2}}'::real[]::embedding$$),
	($$SELECT '{NaN}'::real[]::embedding$$), ($$SELECT '{1,-Infinity}'::real[]::embedding$$),
	($$SELECT '{}'::float8[]::embedding$$), ($$SELECT '{1,NULL}'::float8[]::embedding$$), ($$SELECT '{{1},{2}}'::float8[]::embedding$$),
	($$SELECT '{NaN}'::float8[]::embedding$$), ($$SELECT '{1,1e39}'::float8[]::embedding$$), ($$SELECT '{-1e300}'::float8[]::embedding$$),
	('SELECT array_fill(1::real, ARRAY[16001])::embedding'), ('SELECT array_fill(1::float8, ARRAY[16001])::embedding')
) AS calls(call);

-- read: spaces, signs, exponents, what underflows; written: the shortest text that reads back
SELECT '  [ 1 , -2.5,+3e2 , .5, 1e-50, -0 ]  '::embedding;
SELECT '[0.1,1e-45,3.4028235e38,1234567]'::embedding;
SELECT dims('[7]'::embedding), dims(array_fill(0.5::real, ARRAY[2])::embedding), dims(array_fill(0.5::real, ARRAY[3])::embedding),
	dims(array_fill(0.5::real, ARRAY[16000])::embedding);
SELECT bool_and(x::text::embedding = x AND x::real[]::embedding = x AND x::float8[]::embedding = x)
	FROM (SELECT array_agg(sin(i * d) * 10 ^ (i % 70 - 35) ORDER BY d)::real[]::embedding AS x
		FROM generate_series(1, 200) AS i, generate_series(1, 5) AS d GROUP BY i) AS t;
-- arrays of other bounds are read by position
SELECT '[5:6]={1,2}'::real[]::embedding, '{1.5,2}'::float8[]::embedding, ARRAY[1, 2]::real[]::embedding;
SELECT '[1,2.5]'::embedding::real[], '[1,2.5]'::embedding::float8[];
SELECT NULL::real[]::embedding IS NULL, NULL::embedding::real[] IS NULL;

-- a column keeps what fits
CREATE TEMP TABLE declared (id int, at embedding(3), free embedding);
INSERT INTO declared VALUES (1, '[1,2,3]', '[1]'), (2, NULL, '[1,2]'), (3, ARRAY[1,2,3]::real[], ARRAY[1,2]::float8[]);
SELECT pg_temp.refused(call) FROM (VALUES
	($$INSERT INTO declared VALUES (4, '[1,2]', NULL)$$), ($$UPDATE declared SET at = free WHERE id = 1$$),
	('INSERT INTO declared VALUES (4, ARRAY[1,2]::real[], NULL)')
) AS calls(call);
SELECT id, at, free FROM declared ORDER BY id;
SELECT format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attrelid = 'declared'::regclass AND attnum > 1 ORDER BY attnum;
ALTER TABLE declared ALTER COLUMN at TYPE embedding, ALTER COLUMN free TYPE embedding(1) USING '[1]';
SELECT pg_temp.refused('ALTER TABLE declared ALTER COLUMN at TYPE embedding(2)');

-- in binary: there and back at once, and every damaged form is refused
SELECT encode(embedding_send('[1,-2]'), 'hex');
SELECT pg_column_size('[1,2,3]'::embedding), pg_column_size(array_fill(1::real, ARRAY[384])::embedding);
\set file `mktemp -u /tmp/embedding_binary_XXXXXX`
CREATE FUNCTION pg_temp.received(hex text, file text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	written oid;
BEGIN
	-- the header of COPY BINARY, one row of one field, the trailer
	written := lo_from_bytea(0, decode('5047434f50590aff0d0a00' || '0000000000000000' || '0001'
		|| lpad(to_hex(length(hex) / 2), 8, '0') || hex || 'ffff', 'hex'));
	PERFORM lo_export(written, file);
	PERFORM lo_unlink(written);
	CREATE TEMP TABLE IF NOT EXISTS received (at embedding);
	TRUNCATE received;
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
	RETURN (SELECT at FROM received);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET client_min_messages = warning;
SELECT what, pg_temp.received(hex, :'file') FROM (VALUES
	(1, 'whole', '000200003f800000c0000000'), (2, 'no dimension', '00000000'), (3, 'negative', 'ffff00003f800000'),
	(4, 'beyond the limit', '3e8100003f800000'), (5, 'too short', '000200003f800000'), (6, 'too long', '000100003f80000000'),
	(7, 'NaN', '000100007fc00000'), (8, 'infinite', '00010000ff800000'), (9, 'padding used', '000100013f800000'),
	(10, 'empty', ''), (11, 'cut in its head', '0001')
) AS t(n, what, hex) ORDER BY n;
RESET client_min_messages;
CREATE TEMP TABLE sent AS SELECT i AS id, array_agg(sin(i * d) ORDER BY d)::real[]::embedding AS at
	FROM generate_series(1, 50) AS i, generate_series(1, 384) AS d GROUP BY i;
INSERT INTO sent SELECT 51, array_agg((1 - 2 * (d % 2)) * exp(d % 80 - 40) ORDER BY d)::real[]::embedding FROM generate_series(1, 16000) AS d;
CREATE TEMP TABLE back (LIKE sent);
COPY sent TO :'file' (FORMAT binary);
COPY back FROM :'file' (FORMAT binary);
SELECT count(*), bool_and(sent.at = back.at), bool_and(embedding_send(sent.at) = embedding_send(back.at)), max(dims(back.at))
	FROM sent JOIN back USING (id);
\! rm -f /tmp/embedding_binary_??????
