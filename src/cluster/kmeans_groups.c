/*
 * kmeans_groups.c
 *	  Shares the groups out: large ones in turn, small ones among the threads.
 */
#include "cluster/kmeans_groups.h"

#include <stdio.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "cluster/result.h"

#define LARGE_SHARE 4			/* a group of more than this part of a thread's share of the rows would leave others waiting */

typedef struct Work
{
	const UcGroupedRows *grouped;
	const UcGroupOptions *options;
	const UcRun *run;
	UcGroupFit *fits;			/* [groups] */
} Work;

/* Where a fit on one of several threads asks whether to stop. */
typedef struct Watch
{
	UcSection  *section;
	int			worker;
} Watch;

/* A group's rows by themselves. */
typedef struct Copies
{
	float	   *rows;			/* [count, dim] */
	double	   *weights;		/* [count], or NULL */
	double	   *features;		/* [count, feature_count], or NULL */
	int32_t    *languages;		/* [count], or NULL */
	int32_t    *numbers;		/* [language_count] of a language among those of the group */
	int			language_count;	/* in the group */
} Copies;

static size_t
size_of(const UcGroupedRows *grouped, int group)
{
	return grouped->starts[group + 1] - grouped->starts[group];
}

static bool
is_large(const UcGroupedRows *grouped, int group, int threads)
{
	return size_of(grouped, group) > grouped->starts[grouped->groups] / ((size_t) threads * LARGE_SHARE);
}

static int
clusters_of(const UcGroupOptions *options, size_t rows)
{
	int			k = options->kmeans.k;

	return k > 0 && (size_t) k > rows ? (int) rows : k;
}

static void
choose_method(const UcGroupOptions *options, size_t count, size_t dim, bool several_languages, UcPreparationMethod *method,
			  size_t *components)
{
	*method = options->method;
	*components = 0;
	if (options->automatic)
		uc_prepare_auto(count, dim, options->kmeans.metric == UC_METRIC_COSINE, several_languages, method, components);
}

/* ---- the estimate ---- */

static size_t
copies_memory(const UcGroupedRows *grouped, size_t rows)
{
	size_t		row = uc_size_add(uc_size_mul(grouped->dim, sizeof(float)),
								  uc_size_mul(1 + grouped->feature_count, sizeof(double)) + sizeof(int32_t));

	return uc_size_add(uc_size_mul(rows, row), uc_size_mul((size_t) grouped->language_count, sizeof(int32_t)));
}

/* A fit with the copies of its rows, and their preparation. */
static size_t
fit_memory(const UcGroupedRows *grouped, size_t rows, const UcGroupOptions *options, int threads)
{
	UcPrepareInput input = {
		.count = rows,.dim = grouped->dim,.groups = grouped->languages,.group_count = grouped->language_count,
		.feature_count = grouped->feature_count
	};
	UcKmeansOptions own = options->kmeans;
	UcPreparationMethod method;
	size_t		components,
				dim = grouped->dim,
				bytes = copies_memory(grouped, rows);

	choose_method(options, rows, dim, grouped->language_count > 1, &method, &components);
	if (method != UC_PREPARE_NONE || grouped->feature_count > 0)
	{
		if (method == UC_PREPARE_WHITENED)
			dim = components > 0 ? components : uc_prepare_components(rows, dim);
		dim += grouped->feature_count;
		bytes = uc_size_add(bytes, uc_prepare_memory(&input, method, components, threads));
		bytes = uc_size_add(bytes, uc_size_mul(rows, uc_size_mul(dim, sizeof(float))));
	}
	own.k = clusters_of(options, rows);
	own.weights = grouped->weights;
	return uc_size_add(bytes, uc_kmeans_memory(rows, dim, &own, threads));
}

