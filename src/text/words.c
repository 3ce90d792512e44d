/*
 * words.c
 *	  Words: ICU's parts without those between words.
 *
 * Kinds are told from the characters and not from ICU's rule status, which calls x1 a number and katakana ideographic.
 */
#include "text/words.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "base/memory.h"

struct UcWords
{
	UcBreaker  *breaker;
	const char *text;
};

UcStatus
uc_words_open(UcWords **words, UcError *err)
{
	UcWords    *made = uc_alloc_zeroed(sizeof *made);
	UcStatus	status;

	*words = NULL;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	status = uc_breaker_open(UC_BREAK_WORDS, &made->breaker, err);
	if (status != UC_OK)
	{
		uc_free(made);
		return status;
	}
	*words = made;
	return UC_OK;
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
	uc_breaker_start(words->breaker, text, bytes);
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
	bool		between = false;

	do
	{
		UcStatus	status = uc_breaker_next(words->breaker, run, &word->span, &between, err);

		if (status != UC_OK)
			return status;
	} while (between && word->span.stop > word->span.start);
	look(words->text, word);
	return UC_OK;
}

const char *
uc_word_kind_name(UcWordKind kind)
{
	static const char *const names[] = {"word", "number", "ideographic", "kana"};

	return names[kind];
}
