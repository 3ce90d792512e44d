/*
 * fuzz.h
 *	  What the fuzzers share. Each gives LLVMFuzzerTestOneInput; libFuzzer or replay.c has the main.
 */
#ifndef UC_TEST_FUZZ_H
#define UC_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/embed.h"
#include "model/model.h"
#include "token/tokenizer.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A promise of the code under test: the sanitizer or the replay shows where it was broken. */
#define MUST(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static inline void
fuzz_write(const char *path, const uint8_t *data, size_t bytes)
{
	FILE	   *file = fopen(path, "wb");

	MUST(file != NULL && fwrite(data, 1, bytes, file) == bytes);
	fclose(file);
	chmod(path, 0644);
}

/* Tokens lie inside the text, ids below the vocabulary; only text that is not UTF-8 is refused. */
static inline void
fuzz_tokenize(const UcTokenizer *tokenizer, uint32_t vocabulary, const char *text, size_t bytes)
{
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcTokens	tokens = {0};
	UcError		err = {0};
	UcStatus	status = uc_tokenize(tokenizer, text, bytes, &run, &tokens, &err);

	MUST(status == UC_OK || status == UC_INVALID_DATA);
	for (size_t i = 0; status == UC_OK && i < tokens.count; i++)
	{
		UcToken		token = tokens.tokens[i];
		size_t		shown;

		MUST(token.id < vocabulary && token.start <= token.stop && token.stop <= bytes);
		uc_token_piece(tokenizer, token.id, &shown);
	}
	uc_tokens_free(&tokens);
}

/* Opens a compiled model as the server does, tokenizes and, where it is small, embeds. */
static inline void
fuzz_open_model(const char *path)
{
	static const char *const texts[] = {"The cat sat, one two.", "\xE6\x88\x91 [MASK] \xC3\xA9 e\xCC\x81 <x>", ""};
	UcModel    *model = NULL;
	UcTokenizer *tokenizer = NULL;
	UcRun		run = {.threads = 1,.max_memory = (size_t) 64 << 20};
	UcEmbedOptions options = {0};
	UcError		err = {0};

	if (uc_model_open_path(path, &model, &err) != UC_OK)
		return;
	if (uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) == UC_OK)
	{
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		{
			UcText		text = {texts[i], strlen(texts[i])};
			float	   *out = malloc(sizeof(float) * (model->config.dimensions + 1));

			fuzz_tokenize(tokenizer, model->config.vocabulary, text.text, text.bytes);
			options.prompt = uc_model_prompt(model);
			uc_embed(model, tokenizer, &text, 1, &options, &run, out, &err);
			free(out);
		}
		uc_tokenizer_close(tokenizer);
	}
	uc_model_close(model);
}

#endif
