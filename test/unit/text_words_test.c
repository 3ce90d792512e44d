/*
 * Words, their kinds, folding and stems.
 */
#include "check.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"
#include "text/breaker.h"
#include "text/fold.h"
#include "text/language.h"
#include "text/pieces.h"
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

static const char *const pieces[] = {
	" ", " ", " ", "  ", "a", "B", "word", "x9", "0", "42", ".", ".", "'", ",", ";", ":", "@", "_", "-", "/", "\"", "(", ")", "!", "?",
	"&", "#", "$", "%", "*", "+", "=", "<", "~", "`", "|", "\\", "^", "{", "]", "\n", "\r\n", "\t", "\r", "\v", "\f", "\x01", "\x7F",
	/* from here on not ASCII */
	"’", "é", "e\u0301", "\u0301", "中文", "书", "ไทย", "カナ", "가나", "ж", "\u00A0", "\u2003", "\u200D", "\u00AD", "👩", "🇩", "🇪", "“",
	"½", "٣", "א", "\u2019", "\x80", "\xE4", "\xF0\x9F"
};

/* Texts of `count` random pieces: the words must be ICU's parts without those between words. */
static bool
same_as_icu(UcBreaker *breaker, UcRandom *random, size_t kinds, size_t count, bool repeated)
{
	char	   *text = malloc(count * 9);	/* the longest piece has 9 bytes */
	size_t		bytes = 0;
	UcWord		word;
	UcTextSpan	part;
	UcError		err = {0};
	bool		between,
				same = true;
	const char *piece = NULL;

	for (size_t i = 0; i < count; i++)
	{
		if (piece == NULL || !repeated || uc_random_below(random, count / 4) == 0)
			piece = pieces[uc_random_below(random, kinds)];
		memcpy(text + bytes, piece, strlen(piece));
		bytes += strlen(piece);
	}
	uc_words_start(words, text, bytes);
	uc_breaker_start(breaker, text, bytes);
	do
	{
		do
			same = same && uc_breaker_next(breaker, &run, &part, &between, &err) == UC_OK;
		while (same && between && part.stop > part.start);
		same = same && uc_words_next(words, &run, &word, &err) == UC_OK &&
			(part.stop == part.start ? word.span.stop == word.span.start
			 : word.span.start == part.start && word.span.stop == part.stop);
	} while (same && part.stop > part.start);
	if (!same)
		printf("# in %.*s: ICU has %.*s, found is %.*s\n", bytes < 300 ? (int) bytes : 300, text, (int) (part.stop - part.start),
			   text + part.start, (int) (word.span.stop - word.span.start), text + word.span.start);
	free(text);
	return same;
}

static void
check_without_icu(void)
{
	const size_t all = sizeof pieces / sizeof *pieces;
	UcBreaker  *breaker;
	UcError		err = {0};
	UcRandom	random;
	size_t		ascii = 0;
	bool		same[4] = {true, true, true, true};

	while ((uint8_t) pieces[ascii][0] < 0x80)
		ascii++;
	uc_random_seed(&random, 11, 0);
	if (uc_breaker_open(UC_BREAK_WORDS, &breaker, &err) != UC_OK)
		abort();
	for (int i = 0; i < 20000; i++)
	{
		same[0] = same[0] && same_as_icu(breaker, &random, ascii, 1 + uc_random_below(&random, 24), false);
		same[1] = same[1] && same_as_icu(breaker, &random, all, 1 + uc_random_below(&random, 24), false);
	}
	for (int i = 0; i < 8; i++)
	{
		same[2] = same[2] && same_as_icu(breaker, &random, ascii, 100000, false) && same_as_icu(breaker, &random, all, 100000, false);
		same[3] = same[3] && same_as_icu(breaker, &random, ascii, 300000, true);
	}
	CHECK(same[0], "20,000 ASCII texts have ICU's words");
	CHECK(same[1], "and so have 20,000 others");
	CHECK(same[2], "and texts that are longer than a window");
	CHECK(same[3], "and texts with words that are");
	uc_breaker_close(breaker);
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
check_pieces(const char *word, size_t bytes, const char *wanted)
{
	UcPieces	pieces;
	char		joined[4000] = "",
				piece[UC_PIECE_ROOM];
	size_t		length = 0,
				used;

	uc_pieces_start(&pieces, word, bytes);
	while (uc_pieces_next(&pieces, piece, &used))
		length += (size_t) snprintf(joined + length, sizeof joined - length, "%s%.*s", length == 0 ? "" : " ", (int) used, piece);
	CHECK(strcmp(joined, wanted) == 0, "pieces of %.*s", (int) bytes, word);
	if (strcmp(joined, wanted) != 0)
		printf("# found %s\n", joined);
}

static void
check_all_pieces(void)
{
	static const char continuations[300] = {[0 ... 299] = '\x80'};
	UcPieces	pieces;
	char		piece[UC_PIECE_ROOM],
			   *word = malloc(3000);
	size_t		bytes,
				count = 0;

	check_pieces("a", 1, "##<a>");
	check_pieces("film", 4, "##<fi ##fil ##ilm ##lm> ##<fil ##film ##ilm> ##<film ##film>");
	check_pieces("кино", 8, "##<ки ##кин ##ино ##но> ##<кин ##кино ##ино> ##<кино ##кино>");
	check_pieces("看电影", 9, "##看 ##电 ##影 ##看电 ##电影");
	check_pieces("x光", 4, "##x ##光 ##x光");
	check_pieces("가나", 6, "##가 ##나 ##가나");
	uc_pieces_start(&pieces, continuations, sizeof continuations);
	while (uc_pieces_next(&pieces, piece, &bytes) && bytes <= sizeof piece)
		count++;
	CHECK(count > 0, "bytes that are not UTF-8 have some");
	memset(word, 'a', 3000);
	uc_pieces_start(&pieces, word, 3000);
	for (count = 0; uc_pieces_next(&pieces, piece, &bytes);)
		count++;
	CHECK(count == 64 + 63 + 62, "a long word has no more than one of 64 characters");
	free(word);
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
	check_without_icu();
	check_windows();
	check_long();
	check_folds();
	check_all_pieces();
	check_stems();
	check_languages();
	uc_words_close(words);
	uc_words_close(NULL);
	return check_done();
}
