/*
 * Any bytes as a text to part: the parts must cover it, and sentences lie in it in order.
 */
#include "fuzz.h"

#include "text/breaker.h"
#include "text/sentences.h"

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX};

static void
part(UcBreaker *breaker, const char *text, size_t bytes)
{
	UcError		err = {0};
	UcTextSpan		span;
	size_t		at = 0;

	uc_breaker_start(breaker, text, bytes);
	for (;;)
	{
		MUST(uc_breaker_next(breaker, &run, &span, NULL, &err) == UC_OK);
		MUST(span.start == at && span.stop <= bytes && span.stop - span.start <= UC_BREAK_LONGEST);
		if (span.stop == span.start)
			break;
		at = span.stop;
	}
	MUST(at == bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static UcBreaker *breaker;
	static UcSentences *sentences;
	const char *text = (const char *) data;
	UcError		err = {0};
	UcTextSpan		span;
	size_t		at = 0;

	if (breaker == NULL)
		MUST(uc_breaker_open(UC_BREAK_WORDS, &breaker, &err) == UC_OK && uc_sentences_open(&sentences, &err) == UC_OK);
	part(breaker, text, bytes);
	uc_sentences_start(sentences, text, bytes);
	do
	{
		MUST(uc_sentences_next(sentences, &run, &span, &err) == UC_OK);
		MUST(span.start >= at && span.stop <= bytes);
		at = span.stop;
	} while (span.stop > span.start);
	return 0;
}
