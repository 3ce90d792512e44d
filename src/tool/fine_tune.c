/*
 * fine_tune.c
 *	  Pairs from JSON lines, or labelled texts from CSV, to a new model file.
 */
#include "tool/fine_tune.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"
#include "tool/complain.h"
#include "tool/paths.h"
#include "train/lineage.h"

typedef struct Order
{
	const char *base;
	const char *output;
	const char *pairs_file;
	const char *labels_file;
	const char *model_dir;
	int			threads;
	UcFineTuneOptions options;
} Order;

typedef struct Examples
{
	UcText	   *first;			/* [count] */
	UcText	   *second;			/* [count]: the pair's other text, or the label */
	size_t		count;
	size_t		room;
} Examples;

/* Takes over nothing: both texts are copied. */
static bool
add_example(Examples *e, const char *first, size_t first_bytes, const char *second, size_t second_bytes)
{
	char	   *copy = malloc(first_bytes + second_bytes + 1);

	if (e->count == e->room)
	{
		size_t		room = e->room == 0 ? 1024 : 2 * e->room;
		UcText	   *firsts = realloc(e->first, room * sizeof *firsts);

		if (firsts != NULL)
			e->first = firsts;
		UcText	   *seconds = realloc(e->second, room * sizeof *seconds);

		if (seconds != NULL)
			e->second = seconds;
		if (firsts == NULL || seconds == NULL)
		{
			free(copy);
			return false;
		}
		e->room = room;
	}
	if (copy == NULL)
		return false;
	memcpy(copy, first, first_bytes);
	memcpy(copy + first_bytes, second, second_bytes);
	e->first[e->count] = (UcText) {copy, first_bytes};
	e->second[e->count++] = (UcText) {copy + first_bytes, second_bytes};
	return true;
}

static int
read_pairs(const char *path, Examples *e)
{
	FILE	   *file = fopen(path, "rb");
	char	   *line = NULL;
	size_t		room = 0,
				number = 0;
	ssize_t		bytes;
	int			code = 0;

	if (file == NULL)
	{
		fprintf(stderr, "usercluster-model: could not read \"%s\": %s\n", path, strerror(errno));
		return 1;
	}
	while (code == 0 && (bytes = getline(&line, &room, file)) >= 0)
	{
		json_t	   *pair = json_loadb(line, (size_t) bytes, 0, NULL);
		const json_t *a = json_array_get(pair, 0),
				   *b = json_array_get(pair, 1);

		number++;
		if (json_array_size(pair) != 2 || !json_is_string(a) || !json_is_string(b))
		{
			fprintf(stderr, "usercluster-model: line %zu of \"%s\" is not a pair [\"text\", \"text\"]\n", number, path);
			code = 1;
		}
		else if (!add_example(e, json_string_value(a), json_string_length(a), json_string_value(b), json_string_length(b)))
		{
			fputs("usercluster-model: out of memory\n", stderr);
			code = 1;
		}
		json_decref(pair);
	}
	free(line);
	fclose(file);
	return code;
}

/* One field of CSV at *at, unquoted in place; what ended it is returned: ',', '\n', or EOF. */
static int
read_field(char **at, char **field, size_t *bytes)
{
	char	   *from = *at,
			   *to;
	bool		quoted = *from == '"';

	if (quoted)
		from++;
	*field = to = from;
	for (;; from++)
	{
		if (*from == '\0')
			break;
		if (quoted && *from == '"')
		{
			if (from[1] != '"')
			{
				quoted = false;
				continue;
			}
			from++;
		}
		else if (!quoted && (*from == ',' || *from == '\n'))
			break;
		*to++ = *from;
	}
	*bytes = (size_t) (to - *field);
	if (*bytes > 0 && to[-1] == '\r')
		--*bytes;
	*at = *from == '\0' ? from : from + 1;
	return *from == '\0' ? EOF : *from;
}

