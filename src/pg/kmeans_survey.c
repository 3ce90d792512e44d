/*
 * kmeans_survey.c
 *	  The first run of a query whose rows are not kept: every row is looked at, and some are sampled.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/errors.h"
#include "pg/kmeans_survey.h"
#include "pg/preparation_stream.h"

typedef struct Survey
{
	const UcKmeansOptions *options;
	PreparationStream *stream;
	Sample	   *sample;			/* NULL: centroids are given */
	Rows	   *rows;
	int			next_check;		/* languages at which the memory is looked at again */
} Survey;

/* A fit over a sample of `rows`, as far as it is known before the rows. */
static size_t
sample_work(size_t rows, size_t dim, int threads, const UcKmeansOptions *options)
{
	UcKmeansOptions own = *options;
	size_t		state = uc_size_mul(own.k, uc_size_add(uc_size_mul(dim, 2 * sizeof(double)), 4 * sizeof(double)));

	own.k = (int) Min((size_t) own.k, Max(rows, 1));
	return uc_size_add(state, uc_size_add(uc_kmeans_memory(rows, dim, &own, threads),
										  uc_size_mul(rows, uc_size_mul(dim, 2 * sizeof(float)))));
}

size_t
kmeans_survey_memory(size_t rows, size_t dim, int threads, const UcKmeansOptions *options)
{
	size_t		sample = options->centroids != NULL ? 0 : Min(rows, kmeans_sample_size(options->k));

	return uc_size_add(sample_memory(sample, dim, 0), sample_work(sample, dim, threads, options));
}

static size_t
survey_work(size_t rows, size_t dim, int threads, const void *arg)
{
	const Survey *survey = arg;

	return uc_size_add(preparation_stream_memory(survey->stream, survey->rows, threads),
					   sample_work(rows, dim, threads, survey->options));
}

/* Languages are few; where a column has as many as rows, their means outgrow the memory. */
static void
check_languages(Survey *survey, const Rows *rows)
{
	int			known = rows->labels[ROWS_LANGUAGE].count;
	UcError		err;

	if (known < survey->next_check)
		return;
	usercluster_check(uc_check_budget(psprintf("preparing rows of %d languages", known),
									  preparation_stream_memory(survey->stream, rows, rows->threads), rows->max_memory, &err),
					  &err);
	survey->next_check = 2 * Max(known, 1);
}

static void
survey_row(void *arg, Rows *rows, Datum key, const Embedding *embedding, const RowExtra *extra)
{
	Survey	   *survey = arg;
	bool		weighted = rows->columns & ROWS_KNOWS(ROWS_WEIGHT);
	int32		language;

	check_languages(survey, rows);
	language = preparation_stream_add(survey->stream, rows, embedding, extra);
	if (survey->sample == NULL)
		return;
	survey->sample->weighted = weighted;
	sample_offer(survey->sample, rows, key, embedding->x, weighted ? extra->weight : 1, language,
				 extra == NULL ? NULL : extra->features, rows->feature_count);
}

static void
check_weights(const PreparationStream *stream, const Rows *rows)
{
	if (preparation_stream_weight(stream) > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("cannot cluster rows whose weights are all 0"),
			 errdetail("Rows 1 to %zu have weight 0.", rows->count)));
}

void
kmeans_survey(const char *query, const QueryForm *form, Oid key_type, const UcKmeansOptions *options,
			  const PreparationOptions *preparation, int centroid_dim, Rows *rows, Prepared *prepared, Sample *sample)
{
	Survey		survey = {
		.options = options,.sample = options->centroids == NULL ? sample : NULL,.rows = rows,
		.stream = preparation_stream_begin(options->metric == UC_METRIC_COSINE)
	};
	RowsOptions rows_options;
	int32	   *renumbered;

	kmeans_rows_options(options, &rows_options);
	rows_options.columns = KMEANS_COLUMNS;
	rows_options.active_snapshot = true;
	rows_options.take = survey_row;
	rows_options.take_arg = &survey;
	sample_begin(sample, kmeans_sample_size(options->k), options->seed, false, survey_work, &survey);
	query_read(query, key_type, &rows_options, rows);
	kmeans_check_rows(rows, options, centroid_dim);
	check_weights(survey.stream, rows);
	preparation_stream_end(survey.stream, preparation, form, key_type, rows, prepared, &renumbered);
	for (size_t i = 0; i < sample->count; i++)
		if (sample->languages[i] >= 0)
			sample->languages[i] = renumbered[sample->languages[i]];
	sample_finish(sample);
	pfree(renumbered);
}
