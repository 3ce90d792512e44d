/*
 * breaker.c
 *	  ICU's break iterators over a window that moves through the text.
 *
 * A boundary near the window's end could lie elsewhere if more of the text were seen, so those are not taken: the next window
 * begins at the last boundary that was. The dictionaries part a run of characters in the way that costs least in all; the
 * rest of such a run, parted alone, is parted as before.
 */
#include "text/breaker.h"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "base/memory.h"

#define WINDOW UC_BREAK_LONGEST
#define MARGIN 1024				/* bytes before the window's end whose boundaries are not trusted */

struct UcBreaker
{
	UBreakIterator *iterator;
	UText	   *window_text;	/* over [window, window + window_bytes) */
	const char *text;
	size_t		bytes;
	size_t		window;
	size_t		window_bytes;	/* 0: no window is set */
	size_t		at;				/* end of the last part */
	bool		words;
};

static UcStatus
icu_error(UErrorCode code, UcError *err)
{
	if (code == U_MEMORY_ALLOCATION_ERROR)
		return uc_error(err, UC_OUT_OF_MEMORY, "out of memory");
	uc_error(err, UC_UNSUPPORTED, "the text cannot be parted into words or sentences");
	uc_error_detail(err, "ICU reports %s.", u_errorName(code));
	if (code == U_MISSING_RESOURCE_ERROR || code == U_FILE_ACCESS_ERROR)
		uc_error_hint(err, "Install the full data of the ICU library.");
	return UC_UNSUPPORTED;
}

UcStatus
uc_breaker_open(UcBreakKind kind, UcBreaker **breaker, UcError *err)
{
	UcBreaker  *made = uc_alloc_zeroed(sizeof *made);
	UErrorCode	code = U_ZERO_ERROR;

	*breaker = NULL;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	made->words = kind == UC_BREAK_WORDS;
	made->iterator = ubrk_open(made->words ? UBRK_WORD : UBRK_SENTENCE, "", NULL, 0, &code);
	if (U_SUCCESS(code))
		made->window_text = utext_openUTF8(NULL, "", 0, &code);
	if (U_FAILURE(code))
	{
		uc_breaker_close(made);
		return icu_error(code, err);
	}
	*breaker = made;
	return UC_OK;
}

void
uc_breaker_close(UcBreaker *breaker)
{
	if (breaker == NULL)
		return;
	if (breaker->iterator != NULL)
		ubrk_close(breaker->iterator);
	if (breaker->window_text != NULL)
		utext_close(breaker->window_text);
	uc_free(breaker);
}

void
uc_breaker_start(UcBreaker *breaker, const char *text, size_t bytes)
{
	breaker->text = text;
	breaker->bytes = bytes;
	breaker->at = breaker->window = breaker->window_bytes = 0;
}

/* The window from the last boundary on, ending between two characters. */
static UcStatus
move_window(UcBreaker *breaker, UcError *err)
{
	UErrorCode	code = U_ZERO_ERROR;
	size_t		bytes = breaker->bytes - breaker->at;

	if (bytes > WINDOW)
	{
		bytes = WINDOW;
		for (int i = 0; i < 3 && ((unsigned char) breaker->text[breaker->at + bytes] & 0xC0) == 0x80; i++)
			bytes--;
	}
	breaker->window = breaker->at;
	breaker->window_bytes = bytes;
	utext_openUTF8(breaker->window_text, breaker->text + breaker->window, (int64_t) bytes, &code);
	if (U_SUCCESS(code))
		ubrk_setUText(breaker->iterator, breaker->window_text, &code);
	if (U_FAILURE(code))
		return icu_error(code, err);
	ubrk_first(breaker->iterator);
	return UC_OK;
}

UcStatus
uc_breaker_next(UcBreaker *breaker, const UcRun *run, UcTextSpan *part, bool *between, UcError *err)
{
	size_t		boundary;

	part->start = part->stop = breaker->at;
	if (breaker->at == breaker->bytes)
		return UC_OK;
	for (;;)
	{
		int32_t		found;
		bool		last;

		if (breaker->window_bytes == 0)
		{
			UcStatus	status;

			if (uc_interrupted(run))
				return uc_interrupt_error(err);
			status = move_window(breaker, err);
			if (status != UC_OK)
				return status;
		}
		found = ubrk_next(breaker->iterator);
		boundary = found == UBRK_DONE || (size_t) found > breaker->window_bytes ? breaker->window_bytes : (size_t) found;
		last = breaker->window + breaker->window_bytes == breaker->bytes;
		if (last || boundary + MARGIN <= breaker->window_bytes)
			break;
		/* One part that fills the window is parted here. */
		if (breaker->at == breaker->window)
			break;
		breaker->window_bytes = 0;
	}
	boundary += breaker->window;
	/* An iterator that stands still, on text that is not UTF-8, must not stop us. */
	if (boundary <= breaker->at)
		boundary = breaker->window + breaker->window_bytes;
	if (between != NULL)
		*between = breaker->words && ubrk_getRuleStatus(breaker->iterator) < UBRK_WORD_NONE_LIMIT;
	part->stop = breaker->at = boundary;
	if (breaker->at == breaker->window + breaker->window_bytes)
		breaker->window_bytes = 0;
	return UC_OK;
}