static char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text = NULL;
	size_t		bytes = 0,
				room = 0;

	while (file != NULL && (room == bytes || !feof(file)))
	{
		char	   *larger = realloc(text, (room = 2 * bytes + 65536) + 1);

		if (larger == NULL || ferror(file))
			break;
		text = larger;
		bytes += fread(text + bytes, 1, room - bytes, file);
		text[bytes] = '\0';
	}
	if (file == NULL)
		fprintf(stderr, "usercluster-model: could not read \"%s\": %s\n", path, strerror(errno));
	else
		fclose(file);
	return text;
}

/* Columns text and label; the first record names them. */
static int
read_labels(const char *path, Examples *e)
{
	char	   *all = read_file(path),
			   *at = all;
	int			columns[2] = {-1, -1},
				code = 0;

	if (all == NULL)
		return 1;
	for (size_t record = 0; *at != '\0' && code == 0; record++)
	{
		char	   *fields[2] = {NULL, NULL},
				   *field;
		size_t		lengths[2] = {0, 0},
					bytes;
		int			end = ',';

		for (int i = 0; end == ','; i++)
		{
			end = read_field(&at, &field, &bytes);
			if (record == 0 && bytes == 4 && memcmp(field, "text", 4) == 0)
				columns[0] = i;
			else if (record == 0 && bytes == 5 && memcmp(field, "label", 5) == 0)
				columns[1] = i;
			for (int j = 0; j < 2; j++)
				if (columns[j] == i)
				{
					fields[j] = field;
					lengths[j] = bytes;
				}
		}
		if (fields[0] == NULL || fields[1] == NULL)
		{
			fprintf(stderr, "usercluster-model: record %zu of \"%s\" lacks the column text or label\n", record + 1, path);
			code = 1;
		}
		else if (record > 0 && !add_example(e, fields[0], lengths[0], fields[1], lengths[1]))
		{
			fputs("usercluster-model: out of memory\n", stderr);
			code = 1;
		}
	}
	free(all);
	return code;
}

static int
compare_texts(const void *a, const void *b, void *arg)
{
	const UcText *texts = arg,
			   *x = &texts[*(const size_t *) a],
			   *y = &texts[*(const size_t *) b];
	int			order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);

	return order != 0 ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Equal labels get equal numbers. NULL where memory is refused. */
static int32_t *
number_labels(Examples *e)
{
	size_t	   *order = malloc((e->count + 1) * sizeof *order);
	int32_t    *labels = malloc((e->count + 1) * sizeof *labels);
	int32_t		number = 0;

	if (order == NULL || labels == NULL)
	{
		free(order);
		free(labels);
		return NULL;
	}
	for (size_t i = 0; i < e->count; i++)
		order[i] = i;
	qsort_r(order, e->count, sizeof *order, compare_texts, e->second);
	for (size_t i = 0; i < e->count; i++)
	{
		number += i > 0 && compare_texts(&order[i - 1], &order[i], e->second) != 0;
		labels[order[i]] = number;
	}
	free(order);
	return labels;
}

static int
tune(Order *order, UcModel *base, const char *base_name, Examples *e)
{
	UcTokenizer *tokenizer = NULL;
	UcWeights  *weights = NULL;
	UcFineTuneResult result = {0};
	UcRun		run = {.threads = order->threads,.max_memory = SIZE_MAX};
	UcError		err = {0};
	int32_t    *labels = order->labels_file != NULL ? number_labels(e) : NULL;
	size_t		count = e->count;
	UcText	   *texts = malloc((2 * count + 1) * sizeof *texts);
	int			code = 1;

	if (texts == NULL || (order->labels_file != NULL && labels == NULL))
		fputs("usercluster-model: out of memory\n", stderr);
	else
	{
		if (count > 0)
		{
			memcpy(texts, e->first, count * sizeof *texts);
			memcpy(texts + count, e->second, count * sizeof *texts);
		}
		order->options.objective = labels != NULL ? UC_OBJECTIVE_LABELS : UC_OBJECTIVE_PAIRS;
		order->options.prompt = uc_model_prompt(base);
		if (uc_tokenizer_open(base->tokenizer, base->tokenizer_bytes, base->config.vocabulary, &tokenizer, &err) != UC_OK ||
			uc_weights_create(base, &weights, &err) != UC_OK ||
			uc_fine_tune(weights, tokenizer, texts, count, labels, &order->options, &run, &result, &err) != UC_OK)
			fail(&err);
		else
		{
			fprintf(stderr, "%zu steps, loss on held-out texts %.4f before, %.4f after step %zu%s\n", result.steps,
					result.held_before, result.held_after, result.kept_step,
					result.not_finite ? "; ended early: the loss was no longer finite" : "");
			if (result.kept_step == 0)
				fputs("usercluster-model: no step was better than the base model on held-out texts: nothing was written\n", stderr);
			else
			{
				UcLineage	lineage = {base_name, count, &order->options, &result};

				code = uc_fine_tuned_write(weights, base, &lineage, order->output, &run, &err) != UC_OK ? fail(&err) : 0;
			}
		}
	}
	uc_weights_free(weights);
	uc_tokenizer_close(tokenizer);
	free(texts);
	free(labels);
	return code;
}

