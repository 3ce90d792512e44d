/*
 * recommend_trial.c
 *	  Reads interactions and keeps some of them back.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/recommend_request.h"
#include "pg/recommend_trial.h"
#include "pg/texts.h"

#define FOLDS 5

enum
{
	ARG_SEGMENTATION, ARG_INTERACTIONS, ARG_N, ARG_SPLIT, ARG_SHARE, ARG_ITEMS, ARG_USERS
};

/* The share to keep back, 0 for the last interaction. */
static double
share_of(const char *split, double share)
{
	if (strcmp(split, "last") == 0)
		return 0;
	if (strcmp(split, "time") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized split \"%s\"", split), errhint("Use 'time' or 'last'.")));
	if (!(share > 0 && share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("share must be above 0 and below 1, not %g", share)));
	return share;
}

static void
free_core(void *arg)
{
	uc_interactions_free(&((Trial *) arg)->all);
}

void
trial_run(const Trial *trial, UcRun *run)
{
	const UcInteractions *all = &trial->all;
	size_t		held = uc_size_add(trial->data.bytes, uc_interactions_memory(all->users, all->items, all->count));

	usercluster_run(run);
	run->max_memory -= Min(held, run->max_memory);
}

void
trial_read(Trial *trial, FunctionCallInfo fcinfo, int half_life)
{
	static const char *const names[] = {"segmentation", "interactions", "n", "split", "share"};
	static const char *const last[] = {"cold", "sample", "seed"};
	RecommendData *data = &trial->data;
	UcRun		run;
	UcError		err;

	for (int i = 0; i < (int) lengthof(names); i++)
		usercluster_refuse_null(fcinfo, i, names[i]);
	for (int i = 0; i < (int) lengthof(last); i++)
		usercluster_refuse_null(fcinfo, half_life + 1 + i, last[i]);
	trial->n = usercluster_count_argument(fcinfo, ARG_N, "n", RECOMMEND_MOST);
	trial->share = share_of(texts_argument(fcinfo, ARG_SPLIT), PG_GETARG_FLOAT8(ARG_SHARE));
	trial->folds = PG_GETARG_BOOL(half_life + 1) ? FOLDS : 0;
	trial->sample = usercluster_count_argument(fcinfo, half_life + 2, "sample", INT_MAX);
	trial->seed = (uint64) PG_GETARG_INT64(half_life + 3);
	trial->callback.func = free_core;
	trial->callback.arg = trial;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &trial->callback);
	recommend_read(&(RecommendRequest) {
		.segmentation = texts_argument(fcinfo, ARG_SEGMENTATION),.interactions = texts_argument(fcinfo, ARG_INTERACTIONS),
		.items = texts_argument(fcinfo, ARG_ITEMS),.users = texts_argument(fcinfo, ARG_USERS),
		.half_life = recommend_half_life_argument(fcinfo, half_life),.want_vectors = true,.want_texts = true
	}, NULL, data);
	if (data->at == NULL && data->count > 0)
		ereport(NOTICE,
				(errmsg("interactions are kept back at random"),
				 errdetail("Their query has no column \"at\" that would tell which are the latest."),
				 errhint("Add the time of each interaction as \"at\".")));
	progress_phase("splitting interactions", data->count);
	trial_run(trial, &run);
	usercluster_check(uc_interactions_create(data->users.count, data->items.count, data->count, data->user, data->item,
											 data->weight, &run, &trial->all, &err), &err);
	trial->times = palloc_extended(Max(trial->all.count, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	uc_pair_times(&trial->all, data->count, data->user, data->item, data->at, trial->seed, trial->times);
}

void
trial_split(const Trial *trial, const UcInteractions *of, const int64 *times, UcSplit *split)
{
	UcRun		run;
	UcError		err;

	trial_run(trial, &run);
	usercluster_check(uc_split(of, times, trial->share, (size_t) trial->sample, trial->seed, &run, split, &err), &err);
}

void
trial_shop(const Trial *trial, const UcInteractions *past, UcShop *shop)
{
	recommend_shop(&trial->data, past, shop);
}

void
trial_bootstrap(const Trial *trial, const double *values, const double *base, size_t count, UcEstimate *estimate)
{
	UcRun		run;
	UcError		err;

	trial_run(trial, &run);
	usercluster_check(uc_bootstrap(values, base, count, trial->seed, &run, estimate, &err), &err);
}

double
trial_mean(const double *values, size_t count)
{
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count == 0 ? NAN : sum / (double) count;
}
