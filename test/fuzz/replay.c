/*
 * replay.c
 *	  A main without libFuzzer: hands every file of test/fuzz/corpus/PROGRAM, or those named, to the fuzzer once.
 */
#include "fuzz.h"

#include <dirent.h>

static void
replay(const char *path, int number)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *data = malloc(1 << 20);
	size_t		bytes;

	MUST(file != NULL && data != NULL);
	bytes = fread(data, 1, 1 << 20, file);
	fclose(file);
	/* Exactly as long as the input, so that a step beyond it is seen. */
	data = realloc(data, bytes == 0 ? 1 : bytes);
	LLVMFuzzerTestOneInput(data, bytes);
	free(data);
	printf("ok %d - %s\n", number, path);
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char		directory[300];
	DIR		   *all;
	struct dirent *entry;
	int			count = 0;

	for (int i = 1; i < argc; i++)
		replay(argv[i], i);
	if (argc > 1)
		return 0;
	snprintf(directory, sizeof directory, "test/fuzz/corpus/%s", name == NULL ? argv[0] : name + 1);
	all = opendir(directory);
	while (all != NULL && (entry = readdir(all)) != NULL)
	{
		char		path[600];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		replay(path, ++count);
	}
	if (all != NULL)
		closedir(all);
	printf("1..%d\n", count);
	return count == 0;
}
