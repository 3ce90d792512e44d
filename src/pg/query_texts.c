/*
 * query_texts.c
 *	  Texts of a query in batches, and what tells one row's content from another's.
 */
#include "postgres.h"

#include "access/htup_details.h"	/* VARDATA_ANY, from version 16 on */
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "pg/query_texts.h"

QueryTexts *
query_texts_begin(Rows *rows, const EmbedRequest *request)
{
	QueryTexts *texts = palloc0(sizeof *texts);

	texts->rows = rows;
	texts->request = request;
	texts->context = AllocSetContextCreate(CurrentMemoryContext, "usercluster texts", ALLOCSET_DEFAULT_SIZES);
	return texts;
}

void
query_texts_flush(QueryTexts *texts)
{
	MemoryContext old = MemoryContextSwitchTo(texts->context);
	Embedding  *embeddings[QUERY_TEXTS_BATCH];

	embed_texts(texts->request, texts->texts, texts->count, embeddings);
	for (int i = 0; i < texts->count; i++)
	{
		if (embeddings[i] == NULL)
			texts->rows->skipped++;
		else
			rows_append(texts->rows, texts->keys[i], embeddings[i], &texts->extras[i]);
	}
	texts->count = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(texts->context);
}

void
query_texts_add(QueryTexts *texts, Datum key, Datum text_datum, const RowExtra *extra)
{
	MemoryContext old = MemoryContextSwitchTo(texts->context);
	int			i = texts->count++;

	texts->keys[i] = datumCopy(key, texts->rows->key_by_value, texts->rows->key_length);
	texts->texts[i] = (text *) PG_DETOAST_DATUM_COPY(text_datum);
	texts->extras[i] = *extra;
	MemoryContextSwitchTo(old);
	if (texts->count == QUERY_TEXTS_BATCH)
		query_texts_flush(texts);
}

static uint64
add_bytes(uint64 hash, const void *data, size_t bytes)
{
	return hash_bytes_extended(data, (int) bytes, hash + bytes);
}

static uint64
add_varlena(uint64 hash, Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);

	return add_bytes(hash, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

uint64
query_row_hash(const Rows *rows, Datum key, Datum value, const RowExtra *extra)
{
	uint64		hash = 1;

	if (rows->key_by_value)
		hash = add_bytes(hash, &key, sizeof key);
	else if (rows->key_length == -1)
		hash = add_varlena(hash, key);
	else
		hash = add_bytes(hash, DatumGetPointer(key),
						 rows->key_length == -2 ? strlen(DatumGetCString(key)) : (size_t) rows->key_length);
	hash = add_varlena(hash, value);
	if (rows->columns & ROWS_KNOWS(ROWS_WEIGHT))
		hash = add_bytes(hash, &extra->weight, sizeof extra->weight);
	if (extra->features != NULL)
		hash = add_bytes(hash, extra->features, sizeof(double) * extra->feature_count);
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (extra->labels[i] != NULL)
			hash = add_bytes(hash + i, extra->labels[i], strlen(extra->labels[i]));
	return hash;
}
