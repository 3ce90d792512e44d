/*
 * Sentences and the windows they are read through.
 */
#include "check.h"

#include <stdint.h>
#include <stdlib.h>

#include "text/breaker.h"
#include "text/sentences.h"

static UcSentences *sentences;
static bool stop_now;

static bool
interrupted(void *arg)
{
	return stop_now;
}

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX,.interrupted = interrupted};

/* The sentences of a text, joined by '|'. */
static const char *
parted(const char *text)
{
	static char joined[1000];
	size_t		length = 0;
	UcTextSpan		span;
	UcError		err = {0};

	uc_sentences_start(sentences, text, strlen(text));
	while (uc_sentences_next(sentences, &run, &span, &err) == UC_OK && span.stop > span.start)
		length += (size_t) snprintf(joined + length, sizeof joined - length, "%s%.*s", length == 0 ? "" : "|",
									(int) (span.stop - span.start), text + span.start);
	joined[length] = '\0';
	return joined;
}

static void
check_parted(const char *text, const char *wanted)
{
	const char *found = parted(text);

	CHECK(strcmp(found, wanted) == 0, "%s", wanted);
	if (strcmp(found, wanted) != 0)
		printf("# found %s\n", found);
}

/* `unit` repeated to at least `bytes`. */
static char *
repeated(const char *unit, size_t bytes)
{
	size_t		length = strlen(unit);
	size_t		times = (bytes + length - 1) / length;
	char	   *text = malloc(times * length + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * length, unit, length);
	text[times * length] = '\0';
	return text;
}

static void
check_long(void)
{
	char	   *text = repeated("a", 1 << 20);
	UcTextSpan		span;
	UcError		err = {0};
	size_t		count = 0,
				longest = 0,
				at = 0;

	uc_sentences_start(sentences, text, 1 << 20);
	while (uc_sentences_next(sentences, &run, &span, &err) == UC_OK && span.stop > span.start)
	{
		if (span.start != at)
			break;
		at = span.stop;
		count++;
		longest = span.stop - span.start > longest ? span.stop - span.start : longest;
	}
	CHECK(at == 1 << 20 && count >= 32 && longest <= UC_BREAK_LONGEST, "a text without an end is divided, none of it lost");
	stop_now = true;
	uc_sentences_start(sentences, text, 1 << 20);
	CHECK_REFUSED(uc_sentences_next(sentences, &run, &span, &err), UC_INTERRUPTED, &err, "interrupted", "an interrupt stops it");
	stop_now = false;
	free(text);

	/* The windows' ends fall everywhere: what is parted must not depend on them. */
	text = repeated("He paid 3.50 to them. 他说：“好。” Why? ", 300000);
	uc_sentences_start(sentences, text, strlen(text));
	for (count = 0; uc_sentences_next(sentences, &run, &span, &err) == UC_OK && span.stop > span.start; count++)
	{
		static const char *const cycle[] = {"He paid 3.50 to them.", "他说：“好。”", "Why?"};
		const char *wanted = cycle[count % 3];

		if (span.stop - span.start != strlen(wanted) || memcmp(text + span.start, wanted, strlen(wanted)) != 0)
			break;
	}
	CHECK(span.stop == span.start && count > 10000, "sentences are the same wherever a window ends");
	free(text);
}

static void
check_not_utf8(void)
{
	static const char bytes[] = "ab\xff\xc3(. \xed\xa0\x80 x\xf0\x9f. \xe4\xb8";
	UcTextSpan		span;
	UcError		err = {0};
	size_t		at = 0;
	bool		in_order = true;

	uc_sentences_start(sentences, bytes, sizeof bytes - 1);
	while (uc_sentences_next(sentences, &run, &span, &err) == UC_OK && span.stop > span.start)
	{
		in_order = in_order && span.start >= at && span.stop <= sizeof bytes - 1;
		at = span.stop;
	}
	CHECK(in_order && at == sizeof bytes - 1, "bytes that are not UTF-8 stay inside the text");
}

int
main(void)
{
	UcError		err = {0};

	CHECK(uc_sentences_open(&sentences, &err) == UC_OK, "opens");
	check_not_utf8();
	check_parted("", "");
	check_parted(" \n\t\xE2\x80\x8B ", "");
	check_parted("One", "One");
	check_parted(" One.  Two?! Three", "One.|Two?!|Three");
	check_parted("line\nline\r\n\r\nlast", "line|line|last");
	check_parted("Dr. Who met Mr. X, e.g. Y (cf. Z). It cost 3.50!", "Dr. Who met Mr. X, e.g. Y (cf. Z).|It cost 3.50!");
	check_parted("Dr.\nWho", "Dr.|Who");
	check_parted("Ask Dr.", "Ask Dr.");
	check_parted("xDr. Who", "xDr.|Who");
	check_parted("我喜欢看电影。真的？是的！他说：“好。”然后走了……", "我喜欢看电影。|真的？|是的！|他说：“好。”|然后走了……");
	check_parted("「そうです。」と言った。", "「そうです。」|と言った。");
	check_parted("هل هذا صحيح؟ نعم.", "هل هذا صحيح؟|نعم.");
	check_long();
	uc_sentences_close(sentences);
	uc_sentences_close(NULL);
	return check_done();
}
