/*
 * One step of a tiny model: a batch that needs several passes has the loss and the gradient of one pass.
 */
#include "check.h"
#include "golden.h"

#include "train/lesson.h"

#define COUNT 24
#define ROWS (2 * COUNT)

static UcText texts[ROWS];
static int32_t labels[COUNT];
static char buffers[ROWS][64];

static void
make_texts(void)
{
	static const char *const words[] = {"one two", "three four", "the cat", "a mat", "seven eight", "books and"};

	for (int i = 0; i < ROWS; i++)
	{
		snprintf(buffers[i], sizeof buffers[i], "%s %c of %c", words[i % 6], 'a' + i % 23, 'a' + i % 19);
		texts[i] = (UcText) {buffers[i], strlen(buffers[i])};
		labels[i % COUNT] = i % 6;
	}
}

/* Fills gradient and gives the loss of the examples that are not held back. */
static double
step(const LoadedModel *loaded, const UcWeights *w, const UcFineTuneOptions *options, size_t tokens, int threads, float *gradient)
{
	UcRun		run = {.threads = threads,.max_memory = SIZE_MAX};
	UcExamples	examples;
	UcLesson   *lesson = NULL;
	UcRandom	random;
	UcError		err = {0};
	bool		with_labels = options->objective == UC_OBJECTIVE_LABELS;
	double		loss = NAN;

	memset(gradient, 0, w->total * sizeof(float));
	uc_random_seed(&random, 7, 1);
	CHECK(uc_examples_make(&examples, loaded->tokenizer, texts, COUNT, with_labels ? labels : NULL, options, &random, &run,
						   &err) == UC_OK &&
		  uc_lesson_create(w, &examples, options, tokens, threads, &lesson, &err) == UC_OK &&
		  uc_lesson_run(lesson, examples.held, COUNT - examples.held, &random, gradient, &run, &loss, &err) == UC_OK,
		  "a step in passes of %zu tokens", tokens);
	uc_lesson_free(lesson);
	uc_examples_free(&examples);
	return loss;
}

/* The largest difference, of the largest gradient. */
static double
difference(const float *a, const float *b, size_t n)
{
	double		largest = 0,
				worst = 0;

	for (size_t i = 0; i < n; i++)
	{
		largest = fmax(largest, fabs(a[i]));
		worst = fmax(worst, fabs((double) a[i] - b[i]));
	}
	return worst / largest;
}

static void
check_passes(const LoadedModel *loaded, const UcWeights *w, const UcFineTuneOptions *options, const char *name)
{
	float	   *whole = malloc(w->total * sizeof(float)),
			   *parts = malloc(w->total * sizeof(float));
	double		loss = step(loaded, w, options, 2048, 3, whole),
				again = step(loaded, w, options, 40, 1, parts),
				apart = difference(whole, parts, w->total);

	CHECK(fabs(loss - again) < 1e-5 && apart < 1e-4, "%s: many passes make the step of one (loss %.6f and %.6f, gradients %.1e apart)",
		  name, loss, again, apart);
	free(whole);
	free(parts);
}

int
main(void)
{
	LoadedModel loaded = {0};
	UcFineTuneOptions options = {.objective = UC_OBJECTIVE_PAIRS,.batch = COUNT,.scale = 20,.layers = SIZE_MAX,.max_tokens = 32};
	UcWeights  *w;
	UcError		err = {0};

	make_texts();
	CHECK(load_model("test/golden/tiny/gelu_mean", &loaded) && uc_weights_create(loaded.model, NULL, &w, &err) == UC_OK, "a model");
	check_passes(&loaded, w, &options, "pairs");
	options.objective = UC_OBJECTIVE_LABELS;
	check_passes(&loaded, w, &options, "labels");
	options.dropout = 0.1;
	check_passes(&loaded, w, &options, "labels with dropout");
	options.objective = UC_OBJECTIVE_UNSUPERVISED;
	check_passes(&loaded, w, &options, "unsupervised");
	uc_weights_free(w);
	unload_model(&loaded);
	return check_done();
}
