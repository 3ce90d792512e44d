/*
 * words.c
 *	  Texts to words, and word vectors, one word a line, to a static model.
 *
 * Lines `key: value` are metadata and `mean: numbers` what sums are added to; behind an empty line each line is
 * `word TAB weight TAB numbers`. Words are folded as those of texts are; of equal ones the first counts.
 */
#include "tool/words.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "model/model.h"
#include "model/static_model.h"
#include "model/writer.h"
#include "text/fold.h"
#include "text/words.h"
#include "tool/complain.h"
#include "tool/paths.h"

#define MOST_WORDS 4000000
#define MOST_DIMENSIONS 65536

typedef struct Table
{
	UcStaticWord *words;		/* [count] */
	float	   *weights;		/* [count] */
	float	   *vectors;		/* [count, dimensions] */
	size_t		count;
	size_t		room;
	size_t		dimensions;		/* 0 until a line with numbers is read */
	float	   *mean;			/* [dimensions], or NULL */
	char	   *metadata;
	size_t		metadata_bytes;
	size_t		line;
} Table;

static UcStatus
wrong(const Table *t, const char *what, UcError *err)
{
	uc_error(err, UC_INVALID_DATA, "line %zu of the word vectors %s", t->line, what);
	uc_error_hint(err, "Lines \"key: value\", an empty line, then lines of a word, TAB, its weight from 0 to 1, TAB, and its numbers.");
	return UC_INVALID_DATA;
}

/* Numbers parted by blanks up to the end of the text; *out is the caller's to free. The first line says how many there are. */
static UcStatus
read_numbers(Table *t, const char *at, float **out, UcError *err)
{
	size_t		room = t->dimensions == 0 ? 64 : t->dimensions,
				count = 0;
	float	   *numbers = uc_alloc(room * sizeof *numbers);

	while (numbers != NULL && *(at += strspn(at, " ")) != '\0')
	{
		char	   *end;
		float		value = strtof(at, &end);

		if (end == at || !isfinite(value) || count == MOST_DIMENSIONS || (t->dimensions != 0 && count == t->dimensions))
		{
			uc_free(numbers);
			return wrong(t, "has too many numbers, or one that is not finite or no number", err);
		}
		if (count == room)
		{
			float	   *grown = uc_alloc(2 * room * sizeof *grown);

			if (grown != NULL)
				memcpy(grown, numbers, count * sizeof *grown);
			uc_free(numbers);
			numbers = grown;
			room *= 2;
			if (numbers == NULL)
				break;
		}
		numbers[count++] = value;
		at = end;
	}
	if (numbers == NULL)
		return uc_out_of_memory(err, room * sizeof *numbers);
	if (count == 0 || (t->dimensions != 0 && count != t->dimensions))
	{
		uc_free(numbers);
		return wrong(t, "has too few numbers", err);
	}
	t->dimensions = count;
	*out = numbers;
	return UC_OK;
}

static UcStatus
read_header(Table *t, char *line, UcError *err)
{
	char	   *value = strstr(line, ": ");

	if (value == NULL || value == line)
		return wrong(t, "is no \"key: value\"", err);
	*value = '\0';
	value += 2;
	if (strcmp(line, "mean") == 0 && t->mean == NULL)
		return read_numbers(t, value, &t->mean, err);
	return uc_metadata_add(&t->metadata, &t->metadata_bytes, line, value, err);
}

static UcStatus
grow(Table *t, UcError *err)
{
	size_t		room = t->room == 0 ? 4096 : 2 * t->room;
	UcStaticWord *words = realloc(t->words, room * sizeof *words);
	float	   *weights = realloc(t->weights, room * sizeof *weights),
			   *vectors = realloc(t->vectors, uc_size_mul(room, t->dimensions * sizeof *vectors));

	t->words = words != NULL ? words : t->words;
	t->weights = weights != NULL ? weights : t->weights;
	t->vectors = vectors != NULL ? vectors : t->vectors;
	if (words == NULL || weights == NULL || vectors == NULL)
		return uc_out_of_memory(err, uc_size_mul(room, t->dimensions * sizeof *vectors));
	t->room = room;
	return UC_OK;
}

static UcStatus
read_word(Table *t, char *line, UcError *err)
{
	char	   *weight = strchr(line, '\t'),
			   *numbers = weight == NULL ? NULL : strchr(weight + 1, '\t'),
			   *end;
	char		folded[UC_FOLD_ROOM];
	const char *word = line;
	size_t		bytes;
	float	   *vector;
	float		value;
	UcStatus	status;

	if (numbers == NULL || weight == line)
		return wrong(t, "is not a word, a weight and numbers", err);
	*weight++ = *numbers++ = '\0';
	value = strtof(weight, &end);
	if (end == weight || *end != '\0' || !(value >= 0 && value <= 1))
		return wrong(t, "has a weight that is not between 0 and 1", err);
	bytes = strlen(line);
	if (uc_fold_word(line, bytes, folded, &bytes))
		word = folded;
	if (bytes == 0 || t->count == MOST_WORDS)
		return wrong(t, bytes == 0 ? "has a word of no letters" : "is one word too many", err);
	if ((status = read_numbers(t, numbers, &vector, err)) != UC_OK)
		return status;
	if (t->count == t->room)
		status = grow(t, err);
	if (status == UC_OK)
	{
		char	   *copy = malloc(bytes);

		if (copy == NULL)
			status = uc_out_of_memory(err, bytes);
		else
		{
			t->words[t->count] = (UcStaticWord) {memcpy(copy, word, bytes), (uint32_t) bytes, 1};
			t->weights[t->count] = value;
			memcpy(t->vectors + t->count * t->dimensions, vector, t->dimensions * sizeof *vector);
			t->count++;
		}
	}
	uc_free(vector);
	return status;
}

