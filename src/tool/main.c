/*
 * main.c
 *	  usercluster-model: import, inspect, verify and try a model outside the server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "embed/distil.h"
#include "embed/embed.h"
#include "model/import.h"
#include "model/model.h"
#include "token/tokenizer.h"
#include "tool/complain.h"
#include "tool/fine_tune.h"
#include "tool/numbers.h"
#include "tool/paths.h"
#include "tool/words.h"

#ifndef UC_DEFAULT_MODEL_DIR
#define UC_DEFAULT_MODEL_DIR "/usr/share/postgresql/usercluster"
#endif

static const char usage[] =
"Usage:\n"
"  usercluster-model import DIR [--name NAME] [--model-dir DIR | --output FILE] [--prompt TEXT] [--licence FILE]\n"
"  usercluster-model info MODEL [--model-dir DIR]\n"
"  usercluster-model verify MODEL [--model-dir DIR]\n"
"  usercluster-model embed --model MODEL [--model-dir DIR] [--prompt TEXT] [--threads N] [TEXT ...]\n"
"  usercluster-model distil BASE NEW [--model-dir DIR] [--output FILE] [--threads N] < TEXTS\n"
"  usercluster-model fine-tune BASE NEW --pairs FILE.jsonl | --labels FILE.csv | --texts FILE\n"
"                    [--objective unsupervised|masked] [--model-dir DIR] [--epochs N] [--batch N] [--rate R] [--layers N|all]\n"
"                    [--adapter-rank N] [--dropout P] [--masked P] [--max-tokens N] [--prompt TEXT] [--seed N] [--threads N]\n"
"                    [--max-memory MB]\n"
"  usercluster-model split < TEXTS\n"
"  usercluster-model words NEW [--model-dir DIR] [--output FILE] [--compact] < WORD_VECTORS\n"
"\n"
"import compiles a Hugging Face directory (config.json, model.safetensors, tokenizer.json, the module files of\n"
"sentence-transformers), or one with a 4-bit E5S1 file and tokenizer.json, into one file NAME.ucm.\n"
"MODEL is a name in the model directory, or a path that holds a '/'.\n"
"embed prints one vector a line for each TEXT, or for each line of standard input where no TEXT is given.\n"
"distil trains a static model NEW on the lines of standard input, to give what the model BASE gives for them.\n"
"fine-tune trains a copy of BASE on pairs of texts that belong together (a line holds [\"text\", \"text\"]), on texts with labels\n"
"(columns text and label) or on texts alone (one a line), and writes NEW where that is better on a twentieth of them held back.\n"
"split prints the words of each line of standard input as static models know them, with TABs between.\n"
"words writes a static model NEW from lines of a word, TAB, its weight from 0 to 1, TAB, and its numbers, parted by blanks;\n"
"before them lines \"key: value\" of metadata, of which \"mean\" has the numbers that sums are added to, and an empty line.\n"
"--compact keeps numbers in 4 bits instead of 16.\n";

typedef struct Arguments
{
	const char *name;
	const char *model;
	const char *model_dir;
	const char *output;
	const char *prompt;			/* NULL: the model's own */
	const char *licence_file;
	int			threads;
	char	  **rest;			/* [rest_count] what is no option */
	int			rest_count;
} Arguments;

/* 0, or the exit code of a misuse. */
static int
parse(int argc, char **argv, Arguments *out)
{
	struct
	{
		const char *option;
		const char **value;
	}			options[] = {
		{"--name", &out->name}, {"--model", &out->model}, {"--model-dir", &out->model_dir}, {"--output", &out->output},
		{"--prompt", &out->prompt}, {"--licence", &out->licence_file}, {"--threads", NULL}
	};

	out->rest = argv;
	for (int i = 0; i < argc; i++)
	{
		bool		known = false;

		if (strcmp(argv[i], "--") == 0)
		{
			for (i++; i < argc; i++)
				out->rest[out->rest_count++] = argv[i];
			break;
		}
		if (strncmp(argv[i], "--", 2) != 0)
		{
			out->rest[out->rest_count++] = argv[i];
			continue;
		}
		for (size_t j = 0; j < sizeof options / sizeof *options; j++)
		{
			if (strcmp(argv[i], options[j].option) != 0)
				continue;
			if (i + 1 >= argc)
				return misuse("a value is missing behind ", argv[i]);
			known = true;
			i++;
			if (options[j].value != NULL)
				*options[j].value = argv[i];
			else if ((out->threads = atoi(argv[i])) < 1 || out->threads > UC_MAX_THREADS)
				return misuse("not a number of threads: ", argv[i]);
			break;
		}
		if (!known)
			return misuse("unknown option ", argv[i]);
	}
	return 0;
}

