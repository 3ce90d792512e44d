/*
 * Cleaning: what is refused, each switch by itself, the purposes, sizes that grow in a line.
 */
#include "check.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "text/clean.h"

static const UcRun plain_run = {.threads = 1,.max_memory = (size_t) 1 << 30};

static UcHan *hans[2];
static UcWords *words;
static UcStopSet *stop_words;	/* dropped where it is not NULL */

static const UcCleanSwitch every[] = {
	UC_CLEAN_MARKUP, UC_CLEAN_INVISIBLE, UC_CLEAN_WIDTH, UC_CLEAN_FORM, UC_CLEAN_LETTER_CASE, UC_CLEAN_URLS, UC_CLEAN_EMAILS,
	UC_CLEAN_HANDLES, UC_CLEAN_HASHTAGS, UC_CLEAN_EMOJI, UC_CLEAN_NUMBERS, UC_CLEAN_PUNCTUATION, UC_CLEAN_CHINESE, UC_CLEAN_SPACES
};

/* Every switch at keep, then one of them set. */
static UcCleanOptions
only(UcCleanSwitch which, const char *choice)
{
	UcCleanOptions options;
	UcError		err;

	uc_clean_purpose("embedding", &options, &err);
	for (size_t i = 0; i < sizeof every / sizeof *every; i++)
		uc_clean_set(&options, every[i], "keep", &err);
	options.repeats = 0;
	if (choice != NULL)
		CHECK(uc_clean_set(&options, which, choice, &err) == UC_OK, "a switch takes %s", choice);
	return options;
}

static UcCleanTools
tools_for(const UcCleanOptions *options)
{
	UcCleanTools tools = {.words = words,.stop_words = stop_words};

	if (options->choice[UC_CLEAN_CHINESE] != UC_CLEAN_KEEP)
		tools.han = hans[options->choice[UC_CLEAN_CHINESE] == UC_CLEAN_SIMPLIFIED];
	return tools;
}

static void
check_clean(const UcCleanOptions *options, const char *text, const char *wanted)
{
	char	   *out = NULL;
	size_t		bytes;
	UcError		err = {0};
	UcCleanTools tools = tools_for(options);
	UcStatus	status = uc_clean_text(options, &tools, text, strlen(text), &plain_run, &out, &bytes, &err);

	CHECK(status == UC_OK && bytes == strlen(wanted) && strcmp(out, wanted) == 0, "\"%s\"", text);
	if (status != UC_OK || strcmp(out, wanted) != 0)
		printf("# \"%s\"\n# wanted \"%s\"\n", status == UC_OK ? out : err.message, wanted);
	uc_free(out);
}

typedef struct Case
{
	const char *text;
	const char *wanted;
} Case;

#define CHECK_CASES(options, ...) \
	do { \
		const Case	cases[] = {__VA_ARGS__}; \
		UcCleanOptions with = (options); \
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) \
			check_clean(&with, cases[i].text, cases[i].wanted); \
	} while (0)

static bool
always(void *arg)
{
	return true;
}

