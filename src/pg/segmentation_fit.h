/*
 * segmentation_fit.h
 *	  From the stored query of a segmentation to segments, and to the segment of every row.
 */
#ifndef USERCLUSTER_SEGMENTATION_FIT_H
#define USERCLUSTER_SEGMENTATION_FIT_H

#include "postgres.h"

#include "pg/query.h"
#include "pg/rows.h"
#include "pg/segmentation.h"

/* The columns that a stored query may have beside a text. */
#define SEGMENTATION_COLUMNS (PREPARATION_COLUMNS | ROWS_KNOWS(ROWS_WEIGHT))

typedef struct SegmentationRows
{
	Rows		rows;			/* one a key, ordered by it */
	StoredQuery stored;
	EmbedRequest embed;
	PreparationOptions preparation;
	const Segmentation *segmentation;
	char	   *model;			/* that the rows are made with; NULL: not known */
	char	   *fingerprint;	/* of that model as it is now */
	int32	   *places;			/* [rows] in the segments, from segmentation_assign_rows */
	int32	   *segments;		/* [rows] their numbers */
	double	   *distances;		/* [rows] */
	double	   *margins;		/* [rows] */
	double		mean_distance;
	double		mean_next;		/* distance to the second nearest centroid; with one segment to the only one */
	double		silhouette;		/* mean simplified silhouette; NaN with one segment */
} SegmentationRows;

/*
 * Runs the stored query, as whom and where the caller has arranged, in the current memory context. Refuses a query that
 * returns no row (22023), two rows of one key (21000) and other vectors than the model's (22000).
 */
extern void segmentation_read(const Segmentation *segmentation, SegmentationRows *rows);

/* The same for rows of keys of this type that `wanted` takes; there may be none. */
extern void segmentation_read_some(const Segmentation *segmentation, Oid key_type,
								   bool (*wanted) (const void *arg, Datum key), const void *arg, SegmentationRows *rows);

/* Whether the centroids can say anything about these rows: they are vectors of the same kind. */
extern bool segmentation_fits(const Segmentation *segmentation, const SegmentationRows *rows);

/* Refuses rows that they cannot (55000). */
extern void segmentation_require_fit(const Segmentation *segmentation, const SegmentationRows *rows);

/*
 * Fits new segments. `previous` [rows] are the numbers that the rows have had so far, -1: none; segments whose rows stay
 * together keep theirs.
 */
extern void segmentation_fit(Segmentation *segmentation, SegmentationRows *rows, const int32 *previous,
							 SegmentationRun *run);

/*
 * The cut through a tree of the rows (Ward's) as if k-means had made it, in the current memory context. The caller holds
 * `memory` bytes. And what that allocates.
 */
extern const UcKmeans *segmentation_cut_tree(const Segmentation *segmentation, const Prepared *prepared, const Rows *rows,
											 size_t memory);
extern size_t segmentation_tree_memory(size_t rows, size_t dim, UcMetric metric, int threads);

/* The rows as the preparation of the fit changes them, [rows, dim], in the current memory context. */
extern float *segmentation_prepare_rows(const Segmentation *segmentation, const Rows *rows, int *dim);

/* Finds the segment of every row. */
extern void segmentation_assign_rows(const Segmentation *segmentation, SegmentationRows *rows);

/* Fills in what the segments say about their members, which are these rows. */
extern void segmentation_describe(Segmentation *segmentation, const SegmentationRows *rows);

/*
 * What is needed to assign single embeddings, in the current memory context. Then the place of the segment of one, with
 * distance and margin (NaN: there is only one segment). A language that the fit has not seen takes the mean of all rows.
 */
typedef struct SegmentationAssigner SegmentationAssigner;
extern SegmentationAssigner *segmentation_assigner(const Segmentation *segmentation);
extern size_t segmentation_features(const SegmentationAssigner *assigner);
extern int	segmentation_assign(const Segmentation *segmentation, const SegmentationAssigner *assigner,
								const Embedding *embedding, const char *language, const double *features,
								double *distance, double *margin);

/*
 * The distances [count] of one embedding to all segments, in their order; what segmentation_assign refuses is refused.
 */
extern void segmentation_distances(const Segmentation *segmentation, const SegmentationAssigner *assigner,
								   const Embedding *embedding, const char *language, double *distances);

/* The embeddings of texts by the segmentation's model, which must be the one it was fitted with (55000); of blank ones NULL. */
extern void segmentation_embed(const Segmentation *segmentation, text *const *texts, int count, Embedding **out);

/* The fingerprint of a model that is installed, NULL being the default one, and its name. */
extern char *segmentation_model(const char *model, char **name, int *dimensions);

#endif
