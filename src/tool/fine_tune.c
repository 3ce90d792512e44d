/*
 * fine_tune.c
 *	  The command fine-tune: its options, its progress, and the new model file.
 */
#include "tool/fine_tune.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "model/model.h"
#include "tool/complain.h"
#include "tool/examples.h"
#include "tool/paths.h"
#include "train/fine_tune.h"
#include "train/lineage.h"

#define PROGRESS_SECONDS 10		/* between two lines */

typedef struct Order
{
	const char *base;
	const char *output;
	const char *pairs_file;
	const char *labels_file;
	const char *texts_file;
	const char *objective;		/* of texts_file */
	const char *model_dir;
	int			threads;
	size_t		max_memory;		/* bytes */
	UcFineTuneOptions options;
} Order;

/* ---- while it runs ---- */

static volatile sig_atomic_t stopping;

static void
stop(int number)
{
	stopping = 1;
}

static bool
interrupted(void *arg)
{
	return stopping;
}

/* What the core has told last, and when a line of it was printed. */
typedef struct Watcher
{
	UcProgress	progress;
	const UcFineTuneResult *result;
	const char *phase;			/* the one that `since` belongs to */
	time_t		since;
	time_t		told;
} Watcher;

static bool
report(UcProgress *progress)
{
	Watcher    *w = (Watcher *) progress;
	time_t		now = time(NULL);

	if (w->phase != progress->phase)
	{
		w->phase = progress->phase;
		w->since = now;
	}
	if (now - w->told < PROGRESS_SECONDS || progress->total == UC_UNKNOWN_TOTAL)
		return false;
	w->told = now;
	fprintf(stderr, "%s, %zu of %zu", progress->phase, progress->done, progress->total);
	if (w->result->last_rate > 0)
		fprintf(stderr, ", loss %.4f, rate %.3g", w->result->last_loss, w->result->last_rate);
	if (progress->done > 0)
		fprintf(stderr, ", %.0f s more", (double) (now - w->since) * (double) (progress->total - progress->done) /
				(double) progress->done);
	fputc('\n', stderr);
	return false;
}

/* The file is written beside its place and removed where writing is stopped; a signal must not end the process before. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGXFSZ, &action, NULL);
}

/* ---- training ---- */

typedef struct Work
{
	UcModel    *base;
	UcTokenizer *tokenizer;
	UcWeights  *weights;
	UcText	   *texts;			/* [2 * count] */
	int32_t    *labels;
} Work;

static UcStatus
open_base(const char *path, const Order *order, Work *work, UcError *err)
{
	const UcRun run = {.threads = 1,.max_memory = order->max_memory,.interrupted = interrupted};
	UcStatus	status = uc_model_open_path(path, &work->base, err);

	if (status == UC_OK)
		status = uc_tokenizer_open(work->base->tokenizer, work->base->tokenizer_bytes, work->base->config.vocabulary,
								   &work->tokenizer, err);
	if (status == UC_OK)
		status = uc_check_budget("a copy of this model's weights", uc_weights_memory(work->base), order->max_memory, err);
	return status == UC_OK ? uc_weights_create(work->base, &run, &work->weights, err) : status;
}

static UcStatus
gather(const Order *order, Examples *e, Work *work, UcError *err)
{
	size_t		bytes = (2 * e->count + 1) * sizeof *work->texts;

	work->texts = malloc(bytes);
	if (order->options.objective == UC_OBJECTIVE_LABELS)
		work->labels = examples_number_labels(e);
	if (work->texts == NULL || (order->options.objective == UC_OBJECTIVE_LABELS && work->labels == NULL))
		return uc_out_of_memory(err, bytes);
	if (e->count > 0)
	{
		memcpy(work->texts, e->first, e->count * sizeof *work->texts);
		memcpy(work->texts + e->count, e->second, e->count * sizeof *work->texts);
	}
	return UC_OK;
}

/* The core's hint is for the server's setting. */
static int
complain(UcError *err)
{
	if (err->status == UC_MEMORY_LIMIT)
		uc_error_hint(err, "Give more by --max-memory, or train fewer layers.");
	return fail(err);
}

