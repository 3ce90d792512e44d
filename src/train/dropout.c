/*
 * dropout.c
 *	  Keys of rows; a row's bits come from the kernel, by hashing key and column.
 */
#include "train/dropout.h"

#include "base/simd.h"

/* The finalizer of splitmix64 (https://prng.di.unimi.it/). */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t
uc_dropout_key(uint64_t step, uint64_t place)
{
	return mix(step + (place + 1) * UINT64_C(0x9E3779B97F4A7C15));
}

void
uc_dropout_rows(const UcDropout *dropout, size_t text, size_t layer, UcDropoutPlace place, size_t position, float *rows,
				size_t count, size_t n)
{
	double		dropped = dropout->rate * 4294967296.0;
	uint32_t	threshold = dropped < UINT32_MAX ? (uint32_t) dropped : UINT32_MAX;
	float		scale = 1.0f / (1.0f - dropout->rate);

	for (size_t i = 0; i < count; i++)
	{
		uint64_t	where = (uint64_t) layer << 48 ^ (uint64_t) place << 32 ^ (uint64_t) (position + i);

		uc_kernels()->drop(rows + i * n, mix(dropout->keys[text] ^ mix(where + 1)), threshold, scale, n);
	}
}
