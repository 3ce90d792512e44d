/*
 * detect.h
 *	  In which language a text is written.
 *
 * The method: the script that most of the text is in comes first, and for many scripts decides (Han without kana is Chinese,
 * Hangul Korean, Thai Thai). Among languages of one script, letters that only some of them have and function words
 * (stop_words.h) are counted; a word or letter of few languages weighs more than one of many. Where nothing was found, or two
 * languages are too close, the answer is that none is known.
 */
#ifndef UC_TEXT_DETECT_H
#define UC_TEXT_DETECT_H

#include <stddef.h>

#include "base/status.h"
#include "text/language.h"

#define UC_DETECT_BYTES 16384	/* of a text that are looked at */

typedef struct UcDetector UcDetector;

extern UcStatus uc_detector_open(UcDetector **detector, UcError *err);
extern void uc_detector_close(UcDetector *detector);	/* takes NULL */

/* The code of the text's language, or "" where it is not clear. */
extern void uc_detect_language(const UcDetector *detector, const char *text, size_t bytes, char code[UC_LANGUAGE_ROOM]);

#endif
