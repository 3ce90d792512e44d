/*
 * clean.c
 *	  clean_text().
 *
 * It is IMMUTABLE: nothing in it depends on a setting. What the core works with is opened once for a session.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/texts.h"
#include "pg/words.h"
#include "text/clean.h"
#include "text/stop_set.h"

/* Arguments in SQL. */
enum
{
	ARG_INPUT, ARG_PURPOSE, ARG_MARKUP, ARG_URLS, ARG_EMAILS, ARG_HANDLES, ARG_HASHTAGS, ARG_EMOJI, ARG_INVISIBLE, ARG_WIDTH,
	ARG_FORM, ARG_LETTER_CASE, ARG_CHINESE, ARG_NUMBERS, ARG_PUNCTUATION, ARG_STOP_WORDS, ARG_REPEATS, ARG_SPACES
};

static const int arguments[UC_CLEAN_SWITCHES] = {
	[UC_CLEAN_MARKUP] = ARG_MARKUP,[UC_CLEAN_INVISIBLE] = ARG_INVISIBLE,[UC_CLEAN_WIDTH] = ARG_WIDTH,[UC_CLEAN_FORM] = ARG_FORM,
	[UC_CLEAN_LETTER_CASE] = ARG_LETTER_CASE,[UC_CLEAN_URLS] = ARG_URLS,[UC_CLEAN_EMAILS] = ARG_EMAILS,
	[UC_CLEAN_HANDLES] = ARG_HANDLES,[UC_CLEAN_HASHTAGS] = ARG_HASHTAGS,[UC_CLEAN_EMOJI] = ARG_EMOJI,
	[UC_CLEAN_NUMBERS] = ARG_NUMBERS,[UC_CLEAN_PUNCTUATION] = ARG_PUNCTUATION,[UC_CLEAN_CHINESE] = ARG_CHINESE,
	[UC_CLEAN_SPACES] = ARG_SPACES,
};

#define CONVERTED_BYTES 16384	/* at a time */

/* Whether every character that cleaning can make exists in the database's encoding. */
static bool
holds_unicode(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

static void
require_unicode(const char *name, const char *choice)
{
	if (holds_unicode())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s \"%s\" needs a database in UTF8", name, choice),
			 errdetail("This one is in %s, which lacks many of the characters that would be made.", GetDatabaseEncodingName())));
}

static void
read_options(FunctionCallInfo fcinfo, UcCleanOptions *options)
{
	char	   *purpose = texts_argument(fcinfo, ARG_PURPOSE);
	UcError		err;

	if (purpose == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"purpose\" must not be null")));
	usercluster_check(uc_clean_purpose(purpose, options, &err), &err);
	if (!holds_unicode())
	{
		usercluster_check(uc_clean_set(options, UC_CLEAN_FORM, "nfc", &err), &err);
		usercluster_check(uc_clean_set(options, UC_CLEAN_CHINESE, "keep", &err), &err);
		if (options->choice[UC_CLEAN_LETTER_CASE] == UC_CLEAN_FOLD)
			usercluster_check(uc_clean_set(options, UC_CLEAN_LETTER_CASE, "lower", &err), &err);
	}
	for (int i = 0; i < UC_CLEAN_SWITCHES; i++)
	{
		char	   *choice = texts_argument(fcinfo, arguments[i]);

		if (choice != NULL)
			usercluster_check(uc_clean_set(options, (UcCleanSwitch) i, choice, &err), &err);
	}
	if (!PG_ARGISNULL(ARG_REPEATS))
		usercluster_check(uc_clean_set_repeats(options, PG_GETARG_INT32(ARG_REPEATS), &err), &err);
	if (options->choice[UC_CLEAN_FORM] == UC_CLEAN_NFKC)
		require_unicode("form", "nfkc");
	if (options->choice[UC_CLEAN_CHINESE] != UC_CLEAN_KEEP)
		require_unicode("chinese", texts_argument(fcinfo, ARG_CHINESE));
}

static const UcStopSet *
get_stop_words(const char *language)
{
	static UcStopSet *kept;
	static char kept_code[UC_LANGUAGE_ROOM];
	char		code[UC_LANGUAGE_ROOM];
	UcStopSet  *opened;
	UcError		err;

	words_language(language, code);
	if (kept == NULL || strcmp(kept_code, code) != 0)
	{
		usercluster_check(uc_stop_set_open(code, &opened, &err), &err);
		uc_stop_set_close(kept);
		kept = opened;
		strlcpy(kept_code, code, sizeof kept_code);
	}
	return kept;
}

/*
 * UTF-8 in the database's encoding. Characters that it lacks, which entities can bring in, are left out: one of them in one
 * row must not end a statement over all.
 */
static Datum
result_datum(const char *utf8, size_t bytes)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;
	StringInfoData result;

	if (holds_unicode())
		return PointerGetDatum(cstring_to_text_with_len(utf8, (int) bytes));
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"UTF8\" to \"%s\" does not exist",
						GetDatabaseEncodingName())));
	initStringInfo(&result);
	for (size_t at = 0; at < bytes;)
	{
		unsigned char converted[CONVERTED_BYTES * MAX_CONVERSION_GROWTH + 1];
		int			length = (int) Min(bytes - at, CONVERTED_BYTES);
		int			done;

		length = pg_encoding_mbcliplen(PG_UTF8, utf8 + at, length, length);
		done = pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) unconstify(char *, utf8) + at,
											 length, converted, sizeof converted, true);
		appendStringInfoString(&result, (char *) converted);
		at += done < length ? done + pg_encoding_mblen(PG_UTF8, utf8 + at + done) : done;
	}
	return PointerGetDatum(cstring_to_text_with_len(result.data, result.len));
}

USERCLUSTER_FUNCTION(usercluster_clean_text)
{
	UcCleanOptions options;
	UcCleanTools tools = {0};
	char	   *language = texts_argument(fcinfo, ARG_STOP_WORDS);
	const char *input;
	size_t		bytes;
	char	   *cleaned = NULL;
	size_t		cleaned_bytes;
	UcRun		run;
	UcError		err;
	Datum		result;

	read_options(fcinfo, &options);
	if (options.choice[UC_CLEAN_CHINESE] != UC_CLEAN_KEEP)
		tools.han = words_han(options.choice[UC_CLEAN_CHINESE] == UC_CLEAN_SIMPLIFIED);
	if (language != NULL)
	{
		tools.stop_words = get_stop_words(language);
		tools.words = words_get();
	}
	if (PG_ARGISNULL(ARG_INPUT))
		PG_RETURN_NULL();
	input = texts_utf8(PG_GETARG_TEXT_PP(ARG_INPUT), &bytes);
	usercluster_run(&run);
	usercluster_check(uc_clean_text(&options, &tools, input, bytes, &run, &cleaned, &cleaned_bytes, &err), &err);
	PG_TRY();
	{
		result = result_datum(cleaned, cleaned_bytes);
	}
	PG_FINALLY();
	{
		uc_free(cleaned);
	}
	PG_END_TRY();
	PG_RETURN_DATUM(result);
}
