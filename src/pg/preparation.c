/*
 * preparation.c
 *	  Prepares the rows of a query, and later ones alike: prepare(embedding, preparation, language, features).
 *
 * What was fitted is a value of the composite type usercluster.preparation: it can be looked at, stored in a table, dumped
 * and passed to other servers.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/memory.h"
#include "pg/centroids.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/settings.h"
#include "pg/stored.h"

/* The columns of the composite type. */
enum
{
	FIELD_METHOD,
	FIELD_DIRECTIONS,
	FIELD_MEAN,
	FIELD_LANGUAGES,
	FIELD_LANGUAGE_MEANS,
	FIELD_COMPONENTS,
	FIELD_FEATURE_MEANS,
	FIELD_FEATURE_SCALES,
	FIELD_FEATURE_WEIGHT,
	FIELDS
};
#define FIELD_TYPES "text bool embedding _text _embedding _embedding _float8 _float8 float8"

static const char *const method_names[] = {
	[UC_PREPARE_NONE] = "none",[UC_PREPARE_CENTRED] = "centred",[UC_PREPARE_WHITENED] = "whitened"
};

static const char *const choice_names[] = {
	[PREPARATION_AUTO] = "auto",[PREPARATION_NONE] = "none",[PREPARATION_CENTRED] = "centred",
	[PREPARATION_GROUP_CENTRED] = "group-centred",[PREPARATION_WHITENED] = "whitened"
};

/* ---- fitting ---- */

void
preparation_options(PreparationOptions *options, const char *preparation, double feature_weight, UcMetric metric)
{
	int			choice = 0;

	while (choice <= PREPARATION_WHITENED && strcmp(choice_names[choice], preparation) != 0)
		choice++;
	if (choice > PREPARATION_WHITENED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized preparation \"%s\"", preparation),
				 errhint("Use 'auto', 'none', 'centred', 'group-centred' or 'whitened'.")));
	if (!isfinite(feature_weight) || feature_weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("feature_weight must be a finite number of at least 0, not %g", feature_weight)));
	options->choice = choice;
	options->feature_weight = feature_weight;
	options->directions = metric == UC_METRIC_COSINE;
}

typedef struct PreparationPlan
{
	UcPrepareInput input;
	UcPreparationMethod method;
	size_t		components;		/* 0: by the rule */
	bool		changes;
} PreparationPlan;

bool
preparation_method(const PreparationOptions *options, const Rows *rows, size_t count, size_t dim, UcPreparationMethod *method,
				   size_t *components, int *languages)
{
	*languages = options->choice == PREPARATION_CENTRED ? 0 : rows->labels[ROWS_LANGUAGE].count;
	*components = 0;
	switch (options->choice)
	{
		case PREPARATION_AUTO:
			/* one language alone is no reason to centre */
			uc_prepare_auto(count, dim, options->directions, *languages > 1, method, components);
			break;
		case PREPARATION_NONE:
			*method = UC_PREPARE_NONE;
			break;
		case PREPARATION_CENTRED:
		case PREPARATION_GROUP_CENTRED:
			*method = UC_PREPARE_CENTRED;
			break;
		case PREPARATION_WHITENED:
			*method = UC_PREPARE_WHITENED;
			break;
	}
	return *method != UC_PREPARE_NONE || rows->feature_count > 0;
}

void
preparation_require_columns(const PreparationOptions *options, int columns)
{
	if (options->choice == PREPARATION_GROUP_CENTRED && (columns & ROWS_KNOWS(ROWS_LANGUAGE)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation => 'group-centred' needs a column \"language\" in the query")));
}

static void
make_plan(const PreparationOptions *options, const Rows *rows, size_t count, size_t dim, PreparationPlan *plan)
{
	memset(plan, 0, sizeof *plan);
	plan->changes = preparation_method(options, rows, count, dim, &plan->method, &plan->components,
									   &plan->input.group_count);
	plan->input.rows = rows->values;
	plan->input.count = count;
	plan->input.dim = dim;
	plan->input.weights = rows->weights;
	plan->input.groups = plan->input.group_count > 0 ? rows->labels[ROWS_LANGUAGE].codes : NULL;
	plan->input.features = rows->features;
	plan->input.feature_count = rows->feature_count;
	plan->input.feature_weight = options->feature_weight;
	plan->input.directions = options->directions;
}

