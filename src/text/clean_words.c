/*
 * clean_words.c
 *	  Stop words, dropped. What lies between words stays.
 */
#include "text/clean_pass.h"

static bool
is_sign(UChar32 code)
{
	return code == '@' || code == '#' || code == 0xFF20 || code == 0xFF03;
}

/*
 * "I" and "me" of "I@me" are no words by themselves; without the first the rest would be a handle. Some versions of ICU
 * take all of it for one word.
 */
static bool
beside_sign(const UcClean *c, UcTextSpan word)
{
	return is_sign(uc_clean_before(c->text, word.start)) || is_sign(uc_clean_peek(c->text, c->bytes, word.stop));
}

/* Copies what lies between words, with what is kept, up to `stop`, or to the end of what is kept there. */
static size_t
copy(UcClean *c, size_t at, size_t stop)
{
	while (at < stop && c->status == UC_OK)
	{
		size_t		kept = uc_clean_kept_start(c);
		size_t		end = kept < stop ? kept : stop;

		if (end > at)
			uc_clean_put(c, c->text + at, end - at);
		at = end;
		uc_clean_kept(c, &at);
	}
	return at;
}

void
uc_clean_stop_words(UcClean *c)
{
	size_t		at = 0;
	bool		gap = false;	/* a word was dropped right before */

	uc_words_start(c->tools->words, c->text, c->bytes);
	while (uc_clean_more(c, at))
	{
		UcWord		word;
		bool		none,
					drop;
		size_t		stop;

		c->status = uc_words_next(c->tools->words, c->run, &word, c->err);
		if (c->status != UC_OK)
			return;
		none = word.span.stop == word.span.start;
		/* Words of what was kept whole. */
		if (!none && word.span.start < at)
			continue;
		drop = !none && word.span.stop <= uc_clean_kept_start(c) && !beside_sign(c, word.span) &&
			uc_stop_set_has(c->tools->stop_words, c->text + word.span.start, word.span.stop - word.span.start);
		stop = none ? c->bytes : drop ? word.span.start : word.span.stop;
		if (stop > at)
		{
			if (gap && uc_clean_needs_gap(c, at))
				uc_clean_put_gap(c);
			gap = false;
			at = copy(c, at, stop);
		}
		/* A handle or an address may have ended behind the beginning of the word. */
		if (drop && at <= word.span.start)
		{
			gap = true;
			at = word.span.stop;
		}
	}
}
