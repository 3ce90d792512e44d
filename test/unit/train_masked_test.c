/*
 * Guessing masked words: which are masked, the head in blocks of the vocabulary, gradients against finite differences, and
 * that a tiny model learns.
 */
#include "check.h"
#include "golden.h"

#include "base/random.h"
#include "train/fine_tune.h"
#include "train/lesson.h"

#define COUNT 300
#define SHARE 0.15

static UcText texts[COUNT];
static char buffers[COUNT][96];

static void
make_texts(void)
{
	static const char *const words[] = {"one two three", "three four seven", "the cat of the mat", "a mat the", "seven eight one",
	"books and the cat"};

	for (int i = 0; i < COUNT; i++)
	{
		snprintf(buffers[i], sizeof buffers[i], "%s %s %c", words[i % 6], words[i % 6], 'a' + i % 3);
		texts[i] = (UcText) {buffers[i], strlen(buffers[i])};
	}
}

static void
check_masking(const LoadedModel *loaded)
{
	UcMasking	m;
	UcError		err = {0};
	uint32_t	ids[1000],
				seen[1000],
				again[1000];
	size_t		places[1000],
				chosen,
				masked = 0,
				kept = 0,
				special = 0;
	uint32_t	first = 0;

	CHECK_REFUSED(uc_masking_make(&m, loaded->tokenizer, 4, SHARE, &err), UC_UNSUPPORTED, &err, "mask token",
				  "a vocabulary without a mask token");
	uc_masking_free(&m);
	CHECK(uc_masking_make(&m, loaded->tokenizer, loaded->model->config.vocabulary, SHARE, &err) == UC_OK && m.mask == 4,
		  "the mask token is found");
	for (uint32_t i = 0; i < m.vocabulary; i++)
		special += m.special[i];
	CHECK(special == 5, "of the vocabulary %zu are no words", special);
	for (first = 0; m.special[first]; first++)
		;
	for (size_t i = 0; i < 1000; i++)
		ids[i] = i % 10 == 0 ? 2 : first + (uint32_t) (i % 20);
	chosen = uc_mask_text(&m, ids, 1000, 77, seen, places);
	special = 0;
	for (size_t i = 0; i < chosen; i++)
	{
		special += m.special[ids[places[i]]];
		masked += seen[places[i]] == m.mask;
		kept += seen[places[i]] == ids[places[i]];
	}
	CHECK(special == 0 && chosen > 100 && chosen < 170, "%zu of 900 words are chosen, and %zu others", chosen, special);
	CHECK((double) masked / (double) chosen > 0.65 && (double) masked / (double) chosen < 0.92 && kept > 0 &&
		  masked + kept < chosen, "of these %zu masked, %zu kept, the rest others", masked, kept);
	CHECK(uc_mask_text(&m, ids, 1000, 77, again, places) == chosen && memcmp(seen, again, sizeof seen) == 0, "the same for one key");
	uc_mask_text(&m, ids, 1000, 78, again, places);
	CHECK(memcmp(seen, again, sizeof seen) != 0, "others for another key");
	CHECK(uc_mask_text(&m, ids, 2, 5, seen, places) == 1 && places[0] == 1, "of one word it is that one");
	CHECK(uc_mask_text(&m, ids, 1, 5, seen, places) == 0, "of none none");
	uc_masking_free(&m);
}

