/*
 * Any bytes as a text to part and to tell the language of: the parts must cover it, and sentences and words lie in it in order.
 */
#include "fuzz.h"

#include "text/breaker.h"
#include "text/detect.h"
#include "text/sentences.h"
#include "text/stem.h"
#include "text/words.h"

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

static void
look_at_words(UcWords *words, UcStemmer *stemmer, const char *text, size_t bytes)
{
	UcError		err = {0};
	UcWord		word;
	size_t		at = 0;

	uc_words_start(words, text, bytes);
	for (;;)
	{
		char		room[UC_FOLD_ROOM];
		size_t		stem_bytes;

		MUST(uc_words_next(words, &run, &word, &err) == UC_OK);
		MUST(word.span.start >= at && word.span.stop <= bytes && word.characters <= word.span.stop - word.span.start);
		if (word.span.stop == word.span.start)
			break;
		at = word.span.stop;
		uc_stem(stemmer, text + word.span.start, word.span.stop - word.span.start, room, &stem_bytes);
		MUST(stem_bytes > 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static UcBreaker *breaker;
	static UcSentences *sentences;
	static UcWords *words;
	static UcStemmer *stemmers[3];
	static UcDetector *detector;
	char		code[UC_LANGUAGE_ROOM];
	char		again[UC_LANGUAGE_ROOM];
	const char *text = (const char *) data;
	UcError		err = {0};
	UcTextSpan		span;
	size_t		at = 0;

	if (breaker == NULL)
	{
		MUST(uc_breaker_open(UC_BREAK_WORDS, &breaker, &err) == UC_OK && uc_sentences_open(&sentences, &err) == UC_OK);
		MUST(uc_words_open(&words, &err) == UC_OK && uc_stemmer_open("en", &stemmers[1], &err) == UC_OK);
		MUST(uc_stemmer_open("tr", &stemmers[2], &err) == UC_OK && uc_detector_open(&detector, &err) == UC_OK);
	}
	part(breaker, text, bytes);
	uc_detect_language(detector, text, bytes, code);
	MUST(code[0] == '\0' || (uc_language_code(code, again, &err) == UC_OK && strcmp(code, again) == 0));
	look_at_words(words, stemmers[bytes % 3], text, bytes);
	uc_sentences_start(sentences, text, bytes);
	do
	{
		MUST(uc_sentences_next(sentences, &run, &span, &err) == UC_OK);
		MUST(span.start >= at && span.stop <= bytes);
		at = span.stop;
	} while (span.stop > span.start);
	return 0;
}
