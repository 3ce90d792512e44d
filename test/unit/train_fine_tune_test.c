/*
 * Fine-tuning a tiny model: what is refused, that it learns pairs it can learn, the same for one thread and three, and the
 * file it makes.
 */
#include "check.h"
#include "golden.h"

#include <malloc.h>

#include "base/random.h"
#include "train/lineage.h"

#define COUNT 60

static const char *const words[] = {"one two", "three four", "the cat", "a mat", "seven eight", "books and"};
static UcText texts[2 * COUNT];
static int32_t labels[COUNT];
static char buffers[2 * COUNT][64];

static void
make_texts(void)
{
	for (int i = 0; i < 2 * COUNT; i++)
	{
		int			label = i % COUNT % 6;

		snprintf(buffers[i], sizeof buffers[i], "%s %c of %c", words[label], 'a' + i % 23, 'a' + i % 19);
		texts[i] = (UcText) {buffers[i], strlen(buffers[i])};
		labels[i % COUNT] = label;
	}
}

static void
check_refusals(const LoadedModel *loaded, UcFineTuneOptions options, const UcRun *run)
{
	UcWeights  *w;
	UcFineTuneResult result;
	UcError		err = {0};
	static const int32_t one[COUNT];
	UcRun		small = *run;

	CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK, "a working copy");
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "labels", "labels are missing");
	options.objective = UC_OBJECTIVE_PAIRS;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "labels", "labels of pairs");
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, 0, NULL, &options, run, &result, &err), UC_INVALID_DATA, &err, "too little",
				  "no pairs");
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, 9, NULL, &options, run, &result, &err), UC_INVALID_DATA, &err, "too little",
				  "nine pairs");
	options.objective = 0;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "objective", "no objective");
	options.objective = UC_OBJECTIVE_LABELS;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, one, &options, run, &result, &err), UC_INVALID_DATA, &err,
				  "the same label", "one label");
	small.max_memory = 1000;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, &small, &result, &err), UC_MEMORY_LIMIT, &err,
				  "", "a small budget");
	options.rate = NAN;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "rate", "a rate of NaN");
	options.rate = 1e-3;
	options.dropout = 1;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "dropout", "dropout of everything");
	options.dropout = 0;
	options.objective = UC_OBJECTIVE_UNSUPERVISED;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "dropout", "a text and itself without dropout");
	options.objective = UC_OBJECTIVE_LABELS;
	options.batch = 1;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "batch", "a batch of one");
	options.batch = 8;
	w->values[w->total - 1] = NAN;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_DATA, &err,
				  "not finite", "a base model with NaN");
	uc_weights_free(w);
}

/* Without labels or partners: a lower loss on texts held back, one thread as three; and a watcher hears of every step. */
static void
count_steps(void *arg, const UcFineTuneResult *so_far)
{
	size_t	   *told = arg;

	*told += so_far->steps == *told && so_far->planned == 18 && isfinite(so_far->held_before);
}

/* Low-rank adapters learn too, and leave embeddings and norms alone. */
static void
check_adapters(const LoadedModel *loaded, UcFineTuneOptions options, UcRun *run)
{
	UcWeights  *w;
	UcFineTuneResult result;
	UcError		err = {0};
	const UcModel *m = loaded->model;

	CHECK(uc_weights_create(m, NULL, &w, &err) == UC_OK, "a working copy");
	options.adapter_rank = m->config.hidden + 1;
	CHECK_REFUSED(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err), UC_INVALID_ARGUMENT, &err,
				  "adapter rank", "a rank above the model's width");
	options.adapter_rank = 4;
	CHECK(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err) == UC_OK && result.kept_step > 0 &&
		  result.held_after < 0.98 * result.held_before, "adapters: the loss held out falls: %.3f to %.3f", result.held_before,
		  result.held_after);
	CHECK(memcmp(w->model.norm_weight, m->norm_weight, m->config.hidden * sizeof(float)) == 0 &&
		  memcmp(w->model.position, m->position, m->config.hidden * sizeof(float)) == 0 &&
		  memcmp(w->model.layers[0].up_bias, m->layers[0].up_bias, m->config.intermediate * sizeof(float)) == 0,
		  "embeddings, norms and biases stay");
	CHECK(memcmp(w->model.layers[0].up_weight, m->layers[0].up_weight, 64) != 0 &&
		  memcmp(w->model.layers[1].qkv_weight, m->layers[1].qkv_weight, 64) != 0, "the weights of all layers move");
	uc_weights_free(w);
}

/* Weights that become NaN end the training, and the best that were met come back. */
static void
spoil(void *arg, const UcFineTuneResult *so_far)
{
	UcWeights  *w = arg;

	if (so_far->steps == 20)
		w->values[w->total - 1] = NAN;
}

static bool
stop_soon(void *arg)
{
	return ++*(size_t *) arg > 50;
}

