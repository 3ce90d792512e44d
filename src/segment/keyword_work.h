/*
 * keyword_work.h
 *	  What the files of keywords share: the candidates of all segments, and those that were chosen.
 */
#ifndef UC_SEGMENT_KEYWORD_WORK_H
#define UC_SEGMENT_KEYWORD_WORK_H

#include "segment/keyword_units.h"
#include "segment/keywords.h"

#define UC_NO_PLACE UINT32_MAX

/* A unit that may become a keyword of a segment. */
typedef struct UcKeywordCandidate
{
	uint32_t	segment;
	uint32_t	unit;
	uint32_t	support;
	uint32_t	phrase;			/* place of the candidate that it gives way to; its own: to none */
	double		weight;
} UcKeywordCandidate;

/* Work on the keywords of one collection. */
typedef struct UcKeywordWork
{
	UcKeywordTexts *texts;
	UcBudget   *budget;
	const UcKeywordOptions *options;
	const UcRun *run;
	uint32_t	segments;
	UcUnits		units;
	uint32_t   *sizes;			/* [segments] texts */
	size_t	   *starts;			/* [units.count + 1] of each unit's segments in postings */
	uint32_t   *postings;		/* the segment of each text that has the unit */
	size_t		posting_count;
	UcKeywordCandidate *candidates;	/* by segment and weight */
	size_t		candidate_count;
	size_t		candidate_room;
	uint32_t   *place;			/* [units.count] of a unit's candidate in the segment at hand, or UC_NO_PLACE */
	UcKeywordCandidate *chosen;		/* by segment and rank */
	size_t		chosen_count;
	size_t		chosen_room;
} UcKeywordWork;

/* Writes the chosen ones with the form that each has most often in its segment; keyword_forms.c. Uses up `place`. */
extern UcStatus uc_keyword_forms(UcKeywordWork *work, UcKeywords *keywords, UcError *err);

#endif
