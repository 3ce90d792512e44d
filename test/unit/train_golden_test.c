/*
 * The real models in training, against PyTorch: one gradient of every tensor over the golden texts, and the losses of 20 steps
 * of AdamW. test/golden/make_training.py says what of a gradient is kept, and how the texts were chosen.
 */
#include "check.h"
#include "golden.h"

#include "train/adam.h"
#include "train/contrast.h"
#include "train/pass.h"

#define MOST_TEXTS 96			/* of a batch */
#define MOST_TOKENS 4096
#define PRODUCTS 16
#define TOLERANCE 1e-4			/* of a gradient's length */
#define NOTHING 1e-9			/* what is shorter than this part of the whole gradient is mathematically zero, … */
#define NOISE 1e-6				/* … and ours may be this part of it: the bias of the keys, which softmax cancels */
#define MOVED_TOLERANCE 5e-3	/* of how far a tensor moved: AdamW makes large what is small */
#define LOSS_TOLERANCE 1e-3

typedef struct Trial
{
	LoadedModel loaded;
	UcWeights  *weights;
	UcPass	   *pass;
	json_t	   *training;
	double		scale;
	uint32_t   *ids;
	size_t	   *starts;			/* [texts + 1] */
	UcBatch		batch;
	float	   *vectors;
	float	   *d_vectors;
	UcRun		run;
} Trial;

/* A part of a tensor whose expected length is below `nothing` is mathematically zero: ours must be below `noise`. */
typedef struct Zero
{
	double		nothing;
	double		noise;
} Zero;

typedef struct Sketch
{
	double		length;
	double		products[PRODUCTS];
} Sketch;

/* Of values[from, from + count), which are a part of a tensor. */
static Sketch
sketch(const float *values, size_t from, size_t count)
{
	Sketch		s = {0};
	double		squares = 0;

	for (size_t i = from; i < from + count; i++)
	{
		uint64_t	z = (i + 1) * 0x9E3779B97F4A7C15u;
		double		signs[2] = {values[i], -(double) values[i]};

		if (values[i] == 0)
			continue;
		z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
		z = (z ^ z >> 27) * 0x94D049BB133111EBu;
		z ^= z >> 31;
		squares += signs[0] * signs[0];
		for (int k = 0; k < PRODUCTS; k++)
			s.products[k] += signs[z >> k & 1];
	}
	s.length = sqrt(squares);
	return s;
}

