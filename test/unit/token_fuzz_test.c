/*
 * Token ids of seeded strings over many scripts against the reference tokenizer, and hostile texts of a megabyte.
 */
#include <time.h>

#include "check.h"
#include "golden.h"

static void
check_ids(const LoadedModel *loaded, const char *file, const char *name)
{
	json_t	   *items = json_load_file(file, JSON_ALLOW_NUL, NULL),
			   *item;
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcTokens	tokens = {0};
	UcError		err = {0};
	size_t		equal = 0,
				i;
	bool		offsets = true;

	json_array_foreach(items, i, item)
	{
		json_t	   *text = json_object_get(item, "text"),
				   *ids = json_object_get(item, "ids");
		bool		same = uc_tokenize(loaded->tokenizer, json_string_value(text), json_string_length(text), &run, &tokens, &err) == UC_OK
			&& tokens.count == json_array_size(ids);

		for (size_t j = 0; same && j < tokens.count; j++)
		{
			same = tokens.tokens[j].id == json_integer_value(json_array_get(ids, j));
			offsets = offsets && tokens.tokens[j].start <= tokens.tokens[j].stop && tokens.tokens[j].stop <= json_string_length(text);
		}
		equal += same;
		if (!same && i - equal < 5)
			printf("# %s: text %zu: %s\n", name, i, json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII));
	}
	CHECK(json_array_size(items) == 1500 && equal == 1500, "%s: ids of %zu of %zu strings are equal", name, equal, json_array_size(items));
	CHECK(offsets, "%s: every token lies inside its text", name);
	uc_tokens_free(&tokens);
	json_decref(items);
}

static void
check_refusals(const LoadedModel *loaded)
{
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcTokens	tokens = {0};
	UcError		err = {0};

	CHECK_REFUSED(uc_tokenize(loaded->tokenizer, "ab\xFFz", 4, &run, &tokens, &err), UC_INVALID_DATA, &err, "not valid UTF-8", "a byte that is no UTF-8");
	CHECK(strstr(err.detail, "Byte 3 ") != NULL, "with its position");
	CHECK_REFUSED(uc_tokenize(loaded->tokenizer, "ab\xE4\xB8", 4, &run, &tokens, &err), UC_INVALID_DATA, &err, "not valid UTF-8", "a character that is cut");
	CHECK_REFUSED(uc_tokenize(loaded->tokenizer, "", UC_TOKENIZER_MAX_BYTES + 1, &run, &tokens, &err), UC_LIMIT_EXCEEDED, &err, "too long", "a text beyond the limit");
	uc_tokens_free(&tokens);
}

static bool
always(void *arg)
{
	return true;
}

/* A step that is quadratic would take minutes here, and the test's time limit; the time is printed for whoever looks. */
static void
check_hostile(const LoadedModel *loaded, const char *name)
{
	static const char *const units[] = {".", "a", "中", "\xCC\x81", "e\xCC\x80\xCC\xA3", " ", "<", "👩‍", "क्"};
	const size_t megabyte = 1 << 20;
	char	   *text = malloc(megabyte + 16);
	UcTokens	tokens = {0};
	UcError		err = {0};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
	{
		UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
		size_t		bytes = 0;
		clock_t		before = clock();
		UcStatus	status;

		while (bytes + strlen(units[i]) <= megabyte)
		{
			memcpy(text + bytes, units[i], strlen(units[i]));
			bytes += strlen(units[i]);
		}
		status = uc_tokenize(loaded->tokenizer, text, bytes, &run, &tokens, &err);
		CHECK(status == UC_OK && tokens.count >= 2, "%s: a megabyte of \"%s\" is %zu tokens", name, units[i], tokens.count);
		printf("# %.3f s\n", (double) (clock() - before) / CLOCKS_PER_SEC);
		run.interrupted = always;
		CHECK_REFUSED(uc_tokenize(loaded->tokenizer, text, bytes, &run, &tokens, &err), UC_INTERRUPTED, &err, "interrupted", "%s: and can be stopped", name);
	}
	uc_tokens_free(&tokens);
	free(text);
}

static void
check_model(const char *name, const char *file)
{
	const char *models = getenv("UC_TEST_MODELS");
	char		path[512];
	LoadedModel loaded = {0};

	snprintf(path, sizeof path, "%s/%s", models == NULL ? "build/models" : models, name);
	CHECK(load_model(path, &loaded), "%s is imported and opens (else run scripts/fetch-model %s)", name, name);
	if (loaded.tokenizer == NULL)
		return;
	check_refusals(&loaded);
	check_ids(&loaded, file, name);
	check_hostile(&loaded, name);
	unload_model(&loaded);
}

int
main(void)
{
	check_model("all-MiniLM-L6-v2", "test/golden/tokens_minilm.json");
	check_model("multilingual-e5-small-q4", "test/golden/tokens_e5.json");
	return check_done();
}
