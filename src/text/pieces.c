/*
 * pieces.c
 *	  Runs of characters of a word.
 */
#include "text/pieces.h"

#include <string.h>

#define SYLLABLES 0xE3			/* lead byte of U+3000: from there on a character says as much as some letters */

static size_t
character_bytes(const char *word, size_t bytes)
{
	size_t		length = 1;

	while (length < bytes && length < 4 && ((uint8_t) word[length] & 0xC0) == 0x80)
		length++;
	return length;
}

static void
add(UcPieces *pieces, const char *character, size_t bytes)
{
	size_t		end = pieces->starts[pieces->count];

	memcpy(pieces->text + end, character, bytes);
	pieces->starts[++pieces->count] = (uint16_t) (end + bytes);
}

void
uc_pieces_start(UcPieces *pieces, const char *word, size_t bytes)
{
	bool		letters = true;

	for (size_t i = 0; i < bytes && letters; i++)
		letters = (uint8_t) word[i] < SYLLABLES;
	pieces->starts[0] = 0;
	pieces->count = 0;
	pieces->shortest = letters ? 3 : 1;
	pieces->longest = letters ? 5 : 2;
	pieces->at = 0;
	pieces->length = pieces->shortest;
	if (letters)
		add(pieces, "<", 1);
	for (size_t at = 0, length, i = 0; at < bytes && i < UC_PIECE_CHARACTERS; at += length, i++)
	{
		length = character_bytes(word + at, bytes - at);
		add(pieces, word + at, length);
	}
	if (letters)
		add(pieces, ">", 1);
}

bool
uc_pieces_next(UcPieces *pieces, char out[UC_PIECE_ROOM], size_t *bytes)
{
	const size_t mark = sizeof UC_PIECE_MARK - 1;
	size_t		start;

	while (pieces->length <= pieces->longest && pieces->at + pieces->length > pieces->count)
	{
		pieces->at = 0;
		pieces->length++;
	}
	if (pieces->length > pieces->longest)
		return false;
	start = pieces->starts[pieces->at];
	*bytes = pieces->starts[pieces->at + pieces->length] - start;
	memcpy(out, UC_PIECE_MARK, mark);
	memcpy(out + mark, pieces->text + start, *bytes);
	*bytes += mark;
	pieces->at++;
	return true;
}