/* The whole number in `text`, or -1. */
static long
whole_number(const char *text)
{
	char	   *end;
	long		number = strtol(text, &end, 10);

	return *text == '\0' || *end != '\0' ? -1 : number;
}

static int
parse(int argc, char **argv, Order *order)
{
	for (int i = 0; i < argc; i++)
	{
		const char *name = argv[i],
				   *value;
		long		number;

		if (strncmp(name, "--", 2) != 0)
		{
			if (order->output != NULL)
				return misuse("too many arguments: ", name);
			*(order->base == NULL ? &order->base : &order->output) = name;
			continue;
		}
		if (++i == argc)
			return misuse("a value is missing behind ", name);
		value = argv[i];
		number = whole_number(value);
		if (strcmp(name, "--pairs") == 0)
			order->pairs_file = value;
		else if (strcmp(name, "--labels") == 0)
			order->labels_file = value;
		else if (strcmp(name, "--model-dir") == 0)
			order->model_dir = value;
		else if (strcmp(name, "--rate") == 0)
			order->options.rate = atof(value);
		else if (strcmp(name, "--layers") == 0 && strcmp(value, "all") == 0)
			order->options.layers = SIZE_MAX;
		else if (number < 0)
			return misuse("not a number: ", value);
		else if (strcmp(name, "--layers") == 0)
			order->options.layers = (size_t) number;
		else if (strcmp(name, "--epochs") == 0)
			order->options.epochs = (size_t) number;
		else if (strcmp(name, "--batch") == 0)
			order->options.batch = (size_t) number;
		else if (strcmp(name, "--seed") == 0)
			order->options.seed = (uint64_t) number;
		else if (strcmp(name, "--threads") == 0 && number >= 1 && number <= UC_MAX_THREADS)
			order->threads = (int) number;
		else
			return misuse("unknown option ", name);
	}
	if (order->output == NULL || (order->pairs_file == NULL) == (order->labels_file == NULL))
		return misuse("fine-tune takes BASE, NEW, and one of --pairs and --labels", "");
	return 0;
}

int
uc_tool_fine_tune(int argc, char **argv, const char *model_dir)
{
	Order		order = {.model_dir = model_dir,.threads = 1,
	.options = {.epochs = 2,.batch = 32,.rate = 5e-5,.decay = 0.01,.scale = 20,.layers = SIZE_MAX,.max_tokens = 128,.seed = 1}};
	Examples	examples = {0};
	UcModel    *base = NULL;
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
	code = order.pairs_file != NULL ? read_pairs(order.pairs_file, &examples) : read_labels(order.labels_file, &examples);
	if (code == 0)
		code = uc_model_open_path(path, &base, &err) != UC_OK ? fail(&err) : tune(&order, base, bare_name(path), &examples);
	uc_model_close(base);
	for (size_t i = 0; i < examples.count; i++)
		free((char *) examples.first[i].text);
	free(examples.first);
	free(examples.second);
	return code;
}