static void
test_refusals(void)
{
	UcCleanOptions options;
	UcError		err = {0};
	UcRun		small = {.threads = 1,.max_memory = 1000};
	UcRun		stopped = {.threads = 1,.max_memory = (size_t) 1 << 30,.interrupted = always};
	UcCleanTools tools = {0};
	char	   *out;
	size_t		bytes;
	char		text[2000];

	CHECK_REFUSED(uc_clean_purpose("", &options, &err), UC_INVALID_ARGUMENT, &err, "unrecognized purpose \"\"", "no purpose");
	CHECK_REFUSED(uc_clean_purpose("Keywords", &options, &err), UC_INVALID_ARGUMENT, &err, "unrecognized purpose", "another purpose");
	uc_clean_purpose("embedding", &options, &err);
	CHECK_REFUSED(uc_clean_set(&options, UC_CLEAN_EMOJI, "eat", &err), UC_INVALID_ARGUMENT, &err,
				  "unrecognized choice \"eat\" for \"emoji\"", "another choice");
	CHECK(strstr(err.hint, "'keep', 'drop', 'name'") != NULL, "the hint lists the choices");
	CHECK_REFUSED(uc_clean_set(&options, UC_CLEAN_EMOJI, "nfc", &err), UC_INVALID_ARGUMENT, &err, "for \"emoji\"", "the choice of another switch");
	CHECK_REFUSED(uc_clean_set_repeats(&options, -1, &err), UC_INVALID_ARGUMENT, &err, "\"repeats\"", "fewer than no repeats");
	CHECK_REFUSED(uc_clean_text(&options, &tools, "caf\xE9", 4, &plain_run, &out, &bytes, &err), UC_INVALID_DATA, &err, "UTF-8", "Latin-1");
	CHECK(strstr(err.detail, "Byte 4 ") != NULL, "the detail says where");
	CHECK_REFUSED(uc_clean_text(&options, &tools, "\xED\xA0\x80", 3, &plain_run, &out, &bytes, &err), UC_INVALID_DATA, &err, "UTF-8", "a surrogate");
	memset(text, 'a', sizeof text);
	CHECK_REFUSED(uc_clean_text(&options, &tools, text, sizeof text, &small, &out, &bytes, &err), UC_MEMORY_LIMIT, &err, "cleaning a text", "too little memory");
	CHECK_REFUSED(uc_clean_text(&options, &tools, text, sizeof text, &stopped, &out, &bytes, &err), UC_INTERRUPTED, &err, "", "interrupted");
}

static void
test_markup(void)
{
	CHECK_CASES(only(UC_CLEAN_MARKUP, "drop"),
				{"", ""}, {"plain", "plain"}, {"<b>bo</b>ld", "bold"}, {"<p>one</p><p>two</p>", "one\ntwo\n"},
				{"a<br/>b<BR >c", "a\nb\nc"}, {"<td>1</td><td>2</td>", "1 2 "}, {"<a href='x>y' title=\"<b>\">link</a>", "link"},
				{"<a title=don't>x</a> it's", "x it's"}, {"<a href=\"x>y", "y"},
				{"1 < 2 && 3 > 2", "1 < 2 && 3 > 2"}, {"I <3 you", "I <3 you"}, {"<Inception> <三体>", "<Inception> <三体>"},
				{"<b", "<b"}, {"<b <i>x</i>", "<b x"}, {"</ b>", "</ b>"}, {"<o:p>x</o:p><my-tag>", "x "}, {"<http://x.com>", "<http://x.com>"},
				{"a<!-- <b> -->b<!---->c<!-->d<!--->e<!--x--!>f", "abcdef"}, {"a<!-- open", "a<!-- open"}, {"wow<!!!", "wow<!!!"},
				{"<!DOCTYPE html><?xml version='1'?>x", "x"},
				{"a<script>if (a<b) '</b>'</script>b<style>p{}</STYLE >c", "a\nb\nc"}, {"use <script> here", "use \n here"},
				{"<ruby>漢字<rt>かんじ</rt></ruby>", "漢字 かんじ "});
	CHECK_CASES(only(UC_CLEAN_MARKUP, "drop"),
				{"&lt;b&gt; &amp;lt; &AMP &hearts;&#9829;&#x2665;&#X2665", "<b> &lt; & ♥♥♥♥"}, {"&eacute;t&eacute", "été"},
				{"&#xD800;&#0;&#x110000;&#99999999999999999999;", "����"}, {"&#128;&#x99;&#x81;", "€™\xC2\x81"},
				{"?a=1&copy=2&lt=3&ltx", "?a=1&copy=2&lt=3&ltx"}, {"&unknown; &; &# &#x; &#xg; AT&T", "&unknown; &; &# &#x; &#xg; AT&T"},
				{"&NotEqualTilde;", "≂̸"}, {"&CounterClockwiseContourIntegral;&CounterClockwiseContourIntegralx;", "∳&CounterClockwiseContourIntegralx;"},
				{"&zwj;&AElig;", "\u200DÆ"}, {"&amp;amp;amp;", "&amp;amp;"});
}