/* Blocks of the vocabulary and threads change nothing. */
static void
check_blocks(const UcWeights *w)
{
	size_t		h = w->model.config.hidden,
				words = w->model.config.vocabulary,
				floats = uc_head_floats(w),
				count = 600;
	size_t	   *counts = calloc(words, sizeof *counts);
	float	   *x = malloc(count * h * sizeof(float)),
			   *d_x[2] = {malloc(count * h * sizeof(float)), malloc(count * h * sizeof(float))},
			   *d_values[2] = {calloc(floats, sizeof(float)), calloc(floats, sizeof(float))},
			   *d_word[2] = {calloc(words * h, sizeof(float)), calloc(words * h, sizeof(float))};
	uint32_t   *targets = malloc(count * sizeof *targets);
	double		losses[2] = {0, 0},
				worst = 0,
				alone = 0;
	UcError		err = {0};
	UcRandom	random;

	for (int way = 0; way < 2; way++)
	{
		UcHead	   *head = NULL;
		UcRun		run = {.threads = way == 0 ? 3 : 1,.max_memory = SIZE_MAX};

		uc_random_seed(&random, 3, 0);
		for (size_t i = 0; i < count * h; i++)
			x[i] = (float) (uc_random_unit(&random) - 0.5);
		for (size_t i = 0; i < count; i++)
			targets[i] = (uint32_t) uc_random_below(&random, words);
		CHECK(uc_head_create(w, counts, way == 0 ? UC_HEAD_BLOCK : 5, run.threads, &head, &err) == UC_OK, "a head");
		for (size_t i = 0; i < floats; i++)
			uc_head_values(head)[i] = (float) (uc_random_unit(&random) - 0.5);
		CHECK(uc_head_run(head, x, targets, count, 1.0 / (double) count, d_x[way], d_values[way], d_word[way], &run, &losses[way],
						  &err) == UC_OK, "a loss of %.4f", losses[way]);
		if (way == 1)
		{
			CHECK(uc_head_run(head, x, targets, count, 1.0 / (double) count, NULL, NULL, NULL, &run, &alone, &err) == UC_OK &&
				  alone == losses[1], "the loss alone is the same");
			x[0] = NAN;
			CHECK_REFUSED(uc_head_run(head, x, targets, count, 1, NULL, NULL, NULL, &run, &alone, &err), UC_INVALID_DATA, &err,
						  "not finite", "NaN is refused");
		}
		uc_head_free(head);
	}
	for (size_t i = 0; i < floats; i++)
		worst = fmax(worst, fabs(d_values[0][i] - d_values[1][i]));
	for (size_t i = 0; i < words * h; i++)
		worst = fmax(worst, fabs(d_word[0][i] - d_word[1][i]));
	for (size_t i = 0; i < count * h; i++)
		worst = fmax(worst, fabs(d_x[0][i] - d_x[1][i]));
	CHECK(fabs(losses[0] - losses[1]) < 1e-5 && worst < 1e-5, "blocks of 5 words give what one block gives (%.1e)", worst);
	for (int way = 0; way < 2; way++)
	{
		free(d_x[way]);
		free(d_values[way]);
		free(d_word[way]);
	}
	free(counts);
	free(x);
	free(targets);
}

/* A step's loss on the examples that are not held back, always with the same words masked. */
static double
step(UcLesson *lesson, const UcExamples *e, int threads, float *gradient)
{
	UcRandom	random;
	UcRun		run = {.threads = threads,.max_memory = SIZE_MAX};
	UcError		err = {0};
	double		loss = NAN;

	uc_random_seed(&random, 21, 0);
	if (uc_lesson_run(lesson, e->held, 16, &random, gradient, &run, &loss, &err) != UC_OK)
		printf("# %s\n", err.message);
	return loss;
}

/* Along the gradient of an array the loss must rise by its length. */
static double
slope_error(UcLesson *lesson, const UcExamples *e, const UcPart *part, const float *gradient, float *spare, const char *name)
{
	float	   *kept = malloc(part->count * sizeof(float));
	const float *g = gradient + part->offset;
	double		length = 0,
				losses[2],
				h = 1e-3,
				error;

	for (size_t j = 0; j < part->count; j++)
		length += (double) g[j] * g[j];
	length = sqrt(length);
	memcpy(kept, part->values, part->count * sizeof(float));
	for (int side = 0; side < 2 && length > 0; side++)
	{
		for (size_t j = 0; j < part->count; j++)
			part->values[j] = (float) (kept[j] + (side ? h : -h) * g[j] / length);
		losses[side] = step(lesson, e, 3, spare);
	}
	memcpy(part->values, kept, part->count * sizeof(float));
	free(kept);
	if (length == 0)
		return 0;
	error = fabs((losses[1] - losses[0]) / (2 * h) - length) / (0.01 * length + 2e-3);
	if (!(error < 1))
		printf("# %s: slope %.6f, gradient %.6f\n", name, (losses[1] - losses[0]) / (2 * h), length);
	return isfinite(error) ? error : INFINITY;
}

