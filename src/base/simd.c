/*
 * simd.c
 *	  Choosing the kernel set.
 */
#include "base/simd.h"

#include <stdatomic.h>

extern const UcKernels uc_kernels_plain;

#if defined(__x86_64__)
extern const UcKernels uc_kernels_avx2;
extern const UcKernels uc_kernels_avx512;
#endif

/* Set once; two threads that race here store the same value. */
static _Atomic(const UcKernels *) chosen;

static const UcKernels *
best(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return &uc_kernels_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &uc_kernels_avx2;
#endif
	return &uc_kernels_plain;
}

const UcKernels *
uc_kernels(void)
{
	const UcKernels *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (kernels == NULL)
	{
		kernels = best();
		atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
	}
	return kernels;
}

void
uc_kernels_force_plain(bool plain)
{
	atomic_store(&chosen, plain ? &uc_kernels_plain : best());
}
