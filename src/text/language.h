/*
 * language.h
 *	  Names of languages.
 */
#ifndef UC_TEXT_LANGUAGE_H
#define UC_TEXT_LANGUAGE_H

#include <stddef.h>

#include "base/status.h"

#define UC_LANGUAGE_ROOM 4		/* bytes of an ISO 639 code and its zero */

/*
 * The shortest ISO 639 code of a language given as code ("zh", "ZHO", "zh-Hans-CN", "en_GB") or by the English names that
 * text search configurations have ("english"). UC_INVALID_ARGUMENT for what no language is called.
 */
extern UcStatus uc_language_code(const char *name, char code[UC_LANGUAGE_ROOM], UcError *err);

#endif