static void
test_characters(void)
{
	CHECK_CASES(only(UC_CLEAN_INVISIBLE, "drop"),
				{"a\u200Bb\uFEFFc\u00ADd\u2060e", "abcde"}, {"\u202Eabc\u202C\u200F\u2067x\u2069", "abcx"}, {"a\x01\x7F\tb\r\nc\rd\u2028e", "a\tb\nc\nd\ne"},
				{"می\u200Cخواهم", "می\u200Cخواهم"}, {"क्\u200Dष र\u200C\u200C", "क्\u200Dष र\u200C"}, {"x\u200Cy", "xy"},
				{"ภาษา\u200Bไทย", "ภาษา\u200Bไทย"}, {"👩\u200D💻 a\u200D💻", "👩\u200D💻 a💻"}, {"❤\uFE0F 1\uFE0F\u20E3 1\uFE0F a\uFE0F 葛\U000E0100", "❤\uFE0F 1\uFE0F\u20E3 1 a 葛"},
				{"a\uFFFCb \u3164", "a b "}, {"\U0001F3F4\U000E0067\U000E007F\U000E0067", "\U0001F3F4\U000E0067\U000E007F"});
	CHECK_CASES(only(UC_CLEAN_WIDTH, "fold"), {"ＡＢＣ　１２３", "ABC 123"}, {"你好，世界！（１）", "你好，世界！（1）"}, {"ﾆﾎﾝ", "ニホン"}, {"＠ｂｏｂ", "@bob"});
	CHECK_CASES(only(UC_CLEAN_FORM, "nfc"), {"cafe\u0301", "café"}, {"ﬁ①", "ﬁ①"}, {"\u1100\u1161\u11A8", "각"}, {"q\u0307\u0323", "q\u0323\u0307"}, {"한국어", "한국어"});
	CHECK_CASES(only(UC_CLEAN_FORM, "nfkc"), {"ﬁ①㎏", "fi1kg"}, {"！", "!"}, {"ｶﾞ", "ガ"}, {"™ ™\uFE0F 🈁", "TM ™\uFE0F 🈁"});
	CHECK_CASES(only(UC_CLEAN_LETTER_CASE, "lower"), {"ABC ÉÀ ΣΑΣ STRAẞE İ", "abc éà σασ straße i̇"}, {"中文 ABC 한국", "中文 abc 한국"});
	CHECK_CASES(only(UC_CLEAN_LETTER_CASE, "fold"), {"ABC ß ς ﬁ", "abc ss σ fi"}, {"AB\u0301", "ab\u0301"});
	CHECK_CASES(only(UC_CLEAN_SPACES, "collapse"), {"  a \t b\u3000c\u00A0 ", "a b c"}, {" \n a \r\n\r\n b\n", "a\nb"}, {" ", ""}, {"", ""});
}

