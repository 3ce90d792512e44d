/*
 * han.h
 *	  Traditional to simplified Chinese characters and back, by the rules of ICU: characters, and several hundred phrases in
 *	  which a character stands for another than it does alone.
 */
#ifndef UC_TEXT_HAN_H
#define UC_TEXT_HAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UC_HAN_MOST 512			/* UTF-16 units of one conversion */

typedef struct UcHan UcHan;

/* Opening reads rules for some tens of milliseconds. UC_NOT_FOUND where this ICU has none. */
extern UcStatus uc_han_open(bool to_simplified, UcHan **out, UcError *err);
extern void uc_han_close(UcHan *han);	/* takes NULL */

/*
 * Converts `count` UTF-16 units in place, up to UC_HAN_MOST, in an array of twice as many; the new count is returned. Text
 * that ICU cannot convert for want of memory stays as it is.
 */
extern size_t uc_han_convert(const UcHan *han, uint16_t *units, size_t count);

/*
 * The same for UTF-8 of up to UC_HAN_MOST bytes in an array of `room`; the new number of bytes is returned. Text that is longer,
 * or not UTF-8, or would not fit, stays as it is.
 */
extern size_t uc_han_convert_utf8(const UcHan *han, char *text, size_t bytes, size_t room);

#endif
