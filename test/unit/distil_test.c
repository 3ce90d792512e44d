/*
 * Words become a static model that opens, embeds and verifies; what is damaged is refused, what exists is not replaced.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "base/memory.h"
#include "check.h"
#include "embed/distil_ridge.h"
#include "embed/embed.h"
#include "model/format.h"
#include "model/import.h"
#include "model/model.h"
#include "model/static_model.h"
#include "model/writer.h"

static char path[64];

static UcStatus
write_tiny(const UcRun *run, UcError *err)
{
	static const UcStaticWord words[] = {{"red", 3, 4}, {"apple", 5, 2}, {"\xE7\x94\xB5\xE5\xBD\xB1", 6, 1}, {"##\xE7\x94\xB5", 5, 0}};
	static const float vectors[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, -1},
			   weights[] = {0.5f, 1, 1, 1},
			   mean[] = {0, 0, 0};
	UcStaticContent content = {.metadata = "prompt\0",.metadata_bytes = 8,.words = 4,.dimensions = 3,.vectors = vectors,
	.weights = weights,.mean = mean,.run = run};
	char	   *section = NULL;
	UcStatus	status = uc_static_section(words, 4, &section, &content.section_bytes, err);

	content.section = section;
	if (status == UC_OK)
		status = uc_static_write(path, &content, err);
	uc_free(section);
	return status;
}

static UcStatus
embed(const UcModel *model, const UcTokenizer *tokenizer, const char *text, float out[3], UcError *err)
{
	UcText		input = {text, strlen(text)};
	UcEmbedOptions options = {.prompt = ""};
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};

	return uc_embed(model, tokenizer, &input, 1, &options, &run, out, err);
}

static bool
near(const float *v, double a, double b, double c)
{
	return fabs(v[0] - a) < 1e-6 && fabs(v[1] - b) < 1e-6 && fabs(v[2] - c) < 1e-6;
}

static void
check_texts(void)
{
	UcModel    *model = NULL;
	UcTokenizer *tokenizer = NULL;
	float		v[3];
	UcError		err = {0};

	CHECK(uc_model_open_path(path, &model, &err) == UC_OK, "it opens: %s", err.message);
	CHECK(uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) == UC_OK,
		  "its words are found: %s", err.message);
	CHECK(embed(model, tokenizer, "Red!", v, &err) == UC_OK && near(v, 1, 0, 0), "a word in other case");
	CHECK(embed(model, tokenizer, "red red apple", v, &err) == UC_OK && near(v, sqrt(0.5), sqrt(0.5), 0), "counts times weights");
	CHECK(embed(model, tokenizer, "\xE7\x94\xB5\xE5\xBD\xB1", v, &err) == UC_OK && near(v, 0, 0, 1), "a Chinese word is whole");
	CHECK(embed(model, tokenizer, "\xE7\x94\xB5\xE8\xAF\x9D", v, &err) == UC_OK && near(v, 0, 0, -1), "an unknown word becomes pieces");
	CHECK(embed(model, tokenizer, "red \xE7\x94\xB5\xE8\xAF\x9D", v, &err) == UC_OK && near(v, 1 / sqrt(5), 0, -2 / sqrt(5)),
		  "beside words");
	CHECK(embed(model, tokenizer, "?!", v, &err) == UC_OK && uc_embedding_empty(v, 3), "a text without words has none");
	CHECK(embed(model, tokenizer, "xyz", v, &err) == UC_OK && uc_embedding_empty(v, 3), "nor one of unknown characters");
	CHECK(embed(model, tokenizer, "\xFF", v, &err) == UC_INVALID_DATA, "bytes that are not UTF-8 are refused");
	uc_tokenizer_close(tokenizer);
	uc_model_close(model);
}

static void
check_damage(void)
{
	char		content[4096];
	FILE	   *file = fopen(path, "rb");
	size_t		bytes = fread(content, 1, sizeof content, file),
				opened = 0;
	UcModelHeader *header = (UcModelHeader *) content;
	UcModelConfig *config = (UcModelConfig *) (content + header->config.offset);
	UcError		err = {0};

	fclose(file);
	for (size_t i = 0; i < bytes + 3; i++)
	{
		UcModel    *model = NULL;
		UcTokenizer *tokenizer = NULL;
		float		v[3];
		char		kept = i < bytes ? content[i] : 0;
		uint32_t	was = config->vocabulary;

		if (i < bytes)
			content[i] ^= 0x55;
		else
			config->vocabulary = i == bytes ? 0 : i == bytes + 1 ? 5 : UINT32_MAX;
		file = fopen(path, "wb");
		fwrite(content, 1, bytes, file);
		fclose(file);
		if (uc_model_open_path(path, &model, &err) == UC_OK)
		{
			if (uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) == UC_OK &&
				model->config.dimensions == 3)
				opened += embed(model, tokenizer, "red apple redx", v, &err) == UC_OK;
			uc_tokenizer_close(tokenizer);
			uc_model_close(model);
			if (i >= sizeof(UcModelHeader))
				opened += uc_verify(path, &err) == UC_OK ? 1000000 : 0;
		}
		if (i < bytes)
			content[i] = kept;
		else
		{
			config->vocabulary = was;
			CHECK(model == NULL, "a vocabulary that is not the tensors' is refused");
		}
	}
	CHECK(opened < 1000000, "what is damaged behind the header never verifies");
	unlink(path);
}

static bool
stop(void *arg)
{
	return true;
}

/* Vectors of three columns by the normal equations, solved exactly, against the fit. */
static void
check_ridge(void)
{
	static const size_t starts[] = {0, 2, 3, 3, 5};
	static const uint32_t ids[] = {0, 2, 1, 1, 2};
	static const float values[] = {1, 2, 3, -1, 0.5f};
	float		target[4 * 40],
				out[3 * 40];
	double		gram[3][3] = {{0}},
				worst = 0;
	UcRidge		ridge = {.rows = 4,.columns = 3,.starts = starts,.ids = ids,.values = values,.target = target,.dim = 40,
	.penalty = 0.5,.out = out,.phase = "fitting"};
	UcRun		run = {.threads = 2,.max_memory = SIZE_MAX};
	UcError		err = {0};

	for (int i = 0; i < 160; i++)
		target[i] = (float) (i % 7 - i % 3 + i % 40 / 10);
	CHECK(uc_ridge_fit(&ridge, &run, &err) == UC_OK, "it fits");
	for (int i = 0; i < 4; i++)
		for (size_t k = starts[i]; k < starts[i + 1]; k++)
			for (size_t l = starts[i]; l < starts[i + 1]; l++)
				gram[ids[k]][ids[l]] += values[k] * values[l];
	/* (AᵀA + λI)V = AᵀE says the same as the form with A·Aᵀ. */
	for (int j = 0; j < 40; j++)
	{
		double		right[3] = {0};

		for (int i = 0; i < 4; i++)
			for (size_t k = starts[i]; k < starts[i + 1]; k++)
				right[ids[k]] += (double) values[k] * target[i * 40 + j];
		for (int c = 0; c < 3; c++)
		{
			double		left = 0.5 * out[c * 40 + j];

			for (int d = 0; d < 3; d++)
				left += gram[c][d] * out[d * 40 + j];
			worst = fmax(worst, fabs(left - right[c]));
		}
	}
	CHECK(worst < 1e-3, "it solves the normal equations (%g)", worst);
	memset(target, 0, sizeof target);
	CHECK(uc_ridge_fit(&ridge, &run, &err) == UC_OK && uc_embedding_empty(out, 120), "nothing to fit gives nothing");
	run.interrupted = stop;
	CHECK(uc_ridge_fit(&ridge, &run, &err) == UC_INTERRUPTED, "an interrupt stops it");
}

int
main(void)
{
	UcError		err = {0};
	UcRun		stopped = {.threads = 1,.max_memory = SIZE_MAX,.interrupted = stop};
	struct rlimit old,
				small;

	snprintf(path, sizeof path, "/tmp/uc-distil-%d.ucm", (int) getpid());
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 600;
	setrlimit(RLIMIT_FSIZE, &small);
	CHECK_REFUSED(write_tiny(NULL, &err), UC_IO_ERROR, &err, "could not write", "a full disk");
	CHECK(access(path, F_OK) != 0, "leaves nothing");
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK_REFUSED(write_tiny(&stopped, &err), UC_INTERRUPTED, &err, "", "an interrupt");
	CHECK(access(path, F_OK) != 0, "leaves nothing either");
	CHECK(write_tiny(NULL, &err) == UC_OK, "it is written");
	CHECK(uc_verify(path, &err) == UC_OK, "it has its fingerprint, by the other implementation of the hash");
	CHECK_REFUSED(write_tiny(NULL, &err), UC_INVALID_ARGUMENT, &err, "exists already", "a file that exists is not replaced");
	CHECK(uc_verify(path, &err) == UC_OK, "and stays whole");
	check_texts();
	check_ridge();
	check_damage();
	return check_done();
}