/* The file's text, or NULL with a message printed. */
static char *
read_text_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text = malloc(65537);
	size_t		bytes;

	if (file == NULL || text == NULL)
	{
		fprintf(stderr, "usercluster-model: could not read \"%s\": %s\n", path, strerror(errno));
		free(text);
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	bytes = fread(text, 1, 65536, file);
	text[bytes] = '\0';
	fclose(file);
	return text;
}

static int
run_import(const Arguments *arguments)
{
	char		directory[4096],
				path[MODEL_PATH_MAX];
	char	   *licence = NULL;
	const char *name = arguments->name;
	UcImportOptions options = {.prompt = arguments->prompt};
	UcError		err = {0};
	UcStatus	status;

	if (arguments->rest_count != 1)
		return misuse("import takes one directory", "");
	snprintf(directory, sizeof directory, "%s", arguments->rest[0]);
	while (strlen(directory) > 1 && directory[strlen(directory) - 1] == '/')
		directory[strlen(directory) - 1] = '\0';
	if (name == NULL)
		name = strrchr(directory, '/') == NULL ? directory : strrchr(directory, '/') + 1;
	if (!uc_model_name_valid(name))
		return misuse("not a model name (letters, digits, '.', '_', '-'): ", name);
	if (arguments->output != NULL)
		snprintf(path, sizeof path, "%s", arguments->output);
	else
	{
		snprintf(path, sizeof path, "%s/%s" UC_MODEL_SUFFIX, arguments->model_dir, name);
		if (mkdir(arguments->model_dir, 0755) != 0 && errno != EEXIST)
		{
			fprintf(stderr, "usercluster-model: could not create \"%s\": %s\n", arguments->model_dir, strerror(errno));
			return 1;
		}
	}
	if (arguments->licence_file != NULL && (licence = read_text_file(arguments->licence_file)) == NULL)
		return 1;
	options.licence = licence;
	status = uc_import(directory, path, &options, &err);
	free(licence);
	if (status != UC_OK)
		return fail(&err);
	printf("%s\n", path);
	return 0;
}

