/*
 * random.c
 *	  xoshiro256** and its seeding.
 */
#include "base/random.h"

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t	z = (*x += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint64_t
rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

void
uc_random_seed(UcRandom *random, uint64_t seed, uint64_t stream)
{
	uint64_t	mixed_stream = stream;
	uint64_t	x = seed ^ splitmix(&mixed_stream);

	for (int i = 0; i < 4; i++)
		random->state[i] = splitmix(&x);
}

uint64_t
uc_random_next(UcRandom *random)
{
	uint64_t   *s = random->state;
	uint64_t	result = rotate(s[1] * 5, 7) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

double
uc_random_unit(UcRandom *random)
{
	return (double) (uc_random_next(random) >> 11) * 0x1.0p-53;
}

uint64_t
uc_random_below(UcRandom *random, uint64_t bound)
{
	uint64_t	reject_below = -bound % bound;	/* 2^64 mod bound: the values that would make some results likelier */
	uint64_t	x;

	do
		x = uc_random_next(random);
	while (x < reject_below);
	return x % bound;
}