size_t
preparation_memory(const PreparationOptions *options, const Rows *rows, size_t count, size_t dim, int threads,
				   size_t *out_dim)
{
	PreparationPlan plan;

	*out_dim = dim;
	if (count == 0 || dim == 0)
		return 0;
	make_plan(options, rows, count, dim, &plan);
	if (!plan.changes)
		return 0;
	if (plan.method == UC_PREPARE_WHITENED)
		*out_dim = plan.components > 0 ? plan.components : uc_prepare_components(count, dim);
	*out_dim += rows->feature_count;
	return uc_size_add(uc_prepare_memory(&plan.input, plan.method, plan.components, threads),
					   uc_size_mul(count, uc_size_mul(*out_dim, sizeof(float))));
}

/* What the core has allocated; it ends with the memory context, also when an error has ended the caller's stack. */
typedef struct OwnedPreparation
{
	MemoryContextCallback callback;
	UcPreparation fitted;
} OwnedPreparation;

static void
end_fitted(void *arg)
{
	uc_prepare_free(&((OwnedPreparation *) arg)->fitted);
}

static float *
apply(const UcPreparation *preparation, const float *vectors, size_t count, const int32_t *groups, const double *features)
{
	size_t		dim = preparation->out_dim + preparation->features;
	float	   *out = palloc_extended(uc_size_mul(count, uc_size_mul(dim, sizeof(float))), MCXT_ALLOC_HUGE);
	UcRun		run = {.threads = 1,.max_memory = settings_max_memory()};
	UcError		err;

	/* one vector is that of a function in somebody's query, where asking for the processors would cost more than the work */
	if (count > 1)
	{
		usercluster_run(&run);
		progress_watch(&run);
	}
	usercluster_check(uc_prepare_apply(preparation, vectors, count, groups, features, &run, out, &err), &err);
	return out;
}

void
preparation_fit(const PreparationOptions *options, const Rows *rows, Prepared *prepared)
{
	OwnedPreparation *owned = palloc(sizeof *owned);
	PreparationPlan plan;
	UcRun		run;
	UcError		err;

	preparation_require_columns(options, rows->columns);
	make_plan(options, rows, rows->count, rows->dim, &plan);
	prepared->changed = plan.changes;
	if (!plan.changes)
	{
		memset(&prepared->fitted, 0, sizeof prepared->fitted);
		prepared->fitted.directions = options->directions;
		prepared->fitted.dim = prepared->fitted.out_dim = rows->dim;
		prepared->values = rows->values;
		prepared->dim = rows->dim;
		return;
	}
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(rows_memory(rows), run.max_memory);
	usercluster_check(uc_prepare_fit(&plan.input, plan.method, plan.components, &run, &owned->fitted, &err), &err);
	owned->callback.func = end_fitted;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	prepared->fitted = owned->fitted;
	prepared->values = apply(&prepared->fitted, rows->values, rows->count, plan.input.groups, plan.input.features);
	prepared->dim = (int) (prepared->fitted.out_dim + prepared->fitted.features);
}

float *
preparation_apply(const Prepared *prepared, const float *vectors, size_t count, const int32 *languages,
				  const double *features)
{
	return apply(&prepared->fitted, vectors, count, languages, features);
}

/* ---- to SQL ---- */

static Datum
embedding_datum(const float *x, size_t dim)
{
	Embedding  *embedding = embedding_new((int) dim);

	memcpy(embedding->x, x, sizeof(float) * dim);
	return PointerGetDatum(embedding);
}

static Datum
embeddings_datum(const float *x, int count, size_t dim)
{
	Datum	   *elements = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		elements[i] = embedding_datum(x + i * dim, dim);
	return PointerGetDatum(construct_array(elements, count, embedding_type_oid(), -1, false, TYPALIGN_INT));
}

