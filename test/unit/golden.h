/*
 * golden.h
 *	  Models and expected vectors for the tests that compare with the reference implementation.
 */
#ifndef UC_TEST_GOLDEN_H
#define UC_TEST_GOLDEN_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "embed/embed.h"
#include "model/import.h"
#include "model/model.h"
#include "token/tokenizer.h"

typedef struct LoadedModel
{
	UcModel    *model;
	UcTokenizer *tokenizer;
	char		path[256];		/* of the compiled file, removed at the end */
} LoadedModel;

/* Compiles a model directory into a temporary file and opens it. False with the reason printed where that fails. */
static inline bool
load_model(const char *directory, LoadedModel *loaded)
{
	UcImportOptions options = {0};
	UcError		err = {0};

	snprintf(loaded->path, sizeof loaded->path, "/tmp/usercluster-test-%d.ucm", (int) getpid());
	if (uc_import(directory, loaded->path, &options, &err) == UC_OK &&
		uc_model_open_path(loaded->path, &loaded->model, &err) == UC_OK &&
		uc_tokenizer_open(loaded->model->tokenizer, loaded->model->tokenizer_bytes, loaded->model->config.vocabulary,
						  &loaded->tokenizer, &err) == UC_OK)
		return true;
	printf("# %s: %s %s\n", directory, err.message, err.detail);
	return false;
}

static inline void
unload_model(LoadedModel *loaded)
{
	uc_tokenizer_close(loaded->tokenizer);
	uc_model_close(loaded->model);
	unlink(loaded->path);
}

typedef struct Difference
{
	double		cosine;			/* smallest */
	double		component;		/* largest absolute */
} Difference;

static inline void
compare_vectors(const float *vector, const double *expected, size_t n, Difference *worst)
{
	double		dot = 0, vv = 0, ee = 0;

	for (size_t i = 0; i < n; i++)
	{
		dot += vector[i] * expected[i];
		vv += (double) vector[i] * vector[i];
		ee += expected[i] * expected[i];
		worst->component = fmax(worst->component, fabs(vector[i] - expected[i]));
	}
	worst->cosine = fmin(worst->cosine, dot / sqrt(vv * ee));
}

#endif