size_t
uc_kmeans_groups_memory(const UcGroupedRows *grouped, const UcGroupOptions *options, int threads)
{
	size_t		width = uc_size_add(grouped->dim, grouped->feature_count),
				results = 0,
				largest = 0,
				largest_small = 0,
				alone,
				together;

	for (int group = 0; group < grouped->groups; group++)
	{
		size_t		rows = size_of(grouped, group);

		results = uc_size_add(results, uc_result_memory(rows, width, clusters_of(options, rows)));
		if (is_large(grouped, group, threads) && rows > largest)
			largest = rows;
		else if (!is_large(grouped, group, threads) && rows > largest_small)
			largest_small = rows;
	}
	alone = largest == 0 ? 0 : fit_memory(grouped, largest, options, threads);
	together = largest_small == 0 ? 0 : uc_size_mul((size_t) threads, fit_memory(grouped, largest_small, options, 1));
	return uc_size_add(results, alone > together ? alone : together);
}

/* ---- a group by itself ---- */

static void
free_copies(Copies *copies)
{
	uc_free(copies->rows);
	uc_free(copies->weights);
	uc_free(copies->features);
	uc_free(copies->languages);
	uc_free(copies->numbers);
}

/* Languages are numbered among those of the group, in the same order. */
static void
copy_languages(const UcGroupedRows *grouped, const size_t *members, size_t count, Copies *copies)
{
	memset(copies->numbers, -1, (size_t) grouped->language_count * sizeof(int32_t));
	for (size_t i = 0; i < count; i++)
		if (grouped->languages[members[i]] >= 0)
			copies->numbers[grouped->languages[members[i]]] = 0;
	for (int language = 0; language < grouped->language_count; language++)
		if (copies->numbers[language] >= 0)
			copies->numbers[language] = copies->language_count++;
	for (size_t i = 0; i < count; i++)
		copies->languages[i] = grouped->languages[members[i]] < 0 ? -1 : copies->numbers[grouped->languages[members[i]]];
}

static UcStatus
copy_group(const UcGroupedRows *grouped, int group, Copies *copies, UcError *err)
{
	size_t		dim = grouped->dim,
				features = grouped->feature_count,
				count = size_of(grouped, group);
	const size_t *members = grouped->members + grouped->starts[group];
	bool		speaks = grouped->languages != NULL && grouped->language_count > 0;

	copies->rows = uc_alloc(uc_size_mul(count, uc_size_mul(dim, sizeof(float))));
	if (grouped->weights != NULL)
		copies->weights = uc_alloc(uc_size_mul(count, sizeof(double)));
	if (features > 0)
		copies->features = uc_alloc(uc_size_mul(count, uc_size_mul(features, sizeof(double))));
	if (speaks)
	{
		copies->languages = uc_alloc(uc_size_mul(count, sizeof(int32_t)));
		copies->numbers = uc_alloc((size_t) grouped->language_count * sizeof(int32_t));
	}
	if (copies->rows == NULL || (grouped->weights != NULL && copies->weights == NULL) ||
		(features > 0 && copies->features == NULL) || (speaks && (copies->languages == NULL || copies->numbers == NULL)))
		return uc_out_of_memory(err, copies_memory(grouped, count));
	for (size_t i = 0; i < count; i++)
	{
		memcpy(copies->rows + i * dim, grouped->rows + members[i] * dim, dim * sizeof(float));
		if (copies->weights != NULL)
			copies->weights[i] = grouped->weights[members[i]];
		if (features > 0)
			memcpy(copies->features + i * features, grouped->features + members[i] * features, features * sizeof(double));
	}
	if (speaks)
		copy_languages(grouped, members, count, copies);
	return UC_OK;
}

