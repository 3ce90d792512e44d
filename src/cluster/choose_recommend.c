/*
 * choose_recommend.c
 *	  The rule that picks one k from what is known of several.
 */
#include "cluster/choose.h"

#include <math.h>

static bool
is_stable(const UcChoice *choice)
{
	return choice->stability >= UC_STABLE;
}

static bool
is_defined(const UcChoice *choice)
{
	return !isnan(choice->silhouette.mean);
}

/* The first among equals is kept, and with it the smallest k. */
static int
highest_silhouette(const UcChoice *choices, int count)
{
	int			best = -1;

	for (int i = 0; i < count; i++)
		if (is_defined(&choices[i]) && is_stable(&choices[i]) &&
			(best < 0 || choices[i].silhouette.mean > choices[best].silhouette.mean))
			best = i;
	return best;
}

static int
most_stable(const UcChoice *choices, int count)
{
	int			best = -1;

	for (int i = 0; i < count; i++)
		if (is_defined(&choices[i]) && (best < 0 || choices[i].stability > choices[best].stability))
			best = i;
	return best;
}

int
uc_choose_recommend(const UcChoice *choices, int count, UcChoiceReason *reason)
{
	int			best = highest_silhouette(choices, count);

	*reason = UC_CHOICE_BEST;
	if (best < 0)
	{
		best = most_stable(choices, count);
		*reason = best < 0 ? UC_CHOICE_NONE : UC_CHOICE_LEAST_UNSTABLE;
	}
	return best;
}