static void
test_addresses(void)
{
	UcCleanOptions all = only(UC_CLEAN_URLS, "drop");
	UcError		err;

	CHECK_CASES(only(UC_CLEAN_URLS, "drop"),
				{"看http://t.cn/abc真好", "看 真好"}, {"see https://en.wikipedia.org/wiki/A_(b), ok", "see , ok"}, {"(www.x.com)", "()"},
				{"end.The next", "end.The next"}, {"http:// www. ://x", "http:// www. ://x"}, {"ftp://a:b@[::1]/x?y=1#z!", "!"},
				{"a bob@x.com", "a bob@x.com"}, {"读（http://x.cn/1）。", "读（）。"});
	CHECK_CASES(only(UC_CLEAN_EMAILS, "drop"),
				{"write to bob.x+1@mail.example.com.", "write to ."}, {"邮箱123@qq.com谢谢", "邮箱 谢谢"}, {"a@b a@b.c @x.com a@b.c1", "a@b a@b.c @x.com a@b.c1"});
	CHECK_CASES(only(UC_CLEAN_HANDLES, "drop"),
				{"hi @bob, and @al.b!", "hi , and !"}, {"转发@小明：好", "转发：好"}, {"＠wide x", " x"}, {"@ 5pm 5@3元 a@b", "@ 5pm 5@3元 a@b"},
				{"@me@social.example yes", " yes"});
	CHECK_CASES(only(UC_CLEAN_HASHTAGS, "text"),
				{"#pizza is #great!", "pizza is great!"}, {"看#三体#真好", "看 三体 真好"}, {"#你好，李焕英#！", "你好，李焕英！"}, {"C# #1 # x &#39;", "C# #1 # x &#39;"},
				{"##OOTD# x", "OOTD x"}, {"＃话题＃", "话题"}, {"#️⃣ok", "#️⃣ok"});
	CHECK_CASES(only(UC_CLEAN_HASHTAGS, "drop"), {"a #pizza b", "a  b"}, {"看#三体，2#真好", "看 真好"}, {"#1 C#", "#1 C#"});
	CHECK(uc_clean_set(&all, UC_CLEAN_HANDLES, "drop", &err) == UC_OK && uc_clean_set(&all, UC_CLEAN_HASHTAGS, "text", &err) == UC_OK &&
		  uc_clean_set(&all, UC_CLEAN_URLS, "keep", &err) == UC_OK, "several switches");
	CHECK_CASES(all, {"b1@me", "b1"}, {"http://medium.com/@bob/#top @bob", "http://medium.com/@bob/#top "});
}

/* What is kept is not touched by what follows. */
static void
test_kept(void)
{
	UcCleanOptions options = only(UC_CLEAN_PUNCTUATION, "drop");
	UcError		err;

	CHECK(uc_clean_set(&options, UC_CLEAN_NUMBERS, "drop", &err) == UC_OK && uc_clean_set(&options, UC_CLEAN_EMOJI, "drop", &err) == UC_OK &&
		  uc_clean_set(&options, UC_CLEAN_CHINESE, "simplified", &err) == UC_OK && uc_clean_set(&options, UC_CLEAN_HASHTAGS, "text", &err) == UC_OK,
		  "several switches");
	options.repeats = 3;
	CHECK_CASES(options,
				{"http://www.x.com/1/aaaaaa, b1@me: 7 電影@電影 3a@b.co", "http://www.x.com/1/aaaaaa b1@me  电影@電影 3a@b.co"},
				{"1@a1 #x1 😀@b_c!", "@a1 x1 @b_c"});
}

static void
test_signs(void)
{
	UcCleanOptions repeats = only(UC_CLEAN_URLS, NULL);

	CHECK_CASES(only(UC_CLEAN_EMOJI, "drop"),
				{"好吃😀不贵", "好吃 不贵"}, {"👨‍👩‍👧🇨🇳👍🏽1️⃣❤️x", "x"}, {"ok😀！ 5 # © ™ ↔", "ok！ 5 # © ™ ↔"}, {"©️!", "!"}, {"🏴󠁧󠁢󠁳󠁣󠁴󠁿a", "a"},
				{"☀☎♥", ""});
	CHECK_CASES(only(UC_CLEAN_EMOJI, "name"),
				{"hi😀", "hi :grinning face:"}, {"👩‍💻🇨🇳1️⃣👍🏽x", ":woman, personal computer: :flag cn: :keycap 1: :thumbs up sign: x"}, {"🏴󠁧󠁢󠁳󠁣󠁴󠁿", ":flag gbsct:"});
	CHECK_CASES(only(UC_CLEAN_NUMBERS, "drop"), {"15元 1,000.5 iPhone15 4K", "元  iPhone15 4K"}, {"有3个", "有 个"}, {"1️⃣2", "1️⃣"}, {"٣٤ x", " x"});
	CHECK_CASES(only(UC_CLEAN_NUMBERS, "zero"), {"15元 1,000.5 iPhone15", "0元 0 iPhone15"});
	CHECK_CASES(only(UC_CLEAN_PUNCTUATION, "drop"), {"Don't stop—well-known, 3.14!", "Don't stop well-known 3.14"}, {"你好，世界！《三体》", "你好 世界 三体"},
				{"$5 + a@b 😀#️⃣", "5  a b 😀#️⃣"});
	repeats.repeats = 3;
	CHECK_CASES(repeats, {"好好好好好好 sooooo", "好好好 sooo"}, {"1000000 AAA ★★★★☆ ⭐⭐⭐⭐⭐", "1000000 AAA ★★★★☆ ⭐⭐⭐⭐⭐"}, {"😂😂😂😂😂👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", "😂😂😂👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧"},
				{"अच्छाााााा", "अच्छााा"}, {"หมาาาาา ก็็็็็็", "หมาาา ก็็็"}, {"हाहाहा हाहाहाहाहा ก็ก็ก็ก็", "हाहाहा हाहाहा ก็ก็ก็"}, {"a    b......!", "a    b...!"});
	CHECK_CASES(only(UC_CLEAN_CHINESE, "simplified"), {"電腦軟體，著名", "电脑软体，著名"}, {"電気をつける", "電気をつける"}, {"我の最愛電影是戰爭與和平", "我の最爱电影是战争与和平"});
	CHECK_CASES(only(UC_CLEAN_CHINESE, "traditional"), {"头发 发展 皇后", "頭髮 發展 皇后"}, {"plain", "plain"});
}

