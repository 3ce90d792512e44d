/*
 * han.c
 *	  A thin coat over ICU's transliterators Traditional-Simplified and Simplified-Traditional.
 */
#include "text/han.h"

#include <string.h>

#include <unicode/ustring.h>
#include <unicode/utrans.h>

#include "base/memory.h"

struct UcHan
{
	UTransliterator *rules;
};

UcStatus
uc_han_open(bool to_simplified, UcHan **out, UcError *err)
{
	static const UChar simplified[] = u"Traditional-Simplified";
	static const UChar traditional[] = u"Simplified-Traditional";
	UErrorCode	failure = U_ZERO_ERROR;
	UcHan	   *han = uc_alloc(sizeof *han);

	if (han == NULL)
		return uc_out_of_memory(err, sizeof *han);
	han->rules = utrans_openU(to_simplified ? simplified : traditional, -1, UTRANS_FORWARD, NULL, 0, NULL, &failure);
	if (U_FAILURE(failure))
	{
		uc_free(han);
		uc_error(err, UC_NOT_FOUND, "this ICU library cannot convert between Chinese scripts");
		uc_error_detail(err, "Opening its rules failed with %s.", u_errorName(failure));
		return UC_NOT_FOUND;
	}
	*out = han;
	return UC_OK;
}

void
uc_han_close(UcHan *han)
{
	if (han != NULL)
		utrans_close(han->rules);
	uc_free(han);
}

size_t
uc_han_convert(const UcHan *han, uint16_t *units, size_t count)
{
	UErrorCode	failure = U_ZERO_ERROR;
	uint16_t	kept[UC_HAN_MOST];
	int32_t		length = (int32_t) count,
				limit = (int32_t) count;

	memcpy(kept, units, count * sizeof *units);
	utrans_transUChars(han->rules, (UChar *) units, &length, 2 * UC_HAN_MOST, 0, &limit, &failure);
	if (U_SUCCESS(failure))
		return (size_t) length;
	memcpy(units, kept, count * sizeof *units);
	return count;
}

size_t
uc_han_convert_utf8(const UcHan *han, char *text, size_t bytes, size_t room)
{
	uint16_t	units[2 * UC_HAN_MOST];
	char		converted[6 * UC_HAN_MOST];
	int32_t		count = 0,
				length = 0;
	UErrorCode	code = U_ZERO_ERROR;

	if (bytes > UC_HAN_MOST)
		return bytes;
	u_strFromUTF8(units, UC_HAN_MOST, &count, text, (int32_t) bytes, &code);
	if (U_FAILURE(code))
		return bytes;
	count = (int32_t) uc_han_convert(han, units, (size_t) count);
	u_strToUTF8(converted, sizeof converted, &length, units, count, &code);
	if (U_FAILURE(code) || (size_t) length > room)
		return bytes;
	memcpy(text, converted, (size_t) length);
	return (size_t) length;
}