/* Where a model that was made from another comes from: what the lines are called, and the keys. */
static void
print_origin(const UcModel *model)
{
	static const char *const lines[][2] = {
		{"base", "distilled.base"}, {"base sha256", "distilled.fingerprint"}, {"texts", "distilled.texts"},
		{"penalty", "distilled.penalty"}, {"fidelity", "distilled.fidelity"}, {"centred", "distilled.centred"},
		{"base", "tuned.base"}, {"base sha256", "tuned.fingerprint"}, {"objective", "tuned.objective"}, {"texts", "tuned.texts"},
		{"steps", "tuned.steps"}, {"seed", "tuned.seed"}, {"loss before", "tuned.loss_before"}, {"loss after", "tuned.loss_after"},
		{"check", "tuned.check"}, {"groups before", "tuned.groups_before"}, {"groups after", "tuned.groups_after"},
		{"options", "tuned.options"}
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
	{
		const char *value = uc_model_metadata(model, lines[i][1]);

		if (value != NULL)
			printf("%-13s %s%s\n", lines[i][0], value,
				   strcmp(lines[i][0], "fidelity") == 0 ? " (mean cosine to the base model on texts held back)" : "");
	}
}

static int
run_info(const Arguments *arguments)
{
	static const char *const poolings[] = {"", "mean", "cls", "max"};
	char		path[MODEL_PATH_MAX];
	UcModel    *model;
	UcError		err = {0};
	const UcModelConfig *c;
	const char *source;

	if (arguments->rest_count != 1)
		return misuse("info takes one model", "");
	model_path(arguments->model_dir, arguments->rest[0], path, sizeof path);
	if (uc_model_open_path(path, &model, &err) != UC_OK)
		return fail(&err);
	c = &model->config;
	printf("file          %s\nbytes         %zu\nfingerprint   %s\narchitecture  %s\n", path, model->map_bytes, model->fingerprint,
		   uc_model_architecture(model));
	printf("dimensions    %u\nmaximum       %u tokens\nparameters    %llu\n", c->dimensions, c->max_tokens,
		   (unsigned long long) model->parameters);
	if (c->architecture == UC_ARCHITECTURE_STATIC)
		printf("vocabulary    %u words\n", c->vocabulary);
	else
		printf("layers        %u of width %u, %u heads, feed-forward %u\nvocabulary    %u\npooling       %s%s%s\nprompt        \"%s\"\n",
		   c->layers, c->hidden, c->heads, c->intermediate, c->vocabulary, poolings[c->pooling],
		   c->dense ? ", dense layer" : "", c->normalize ? ", unit length" : "", uc_model_prompt(model));
	print_origin(model);
	if ((source = uc_model_metadata(model, "source.weights.sha256")) != NULL)
		printf("weights       sha256 %s\n", source);
	if ((source = uc_model_metadata(model, "source.tokenizer.sha256")) != NULL)
		printf("tokenizer     sha256 %s\n", source);
	uc_model_close(model);
	return 0;
}

static int
run_verify(const Arguments *arguments)
{
	char		path[MODEL_PATH_MAX];
	UcModel    *model;
	UcTokenizer *tokenizer;
	UcError		err = {0};

	if (arguments->rest_count != 1)
		return misuse("verify takes one model", "");
	model_path(arguments->model_dir, arguments->rest[0], path, sizeof path);
	if (uc_verify(path, &err) != UC_OK || uc_model_open_path(path, &model, &err) != UC_OK)
		return fail(&err);
	if (uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) != UC_OK)
		return fail(&err);
	printf("%s: whole, fingerprint %s\n", path, model->fingerprint);
	uc_tokenizer_close(tokenizer);
	uc_model_close(model);
	return 0;
}

typedef struct Lines
{
	UcText	   *texts;			/* [count] */
	size_t		count;
	size_t		room;
} Lines;

static bool
add_line(Lines *lines, const char *text, size_t bytes)
{
	if (lines->count == lines->room)
	{
		size_t		room = lines->room == 0 ? 64 : 2 * lines->room;
		UcText	   *grown = realloc(lines->texts, uc_size_mul(room, sizeof *grown));

		if (grown == NULL)
			return false;
		lines->texts = grown;
		lines->room = room;
	}
	lines->texts[lines->count++] = (UcText) {text, bytes};
	return true;
}

static bool
read_lines(Lines *lines)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		bytes;

	while ((bytes = getline(&line, &room, stdin)) >= 0)
	{
		char	   *kept;

		while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
			bytes--;
		kept = malloc((size_t) bytes + 1);
		if (kept == NULL)
			return false;
		memcpy(kept, line, (size_t) bytes);
		if (!add_line(lines, kept, (size_t) bytes))
			return false;
	}
	free(line);
	return true;
}

static int
print_embeddings(const Arguments *arguments, UcModel *model, UcTokenizer *tokenizer, const Lines *lines)
{
	size_t		n = model->config.dimensions;
	float	   *out = uc_alloc(uc_size_mul(uc_size_mul(lines->count, n), sizeof(float)));
	UcEmbedOptions options = {.prompt = arguments->prompt != NULL ? arguments->prompt : uc_model_prompt(model)};
	UcRun		run = {.threads = arguments->threads,.max_memory = SIZE_MAX};
	UcError		err = {0};

	if (out == NULL)
		uc_out_of_memory(&err, uc_size_mul(lines->count, n * sizeof(float)));
	else if (uc_embed(model, tokenizer, lines->texts, lines->count, &options, &run, out, &err) == UC_OK)
	{
		for (size_t i = 0; i < lines->count; i++)
			for (size_t j = 0; j < n; j++)
			{
				char		number[UC_TOOL_NUMBER_ROOM];

				putc(j == 0 ? '[' : ',', stdout);
				fwrite(number, 1, uc_tool_float(out[i * n + j], number), stdout);
				if (j + 1 == n)
					fputs("]\n", stdout);
			}
		uc_free(out);
		return 0;
	}
	uc_free(out);
	return fail(&err);
}

