/*
 * segmentation_keywords.c
 *	  What the segments of a segmentation are about: segment_keywords over the texts of the members.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/segmentation_keywords.h"

#define KEYWORDS 10				/* kept of each segment */

/* The texts with the segments of those who wrote them; blank ones were counted when the rows were read. */
static char *
texts_query(const SegmentationRows *rows, const MembersTable *table)
{
	return psprintf("SELECT m.segment, q.text%s FROM %s JOIN %s AS m ON m.%s %s q.key "
					"WHERE q.text OPERATOR(pg_catalog.~) '\\S'",
					rows->stored.has_language ? ", q.language" : "", rows->stored.table, table->name, table->key,
					members_equality(table->key_type));
}

static void
save(const Segmentation *s, int segment, Datum *keywords, int count)
{
	const Oid	types[] = {TEXTOID, INT4OID, TEXTARRAYOID};
	const Datum values[] = {
		CStringGetTextDatum(s->name), Int32GetDatum(segment),
		PointerGetDatum(construct_array(keywords, count, TEXTOID, -1, false, TYPALIGN_INT))
	};

	segmentation_execute("UPDATE usercluster.segment_store SET keywords = $3 WHERE segmentation = $1 AND segment = $2",
						 lengthof(types), types, values, NULL);
}

void
segmentation_find_keywords(const Segmentation *s, const SegmentationRows *rows, const MembersTable *table)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		arguments[2];
	uint64		found;
	int		   *segments;
	Datum	   *keywords;

	if (!rows->stored.has_text)
		return;
	arguments[0] = CStringGetTextDatum(texts_query(rows, table));
	arguments[1] = Int32GetDatum(KEYWORDS);
	SPI_connect();
	if (SPI_execute_with_args("SELECT k.segment, k.keyword FROM usercluster.segment_keywords($1, keywords => $2) AS k "
							  "ORDER BY k.segment, k.rank", 2, (Oid[]) {TEXTOID, INT4OID}, arguments, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "keywords were not found");
	found = SPI_processed;
	segments = MemoryContextAlloc(context, sizeof(int) * (found + 1));
	keywords = MemoryContextAlloc(context, sizeof(Datum) * (found + 1));
	for (uint64 i = 0; i < found; i++)
	{
		char	   *segment = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *keyword = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		MemoryContext old = MemoryContextSwitchTo(context);

		segments[i] = pg_strtoint32(segment);
		keywords[i] = CStringGetTextDatum(keyword);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	for (int i = 0; i < s->count; i++)
	{
		uint64		begin = 0,
					end;

		while (begin < found && segments[begin] != s->segments[i].number)
			begin++;
		for (end = begin; end < found && segments[end] == s->segments[i].number; end++);
		save(s, s->segments[i].number, keywords + begin, (int) (end - begin));
	}
}
