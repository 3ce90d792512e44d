/*
 * segmentation_fit.c
 *	  From the stored query of a segmentation to segments.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/choose.h"
#include "cluster/match.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/segmentation_fit.h"

#define SMALLEST_K 2			/* of those that are tried where none is asked for */
#define LARGEST_K 12
#define CHOICE_ROWS 20000		/* that are looked at for it */

/*
 * The fit that began at the old centroids is kept unless a fresh one is better by more than this: fits that are about as good
 * can part the users quite differently.
 */
#define WORTH_A_CHANGE 0.01

/* Beside shared members, which count 1 each, how far likeness of centroids counts in matching. */
#define LIKENESS 0.01

/* ---- rows ---- */

char *
segmentation_model(const char *model, char **name, int *dimensions)
{
	const OpenModel *open = models_get(model);

	*name = pstrdup(open->name);
	*dimensions = (int) open->model->config.dimensions;
	return pstrdup(open->model->fingerprint);
}

static size_t
work_memory(size_t count, size_t dim, int threads, const void *arg)
{
	const SegmentationRows *rows = arg;
	const Segmentation *s = rows->segmentation;
	UcKmeansOptions options = s->kmeans;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&rows->preparation, &rows->rows, count, dim, threads, &prepared_dim);
	size_t		assignment = uc_size_mul(count, uc_size_add(uc_size_mul(prepared_dim, sizeof(float)), 64));
	double		weighted;		/* the estimate asks only whether there are weights */

	options.k = Max(1, Min((size_t) options.k, count));
	if (rows->rows.columns & ROWS_KNOWS(ROWS_WEIGHT))
		options.weights = &weighted;
	return uc_size_add(uc_size_add(preparation, assignment),
					   s->by_tree ? segmentation_tree_memory(count, prepared_dim, options.metric, threads) :
					   uc_kmeans_memory(count, prepared_dim, &options, threads));
}

/* The model of the rows, for which their length must be right. Watched columns know theirs; else somebody named it. */
static void
find_model(const Segmentation *s, SegmentationRows *rows)
{
	const VectorSource *source = &rows->stored.source;
	int			dimensions;

	if (source->model != NULL)
	{
		if (s->model_named && s->count == 0 && strcmp(s->model, source->model) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the query's embeddings are made by model \"%s\", not \"%s\"", source->model, s->model),
					 errdetail("So says usercluster.watched_columns.")));
		rows->model = source->model;
		rows->fingerprint = source->fingerprint;
		return;
	}
	if (!rows->stored.from_text && (s->model == NULL || s->count > 0))
	{
		/* whoever named it vouches for it */
		rows->model = s->model;
		rows->fingerprint = s->fingerprint;
		return;
	}
	rows->fingerprint = segmentation_model(s->model, &rows->model, &dimensions);
	if (dimensions != rows->rows.dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", rows->rows.dim, dimensions),
				 errdetail("The query's embeddings have %d dimensions, and those of model \"%s\" have %d.", rows->rows.dim,
						   rows->model, dimensions)));
}

static void
read_rows(const Segmentation *s, SegmentationRows *rows)
{
	RowsOptions options = {
		.name = "the segmentation",.directions = s->kmeans.metric == UC_METRIC_COSINE,
		.columns = SEGMENTATION_COLUMNS,.work = work_memory,.work_arg = rows
	};

	rows->segmentation = s;
	preparation_options(&rows->preparation, s->preparation, s->feature_weight, s->kmeans.metric);
	rows->embed.model = s->model;
	rows->stored.embed = &rows->embed;
	rows->stored.other_model = !s->model_named;
	query_read_stored(s->query, &options, &rows->stored, &rows->rows);
	if (rows->stored.from_text)
		rows_average(&rows->rows);
	else
		rows_refuse_duplicates(&rows->rows);
	if (rows->rows.count > 0)
		find_model(s, rows);
}

