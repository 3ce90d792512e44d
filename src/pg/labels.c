/*
 * labels.c
 *	  A column of names as small numbers.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "pg/labels.h"

#define FIRST_CAPACITY 16

typedef struct LabelEntry
{
	const char *name;
	uint32		hash;
	char		status;
	int32		code;
} LabelEntry;

#define SH_PREFIX label
#define SH_ELEMENT_TYPE LabelEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

void
labels_begin(Labels *labels)
{
	memset(labels, 0, sizeof *labels);
	labels->context = CurrentMemoryContext;
	labels->index = label_create(CurrentMemoryContext, FIRST_CAPACITY, NULL);
}

int32
labels_code(Labels *labels, const char *name)
{
	bool		known;
	LabelEntry *entry = label_lookup(labels->index, name);

	if (entry != NULL)
		return entry->code;
	if (labels->count == labels->capacity)
	{
		labels->capacity = Max(FIRST_CAPACITY, labels->capacity * 2);
		if (labels->names == NULL)
			labels->names = MemoryContextAlloc(labels->context, sizeof(char *) * labels->capacity);
		else
			labels->names = repalloc_huge(labels->names, sizeof(char *) * labels->capacity);
	}
	labels->names[labels->count] = MemoryContextStrdup(labels->context, name);
	entry = label_insert(labels->index, labels->names[labels->count], &known);
	entry->code = labels->count;
	labels->bytes += strlen(name) + 1 + sizeof(char *) + 2 * sizeof(LabelEntry);
	return labels->count++;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

void
labels_finish(Labels *labels, size_t rows)
{
	int32	   *renumbered;

	if (labels->count == 0)
		return;
	renumbered = palloc(sizeof(int32) * labels->count);
	qsort(labels->names, labels->count, sizeof(char *), compare_names);
	for (int i = 0; i < labels->count; i++)
	{
		LabelEntry *entry = label_lookup(labels->index, labels->names[i]);

		renumbered[entry->code] = i;
		entry->code = i;
	}
	for (size_t i = 0; i < rows; i++)
		if (labels->codes[i] >= 0)
			labels->codes[i] = renumbered[labels->codes[i]];
	pfree(renumbered);
}
