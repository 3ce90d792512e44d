/*
 * A static model whose vectors are kept in 4 bits: what is refused, and how near each number stays.
 */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "check.h"
#include "model/import.h"
#include "model/model.h"
#include "model/static_model.h"

#define WORDS 5
#define WIDTH 64

static char path[64];

static UcStatus
write_compact(const float *vectors, uint32_t dimensions, UcError *err)
{
	static const UcStaticWord words[WORDS] = {{"a", 1, 1}, {"b", 1, 1}, {"c", 1, 1}, {"d", 1, 1}, {"e", 1, 1}};
	static const float weights[WORDS] = {1, 1, 1, 1, 1},
			   mean[WIDTH] = {0};
	UcStaticContent content = {.metadata = "prompt\0",.metadata_bytes = 8,.words = WORDS,.dimensions = dimensions,
	.vectors = vectors,.compact = true,.weights = weights,.mean = mean};
	char	   *section = NULL;
	UcStatus	status = uc_static_section(words, WORDS, &section, &content.section_bytes, err);

	content.section = section;
	if (status == UC_OK)
		status = uc_static_write(path, &content, err);
	uc_free(section);
	return status;
}

/* The worst distance of a number in a block of 32, in steps of an eighth of the block's widest number. */
static double
worst(const float *wanted, const float *got)
{
	double		most = 0;

	for (int block = 0; block < WIDTH; block += 32)
	{
		double		widest = 0;

		for (int j = block; j < block + 32; j++)
			widest = fmax(widest, fabs(wanted[j]));
		for (int j = block; j < block + 32; j++)
			most = fmax(most, widest > 0 ? fabs(wanted[j] - got[j]) / (widest / 8) : fabs(got[j]) > 0 ? INFINITY : 0);
	}
	return most;
}

int
main(void)
{
	float		vectors[WORDS * WIDTH] = {0},
				row[WIDTH];
	double		error = 0,
				length = 0;
	UcRandom	random;
	UcModel    *model = NULL;
	UcError		err = {0};

	snprintf(path, sizeof path, "/tmp/uc-compact-%d.ucm", (int) getpid());
	uc_random_seed(&random, 1, 0);
	for (int i = 0; i < 2 * WIDTH; i++)
		vectors[i] = (float) uc_random_unit(&random) - 0.5f;
	vectors[2 * WIDTH + 40] = -3;	/* one number alone in its block, and row 3 without any */
	for (int i = 0; i < WIDTH; i++)
		vectors[4 * WIDTH + i] = ldexpf(1, -30);
	CHECK_REFUSED(write_compact(vectors, 33, &err), UC_INVALID_ARGUMENT, &err, "33 dimensions", "blocks of 32 must fill a vector");
	CHECK(access(path, F_OK) != 0, "nothing is written then");
	err = (UcError) {0};
	CHECK(write_compact(vectors, WIDTH, &err) == UC_OK && uc_verify(path, &err) == UC_OK, "written whole: %s", err.message);
	CHECK(uc_model_open_path(path, &model, &err) == UC_OK && model->word_type == UC_TENSOR_Q4_0, "opened: %s", err.message);
	for (uint32_t i = 0; i < WORDS - 1; i++)
	{
		uc_model_word(model, i, row);
		CHECK(worst(vectors + i * WIDTH, row) <= 1.2, "row %u: each number is near its own", i);
		for (int j = 0; i < 2 && j < WIDTH; j++)
		{
			error += pow(row[j] - vectors[i * WIDTH + j], 2);
			length += pow(vectors[i * WIDTH + j], 2);
		}
	}
	CHECK(error < 0.01 * length, "and the error is small beside the vector: %.4f", error / length);
	uc_model_word(model, 4, row);
	CHECK(row[0] == 0 && row[WIDTH - 1] == 0, "what a half cannot hold is zero");
	uc_model_close(model);
	unlink(path);
	return check_done();
}
