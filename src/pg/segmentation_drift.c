/*
 * segmentation_drift.c
 *	  How far the present rows have gone from the fit.
 */
#include "postgres.h"

#include <math.h>

#include "pg/segmentation_drift.h"

void
segmentation_measure_drift(const Segmentation *s, const SegmentationRows *rows, const int32 *previous,
						   SegmentationDrift *drift)
{
	int64		moved = 0;

	memset(drift, 0, sizeof *drift);
	for (size_t i = 0; i < rows->rows.count; i++)
	{
		if (previous[i] < 0)
			drift->joined++;
		else
		{
			drift->members++;
			moved += previous[i] != rows->segments[i];
		}
	}
	drift->moved = drift->members == 0 ? 0 : (double) moved / drift->members;
	if (s->mean_distance > 0)
		drift->rise = fmax(0, rows->mean_distance / s->mean_distance - 1);
	else
		drift->rise = rows->mean_distance > 0 ? 1 : 0;
	drift->drift = fmax(drift->moved, drift->rise);
}
