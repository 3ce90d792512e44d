/*
 * scores.c
 *	  One copy of the loops per instruction set, chosen as base/simd.h chooses.
 */
#include "cluster/scores.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"

#pragma GCC diagnostic ignored "-Wpsabi"	/* wide vectors stay inside this file */

#define LANES 16
#define SELECT16(mask, yes, no) ((Float16) (((mask) & (Int16) (yes)) | (~(mask) & (Int16) (no))))

typedef float Float16 __attribute__((vector_size(64)));
typedef int32_t Int16 __attribute__((vector_size(64)));
typedef float Float8 __attribute__((vector_size(32)));
typedef double Double8 __attribute__((vector_size(64)));

#define LANE_NUMBERS ((Int16) {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})

#define UC_SET(name) name##_plain
#include "cluster/scores.inc"
#undef UC_SET

static const UcScoreKernels plain_set = {distances_plain, smallest_two_plain, lower_bounds_plain, offer_plain};

/* clang has no such pragma and keeps to the plain set */
#if defined(__x86_64__) && !defined(__clang__)
#define HAVE_WIDER_SETS

#pragma GCC push_options
#pragma GCC target("avx2")
#define UC_SET(name) name##_avx2
#include "cluster/scores.inc"
#undef UC_SET
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define UC_SET(name) name##_avx512
#include "cluster/scores.inc"
#undef UC_SET
#pragma GCC pop_options

static const UcScoreKernels avx2_set = {distances_avx2, smallest_two_avx2, lower_bounds_avx2, offer_avx2};
static const UcScoreKernels avx512_set = {distances_avx512, smallest_two_avx512, lower_bounds_avx512, offer_avx512};
#endif

const UcScoreKernels *
uc_score_kernels(void)
{
#ifdef HAVE_WIDER_SETS
	const char *name = uc_kernels()->name;

	if (strcmp(name, "avx512") == 0)
		return &avx512_set;
	if (strcmp(name, "avx2") == 0)
		return &avx2_set;
#endif
	return &plain_set;
}
