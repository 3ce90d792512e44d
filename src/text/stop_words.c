/*
 * stop_words.c
 *	  The lists of stop_words_tables.inc, word by word.
 */
#include "text/stop_words.h"

#include <string.h>

static const struct
{
	const char *language;
	const char *words;			/* between single spaces */
}			lists[] = {
#include "text/stop_words_tables.inc"
};

bool
uc_stop_word_next(UcStopWord *at)
{
	const char *next = at->word == NULL ? lists[0].words : at->word + at->bytes + 1;

	if (at->word != NULL && at->word[at->bytes] == '\0')
	{
		if (at->place + 1 == sizeof lists / sizeof *lists)
			return false;
		next = lists[++at->place].words;
	}
	at->language = lists[at->place].language;
	at->word = next;
	at->bytes = strcspn(next, " ");
	return true;
}