static UcStatus
read_table(Table *t, FILE *file, UcError *err)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		bytes;
	bool		header = true;
	UcStatus	status = UC_OK;

	while (status == UC_OK && (bytes = getline(&line, &room, file)) >= 0)
	{
		t->line++;
		while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
			line[--bytes] = '\0';
		if (strlen(line) != (size_t) bytes)
			status = wrong(t, "has a zero byte", err);
		else if (bytes == 0)
			header = false;
		else
			status = header ? read_header(t, line, err) : read_word(t, line, err);
	}
	free(line);
	if (status == UC_OK && t->count == 0)
		status = uc_error(err, UC_INVALID_DATA, "there are no word vectors");
	return status;
}

static UcStatus
write_table(const Table *t, const char *output, bool compact, UcError *err)
{
	UcStaticContent content = {.metadata = t->metadata,.metadata_bytes = t->metadata_bytes,.words = (uint32_t) t->count,
		.dimensions = (uint32_t) t->dimensions,.vectors = t->vectors,.weights = t->weights,.mean = t->mean,
	.compact = compact};
	float	   *zeros = uc_alloc_zeroed(t->dimensions * sizeof *zeros);
	char	   *section = NULL;
	UcStatus	status;

	if (zeros == NULL)
		return uc_out_of_memory(err, t->dimensions * sizeof *zeros);
	if (t->mean == NULL)
		content.mean = zeros;
	status = uc_static_section(t->words, content.words, &section, &content.section_bytes, err);
	content.section = section;
	if (status == UC_OK)
		status = uc_static_write(output, &content, err);
	uc_free(section);
	uc_free(zeros);
	return status;
}

int
uc_tool_words(int argc, char **argv, const char *model_dir)
{
	const char *name = NULL,
			   *output = NULL;
	char		path[MODEL_PATH_MAX];
	bool		compact = false;
	Table		table = {0};
	UcError		err = {0};
	UcStatus	status;

	for (int i = 0; i < argc; i++)
	{
		const char **value = strcmp(argv[i], "--model-dir") == 0 ? &model_dir : strcmp(argv[i], "--output") == 0 ? &output : NULL;

		if (value != NULL && i + 1 == argc)
			return misuse("a value is missing behind ", argv[i]);
		if (value != NULL)
			*value = argv[++i];
		else if (strcmp(argv[i], "--compact") == 0)
			compact = true;
		else if (strncmp(argv[i], "--", 2) == 0)
			return misuse("unknown option ", argv[i]);
		else if (name != NULL)
			return misuse("too many arguments: ", argv[i]);
		else
			name = argv[i];
	}
	if (name == NULL || !uc_model_name_valid(name))
		return misuse("not a model name (letters, digits, '.', '_', '-'): ", name == NULL ? "" : name);
	if (output == NULL)
		model_path(model_dir, name, path, sizeof path);
	else
		snprintf(path, sizeof path, "%s", output);
	if (access(path, F_OK) == 0)
		return misuse("there is a file of that name: ", path);
	status = read_table(&table, stdin, &err);
	if (status == UC_OK)
		status = write_table(&table, path, compact, &err);
	for (size_t i = 0; i < table.count; i++)
		free((char *) table.words[i].text);
	free(table.words);
	free(table.weights);
	free(table.vectors);
	free(table.metadata);
	uc_free(table.mean);
	if (status != UC_OK)
		return fail(&err);
	printf("%s: %zu words of %zu dimensions\n", path, table.count, table.dimensions);
	return 0;
}

/* The line's words, folded, with TABs between. */
static UcStatus
print_words(UcWords *breaker, const char *line, size_t bytes, UcError *err)
{
	const UcRun run = {.threads = 1,.max_memory = SIZE_MAX};
	bool		first = true;
	UcWord		word;
	UcStatus	status;

	uc_words_start(breaker, line, bytes);
	while ((status = uc_words_next(breaker, &run, &word, err)) == UC_OK && word.span.stop > word.span.start)
	{
		char		folded[UC_FOLD_ROOM];
		const char *form = line + word.span.start;
		size_t		length = word.span.stop - word.span.start;

		if (uc_fold_word(form, length, folded, &length))
			form = folded;
		if (!first)
			putchar('\t');
		fwrite(form, 1, length, stdout);
		first = false;
	}
	putchar('\n');
	return status;
}

int
uc_tool_split(int argc, char **argv)
{
	UcWords    *breaker = NULL;
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		bytes;
	UcError		err = {0};
	UcStatus	status;

	if (argc > 0)
		return misuse("too many arguments: ", argv[0]);
	status = uc_words_open(&breaker, &err);
	while (status == UC_OK && (bytes = getline(&line, &room, stdin)) >= 0)
	{
		while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
			bytes--;
		status = print_words(breaker, line, (size_t) bytes, &err);
	}
	uc_words_close(breaker);
	free(line);
	return status == UC_OK ? 0 : fail(&err);
}
