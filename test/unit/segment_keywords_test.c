/*
 * Keywords of segments.
 */
#include "check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "segment/keyword_units.h"
#include "segment/keywords.h"

static bool stop_now;

static bool
interrupted(void *arg)
{
	return stop_now;
}

static UcRun run = {.threads = 1,.max_memory = SIZE_MAX,.interrupted = interrupted};

typedef struct Row
{
	uint32_t	segment;
	const char *text;
} Row;

/* Films and trips, in two languages: what is in both segments says nothing. */
static const Row rows[] = {
	{0, "I like films. A film by a good director."}, {0, "Films, films! I like the actor of science fiction"},
	{0, "science fiction is what I like"}, {0, "我喜欢看电影，科幻电影"}, {0, "电影很好看 science fiction"},
	{1, "I like travel and New York."}, {1, "Travelling to New York, by train"}, {1, "new york trains"},
	{1, "我喜欢旅行"}, {1, "我喜欢旅行，去过很多地方 2024"},
};
#define ROWS (sizeof rows / sizeof *rows)

static UcKeywordTexts *
texts_of(const Row *some, size_t count, bool backwards)
{
	UcKeywordTexts *texts;
	UcError		err = {0};
	bool		fine = uc_keyword_texts_open(NULL, &run, &texts, &err) == UC_OK;

	for (size_t i = 0; i < count && fine; i++)
	{
		const Row  *row = &some[backwards ? count - 1 - i : i];

		fine = uc_keyword_texts_add(texts, row->segment, NULL, row->text, strlen(row->text), &run, &err) == UC_OK;
	}
	fine = fine && uc_keyword_texts_finish(texts, &run, &err) == UC_OK;
	if (!fine)
		printf("# %s\n", err.message);
	return texts;
}

/* "segment:keyword/support …" */
static const char *
found(const Row *some, size_t count, bool backwards, uint32_t segments, UcKeywordOptions options)
{
	static char list[2000];
	UcKeywordTexts *texts = texts_of(some, count, backwards);
	UcKeywords	keywords = {0};
	UcError		err = {0};
	size_t		length = 0;
	UcStatus	status = uc_keywords(texts, segments, &options, &run, &keywords, &err);

	snprintf(list, sizeof list, "%s", status == UC_OK ? "" : err.message);
	for (size_t i = 0; status == UC_OK && i < keywords.count; i++)
	{
		const UcKeyword *keyword = &keywords.keywords[i];

		length += (size_t) snprintf(list + length, sizeof list - length, "%s%u:%.*s/%zu", i == 0 ? "" : " ", keyword->segment,
									(int) keyword->bytes, keywords.text + keyword->start, keyword->support);
	}
	uc_keywords_free(&keywords);
	uc_keyword_texts_close(texts);
	return list;
}

static void
check_found(const char *what, const char *list, const char *wanted)
{
	CHECK(strcmp(list, wanted) == 0, "%s", what);
	if (strcmp(list, wanted) != 0)
		printf("# found %s\n", list);
}

static void
check_refusals(void)
{
	UcKeywordTexts *texts;
	UcRun		small = run;
	UcError		err = {0};
	UcKeywords	keywords = {0};
	UcKeywordOptions options = {.keywords = 3,.max_phrase = 3};
	char		text[20];
	UcStatus	status = UC_OK;

	small.max_memory = 1000;
	CHECK_REFUSED(uc_keyword_texts_open(NULL, &small, &texts, &err), UC_MEMORY_LIMIT, &err, "more memory", "too little memory for stop words");
	CHECK(texts == NULL, "nothing is left open");
	small.max_memory = 1000000;
	CHECK(uc_keyword_texts_open(NULL, &small, &texts, &err) == UC_OK, "a megabyte is enough to begin with");
	for (int i = 0; i < 1000000 && status == UC_OK; i++)
	{
		snprintf(text, sizeof text, "word%x", i);
		status = uc_keyword_texts_add(texts, 0, "en", text, strlen(text), &small, &err);
	}
	CHECK(status == UC_MEMORY_LIMIT && texts->budget.used <= small.max_memory, "texts end where the memory does");
	uc_keyword_texts_close(texts);
	uc_keyword_texts_close(NULL);

	texts = texts_of(rows, ROWS, false);
	CHECK_REFUSED(uc_keyword_texts_add(texts, 0, NULL, "ab\xff", 3, &run, &err), UC_INVALID_DATA, &err, "UTF-8", "only UTF-8 is text");
	stop_now = true;
	CHECK_REFUSED(uc_keyword_texts_add(texts, 0, NULL, "x", 1, &run, &err), UC_INTERRUPTED, &err, "interrupted", "adding is interrupted");
	CHECK_REFUSED(uc_keywords(texts, 2, &options, &run, &keywords, &err), UC_INTERRUPTED, &err, "interrupted", "so are keywords");
	stop_now = false;
	uc_keywords_free(&keywords);
	uc_keyword_texts_close(texts);
}

