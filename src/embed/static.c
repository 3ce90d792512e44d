/*
 * static.c
 *	  Sums of word vectors.
 */
#include "embed/static.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

struct UcStaticSum
{
	const UcModel *model;
	uint32_t   *ids;			/* [capacity] of one text, rising */
	float	   *row;			/* [hidden] */
	double	   *sum;			/* [hidden] */
};

size_t
uc_static_memory(const UcModel *model)
{
	size_t		ids = uc_size_mul(uc_encoder_capacity(model), sizeof(uint32_t));

	return uc_size_add(ids, uc_size_mul(model->config.hidden, sizeof(float) + sizeof(double)));
}

UcStatus
uc_static_create(const UcModel *model, UcStaticSum **out, UcError *err)
{
	UcStaticSum *made = uc_alloc_zeroed(sizeof *made);

	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	made->model = model;
	made->ids = uc_alloc(uc_size_mul(uc_encoder_capacity(model), sizeof *made->ids));
	made->row = uc_alloc(model->config.hidden * sizeof *made->row);
	made->sum = uc_alloc(model->config.hidden * sizeof *made->sum);
	if (made->ids == NULL || made->row == NULL || made->sum == NULL)
	{
		uc_static_free(made);
		return uc_out_of_memory(err, uc_static_memory(model));
	}
	*out = made;
	return UC_OK;
}

void
uc_static_free(UcStaticSum *made)
{
	if (made == NULL)
		return;
	uc_free(made->ids);
	uc_free(made->row);
	uc_free(made->sum);
	uc_free(made);
}

static int
compare_ids(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a,
				y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

static UcStatus
sum_text(UcStaticSum *made, size_t count, float *out, UcError *err)
{
	const UcModel *model = made->model;
	size_t		dim = model->config.hidden;
	double		square = 0,
				length = 0;

	qsort(made->ids, count, sizeof *made->ids, compare_ids);
	memset(made->sum, 0, dim * sizeof *made->sum);
	for (size_t i = 0; i < count;)
	{
		uint32_t	id = made->ids[i];
		double		weight = 0;

		for (; i < count && made->ids[i] == id; i++)
			weight += model->weights[id];
		uc_model_word(model, id, made->row);
		uc_kernels()->accumulate(made->sum, made->row, weight, dim);
		square += weight * weight;
	}
	square = square > 0 ? 1 / sqrt(square) : 0;
	for (size_t j = 0; j < dim; j++)
	{
		made->sum[j] = model->mean[j] + square * made->sum[j];
		length += made->sum[j] * made->sum[j];
	}
	if (!(length > 0 && isfinite(length)))
		return uc_error(err, UC_INVALID_DATA, "the model gives a vector without length or with values that are not finite");
	length = 1 / sqrt(length);
	for (size_t j = 0; j < dim; j++)
		out[j] = (float) (length * made->sum[j]);
	return UC_OK;
}

UcStatus
uc_static_run(UcStaticSum *made, const UcBatch *batch, float *out, UcError *err)
{
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < batch->texts && status == UC_OK; i++)
	{
		size_t		count = batch->starts[i + 1] - batch->starts[i];

		memcpy(made->ids, batch->ids + batch->starts[i], count * sizeof *made->ids);
		status = sum_text(made, count, out + i * made->model->config.dimensions, err);
	}
	return status;
}