static Datum
numbers_datum(const double *x, int count)
{
	Datum	   *elements = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		elements[i] = Float8GetDatum(x[i]);
	return PointerGetDatum(construct_array(elements, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
names_datum(char **names, int count)
{
	Datum	   *elements = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
preparation_datum(const Prepared *prepared, const Rows *rows, Oid type)
{
	const UcPreparation *fitted = &prepared->fitted;
	TupleDesc	description = lookup_rowtype_tupdesc(type, -1);
	Datum		values[FIELDS] = {0};
	bool		nulls[FIELDS];
	HeapTuple	tuple;

	definition_check_row(description, FIELD_TYPES);
	memset(nulls, true, sizeof nulls);
#define PUT(field, value) (values[field] = (value), nulls[field] = false)
	PUT(FIELD_METHOD, CStringGetTextDatum(method_names[fitted->method]));
	PUT(FIELD_DIRECTIONS, BoolGetDatum(fitted->directions));
	if (fitted->mean != NULL)
		PUT(FIELD_MEAN, embedding_datum(fitted->mean, fitted->dim));
	if (fitted->groups > 0)
	{
		PUT(FIELD_LANGUAGES, names_datum(rows->labels[ROWS_LANGUAGE].names, fitted->groups));
		PUT(FIELD_LANGUAGE_MEANS, embeddings_datum(fitted->group_means, fitted->groups, fitted->dim));
	}
	if (fitted->components > 0)
		PUT(FIELD_COMPONENTS, embeddings_datum(fitted->projection, (int) fitted->components, fitted->dim));
	if (fitted->features > 0)
	{
		PUT(FIELD_FEATURE_MEANS, numbers_datum(fitted->feature_mean, (int) fitted->features));
		PUT(FIELD_FEATURE_SCALES, numbers_datum(fitted->feature_scale, (int) fitted->features));
		PUT(FIELD_FEATURE_WEIGHT, Float8GetDatum(fitted->feature_weight));
	}
#undef PUT
	tuple = heap_form_tuple(description, values, nulls);
	ReleaseTupleDesc(description);
	return HeapTupleGetDatum(tuple);
}

/* ---- and back ---- */

static void
refuse_preparation(const char *field)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("not a preparation that clustering has made"),
			 errdetail("Its \"%s\" does not fit the rest.", field),
			 errhint("Take it unchanged from usercluster.kmeans_fit.")));
}

/* [count, dim] of an array of embeddings, which must have these numbers where they are not 0. */
static float *
read_embeddings(Datum datum, size_t *count, size_t *dim, const char *field)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	Datum	   *elements;
	bool	   *nulls;
	int			found;
	float	   *values = NULL;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, &found);
	if (found == 0 || (*count != 0 && (size_t) found != *count))
		refuse_preparation(field);
	*count = found;
	for (int i = 0; i < found; i++)
	{
		Embedding  *embedding = nulls[i] ? NULL : DatumGetEmbedding(elements[i]);

		if (embedding == NULL || (*dim != 0 && (size_t) embedding->dim != *dim))
			refuse_preparation(field);
		*dim = embedding->dim;
		if (values == NULL)
			values = palloc_extended(uc_size_mul(found, sizeof(float) * *dim), MCXT_ALLOC_HUGE);
		embedding_check_finite(embedding);
		memcpy(values + i * *dim, embedding->x, sizeof(float) * *dim);
	}
	return values;
}

static double *
read_numbers(Datum datum, size_t *count, const char *field)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	Datum	   *elements;
	bool	   *nulls;
	int			found;
	double	   *values;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &found);
	if (found == 0 || (*count != 0 && (size_t) found != *count))
		refuse_preparation(field);
	*count = found;
	values = palloc(sizeof(double) * found);
	for (int i = 0; i < found; i++)
	{
		if (nulls[i] || !isfinite(DatumGetFloat8(elements[i])))
			refuse_preparation(field);
		values[i] = DatumGetFloat8(elements[i]);
	}
	return values;
}

