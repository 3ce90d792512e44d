/*
 * The real models against the reference implementation: token ids and vectors of every text in test/golden, alone and in a
 * batch, with one thread and with three. scripts/fetch-model brings the models to build/models (or UC_TEST_MODELS).
 */
#include "check.h"
#include "golden.h"

typedef struct Golden
{
	size_t		count;
	UcText	   *texts;			/* [count] */
	json_t	   *items;
} Golden;

static Golden
read_golden(const char *path)
{
	json_t	   *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
	Golden		golden = {.items = json_incref(json_object_get(root, "items"))};

	golden.count = json_array_size(golden.items);
	golden.texts = calloc(golden.count + 1, sizeof *golden.texts);
	for (size_t i = 0; i < golden.count; i++)
	{
		json_t	   *text = json_object_get(json_array_get(golden.items, i), "text");

		golden.texts[i] = (UcText) {json_string_value(text), json_string_length(text)};
	}
	json_decref(root);
	return golden;
}

static void
check_ids(const LoadedModel *loaded, const Golden *golden, const char *name)
{
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcTokens	tokens = {0};
	UcError		err = {0};
	size_t		equal = 0;

	for (size_t i = 0; i < golden->count; i++)
	{
		json_t	   *item = json_array_get(golden->items, i),
				   *ids = json_object_get(item, "ids");
		bool		same = uc_tokenize(loaded->tokenizer, golden->texts[i].text, golden->texts[i].bytes, &run, &tokens, &err) == UC_OK
			&& tokens.count == (size_t) json_integer_value(json_object_get(item, "n_tokens_untruncated"));

		if (same)
			uc_tokens_truncate(&tokens, loaded->model->config.max_tokens);
		same = same && tokens.count == json_array_size(ids);
		for (size_t j = 0; same && j < tokens.count; j++)
			same = tokens.tokens[j].id == json_integer_value(json_array_get(ids, j));
		equal += same;
		if (!same)
			printf("# %s: ids differ\n", json_string_value(json_object_get(item, "name")));
	}
	CHECK(golden->count > 0 && equal == golden->count, "%s: ids of %zu of %zu texts are equal", name, equal, golden->count);
	uc_tokens_free(&tokens);
}

static void
check_vectors(const LoadedModel *loaded, const Golden *golden, const char *name)
{
	size_t		n = loaded->model->config.dimensions;
	UcEmbedOptions options = {.prompt = ""};
	float	   *alone = calloc(golden->count + 1, n * sizeof(float)),
			   *batch = calloc(golden->count + 1, n * sizeof(float)),
			   *threaded = calloc(golden->count + 1, n * sizeof(float));
	double	   *expected = calloc(n, sizeof(double));
	Difference	worst = {.cosine = 1},
				neighbours = {.cosine = 1};
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcError		err = {0};
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < golden->count && status == UC_OK; i++)
		status = uc_embed(loaded->model, loaded->tokenizer, &golden->texts[i], 1, &options, &run, alone + i * n, &err);
	if (status == UC_OK)
		status = uc_embed(loaded->model, loaded->tokenizer, golden->texts, golden->count, &options, &run, batch, &err);
	run.threads = 3;
	if (status == UC_OK)
		status = uc_embed(loaded->model, loaded->tokenizer, golden->texts, golden->count, &options, &run, threaded, &err);
	CHECK(status == UC_OK, "%s embeds every text%s%s", name, status == UC_OK ? "" : ": ", status == UC_OK ? "" : err.message);

	for (size_t i = 0; i < golden->count && status == UC_OK; i++)
	{
		json_t	   *vector = json_object_get(json_array_get(golden->items, i), "embedding");

		for (size_t j = 0; j < n; j++)
			expected[j] = json_number_value(json_array_get(vector, j));
		compare_vectors(alone + i * n, expected, n, &worst);
		for (size_t j = 0; j < n; j++)
			expected[j] = alone[i * n + j];
		compare_vectors(batch + i * n, expected, n, &neighbours);
	}
	CHECK(worst.cosine >= 0.99999 && worst.component <= 1e-4, "%s: %zu vectors agree (cosine at least %.8f, component within %.1e)",
		  name, golden->count, worst.cosine, worst.component);
	CHECK(neighbours.component <= 1e-6, "%s: alone and in a batch agree (within %.1e)", name, neighbours.component);
	CHECK(memcmp(batch, threaded, golden->count * n * sizeof(float)) == 0, "%s: threads change nothing", name);
	free(alone);
	free(batch);
	free(threaded);
	free(expected);
}

static void
check_model(const char *name, const char *golden_file)
{
	const char *models = getenv("UC_TEST_MODELS");
	char		path[512];
	LoadedModel loaded = {0};
	Golden		golden = read_golden(golden_file);

	snprintf(path, sizeof path, "%s/%s", models == NULL ? "build/models" : models, name);
	CHECK(load_model(path, &loaded), "%s is imported and opens (else run scripts/fetch-model %s)", name, name);
	if (loaded.tokenizer != NULL)
	{
		check_ids(&loaded, &golden, name);
		check_vectors(&loaded, &golden, name);
		unload_model(&loaded);
	}
	json_decref(golden.items);
	free(golden.texts);
}

int
main(void)
{
	check_model("all-MiniLM-L6-v2", "test/golden/minilm.json");
	check_model("multilingual-e5-small-q4", "test/golden/e5_small_q4deq.json");
	return check_done();
}
