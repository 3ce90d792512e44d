/*
 * Texts that leave no token: a model that adds no special tokens gives them zeros, never NaN, and their neighbours their own vectors.
 */
#include "check.h"
#include "golden.h"

static const char *const linked[] = {"config.json", "model.safetensors", "modules.json", "1_Pooling", "sentence_bert_config.json",
"tokenizer_config.json"};

/* The tiny model with its template taken away. */
static void
make_bare(const char *model, const char *directory)
{
	char		from[400],
				to[400];
	json_t	   *root;

	for (size_t i = 0; i < sizeof linked / sizeof *linked; i++)
	{
		char	   *whole;

		snprintf(from, sizeof from, "test/golden/tiny/%s/%s", model, linked[i]);
		snprintf(to, sizeof to, "%s/%s", directory, linked[i]);
		whole = realpath(from, NULL);
		CHECK(whole != NULL && symlink(whole, to) == 0, "%s: %s", model, linked[i]);
		free(whole);
	}
	snprintf(from, sizeof from, "test/golden/tiny/%s/tokenizer.json", model);
	snprintf(to, sizeof to, "%s/tokenizer.json", directory);
	root = json_load_file(from, 0, NULL);
	json_object_set_new(root, "post_processor", json_null());
	json_dump_file(root, to, 0);
	json_decref(root);
}

static void
check_model(const char *model)
{
	char		directory[] = "/tmp/usercluster-test-XXXXXX",
				path[400];
	LoadedModel loaded = {0};
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcEmbedOptions options = {0};
	UcError		err = {0};
	UcText		texts[] = {{"", 0}, {"a cat", 5}, {"\xC2\x81\xCC\x81", 4}, {" ", 1}, {"the mat", 7}, {"\xCC\x81", 2}};
	enum
	{
		COUNT = sizeof texts / sizeof *texts
	};
	float		out[COUNT * 64],
				alone[64];

	CHECK(mkdtemp(directory) != NULL, "a directory");
	make_bare(model, directory);
	CHECK(load_model(directory, &loaded), "%s without a template is imported", model);
	if (loaded.tokenizer != NULL && loaded.model->config.dimensions <= 64)
	{
		size_t		n = loaded.model->config.dimensions;

		memset(out, 0xFF, sizeof out);
		CHECK(uc_embed(loaded.model, loaded.tokenizer, texts, COUNT, &options, &run, out, &err) == UC_OK, "%s embeds %s", model, err.message);
		for (int i = 0; i < COUNT; i++)
		{
			bool		empty = i != 1 && i != 4;

			CHECK(uc_embedding_empty(out + i * n, n) == empty, "%s: text %d has %s vector", model, i, empty ? "no" : "a");
			if (empty)
				continue;
			CHECK(uc_embed(loaded.model, loaded.tokenizer, &texts[i], 1, &options, &run, alone, &err) == UC_OK, "%s alone", model);
			for (size_t j = 0; j < n; j++)
				if (!(fabsf(alone[j] - out[i * n + j]) < 1e-5f))
					CHECK(false, "%s: text %d has the vector that it has alone", model, i);
		}
		unload_model(&loaded);
	}
	for (size_t i = 0; i < sizeof linked / sizeof *linked; i++)
	{
		snprintf(path, sizeof path, "%s/%s", directory, linked[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/tokenizer.json", directory);
	unlink(path);
	rmdir(directory);
}

int
main(void)
{
	check_model("gelu_mean");
	check_model("relu_cls");
	return check_done();
}
