/*
 * numbers.h
 *	  Numbers as text, fast.
 */
#ifndef UC_TOOL_NUMBERS_H
#define UC_TOOL_NUMBERS_H

#include <stddef.h>

#define UC_TOOL_NUMBER_ROOM 24	/* bytes that any float fits in, with a terminating zero */

/* Writes what printf's %.9g would, which reads back as the same float; the number of bytes. */
extern size_t uc_tool_float(float value, char out[UC_TOOL_NUMBER_ROOM]);

#endif