static void
read_languages(Datum datum, KeptPreparation *kept)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &kept->languages);
	kept->language_names = palloc(sizeof(char *) * Max(kept->languages, 1));
	for (int i = 0; i < kept->languages; i++)
	{
		if (nulls[i])
			refuse_preparation("languages");
		kept->language_names[i] = TextDatumGetCString(elements[i]);
	}
}

KeptPreparation *
preparation_read(HeapTupleHeader row, int dim)
{
	KeptPreparation	   *kept = palloc0(sizeof *kept);
	UcPreparation *preparation = &kept->preparation;
	Datum		values[FIELDS];
	bool		nulls[FIELDS];
	char	   *method;
	size_t		one = 1;
	size_t		found_dim = dim;
	size_t		languages;
	TupleDesc	description = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));

	definition_check_row(description, FIELD_TYPES);
	ReleaseTupleDesc(description);
	for (int i = 0; i < FIELDS; i++)
		values[i] = GetAttributeByNum(row, i + 1, &nulls[i]);
	if (nulls[FIELD_METHOD] || nulls[FIELD_DIRECTIONS])
		refuse_preparation("method");
	method = TextDatumGetCString(values[FIELD_METHOD]);
	while (preparation->method <= UC_PREPARE_WHITENED && strcmp(method, method_names[preparation->method]) != 0)
		preparation->method++;
	if (preparation->method > UC_PREPARE_WHITENED ||
		(preparation->method != UC_PREPARE_NONE) != !nulls[FIELD_MEAN] ||
		(preparation->method == UC_PREPARE_WHITENED) != !nulls[FIELD_COMPONENTS])
		refuse_preparation("method");
	if (!nulls[FIELD_MEAN])
	{
		Embedding  *mean = DatumGetEmbedding(values[FIELD_MEAN]);

		if (mean->dim != dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("different embedding dimensions %d and %d", dim, mean->dim),
					 errdetail("The embedding has %d dimensions, and the preparation was made for %d.", dim, mean->dim)));
		preparation->mean = read_embeddings(
			PointerGetDatum(construct_array(&values[FIELD_MEAN], 1, embedding_type_oid(), -1, false, TYPALIGN_INT)),
			&one, &found_dim, "mean");
	}
	preparation->directions = DatumGetBool(values[FIELD_DIRECTIONS]);
	preparation->dim = preparation->out_dim = dim;
	if (!nulls[FIELD_LANGUAGES])
	{
		read_languages(values[FIELD_LANGUAGES], kept);
		languages = kept->languages;
		if (nulls[FIELD_LANGUAGE_MEANS] || languages == 0 || preparation->mean == NULL)
			refuse_preparation("languages");
		preparation->group_means = read_embeddings(values[FIELD_LANGUAGE_MEANS], &languages, &found_dim, "language_means");
		preparation->groups = kept->languages;
	}
	if (!nulls[FIELD_COMPONENTS])
	{
		preparation->projection = read_embeddings(values[FIELD_COMPONENTS], &preparation->components, &found_dim,
												  "components");
		preparation->out_dim = preparation->components;
	}
	if (!nulls[FIELD_FEATURE_MEANS])
	{
		if (nulls[FIELD_FEATURE_SCALES] || nulls[FIELD_FEATURE_WEIGHT])
			refuse_preparation("feature_means");
		preparation->feature_mean = read_numbers(values[FIELD_FEATURE_MEANS], &preparation->features, "feature_means");
		preparation->feature_scale = read_numbers(values[FIELD_FEATURE_SCALES], &preparation->features, "feature_scales");
		preparation->feature_weight = DatumGetFloat8(values[FIELD_FEATURE_WEIGHT]);
	}
	return kept;
}

float *
preparation_apply_kept(const KeptPreparation *kept, const float *vectors, size_t count, const int32 *languages,
					   const double *features)
{
	return apply(&kept->preparation, vectors, count, kept->preparation.groups > 0 ? languages : NULL, features);
}

int32
preparation_language(const KeptPreparation *kept, const char *name)
{
	for (int i = 0; i < kept->languages; i++)
		if (strcmp(kept->language_names[i], name) == 0)
			return i;
	return -1;
}