void
segmentation_read(const Segmentation *s, SegmentationRows *rows)
{
	memset(rows, 0, sizeof *rows);
	read_rows(s, rows);
	if (rows->rows.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query of segmentation \"%s\" returned no row with an embedding", s->name),
				 rows->rows.skipped > 0 ? errdetail("It returned " INT64_FORMAT " without.", rows->rows.skipped) : 0));
}

void
segmentation_read_some(const Segmentation *s, Oid key_type, bool (*wanted) (const void *arg, Datum key), const void *arg,
					   SegmentationRows *rows)
{
	memset(rows, 0, sizeof *rows);
	rows->stored.key_type = key_type;
	rows->stored.wanted = wanted;
	rows->stored.wanted_arg = arg;
	read_rows(s, rows);
}

bool
segmentation_fits(const Segmentation *s, const SegmentationRows *rows)
{
	if (s->count == 0 || s->dimensions != rows->rows.dim)
		return false;
	return (s->fingerprint == NULL) == (rows->fingerprint == NULL) &&
		(s->fingerprint == NULL || strcmp(s->fingerprint, rows->fingerprint) == 0);
}

void
segmentation_require_fit(const Segmentation *s, const SegmentationRows *rows)
{
	if (segmentation_fits(s, rows))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the query of segmentation \"%s\" returns embeddings of another kind than it was fitted to", s->name),
			 errhint("Fit it anew with usercluster.refresh_segmentation.")));
}

/* ---- how many segments ---- */

/* Every so many rows, so that no more than CHOICE_ROWS are left, and their weights. */
static const float *
some_rows(const Prepared *prepared, const Rows *rows, size_t *kept, const double **weights)
{
	size_t		step = (rows->count - 1) / CHOICE_ROWS + 1;
	size_t		bytes = sizeof(float) * prepared->dim;
	float	   *values;
	double	   *kept_weights;

	*kept = (rows->count - 1) / step + 1;
	*weights = rows->weights;
	if (step == 1)
		return prepared->values;
	values = palloc_extended(uc_size_mul(*kept, bytes), MCXT_ALLOC_HUGE);
	kept_weights = palloc(sizeof(double) * *kept);
	for (size_t i = 0; i < *kept; i++)
	{
		memcpy((char *) values + i * bytes, prepared->values + i * step * prepared->dim, bytes);
		kept_weights[i] = rows->weights == NULL ? 1 : rows->weights[i * step];
	}
	if (rows->weights != NULL)
		*weights = kept_weights;
	return values;
}

static int
choose_k(const Segmentation *s, const Prepared *prepared, const Rows *rows)
{
	UcChooseOptions options;
	UcChoice   *choices;
	UcChoiceReason reason;
	UcRun		run;
	UcError		err;
	size_t		kept;
	const double *weights;
	const float *values = some_rows(prepared, rows, &kept, &weights);
	int			tried,
				chosen;

	if (kept < SMALLEST_K + 1)
		return 1;
	uc_choose_defaults(&options);
	options.k_min = SMALLEST_K;
	options.k_max = (int) Min(LARGEST_K, kept);
	options.kmeans.metric = s->kmeans.metric;
	options.kmeans.seed = s->kmeans.seed;
	options.kmeans.weights = weights;
	options.sample = Min(kept, 5000);
	choices = palloc0(sizeof *choices * (options.k_max - options.k_min + 1));
	usercluster_run(&run);
	progress_watch(&run);
	usercluster_check(uc_choose_k(values, kept, prepared->dim, &options, &run, choices, &tried, &err), &err);
	chosen = uc_choose_recommend(choices, tried, &reason);
	return chosen < 0 ? 1 : choices[chosen].k;
}

/* ---- the fit ---- */

/* For each row the place of its segment, or -1. */
static int32 *
places_of(const Segmentation *s, const int32 *numbers, size_t count)
{
	int32	   *places = palloc_extended(sizeof(int32) * Max(count, 1), MCXT_ALLOC_HUGE);
	int32	   *place_of = palloc_extended(sizeof(int32) * ((size_t) s->last_segment + 1), MCXT_ALLOC_HUGE);

	memset(place_of, -1, sizeof(int32) * ((size_t) s->last_segment + 1));
	for (int i = 0; i < s->count; i++)
		place_of[s->segments[i].number] = i;
	for (size_t i = 0; i < count; i++)
		places[i] = numbers[i] < 0 || numbers[i] > s->last_segment ? -1 : place_of[numbers[i]];
	pfree(place_of);
	return places;
}

