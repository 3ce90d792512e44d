/*
 * memory.h
 *	  Checked size arithmetic and aligned allocation.
 *
 * Sizes that overflow become SIZE_MAX, which no allocator grants and every budget refuses, so that an expression such as
 * uc_size_mul(rows, uc_size_mul(dim, sizeof(float))) needs one check at its end.
 */
#ifndef UC_BASE_MEMORY_H
#define UC_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UC_ALIGNMENT 64			/* bytes: one cache line, one AVX-512 register */

static inline size_t
uc_size_mul(size_t a, size_t b)
{
	size_t		product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

static inline size_t
uc_size_add(size_t a, size_t b)
{
	size_t		sum;

	return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

/* Smallest multiple of UC_ALIGNMENT that holds `bytes`. */
static inline size_t
uc_size_align(size_t bytes)
{
	return bytes > SIZE_MAX - (UC_ALIGNMENT - 1) ? SIZE_MAX : (bytes + UC_ALIGNMENT - 1) & ~(size_t) (UC_ALIGNMENT - 1);
}

/* Memory aligned to UC_ALIGNMENT, uninitialised or zeroed; NULL where refused. Ended by uc_free, which takes NULL. */
extern void *uc_alloc(size_t bytes);
extern void *uc_alloc_zeroed(size_t bytes);
extern void uc_free(void *memory);

/*
 * Refuses with UC_MEMORY_LIMIT when `needed` bytes exceed `budget`. `what` names the work ("k-means over 1000 rows of 384
 * dimensions") and becomes the subject of the message; the hint gives the SET that would allow it.
 */
extern UcStatus uc_check_budget(const char *what, size_t needed, size_t budget, UcError *err);

#endif
