/*
 * clean.h
 *	  Text as users really write it, made fit for a purpose: markup, addresses, emoji and what else disturbs is taken out.
 *
 * A text goes through a row of small passes (the table in clean.c), each of which reads UTF-8 once from front to back and
 * writes UTF-8: time is linear in what goes through, memory two buffers of the size of the text, and at most 3 MB beside
 * them. What is dropped leaves a space where letters would otherwise join.
 *
 * Cleaning twice gives what cleaning once gave, with these exceptions: entities are decoded once, so that what was written
 * escaped, as &amp;lt; or &lt;b&gt;, is markup for the second time (and so are a '<' and a name that dropped tags left side by
 * side); conversion between Chinese scripts follows ICU's rules, some of which go back and forth; without stop words ICU's
 * dictionaries may find others; one or two of a character at most make another address of www.x.com; and more than 65,536
 * combining marks in a row are normalized in pieces.
 *
 * Properties of characters (emoji, letters, names) are those of the ICU in use; normal forms and lower case are those of
 * unicode.h, which do not change.
 */
#ifndef UC_TEXT_CLEAN_H
#define UC_TEXT_CLEAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "text/han.h"
#include "text/stop_set.h"
#include "text/words.h"

#define UC_CLEAN_MOST_BYTES 1000000000	/* longer results are refused: the server holds no values beyond 1 GB */

/* What can be switched, by the names in clean.c. */
typedef enum UcCleanSwitch
{
	UC_CLEAN_MARKUP,			/* HTML tags, comments, content of scripts and styles, entities */
	UC_CLEAN_INVISIBLE,			/* control, zero-width and bidirectional characters */
	UC_CLEAN_WIDTH,				/* full-width letters and half-width katakana */
	UC_CLEAN_FORM,				/* Unicode normal form */
	UC_CLEAN_LETTER_CASE,
	UC_CLEAN_URLS,
	UC_CLEAN_EMAILS,
	UC_CLEAN_HANDLES,			/* @name */
	UC_CLEAN_HASHTAGS,			/* #topic, and #topic# where it holds a CJK character */
	UC_CLEAN_EMOJI,
	UC_CLEAN_NUMBERS,
	UC_CLEAN_PUNCTUATION,
	UC_CLEAN_CHINESE,			/* script */
	UC_CLEAN_SPACES,
	UC_CLEAN_SWITCHES
} UcCleanSwitch;

/* What a switch can be set to; which of them it takes stands in clean.c. */
typedef enum UcCleanChoice
{
	UC_CLEAN_KEEP,
	UC_CLEAN_DROP,
	UC_CLEAN_TEXT,				/* hashtags: without their signs */
	UC_CLEAN_NAME,				/* emoji: :grinning face: */
	UC_CLEAN_FOLD,
	UC_CLEAN_LOWER,
	UC_CLEAN_NFC,
	UC_CLEAN_NFKC,
	UC_CLEAN_ZERO,				/* numbers: 0 */
	UC_CLEAN_SIMPLIFIED,
	UC_CLEAN_TRADITIONAL,
	UC_CLEAN_COLLAPSE,			/* spaces: one for a run of them, none at the ends */
	UC_CLEAN_CHOICES
} UcCleanChoice;

typedef struct UcCleanOptions
{
	UcCleanChoice choice[UC_CLEAN_SWITCHES];
	int			repeats;		/* most of the same character in a row; 0: any number */
} UcCleanOptions;

/* What some switches work with, opened once by the caller; NULL where it is not asked for. */
typedef struct UcCleanTools
{
	const UcHan *han;			/* for the switch "chinese", in its direction */
	const UcStopSet *stop_words;	/* to be dropped */
	UcWords    *words;			/* to find them; started on the text here */
} UcCleanTools;

/* What a purpose prescribes: "embedding" or "keywords". UC_INVALID_ARGUMENT for another name. */
extern UcStatus uc_clean_purpose(const char *purpose, UcCleanOptions *out, UcError *err);

/* Sets one switch by the name of a choice, or the longest run; UC_INVALID_ARGUMENT, with those allowed, for another. */
extern UcStatus uc_clean_set(UcCleanOptions *options, UcCleanSwitch which, const char *choice, UcError *err);
extern UcStatus uc_clean_set_repeats(UcCleanOptions *options, int repeats, UcError *err);

/*
 * Cleans text[0, bytes). The result, which may be empty and is ended by a zero byte, is the caller's and ended by
 * uc_free. UC_INVALID_DATA for text that is not UTF-8, UC_LIMIT_EXCEEDED and UC_MEMORY_LIMIT where the result or the work is too large.
 */
extern UcStatus uc_clean_text(const UcCleanOptions *options, const UcCleanTools *tools, const char *text, size_t bytes,
							  const UcRun *run, char **out, size_t *out_bytes, UcError *err);

#endif
