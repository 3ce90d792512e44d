/*
 * nearest_block.h
 *	  What nearest.c and nearest_block.c share: one pass over one block of rows. Private to both.
 */
#ifndef UC_CLUSTER_NEAREST_BLOCK_H
#define UC_CLUSTER_NEAREST_BLOCK_H

#include "cluster/group.h"
#include "cluster/nearest.h"
#include "cluster/scores.h"

/* Widening of bounds that stands for the roundings of the float arithmetic on them. */
#define UC_UP (1 + 0x1p-21f)
#define UC_DOWN (1 - 0x1p-21f)

/* One worker's memory, for one block of rows at a time. Positions count the rows of the block that need scores. */
typedef struct UcNearestScratch
{
	float	   *gathered;		/* [UC_BLOCK_ROWS, dim], or [dim, UC_BLOCK_ROWS] where dimensions are few */
	float	   *tile;			/* [tile_centroids, UC_BLOCK_ROWS] */
	uint16_t   *members;		/* [groups, UC_BLOCK_ROWS] positions that need the group */
	int			member_count[UC_MAX_GROUPS];
	size_t		rows[UC_BLOCK_ROWS];	/* by position */
	float		margin[UC_BLOCK_ROWS];	/* by position: largest error of a score */
	float		score[UC_BLOCK_ROWS];	/* by position: of the current label; infinity where there is none */
	double		exact[UC_BLOCK_ROWS];	/* by position: of the current label; negative where not computed */
	float		smallest[UC_BLOCK_ROWS];	/* the four below by column of the tile */
	int32_t		which[UC_BLOCK_ROWS];
	float		second[UC_BLOCK_ROWS];
	uint16_t	positions[UC_BLOCK_ROWS];
} UcNearestScratch;

static inline bool
uc_nearest_few_dimensions(const UcNearest *nearest)
{
	return nearest->points->dim < UC_FEW_DIMENSIONS;
}

/* Where the lower bound of a row for a group is kept. */
static inline float *
uc_nearest_lower(const UcNearest *nearest, size_t row, int group)
{
	return nearest->lower + (size_t) group * nearest->points->rows + row;
}

/* What uc_nearest_judge_by said: the squared distance, or 1 - cosine, of a row to a centroid, in double. */
extern double uc_nearest_exact(const UcNearest *nearest, size_t row, int32_t label);

/*
 * Brings the labels and bounds of at most UC_BLOCK_ROWS rows up to date; incomplete when the section has been
 * stopped.
 */
extern void uc_nearest_assign_block(UcNearest *nearest, UcNearestScratch *scratch, size_t begin, size_t end,
									UcSection *section);

#endif
