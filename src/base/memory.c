/*
 * memory.c
 *	  Aligned allocation, and the refusal of work that would not fit.
 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void *
uc_alloc(size_t bytes)
{
	bytes = uc_size_align(bytes == 0 ? 1 : bytes);
	return bytes == SIZE_MAX ? NULL : aligned_alloc(UC_ALIGNMENT, bytes);
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
