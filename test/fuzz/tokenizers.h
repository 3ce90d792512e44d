/*
 * tokenizers.h
 *	  The small golden tokenizers, compiled once and kept until the fuzzer ends; in the order of their names.
 */
#ifndef UC_TEST_FUZZ_TOKENIZERS_H
#define UC_TEST_FUZZ_TOKENIZERS_H

#include <dirent.h>

#include "fuzz.h"
#include "model/import_tokenizer.h"

#define FUZZ_TOKENIZERS "test/golden/tokenizers"
#define FUZZ_MOST 64

static UcImportedTokenizer fuzz_sections[FUZZ_MOST];
static int	fuzz_count;

static int
fuzz_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static inline void
fuzz_import_all(void)
{
	DIR		   *all = opendir(FUZZ_TOKENIZERS);
	struct dirent *entry;
	char	   *names[FUZZ_MOST];

	MUST(all != NULL);
	while ((entry = readdir(all)) != NULL && fuzz_count < FUZZ_MOST)
		if (entry->d_name[0] != '.')
			names[fuzz_count++] = strdup(entry->d_name);
	closedir(all);
	MUST(fuzz_count > 0);
	qsort(names, (size_t) fuzz_count, sizeof *names, fuzz_compare);
	for (int i = 0; i < fuzz_count; i++)
	{
		char		path[300];
		UcError		err = {0};

		snprintf(path, sizeof path, FUZZ_TOKENIZERS "/%s", names[i]);
		MUST(uc_import_tokenizer(path, &fuzz_sections[i], &err) == UC_OK);
		free(names[i]);
	}
}

#endif
