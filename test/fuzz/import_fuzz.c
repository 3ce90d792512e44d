/*
 * A model directory in which one file has any content; the first byte says which. It is refused, or what it is compiled into opens.
 */
#include "fuzz.h"

#include <limits.h>

#include "model/import.h"

#define GOOD "test/golden/tiny/relu_cls"

static const char *const names[] = {"model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json", "modules.json",
"tokenizer_config.json", "vocab.txt"};

enum
{
	COUNT = sizeof names / sizeof *names, WEIGHTS = 0, TOKENIZER = 1, VOCAB = 6
};

static char directory[100];

/* Every file but the one under test is a link to the good model's. */
static void
link_others(size_t tested)
{
	char		from[PATH_MAX],
				to[200];

	for (size_t i = 0; i < COUNT; i++)
	{
		snprintf(to, sizeof to, "%s/%s", directory, names[i]);
		unlink(to);
		if (i != tested && i != VOCAB && !(tested == VOCAB && i == TOKENIZER) && realpath(GOOD, from) != NULL)
		{
			snprintf(from + strlen(from), sizeof from - strlen(from), "/%s", names[i]);
			MUST(symlink(from, to) == 0);
		}
	}
}

static void
remove_directory(void)
{
	char		path[200];

	for (size_t i = 0; i < COUNT; i++)
	{
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/1_Pooling", directory);
	rmdir(path);
	rmdir(directory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char		path[200],
				out[200];
	size_t		tested;
	UcImportOptions options = {0};
	UcError		err = {0};

	if (bytes == 0)
		return 0;
	tested = data[0] % COUNT;
	if (directory[0] == '\0')
	{
		snprintf(directory, sizeof directory, "/tmp/usercluster-fuzz-%d", (int) getpid());
		mkdir(directory, 0755);
		snprintf(path, sizeof path, "%s/1_Pooling", directory);
		mkdir(path, 0755);
		atexit(remove_directory);
	}
	link_others(tested);
	snprintf(path, sizeof path, "%s/%s", directory, names[tested]);
	fuzz_write(path, data + 1, bytes - 1);
	snprintf(out, sizeof out, "%s/out.ucm", directory);
	if (uc_import(directory, out, &options, &err) == UC_OK)
		fuzz_open_model(out);
	unlink(out);
	return 0;
}