static int
refuse_result(const UcFineTuneResult *result)
{
	if (result->held_after < result->held_before)
	{
		fprintf(stderr, "usercluster-model: the model would not become better: nothing was written\n"
				"DETAIL:  Its texts' groups would be less firm: two halves of the texts agreed on them by %.3f, before by %.3f, "
				"and the silhouette was %.3f, before %.3f. "
				"The loss on what was held back was %.4f, before %.4f; without labels that does not decide.\n",
				result->structure_after.agreement, result->structure_before.agreement, result->structure_after.silhouette,
				result->structure_before.silhouette, result->held_after, result->held_before);
		return 1;
	}
	fprintf(stderr, "usercluster-model: no step was better than the base model on what was held back: nothing was written\n"
			"DETAIL:  The loss there was %.4f before, and after none of %zu steps lower.%s\n", result->held_before, result->steps,
			result->not_finite ? " Training ended where the loss or its gradient was no longer finite." : "");
	return 1;
}

static int
tune(Order *order, const char *base_name, Examples *e, Work *work)
{
	UcFineTuneResult result = {0};
	UcLineage	lineage = {base_name, e->count, &order->options, &result};
	Watcher		watcher = {.progress = {.total = UC_UNKNOWN_TOTAL,.report = report},.result = &result,.told = time(NULL)};
	UcRun		run = {.threads = order->threads,.max_memory = order->max_memory,.interrupted = interrupted,
	.progress = &watcher.progress};
	UcError		err = {0};

	if (order->options.prompt == NULL)
		order->options.prompt = uc_model_prompt(work->base);
	if (gather(order, e, work, &err) != UC_OK ||
		uc_fine_tune(work->weights, work->tokenizer, work->texts, e->count, work->labels, &order->options, &run, &result, &err) != UC_OK)
		return complain(&err);
	if (result.kept_step == 0)
		return refuse_result(&result);
	if (uc_fine_tuned_write(work->weights, work->base, &lineage, order->output, &run, &err) != UC_OK)
		return complain(&err);
	fprintf(stderr, "%zu examples, %zu skipped, %zu steps, loss on what was held back %.4f before, %.4f after step %zu%s\n", e->count,
			e->skipped, result.steps, result.held_before, result.held_after, result.kept_step,
			result.not_finite ? "; ended early: the loss was no longer finite" : "");
	if (!isnan(result.structure_after.agreement))
		fprintf(stderr, "without labels the texts' groups decide: two halves of the texts agree on them by %.3f, before by %.3f; "
				"silhouette %.3f, before %.3f\n",
				result.structure_after.agreement, result.structure_before.agreement, result.structure_after.silhouette,
				result.structure_before.silhouette);
	printf("%s\n", order->output);
	return 0;
}

/* ---- options ---- */

static int
set_number(Order *order, const char *name, const char *value)
{
	static const struct
	{
		const char *name;
		size_t		place;
	}			shares[] = {
		{"--rate", offsetof(UcFineTuneOptions, rate)}, {"--dropout", offsetof(UcFineTuneOptions, dropout)},
		{"--masked", offsetof(UcFineTuneOptions, masked)}
	},			counts[] = {
		{"--epochs", offsetof(UcFineTuneOptions, epochs)}, {"--batch", offsetof(UcFineTuneOptions, batch)},
		{"--layers", offsetof(UcFineTuneOptions, layers)}, {"--max-tokens", offsetof(UcFineTuneOptions, max_tokens)},
		{"--adapter-rank", offsetof(UcFineTuneOptions, adapter_rank)}
	};
	char	   *end;
	double		number = strtod(value, &end);

	if (*value == '\0' || *end != '\0')
		return misuse("not a number: ", value);
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
		if (strcmp(name, shares[i].name) == 0)
		{
			*(double *) ((char *) &order->options + shares[i].place) = number;
			return 0;
		}
	if (!(number >= 0 && number <= 9007199254740992.0) || number != (double) (uint64_t) number)
		return misuse("not a whole number: ", value);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (strcmp(name, counts[i].name) == 0)
		{
			*(size_t *) ((char *) &order->options + counts[i].place) = (size_t) number;
			return 0;
		}
	if (strcmp(name, "--seed") == 0)
		order->options.seed = (uint64_t) number;
	else if (strcmp(name, "--max-memory") == 0)
		order->max_memory = uc_size_mul((size_t) number, 1048576);
	else if (strcmp(name, "--threads") == 0 && number >= 1 && number <= UC_MAX_THREADS)
		order->threads = (int) number;
	else
		return strcmp(name, "--threads") == 0 ? misuse("not a number of threads: ", value) : misuse("unknown option ", name);
	return 0;
}

