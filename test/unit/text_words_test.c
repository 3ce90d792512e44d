/*
 * Words, their kinds, folding and stems.
 */
#include "check.h"

#include <stdint.h>
#include <stdlib.h>

#include "text/fold.h"
#include "text/language.h"
#include "text/stem.h"
#include "text/words.h"

static UcWords *words;
static bool stop_now;

static bool
interrupted(void *arg)
{
	return stop_now;
}

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX,.interrupted = interrupted};

/* The words of a text, each with the first letter of its kind, joined by spaces. */
static void
check_words(const char *text, const char *wanted)
{
	char		joined[1000] = "";
	size_t		length = 0;
	UcWord		word;
	UcError		err = {0};

	uc_words_start(words, text, strlen(text));
	while (uc_words_next(words, &run, &word, &err) == UC_OK && word.span.stop > word.span.start)
		length += (size_t) snprintf(joined + length, sizeof joined - length, "%s%c:%.*s", length == 0 ? "" : " ",
									uc_word_kind_name(word.kind)[0], (int) (word.span.stop - word.span.start),
									text + word.span.start);
	CHECK(strcmp(joined, wanted) == 0, "words of %s", text);
	if (strcmp(joined, wanted) != 0)
		printf("# found %s\n", joined);
}

/* Ends of the words of text[from, stop), in bytes of the text. */
static size_t
word_ends(const char *text, size_t from, size_t stop, size_t *ends)
{
	size_t		count = 0;
	UcWord		word;
	UcError		err = {0};

	uc_words_start(words, text + from, stop - from);
	while (uc_words_next(words, &run, &word, &err) == UC_OK && word.span.stop > word.span.start)
		ends[count++] = from + word.span.stop;
	return count;
}

/* A run of Chinese without an end passes through many windows: each word must be what it is in a text of its own. */
static void
check_windows(void)
{
	static const char *const clauses[] = {"我喜欢看科幻电影", "昨天的天气很好", "他们去北京旅行", "这家酒店的服务态度不错", "电脑的键盘有问题"};
	enum
	{
		BYTES = 200000, SLICE = 20000
	};
	char	   *text = malloc(BYTES + 100);
	size_t	   *all = malloc(sizeof(size_t) * BYTES);
	size_t	   *some = malloc(sizeof(size_t) * SLICE);
	size_t		bytes = 0,
				count;
	bool		same = true;

	for (uint32_t random = 1; bytes < BYTES; random = random * 1664525 + 1013904223)
		bytes += (size_t) sprintf(text + bytes, "%s", clauses[random >> 29 < 5 ? random >> 29 : 0]);
	count = word_ends(text, 0, bytes, all);
	CHECK(count > BYTES / 12 && all[count - 1] == bytes, "a run of %zu bytes has %zu words", bytes, count);
	for (size_t first = 0; first + SLICE < count; first += 997)
	{
		size_t		found = word_ends(text, all[first], all[first] + SLICE, some);

		for (size_t i = 0; i + 500 < found; i++)
			same = same && some[i] == all[first + 1 + i];
	}
	CHECK(same, "words are the same wherever a window ends");
	stop_now = true;
	CHECK(word_ends(text, 0, bytes, all) == 0, "an interrupt stops it");
	stop_now = false;
	free(text);
	free(all);
	free(some);
}

static void
check_long(void)
{
	char	   *text = malloc(1 << 20);
	size_t	   *ends = malloc(sizeof(size_t) << 20);
	size_t		count;

	memset(text, 'a', 1 << 20);
	count = word_ends(text, 0, 1 << 20, ends);
	CHECK(count == 32 && ends[31] == 1 << 20, "a word of a megabyte is divided");
	free(text);
	free(ends);
}

static void
check_fold(const char *word, const char *wanted)
{
	char		room[UC_FOLD_ROOM];
	size_t		bytes = 0;

	CHECK(uc_fold_word(word, strlen(word), room, &bytes) && bytes == strlen(wanted) && memcmp(room, wanted, bytes) == 0,
		  "%s becomes %s", word, wanted);
}

