/*
 * segmentation_drift.h
 *	  How far the present rows have gone from the fit.
 */
#ifndef USERCLUSTER_SEGMENTATION_DRIFT_H
#define USERCLUSTER_SEGMENTATION_DRIFT_H

#include "postgres.h"

#include "pg/segmentation_fit.h"

typedef struct SegmentationDrift
{
	double		drift;			/* the larger of the next two */
	double		moved;			/* share of the members whose nearest centroid is that of another segment now */
	double		rise;			/* of the mean distance to the nearest centroid since the fit, relative to it; at least 0 */
	int64		members;		/* rows that are members */
	int64		joined;			/* rows that are not */
} SegmentationDrift;

/* For rows that segmentation_assign_rows has seen; `previous` [rows] are the numbers of their segments, -1: no member. */
extern void segmentation_measure_drift(const Segmentation *segmentation, const SegmentationRows *rows,
									   const int32 *previous, SegmentationDrift *drift);

#endif
