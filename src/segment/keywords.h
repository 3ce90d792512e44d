/*
 * keywords.h
 *	  What a segment's texts are about, in contrast to those of the other segments.
 *
 * Class-based TF-IDF over texts: the weight of a keyword in a segment is the share of the segment's texts that have it, times
 * the logarithm of that share over the mean share of all segments. What is as common everywhere weighs nothing; what one text
 * repeats counts once. With one segment alone the weight is the share. Weak terms (keyword_texts.h) count for a third, and need
 * three times the support.
 *
 * A word that is found in a phrase at least every second time gives way to the phrase. No keyword of a segment is contained in
 * another one. Equal weights go by support, then by the words' bytes; nothing depends on the order of the texts.
 */
#ifndef UC_SEGMENT_KEYWORDS_H
#define UC_SEGMENT_KEYWORDS_H

#include "segment/keyword_texts.h"

#define UC_KEYWORDS_MOST 1000	/* of one segment */

typedef struct UcKeywordOptions
{
	int			keywords;		/* of each segment at most: 1 … UC_KEYWORDS_MOST */
	int			min_support;	/* texts of the segment that have a keyword; 0: 1 for each 10 texts of the segment, from 1 to 5 */
	int			max_phrase;		/* words of a keyword: 1 … UC_PHRASE_LONGEST */
} UcKeywordOptions;

typedef struct UcKeyword
{
	uint32_t	segment;
	int			rank;			/* from 1 */
	double		weight;
	size_t		support;		/* texts of the segment that have it */
	size_t		start;			/* of its text, in `text`: the commonest form in the segment */
	size_t		bytes;
} UcKeyword;

/* By segment and rank. Zeroed to begin with, ended by uc_keywords_free. */
typedef struct UcKeywords
{
	UcKeyword  *keywords;		/* [count] */
	size_t		count;
	char	   *text;			/* UTF-8 */
	size_t		room;
	size_t		text_bytes;
	size_t		text_room;
} UcKeywords;

/* Keywords of texts whose terms are made (uc_keyword_texts_finish), of segments 0 … segments-1. */
extern UcStatus uc_keywords(UcKeywordTexts *texts, uint32_t segments, const UcKeywordOptions *options, const UcRun *run,
							UcKeywords *keywords, UcError *err);
extern void uc_keywords_free(UcKeywords *keywords);

#endif
