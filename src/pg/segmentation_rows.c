/*
 * segmentation_rows.c
 *	  The segment of every row of a query, and what the segments say about their members.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/assign.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/segmentation_fit.h"

float *
segmentation_prepare_rows(const Segmentation *s, const Rows *rows, int *dim)
{
	const KeptPreparation *kept = preparation_read(s->fitted, rows->dim);
	const UcPreparation *preparation = &kept->preparation;
	const Labels *labels = &rows->labels[ROWS_LANGUAGE];
	int32	   *languages = NULL;

	if (preparation->features != (size_t) rows->feature_count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different numbers of features %d and %zu", rows->feature_count, preparation->features),
				 errdetail("The query's rows have %d features, and segmentation \"%s\" was made for %zu.",
						   rows->feature_count, s->name, preparation->features),
				 errhint("Fit it anew with usercluster.refresh_segmentation.")));
	if (labels->codes != NULL)
	{
		int32	   *known = palloc(sizeof(int32) * Max(labels->count, 1));

		for (int i = 0; i < labels->count; i++)
			known[i] = preparation_language(kept, labels->names[i]);
		languages = palloc_extended(sizeof(int32) * rows->count, MCXT_ALLOC_HUGE);
		for (size_t i = 0; i < rows->count; i++)
			languages[i] = labels->codes[i] < 0 ? -1 : known[labels->codes[i]];
	}
	else if (preparation->groups > 0)
	{
		languages = palloc_extended(sizeof(int32) * rows->count, MCXT_ALLOC_HUGE);
		memset(languages, -1, sizeof(int32) * rows->count);
	}
	*dim = (int) (preparation->out_dim + preparation->features);
	return preparation_apply_kept(kept, rows->values, rows->count, languages, rows->features);
}

static float *
centroid_matrix(const Segmentation *s, int dim)
{
	float	   *matrix = palloc_extended(uc_size_mul(s->count, sizeof(float) * dim), MCXT_ALLOC_HUGE);

	for (int i = 0; i < s->count; i++)
	{
		if (s->segments[i].prepared->dim != dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the centroids of segmentation \"%s\" do not fit its preparation", s->name)));
		memcpy(matrix + (size_t) i * dim, s->segments[i].prepared->x, sizeof(float) * dim);
	}
	return matrix;
}

/* ---- single embeddings ---- */

struct SegmentationAssigner
{
	const KeptPreparation *kept;
	const float *centroids;		/* [segments, dim] */
	int			dim;			/* of a prepared row */
};

SegmentationAssigner *
segmentation_assigner(const Segmentation *s)
{
	SegmentationAssigner *assigner = palloc0(sizeof *assigner);

	if (s->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segmentation \"%s\" has no segments", s->name),
				 errhint("Fit it with usercluster.refresh_segmentation.")));
	assigner->kept = preparation_read(s->fitted, s->dimensions);
	assigner->dim = (int) (assigner->kept->preparation.out_dim + assigner->kept->preparation.features);
	assigner->centroids = centroid_matrix(s, assigner->dim);
	return assigner;
}

size_t
segmentation_features(const SegmentationAssigner *assigner)
{
	return assigner->kept->preparation.features;
}

/* One embedding as the preparation of the fit changes it. */
static float *
prepare_one(const Segmentation *s, const SegmentationAssigner *assigner, const Embedding *embedding, const char *language,
			const double *features)
{
	int32		known = language == NULL ? -1 : preparation_language(assigner->kept, language);

	if (embedding->dim != s->dimensions)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", embedding->dim, s->dimensions),
				 errdetail("The embedding has %d dimensions, and segmentation \"%s\" was made for %d.", embedding->dim,
						   s->name, s->dimensions)));
	embedding_check_finite(embedding);
	if (s->kmeans.metric == UC_METRIC_COSINE && uc_dot(embedding->x, embedding->x, embedding->dim) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("embedding of zero norm has no direction, which the cosine metric needs")));
	return preparation_apply_kept(assigner->kept, embedding->x, 1, &known, features);
}

int
segmentation_assign(const Segmentation *s, const SegmentationAssigner *assigner, const Embedding *embedding,
					const char *language, const double *features, double *distance, double *margin)
{
	int32		place;
	UcAssignment out = {&place, distance, margin};
	float	   *prepared = prepare_one(s, assigner, embedding, language, features);
	UcRun		run;
	UcError		err;

	usercluster_run(&run);
	usercluster_check(uc_assign(prepared, 1, assigner->dim, assigner->centroids, s->count, s->kmeans.metric, &run, &out, &err),
					  &err);
	pfree(prepared);
	return place;
}

