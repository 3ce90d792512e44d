/*
 * dictionary.h
 *	  Distinct strings, numbered from 0 in the order of their arrival; and arrays that grow within a budget.
 */
#ifndef UC_SEGMENT_DICTIONARY_H
#define UC_SEGMENT_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UC_NO_STRING UINT32_MAX

/* What a piece of work may allocate in all, and what it has. */
typedef struct UcBudget
{
	const char *work;			/* for the message: "keywords" */
	size_t		allowed;		/* bytes */
	size_t		used;
} UcBudget;

/*
 * Makes room for `wanted` elements, at least doubling it, and keeps the content. UC_MEMORY_LIMIT where the old and the new
 * array together exceed the budget; UC_OUT_OF_MEMORY. The array is ended by uc_free; the budget goes on counting it.
 */
extern UcStatus uc_budget_grow(UcBudget *budget, void **array, size_t *room, size_t wanted, size_t element_bytes, UcError *err);

/* An array of this many elements, uninitialised, and its end. */
extern UcStatus uc_budget_alloc(UcBudget *budget, size_t elements, size_t element_bytes, void **array, UcError *err);
extern void uc_budget_free(UcBudget *budget, void *array, size_t elements, size_t element_bytes);

/* Zeroed to begin with, ended by uc_dictionary_free. */
typedef struct UcDictionary
{
	char	   *bytes;			/* of all strings, one behind the other */
	size_t		bytes_used;
	size_t		bytes_room;
	size_t	   *stops;			/* [count] end of each in bytes */
	size_t		stops_room;
	uint32_t	count;
	uint32_t   *slots;			/* [slot_room] ids, UC_NO_STRING: free */
	size_t		slot_room;		/* a power of two, or 0 */
} UcDictionary;

extern void uc_dictionary_free(UcDictionary *dictionary);

/* The number of a string, new or known. UC_LIMIT_EXCEEDED beyond `most` strings. */
extern UcStatus uc_dictionary_add(UcDictionary *dictionary, const char *text, size_t bytes, uint32_t most, UcBudget *budget,
								  uint32_t *id, UcError *err);

/* The number of a known string, or UC_NO_STRING. */
extern uint32_t uc_dictionary_find(const UcDictionary *dictionary, const char *text, size_t bytes);

/* The string of a number; valid until the next uc_dictionary_add. */
extern const char *uc_dictionary_text(const UcDictionary *dictionary, uint32_t id, size_t *bytes);

#endif
