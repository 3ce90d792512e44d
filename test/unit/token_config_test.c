/*
 * Every kind of tokenizer.json and vocab.txt that is supported, against the ids that the reference gives; those that are
 * not are refused by name.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "model/import_tokenizer.h"
#include "token/tokenizer.h"

#define GOLDEN "test/golden/tokenizers"

static UcRun run = {.threads = 1,.max_memory = SIZE_MAX};

static UcStatus
open_directory(const char *directory, UcImportedTokenizer *imported, UcTokenizer **tokenizer, UcError *err)
{
	UcStatus	status = uc_import_tokenizer(directory, imported, err);

	*tokenizer = NULL;
	return status != UC_OK ? status : uc_tokenizer_open(imported->section, imported->bytes, imported->ids, tokenizer, err);
}

static void
write_file(const char *directory, const char *name, const char *content)
{
	char		path[300];
	FILE	   *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	unlink(path);
	if (content == NULL)
		return;
	file = fopen(path, "w");
	fputs(content, file);
	fclose(file);
}

/* A tokenizer.json with one part exchanged. */
static void
check_refused(const char *directory, const char *part, const char *value, UcStatus wanted, const char *message)
{
	json_t	   *root = json_loads("{\"added_tokens\": [], \"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": null,"
								  "\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0], [\"a\", -1]]}}", 0, NULL),
			   *exchanged = json_loads(value, 0, NULL);
	UcImportedTokenizer imported = {0};
	UcTokenizer *tokenizer = NULL;
	UcError		err = {0};
	char	   *text;

	CHECK(exchanged != NULL && json_object_set_new(root, part, exchanged) == 0, "%s is JSON", message);
	text = json_dumps(root, 0);
	write_file(directory, "tokenizer.json", text);
	free(text);
	json_decref(root);
	CHECK_REFUSED(open_directory(directory, &imported, &tokenizer, &err), wanted, &err, message, "refused: %s", message);
	uc_tokenizer_close(tokenizer);
	uc_imported_tokenizer_free(&imported);
}

static void
check_refusals(const char *d)
{
	char		deep[1000] = "null";
	char		many[2000] = "{\"type\": \"Sequence\", \"normalizers\": [";

	check_refused(d, "normalizer", "{\"type\": \"ByteLevel\"}", UC_UNSUPPORTED, "normalizer \"ByteLevel\"");
	check_refused(d, "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a|b\"}, \"content\": \"\"}", UC_UNSUPPORTED, "\"a|b\"");
	check_refused(d, "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\s\"}, \"content\": \"\"}", UC_UNSUPPORTED, "\"\\s\"");
	check_refused(d, "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"ab{2,}\"}, \"content\": \"\"}", UC_UNSUPPORTED, "\"ab{2,}\"");
	check_refused(d, "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a{2}\"}, \"content\": \"\"}", UC_UNSUPPORTED, "\"a{2}\"");
	check_refused(d, "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"\"}", UC_UNSUPPORTED, "Replace of \"\"");
	check_refused(d, "normalizer", "{\"type\": \"Prepend\", \"prepend\": \"0123456789012345678901234567890\"}", UC_UNSUPPORTED, "\"Prepend\"");
	check_refused(d, "normalizer", "{\"type\": \"Precompiled\"}", UC_UNSUPPORTED, "normalizer \"Precompiled\"");
	check_refused(d, "pre_tokenizer", "{\"type\": \"ByteLevel\"}", UC_UNSUPPORTED, "pre-tokenizer \"ByteLevel\"");
	check_refused(d, "pre_tokenizer", "{\"type\": \"Punctuation\", \"behavior\": \"Removed\"}", UC_UNSUPPORTED, "behavior \"Removed\"");
	check_refused(d, "pre_tokenizer", "{\"type\": \"Metaspace\", \"replacement\": \"_\"}", UC_UNSUPPORTED, "Metaspace replacement \"_\"");
	check_refused(d, "pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Metaspace\", \"replacement\": \"\\u2581\"},"
				  "{\"type\": \"Metaspace\", \"replacement\": \"\\u2581\"}]}", UC_UNSUPPORTED, "second pre-tokenizer \"Metaspace\"");
	check_refused(d, "post_processor", "{\"type\": \"ByteLevel\"}", UC_UNSUPPORTED, "post-processor \"ByteLevel\"");
	check_refused(d, "model", "{\"type\": \"BPE\", \"vocab\": {\"a\": 0}}", UC_UNSUPPORTED, "model \"BPE\"");
	check_refused(d, "model", "{\"type\": \"Unigram\", \"vocab\": [[\"a\", 0]]}", UC_UNSUPPORTED, "without unk_id");
	check_refused(d, "added_tokens", "[{\"id\": 0, \"content\": \"<pad>\"}]", UC_UNSUPPORTED, "added token \"<pad>\"");
	check_refused(d, "added_tokens", "[{\"id\": 2, \"content\": \"\"}]", UC_UNSUPPORTED, "added token \"\"");
	for (int i = 0; i < 10; i++)
	{
		char		inner[900];

		strcpy(inner, deep);
		snprintf(deep, sizeof deep, "{\"type\": \"Sequence\", \"normalizers\": [%s]}", inner);
	}
	check_refused(d, "normalizer", deep, UC_UNSUPPORTED, "normalizer \"Sequence\"");
	for (int i = 0; i < 25; i++)
		strcat(many, "{\"type\": \"NFC\"}, ");
	strcat(many, "null]}");
	check_refused(d, "normalizer", many, UC_UNSUPPORTED, "more than 24 normalizer steps");
}

