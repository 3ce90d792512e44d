/*
 * Any bytes as texts of segments, one a line, the segment by its first byte: keywords are what they are whatever the order.
 */
#include "fuzz.h"

#include "segment/keyword_units.h"
#include "segment/keywords.h"

#define SEGMENTS 3
#define MOST_LINES 500

static const UcRun run = {.threads = 1,.max_memory = (size_t) 64 << 20};

static void
find(const char *const *lines, const size_t *bytes, int count, bool backwards, UcKeywords *keywords)
{
	static const UcKeywordOptions options = {.keywords = 20,.min_support = 1,.max_phrase = UC_PHRASE_LONGEST};
	UcKeywordTexts *texts;
	UcError		err = {0};

	MUST(uc_keyword_texts_open(NULL, &run, &texts, &err) == UC_OK);
	for (int i = 0; i < count; i++)
	{
		int			line = backwards ? count - 1 - i : i;
		uint32_t	segment = bytes[line] == 0 ? 0 : (unsigned char) lines[line][0] % SEGMENTS;

		UcStatus	status = uc_keyword_texts_add(texts, segment, NULL, lines[line], bytes[line], &run, &err);

		MUST(status == UC_OK || status == UC_INVALID_DATA);
	}
	MUST(uc_keyword_texts_finish(texts, &run, &err) == UC_OK);
	MUST(uc_keywords(texts, SEGMENTS, &options, &run, keywords, &err) == UC_OK);
	uc_keyword_texts_close(texts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *lines[MOST_LINES];
	size_t		lengths[MOST_LINES];
	int			count = 0;
	UcKeywords	forwards = {0},
				backwards = {0};

	for (size_t at = 0; at < bytes && count < MOST_LINES;)
	{
		const uint8_t *stop = memchr(data + at, '\n', bytes - at);
		size_t		length = stop == NULL ? bytes - at : (size_t) (stop - data) - at;

		lines[count] = (const char *) data + at;
		lengths[count++] = length;
		at += length + 1;
	}
	find(lines, lengths, count, false, &forwards);
	find(lines, lengths, count, true, &backwards);
	MUST(forwards.count == backwards.count);
	for (size_t i = 0; i < forwards.count; i++)
	{
		const UcKeyword *one = &forwards.keywords[i];
		const UcKeyword *other = &backwards.keywords[i];

		MUST(one->segment < SEGMENTS && one->rank >= 1 && one->support >= 1 && one->support <= (size_t) count && one->weight > 0);
		MUST(one->bytes > 0 && one->start + one->bytes <= forwards.text_bytes);
		MUST(one->segment == other->segment && one->rank == other->rank && one->support == other->support &&
			 one->weight == other->weight && one->bytes == other->bytes &&
			 memcmp(forwards.text + one->start, backwards.text + other->start, one->bytes) == 0);
	}
	uc_keywords_free(&forwards);
	uc_keywords_free(&backwards);
	return 0;
}
