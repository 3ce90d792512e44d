-- What the backend has allocated, noted by a row of a query while the query runs.
CREATE TEMP TABLE noted (n serial, bytes numeric);
CREATE FUNCTION pg_temp.note() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO noted (bytes) SELECT sum(used_bytes) FROM pg_backend_memory_contexts;
	RETURN true;
END $$;
