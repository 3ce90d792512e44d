/*
 * texts.c
 *	  Between texts of the database's encoding and the UTF-8 of the core.
 */
#include "postgres.h"

#include "access/htup_details.h"	/* VARDATA_ANY, from version 16 on */
#include "catalog/namespace.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/errors.h"
#include "pg/texts.h"

const char *
texts_utf8(const text *value, size_t *bytes)
{
	const char *data = VARDATA_ANY(value);
	int			length = VARSIZE_ANY_EXHDR(value);
	const char *converted = pg_server_to_any(data, length, PG_UTF8);

	*bytes = converted == data ? (size_t) length : strlen(converted);
	return converted;
}

char *
texts_utf8_string(const char *value)
{
	return pg_server_to_any(value, strlen(value), PG_UTF8);
}

int
texts_characters_before(CharacterCount *count, size_t bytes)
{
	if (bytes < count->bytes)
		count->bytes = count->characters = 0;
	for (; count->bytes < bytes; count->bytes++)
		if (((unsigned char) count->text[count->bytes] & 0xC0) != 0x80)
			count->characters++;
	return count->characters;
}

Datum
texts_datum(const char *utf8, size_t bytes)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;
	int			room;
	unsigned char *converted;

	if (encoding == PG_UTF8)
		return PointerGetDatum(cstring_to_text_with_len(utf8, (int) bytes));
	if (encoding == PG_SQL_ASCII)
		return CStringGetTextDatum(pg_any_to_server(pnstrdup(utf8, bytes), (int) bytes, PG_UTF8));
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion) || bytes > (MaxAllocSize - 1) / MAX_CONVERSION_GROWTH)
		return (Datum) 0;
	room = (int) bytes * MAX_CONVERSION_GROWTH + 1;
	converted = palloc(room);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) unconstify(char *, utf8), (int) bytes,
									  converted, room, true) != (int) bytes)
		return (Datum) 0;
	return CStringGetTextDatum((char *) converted);
}

char *
texts_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}