static void
check_ends(const LoadedModel *loaded, UcFineTuneOptions options, UcRun *run)
{
	UcWeights  *w;
	UcFineTuneResult result;
	UcError		err = {0};
	size_t		asked = 0,
				bad = 0;

	CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK, "a working copy");
	options.watch = spoil;
	options.watch_arg = w;
	CHECK(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err) == UC_OK && result.not_finite &&
		  result.steps == 20 && result.kept_step > 0 && result.held_after < result.held_before,
		  "NaN ends the training after step %zu, and step %zu is kept", result.steps, result.kept_step);
	for (size_t i = 0; i < w->total; i++)
		bad += !isfinite(w->values[i]);
	CHECK(bad == 0, "with weights that are finite");
	options.watch = NULL;
	run->interrupted = stop_soon;
	run->interrupt_arg = &asked;
	CHECK(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, labels, &options, run, &result, &err) == UC_INTERRUPTED,
		  "stopped when it is asked to");
	run->interrupted = NULL;
	uc_weights_free(w);
}

/* What is allocated at the end of a step is what was announced. */
static void
measure(void *arg, const UcFineTuneResult *so_far)
{
	struct mallinfo2 now = mallinfo2();
	size_t	   *most = arg;

	if (now.uordblks + now.hblkhd > *most)
		*most = now.uordblks + now.hblkhd;
}

static void
check_memory(const LoadedModel *loaded, UcFineTuneOptions options, UcRun *run)
{
	static const struct
	{
		const char *name;
		UcObjective objective;
		size_t		rank;
		size_t		layers;
	}			ways[] = {{"pairs", UC_OBJECTIVE_PAIRS, 0, SIZE_MAX}, {"one layer", UC_OBJECTIVE_PAIRS, 0, 1},
	{"adapters", UC_OBJECTIVE_PAIRS, 2, SIZE_MAX}, {"masked", UC_OBJECTIVE_MASKED, 0, SIZE_MAX}};

	options.watch = measure;
	options.masked = 0.15;
	options.epochs = 1;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
	{
		UcWeights  *w;
		UcFineTuneResult result;
		UcError		err = {0};
		struct mallinfo2 before = mallinfo2();
		size_t		most = 0,
					said;

		options.objective = ways[i].objective;
		options.adapter_rank = ways[i].rank;
		options.layers = ways[i].layers;
		options.watch_arg = &most;
		CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK, "a working copy");
		said = uc_fine_tune_memory(w, &options, texts, COUNT, run->threads);
		CHECK(uc_fine_tune(w, loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err) == UC_OK, "%s: trained",
			  ways[i].name);
		most -= before.uordblks + before.hblkhd;
		/* the sanitizer's allocator does not say */
		CHECK(before.uordblks == 0 || ((double) most < 1.1 * (double) said && (double) most > 0.7 * (double) said),
			  "%s: %zu bytes are taken of %zu announced", ways[i].name, most, said);
		uc_weights_free(w);
	}
}

static void
check_unsupervised(const LoadedModel *loaded, UcFineTuneOptions options, UcRun *run)
{
	UcWeights  *with[2] = {NULL, NULL};
	UcFineTuneResult result;
	UcError		err = {0};
	size_t		told;

	options.objective = UC_OBJECTIVE_UNSUPERVISED;
	options.dropout = 0.1;
	options.epochs = 3;
	options.rate = 1e-3;
	options.watch = count_steps;
	options.watch_arg = &told;
	for (int i = 0; i < 2; i++)
	{
		told = 0;
		run->threads = 3 - 2 * i;
		CHECK(uc_weights_create(loaded->model, NULL, &with[i], &err) == UC_OK &&
			  uc_fine_tune(with[i], loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err) == UC_OK,
			  "unsupervised: trained");
		CHECK(result.kept_step > 0 && result.held_after < result.held_before, "the loss held out falls: %.3f to %.3f",
			  result.held_before, result.held_after);
		CHECK(told == result.steps + 1, "the watcher hears of every step");
	}
	CHECK(memcmp(with[0]->values, with[1]->values, with[0]->total * sizeof(float)) == 0, "one thread makes the same weights as three");
	uc_weights_free(with[0]);
	uc_weights_free(with[1]);
}

