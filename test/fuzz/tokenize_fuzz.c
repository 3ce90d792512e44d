/*
 * Any bytes as text for each of the small tokenizers; the first byte says which.
 */
#include "fuzz.h"

#include <dirent.h>

#include "model/import_tokenizer.h"

#define DIRECTORY "test/golden/tokenizers"
#define MOST 64

static UcTokenizer *tokenizers[MOST];
static uint32_t vocabularies[MOST];
static int	count;

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
open_all(void)
{
	DIR		   *all = opendir(DIRECTORY);
	struct dirent *entry;
	char	   *names[MOST];

	MUST(all != NULL);
	while ((entry = readdir(all)) != NULL && count < MOST)
		if (entry->d_name[0] != '.')
			names[count++] = strdup(entry->d_name);
	closedir(all);
	MUST(count > 0);
	qsort(names, (size_t) count, sizeof *names, compare);
	for (int i = 0; i < count; i++)
	{
		static UcImportedTokenizer imported[MOST];
		char		path[300];
		UcError		err = {0};

		snprintf(path, sizeof path, DIRECTORY "/%s", names[i]);
		MUST(uc_import_tokenizer(path, &imported[i], &err) == UC_OK &&
			 uc_tokenizer_open(imported[i].section, imported[i].bytes, imported[i].ids, &tokenizers[i], &err) == UC_OK);
		vocabularies[i] = imported[i].ids;
		free(names[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (count == 0)
		open_all();
	if (bytes > 0)
		fuzz_tokenize(tokenizers[data[0] % count], vocabularies[data[0] % count], (const char *) data + 1, bytes - 1);
	return 0;
}