static void
check_keywords(void)
{
	static const Row none[] = {{0, ""}, {1, " 12 。 the 的"}};
	static const Row same[] = {{0, "alike"}, {1, "alike"}};
	static const Row korean[] = {{0, "영화를 좋아해요"}, {0, "영화를"}, {0, "영화는 영화관에서"}, {0, "영화"}};
	static const Row alone[] = {{0, "cats and dogs"}, {0, "cats"}, {0, "the CAT"}};
	static const Row markup[] = {{0, "<p>word</p> http://example.com/x"}, {1, "letter &amp; me@example.com"}};
	UcKeywordOptions options = {.keywords = 3,.min_support = 2,.max_phrase = 3};
	UcKeywordOptions wide = {.keywords = 10,.min_support = 1,.max_phrase = 4};
	UcKeywordOptions words = {.keywords = 2,.min_support = 2,.max_phrase = 1};
	char		forwards[2000];

	check_found("no text, no keyword", found(NULL, 0, false, 0, options), "");
	check_found("texts without words", found(none, 2, false, 2, wide), "");
	check_found("what is the same everywhere is no keyword", found(same, 2, false, 2, wide), "");
	check_found("one segment: the share; the commonest form", found(alone, 3, false, 1, wide), "0:cats/3 0:dogs/1");
	check_found("particles of Korean nouns", found(korean, 4, false, 1, options), "0:영화/4");
	check_found("markup and addresses are no words", found(markup, 2, false, 2, wide), "0:word/1 1:letter/1");
	check_found("phrases take the place of words that have none other",
				found(rows, ROWS, false, 2, options), "0:science fiction/3 0:films/2 0:电影/2 1:New York/3 1:train/2 1:travel/2");
	check_found("words alone", found(rows, ROWS, false, 2, words), "0:fiction/3 0:science/3 1:New/3 1:York/3");
	snprintf(forwards, sizeof forwards, "%s", found(rows, ROWS, false, 2, wide));
	check_found("the order of texts does not matter", found(rows, ROWS, true, 2, wide), forwards);
	CHECK(strstr(forwards, "2024") == NULL && strstr(forwards, ":by/") == NULL,
		  "numbers and stop words are no keywords");
}

static void
check_weights(void)
{
	static const Row some[] = {{0, "sun"}, {0, "sun moon"}, {1, "sun"}, {1, "rain"}, {1, "rain rain rain"}, {1, "snow"}, {2, "snow"}};
	UcKeywordTexts *texts = texts_of(some, 7, false);
	UcKeywordOptions options = {.keywords = 5,.min_support = 1,.max_phrase = 2};
	UcKeywords	keywords = {0};
	UcError		err = {0};
	double		sun = 1 * log(1 / ((1 + 0.25 + 0) / 3));
	double		rain = 0.5 * log(0.5 / (0.5 / 3));

	CHECK(uc_keywords(texts, 3, &options, &run, &keywords, &err) == UC_OK && keywords.count == 4, "finds them");
	CHECK(keywords.count == 4 && fabs(keywords.keywords[0].weight - sun) < 1e-12 && keywords.keywords[0].support == 2,
		  "share times logarithm of share over mean share");
	CHECK(keywords.count == 4 && fabs(keywords.keywords[2].weight - rain) < 1e-12 && keywords.keywords[2].support == 2,
		  "a text that repeats a word counts once");
	CHECK(keywords.count == 4 && keywords.keywords[1].rank == 2 && keywords.keywords[2].rank == 1, "ranks begin with 1");
	uc_keywords_free(&keywords);
	uc_keyword_texts_close(texts);
}