/* Pairs that belong together help. Of pairs drawn by chance the loss held out falls too, but the groups dissolve. */
static void
check_judgement(const LoadedModel *loaded, UcFineTuneOptions options, UcRun *run)
{
	static UcText chance[2 * COUNT];
	UcWeights  *w;
	UcFineTuneResult result;
	UcError		err = {0};
	UcRandom	random;

	options.objective = UC_OBJECTIVE_PAIRS;
	options.epochs = 4;
	CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK &&
		  uc_fine_tune(w, loaded->tokenizer, texts, COUNT, NULL, &options, run, &result, &err) == UC_OK && result.kept_step > 0 &&
		  result.structure_after.agreement > result.structure_before.agreement, "pairs that belong together are kept: groups %.3f to %.3f",
		  result.structure_before.agreement, result.structure_after.agreement);
	uc_weights_free(w);
	options.scale = 200;		/* sure of itself and wrong, it has much to unlearn */
	options.rate = 2e-2;
	options.epochs = 30;
	uc_random_seed(&random, 1, 1);
	for (int i = 0; i < 2 * COUNT; i++)
		chance[i] = texts[i < COUNT ? (size_t) i : (size_t) uc_random_below(&random, COUNT)];
	CHECK(uc_weights_create(loaded->model, NULL, &w, &err) == UC_OK &&
		  uc_fine_tune(w, loaded->tokenizer, chance, COUNT, NULL, &options, run, &result, &err) == UC_OK &&
		  result.held_after < result.held_before, "pairs by chance: the loss held out falls, %.3f to %.3f", result.held_before,
		  result.held_after);
	CHECK(result.kept_step == 0 && result.structure_after.silhouette < result.structure_before.silhouette && result.structure_after.agreement < result.structure_before.agreement, "and they are refused: groups %.3f to %.3f",
		  result.structure_before.agreement, result.structure_after.agreement);
	uc_weights_free(w);
}

int
main(void)
{
	LoadedModel loaded = {0};
	UcRun		run = {.threads = 3,.max_memory = SIZE_MAX};
	UcFineTuneOptions options = {.objective = UC_OBJECTIVE_LABELS,.epochs = 8,.batch = 8,.rate = 5e-3,.decay = 0.01,.scale = 20,.layers = SIZE_MAX,
	.max_tokens = 32,.seed = 4};
	UcWeights  *with[2] = {NULL, NULL};
	UcFineTuneResult result;
	UcError		err = {0};
	UcLineage	lineage = {"tiny", COUNT, &options, &result};
	char		path[300];
	UcModel    *made = NULL;

	make_texts();
	CHECK(load_model("test/golden/tiny/gelu_mean", &loaded), "a model");
	check_refusals(&loaded, options, &run);
	check_unsupervised(&loaded, options, &run);
	check_adapters(&loaded, options, &run);
	check_judgement(&loaded, options, &run);
	check_ends(&loaded, options, &run);
	check_memory(&loaded, options, &run);
	for (int i = 0; i < 2; i++)
	{
		run.threads = i == 0 ? 3 : 1;
		CHECK(uc_weights_create(loaded.model, NULL, &with[i], &err) == UC_OK &&
			  uc_fine_tune(with[i], loaded.tokenizer, texts, COUNT, labels, &options, &run, &result, &err) == UC_OK, "trained: %s", err.message);
		CHECK(result.kept_step > 0 && result.held_after < 0.8 * result.held_before, "the loss held out falls: %.3f to %.3f",
			  result.held_before, result.held_after);
	}
	CHECK(memcmp(with[0]->values, with[1]->values, with[0]->total * sizeof(float)) == 0, "one thread makes the same weights as three");
	snprintf(path, sizeof path, "%s.new", loaded.path);
	unlink(path);
	CHECK(uc_fine_tuned_write(with[0], loaded.model, &lineage, path, &run, &err) == UC_OK &&
		  uc_verify(path, &err) == UC_OK && uc_model_open_path(path, &made, &err) == UC_OK, "a whole file: %s", err.message);
	if (made != NULL)
	{
		const char *base = uc_model_metadata(made, "tuned.base"),
				   *fingerprint = uc_model_metadata(made, "tuned.fingerprint");

		CHECK(base != NULL && strcmp(base, "tiny") == 0 && fingerprint != NULL &&
			  strcmp(fingerprint, loaded.model->fingerprint) == 0, "with its lineage");
		CHECK(memcmp(made->layers[1].up_weight, with[0]->model.layers[1].up_weight, 64) == 0, "and its weights");
		uc_model_close(made);
	}
	CHECK_REFUSED(uc_fine_tuned_write(with[0], loaded.model, &lineage, path, &run, &err), UC_INVALID_ARGUMENT, &err,
				  "exists", "a file that is there stays");
	unlink(path);
	uc_weights_free(with[0]);
	uc_weights_free(with[1]);
	options.objective = UC_OBJECTIVE_PAIRS;
	options.layers = 1;
	options.epochs = 1;
	CHECK(uc_weights_create(loaded.model, NULL, &with[0], &err) == UC_OK &&
		  uc_fine_tune(with[0], loaded.tokenizer, texts, COUNT, NULL, &options, &run, &result, &err) == UC_OK &&
		  result.steps == 6, "pairs, the last layer");
	CHECK(memcmp(with[0]->model.layers[0].up_weight, loaded.model->layers[0].up_weight, 64) == 0, "the first layer stays");
	uc_weights_free(with[0]);
	unload_model(&loaded);
	return check_done();
}