static void
test_stop_words(void)
{
	UcError		err = {0};

	CHECK_REFUSED(uc_stop_set_open("tlh", &stop_words, &err), UC_NOT_FOUND, &err, "\"tlh\"", "a language without stop words");
	CHECK(strstr(err.hint, "en") != NULL && strstr(err.hint, "zh") != NULL, "the hint names those there are");
	CHECK(uc_stop_set_open("en", &stop_words, &err) == UC_OK, "English stop words");
	CHECK(uc_stop_set_has(stop_words, "The", 3) && !uc_stop_set_has(stop_words, "th", 2), "the is one, th is none");
	CHECK_CASES(only(UC_CLEAN_SPACES, "collapse"), {"The cat, and the dog.", "cat, dog."}, {"the", ""}, {"", ""}, {"theory", "theory"}, {"a#b I@me", "a#b I@me"}, {"x＠me x#the, @y the", "x＠me x#the, @y"});
	uc_stop_set_close(stop_words);
	CHECK(uc_stop_set_open("zh", &stop_words, &err) == UC_OK, "Chinese stop words");
	CHECK_CASES(only(UC_CLEAN_SPACES, "collapse"), {"我的电影和书", "电影 书"});
	uc_stop_set_close(stop_words);
	stop_words = NULL;
}

static void
test_purposes(void)
{
	UcCleanOptions options;
	UcError		err;

	CHECK(uc_clean_purpose("embedding", &options, &err) == UC_OK, "for an embedding");
	CHECK_CASES(options,
				{"<p>It&rsquo;s <b>GREAT</b>!!!!!!</p>  Soooooo good \U0001F600 http://t.co/x @bob #pizza", "It’s GREAT!!!\nSooo good 😀 @bob pizza"},
				{"【转发】＠小明：這部電影 http://t.cn/a 好看好看！！！！！ #三体#", "【转发】@小明：這部電影 好看好看！！！ 三体"});
	CHECK(uc_clean_purpose("keywords", &options, &err) == UC_OK, "for keywords");
	CHECK_CASES(options,
				{"<p>It&rsquo;s <b>GREAT</b>!!!!!!</p>  Soooooo good \U0001F600 http://t.co/x @bob #pizza", "it’s great!!!\nsooo good pizza"},
				{"【转发】＠小明：這部電影 http://t.cn/a 好看好看！！！！！ #三体#", "【转发】 :这部电影 好看好看!!! 三体"});
}

