/*
 * weights.c
 *	  The working copy: each tensor of the file as floats, and a model whose pointers lead there.
 */
#include "train/weights.h"

#include <string.h>

#include "base/memory.h"

#define ROWS 1024				/* between two looks whether to go on */

static const UcTensorEntry *
tensor_table(const UcModel *base, size_t *count)
{
	const UcModelHeader *header = (const UcModelHeader *) base->map;

	*count = header->tensors.bytes / sizeof(UcTensorEntry);
	return (const UcTensorEntry *) (base->map + header->tensors.offset);
}

static size_t
total_floats(const UcModel *base)
{
	size_t		count,
				total = 0;
	const UcTensorEntry *table = tensor_table(base, &count);

	for (size_t i = 0; i < count; i++)
		total = uc_size_add(total, uc_size_mul(table[i].rows, table[i].columns));
	return total;
}

size_t
uc_weights_memory(const UcModel *base)
{
	return uc_size_mul(total_floats(base), sizeof(float));
}

static UcStatus
copy_tensor(const UcModel *base, const UcTensorEntry *entry, const UcRun *run, float *values, UcError *err)
{
	UcModel		source = {.config.hidden = (uint32_t) entry->columns,.word = base->map + entry->data.offset,
	.word_type = (UcTensorType) entry->type};

	for (uint64_t row = 0; row < entry->rows; row++)
	{
		if (run != NULL && row % ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		uc_model_word(&source, (uint32_t) row, values + row * entry->columns);
	}
	return UC_OK;
}

/* The place in the copy of what lies at `tensor` in the mapping; NULL stays NULL. */
static const float *
led_over(const UcWeights *w, const UcModel *base, const void *tensor)
{
	for (size_t i = 0; i < w->count && tensor != NULL; i++)
		if ((const char *) tensor == base->map + w->tensors[i].entry->data.offset)
			return w->values + w->tensors[i].offset;
	return NULL;
}

static void
lead_over(UcWeights *w, const UcModel *base)
{
	UcModel    *m = &w->model;
	const float **heads[] = {&m->position, &m->token_type, &m->norm_weight, &m->norm_bias, &m->dense_weight, &m->dense_bias};

	m->word = led_over(w, base, base->word);
	m->word_type = UC_TENSOR_F32;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		*heads[i] = led_over(w, base, *heads[i]);
	for (uint32_t i = 0; i < base->config.layers; i++)
	{
		/* a layer is nothing but pointers to tensors */
		const float **from = (const float **) &base->layers[i],
				  **to = (const float **) &m->layers[i];

		for (size_t j = 0; j < sizeof(UcLayer) / sizeof *from; j++)
			to[j] = led_over(w, base, from[j]);
	}
}

UcStatus
uc_weights_create(const UcModel *base, const UcRun *run, UcWeights **out, UcError *err)
{
	UcWeights  *w;
	const UcTensorEntry *table;
	size_t		offset = 0;

	*out = NULL;
	if (base->config.architecture != UC_ARCHITECTURE_BERT)
		return uc_error(err, UC_UNSUPPORTED, "only models of the BERT family can be trained");
	w = uc_alloc_zeroed(sizeof *w);
	if (w == NULL)
		return uc_out_of_memory(err, sizeof *w);
	w->model = *base;
	w->total = total_floats(base);
	table = tensor_table(base, &w->count);
	w->values = uc_alloc(uc_weights_memory(base));
	w->tensors = uc_alloc(uc_size_mul(w->count, sizeof *w->tensors));
	w->model.layers = uc_alloc_zeroed(uc_size_mul(base->config.layers, sizeof(UcLayer)));
	if (w->values == NULL || w->tensors == NULL || w->model.layers == NULL)
	{
		uc_weights_free(w);
		return uc_out_of_memory(err, uc_weights_memory(base));
	}
	for (size_t i = 0; i < w->count; i++)
	{
		w->tensors[i] = (UcWeight) {&table[i], offset, (size_t) (table[i].rows * table[i].columns)};
		if (copy_tensor(base, &table[i], run, w->values + offset, err) != UC_OK)
		{
			uc_weights_free(w);
			return UC_INTERRUPTED;
		}
		offset += w->tensors[i].count;
	}
	lead_over(w, base);
	*out = w;
	return UC_OK;
}

void
uc_weights_free(UcWeights *w)
{
	if (w == NULL)
		return;
	uc_free(w->values);
	uc_free(w->tensors);
	uc_free(w->model.layers);
	uc_free(w);
}

size_t
uc_weights_trained(const UcWeights *w, size_t layers)
{
	const UcModel *m = &w->model;

	return layers >= m->config.layers ? 0 : uc_weight_offset(w, m->layers[m->config.layers - layers].qkv_weight);
}