static void
check_gradients(const LoadedModel *loaded, UcFineTuneOptions options, double dropout)
{
	UcWeights  *w;
	UcMasking	masking;
	UcExamples	examples;
	UcLesson   *lessons[2] = {NULL, NULL};
	UcParameters parameters = {0};
	UcRandom	random;
	UcRun		run = {.threads = 3,.max_memory = SIZE_MAX};
	UcError		err = {0};
	float	   *gradient,
			   *spare;
	double		worst = 0,
				loss;

	options.dropout = dropout;
	uc_random_seed(&random, 7, 1);
	CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK &&
		  uc_masking_make(&masking, loaded->tokenizer, loaded->model->config.vocabulary, SHARE, &err) == UC_OK &&
		  uc_examples_make(&examples, loaded->tokenizer, texts, COUNT, NULL, &options, &random, &run, &err) == UC_OK &&
		  uc_parameters_add_weights(&parameters, w, SIZE_MAX, &err) == UC_OK, "what a lesson needs");
	for (int i = 0; i < 2; i++)
		CHECK(uc_lesson_create(w, &examples, &options, i == 0 ? 2048 : 40, 3, &lessons[i], &err) == UC_OK &&
			  uc_lesson_mask(lessons[i], &masking, &err) == UC_OK, "a lesson");
	CHECK(uc_parameters_add(&parameters, uc_head_values(uc_lesson_head(lessons[0])), uc_head_floats(w), false, 1, &err) == UC_OK,
		  "its head");
	for (size_t i = 0; i < loaded->model->config.hidden * (loaded->model->config.hidden + 1); i++)
		for (int j = 0; j < 2; j++)
			uc_head_values(uc_lesson_head(lessons[j]))[i] = (float) sin((double) i) * 0.3f;
	gradient = calloc(parameters.total, sizeof(float));
	spare = calloc(parameters.total, sizeof(float));
	loss = step(lessons[0], &examples, 3, gradient);
	step(lessons[0], &examples, 1, spare);
	CHECK(memcmp(gradient, spare, parameters.total * sizeof(float)) == 0, "one thread gives the gradients of three, bit by bit");
	memset(spare, 0, parameters.total * sizeof(float));
	CHECK(fabs(step(lessons[1], &examples, 1, spare) - loss) < 1e-5, "many passes have the loss of one");
	for (size_t i = 0; i < parameters.total; i++)
		worst = fmax(worst, fabs(gradient[i] - spare[i]));
	CHECK(worst < 1e-4, "and its gradients (%.1e apart)", worst);
	worst = 0;
	for (size_t i = 0; i < parameters.count; i++)
		worst = fmax(worst, slope_error(lessons[0], &examples, &parameters.parts[i], gradient, spare,
										i < w->count ? w->tensors[i].entry->name : "head"));
	CHECK(worst < 1, "dropout %g: the loss rises along %zu arrays as their gradients say (%.3f of the tolerance)", dropout,
		  parameters.count, worst);
	free(gradient);
	free(spare);
	for (int i = 0; i < 2; i++)
		uc_lesson_free(lessons[i]);
	uc_parameters_free(&parameters);
	uc_examples_free(&examples);
	uc_masking_free(&masking);
	uc_weights_free(w);
}

static void
check_training(const LoadedModel *loaded, UcFineTuneOptions options)
{
	UcWeights  *with[2];
	UcFineTuneResult result;
	UcRun		run = {.threads = 3,.max_memory = SIZE_MAX};
	UcError		err = {0};
	UcText		none[COUNT];

	CHECK(uc_weights_create(loaded->model, NULL, &with[0], &err) == UC_OK, "a working copy");
	options.masked = 0;
	CHECK_REFUSED(uc_fine_tune(with[0], loaded->tokenizer, texts, COUNT, NULL, &options, &run, &result, &err), UC_INVALID_ARGUMENT,
				  &err, "masked", "nothing masked");
	options.masked = SHARE;
	for (int i = 0; i < COUNT; i++)
		none[i] = (UcText) {"", 0};
	CHECK_REFUSED(uc_fine_tune(with[0], loaded->tokenizer, none, COUNT, NULL, &options, &run, &result, &err), UC_INVALID_DATA,
				  &err, "no words", "texts without words");
	uc_weights_free(with[0]);
	for (int rank = 0; rank < 4; rank += 3)
	{
		options.adapter_rank = (size_t) rank;
		for (int i = 0; i < 2; i++)
		{
			run.threads = 3 - 2 * i;
			CHECK(uc_weights_create(loaded->model, NULL, &with[i], &err) == UC_OK &&
				  uc_fine_tune(with[i], loaded->tokenizer, texts, COUNT, NULL, &options, &run, &result, &err) == UC_OK &&
				  result.held_after < 0.95 * result.held_before,
				  "rank %d: masked words held out are guessed better: %.3f to %.3f", rank, result.held_before,
				  result.held_after);
		}
		CHECK(memcmp(with[0]->values, with[1]->values, with[0]->total * sizeof(float)) == 0,
			  "one thread makes the same weights as three");
		uc_weights_free(with[0]);
		uc_weights_free(with[1]);
	}
}

int
main(void)
{
	LoadedModel loaded = {0};
	UcFineTuneOptions options = {.objective = UC_OBJECTIVE_MASKED,.epochs = 10,.batch = 16,.rate = 5e-3,.decay = 0.01,.scale = 20,
	.masked = SHARE,.layers = SIZE_MAX,.max_tokens = 32,.seed = 4};
	UcWeights  *w;
	UcError		err = {0};

	make_texts();
	CHECK(load_model("test/golden/tiny/gelu_mean", &loaded), "a model");
	check_masking(&loaded);
	CHECK(uc_weights_create(loaded.model, NULL, &w, &err) == UC_OK, "a working copy");
	check_blocks(w);
	uc_weights_free(w);
	check_gradients(&loaded, options, 0);
	check_gradients(&loaded, options, 0.2);
	check_training(&loaded, options);
	unload_model(&loaded);
	return check_done();
}
