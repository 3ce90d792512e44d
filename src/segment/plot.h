/*
 * plot.h
 *	  Pictures of segments, of the tree that joins them, and of the choice of their number.
 *
 * Each is an SVG document: well-formed XML without an encoding declaration, ended by a zero byte, the caller's to uc_free.
 * Colours are ones that colour-blind people tell apart, and never all that tells groups apart. Texts are UTF-8 and may hold
 * anything. Errors of all: UC_INVALID_ARGUMENT, UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
#ifndef UC_SEGMENT_PLOT_H
#define UC_SEGMENT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"
#include "cluster/choose.h"
#include "cluster/tree.h"

#define UC_PLOT_SMALLEST 200	/* pixels, of either side */
#define UC_PLOT_LARGEST 4000
#define UC_PLOT_POINTS 5000		/* that are drawn at most */

/* Points in the plane, in groups. */
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
 * Draws the points by group: nine colours, then other shapes in the same colours; a marked centre and a line of the legend for
 * each group, largest first, as far as there is room. Both axes have one scale, so that distances compare.
 */
extern UcStatus uc_scatter(const UcScatter *scatter, const UcRun *run, char **text, size_t *length, UcError *err);

typedef struct UcDendrogramLeaf
{
	const char *name;
	int64_t		size;			/* rows */
	int64_t		named;			/* those that the name is of; 0: it is not said */
	double		height;			/* at which the last of its rows were joined; 0 for one row */
	int32_t		group;			/* 0 … group_count-1; -1: it holds several, or there are none */
} UcDendrogramLeaf;

typedef struct UcDendrogram
{
	const char *title;			/* NULL: none */
	const char *caption;		/* what heights are */
	int			width;			/* of the picture, pixels */
	int			height;
	const UcMerge *merges;		/* [leaf_count - 1], heights at least 0 */
	const UcDendrogramLeaf *leaves; /* [leaf_count] from the top down, such that branches do not cross */
	size_t		leaf_count;		/* 1 to uc_dendrogram_room() */
	size_t		joined;			/* of the merges: the first ones, which lie within a group */
	double		cut;			/* the height at which groups part; NaN: none */
	const int64_t *group_sizes; /* [group_count] rows */
	size_t		group_count;
} UcDendrogram;

/* How many leaves can be told apart in a picture of this size. */
extern size_t uc_dendrogram_room(int width, int height, bool titled);
extern size_t uc_dendrogram_memory(size_t leaves, size_t groups);

/*
 * Draws a tree from its root on the left to its leaves on the right, which are labelled from left to right; a leaf of several
 * rows is a triangle. The branches of a group have its colour, and its number, counted from 1, where they cross the cut.
 */
extern UcStatus uc_dendrogram(const UcDendrogram *dendrogram, const UcRun *run, char **text, size_t *length, UcError *err);

typedef struct UcChoicePlot
{
	const char *title;			/* NULL: none */
	const char *caption;
	int			width;			/* of the picture, pixels */
	int			height;
	const UcChoice *choices;	/* [count] by rising k */
	int			count;			/* at least 1 */
	int			recommended;	/* place in choices; -1: none */
} UcChoicePlot;

extern size_t uc_choice_plot_memory(int count);

/*
 * Draws silhouette (with twice its standard error, where it was sampled), stability (with the bound that the rule asks for) and
 * inertia over k, one above the other; the recommended k is marked through all of them.
 */
extern UcStatus uc_choice_plot(const UcChoicePlot *plot, const UcRun *run, char **text, size_t *length, UcError *err);

#endif
