/*
 * Gradients of every tensor of the tiny models: against finite differences of our own loss, and against PyTorch's in double
 * (gradients.json beside each model, made by test/golden/make_gradients.py).
 */
#include "check.h"
#include "golden.h"

#include "base/random.h"
#include "train/contrast.h"
#include "train/pass.h"

#define SCALE 5.0
#define NOISE 4e-7				/* of a loss, from rounding to float */
#define TEXTS 6					/* the first of the model's expected.json that have tokens; three pairs */

typedef struct Trial
{
	LoadedModel loaded;
	UcWeights  *weights;
	UcPass	   *pass;
	uint32_t	ids[512];
	size_t		starts[TEXTS + 1];
	UcBatch		batch;
	float	   *vectors;
	float	   *d_vectors;
	float	   *gradient;
	UcRun		run;
} Trial;

static bool
tokenize_texts(Trial *t, const char *name)
{
	char		path[256];
	json_t	   *items;
	UcTokens	tokens = {0};
	UcError		err = {0};
	bool		good = true;

	snprintf(path, sizeof path, "test/golden/tiny/%s/expected.json", name);
	items = json_load_file(path, 0, NULL);
	t->batch = (UcBatch) {t->ids, t->starts, TEXTS};
	for (size_t i = 0; i < TEXTS && good; i++)
	{
		json_t	   *text = json_object_get(json_array_get(items, i), "text");

		good = uc_tokenize(t->loaded.tokenizer, json_string_value(text), json_string_length(text), &t->run, &tokens, &err) == UC_OK;
		uc_tokens_truncate(&tokens, t->loaded.model->config.max_tokens);
		t->starts[i + 1] = t->starts[i] + tokens.count;
		for (size_t j = 0; j < tokens.count; j++)
			t->ids[t->starts[i] + j] = tokens.tokens[j].id;
	}
	uc_tokens_free(&tokens);
	json_decref(items);
	return good;
}

static double
loss_of(Trial *t, bool gradient, const int32_t *labels)
{
	UcError		err = {0};
	double		loss = NAN;

	if (uc_pass_forward(t->pass, &t->batch, &t->run, t->vectors, &err) != UC_OK ||
		uc_contrast(t->vectors, TEXTS / 2, t->loaded.model->config.dimensions, labels, SCALE, &loss,
					gradient ? t->d_vectors : NULL, &err) != UC_OK)
		printf("# %s\n", err.message);
	return loss;
}

static bool
fill_gradient(Trial *t, size_t layers, const int32_t *labels, float *gradient)
{
	UcError		err = {0};
	double		loss = loss_of(t, true, labels);

	memset(gradient, 0, t->weights->total * sizeof(float));
	return isfinite(loss) && uc_pass_backward(t->pass, t->d_vectors, layers, gradient, &t->run, &err) == UC_OK;
}

/* Along the gradient of one tensor the loss must rise by its length. Losses are good to NOISE, so that the flat want longer steps. */
static void
check_differences(Trial *t, const char *name, const int32_t *labels)
{
	double		worst = 0;
	size_t		moved = 0;

	for (size_t i = 0; i < t->weights->count; i++)
	{
		const UcWeight *w = &t->weights->tensors[i];
		float	   *values = t->weights->values + w->offset,
				   *kept = malloc(w->count * sizeof(float));
		const float *g = t->gradient + w->offset;
		double		length = 0,
					step,
					allowed,
					slopes[2];

		for (size_t j = 0; j < w->count; j++)
			length += (double) g[j] * g[j];
		length = sqrt(length);
		memcpy(kept, values, w->count * sizeof(float));
		step = fmin(fmax(2.5e-5 / length, 5e-4), 2e-2);
		allowed = 0.01 * length + NOISE / step;
		moved += length > 0;
		for (int half = 0; half < 2; half++)
		{
			double		losses[2],
						h = step * (1 + half);

			for (int side = 0; side < 2; side++)
			{
				for (size_t j = 0; j < w->count; j++)
					values[j] = (float) (kept[j] + (side ? h : -h) * g[j] / length);
				losses[side] = loss_of(t, false, labels);
			}
			slopes[half] = (losses[1] - losses[0]) / (2 * h);
		}
		memcpy(values, kept, w->count * sizeof(float));
		free(kept);
		slopes[0] += (slopes[0] - slopes[1]) / 3;
		if (!(fabs(slopes[0] - length) < allowed))
			printf("# %s: slope %.6f, gradient %.6f\n", w->entry->name, slopes[0], length);
		worst = fmax(worst, fabs(slopes[0] - length) / allowed);
	}
	CHECK(moved == t->weights->count && worst < 1, "%s%s: %zu of %zu tensors rise as their gradients say (%.3f of the tolerance)", name,
		  labels != NULL ? " with labels" : "", moved, t->weights->count, worst);
}

