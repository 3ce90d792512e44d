/*
 * stop_set.h
 *	  The stop words of one language that come with the library, to look words up in.
 */
#ifndef UC_TEXT_STOP_SET_H
#define UC_TEXT_STOP_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct UcStopSet UcStopSet;

/* `language` is an ISO 639 code. UC_NOT_FOUND, with the codes there are, where no words of it come with the library. */
extern UcStatus uc_stop_set_open(const char *language, UcStopSet **out, UcError *err);
extern void uc_stop_set_close(UcStopSet *set);	/* takes NULL */

/* Whether the word, in any case and width, is one of them. */
extern bool uc_stop_set_has(const UcStopSet *set, const char *word, size_t bytes);

#endif
