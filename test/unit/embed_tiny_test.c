/*
 * Tiny models with every deviation that an importer can meet, against what sentence-transformers makes of them.
 */
#include "check.h"
#include "golden.h"

static void
check_model(const char *name)
{
	LoadedModel loaded = {0};
	char		path[256];
	json_t	   *items,
			   *item;
	size_t		i;
	Difference	worst = {.cosine = 1};
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcError		err = {0};

	snprintf(path, sizeof path, "test/golden/tiny/%s", name);
	CHECK(load_model(path, &loaded), "%s is imported and opens", name);
	if (loaded.tokenizer == NULL)
		return;
	snprintf(path, sizeof path, "test/golden/tiny/%s/expected.json", name);
	items = json_load_file(path, 0, NULL);
	CHECK(json_array_size(items) == 7, "%s has its expected vectors", name);
	json_array_foreach(items, i, item)
	{
		json_t	   *expected = json_object_get(item, "embedding");
		UcText		text = {json_string_value(json_object_get(item, "text")), json_string_length(json_object_get(item, "text"))};
		UcEmbedOptions options = {.prompt = uc_model_prompt(loaded.model)};
		size_t		n = loaded.model->config.dimensions;
		float		vector[64];
		double		wanted[64] = {0};

		if (json_array_size(expected) != n || n > 64)
		{
			CHECK(false, "%s gives %zu dimensions", name, n);
			continue;
		}
		for (size_t j = 0; j < n; j++)
			wanted[j] = json_number_value(json_array_get(expected, j));
		if (uc_embed(loaded.model, loaded.tokenizer, &text, 1, &options, &run, vector, &err) != UC_OK)
			CHECK(false, "%s: %s", name, err.message);
		else
			compare_vectors(vector, wanted, n, &worst);
	}
	CHECK(worst.cosine > 0.9999999 && worst.component < 1e-5, "%s agrees on every text (cosine %.9f, component %.1e)", name,
		  worst.cosine, worst.component);
	json_decref(items);
	unload_model(&loaded);
}

int
main(void)
{
	check_model("gelu_mean");
	check_model("relu_cls");
	check_model("gelu_new_max_dense_cased");
	check_model("silu_f16_prompt");
	return check_done();
}
