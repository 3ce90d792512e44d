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
	const UcKmeansOptions *options;
	const UcRun *run;
	UcKmeans   *results;		/* [groups] */
} Work;

/* Where a fit on one of several threads asks whether to stop. */
typedef struct Watch
{
	UcSection  *section;
	int			worker;
} Watch;

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

static UcKmeansOptions
options_of(const UcKmeansOptions *options, size_t rows)
{
	UcKmeansOptions own = *options;

	if (own.k > 0 && (size_t) own.k > rows)
		own.k = (int) rows;
	return own;
}

/* A fit with the copies of its rows and weights. */
static size_t
fit_memory(const UcGroupedRows *grouped, size_t rows, const UcKmeansOptions *options, int threads)
{
	UcKmeansOptions own = options_of(options, rows);

	own.weights = grouped->weights;
	return uc_size_add(uc_size_mul(rows, uc_size_add(uc_size_mul(grouped->dim, sizeof(float)), sizeof(double))),
					   uc_kmeans_memory(rows, grouped->dim, &own, threads));
}

size_t
uc_kmeans_groups_memory(const UcGroupedRows *grouped, const UcKmeansOptions *options, int threads)
{
	size_t		results = 0,
				largest = 0,
				largest_small = 0,
				alone,
				together;

	for (int group = 0; group < grouped->groups; group++)
	{
		size_t		rows = size_of(grouped, group);

		results = uc_size_add(results, uc_result_memory(rows, grouped->dim, options_of(options, rows).k));
		if (is_large(grouped, group, threads) && rows > largest)
			largest = rows;
		else if (!is_large(grouped, group, threads) && rows > largest_small)
			largest_small = rows;
	}
	alone = largest == 0 ? 0 : fit_memory(grouped, largest, options, threads);
	together = largest_small == 0 ? 0 : uc_size_mul((size_t) threads, fit_memory(grouped, largest_small, options, 1));
	return uc_size_add(results, alone > together ? alone : together);
}

static UcStatus
fit_group(const Work *work, int group, const UcRun *run, UcError *err)
{
	const UcGroupedRows *grouped = work->grouped;
	size_t		dim = grouped->dim,
				count = size_of(grouped, group),
				bytes = uc_size_mul(count, uc_size_mul(dim, sizeof(float)));
	const size_t *members = grouped->members + grouped->starts[group];
	UcKmeansOptions options = options_of(work->options, count);
	float	   *rows = uc_alloc(bytes);
	double	   *weights = grouped->weights == NULL ? NULL : uc_alloc(uc_size_mul(count, sizeof(double)));
	UcStatus	status;

	if (rows == NULL || (grouped->weights != NULL && weights == NULL))
		status = uc_out_of_memory(err, bytes);
	else
	{
		for (size_t i = 0; i < count; i++)
		{
			memcpy(rows + i * dim, grouped->rows + members[i] * dim, dim * sizeof(float));
			if (weights != NULL)
				weights[i] = grouped->weights[members[i]];
		}
		options.weights = weights;
		status = uc_kmeans(rows, count, dim, &options, run, &work->results[group], err);
	}
	uc_free(rows);
	uc_free(weights);
	return status;
}

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
uc_kmeans_groups_free(UcKmeans *results, int groups)
{
	for (int group = 0; group < groups; group++)
		uc_kmeans_free(&results[group]);
}

UcStatus
uc_kmeans_groups(const UcGroupedRows *grouped, const UcKmeansOptions *options, const UcRun *run, UcKmeans *results,
				 UcError *err)
{
	Work		work = {.grouped = grouped,.options = options,.run = run,.results = results};
	size_t		count = grouped->starts[grouped->groups];
	char		what[128];
	UcStatus	status;

	for (int group = 0; group < grouped->groups; group++)
		results[group] = (UcKmeans) {0};
	snprintf(what, sizeof what, "k-means over %zu rows of %zu dimensions in %d groups", count, grouped->dim, grouped->groups);
	status = uc_check_budget(what, uc_kmeans_groups_memory(grouped, options, run->threads), run->max_memory, err);
	if (status != UC_OK)
		return status;
	uc_blas_prepare();
	uc_progress_enter(run, (size_t) grouped->groups);
	for (int group = 0; status == UC_OK && group < grouped->groups; group++)
		if (is_large(grouped, group, run->threads))
		{
			uc_progress_part(run, (size_t) group + 1);
			status = fit_group(&work, group, run, err);
		}
	uc_progress_leave(run);
	if (status == UC_OK)
		status = uc_parallel_phase(run, "clustering groups", (size_t) grouped->groups, (size_t) grouped->groups, fit_small,
								   &work, err);
	if (status != UC_OK)
		uc_kmeans_groups_free(results, grouped->groups);
	return status;
}
