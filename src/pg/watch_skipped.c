/*
 * watch_skipped.c
 *	  Texts that get no embedding, remembered by their SHA-256.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

#include "pg/definition.h"
#include "pg/watch.h"
#include "pg/watch_queue.h"
#include "pg/watch_skipped.h"

#define HASH_BYTES 32			/* of SHA-256 */

struct SkippedTexts
{
	HTAB	   *hashes;
};

static bytea *
hash_of(text *joined)
{
	return DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(joined == NULL ? cstring_to_text("") : joined)));
}

SkippedTexts *
skipped_load(Oid relation, int number, MemoryContext context)
{
	SkippedTexts *skipped = MemoryContextAlloc(context, sizeof *skipped);
	HASHCTL		control = {.keysize = HASH_BYTES,.entrysize = HASH_BYTES,.hcxt = context};
	Oid			types[2] = {OIDOID, INT4OID};
	Datum		values[2] = {ObjectIdGetDatum(relation), Int32GetDatum(number)};
	ActingUser	before;

	skipped->hashes = hash_create("usercluster skipped texts", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	act_as_keeper(&before);
	/* Tables that have been dropped take their rows with them here. */
	if (SPI_execute("DELETE FROM usercluster.skipped s WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
					" WHERE c.oid OPERATOR(pg_catalog.=) s.relation::pg_catalog.oid)", false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not write usercluster.skipped");
	if (SPI_execute_with_args("SELECT text_hash FROM usercluster.skipped WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1"
							  " AND number OPERATOR(pg_catalog.=) $2", 2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read usercluster.skipped");
	act_again(&before);
	definition_check_columns(SPI_tuptable->tupdesc, "usercluster.skipped", "bytea");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		null;
		bytea	   *hash = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));

		/* Rows can have come from a dump that somebody wrote. */
		if (VARSIZE_ANY_EXHDR(hash) == HASH_BYTES)
			hash_search(skipped->hashes, VARDATA_ANY(hash), HASH_ENTER, NULL);
	}
	SPI_freetuptable(SPI_tuptable);
	return skipped;
}

bool
skipped_known(SkippedTexts *skipped, text *joined)
{
	return hash_get_num_entries(skipped->hashes) > 0 &&
		hash_search(skipped->hashes, VARDATA_ANY(hash_of(joined)), HASH_FIND, NULL) != NULL;
}

void
skipped_add(SkippedTexts *skipped, text *joined)
{
	hash_search(skipped->hashes, VARDATA_ANY(hash_of(joined)), HASH_ENTER, NULL);
}

void
skipped_record(Oid relation, int number, text *joined, const ErrorData *problem, Datum key)
{
	Oid			types[6] = {REGCLASSOID, INT4OID, BYTEAOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	const char *reason = problem == NULL ? "blank" : problem->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED ? "too long" : "failed";
	Datum		values[6] = {
		ObjectIdGetDatum(relation), Int32GetDatum(number), PointerGetDatum(hash_of(joined)), CStringGetTextDatum(reason),
		problem == NULL ? (Datum) 0 : CStringGetTextDatum(problem->message), key
	};
	char		nulls[7] = {' ', ' ', ' ', ' ', problem == NULL ? 'n' : ' ', key == (Datum) 0 ? 'n' : ' ', '\0'};
	ActingUser	before;

	act_as_keeper(&before);
	if (SPI_execute_with_args("INSERT INTO usercluster.skipped (relation, number, text_hash, reason, problem, key)"
							  " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", 6, types, values, nulls, false, 0) !=
		SPI_OK_INSERT)
		elog(ERROR, "could not record a skipped text");
	act_again(&before);
}
