-- What a call that must be refused says, as one text; fingerprints of models are not of interest.
CREATE FUNCTION pg_temp.refused(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE call;
	RETURN 'not refused: ' || call;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM,
		regexp_replace(nullif(detail, ''), '[0-9a-f]{64}', 'HASH', 'g'), nullif(hint, ''));
END $$;
