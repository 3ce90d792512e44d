/*
 * memory.c
 *	  Aligned allocation, and the refusal of work that would not fit.
 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t) 2 << 20)

void *
uc_alloc(size_t bytes)
{
	bytes = uc_size_align(bytes == 0 ? 1 : bytes);
	return bytes == SIZE_MAX ? NULL : aligned_alloc(UC_ALIGNMENT, bytes);
}

/* Whole pages, so that none of them is shared with what is allocated beside them. */
void *
uc_alloc_scattered(size_t bytes)
{
	size_t		rounded = uc_size_add(bytes, LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	void	   *memory;

	if (bytes < 4 * LARGE_PAGE || rounded < bytes)
		return uc_alloc(bytes);
	memory = aligned_alloc(LARGE_PAGE, rounded);
#ifdef MADV_HUGEPAGE
	if (memory != NULL)
		(void) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
	return memory;
}

void *
uc_alloc_zeroed(size_t bytes)
{
	void	   *memory = uc_alloc(bytes);

	if (memory != NULL)
		memset(memory, 0, bytes);
	return memory;
}

void
uc_free(void *memory)
{
	free(memory);
}

UcStatus
uc_check_budget(const char *what, size_t needed, size_t budget, UcError *err)
{
	const size_t megabyte = 1024 * 1024;

	if (needed <= budget)
		return UC_OK;
	uc_error(err, UC_MEMORY_LIMIT, "%s needs more memory than allowed", what);
	if (needed == SIZE_MAX)
	{
		uc_error_detail(err, "The size cannot be represented; %zu MB are allowed.", budget / megabyte);
		return UC_MEMORY_LIMIT;
	}
	uc_error_detail(err, "It needs %zu MB, and %zu MB are allowed.", needed / megabyte + 1, budget / megabyte);
	uc_error_hint(err, "Run SET usercluster.max_memory = '%zuMB', or give it fewer rows.", needed / megabyte + 1);
	return UC_MEMORY_LIMIT;
}