static double
member(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

/*
 * The largest relative difference of the parts of a tensor from what is expected: by the products, by the length, and by the
 * entries, whose measure is the largest entry.
 */
static double
difference(const float *values, size_t count, const json_t *parts, const Zero *zero)
{
	size_t		part_count = count / (json_array_size(parts) + (json_array_size(parts) == 0));
	double		worst = json_array_size(parts) == 0 ? INFINITY : 0;

	for (size_t p = 0; p < json_array_size(parts); p++)
	{
		json_t	   *part = json_array_get(parts, p),
				   *products = json_object_get(part, "products"),
				   *entries = json_object_get(part, "entries");
		Sketch		s = sketch(values, p * part_count, part_count);
		double		length = member(part, "length"),
					largest = json_number_value(json_array_get(json_array_get(entries, 0), 1)),
					squares = 0,
					found;

		if (length < zero->nothing)
			found = s.length < zero->noise ? 0 : INFINITY;
		else
		{
			for (int k = 0; k < PRODUCTS; k++)
				squares += pow(s.products[k] - json_number_value(json_array_get(products, k)), 2) / PRODUCTS;
			found = fmax(sqrt(squares), fabs(s.length - length)) / length;
			for (size_t i = 0; i < json_array_size(entries); i++)
			{
				json_t	   *entry = json_array_get(entries, i);
				float		own = values[p * part_count + (size_t) json_integer_value(json_array_get(entry, 0))];

				found = fmax(found, fabs(own - json_number_value(json_array_get(entry, 1))) / fabs(largest));
			}
		}
		worst = fmax(worst, found);
	}
	return worst;
}

/* The ids of these texts as the batch. */
static bool
tokenize_texts(Trial *t, const json_t *texts)
{
	UcTokens	tokens = {0};
	UcError		err = {0};
	size_t		count = json_array_size(texts);
	bool		good = count > 0 && count <= MOST_TEXTS;

	t->batch = (UcBatch) {t->ids, t->starts, count};
	for (size_t i = 0; i < count && good; i++)
	{
		const json_t *text = json_array_get(texts, i);

		good = uc_tokenize(t->loaded.tokenizer, json_string_value(text), json_string_length(text), &t->run, &tokens, &err) == UC_OK;
		uc_tokens_truncate(&tokens, t->loaded.model->config.max_tokens);
		good = good && t->starts[i] + tokens.count <= MOST_TOKENS;
		for (size_t j = 0; j < tokens.count && good; j++)
			t->ids[t->starts[i] + j] = tokens.tokens[j].id;
		t->starts[i + 1] = t->starts[i] + tokens.count;
	}
	uc_tokens_free(&tokens);
	return good;
}

/* The loss of the batch, and its gradient added to `gradient`; NAN where that fails. */
static double
learn(Trial *t, size_t layers, float *gradient)
{
	UcError		err = {0};
	double		loss = NAN;

	if (uc_pass_forward(t->pass, &t->batch, &t->run, t->vectors, &err) == UC_OK &&
		uc_contrast(t->vectors, t->batch.texts / 2, t->loaded.model->config.dimensions, NULL, t->scale, &loss, t->d_vectors,
					&err) == UC_OK &&
		uc_pass_backward(t->pass, t->d_vectors, layers, gradient, &t->run, &err) == UC_OK)
		return loss;
	printf("# %s\n", err.message);
	return NAN;
}

/* How many tensors from `trained` on agree in all their parts; values [total - trained]. */
static void
check_tensors(const Trial *t, const float *values, size_t trained, const json_t *expected, double tolerance, const Zero *zero,
			  const char *what)
{
	size_t		equal = 0,
				wanted = 0;
	double		worst = 0;

	for (size_t i = 0; i < t->weights->count; i++)
	{
		const UcWeight *w = &t->weights->tensors[i];
		double		found;

		if (w->offset < trained)
			continue;
		wanted++;
		found = difference(values + w->offset - trained, w->count, json_object_get(expected, w->entry->name), zero);
		if (found < tolerance)
			equal++;
		else
			printf("# %s: %.2e\n", w->entry->name, found);
		worst = fmax(worst, found);
	}
	CHECK(wanted == json_object_size(expected) && equal == wanted, "%s of %zu of %zu tensors (largest relative difference %.1e)", what,
		  equal, wanted, worst);
}

/* Words that occur in no text have no gradient. */
static void
check_words(const Trial *t, const float *gradient, const json_t *golden, const char *name)
{
	const UcModelConfig *c = &t->loaded.model->config;
	const float *rows = gradient + uc_weight_offset(t->weights, t->weights->model.word);
	bool	   *met = calloc(c->vocabulary, sizeof *met);
	size_t		touched = 0,
				foreign = 0;

	for (size_t i = 0; i < t->starts[t->batch.texts]; i++)
		met[t->ids[i]] = true;
	for (size_t id = 0; id < c->vocabulary; id++)
	{
		bool		moved = false;

		for (size_t j = 0; j < c->hidden && !moved; j++)
			moved = rows[id * c->hidden + j] != 0;
		touched += moved;
		foreign += moved && !met[id];
	}
	CHECK(foreign == 0 && touched == (size_t) member(golden, "word_rows"), "%s: %zu words have a gradient, all of them words of the texts",
		  name, touched);
	free(met);
}

static void
check_gradient(Trial *t, const json_t *items, const char *name)
{
	json_t	   *golden = json_object_get(t->training, "gradient"),
			   *places = json_object_get(golden, "items"),
			   *texts = json_array();
	float	   *gradient = calloc(t->weights->total, sizeof(float));
	char		what[128];
	double		loss;
	Zero		zero = {NOTHING * member(golden, "length"), NOISE * member(golden, "length")};

	for (size_t i = 0; i < json_array_size(places); i++)
		json_array_append(texts, json_object_get(json_array_get(items, (size_t) json_integer_value(json_array_get(places, i))), "text"));
	loss = tokenize_texts(t, texts) ? learn(t, SIZE_MAX, gradient) : NAN;
	CHECK(fabs(loss / member(golden, "loss") - 1) < 1e-5, "%s: the loss of %zu pairs is PyTorch's (%.6f)", name, t->batch.texts / 2, loss);
	check_words(t, gradient, golden, name);
	snprintf(what, sizeof what, "%s: PyTorch's gradients", name);
	check_tensors(t, gradient, 0, json_object_get(golden, "tensors"), TOLERANCE, &zero, what);
	json_decref(texts);
	free(gradient);
}

#ifndef __SANITIZE_ADDRESS__		/* the optimiser runs under sanitizers in train_fine_tune_test, in a tenth of the time */

static bool
choose_pairs(Trial *t, const json_t *curve, size_t step)
{
	json_t	   *pairs = json_object_get(curve, "pairs"),
			   *texts = json_array();
	size_t		batch = (size_t) member(curve, "batch");
	bool		good;

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < batch; i++)
			json_array_append(texts, json_array_get(json_array_get(pairs, (step * batch + i) % json_array_size(pairs)), side));
	good = tokenize_texts(t, texts);
	json_decref(texts);
	return good;
}

