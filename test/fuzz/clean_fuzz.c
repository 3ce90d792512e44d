/*
 * Any bytes as a text to clean; the first say with which switches. What comes out is UTF-8, and the same when cleaned again.
 */
#include "fuzz.h"

#include "base/memory.h"
#include "text/clean.h"
#include "text/unicode.h"

static const char *const choices[] = {"keep", "drop", "text", "name", "fold", "lower", "nfc", "nfkc", "zero", "simplified", "traditional", "collapse"};

enum
{
	COUNT = sizeof choices / sizeof *choices, NO_LANGUAGE = 2
};

/* One byte for each switch, and one for repeats; a choice that a switch does not take leaves that of the purpose. */
static UcCleanOptions
read_options(const uint8_t *data)
{
	UcCleanOptions options;
	UcError		err = {0};

	MUST(uc_clean_purpose(data[UC_CLEAN_SWITCHES] & 128 ? "keywords" : "embedding", &options, &err) == UC_OK);
	for (int i = 0; i < UC_CLEAN_SWITCHES; i++)
		uc_clean_set(&options, i, choices[data[i] % COUNT], &err);
	MUST(uc_clean_set_repeats(&options, data[UC_CLEAN_SWITCHES] % 5, &err) == UC_OK);
	return options;
}

static UcStatus
clean(const UcCleanOptions *options, int language, const char *text, size_t bytes, char **out, size_t *out_bytes)
{
	static UcHan *hans[2];
	static UcStopSet *stop_sets[2];
	static UcWords *words;
	UcRun		run = {.threads = 1,.max_memory = (size_t) 64 << 20};
	UcError		err = {0};
	UcCleanTools tools = {0};

	if (words == NULL)
		MUST(uc_han_open(false, &hans[0], &err) == UC_OK && uc_han_open(true, &hans[1], &err) == UC_OK &&
			 uc_stop_set_open("zh", &stop_sets[0], &err) == UC_OK && uc_stop_set_open("en", &stop_sets[1], &err) == UC_OK &&
			 uc_words_open(&words, &err) == UC_OK);
	tools.han = hans[options->choice[UC_CLEAN_CHINESE] == UC_CLEAN_SIMPLIFIED];
	tools.words = words;
	tools.stop_words = language < NO_LANGUAGE ? stop_sets[language] : NULL;
	return uc_clean_text(options, &tools, text, bytes, &run, out, out_bytes, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	UcCleanOptions options;
	const char *text = (const char *) data + UC_CLEAN_SWITCHES + 1;
	char	   *once,
			   *twice;
	size_t		once_bytes,
				twice_bytes;
	UcChars		chars = {0};
	UcError		err = {0};
	UcStatus	status;
	int			language;

	if (bytes < UC_CLEAN_SWITCHES + 1)
		return 0;
	options = read_options(data);
	bytes -= UC_CLEAN_SWITCHES + 1;
	language = data[UC_CLEAN_SWITCHES] >> 5 & 3;
	status = clean(&options, language, text, bytes, &once, &once_bytes);
	if (uc_chars_decode(&chars, text, 0, bytes, &err) != UC_OK)
	{
		MUST(status == UC_INVALID_DATA);
		uc_chars_free(&chars);
		return 0;
	}
	chars.count = 0;
	MUST(status == UC_OK);
	MUST(once[once_bytes] == '\0');
	MUST(uc_chars_decode(&chars, once, 0, once_bytes, &err) == UC_OK);
	uc_chars_free(&chars);

	/*
	 * What was escaped is markup now, ICU's rules for Chinese go back and forth at times, its dictionaries part anew what
	 * stop words leave, and "www." can become "ww.".
	 */
	if (options.repeats == 1 || options.repeats == 2)
	{
		uc_free(once);
		return 0;
	}
	options.choice[UC_CLEAN_MARKUP] = UC_CLEAN_KEEP;
	options.choice[UC_CLEAN_CHINESE] = UC_CLEAN_KEEP;
	MUST(clean(&options, NO_LANGUAGE, once, once_bytes, &twice, &twice_bytes) == UC_OK);
	if (twice_bytes != once_bytes || memcmp(once, twice, once_bytes) != 0)
		fprintf(stderr, "once  \"%.*s\"\ntwice \"%.*s\"\n", (int) once_bytes, once, (int) twice_bytes, twice);
	MUST(twice_bytes == once_bytes && memcmp(once, twice, once_bytes) == 0);
	uc_free(once);
	uc_free(twice);
	return 0;
}
