-- Last of all: what default privileges of the installing role have given on the way. Tables hold keys and texts of everybody's
-- rows and are read through views that show each role its own; what is not for everybody is granted by name, afterwards.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name, a.grantee
		FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a
		WHERE c.relnamespace = 'usercluster'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname <> 'stop_words'
			AND a.grantee NOT IN (c.relowner, 'pg_database_owner'::regrole)
		UNION
		SELECT 'ROUTINE', p.oid::regprocedure::text, a.grantee
		FROM pg_catalog.pg_proc p, LATERAL pg_catalog.aclexplode(p.proacl) a
		WHERE p.pronamespace = 'usercluster'::regnamespace AND p.proname IN ('distil', 'fine_tune') AND a.grantee <> p.proowner
	LOOP
		EXECUTE format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name,
					   CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::regrole::text END);
	END LOOP;
END $$;
