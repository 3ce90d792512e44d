/*
 * stop_set.c
 *	  Stop words in the order of their bytes.
 */
#include "text/stop_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "text/fold.h"
#include "text/stop_words.h"

typedef struct Word
{
	const char *text;
	size_t		bytes;
} Word;

struct UcStopSet
{
	size_t		count;
	Word		words[];		/* [count], ascending */
};

static int
compare_words(const void *a, const void *b)
{
	const Word *first = a,
			   *second = b;
	size_t		common = first->bytes < second->bytes ? first->bytes : second->bytes;
	int			order = memcmp(first->text, second->text, common);

	return order != 0 ? order : (first->bytes > second->bytes) - (first->bytes < second->bytes);
}

static UcStatus
unknown_language(const char *language, UcError *err)
{
	char		known[400] = "";
	size_t		used = 0;
	const char *last = "";
	UcStopWord	at = {0};

	while (uc_stop_word_next(&at))
	{
		if (strcmp(at.language, last) != 0 && used < sizeof known)
			used += (size_t) snprintf(known + used, sizeof known - used, "%s%s", used == 0 ? "" : ", ", at.language);
		last = at.language;
	}
	uc_error(err, UC_NOT_FOUND, "there are no stop words of the language \"%s\"", language);
	uc_error_hint(err, "Languages with stop words are %s.", known);
	return UC_NOT_FOUND;
}

UcStatus
uc_stop_set_open(const char *language, UcStopSet **out, UcError *err)
{
	size_t		count = 0;
	size_t		bytes;
	UcStopSet  *set;
	UcStopWord	at = {0};

	while (uc_stop_word_next(&at))
		count += strcmp(at.language, language) == 0;
	if (count == 0)
		return unknown_language(language, err);
	bytes = uc_size_add(sizeof *set, uc_size_mul(count, sizeof *set->words));
	set = uc_alloc(bytes);
	if (set == NULL)
		return uc_out_of_memory(err, bytes);
	set->count = 0;
	at = (UcStopWord) {0};
	while (uc_stop_word_next(&at))
		if (strcmp(at.language, language) == 0)
			set->words[set->count++] = (Word) {at.word, at.bytes};
	qsort(set->words, count, sizeof *set->words, compare_words);
	*out = set;
	return UC_OK;
}

void
uc_stop_set_close(UcStopSet *set)
{
	uc_free(set);
}

bool
uc_stop_set_has(const UcStopSet *set, const char *word, size_t bytes)
{
	char		folded[UC_FOLD_ROOM];
	Word		key = {.text = folded};

	return uc_fold_word(word, bytes, folded, &key.bytes) &&
		bsearch(&key, set->words, set->count, sizeof *set->words, compare_words) != NULL;
}