/* Means of the prepared rows by their old segments; NULL where one of those has no row left. */
static const float *
old_centroids(const Segmentation *s, const Prepared *prepared, const int32 *places, const Rows *rows)
{
	size_t		dim = prepared->dim;
	double	   *sums = palloc_extended(uc_size_mul(s->count, dim * sizeof(double)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double	   *masses = palloc0(sizeof(double) * s->count);
	float	   *centroids = palloc_extended(uc_size_mul(s->count, dim * sizeof(float)), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < rows->count; i++)
	{
		double		weight = rows->weights == NULL ? 1 : rows->weights[i];

		CHECK_FOR_INTERRUPTS();
		if (places[i] < 0)
			continue;
		masses[places[i]] += weight;
		uc_kernels()->accumulate(sums + places[i] * dim, prepared->values + i * dim, weight, dim);
	}
	for (int c = 0; c < s->count; c++)
	{
		bool		zero = true;

		for (size_t j = 0; j < dim; j++)
		{
			centroids[c * dim + j] = (float) (sums[c * dim + j] / masses[c]);
			zero = zero && !(fabsf(centroids[c * dim + j]) > 0);
		}
		if (masses[c] == 0 || (zero && s->kmeans.metric == UC_METRIC_COSINE))
			return NULL;
	}
	return centroids;
}

static const UcKmeans *
best_fit(const Segmentation *s, const Prepared *prepared, const SegmentationRows *rows, const int32 *places, bool *warm)
{
	UcKmeansOptions options = s->kmeans;
	size_t		memory = uc_size_add(rows_memory(&rows->rows), uc_size_mul(rows->rows.count, sizeof(float) * prepared->dim));
	const UcKmeans *fresh,
			   *continued;

	*warm = false;
	if (s->by_tree)
		return segmentation_cut_tree(s, prepared, &rows->rows, memory);
	options.weights = rows->rows.weights;
	fresh = kmeans_run(prepared->values, rows->rows.count, prepared->dim, memory, &options);
	if (s->count != fresh->k || s->count != options.k)
		return fresh;
	options.centroids = old_centroids(s, prepared, places, &rows->rows);
	if (options.centroids == NULL)
		return fresh;
	continued = kmeans_run(prepared->values, rows->rows.count, prepared->dim, memory, &options);
	*warm = continued->k == s->count && continued->inertia <= fresh->inertia * (1 + WORTH_A_CHANGE);
	return *warm ? continued : fresh;
}

/* ---- numbers ---- */

static double
likeness(const Embedding *old, const float *centroid, int dim)
{
	double		out[3];

	if (old->dim != dim)
		return 0;
	uc_kernels()->dot_and_norms(old->x, centroid, dim, out);
	return out[1] > 0 && out[2] > 0 ? (1 + out[0] / sqrt(out[1] * out[2])) / 2 : 0;
}

/* The old segment [k] that each new one continues, or -1. */
static int32 *
match_segments(const Segmentation *s, const UcKmeans *fit, const float *centroids, int dim, const int32 *places)
{
	size_t		k = fit->k;
	double	   *benefit = palloc_extended(uc_size_mul(k, uc_size_mul(Max(s->count, 1), sizeof(double))),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int32	   *match = palloc(sizeof(int32) * k);
	bool		any = false;
	UcRun		run;
	UcError		err;

	for (size_t i = 0; i < fit->rows; i++)
		if (places[i] >= 0)
		{
			benefit[fit->labels[i] * s->count + places[i]]++;
			any = true;
		}
	for (size_t c = 0; c < k; c++)
		for (int old = 0; old < s->count; old++)
			benefit[c * s->count + old] += LIKENESS * likeness(s->segments[old].centroid, centroids + c * dim, dim);
	usercluster_run(&run);
	usercluster_check(uc_match(benefit, k, s->count, &run, match, &err), &err);
	for (size_t c = 0; c < k; c++)
		/* paired for want of others: nobody has stayed */
		if (match[c] >= 0 && any && benefit[c * s->count + match[c]] < 1)
			match[c] = -1;
	pfree(benefit);
	return match;
}

static Embedding *
embedding_of(const float *x, int dim)
{
	Embedding  *embedding = embedding_new(dim);

	memcpy(embedding->x, x, sizeof(float) * dim);
	return embedding;
}

static int
compare_numbers(const void *a, const void *b)
{
	return ((const Segment *) a)->number - ((const Segment *) b)->number;
}

static void
take_segments(Segmentation *s, const UcKmeans *fit, const float *centroids, int dim, const int32 *match)
{
	Segment    *segments = palloc0(sizeof(Segment) * fit->k);

	/* by falling size, so that new numbers rise with it */
	for (int c = 0; c < fit->k; c++)
	{
		segments[c].number = match[c] >= 0 ? s->segments[match[c]].number : ++s->last_segment;
		segments[c].centroid = embedding_of(centroids + (size_t) c * dim, dim);
		segments[c].prepared = embedding_of(fit->centroids + (size_t) c * fit->dim, (int) fit->dim);
	}
	qsort(segments, fit->k, sizeof(Segment), compare_numbers);
	s->segments = segments;
	s->count = fit->k;
}

static Oid
preparation_type(void)
{
	Oid			store = get_relname_relid("segmentation_store", get_namespace_oid("usercluster", false));

	return get_atttype(store, get_attnum(store, "fitted"));
}

static void
check_k(Segmentation *s, const SegmentationRows *rows)
{
	if ((size_t) s->kmeans.k <= rows->rows.count)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("k must be at most the number of rows: %d segments, %zu rows", s->kmeans.k, rows->rows.count),
			 rows->rows.skipped > 0 ?
			 errdetail("Rows without an embedding do not count: " INT64_FORMAT ".", rows->rows.skipped) : 0));
}

void
segmentation_fit(Segmentation *s, SegmentationRows *rows, const int32 *previous, SegmentationRun *run)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(outer, "usercluster segmentation fit", ALLOCSET_DEFAULT_SIZES);
	Prepared	prepared;
	const UcKmeans *fit;
	const float *centroids;
	int32	   *places,
			   *match;

	s->model = rows->model;
	s->fingerprint = rows->fingerprint;
	MemoryContextSwitchTo(context);
	preparation_fit(&rows->preparation, &rows->rows, &prepared);
	if (s->automatic_k && s->count == 0)
		s->kmeans.k = choose_k(s, &prepared, &rows->rows);
	check_k(s, rows);
	places = places_of(s, previous, rows->rows.count);
	fit = best_fit(s, &prepared, rows, places, &run->warm);
	centroids = prepared.changed ? kmeans_means(&rows->rows, NULL, fit, s->kmeans.metric) : fit->centroids;
	match = match_segments(s, fit, centroids, rows->rows.dim, places);

	MemoryContextSwitchTo(outer);
	take_segments(s, fit, centroids, rows->rows.dim, match);
	s->fitted = DatumGetHeapTupleHeader(preparation_datum(&prepared, &rows->rows, preparation_type()));
	s->dimensions = rows->rows.dim;
	s->content = rows->stored.content;
	s->has_content = true;
	s->fitted_at = GetCurrentTimestamp();
	run->inertia = fit->inertia;
	run->iterations = fit->iterations;
	run->converged = fit->converged;
	if (fit->k < s->kmeans.k)
		ereport(NOTICE,
				(errmsg_plural("found %d segment instead of %d, because there are no more distinct embeddings",
							   "found %d segments instead of %d, because there are no more distinct embeddings",
							   fit->k, fit->k, s->kmeans.k)));
	if (!fit->converged)
		ereport(NOTICE,
				(errmsg("k-means reached max_iterations (%d) before it converged", s->kmeans.max_iterations)));
	MemoryContextDelete(context);
}
