/*
 * sentences.c
 *	  Sentences: ICU's parts, joined after abbreviations and trimmed.
 */
#include "text/sentences.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

struct UcSentences
{
	UcBreaker  *breaker;
	const char *text;
	UcTextSpan		held;			/* the next part, not yet given; empty: none */
};

/* Titles and Latin abbreviations that something always follows; single letters and units often end a sentence. */
static const char *const abbreviations[] = {
	"Dr.", "Fr.", "Hr.", "Hrn.", "Mlle.", "Mme.", "Mr.", "Mrs.", "Ms.", "Prof.", "Sr.", "Sra.", "St.", "Sta.", "bzw.", "cf.", "d.h.",
	"e.g.", "i.e.", "p.ej.", "u.a.", "vgl.", "vs.", "z.B."
};

UcStatus
uc_sentences_open(UcSentences **sentences, UcError *err)
{
	UcSentences *made = uc_alloc_zeroed(sizeof *made);
	UcStatus	status;

	*sentences = NULL;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	status = uc_breaker_open(UC_BREAK_SENTENCES, &made->breaker, err);
	if (status != UC_OK)
	{
		uc_free(made);
		return status;
	}
	*sentences = made;
	return UC_OK;
}

void
uc_sentences_close(UcSentences *sentences)
{
	if (sentences == NULL)
		return;
	uc_breaker_close(sentences->breaker);
	uc_free(sentences);
}

void
uc_sentences_start(UcSentences *sentences, const char *text, size_t bytes)
{
	sentences->text = text;
	sentences->held = (UcTextSpan) {0, 0};
	uc_breaker_start(sentences->breaker, text, bytes);
}

/* Bytes of the character at `at`, and whether it leaves no mark on paper. */
static size_t
character(const char *text, size_t at, size_t stop, bool *blank)
{
	utf8proc_int32_t code;
	utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *) text + at, (utf8proc_ssize_t) (stop - at), &code);

	*blank = false;
	if (used <= 0)
		return 1;
	switch (utf8proc_category(code))
	{
		case UTF8PROC_CATEGORY_ZS:
		case UTF8PROC_CATEGORY_ZL:
		case UTF8PROC_CATEGORY_ZP:
		case UTF8PROC_CATEGORY_CC:
		case UTF8PROC_CATEGORY_CF:
			*blank = true;
			break;
		default:
			break;
	}
	return (size_t) used;
}

/* The part without the blanks around it. */
static UcTextSpan
trim(const char *text, UcTextSpan part)
{
	UcTextSpan		trimmed = {part.stop, part.stop};
	bool		seen = false;

	for (size_t at = part.start; at < part.stop;)
	{
		bool		blank;
		size_t		next = at + character(text, at, part.stop, &blank);

		if (!blank)
		{
			if (!seen)
				trimmed.start = at;
			seen = true;
			trimmed.stop = next;
		}
		at = next;
	}
	return trimmed;
}

static bool
ends_in_abbreviation(const char *text, UcTextSpan part)
{
	size_t		stop = part.stop;

	/* A line end ends the sentence whatever stands before it. */
	while (stop > part.start && text[stop - 1] == ' ')
		stop--;
	if (stop == part.start || stop == part.stop || text[stop - 1] != '.')
		return false;
	for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations; i++)
	{
		size_t		bytes = strlen(abbreviations[i]);

		if (stop - part.start >= bytes && memcmp(text + stop - bytes, abbreviations[i], bytes) == 0 &&
			(stop - part.start == bytes || text[stop - bytes - 1] == ' ' || text[stop - bytes - 1] == '('))
			return true;
	}
	return false;
}

UcStatus
uc_sentences_next(UcSentences *sentences, const UcRun *run, UcTextSpan *sentence, UcError *err)
{
	UcTextSpan	   *held = &sentences->held;

	for (;;)
	{
		UcTextSpan		part;
		UcStatus	status = uc_breaker_next(sentences->breaker, run, &part, NULL, err);
		UcTextSpan		whole = *held;

		if (status != UC_OK)
			return status;
		if (part.stop > part.start && whole.stop > whole.start && part.stop - whole.start <= UC_BREAK_LONGEST &&
			ends_in_abbreviation(sentences->text, whole))
		{
			held->stop = part.stop;
			continue;
		}
		*held = part;
		*sentence = trim(sentences->text, whole);
		if (sentence->stop > sentence->start || part.stop == part.start)
			return UC_OK;
	}
}
