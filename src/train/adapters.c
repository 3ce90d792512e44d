/*
 * adapters.c
 *	  A and B of each adapted weight, their sum with what the weight was, and their gradients.
 */
#include "train/adapters.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/random.h"

#define STREAM 3				/* of the seed */

static uint32_t
layers_of(const UcWeights *w, size_t layers)
{
	return layers < w->model.config.layers ? (uint32_t) layers : w->model.config.layers;
}

/* The shapes of a layer's weights, in UcLayer's order. */
static void
shapes(const UcModelConfig *c, size_t out[UC_ADAPTED], size_t in[UC_ADAPTED])
{
	size_t		h = c->hidden,
				wide = c->intermediate;

	memcpy(out, (size_t[]) {3 * h, h, wide, h}, UC_ADAPTED * sizeof *out);
	memcpy(in, (size_t[]) {h, h, h, wide}, UC_ADAPTED * sizeof *in);
}

size_t
uc_adapters_floats(const UcWeights *w, size_t layers, size_t rank)
{
	size_t		out[UC_ADAPTED],
				in[UC_ADAPTED],
				floats = 0;

	shapes(&w->model.config, out, in);
	for (int i = 0; i < UC_ADAPTED; i++)
		floats += uc_size_mul(rank, out[i] + in[i]);
	return uc_size_mul(floats, layers_of(w, layers));
}

size_t
uc_adapters_memory(const UcWeights *w, size_t layers, size_t rank)
{
	size_t		out[UC_ADAPTED],
				in[UC_ADAPTED],
				floats = 0;

	shapes(&w->model.config, out, in);
	for (int i = 0; i < UC_ADAPTED; i++)
		floats = uc_size_add(floats, uc_size_mul(out[i], in[i]));
	floats = uc_size_add(uc_size_mul(floats, layers_of(w, layers)), uc_adapters_floats(w, layers, rank));
	return uc_size_mul(floats, sizeof(float));
}

/* Uniform with the deviation 1 / sqrt(3 · in) for A; B stays 0. */
static void
begin(UcAdapters *adapters, const UcAdapter *adapter, UcRandom *random)
{
	double		reach = 1 / sqrt((double) adapter->in);

	for (size_t i = 0; i < adapters->rank * adapter->in; i++)
		adapters->values[adapter->a + i] = (float) ((2 * uc_random_unit(random) - 1) * reach);
}

UcStatus
uc_adapters_create(UcWeights *w, size_t layers, size_t rank, uint64_t seed, UcAdapters **out, UcError *err)
{
	UcAdapters *made = uc_alloc_zeroed(sizeof *made);
	size_t		outs[UC_ADAPTED],
				ins[UC_ADAPTED],
				used = 0;
	UcRandom	random;
	bool		room;

	*out = NULL;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	made->rank = rank;
	made->lowest = w->model.config.layers - layers_of(w, layers);
	made->total = uc_adapters_floats(w, layers, rank);
	made->count = UC_ADAPTED * (size_t) layers_of(w, layers);
	made->adapters = uc_alloc_zeroed(uc_size_mul(made->count, sizeof *made->adapters));
	made->values = uc_alloc_zeroed(uc_size_mul(made->total, sizeof(float)));
	room = made->adapters != NULL && made->values != NULL;
	shapes(&w->model.config, outs, ins);
	uc_random_seed(&random, seed, STREAM);
	for (size_t i = 0; i < made->count && room; i++)
	{
		const UcLayer *layer = &w->model.layers[made->lowest + i / UC_ADAPTED];
		const float *weights[UC_ADAPTED] = {layer->qkv_weight, layer->attention_weight, layer->up_weight, layer->down_weight};
		UcAdapter  *adapter = &made->adapters[i];
		size_t		floats;

		adapter->weight = w->values + uc_weight_offset(w, weights[i % UC_ADAPTED]);
		adapter->out = outs[i % UC_ADAPTED];
		adapter->in = ins[i % UC_ADAPTED];
		adapter->a = used;
		adapter->b = used + rank * adapter->in;
		used = adapter->b + rank * adapter->out;
		begin(made, adapter, &random);
		floats = uc_size_mul(adapter->out, adapter->in);
		adapter->base = uc_alloc(uc_size_mul(floats, sizeof(float)));
		room = adapter->base != NULL;
		if (room)
			memcpy(adapter->base, adapter->weight, floats * sizeof(float));
	}
	if (!room)
	{
		uc_adapters_free(made);
		return uc_out_of_memory(err, uc_adapters_memory(w, layers, rank));
	}
	*out = made;
	return UC_OK;
}

void
uc_adapters_free(UcAdapters *adapters)
{
	if (adapters == NULL)
		return;
	for (size_t i = 0; i < adapters->count && adapters->adapters != NULL; i++)
		uc_free(adapters->adapters[i].base);
	uc_free(adapters->adapters);
	uc_free(adapters->values);
	uc_free(adapters);
}

UcStatus
uc_parameters_add_adapters(UcParameters *parameters, UcAdapters *adapters, UcError *err)
{
	return uc_parameters_add(parameters, adapters->values, adapters->total, true, 1, err);
}

static UcStatus
merge_one(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const UcAdapters *adapters = arg;
	const UcAdapter *a = &adapters->adapters[task];

	memcpy(a->weight, a->base, a->out * a->in * sizeof(float));
	uc_sgemm_nn(a->out, a->in, adapters->rank, UC_ADAPTER_SCALE, adapters->values + a->b, adapters->rank,
				adapters->values + a->a, a->in, 1.0f, a->weight, a->in);
	return uc_section_stopped(section, worker) ? uc_interrupt_error(err) : UC_OK;
}

UcStatus
uc_adapters_merge(const UcAdapters *adapters, const UcRun *run, UcError *err)
{
	return uc_parallel(run, adapters->count, merge_one, (void *) adapters, err);
}

void
uc_adapter_gradient(const UcAdapters *adapters, const UcAdapter *a, const float *d_out, const float *x, size_t rows,
					float *scratch, float *gradient)
{
	size_t		rank = adapters->rank;

	/* dB += scale · d_out ᵀ · (x · Aᵀ) */
	uc_sgemm_nt(rows, rank, a->in, 1.0f, x, a->in, adapters->values + a->a, a->in, 0.0f, scratch, rank);
	uc_sgemm_tn(a->out, rank, rows, UC_ADAPTER_SCALE, d_out, a->out, scratch, rank, 1.0f, gradient + a->b, rank);
	/* dA += scale · (d_out · B)ᵀ · x */
	uc_sgemm_nn(rows, rank, a->out, 1.0f, d_out, a->out, adapters->values + a->b, rank, 0.0f, scratch, rank);
	uc_sgemm_tn(rank, a->in, rows, UC_ADAPTER_SCALE, scratch, rank, x, a->in, 1.0f, gradient + a->a, a->in);
}
