/*
 * examples.c
 *	  Pairs from JSON lines, labelled texts from CSV (RFC 4180), texts from lines.
 */
#include "tool/examples.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/blank.h"

static int
no_memory(void)
{
	fputs("usercluster-model: out of memory\n", stderr);
	return 1;
}

static int
unreadable(const char *path)
{
	fprintf(stderr, "usercluster-model: could not read \"%s\": %s\n", path, strerror(errno));
	return 1;
}

static bool
make_room(Examples *e)
{
	size_t		room = e->room == 0 ? 1024 : 2 * e->room;
	UcText	   *grown;

	if (e->count < e->room)
		return true;
	grown = realloc(e->first, room * sizeof *grown);
	if (grown == NULL)
		return false;
	e->first = grown;
	grown = realloc(e->second, room * sizeof *grown);
	if (grown == NULL)
		return false;
	e->second = grown;
	e->room = room;
	return true;
}

/* Both are copied. The exit code. */
static int
add_example(Examples *e, UcText first, UcText second)
{
	char	   *copy = malloc(first.bytes + second.bytes + 1);

	if (copy == NULL || !make_room(e))
	{
		free(copy);
		return no_memory();
	}
	memcpy(copy, first.text, first.bytes);
	if (second.bytes > 0)
		memcpy(copy + first.bytes, second.text, second.bytes);
	e->first[e->count] = (UcText) {copy, first.bytes};
	e->second[e->count++] = (UcText) {copy + first.bytes, second.bytes};
	return 0;
}

static bool
is_blank(UcText text)
{
	return uc_text_blank(text.text, text.bytes);
}

static int
add_pair(Examples *e, const char *line, size_t bytes, size_t number, const char *path)
{
	json_t	   *pair = json_loadb(line, bytes, 0, NULL);
	const json_t *a = json_array_get(pair, 0),
			   *b = json_array_get(pair, 1);
	int			code = 0;

	if (json_array_size(pair) != 2 || !json_is_string(a) || !json_is_string(b))
	{
		fprintf(stderr, "usercluster-model: line %zu of \"%s\" is not a pair [\"text\", \"text\"]\n", number, path);
		code = 1;
	}
	else
	{
		UcText		first = {json_string_value(a), json_string_length(a)},
					second = {json_string_value(b), json_string_length(b)};

		if (is_blank(first) || is_blank(second))
			e->skipped++;
		else
			code = add_example(e, first, second);
	}
	json_decref(pair);
	return code;
}

static int
read_lines(const char *path, Examples *e, bool pairs)
{
	FILE	   *file = fopen(path, "rb");
	char	   *line = NULL;
	size_t		room = 0,
				number = 0;
	ssize_t		bytes;
	int			code = 0;

	if (file == NULL)
		return unreadable(path);
	while (code == 0 && (bytes = getline(&line, &room, file)) >= 0)
	{
		UcText		text = {line, (size_t) bytes};

		number++;
		while (text.bytes > 0 && (line[text.bytes - 1] == '\n' || line[text.bytes - 1] == '\r'))
			text.bytes--;
		if (is_blank(text))
			e->skipped += text.bytes > 0 || !pairs;
		else if (pairs)
			code = add_pair(e, line, text.bytes, number, path);
		else
			code = add_example(e, text, (UcText) {NULL, 0});
	}
	if (code == 0 && ferror(file))
		code = unreadable(path);
	free(line);
	fclose(file);
	return code;
}

int
examples_read_pairs(const char *path, Examples *e)
{
	return read_lines(path, e, true);
}

int
examples_read_lines(const char *path, Examples *e)
{
	return read_lines(path, e, false);
}

/* ---- CSV ---- */

typedef struct Csv
{
	const char *path;
	char	   *at;
	size_t		record;			/* from 1 */
} Csv;

typedef enum FieldEnd
{
	END_FIELD, END_RECORD, END_OPEN
} FieldEnd;