/* The file says which it is; of texts alone there is more than one. */
static int
set_objective(Order *order)
{
	UcFineTuneOptions *o = &order->options;

	if (order->texts_file == NULL)
	{
		o->objective = order->pairs_file != NULL ? UC_OBJECTIVE_PAIRS : UC_OBJECTIVE_LABELS;
		return order->objective == NULL || strcmp(order->objective, uc_objective_name(o->objective)) == 0 ? 0 :
			misuse("another file goes with the objective ", order->objective);
	}
	o->objective = UC_OBJECTIVE_UNSUPERVISED;
	while (order->objective != NULL && uc_objective_name(o->objective) != NULL &&
		   strcmp(order->objective, uc_objective_name(o->objective)) != 0)
		o->objective++;
	if (uc_objective_name(o->objective) == NULL)
		return misuse("no objective for texts alone: ", order->objective);
	return 0;
}

static int
parse(int argc, char **argv, Order *order)
{
	const struct
	{
		const char *name;
		const char **value;
	}			texts[] = {
		{"--pairs", &order->pairs_file}, {"--labels", &order->labels_file}, {"--model-dir", &order->model_dir},
		{"--texts", &order->texts_file}, {"--objective", &order->objective}, {"--prompt", &order->options.prompt}
	};
	const size_t count = sizeof texts / sizeof *texts;
	bool		dropout_given = false;

	for (int i = 0; i < argc; i++)
	{
		const char *name = argv[i];
		size_t		known = 0;

		if (strncmp(name, "--", 2) != 0)
		{
			if (order->output != NULL)
				return misuse("too many arguments: ", name);
			*(order->base == NULL ? &order->base : &order->output) = name;
			continue;
		}
		if (++i == argc)
			return misuse("a value is missing behind ", name);
		while (known < count && strcmp(name, texts[known].name) != 0)
			known++;
		if (known < count)
			*texts[known].value = argv[i];
		else if (strcmp(name, "--layers") == 0 && strcmp(argv[i], "all") == 0)
			order->options.layers = SIZE_MAX;
		else if (set_number(order, name, argv[i]) != 0)
			return 2;
		dropout_given |= strcmp(name, "--dropout") == 0;
	}
	if (order->output == NULL || (order->pairs_file != NULL) + (order->labels_file != NULL) + (order->texts_file != NULL) != 1)
		return misuse("fine-tune takes BASE, NEW, and one of --pairs, --labels and --texts", "");
	if (set_objective(order) != 0)
		return 2;
	if (!dropout_given)
		order->options.dropout = order->options.objective == UC_OBJECTIVE_UNSUPERVISED ? UC_UNSUPERVISED_DROPOUT : 0;
	return 0;
}

int
uc_tool_fine_tune(int argc, char **argv, const char *model_dir)
{
	Order		order = {.model_dir = model_dir,.threads = 1,.max_memory = SIZE_MAX,.options = {UC_FINE_TUNE_DEFAULTS}};
	Examples	examples = {0};
	Work		work = {0};
	UcError		err = {0};
	char		path[MODEL_PATH_MAX],
				output[MODEL_PATH_MAX];
	int			code = parse(argc, argv, &order);

	if (code != 0)
		return code;
	if (strchr(order.output, '/') == NULL && !uc_model_name_valid(order.output))
		return misuse("not a model name (letters, digits, '.', '_', '-'): ", order.output);
	model_path(order.model_dir, order.base, path, sizeof path);
	model_path(order.model_dir, order.output, output, sizeof output);
	order.output = output;
	if (access(output, F_OK) == 0)
	{
		fprintf(stderr, "usercluster-model: \"%s\" exists already\n", output);
		return 1;
	}
	catch_signals();
	code = order.pairs_file != NULL ? examples_read_pairs(order.pairs_file, &examples) :
		order.labels_file != NULL ? examples_read_labels(order.labels_file, &examples) :
		examples_read_lines(order.texts_file, &examples);
	if (code == 0)
		code = open_base(path, &order, &work, &err) != UC_OK ? complain(&err) : tune(&order, bare_name(path), &examples, &work);
	free(work.texts);
	free(work.labels);
	uc_weights_free(work.weights);
	uc_tokenizer_close(work.tokenizer);
	uc_model_close(work.base);
	examples_free(&examples);
	return code;
}
