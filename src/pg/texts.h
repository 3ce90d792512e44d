/*
 * texts.h
 *	  Between texts of the database's encoding and the UTF-8 of the core.
 */
#ifndef USERCLUSTER_TEXTS_H
#define USERCLUSTER_TEXTS_H

#include "postgres.h"

/* Characters in text[0, bytes) of UTF-8, continuing from an earlier count: places in order cost linear time in all. */
typedef struct CharacterCount
{
	const char *text;
	size_t		bytes;
	int			characters;
} CharacterCount;

/* The text as UTF-8, in place where the database is UTF-8 already; refused (22021, 22P05) where it cannot be converted. */
extern const char *texts_utf8(const text *value, size_t *bytes);
extern char *texts_utf8_string(const char *value);

extern int	texts_characters_before(CharacterCount *count, size_t bytes);

/* UTF-8 in the database's encoding, as a text; 0 where that lacks one of its characters. */
extern Datum texts_datum(const char *utf8, size_t bytes);

/* The argument as a string in the database's encoding; NULL where it is NULL. */
extern char *texts_argument(FunctionCallInfo fcinfo, int number);

#endif