/* The share of texts that have one Han character, against a word. */
static void
check_weak(void)
{
	static const Row some[] = {{0, "书，历史"}, {0, "书，历史"}, {0, "书"}, {0, "书，历史，茶"}, {1, "天气"}, {1, "茶"}, {1, "茶"}};
	UcKeywordOptions options = {.keywords = 5,.min_support = 1,.max_phrase = 2};

	check_found("one Han character counts for a third, and needs three times the support", found(some, 7, false, 2, options),
				"0:历史/3 0:书/4 1:天气/1");
}

static void
check_chinese(void)
{
	UcHan	   *han;
	UcKeywordTexts *texts;
	UcError		err = {0};
	char		room[64] = "電腦 a";
	char		few[6] = "\xE9\x9B\xBB\xFF";

	CHECK(uc_han_open(true, &han, &err) == UC_OK, "a converter opens");
	CHECK(uc_han_convert_utf8(han, room, 8, sizeof room) == 8 && memcmp(room, "电脑 a", 8) == 0, "UTF-8 is converted in place");
	CHECK(uc_han_convert_utf8(han, few, 4, sizeof few) == 4 && few[3] == '\xFF', "what is not UTF-8 stays");
	CHECK(uc_keyword_texts_open(han, &run, &texts, &err) == UC_OK, "opens");
	uc_keyword_texts_add(texts, 0, "zh", "電影", 6, &run, &err);
	uc_keyword_texts_add(texts, 0, "zh", "电影", 6, &run, &err);
	CHECK(uc_keyword_texts_finish(texts, &run, &err) == UC_OK && texts->tokens == 2 && texts->terms[0] == texts->terms[1] &&
		  texts->terms[0] != UC_NO_TERM, "traditional and simplified forms are one term");
	uc_keyword_texts_close(texts);
	uc_han_close(han);
}

static void
check_stop_words(void)
{
	UcKeywordTexts *texts;
	UcError		err = {0};

	CHECK(uc_keyword_texts_open(NULL, &run, &texts, &err) == UC_OK, "opens");
	uc_keyword_texts_stop_word(texts, "en", "the", 3, false, &err);
	uc_keyword_texts_stop_word(texts, "en", "Cat", 3, true, &err);
	uc_keyword_texts_stop_word(texts, NULL, "chien", 5, true, &err);
	uc_keyword_texts_add(texts, 0, "en", "the CAT and a dog chien", 23, &run, &err);
	uc_keyword_texts_add(texts, 0, "fr", "l'hôtel du chat, chien", strlen("l'hôtel du chat, chien"), &run, &err);
	CHECK(uc_keyword_texts_finish(texts, &run, &err) == UC_OK && texts->tokens == 10, "words of both texts");
	CHECK(texts->terms[0] != UC_NO_TERM && texts->terms[1] == UC_NO_TERM && texts->terms[2] == UC_NO_TERM, "one less, one more");
	CHECK(texts->terms[4] != UC_NO_TERM && texts->terms[5] == UC_NO_TERM && texts->terms[9] == UC_NO_TERM, "and one of all languages");
	CHECK(texts->terms[6] != UC_NO_TERM && UC_TOKEN_GAP(texts->words[6]) == UC_GAP_BREAK, "an article goes from its word");
	uc_keyword_texts_close(texts);
}

int
main(void)
{
	check_refusals();
	check_keywords();
	check_weights();
	check_weak();
	check_chinese();
	check_stop_words();
	return check_done();
}
