/*
 * segmentation_keywords.h
 *	  What the segments of a segmentation are about, where its query returns texts.
 */
#ifndef USERCLUSTER_SEGMENTATION_KEYWORDS_H
#define USERCLUSTER_SEGMENTATION_KEYWORDS_H

#include "postgres.h"

#include "pg/segmentation_fit.h"
#include "pg/segmentation_members.h"

/*
 * Finds keywords of the texts of each segment's members and keeps them with the segments. As the owner, like everything that
 * runs the query; does nothing where there are no texts.
 */
extern void segmentation_find_keywords(const Segmentation *segmentation, const SegmentationRows *rows,
									   const MembersTable *table);

#endif
