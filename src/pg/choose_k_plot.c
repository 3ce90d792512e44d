/*
 * choose_k_plot.c
 *	  A picture of what choose_k says.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/choose_k.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/plot.h"
#include "pg/progress.h"
#include "segment/plot.h"

/* Arguments in SQL after those of choose_k. */
enum
{
	ARG_TITLE = CHOOSE_ARGUMENTS, ARG_WIDTH, ARG_HEIGHT
};

/* The reason, and what the marks mean that the picture has. */
static const char *
caption(const Choices *choices)
{
	bool		sampled = false;
	bool		unstable = false;

	for (int i = 0; i < choices->count; i++)
	{
		sampled = sampled || choices->choices[i].silhouette.error > 0;
		unstable = unstable || choices->choices[i].stability < UC_STABLE;
	}
	return psprintf("%s: %s.%s%s",
					choices->recommended < 0 ? "no k is recommended" :
					psprintf("k = %d", choices->choices[choices->recommended].k),
					choose_k_reason(choices, Max(choices->recommended, 0)),
					unstable ? psprintf(" Hollow: stability below %.1f.", UC_STABLE) : "",
					sampled ? " Bars: two standard errors of the sample." : "");
}

USERCLUSTER_FUNCTION(usercluster_choose_k_plot)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster choose_k_plot", ALLOCSET_DEFAULT_SIZES);
	UcChoicePlot plot = {.title = NULL};
	Choices		choices;
	char	   *drawn = NULL;
	size_t		length = 0;
	UcRun		run;
	UcError		err;
	UcStatus	status;
	text	   *svg;

	MemoryContextSwitchTo(context);
	plot.title = plot_title(fcinfo, ARG_TITLE);
	plot.width = plot_side(fcinfo, ARG_WIDTH, "width");
	plot.height = plot_side(fcinfo, ARG_HEIGHT, "height");
	progress_begin("choose_k_plot");
	choose_k_measure(fcinfo, &choices);
	plot.choices = choices.choices;
	plot.count = choices.count;
	plot.recommended = choices.recommended;
	plot.caption = caption(&choices);
	usercluster_run(&run);
	status = uc_choice_plot(&plot, &run, &drawn, &length, &err);
	MemoryContextSwitchTo(old);
	svg = plot_text(status, drawn, length, &err);
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(svg);
}