/* A text of a megabyte takes two buffers of its size; where it holds many handles that are kept, their places too. */
static void
test_memory(void)
{
	static const char *const patterns[] = {"a ", "<b>x</b>", "&amp;", "@a ", "中文 ", "\u0301", "http://a "};
	size_t		bytes = 1000000;
	char	   *text = malloc(bytes);
	UcRun		run = {.threads = 1,.max_memory = 3 * bytes};
	UcCleanOptions options;
	UcError		err = {0};

	uc_clean_purpose("embedding", &options, &err);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
	{
		UcCleanTools tools = {0};
		size_t		length = strlen(patterns[i]);
		size_t		used = bytes - bytes % length;
		char	   *out = NULL;
		size_t		out_bytes;
		UcStatus	status;

		for (size_t j = 0; j < used; j++)
			text[j] = patterns[i][j % length];
		run.max_memory = patterns[i][0] == '@' ? 10 * bytes : 3 * bytes;
		status = uc_clean_text(&options, &tools, text, used, &run, &out, &out_bytes, &err);
		CHECK(status == UC_OK, "memory for \"%s\"", patterns[i]);
		if (status != UC_OK)
			printf("# %s: %s\n", err.message, err.detail);
		uc_free(out);
	}
	free(text);
}

/* Seconds for a text of `pattern` repeated to this size, with what stops at nothing. */
static double
seconds(const UcCleanOptions *options, const char *pattern, size_t bytes)
{
	char	   *text = malloc(bytes);
	size_t		length = strlen(pattern);
	char	   *out = NULL;
	size_t		out_bytes;
	UcError		err = {0};
	UcCleanTools tools = tools_for(options);
	clock_t		start = clock();

	bytes -= bytes % length;
	for (size_t i = 0; i < bytes; i++)
		text[i] = pattern[i % length];
	if (uc_clean_text(options, &tools, text, bytes, &plain_run, &out, &out_bytes, &err) != UC_OK)
		printf("# %s\n", err.message);
	uc_free(out);
	free(text);
	return (double) (clock() - start) / CLOCKS_PER_SEC;
}

/* Four times the text may take eight times the time, but not sixteen. */
static void
test_linear(void)
{
	static const char *const patterns[] = {
		"<", "&", "a@", "a", "\u0301", "#", "##a", "@", "<a ", "<a =\"", "<a ='\">", "<!--", "<!-- -", "<script>", "</script", "<!x", "a.", "www.", "a://",
		"http://a(", "x@y.", "\u200D", "1,", "é", "#中", "<b>", "&#", "\U0001F1E8", "\U0001F468\u200D", "(", "中", "-", " ", "\U000E0067", "ｶﾞ", "\uFDFA"
	};
	UcCleanOptions options[3];
	UcError		err;

	uc_clean_purpose("embedding", &options[0], &err);
	uc_clean_purpose("keywords", &options[1], &err);
	uc_clean_purpose("keywords", &options[2], &err);
	uc_clean_set(&options[2], UC_CLEAN_HASHTAGS, "drop", &err);
	uc_clean_set(&options[2], UC_CLEAN_EMOJI, "name", &err);
	uc_clean_set(&options[2], UC_CLEAN_NUMBERS, "drop", &err);
	uc_clean_set(&options[2], UC_CLEAN_PUNCTUATION, "drop", &err);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		for (int j = 0; j < 3; j++)
		{
			double		small = seconds(&options[j], patterns[i], 50000);
			double		large = seconds(&options[j], patterns[i], 200000);

			CHECK(large < 0.01 + 8 * small, "linear in \"%s\" (%d): %.4f and %.4f s", patterns[i], j, small, large);
		}
}

int
main(void)
{
	UcError		err = {0};

	CHECK(uc_han_open(true, &hans[1], &err) == UC_OK && uc_han_open(false, &hans[0], &err) == UC_OK, "ICU converts Chinese");
	test_refusals();
	test_markup();
	test_characters();
	test_addresses();
	test_kept();
	test_signs();
	CHECK(uc_words_open(&words, &err) == UC_OK, "ICU finds words");
	test_stop_words();
	test_purposes();
	test_memory();
	test_linear();
	uc_words_close(words);
	uc_han_close(hans[0]);
	uc_han_close(hans[1]);
	return check_done();
}
