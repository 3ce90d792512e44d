/*
 * dictionary.c
 *	  Strings in one buffer, found by an open hash table of their numbers.
 */
#include "segment/dictionary.h"

#include <string.h>

#include "base/memory.h"

#define FIRST_ROOM 64

static UcStatus
charge(UcBudget *budget, size_t bytes, UcError *err)
{
	size_t		needed = uc_size_add(budget->used, bytes);
	UcStatus	status = uc_check_budget(budget->work, needed, budget->allowed, err);

	if (status == UC_OK)
		budget->used = needed;
	return status;
}

UcStatus
uc_budget_alloc(UcBudget *budget, size_t elements, size_t element_bytes, void **array, UcError *err)
{
	size_t		bytes = uc_size_mul(elements, element_bytes);
	UcStatus	status = charge(budget, bytes, err);

	*array = NULL;
	if (status != UC_OK)
		return status;
	*array = uc_alloc(bytes);
	if (*array != NULL)
		return UC_OK;
	budget->used -= bytes;
	return uc_out_of_memory(err, bytes);
}

void
uc_budget_free(UcBudget *budget, void *array, size_t elements, size_t element_bytes)
{
	if (array != NULL)
		budget->used -= elements * element_bytes;
	uc_free(array);
}

UcStatus
uc_budget_grow(UcBudget *budget, void **array, size_t *room, size_t wanted, size_t element_bytes, UcError *err)
{
	size_t		new_room = *room < FIRST_ROOM ? FIRST_ROOM : *room;
	void	   *grown;
	UcStatus	status;

	if (wanted <= *room)
		return UC_OK;
	while (new_room < wanted)
		new_room = uc_size_mul(new_room, 2);
	status = uc_budget_alloc(budget, new_room, element_bytes, &grown, err);
	if (status != UC_OK)
		return status;
	if (*array != NULL)
		memcpy(grown, *array, *room * element_bytes);
	uc_budget_free(budget, *array, *room, element_bytes);
	*array = grown;
	*room = new_room;
	return UC_OK;
}

void
uc_dictionary_free(UcDictionary *dictionary)
{
	uc_free(dictionary->bytes);
	uc_free(dictionary->stops);
	uc_free(dictionary->slots);
	memset(dictionary, 0, sizeof *dictionary);
}

const char *
uc_dictionary_text(const UcDictionary *dictionary, uint32_t id, size_t *bytes)
{
	size_t		start = id == 0 ? 0 : dictionary->stops[id - 1];

	*bytes = dictionary->stops[id] - start;
	return dictionary->bytes + start;
}

static size_t
hash(const char *text, size_t bytes)
{
	uint64_t	state = 0x9E3779B97F4A7C15u ^ bytes;

	for (size_t i = 0; i < bytes; i++)
		state = (state ^ (unsigned char) text[i]) * 0x100000001B3u;
	state = (state ^ state >> 32) * 0xD6E8FEB86659FD93u;
	return (size_t) (state ^ state >> 32);
}

/* The slot that holds the string, or the free one where it belongs. */
static uint32_t *
slot_of(const UcDictionary *dictionary, const char *text, size_t bytes)
{
	for (size_t at = hash(text, bytes);; at++)
	{
		uint32_t   *slot = &dictionary->slots[at & (dictionary->slot_room - 1)];
		size_t		known_bytes;
		const char *known;

		if (*slot == UC_NO_STRING)
			return slot;
		known = uc_dictionary_text(dictionary, *slot, &known_bytes);
		if (known_bytes == bytes && memcmp(known, text, bytes) == 0)
			return slot;
	}
}

/* A table of twice the size, filled from the strings. */
static UcStatus
grow_slots(UcDictionary *dictionary, UcBudget *budget, UcError *err)
{
	uint32_t   *old = dictionary->slots;
	size_t		old_room = dictionary->slot_room;
	size_t		room = old_room == 0 ? FIRST_ROOM : uc_size_mul(old_room, 2);
	void	   *slots;
	UcStatus	status = uc_budget_alloc(budget, room, sizeof(uint32_t), &slots, err);

	if (status != UC_OK)
		return status;
	memset(slots, 0xFF, room * sizeof(uint32_t));
	dictionary->slots = slots;
	dictionary->slot_room = room;
	for (uint32_t id = 0; id < dictionary->count; id++)
	{
		size_t		bytes;
		const char *text = uc_dictionary_text(dictionary, id, &bytes);

		*slot_of(dictionary, text, bytes) = id;
	}
	uc_budget_free(budget, old, old_room, sizeof(uint32_t));
	return UC_OK;
}

uint32_t
uc_dictionary_find(const UcDictionary *dictionary, const char *text, size_t bytes)
{
	return dictionary->slot_room == 0 ? UC_NO_STRING : *slot_of(dictionary, text, bytes);
}

UcStatus
uc_dictionary_add(UcDictionary *dictionary, const char *text, size_t bytes, uint32_t most, UcBudget *budget, uint32_t *id,
				  UcError *err)
{
	UcStatus	status;

	*id = uc_dictionary_find(dictionary, text, bytes);
	if (*id != UC_NO_STRING)
		return UC_OK;
	if (dictionary->count >= most)
		return uc_error(err, UC_LIMIT_EXCEEDED, "the texts have more than %u different words", most);
	if ((size_t) dictionary->count * 2 >= dictionary->slot_room &&
		(status = grow_slots(dictionary, budget, err)) != UC_OK)
		return status;
	status = uc_budget_grow(budget, (void **) &dictionary->bytes, &dictionary->bytes_room,
							uc_size_add(dictionary->bytes_used, bytes), 1, err);
	if (status == UC_OK)
		status = uc_budget_grow(budget, (void **) &dictionary->stops, &dictionary->stops_room, (size_t) dictionary->count + 1,
								sizeof(size_t), err);
	if (status != UC_OK)
		return status;
	*id = dictionary->count;
	memcpy(dictionary->bytes + dictionary->bytes_used, text, bytes);
	dictionary->bytes_used += bytes;
	dictionary->stops[dictionary->count++] = dictionary->bytes_used;
	*slot_of(dictionary, text, bytes) = *id;
	return UC_OK;
}