void
segmentation_distances(const Segmentation *s, const SegmentationAssigner *assigner, const Embedding *embedding,
					   const char *language, double *distances)
{
	float	   *prepared = prepare_one(s, assigner, embedding, language, NULL);
	UcRun		run;
	UcError		err;

	usercluster_run(&run);
	for (int i = 0; i < s->count; i++)
	{
		int32		place;
		double		margin;
		UcAssignment out = {&place, &distances[i], &margin};

		usercluster_check(uc_assign(prepared, 1, assigner->dim, assigner->centroids + (size_t) i * assigner->dim, 1,
									s->kmeans.metric, &run, &out, &err), &err);
	}
	pfree(prepared);
}

/* ---- what the segments say about their members ---- */

/* The rows nearest to the centroid, nearest first. */
typedef struct Nearest
{
	size_t		rows[SEGMENTATION_TYPICAL];
	int			count;
} Nearest;

static void
offer(Nearest *nearest, size_t row, const double *distances)
{
	int			place = nearest->count;

	while (place > 0 && distances[nearest->rows[place - 1]] > distances[row])
		place--;
	if (place == SEGMENTATION_TYPICAL)
		return;
	nearest->count = Min(nearest->count + 1, SEGMENTATION_TYPICAL);
	memmove(nearest->rows + place + 1, nearest->rows + place, sizeof(size_t) * (nearest->count - 1 - place));
	nearest->rows[place] = row;
}

/* Simplified silhouette; NaN where there is no other segment. */
static double
row_silhouette(double distance, double margin)
{
	double		next = distance + margin;

	return next == 0 ? 0 : margin / next;
}

void
segmentation_describe(Segmentation *s, const SegmentationRows *found)
{
	const Rows *rows = &found->rows;
	Nearest    *nearest = palloc0(sizeof *nearest * s->count);
	double	   *distances = palloc0(sizeof(double) * s->count);
	double	   *silhouettes = palloc0(sizeof(double) * s->count);
	Oid			output;
	bool		is_varlena;

	for (int i = 0; i < s->count; i++)
		s->segments[i].size = 0;
	for (size_t row = 0; row < rows->count; row++)
	{
		int32		place = found->places[row];

		CHECK_FOR_INTERRUPTS();
		s->segments[place].size++;
		distances[place] += found->distances[row];
		silhouettes[place] += row_silhouette(found->distances[row], found->margins[row]);
		offer(&nearest[place], row, found->distances);
	}
	getTypeOutputInfo(rows->key_type, &output, &is_varlena);
	for (int i = 0; i < s->count; i++)
	{
		Segment    *segment = &s->segments[i];

		segment->mean_distance = segment->size == 0 ? NAN : distances[i] / segment->size;
		segment->cohesion = segment->size == 0 ? NAN : silhouettes[i] / segment->size;
		for (int j = 0; j < SEGMENTATION_TYPICAL; j++)
			segment->typical[j] = j < nearest[i].count ?
				OidOutputFunctionCall(output, rows->keys[nearest[i].rows[j]]) : NULL;
	}
	pfree(nearest);
	pfree(distances);
	pfree(silhouettes);
}

/* ---- all rows ---- */

static void
sum_up(const Segmentation *s, SegmentationRows *found)
{
	double		distance = 0,
				next = 0,
				silhouette = 0;
	size_t		count = found->rows.count;

	for (size_t row = 0; row < count; row++)
	{
		found->segments[row] = s->segments[found->places[row]].number;
		distance += found->distances[row];
		next += found->distances[row] + (s->count == 1 ? 0 : found->margins[row]);
		silhouette += row_silhouette(found->distances[row], found->margins[row]);
	}
	found->mean_distance = distance / count;
	found->mean_next = next / count;
	found->silhouette = silhouette / count;
}

void
segmentation_assign_rows(const Segmentation *s, SegmentationRows *found)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(outer, "usercluster assignment", ALLOCSET_DEFAULT_SIZES);
	size_t		count = found->rows.count;
	int			dim;
	float	   *prepared,
			   *centroids;
	UcAssignment out;
	UcRun		run;
	UcError		err;

	if (found->places == NULL)
	{
		found->places = palloc_extended(sizeof(int32) * count, MCXT_ALLOC_HUGE);
		found->segments = palloc_extended(sizeof(int32) * count, MCXT_ALLOC_HUGE);
		found->distances = palloc_extended(sizeof(double) * count, MCXT_ALLOC_HUGE);
		found->margins = palloc_extended(sizeof(double) * count, MCXT_ALLOC_HUGE);
	}
	MemoryContextSwitchTo(context);
	prepared = segmentation_prepare_rows(s, &found->rows, &dim);
	centroids = centroid_matrix(s, dim);
	out = (UcAssignment) {found->places, found->distances, found->margins};
	usercluster_run(&run);
	progress_watch(&run);
	usercluster_check(uc_assign(prepared, count, dim, centroids, s->count, s->kmeans.metric, &run, &out, &err), &err);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(context);
	sum_up(s, found);
}
