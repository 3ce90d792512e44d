/*
 * random.h
 *	  The generator behind every seeded result: xoshiro256** seeded through splitmix64 (Blackman and Vigna,
 *	  https://prng.di.unimi.it/). The same seed gives the same sequence on every platform, for ever: stored seeds rely on it.
 */
#ifndef UC_BASE_RANDOM_H
#define UC_BASE_RANDOM_H

#include <stdint.h>

typedef struct UcRandom
{
	uint64_t	state[4];
} UcRandom;

/* `stream` separates independent sequences of one seed, such as the restarts of a fit. */
extern void uc_random_seed(UcRandom *random, uint64_t seed, uint64_t stream);
extern uint64_t uc_random_next(UcRandom *random);
extern double uc_random_unit(UcRandom *random); /* uniform in [0, 1), 53 bits */
extern uint64_t uc_random_below(UcRandom *random, uint64_t bound);	/* uniform in [0, bound), unbiased; bound > 0 */

#endif