/* Prepares the copies where there is something to do: `values` [count, dim] is then the caller's to free. */
static UcStatus
prepare_group(const Work *work, size_t count, const Copies *copies, const UcRun *run, float **values, size_t *dim, UcError *err)
{
	UcPrepareInput input = {
		.rows = copies->rows,.count = count,.dim = work->grouped->dim,.weights = copies->weights,
		.groups = copies->language_count > 0 ? copies->languages : NULL,.group_count = copies->language_count,
		.features = copies->features,.feature_count = work->grouped->feature_count,
		.feature_weight = work->options->feature_weight,
		.directions = work->options->kmeans.metric == UC_METRIC_COSINE
	};
	UcPreparation preparation;
	UcPreparationMethod method;
	size_t		components,
				bytes;
	UcStatus	status;

	*values = NULL;
	*dim = input.dim;
	choose_method(work->options, count, input.dim, copies->language_count > 1, &method, &components);
	if (method == UC_PREPARE_NONE && input.feature_count == 0)
		return UC_OK;
	status = uc_prepare_fit(&input, method, components, run, &preparation, err);
	if (status != UC_OK)
		return status;
	*dim = preparation.out_dim + preparation.features;
	bytes = uc_size_mul(count, uc_size_mul(*dim, sizeof(float)));
	*values = uc_alloc(bytes);
	status = *values == NULL ? uc_out_of_memory(err, bytes) :
		uc_prepare_apply(&preparation, copies->rows, count, input.groups, input.features, run, *values, err);
	uc_prepare_free(&preparation);
	return status;
}

static UcStatus
fit_group(const Work *work, int group, const UcRun *run, UcError *err)
{
	size_t		count = size_of(work->grouped, group),
				dim;
	UcKmeansOptions options = work->options->kmeans;
	Copies		copies = {0};
	float	   *values = NULL;
	UcStatus	status = copy_group(work->grouped, group, &copies, err);

	if (status == UC_OK)
		status = prepare_group(work, count, &copies, run, &values, &dim, err);
	if (status == UC_OK)
	{
		options.k = clusters_of(work->options, count);
		options.weights = copies.weights;
		work->fits[group].prepared = values != NULL;
		status = uc_kmeans(values != NULL ? values : copies.rows, count, dim, &options, run, &work->fits[group].kmeans, err);
	}
	uc_free(values);
	free_copies(&copies);
	return status;
}

/* ---- all groups ---- */

static bool
watch(void *arg)
{
	const Watch *watched = arg;

	return uc_section_stopped(watched->section, watched->worker);
}

static UcStatus
fit_small(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const Work *work = arg;
	Watch		watched = {section, worker};
	UcRun		run = {
		.threads = 1,.max_memory = work->run->max_memory,.interrupted = watch,.interrupt_arg = &watched
	};
	UcStatus	status;

	if (is_large(work->grouped, (int) task, work->run->threads))
		return UC_OK;
	status = fit_group(work, (int) task, &run, err);
	if (status != UC_INTERRUPTED)
		return status;
	/* the section says why it was stopped */
	err->status = UC_OK;
	return UC_OK;
}

void
uc_kmeans_groups_free(UcGroupFit *fits, int groups)
{
	for (int group = 0; group < groups; group++)
		uc_kmeans_free(&fits[group].kmeans);
}

UcStatus
uc_kmeans_groups(const UcGroupedRows *grouped, const UcGroupOptions *options, const UcRun *run, UcGroupFit *fits,
				 UcError *err)
{
	Work		work = {.grouped = grouped,.options = options,.run = run,.fits = fits};
	size_t		count = grouped->starts[grouped->groups];
	UcRun		quiet = *run;	/* the groups are what is counted */
	char		what[128];
	UcStatus	status;

	memset(fits, 0, (size_t) grouped->groups * sizeof *fits);
	snprintf(what, sizeof what, "k-means over %zu rows of %zu dimensions in %d groups", count, grouped->dim, grouped->groups);
	status = uc_check_budget(what, uc_kmeans_groups_memory(grouped, options, run->threads), run->max_memory, err);
	if (status != UC_OK)
		return status;
	uc_blas_prepare();
	quiet.progress = NULL;
	uc_progress_phase(run, "fitting large groups", (size_t) grouped->groups);
	for (int group = 0; status == UC_OK && group < grouped->groups; group++)
	{
		if (is_large(grouped, group, run->threads))
			status = fit_group(&work, group, &quiet, err);
		uc_progress_done(run, (size_t) group + 1);
	}
	if (status == UC_OK)
		status = uc_parallel_phase(run, "fitting small groups", (size_t) grouped->groups, (size_t) grouped->groups, fit_small,
								   &work, err);
	if (status != UC_OK)
		uc_kmeans_groups_free(fits, grouped->groups);
	return status;
}
