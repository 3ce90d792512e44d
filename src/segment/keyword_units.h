/*
 * keyword_units.h
 *	  What can be a keyword: the terms of a collection of texts, and the phrases of several terms that are collocations.
 */
#ifndef UC_SEGMENT_KEYWORD_UNITS_H
#define UC_SEGMENT_KEYWORD_UNITS_H

#include "segment/keyword_texts.h"

#define UC_PHRASE_LONGEST 4		/* words */
#define UC_NO_UNIT UINT32_MAX

/* A term (length 1), or a phrase: a unit of one word less, and the term that follows it. */
typedef struct UcUnit
{
	uint32_t	left;			/* UC_NO_UNIT for a term */
	uint32_t	term;			/* the last word */
	uint32_t	occurrences;
	uint32_t	support;		/* texts that it occurs in */
	uint8_t		length;			/* words */
	bool		weak;			/* a weak term; two of them that are a collocation are a word that the dictionary lacks */
} UcUnit;

/* Zeroed to begin with, ended by uc_units_free. Unit t is term t; phrases follow, shorter ones first. */
typedef struct UcUnits
{
	UcUnit	   *units;			/* [count] */
	uint32_t	count;
	size_t		room;
	uint32_t   *at[UC_PHRASE_LONGEST];	/* [tokens] unit of so many words (less one) that ends at the token, or UC_NO_UNIT */
	int			longest;		/* of those that are there: 1 … UC_PHRASE_LONGEST */
} UcUnits;

/*
 * Finds the units of texts whose terms are made. A phrase occurs at least 3 times, without punctuation or a stop word inside,
 * and its normalised pointwise mutual information (Bouma 2009) is at least 0.35: the information that its two parts
 * have about each other, as a share of what there could be at most. Errors: UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_units_find(UcKeywordTexts *texts, int longest, const UcRun *run, UcUnits *units, UcError *err);
extern void uc_units_free(UcUnits *units);

#endif
