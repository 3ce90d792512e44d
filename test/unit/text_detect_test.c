/*
 * Stop words, and the language of a text.
 */
#include "check.h"

#include <stdlib.h>

#include "text/detect.h"
#include "text/fold.h"
#include "text/stop_words.h"

static UcDetector *detector;

static void
check_detected(const char *wanted, const char *text)
{
	char		code[UC_LANGUAGE_ROOM];

	uc_detect_language(detector, text, strlen(text), code);
	CHECK(strcmp(code, wanted) == 0, "%s: %s", wanted[0] == '\0' ? "not clear" : wanted, text);
	if (strcmp(code, wanted) != 0)
		printf("# found %s\n", code);
}

static void
check_long(void)
{
	char	   *text = malloc(3 * UC_DETECT_BYTES);
	char		code[UC_LANGUAGE_ROOM];

	memset(text, 'a', 3 * UC_DETECT_BYTES);
	uc_detect_language(detector, text, 3 * UC_DETECT_BYTES, code);
	CHECK(code[0] == '\0', "a long word says nothing");
	/* The cut falls inside of a character. */
	for (size_t i = 0; i < UC_DETECT_BYTES; i++)
		memcpy(text + 3 * i, "\xE6\x88\x91", 3);
	uc_detect_language(detector, text, 3 * UC_DETECT_BYTES, code);
	CHECK(strcmp(code, "zh") == 0, "the beginning of a long text decides");
	memcpy(text, "\xff\xc3(\xed\xa0\x80\xf0\x9f", 8);
	uc_detect_language(detector, text, 9, code);
	CHECK(code[0] == '\0', "bytes that are not UTF-8 say nothing");
	free(text);
}

static void
check_stop_words(void)
{
	UcStopWord	word = {0};
	char		room[UC_FOLD_ROOM];
	size_t		bytes,
				count = 0,
				languages = 0;
	const char *language = "";
	bool		folded = true,
				know_the = false;

	while (uc_stop_word_next(&word))
	{
		count++;
		languages += strcmp(language, word.language) != 0;
		language = word.language;
		folded = folded && word.bytes > 0 && uc_fold_word(word.word, word.bytes, room, &bytes) && bytes == word.bytes &&
			memcmp(room, word.word, bytes) == 0;
		know_the = know_the || (strcmp(language, "en") == 0 && word.bytes == 3 && memcmp(word.word, "the", 3) == 0);
	}
	CHECK(folded, "stop words are folded");
	CHECK(count > 3000 && languages == 29 && know_the, "%zu stop words of %zu languages", count, languages);
	CHECK(!uc_stop_word_next(&word), "after the last one there is none");
}

int
main(void)
{
	UcError		err = {0};

	CHECK(uc_detector_open(&detector, &err) == UC_OK, "opens");
	check_long();
	check_stop_words();
	check_detected("", "");
	check_detected("", "42 :-) \xF0\x9F\x91\x8D");
	check_detected("", "Berlin Paris Roma");
	check_detected("", "Bonn Και");
	check_detected("zh", "他昨天看了 Star Wars，很好看");
	check_detected("en", "He saw 霸王别姬 at the cinema and it was great");
	check_detected("ja", "映画館へ行きました");
	check_detected("ko", "영화를 좋아해요");
	check_detected("en", "I don't like it.");
	check_detected("en", "I don\xE2\x80\x99T LIKE IT.");
	check_detected("fr", "L'hôtel est tout près de la gare.");
	check_detected("it", "L'albergo è vicino alla stazione.");
	check_detected("de", "Das Hotel liegt nahe beim Bahnhof.");
	check_detected("da", "Hvad hedder den bog, som du læste efter mig?");
	check_detected("no", "Hva heter den boken som du leste etter meg?");
	check_detected("ru", "Эта гостиница не рядом с вокзалом, но я её люблю.");
	check_detected("uk", "Готель знаходиться поруч із вокзалом.");
	uc_detector_close(detector);
	uc_detector_close(NULL);
	return check_done();
}