/* One row's features; NaN where it has none. */
static double *
read_features(FunctionCallInfo fcinfo, int argument, size_t wanted)
{
	double	   *features = palloc(sizeof(double) * Max(wanted, 1));
	Datum	   *elements = NULL;
	bool	   *nulls = NULL;
	int			found = 0;

	if (!PG_ARGISNULL(argument))
	{
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
						  &elements, &nulls, &found);
		if ((size_t) found != wanted)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("different numbers of features %d and %zu", found, wanted),
					 errdetail("The row has %d features, and the preparation was made for %zu.", found, wanted)));
	}
	for (size_t i = 0; i < wanted; i++)
	{
		features[i] = found == 0 || nulls[i] ? NAN : DatumGetFloat8(elements[i]);
		if (isinf(features[i]))
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("feature %zu is infinite", i + 1)));
	}
	return features;
}

/* Of one call site: the preparation of the last call, and what it was read from. */
typedef struct Cached
{
	bool		constant;		/* the argument is a constant: no need to look at it again */
	bool		stored;			/* it was a value stored out of line: */
	struct varatt_external where;	/* this one */
	HeapTupleHeader row;
	KeptPreparation *kept;
	MemoryContext context;
} Cached;

static const KeptPreparation *
preparation_argument(FunctionCallInfo fcinfo, int argument, int dim)
{
	Cached	   *cached = fcinfo->flinfo->fn_extra;
	bool		usable = cached != NULL && cached->kept != NULL && cached->kept->preparation.dim == (size_t) dim;
	struct varatt_external where;
	bool		stored;
	HeapTupleHeader row;
	Size		length;
	MemoryContext old;

	if (usable && cached->constant)
		return cached->kept;
	stored = stored_value(PG_GETARG_DATUM(argument), &where);
	if (usable && stored && cached->stored && memcmp(&cached->where, &where, sizeof where) == 0)
		return cached->kept;
	row = PG_GETARG_HEAPTUPLEHEADER(argument);
	length = HeapTupleHeaderGetDatumLength(row);
	if (usable && HeapTupleHeaderGetDatumLength(cached->row) == length && memcmp(cached->row, row, length) == 0)
		return cached->kept;
	if (cached == NULL)
	{
		cached = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *cached);
		cached->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "usercluster preparation", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = cached;
	}
	cached->kept = NULL;
	MemoryContextReset(cached->context);
	old = MemoryContextSwitchTo(cached->context);
	cached->row = palloc(length);
	memcpy(cached->row, row, length);
	cached->stored = stored;
	cached->where = where;
	cached->kept = preparation_read(cached->row, dim);
	MemoryContextSwitchTo(old);
	cached->constant = argument_is_constant(fcinfo, argument);
	return cached->kept;
}

/* (embedding, preparation, language, features) → embedding; NULL where either of the first two is */
USERCLUSTER_FUNCTION(usercluster_prepare)
{
	Embedding  *embedding;
	const KeptPreparation *kept;
	const UcPreparation *preparation;
	int32		language = -1;
	double	   *features;
	float	   *prepared;
	Embedding  *result;
	bool		zero = true;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	embedding = PG_GETARG_EMBEDDING(0);
	embedding_check_finite(embedding);
	kept = preparation_argument(fcinfo, 1, embedding->dim);
	preparation = &kept->preparation;
	for (int i = 0; i < embedding->dim && zero; i++)
		zero = embedding->x[i] == 0;
	if (zero && preparation->directions)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("embedding of zero norm has no direction, which the cosine metric needs")));
	if (!PG_ARGISNULL(2))
		language = preparation_language(kept, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	features = read_features(fcinfo, 3, preparation->features);
	prepared = apply(preparation, embedding->x, 1, preparation->groups > 0 ? &language : NULL, features);
	result = (Embedding *) DatumGetPointer(embedding_datum(prepared, preparation->out_dim + preparation->features));
	embedding_check_finite(result);
	PG_RETURN_EMBEDDING(result);
}
