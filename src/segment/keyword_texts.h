/*
 * keyword_texts.h
 *	  Texts as rows of terms, for keywords.
 *
 * Texts are cleaned first as for the purpose "keywords" (clean.h), but keep their case, numbers and punctuation: these show
 * names and part phrases.
 *
 * A term is what the forms of a word have in common: its stem by the language of the text, in lower case. Stop words, numbers,
 * single letters and kana of up to two characters are no terms.
 * Traditional and simplified forms of a Chinese word are one term; Korean nouns lose their commonest particles. A single Han character is a weak one.
 *
 * The language of a text is given, or detected; where that fails it is the commonest of the other texts. Han words are Chinese
 * unless the text is Japanese, and Latin words in texts of other scripts English.
 */
#ifndef UC_SEGMENT_KEYWORD_TEXTS_H
#define UC_SEGMENT_KEYWORD_TEXTS_H

#include <stdbool.h>

#include "base/run.h"
#include "segment/dictionary.h"
#include "text/clean.h"
#include "text/detect.h"
#include "text/stem.h"
#include "text/words.h"

#define UC_NO_TERM UINT32_MAX
#define UC_KEYWORD_LANGUAGES 64 /* different ones in one collection */

/* What stands between a word and the one before it. Only what is not a break can be inside of a phrase. */
typedef enum UcGap
{
	UC_GAP_NONE, UC_GAP_SPACE, UC_GAP_HYPHEN, UC_GAP_BREAK
} UcGap;

/* A word of a text: its form, and the gap before it. */
#define UC_TOKEN(form, gap) ((form) | (uint32_t) (gap) << 30)
#define UC_TOKEN_FORM(token) ((token) & 0x3FFFFFFF)
#define UC_TOKEN_GAP(token) ((UcGap) ((token) >> 30))
#define UC_MOST_FORMS 0x3FFFFFFF

typedef struct UcKeywordTexts
{
	/* What keywords read. */
	size_t		rows;			/* texts */
	size_t		tokens;
	size_t	   *stops;			/* [rows] end of each text's tokens */
	uint32_t   *segments;		/* [rows] as given */
	uint32_t   *words;			/* [tokens] UC_TOKEN */
	uint32_t   *terms;			/* [tokens] numbered by their bytes, or UC_NO_TERM; after uc_keyword_texts_finish */
	UcDictionary forms;			/* words as they are written */
	UcDictionary stems;			/* of terms, in the order of arrival: term t is stems[order[t]] */
	uint32_t   *order;			/* [stems.count] */
	bool	   *weak;			/* [stems.count] by term */
	bool	   *han;			/* [stems.count] by term: its words are written without spaces */
	UcBudget	budget;

	/* What adding needs. */
	size_t		rows_room;
	size_t		segments_room;
	size_t		words_room;
	size_t		languages_room;
	uint8_t    *languages;		/* [rows] place in codes */
	uint8_t    *kinds;			/* [forms.count] */
	size_t		kinds_room;
	char		codes[UC_KEYWORD_LANGUAGES][UC_LANGUAGE_ROOM];	/* codes[0]: unknown */
	int			code_count;
	UcStemmer  *stemmers[UC_KEYWORD_LANGUAGES];
	bool		stemmer_known[UC_KEYWORD_LANGUAGES];
	UcDictionary stop_words;	/* "code word" */
	bool	   *stop_flags;		/* [stop_words.count] false: taken away */
	size_t		stop_room;
	UcWords    *breaker;
	UcDetector *detector;
	UcCleanOptions cleaning;
	const UcHan *han_converter;	/* or NULL */
} UcKeywordTexts;

/*
 * An empty collection that knows the shipped stop words; run->max_memory is its budget. `han` converts to simplified
 * characters and outlives the collection; NULL: traditional words are terms of their own. Ended by uc_keyword_texts_close.
 */
extern UcStatus uc_keyword_texts_open(const UcHan *han, const UcRun *run, UcKeywordTexts **texts, UcError *err);
extern void uc_keyword_texts_close(UcKeywordTexts *texts);	/* takes NULL */

/* One more stop word of a language, or with stop = false one less; language NULL: of each. */
extern UcStatus uc_keyword_texts_stop_word(UcKeywordTexts *texts, const char *language, const char *word, size_t bytes, bool stop,
										   UcError *err);

/* Adds a text of a segment. Language: a code, or NULL to detect it. UC_INVALID_DATA for text that is not UTF-8. */
extern UcStatus uc_keyword_texts_add(UcKeywordTexts *texts, uint32_t segment, const char *language, const char *text, size_t bytes,
									 const UcRun *run, UcError *err);

/* Makes terms of the words; nothing is added afterwards. */
extern UcStatus uc_keyword_texts_finish(UcKeywordTexts *texts, const UcRun *run, UcError *err);

#endif