static void
check_folds(void)
{
	char		room[UC_FOLD_ROOM];
	char		longest[UC_FOLD_LONGEST + 3];
	size_t		bytes;

	CHECK(!uc_fold_word("a\xff", 2, room, &bytes), "what is not UTF-8 is not folded");
	memset(longest, 'A', sizeof longest);
	CHECK(!uc_fold_word(longest, UC_FOLD_LONGEST + 1, room, &bytes), "a long word is not folded");
	CHECK(uc_fold_word(longest, UC_FOLD_LONGEST, room, &bytes) && bytes == UC_FOLD_LONGEST && room[0] == 'a', "the longest is");
	for (int i = 0; i < 85; i++)
		memcpy(longest + 3 * i, "\xEF\xB7\xBA", 3);
	CHECK(!uc_fold_word(longest, 255, room, &bytes), "what would grow beyond the room is not folded");
	CHECK(uc_fold_word("", 0, room, &bytes) && bytes == 0, "an empty word stays empty");
	check_fold("ＭＯＶＩＥ", "movie");
	check_fold("Cafe\xCC\x81", "caf\xC3\xA9");
	check_fold("don\xE2\x80\x99t", "don't");
	check_fold("电影", "电影");
	check_fold("ｶﾞ", "ガ");
}

static void
check_stems(void)
{
	UcStemmer  *english;
	UcError		err = {0};
	char		room[UC_FOLD_ROOM];
	size_t		bytes;
	const char *stem;

	CHECK_REFUSED(uc_stemmer_open("zh", &english, &err), UC_UNSUPPORTED, &err, "no stemmer", "Chinese has no stemmer");
	CHECK(english == NULL && strstr(err.detail, "de, ") != NULL && strstr(err.detail, "en, ") != NULL, "those there are get named");
	CHECK(uc_stemmer_open("en", &english, &err) == UC_OK, "English has one");
	stem = uc_stem(english, "Travelling", 10, room, &bytes);
	CHECK(bytes == 6 && memcmp(stem, "travel", 6) == 0, "a stem is in lower case");
	stem = uc_stem(NULL, "Travelling", 10, room, &bytes);
	CHECK(bytes == 10 && memcmp(stem, "travelling", 10) == 0, "without a stemmer a word is folded");
	stem = uc_stem(english, "\xff", 1, room, &bytes);
	CHECK(bytes == 1 && *stem == '\xff', "what is not UTF-8 stays");
	CHECK(uc_stem(english, "", 0, room, &bytes) != NULL && bytes == 0, "nothing stays nothing");
	uc_stemmer_close(english);
	uc_stemmer_close(NULL);
}

static void
check_language(const char *name, const char *wanted)
{
	char		code[UC_LANGUAGE_ROOM] = "";
	UcError		err = {0};

	CHECK(uc_language_code(name, code, &err) == UC_OK && strcmp(code, wanted) == 0, "%s is %s", name, wanted);
}

static void
check_languages(void)
{
	static const char *const unknown[] = {"", "e", "englsh", "xx", "qqq", "12", "en1", "a very long name of a language", "\xE4\xB8\xAD"};
	char		code[UC_LANGUAGE_ROOM];
	UcError		err = {0};

	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		CHECK_REFUSED(uc_language_code(unknown[i], code, &err), UC_INVALID_ARGUMENT, &err, "unrecognized language",
					  "no language is called \"%s\"", unknown[i]);
	check_language("en", "en");
	check_language("EN_gb", "en");
	check_language("English", "en");
	check_language("eng", "en");
	check_language("zh-Hans-CN", "zh");
	check_language("zho", "zh");
	check_language("yue", "yue");
	check_language("nb", "no");
}

int
main(void)
{
	UcError		err = {0};

	CHECK(uc_words_open(&words, &err) == UC_OK, "opens");
	check_words("", "");
	check_words("。, -- \xF0\x9F\x91\x8D !\xE2\x80\x8B", "");
	check_words("a\xff" "b \xE4\xB8", "w:a w:b");
	check_words("I don't like 3.14 e-mails: x1 _", "w:I w:don't w:like n:3.14 w:e w:mails w:x1");
	check_words("我喜欢看电影，１２！", "i:我 i:喜欢 i:看 i:电影 n:１２");
	check_words("カタカナ ภาษาไทย 한국어를", "k:カタカナ w:ภาษา w:ไทย w:한국어를");
	check_windows();
	check_long();
	check_folds();
	check_stems();
	check_languages();
	uc_words_close(words);
	uc_words_close(NULL);
	return check_done();
}
