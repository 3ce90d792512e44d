/*
 * segmentation_assign.c
 *	  assign and assign_text: the segment of one embedding or text, without writing anything.
 *
 * What a segmentation needs for that is kept with the call site, so that a query over many rows reads it once, until an
 * invalidation says that some segmentation has changed.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/definition.h"
#include "pg/embed.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/segmentation_fit.h"
#include "pg/texts.h"

enum
{
	ARG_NAME, ARG_VALUE, ARG_LANGUAGE, ARG_FEATURES
};

typedef struct Cached
{
	uint64		generation;
	char	   *name;
	Segmentation *segmentation;
	SegmentationAssigner *assigner;
	MemoryContext context;
} Cached;

static const Cached *
cached_segmentation(FunctionCallInfo fcinfo)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	uint64		generation = segmentation_generation();
	char	   *name;
	MemoryContext old;

	usercluster_refuse_null(fcinfo, ARG_NAME, "name");
	name = texts_argument(fcinfo, ARG_NAME);
	if (cached != NULL && cached->generation == generation && strcmp(cached->name, name) == 0 &&
		segmentation_readable(cached->segmentation->members))
		return cached;
	if (cached == NULL)
	{
		cached = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *cached);
		cached->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "usercluster segmentation", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = cached;
	}
	cached->generation = 0;
	MemoryContextReset(cached->context);
	old = MemoryContextSwitchTo(cached->context);
	cached->name = pstrdup(name);
	cached->segmentation = segmentation_load(name, SEGMENTATION_READ);
	cached->assigner = segmentation_assigner(cached->segmentation);
	MemoryContextSwitchTo(old);
	cached->generation = generation;
	return cached;
}

/* One row's features; NULL: unknown. */
static double *
features_argument(FunctionCallInfo fcinfo, const Segmentation *s, size_t wanted)
{
	Datum	   *elements;
	bool	   *nulls;
	int			found;
	double	   *features;

	if (PG_ARGISNULL(ARG_FEATURES))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_FEATURES), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, &found);
	if ((size_t) found != wanted)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different numbers of features %d and %zu", found, wanted),
				 errdetail("The row has %d features, and segmentation \"%s\" was made for %zu.", found, s->name, wanted)));
	features = palloc(sizeof(double) * Max(found, 1));
	for (int i = 0; i < found; i++)
	{
		features[i] = nulls[i] ? NAN : DatumGetFloat8(elements[i]);
		if (isinf(features[i]))
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("feature %d is infinite", i + 1)));
	}
	return features;
}

/* NULL embedding: NULL in every column */
static Datum
assignment(FunctionCallInfo fcinfo, const Cached *cached, const Embedding *embedding)
{
	TupleDesc	description;
	Datum		values[3] = {0};
	bool		nulls[3] = {true, true, true};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (embedding != NULL)
	{
		const Segmentation *s = cached->segmentation;
		char	   *language = PG_ARGISNULL(ARG_LANGUAGE) ? NULL : texts_argument(fcinfo, ARG_LANGUAGE);
		double	   *features = features_argument(fcinfo, s, segmentation_features(cached->assigner));
		double		distance,
					margin;
		int			place = segmentation_assign(s, cached->assigner, embedding, language, features, &distance, &margin);

		values[0] = Int32GetDatum(s->segments[place].number);
		values[1] = Float8GetDatum(distance);
		values[2] = Float8GetDatum(margin);
		nulls[0] = nulls[1] = false;
		nulls[2] = isnan(margin);
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}

USERCLUSTER_FUNCTION(usercluster_assign)
{
	const Cached *cached = cached_segmentation(fcinfo);

	PG_RETURN_DATUM(assignment(fcinfo, cached, PG_ARGISNULL(ARG_VALUE) ? NULL : PG_GETARG_EMBEDDING(ARG_VALUE)));
}

void
segmentation_embed(const Segmentation *s, text *const *texts, int count, Embedding **out)
{
	EmbedRequest request = {.model = s->model};
	char	   *name;
	int			dimensions;

	if (s->model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segmentation \"%s\" does not know which model made its embeddings", s->name),
				 errhint("Name it when you create the segmentation: model => '...'; or embed the text yourself: "
						 "usercluster.assign(name, usercluster.embed(text, model)).")));
	if (s->fingerprint != NULL && strcmp(segmentation_model(s->model, &name, &dimensions), s->fingerprint) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" is not the one that segmentation \"%s\" was fitted with", s->model, s->name),
				 errdetail("A model of the same name with another content has taken its place."),
				 errhint("Embed the users anew, then fit it with usercluster.refresh_segmentation.")));
	embed_texts(&request, texts, count, out);
}

USERCLUSTER_FUNCTION(usercluster_assign_text)
{
	const Cached *cached = cached_segmentation(fcinfo);
	Embedding  *embedding = NULL;

	if (!PG_ARGISNULL(ARG_VALUE))
	{
		text	   *value = PG_GETARG_TEXT_PP(ARG_VALUE);

		segmentation_embed(cached->segmentation, &value, 1, &embedding);
	}
	PG_RETURN_DATUM(assignment(fcinfo, cached, embedding));
}