static void
check_golden(Trial *t, const char *name)
{
	char		path[256];
	json_t	   *root,
			   *tensors;
	double		worst = 0;
	size_t		equal = 0;

	snprintf(path, sizeof path, "test/golden/tiny/%s/gradients.json", name);
	root = json_load_file(path, 0, NULL);
	tensors = json_object_get(root, "tensors");
	CHECK(fabs(loss_of(t, false, NULL) - json_number_value(json_object_get(root, "loss"))) < 1e-5, "%s: the loss is PyTorch's", name);
	for (size_t i = 0; i < t->weights->count; i++)
	{
		const UcWeight *w = &t->weights->tensors[i];
		json_t	   *expected = json_object_get(tensors, w->entry->name);
		double		difference = 0,
					length = 0;

		for (size_t j = 0; j < w->count && json_array_size(expected) == w->count; j++)
		{
			double		wanted = json_number_value(json_array_get(expected, j));

			difference += pow(t->gradient[w->offset + j] - wanted, 2);
			length += wanted * wanted;
		}
		difference = sqrt(difference) / (sqrt(length) + 1e-3);
		if (json_array_size(expected) != w->count || !(difference < 1e-4))
			printf("# %s: %.2e of %.4f\n", w->entry->name, difference, sqrt(length));
		else
			equal++;
		worst = fmax(worst, difference);
	}
	CHECK(equal == t->weights->count, "%s: gradients of %zu of %zu tensors are PyTorch's (largest relative difference %.1e)", name, equal,
		  t->weights->count, worst);
	json_decref(root);
}

/* What is frozen is left out, the rest has the same gradient; and so it is whatever the number of threads. */
static void
check_parts(Trial *t, const char *name)
{
	size_t		trained = uc_weights_trained(t->weights, 1);
	float	   *part = calloc(t->weights->total, sizeof(float));

	CHECK(fill_gradient(t, 1, NULL, part) && trained > 0 &&
		  memcmp(part, t->gradient + trained, (t->weights->total - trained) * sizeof(float)) == 0,
		  "%s: the last layer's gradients are those of all", name);
	t->run.threads = 1;
	CHECK(fill_gradient(t, 2, NULL, part) && memcmp(part, t->gradient, t->weights->total * sizeof(float)) == 0,
		  "%s: one thread gives the gradients of three, bit by bit", name);
	t->run.threads = 3;
	free(part);
}

/* With masks the loss is another one, the gradients are still its slopes, and without masks all is as before. */
static void
check_dropout(Trial *t, const char *name)
{
	static const uint64_t keys[TEXTS] = {11, 12, 13, 14, 15, 16};
	UcDropout	dropout = {.rate = 0.3f,.keys = keys};
	double		plain = loss_of(t, false, NULL);
	char		title[100];

	snprintf(title, sizeof title, "%s with dropout", name);
	uc_pass_drop(t->pass, &dropout);
	CHECK(fill_gradient(t, 2, NULL, t->gradient) && fabs(loss_of(t, false, NULL) - plain) > 1e-3, "%s: another loss", title);
	check_differences(t, title, NULL);
	check_parts(t, title);
	uc_pass_drop(t->pass, NULL);
	CHECK(loss_of(t, false, NULL) == plain, "%s: off again, the loss is what it was, bit by bit", title);
}

/* Along the gradient of one adapter's A or B the loss must rise by its length. */
static void
check_adapter(Trial *t, UcAdapters *adapters, size_t offset, size_t count, double *worst)
{
	float	   *values = adapters->values + offset,
			   *kept = malloc(count * sizeof(float));
	const float *g = t->gradient + offset;
	double		length = 0,
				losses[2],
				h = 1e-3;
	UcError		err = {0};

	for (size_t j = 0; j < count; j++)
		length += (double) g[j] * g[j];
	length = sqrt(length);
	memcpy(kept, values, count * sizeof(float));
	for (int side = 0; side < 2; side++)
	{
		for (size_t j = 0; j < count; j++)
			values[j] = (float) (kept[j] + (side ? h : -h) * g[j] / length);
		losses[side] = uc_adapters_merge(adapters, &t->run, &err) == UC_OK ? loss_of(t, false, NULL) : NAN;
	}
	memcpy(values, kept, count * sizeof(float));
	free(kept);
	h = fabs((losses[1] - losses[0]) / (2 * h) - length) / (0.01 * length + 2e-3);
	*worst = isfinite(h) && length > 0 ? fmax(*worst, h) : INFINITY;
}