static void
check_vocab_refused(const char *directory, const char *vocab, const char *config, UcStatus wanted, const char *message)
{
	UcImportedTokenizer imported = {0};
	UcTokenizer *tokenizer = NULL;
	UcError		err = {0};

	write_file(directory, "tokenizer.json", NULL);
	write_file(directory, "vocab.txt", vocab);
	write_file(directory, "tokenizer_config.json", config);
	CHECK_REFUSED(open_directory(directory, &imported, &tokenizer, &err), wanted, &err, message, "refused: %s", message);
	uc_tokenizer_close(tokenizer);
	uc_imported_tokenizer_free(&imported);
}

static void
check_vocab_refusals(const char *d)
{
	check_vocab_refused(d, NULL, "{}", UC_NOT_FOUND, "tokenizer.json");
	check_vocab_refused(d, "a\n\xFF\n", "{}", UC_CORRUPT, "line 2 is not an entry");
	check_vocab_refused(d, "[PAD]\n[UNK]\n[SEP]\n[MASK]\na\n", "{}", UC_CORRUPT, "\"[CLS]\"");
	check_vocab_refused(d, "[PAD]\n", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}", UC_UNSUPPORTED, "\"BertJapaneseTokenizer\"");
	check_vocab_refused(d, "[PAD]\n", "{\"do_basic_tokenize\": false}", UC_UNSUPPORTED, "do_basic_tokenize");
}

static void
check_ids(const UcTokenizer *tokenizer, const char *name)
{
	char		path[512];
	json_t	   *items,
			   *item;
	UcTokens	tokens = {0};
	UcError		err = {0};
	size_t		equal = 0,
				i;
	bool		offsets = true;

	snprintf(path, sizeof path, GOLDEN "/%s/expected.json", name);
	items = json_load_file(path, JSON_ALLOW_NUL, NULL);
	json_array_foreach(items, i, item)
	{
		json_t	   *text = json_array_get(item, 0),
				   *ids = json_array_get(item, 1);
		bool		same = uc_tokenize(tokenizer, json_string_value(text), json_string_length(text), &run, &tokens, &err) == UC_OK &&
			tokens.count == json_array_size(ids);

		for (size_t j = 0; same && j < tokens.count; j++)
		{
			same = tokens.tokens[j].id == json_integer_value(json_array_get(ids, j));
			offsets = offsets && tokens.tokens[j].start <= tokens.tokens[j].stop && tokens.tokens[j].stop <= json_string_length(text);
		}
		equal += same;
	}
	CHECK(equal >= 40 && equal == json_array_size(items), "%s: ids of %zu of %zu texts are equal", name, equal, json_array_size(items));
	CHECK(offsets, "%s: every token lies inside its text", name);
	uc_tokens_free(&tokens);
	json_decref(items);
}

/* The slowest of a few texts of a megabyte; a step that is quadratic would take minutes. */
static void
check_hostile(const UcTokenizer *tokenizer, const char *name)
{
	static const char *const units[] = {"a", ".", "\xCC\x81", "\xCC\x81\xCC\xA3", "\xE1\x85\xA1", " ", "<x>", "<", "\xEF\xB7\xBA"};
	const size_t megabyte = 1 << 20;
	char	   *text = malloc(megabyte);
	UcTokens	tokens = {0};
	UcError		err = {0};
	double		slowest = 0;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
	{
		size_t		bytes = 0,
					n = strlen(units[i]);
		clock_t		before = clock();

		for (; bytes + n <= megabyte; bytes += n)
			memcpy(text + bytes, units[i], n);
		if (uc_tokenize(tokenizer, text, bytes, &run, &tokens, &err) != UC_OK)
			CHECK(false, "%s: %s", name, err.message);
		if ((double) (clock() - before) / CLOCKS_PER_SEC > slowest)
			slowest = (double) (clock() - before) / CLOCKS_PER_SEC;
	}
	CHECK(slowest < 30, "%s: a megabyte of one character is tokenized", name);
	printf("# %.3f s\n", slowest);
	uc_tokens_free(&tokens);
	free(text);
}

static void
check_golden(void)
{
	DIR		   *all = opendir(GOLDEN);
	struct dirent *entry;
	size_t		count = 0;

	while (all != NULL && (entry = readdir(all)) != NULL)
	{
		char		path[512];
		UcImportedTokenizer imported = {0};
		UcTokenizer *tokenizer = NULL;
		UcError		err = {0};

		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(path, sizeof path, GOLDEN "/%s", entry->d_name);
		CHECK(open_directory(path, &imported, &tokenizer, &err) == UC_OK, "%s is imported and opens %s", entry->d_name, err.message);
		if (tokenizer != NULL)
		{
			check_ids(tokenizer, entry->d_name);
			check_hostile(tokenizer, entry->d_name);
		}
		uc_tokenizer_close(tokenizer);
		uc_imported_tokenizer_free(&imported);
	}
	if (all != NULL)
		closedir(all);
	CHECK(count >= 32, "%zu kinds of tokenizers", count);
}

int
main(void)
{
	char		directory[] = "/tmp/usercluster-test-XXXXXX";

	if (mkdtemp(directory) == NULL)
		return 1;
	check_refusals(directory);
	check_vocab_refusals(directory);
	write_file(directory, "vocab.txt", NULL);
	write_file(directory, "tokenizer_config.json", NULL);
	rmdir(directory);
	check_golden();
	return check_done();
}
