-- fine_tune: what is refused before any work; training itself is tested with a model directory of its own
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
SELECT call, pg_temp.refused(format('CALL usercluster.fine_tune(%s)', call)) FROM (VALUES
	($$NULL, 'x', 'SELECT 1'$$),
	($$'gone', NULL, 'SELECT 1'$$),
	($$'gone', 'x', NULL$$),
	($$'gone', 'x', 'SELECT 1', NULL$$),
	($$'gone', 'x', 'SELECT 1', 'guess'$$),
	($$'gone', 'x', 'SELECT 1', ''$$),
	($$'gone', 'x', 'SELECT 1', epochs => NULL$$),
	($$'gone', 'x', 'SELECT 1', epochs => 0$$),
	($$'gone', 'x', 'SELECT 1', batch => -2147483648$$),
	($$'gone', 'x', 'SELECT 1', rate => NULL$$),
	($$'gone', 'x', 'SELECT 1', layers => 0$$),
	($$'gone', 'x', 'SELECT 1', adapter_rank => -1$$),
	($$'gone', 'x', 'SELECT 1', max_tokens => 0$$),
	($$'gone', 'x', 'SELECT 1', seed => NULL$$),
	($$'gone', '', 'SELECT 1'$$),
	($$'gone', 'a/b', 'SELECT 1'$$),
	($$'gone', '..', 'SELECT 1'$$),
	($$'gone', repeat('x', 64), 'SELECT 1'$$),
	($$'gone', 'all-MiniLM-L6-v2', 'SELECT 1'$$)) AS c(call);
SET usercluster.model_dir = '/nonexistent';
CALL usercluster.fine_tune('gone', 'x', 'SELECT 1');
RESET usercluster.model_dir;

-- what was imported comes from no other model
SELECT base, fidelity, base_fingerprint, objective, texts, steps, seed, loss_before, loss_after, "check", groups_before,
	groups_after, options FROM usercluster.models
WHERE name = 'all-MiniLM-L6-v2';
