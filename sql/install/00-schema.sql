-- usercluster: language-model embeddings and user segments inside PostgreSQL

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION usercluster" to load this file. \quit

-- What belongs to the type lies in the extension's own schema, so that avg(embedding) and <-> are found; the verbs lie here.
CREATE SCHEMA usercluster;
COMMENT ON SCHEMA usercluster IS 'embedding text and clustering users';
GRANT USAGE ON SCHEMA usercluster TO PUBLIC;