static void
check_curve(Trial *t, const char *name)
{
	json_t	   *curve = json_object_get(t->training, "curve"),
			   *losses = json_object_get(curve, "losses");
	size_t		layers = (size_t) member(curve, "layers"),
				steps = (size_t) member(curve, "steps"),
				trained = uc_weights_trained(t->weights, layers),
				moving = t->weights->total - trained,
				equal = 0;
	UcAdamOptions options = {member(curve, "rate"), member(curve, "decay"), steps, (size_t) member(curve, "warm_up")};
	UcParameters parameters = {0};
	UcAdam	   *adam = NULL;
	UcError		err = {0};
	float	   *moved = malloc(moving * sizeof(float));
	double		worst = 0,
				first = NAN,
				loss = NAN;
	char		what[128];
	Zero		zero = {NOTHING, INFINITY};

	memcpy(moved, t->weights->values + trained, moving * sizeof(float));
	CHECK(uc_parameters_add_weights(&parameters, t->weights, layers, &err) == UC_OK && parameters.total == moving &&
		  uc_adam_create(&parameters, &options, &t->run, &adam, &err) == UC_OK, "%s: AdamW for %zu layers", name, layers);
	for (size_t step = 0; step < steps && adam != NULL; step++)
	{
		double		wanted = json_number_value(json_array_get(losses, step));

		loss = choose_pairs(t, curve, step) ? learn(t, layers, uc_adam_gradient(adam)) : NAN;
		if (fabs(loss / wanted - 1) < LOSS_TOLERANCE && uc_adam_step(adam, &t->run, &err) == UC_OK)
			equal++;
		else
			printf("# step %zu: loss %.6f, expected %.6f\n", step, loss, wanted);
		worst = fmax(worst, fabs(loss / wanted - 1));
		if (step == 0)
			first = loss;
	}
	CHECK(steps == 20 && equal == steps,
		  "%s: the losses of %zu of %zu steps are PyTorch's (from %.3f to %.3f; largest relative difference %.1e)", name, equal, steps,
		  first, loss, worst);
	for (size_t i = 0; i < moving; i++)
		moved[i] = t->weights->values[trained + i] - moved[i];
	snprintf(what, sizeof what, "%s: after them PyTorch's weights", name);
	check_tensors(t, moved, trained, json_object_get(curve, "moved"), MOVED_TOLERANCE, &zero, what);
	uc_adam_free(adam);
	uc_parameters_free(&parameters);
	free(moved);
}

#endif

static void
check_model(const char *name, const char *golden_file, const char *training_file)
{
	Trial		t = {.run = {.threads = 3,.max_memory = SIZE_MAX}};
	const char *models = getenv("UC_TEST_MODELS");
	char		path[512];
	UcError		err = {0};
	json_t	   *golden = json_load_file(golden_file, JSON_ALLOW_NUL, NULL);

	t.training = json_load_file(training_file, 0, NULL);
	t.scale = member(t.training, "scale");
	t.ids = calloc(MOST_TOKENS, sizeof *t.ids);
	t.starts = calloc(MOST_TEXTS + 1, sizeof *t.starts);
	snprintf(path, sizeof path, "%s/%s", models == NULL ? "build/models" : models, name);
	CHECK(json_is_object(golden) && json_is_object(t.training), "%s and %s can be read", golden_file, training_file);
	CHECK(load_model(path, &t.loaded) && uc_weights_create(t.loaded.model, NULL, &t.weights, &err) == UC_OK &&
		  uc_pass_create(t.weights, MOST_TOKENS, MOST_TEXTS, 3, &t.pass, &err) == UC_OK,
		  "%s can be trained (else run scripts/fetch-model %s)", name, name);
	if (t.pass != NULL && t.training != NULL)
	{
		t.vectors = calloc(MOST_TEXTS * t.loaded.model->config.dimensions, sizeof(float));
		t.d_vectors = calloc(MOST_TEXTS * t.loaded.model->config.dimensions, sizeof(float));
		check_gradient(&t, json_object_get(golden, "items"), name);
#ifndef __SANITIZE_ADDRESS__
		check_curve(&t, name);
#endif
	}
	uc_pass_free(t.pass);
	uc_weights_free(t.weights);
	unload_model(&t.loaded);
	free(t.vectors);
	free(t.d_vectors);
	json_decref(golden);
	json_decref(t.training);
	free(t.ids);
	free(t.starts);
}

int
main(void)
{
	check_model("all-MiniLM-L6-v2", "test/golden/minilm.json", "test/golden/training_minilm.json");
	check_model("multilingual-e5-small-q4", "test/golden/e5_small_q4deq.json", "test/golden/training_e5.json");
	return check_done();
}
