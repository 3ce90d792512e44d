/*
 * parameters.c
 *	  The list of arrays that a training moves.
 */
#include "train/parameters.h"

#include <string.h>

#include "base/memory.h"

UcStatus
uc_parameters_add(UcParameters *p, float *values, size_t count, bool decays, float pace, UcError *err)
{
	if (p->count == p->room)
	{
		size_t		room = 2 * p->room + 64,
					bytes = uc_size_mul(room, sizeof *p->parts);
		UcPart	   *larger = uc_alloc(bytes);

		if (larger == NULL)
			return uc_out_of_memory(err, bytes);
		if (p->count > 0)
			memcpy(larger, p->parts, p->count * sizeof *larger);
		uc_free(p->parts);
		p->parts = larger;
		p->room = room;
	}
	p->parts[p->count++] = (UcPart) {values, count, p->total, decays, pace};
	p->total += count;
	return UC_OK;
}

void
uc_parameters_free(UcParameters *p)
{
	uc_free(p->parts);
}

/* Matrices decay; biases and norms are vectors. The type embeddings, a row, count as a matrix. */
static bool
decays(const UcWeight *w)
{
	return w->entry->rank == 2 || strncmp(w->entry->name, "embeddings.token_type", sizeof w->entry->name) == 0;
}

UcStatus
uc_parameters_add_weights(UcParameters *p, UcWeights *weights, size_t layers, UcError *err)
{
	size_t		trained = uc_weights_trained(weights, layers);
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < weights->count && status == UC_OK; i++)
	{
		const UcWeight *w = &weights->tensors[i];

		if (w->offset >= trained)
			status = uc_parameters_add(p, weights->values + w->offset, w->count, decays(w), 1, err);
	}
	return status;
}

void
uc_parameters_save(const UcParameters *p, float *copy)
{
	for (size_t i = 0; i < p->count; i++)
		memcpy(copy + p->parts[i].offset, p->parts[i].values, p->parts[i].count * sizeof *copy);
}

void
uc_parameters_load(const UcParameters *p, const float *copy)
{
	for (size_t i = 0; i < p->count; i++)
		memcpy(p->parts[i].values, copy + p->parts[i].offset, p->parts[i].count * sizeof *copy);
}