static void
check_adapters(Trial *t, const char *name)
{
	UcAdapters *adapters = NULL;
	UcError		err = {0};
	UcRandom	random;
	double		loss = loss_of(t, false, NULL),
				worst = 0;
	float	   *one = calloc(t->weights->total, sizeof(float));

	CHECK(uc_adapters_create(t->weights, 2, 3, 5, &adapters, &err) == UC_OK &&
		  uc_pass_adapt(t->pass, adapters, &err) == UC_OK && uc_adapters_merge(adapters, &t->run, &err) == UC_OK &&
		  loss_of(t, false, NULL) == loss && adapters->total < t->weights->total, "%s: new adapters change nothing", name);
	uc_random_seed(&random, 9, 0);
	for (size_t i = 0; i < adapters->count; i++)
		for (size_t j = 0; j < adapters->adapters[i].out * adapters->rank; j++)
			adapters->values[adapters->adapters[i].b + j] = (float) (0.05 * (uc_random_unit(&random) - 0.5));
	CHECK(uc_adapters_merge(adapters, &t->run, &err) == UC_OK && fabs(loss_of(t, false, NULL) - loss) > 1e-4,
		  "%s: adapters change the loss", name);
	CHECK(fill_gradient(t, 2, NULL, t->gradient), "%s: a gradient of adapters", name);
	t->run.threads = 1;
	CHECK(fill_gradient(t, 2, NULL, one) && memcmp(one, t->gradient, adapters->total * sizeof(float)) == 0,
		  "%s: one thread gives the adapters' gradients of three, bit by bit", name);
	t->run.threads = 3;
	for (size_t i = 0; i < adapters->count; i++)
	{
		check_adapter(t, adapters, adapters->adapters[i].a, adapters->rank * adapters->adapters[i].in, &worst);
		check_adapter(t, adapters, adapters->adapters[i].b, adapters->rank * adapters->adapters[i].out, &worst);
	}
	CHECK(worst < 1, "%s: the loss rises along %zu adapters as their gradients say (%.3f of the tolerance)", name,
		  adapters->count, worst);
	memset(adapters->values, 0, adapters->total * sizeof(float));
	CHECK(uc_adapters_merge(adapters, &t->run, &err) == UC_OK && loss_of(t, false, NULL) == loss, "%s: adapters of 0 change nothing",
		  name);
	CHECK(uc_pass_adapt(t->pass, NULL, &err) == UC_OK, "%s: without adapters again", name);
	uc_adapters_free(adapters);
	free(one);
}

static void
check_model(const char *name)
{
	Trial		t = {.run = {.threads = 3,.max_memory = SIZE_MAX}};
	char		path[256];
	UcError		err = {0};
	static const int32_t labels[TEXTS / 2] = {7, 3, 7};

	snprintf(path, sizeof path, "test/golden/tiny/%s", name);
	CHECK(load_model(path, &t.loaded) && tokenize_texts(&t, name) &&
		  uc_weights_create(t.loaded.model, NULL, &t.weights, &err) == UC_OK &&
		  uc_pass_create(t.weights, 512, TEXTS, 3, &t.pass, &err) == UC_OK, "%s can be trained", name);
	if (t.pass != NULL)
	{
		t.vectors = calloc(TEXTS * t.loaded.model->config.dimensions, sizeof(float));
		t.d_vectors = calloc(TEXTS * t.loaded.model->config.dimensions, sizeof(float));
		t.gradient = calloc(t.weights->total, sizeof(float));
		CHECK(fill_gradient(&t, 2, labels, t.gradient), "%s: a gradient with labels", name);
		check_differences(&t, name, labels);
		CHECK(fill_gradient(&t, 2, NULL, t.gradient), "%s: a gradient", name);
		check_differences(&t, name, NULL);
		check_golden(&t, name);
		check_parts(&t, name);
		check_dropout(&t, name);
		check_adapters(&t, name);
		free(t.vectors);
		free(t.d_vectors);
		free(t.gradient);
	}
	uc_pass_free(t.pass);
	uc_weights_free(t.weights);
	unload_model(&t.loaded);
}

static void
check_refusals(void)
{
	float		vectors[4] = {1, 0, NAN, 1};
	double		loss;
	UcError		err = {0};

	CHECK_REFUSED(uc_contrast(vectors, 1, 2, NULL, SCALE, &loss, NULL, &err), UC_INVALID_DATA, &err, "not finite", "NaN is refused");
	vectors[2] = vectors[3] = 0;
	CHECK_REFUSED(uc_contrast(vectors, 1, 2, NULL, SCALE, &loss, NULL, &err), UC_INVALID_DATA, &err, "not finite", "a zero is refused");
}

int
main(void)
{
	check_refusals();
	check_model("gelu_mean");
	check_model("relu_cls");
	check_model("gelu_new_max_dense_cased");
	check_model("silu_f16_prompt");
	return check_done();
}
