/*
 * examples.h
 *	  Files of texts to learn from.
 */
#ifndef UC_TOOL_EXAMPLES_H
#define UC_TOOL_EXAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/embed.h"

typedef struct Examples
{
	UcText	   *first;			/* [count] */
	UcText	   *second;			/* [count] the pair's other text, or the label; nothing where there is neither */
	size_t		count;
	size_t		room;
	size_t		skipped;		/* with a blank text, or without a label */
} Examples;

/*
 * Each adds what the file holds and returns the exit code, 0 or 1 with a message printed. Pairs: a line holds a JSON array of two
 * texts. Labels: CSV whose first record names the columns, among them text and label. Lines: a text each.
 */
extern int	examples_read_pairs(const char *path, Examples *examples);
extern int	examples_read_labels(const char *path, Examples *examples);
extern int	examples_read_lines(const char *path, Examples *examples);
extern void examples_free(Examples *examples);

/* Equal labels get equal numbers; ended by free. NULL where memory is refused. */
extern int32_t *examples_number_labels(Examples *examples);

#endif
