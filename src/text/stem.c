/*
 * stem.c
 *	  Stemmers, and the names of languages.
 */
#include "text/stem.h"

#include <libstemmer.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unicode/uloc.h>

#include "base/memory.h"
#include "text/language.h"

struct UcStemmer
{
	struct sb_stemmer *snowball;
};

/* Snowball's names of languages: what sb_stemmer_list can hold, but for a second English algorithm. */
static const struct
{
	char		code[UC_LANGUAGE_ROOM];
	const char *name;
}			languages[] = {
	{"ar", "arabic"}, {"ca", "catalan"}, {"cs", "czech"}, {"da", "danish"}, {"de", "german"}, {"el", "greek"}, {"en", "english"},
	{"eo", "esperanto"}, {"es", "spanish"}, {"et", "estonian"}, {"eu", "basque"}, {"fa", "persian"}, {"fi", "finnish"}, {"fr", "french"},
	{"ga", "irish"}, {"hi", "hindi"}, {"hu", "hungarian"}, {"hy", "armenian"}, {"id", "indonesian"}, {"it", "italian"},
	{"lt", "lithuanian"}, {"ne", "nepali"}, {"nl", "dutch"}, {"no", "norwegian"}, {"pl", "polish"}, {"pt", "portuguese"},
	{"ro", "romanian"}, {"ru", "russian"}, {"sr", "serbian"}, {"sv", "swedish"}, {"ta", "tamil"}, {"tr", "turkish"}, {"yi", "yiddish"}
};

#define LANGUAGES (sizeof languages / sizeof *languages)

UcStatus
uc_language_code(const char *name, char code[UC_LANGUAGE_ROOM], UcError *err)
{
	char		lower[16];
	char		found[16];
	size_t		length = 0;
	UErrorCode	failed = U_ZERO_ERROR;
	int32_t		bytes = 0;

	while (name[length] != '\0' && name[length] != '-' && name[length] != '_' && length < sizeof lower - 1)
	{
		char		letter = name[length];

		lower[length++] = letter >= 'A' && letter <= 'Z' ? (char) (letter + 32) : letter;
	}
	lower[length] = '\0';
	for (size_t i = 0; i < LANGUAGES; i++)
		if (strcmp(lower, languages[i].name) == 0)
		{
			memcpy(code, languages[i].code, UC_LANGUAGE_ROOM);
			return UC_OK;
		}
	if (length >= 2 && length < UC_LANGUAGE_ROOM && uloc_getISO3Language(lower)[0] != '\0')
		bytes = uloc_getLanguage(lower, found, sizeof found, &failed);
	if (bytes < 2 || bytes >= UC_LANGUAGE_ROOM || U_FAILURE(failed))
	{
		uc_error(err, UC_INVALID_ARGUMENT, "unrecognized language \"%.40s\"", name);
		uc_error_hint(err, "Use an ISO 639 code such as 'en' or 'zh'.");
		return UC_INVALID_ARGUMENT;
	}
	/* Bokmål is what Snowball's Norwegian is. */
	if (strcmp(found, "nb") == 0 || strcmp(found, "nn") == 0)
		strcpy(found, "no");
	memcpy(code, found, (size_t) bytes + 1);
	return UC_OK;
}

static const char *
snowball_name(const char *language)
{
	for (size_t i = 0; i < LANGUAGES; i++)
		if (strcmp(language, languages[i].code) == 0)
			return languages[i].name;
	return NULL;
}

static bool
installed(const char *name)
{
	const char **list = sb_stemmer_list();

	for (int i = 0; name != NULL && list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static UcStatus
no_stemmer(const char *language, UcError *err)
{
	char		known[400] = "";
	size_t		length = 0;

	for (size_t i = 0; i < LANGUAGES; i++)
		if (installed(languages[i].name) && length + 8 < sizeof known)
			length += (size_t) snprintf(known + length, sizeof known - length, "%s%s", length == 0 ? "" : ", ", languages[i].code);
	uc_error(err, UC_UNSUPPORTED, "there is no stemmer for language \"%s\"", language);
	uc_error_detail(err, "Languages with one are: %s.", known);
	return UC_UNSUPPORTED;
}

UcStatus
uc_stemmer_open(const char *language, UcStemmer **stemmer, UcError *err)
{
	const char *name = snowball_name(language);
	UcStemmer  *made;

	*stemmer = NULL;
	if (!installed(name))
		return no_stemmer(language, err);
	made = uc_alloc_zeroed(sizeof *made);
	if (made != NULL)
		made->snowball = sb_stemmer_new(name, "UTF_8");
	if (made == NULL || made->snowball == NULL)
	{
		uc_free(made);
		return uc_error(err, UC_OUT_OF_MEMORY, "out of memory");
	}
	*stemmer = made;
	return UC_OK;
}

void
uc_stemmer_close(UcStemmer *stemmer)
{
	if (stemmer == NULL)
		return;
	sb_stemmer_delete(stemmer->snowball);
	uc_free(stemmer);
}

const char *
uc_stem(UcStemmer *stemmer, const char *word, size_t bytes, char room[UC_FOLD_ROOM], size_t *stem_bytes)
{
	const sb_symbol *stem;
	int			length;

	*stem_bytes = bytes;
	if (!uc_fold_word(word, bytes, room, stem_bytes))
		return word;
	if (stemmer == NULL || *stem_bytes > UC_FOLD_LONGEST)
		return room;
	stem = sb_stemmer_stem(stemmer->snowball, (const sb_symbol *) room, (int) *stem_bytes);
	if (stem == NULL)
		return room;
	length = sb_stemmer_length(stemmer->snowball);
	/* Some words lose everything, such as a lone suffix; they keep their form. */
	if (length <= 0 || length > UC_FOLD_ROOM)
		return room;
	memcpy(room, stem, (size_t) length);
	*stem_bytes = (size_t) length;
	return room;
}
