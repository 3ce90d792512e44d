/*
 * pieces.h
 *	  Parts of a word that other words share, by which a word that a vocabulary lacks is told roughly.
 *
 * A word with a character that writes a syllable or a word (kana, Han, Hangul: all from U+3000 on) has its characters and pairs of
 * neighbours; any other the runs of 3 to 5 characters of "<word>", so that a beginning is not an ending. Each is marked by
 * UC_PIECE_MARK, which no word has. Characters beyond UC_PIECE_CHARACTERS are left out.
 */
#ifndef UC_TEXT_PIECES_H
#define UC_TEXT_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UC_PIECE_MARK "##"
#define UC_PIECE_CHARACTERS 64	/* of a word */
#define UC_PIECE_ROOM 32		/* bytes that any piece fits in */

typedef struct UcPieces
{
	char		text[4 * UC_PIECE_CHARACTERS + 2];	/* the word, between < and > where it is written in letters */
	uint16_t	starts[UC_PIECE_CHARACTERS + 3];	/* of its characters, and their end */
	size_t		count;			/* of characters */
	size_t		shortest,
				longest;
	size_t		at;
	size_t		length;			/* of the next piece, in characters */
} UcPieces;

/* The word is folded and not empty; bytes that are not UTF-8 count as characters. */
extern void uc_pieces_start(UcPieces *pieces, const char *word, size_t bytes);

/* The next piece with its mark, not terminated; false: there is none. */
extern bool uc_pieces_next(UcPieces *pieces, char out[UC_PIECE_ROOM], size_t *bytes);

#endif
