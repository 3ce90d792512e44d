/*
 * plot.h
 *	  Pictures of segments.
 */
#ifndef UC_SEGMENT_PLOT_H
#define UC_SEGMENT_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

#define UC_PLOT_SMALLEST 200	/* pixels, of either side */
#define UC_PLOT_LARGEST 4000
#define UC_PLOT_POINTS 5000		/* that are drawn at most */

/* Points in the plane, in groups. Names are UTF-8. */
typedef struct UcScatter
{
	const char *title;			/* NULL: none */
	int			width;			/* of the picture, pixels */
	int			height;
	const double *points;		/* [count, 2] finite */
	const int32_t *groups;		/* [count] 0 … group_count-1, or -1: noise, drawn grey */
	size_t		count;			/* at least 1 */
	const char *const *names;	/* [group_count] */
	int			group_count;
	const double *explained;	/* [2] share of the variance along each axis */
	uint64_t	seed;			/* which points are drawn where there are more than UC_PLOT_POINTS */
} UcScatter;

/* Bytes that uc_scatter allocates; SIZE_MAX if not representable. */
extern size_t uc_scatter_memory(size_t count, int group_count);

/*
 * Draws the points by group as an SVG document: colours that colour-blind people tell apart, then other shapes in the same
 * colours; a marked centre and a line of the legend for each group, largest first, as far as there is room. Both axes have
 * one scale, so that distances compare. `text` is well-formed XML without an encoding declaration, ended by a zero byte, the
 * caller's to uc_free. Errors: UC_INVALID_ARGUMENT, UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_scatter(const UcScatter *scatter, const UcRun *run, char **text, size_t *length, UcError *err);

#endif
