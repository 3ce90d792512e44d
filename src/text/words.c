/*
 * words.c
 *	  Words: ICU's parts without those between words, and the same for ASCII without ICU, which is many times faster.
 *
 * Kinds are told from the characters and not from ICU's rule status, which calls x1 a number and katakana ideographic.
 */
#include "text/words.h"

#include <stdbool.h>
#include <stdint.h>

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "base/memory.h"

typedef enum Class
{
	OTHER,
	LETTER,
	DIGIT,
	JOINER,						/* belongs to words as letters and digits do */
	MIDDLE,						/* joins two letters or two digits */
	MIDDLE_NUMBER,				/* joins two digits */
	UNSURE						/* differs between versions of ICU */
} Class;

/* The classes of Unicode Standard Annex 29, as far as they occur in ASCII. */
static const uint8_t classes[256] = {
	['A' ... 'Z'] = LETTER,['a' ... 'z'] = LETTER,['0' ... '9'] = DIGIT,['_'] = JOINER,['.'] = MIDDLE,['\''] = MIDDLE,
	[','] = MIDDLE_NUMBER,[';'] = MIDDLE_NUMBER,[':'] = UNSURE,['@'] = UNSURE,[0x80 ... 0xFF] = UNSURE
};

struct UcWords
{
	UcBreaker  *breaker;		/* NULL until a text needs it */
	const char *text;
	size_t		bytes;
	size_t		at;
	size_t		start,			/* the stretch at hand: a space begins it, or the text */
				stop;
	bool		plain;			/* it is parted here, without ICU */
};

UcStatus
uc_words_open(UcWords **words, UcError *err)
{
	*words = uc_alloc_zeroed(sizeof **words);
	return *words == NULL ? uc_out_of_memory(err, sizeof **words) : UC_OK;
}

void
uc_words_close(UcWords *words)
{
	if (words == NULL)
		return;
	uc_breaker_close(words->breaker);
	uc_free(words);
}

void
uc_words_start(UcWords *words, const char *text, size_t bytes)
{
	words->text = text;
	words->bytes = bytes;
	words->at = words->start = words->stop = 0;
}

static Class
class_at(const UcWords *words, size_t at)
{
	return classes[(uint8_t) words->text[at]];
}

/* The end of what lies between the spaces from `at` on and the next space. */
static size_t
skip_spaced(const UcWords *words, size_t at, bool *plain)
{
	*plain = true;
	while (at < words->bytes && words->text[at] == ' ')
		at++;
	for (; at < words->bytes && words->text[at] != ' '; at++)
		*plain = *plain && class_at(words, at) != UNSURE;
	return at;
}

/*
 * No word reaches over a space and no rule looks beyond it, so that a text may be cut before any: into stretches that are ASCII
 * throughout, and stretches for ICU.
 */
static UcStatus
next_stretch(UcWords *words, const UcRun *run, UcError *err)
{
	bool		plain;
	size_t		next = skip_spaced(words, words->stop, &words->plain);
	UcStatus	status;

	if (uc_interrupted(run))
		return uc_interrupt_error(err);
	words->start = words->at = words->stop;
	do
	{
		words->stop = next;
		next = skip_spaced(words, next, &plain);
	} while (next > words->stop && plain == words->plain && words->stop - words->start < UC_BREAK_LONGEST);
	if (words->plain)
		return UC_OK;
	if (words->breaker == NULL && (status = uc_breaker_open(UC_BREAK_WORDS, &words->breaker, err)) != UC_OK)
		return status;
	uc_breaker_start(words->breaker, words->text + words->start, words->stop - words->start);
	return UC_OK;
}

/* The end of the part that begins at `at` with a letter, digit or joiner. */
static size_t
end_part(const UcWords *words, size_t at)
{
	size_t		stop = words->stop - at > UC_BREAK_LONGEST ? at + UC_BREAK_LONGEST : words->stop;
	Class		last = class_at(words, at++);

	for (; at < stop; at++)
	{
		Class		here = class_at(words, at);

		if (here >= LETTER && here <= JOINER)
			last = here;
		else if ((here == MIDDLE ? last == LETTER || last == DIGIT : here == MIDDLE_NUMBER && last == DIGIT) &&
				 at + 1 < stop && class_at(words, at + 1) == last)
			at++;
		else
			break;
	}
	return at;
}

/* The next word of a plain stretch; the span is empty at its end. */
static void
next_plain(UcWords *words, UcTextSpan *span)
{
	for (; words->at < words->stop; words->at++)
	{
		Class		here = class_at(words, words->at);

		span->start = words->at;
		if (here < LETTER || here > JOINER)
			continue;
		span->stop = end_part(words, span->start);
		/* One joiner alone is no word for ICU, more of them are. */
		if (here == JOINER && span->stop == span->start + 1)
			continue;
		words->at = span->stop;
		return;
	}
	span->start = span->stop = words->at;
}

static UcStatus
next_of_icu(UcWords *words, const UcRun *run, UcTextSpan *span, UcError *err)
{
	bool		between = false;

	do
	{
		UcStatus	status = uc_breaker_next(words->breaker, run, span, &between, err);

		if (status != UC_OK)
			return status;
	} while (between && span->stop > span->start);
	span->start += words->start;
	span->stop += words->start;
	words->at = span->stop;
	return UC_OK;
}

static UScriptCode
script(UChar32 code)
{
	UErrorCode	failed = U_ZERO_ERROR;

	return uscript_getScript(code, &failed);
}

/* Kind and characters of a word. */
static void
look(const char *text, UcWord *word)
{
	const uint8_t *bytes = (const uint8_t *) text + word->span.start;
	int32_t		length = (int32_t) (word->span.stop - word->span.start);
	bool		letters = false,
				digits = false,
				han = false,
				kana = false;

	word->characters = 0;
	for (int32_t at = 0; at < length; word->characters++)
	{
		UChar32		code;

		U8_NEXT(bytes, at, length, code);
		if (code < 0)
			continue;
		if (code < 0x80)
		{
			letters = letters || ((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
			digits = digits || (code >= '0' && code <= '9');
			continue;
		}
		switch (script(code))
		{
			case USCRIPT_HAN:
				han = true;
				break;
			case USCRIPT_HIRAGANA:
			case USCRIPT_KATAKANA:
				kana = true;
				break;
			default:
				letters = letters || u_isalpha(code);
				digits = digits || u_isdigit(code);
		}
	}
	word->kind = han ? UC_WORD_IDEOGRAPHIC : kana ? UC_WORD_KANA : digits && !letters ? UC_WORD_NUMBER : UC_WORD_LETTERS;
}

UcStatus
uc_words_next(UcWords *words, const UcRun *run, UcWord *word, UcError *err)
{
	UcStatus	status = UC_OK;

	word->span = (UcTextSpan) {words->at, words->at};
	for (;;)
	{
		if (words->at < words->stop && words->plain)
			next_plain(words, &word->span);
		else if (words->at < words->stop)
			status = next_of_icu(words, run, &word->span, err);
		if (status != UC_OK)
			return status;
		if (word->span.stop > word->span.start || words->stop == words->bytes)
			break;
		if ((status = next_stretch(words, run, err)) != UC_OK)
			return status;
	}
	look(words->text, word);
	return UC_OK;
}

const char *
uc_word_kind_name(UcWordKind kind)
{
	static const char *const names[] = {"word", "number", "ideographic", "kana"};

	return names[kind];
}