/* One field, unquoted in place, and what ended it; END_OPEN: the file, within quotes. */
static FieldEnd
read_field(Csv *csv, UcText *field)
{
	char	   *from = csv->at,
			   *to;
	bool		quoted = *from == '"',
				within = quoted;

	if (quoted)
		from++;
	field->text = to = from;
	for (; *from != '\0' && (within || (*from != ',' && *from != '\n')); from++)
	{
		if (quoted && *from == '"')
		{
			if (!within || from[1] != '"')
			{
				within = !within;
				continue;
			}
			from++;
		}
		*to++ = *from;
	}
	if (!within && to > field->text && to[-1] == '\r' && *from != ',')
		to--;
	field->bytes = (size_t) (to - field->text);
	csv->at = *from == '\0' ? from : from + 1;
	return within ? END_OPEN : *from == ',' ? END_FIELD : END_RECORD;
}

static bool
is_named(UcText field, const char *name)
{
	return field.bytes == strlen(name) && memcmp(field.text, name, field.bytes) == 0;
}

/* One record: fields [2] text and label, where columns [2] say or, in the first one, are told. */
static int
read_record(Csv *csv, int *columns, UcText *fields)
{
	static const char *const names[] = {"text", "label"};
	FieldEnd	end = END_FIELD;
	UcText		field;

	csv->record++;
	fields[0] = fields[1] = (UcText) {NULL, 0};
	for (int i = 0; end == END_FIELD; i++)
	{
		end = read_field(csv, &field);
		for (int j = 0; j < 2; j++)
		{
			if (csv->record == 1 && columns[j] < 0 && is_named(field, names[j]))
				columns[j] = i;
			if (columns[j] == i)
				fields[j] = field;
		}
		if (i == 0 && end == END_RECORD && field.bytes == 0 && csv->record > 1)
		{
			fields[0].text = NULL;	/* an empty line */
			return 0;
		}
	}
	if (end == END_OPEN)
		fprintf(stderr, "usercluster-model: quotes of record %zu of \"%s\" do not end\n", csv->record, csv->path);
	else if (fields[0].text == NULL || fields[1].text == NULL)
		fprintf(stderr, "usercluster-model: record %zu of \"%s\" lacks the column %s\n", csv->record, csv->path,
				names[fields[0].text == NULL ? 0 : 1]);
	else
		return 0;
	return 1;
}

/* All of the file, terminated; NULL with a message printed. */
static char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text = NULL;
	size_t		bytes = 0,
				room = 0;

	if (file == NULL)
	{
		unreadable(path);
		return NULL;
	}
	do
	{
		char	   *larger = realloc(text, (room = 2 * room + 65536) + 1);

		if (larger == NULL)
		{
			free(text);
			fclose(file);
			no_memory();
			return NULL;
		}
		text = larger;
		bytes += fread(text + bytes, 1, room - bytes, file);
	} while (bytes == room);
	text[bytes] = '\0';
	if (ferror(file) || strlen(text) < bytes)
	{
		if (ferror(file))
			unreadable(path);
		else
			fprintf(stderr, "usercluster-model: \"%s\" is not a text file: it holds a zero byte\n", path);
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

int
examples_read_labels(const char *path, Examples *e)
{
	char	   *all = read_file(path);
	Csv			csv = {path, all, 0};
	int			columns[2] = {-1, -1},
				code = 0;

	if (all == NULL)
		return 1;
	if (strncmp(all, "\xEF\xBB\xBF", 3) == 0)
		csv.at += 3;
	do
	{
		UcText		fields[2];

		code = read_record(&csv, columns, fields);
		if (code != 0 || csv.record == 1 || fields[0].text == NULL)
			continue;
		if (is_blank(fields[0]) || fields[1].bytes == 0)
			e->skipped++;
		else
			code = add_example(e, fields[0], fields[1]);
	} while (code == 0 && *csv.at != '\0');
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

int32_t *
examples_number_labels(Examples *e)
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

void
examples_free(Examples *e)
{
	for (size_t i = 0; i < e->count; i++)
		free((char *) e->first[i].text);
	free(e->first);
	free(e->second);
}
