/*
 * embed_windows_test.c
 *	  Windows over texts of every kind: each fits, none is lost, none divides a character, and all come to an end.
 */
#include <string.h>

#include "base/random.h"
#include "check.h"
#include "embed/windows.h"
#include "golden.h"

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX};

static const char *const pieces[] = {
	"a", "film", " ", "  ", ". ", "\n", "电影", "。", "！", "é", "😀", "👨‍👩‍👧", "e\u0301", "\u0e01\u0e32\u0e23", "x.y", "1,000", "?", "\t", "unbreakable",
	"\u3000", "\u00a0", "supercalifragilistic", "Dr. ", "\u202e", "\ufdfa"
};

static size_t
random_text(UcRandom *random, char *text, size_t most)
{
	size_t		bytes = 0;
	size_t		kinds = 1 + uc_random_below(random, sizeof pieces / sizeof *pieces);

	for (size_t n = uc_random_below(random, 400); n > 0; n--)
	{
		const char *piece = pieces[uc_random_below(random, kinds)];

		if (bytes + strlen(piece) > most)
			break;
		memcpy(text + bytes, piece, strlen(piece));
		bytes += strlen(piece);
	}
	return bytes;
}

static bool
begins_character(const char *text, size_t bytes, size_t place)
{
	return place == bytes || (text[place] & 0xc0) != 0x80;
}

/* Bytes that are in no window are in no token either. */
static bool
covered(const LoadedModel *model, UcText text, const UcWindow *windows, size_t count)
{
	UcTokens	tokens = {0};
	UcError		err = {0};
	size_t		window = 0;
	bool		all = uc_tokenize(model->tokenizer, text.text, text.bytes, &run, &tokens, &err) == UC_OK;

	for (size_t i = tokens.prefix; all && i < tokens.count - tokens.suffix; i++)
	{
		while (window < count && windows[window].stop < tokens.tokens[i].stop)
			window++;
		all = window < count && windows[window].start <= tokens.tokens[i].start;
	}
	uc_tokens_free(&tokens);
	return all;
}

static void
check_texts(const LoadedModel *model, const char *name, size_t limit, const char *prompt)
{
	char		buffer[8192];
	UcRandom	random;
	UcWindower *windower;
	UcError		err = {0};
	int			right = 0,
				several = 0;

	uc_random_seed(&random, 11, limit);
	CHECK(uc_windower_open(model->tokenizer, limit, prompt, &run, &windower, &err) == UC_OK, "%s: %s", name, err.message);
	for (int n = 0; n < 400; n++)
	{
		UcText		text = {buffer, random_text(&random, buffer, sizeof buffer)};
		const UcWindow *windows;
		size_t		count,
					tokens;
		bool		fits = uc_windower_part(windower, text, &run, &windows, &count, &err) == UC_OK && count > 0;

		for (size_t i = 0; fits && i < count; i++)
		{
			UcText		part = {text.text + windows[i].start, windows[i].stop - windows[i].start};

			fits = windows[i].stop <= text.bytes && begins_character(text.text, text.bytes, windows[i].start) &&
				begins_character(text.text, text.bytes, windows[i].stop) &&
				(i == 0 || (windows[i].start > windows[i - 1].start && windows[i].stop > windows[i - 1].stop)) &&
				uc_count_tokens(model->tokenizer, part, prompt, &run, &tokens, &err) == UC_OK && tokens <= limit;
		}
		right += fits && covered(model, text, windows, count);
		several += count > 1;
	}
	CHECK(right == 400, "%s, limit %zu: %d of 400 texts", name, limit, right);
	CHECK(several > 100, "%s, limit %zu: %d texts needed several windows", name, limit, several);
	uc_windower_close(windower);
}

int
main(void)
{
	static const char *const names[] = {"gelu_mean", "silu_f16_prompt"};

	for (size_t i = 0; i < 2; i++)
	{
		LoadedModel model = {0};
		UcWindower *windower;
		UcError		err = {0};
		char		path[256];
		UcStatus	status;

		snprintf(path, sizeof path, "test/golden/tiny/%s", names[i]);
		CHECK(load_model(path, &model), "%s opens", names[i]);
		if (model.tokenizer == NULL)
			continue;
		status = uc_windower_open(model.tokenizer, 5, "a prompt that is too long for it", &run, &windower, &err);
		CHECK_REFUSED(status, UC_LIMIT_EXCEEDED, &err, "no room", "a prompt beyond the limit");
		check_texts(&model, names[i], 8, NULL);
		check_texts(&model, names[i], 16, "query: ");
		check_texts(&model, names[i], 40, "");
		unload_model(&model);
	}
	return check_done();
}