static int
run_embed(const Arguments *arguments)
{
	char		path[MODEL_PATH_MAX];
	UcModel    *model;
	UcTokenizer *tokenizer;
	Lines		lines = {0};
	UcError		err = {0};
	bool		read = true;
	int			code;

	if (arguments->model == NULL)
		return misuse("embed needs --model", "");
	model_path(arguments->model_dir, arguments->model, path, sizeof path);
	if (uc_model_open_path(path, &model, &err) != UC_OK ||
		uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) != UC_OK)
		return fail(&err);
	for (int i = 0; i < arguments->rest_count && read; i++)
		read = add_line(&lines, arguments->rest[i], strlen(arguments->rest[i]));
	if (arguments->rest_count == 0)
		read = read_lines(&lines);
	if (!read)
	{
		uc_out_of_memory(&err, lines.room);
		return fail(&err);
	}
	code = print_embeddings(arguments, model, tokenizer, &lines);
	uc_tokenizer_close(tokenizer);
	uc_model_close(model);
	free(lines.texts);
	return code;
}

static int
run_distil(const Arguments *arguments)
{
	char		base_path[MODEL_PATH_MAX],
				path[MODEL_PATH_MAX];
	UcModel    *model;
	UcTokenizer *tokenizer;
	Lines		lines = {0};
	UcRun		run = {.threads = arguments->threads,.max_memory = SIZE_MAX};
	UcDistilled found;
	UcError		err = {0};

	if (arguments->rest_count != 2)
		return misuse("distil takes two models", "");
	if (!uc_model_name_valid(arguments->rest[1]))
		return misuse("not a model name (letters, digits, '.', '_', '-'): ", arguments->rest[1]);
	model_path(arguments->model_dir, arguments->rest[0], base_path, sizeof base_path);
	if (arguments->output != NULL)
		snprintf(path, sizeof path, "%s", arguments->output);
	else
		model_path(arguments->model_dir, arguments->rest[1], path, sizeof path);
	if (access(path, F_OK) == 0)
		return misuse("there is a file of that name: ", path);
	if (uc_model_open_path(base_path, &model, &err) != UC_OK ||
		uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) != UC_OK)
		return fail(&err);
	if (!read_lines(&lines))
	{
		uc_out_of_memory(&err, lines.room);
		return fail(&err);
	}
	if (uc_distil(model, tokenizer, bare_name(base_path), lines.texts, lines.count, 1, path, &run, &found, &err) != UC_OK)
		return fail(&err);
	printf("%s: %zu words from %zu texts, penalty %g, cosine %.4f (%.4f without the mean) on %zu held back\n", path,
		   found.words, found.texts, found.penalty, found.fidelity, found.centred, found.held_out);
	uc_tokenizer_close(tokenizer);
	uc_model_close(model);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		int			(*run) (const Arguments *arguments);
	}			commands[] = {{"import", run_import}, {"info", run_info}, {"verify", run_verify}, {"embed", run_embed},
		{"distil", run_distil}};
	Arguments	arguments = {.threads = 1,.model_dir = UC_DEFAULT_MODEL_DIR};
	int			code;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
	{
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "fine-tune") == 0)
		return uc_tool_fine_tune(argc - 2, argv + 2, UC_DEFAULT_MODEL_DIR);
	if (strcmp(argv[1], "split") == 0)
		return uc_tool_split(argc - 2, argv + 2);
	if (strcmp(argv[1], "words") == 0)
		return uc_tool_words(argc - 2, argv + 2, UC_DEFAULT_MODEL_DIR);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
		{
			code = parse(argc - 2, argv + 2, &arguments);
			return code != 0 ? code : commands[i].run(&arguments);
		}
	return misuse("unknown command ", argv[1]);
}
