/*
 * recommend_tune.c
 *	  tune_recommendations: a mixture found on one part of the interactions and measured on another.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/recommend_request.h"
#include "pg/recommend_trial.h"
#include "pg/texts.h"
#include "segment/tune.h"

#define FOLDS 5
#define COLUMNS 11

enum
{
	ARG_SEGMENTATION, ARG_INTERACTIONS, ARG_N, ARG_SPLIT, ARG_SHARE, ARG_ITEMS, ARG_USERS, ARG_HALF_LIFE, ARG_COLD, ARG_SAMPLE,
	ARG_SEED
};

typedef struct Tune
{
	Trial		trial;
	UcSplit		test;
	UcSplit		validation;		/* of the test's past */
	UcEvaluation before;
	UcEvaluation after;
	MemoryContextCallback callback; /* frees what the core holds */
} Tune;

static void
free_core(void *arg)
{
	Tune	   *call = arg;

	uc_evaluation_free(&call->before);
	uc_evaluation_free(&call->after);
	uc_split_free(&call->test);
	uc_split_free(&call->validation);
}

static void
measure(const Tune *call, const UcRecommendOptions *options, int n, int folds, UcEvaluation *evaluation)
{
	UcShop		shop;
	UcRun		run;
	UcError		err;

	trial_shop(&call->trial, &call->test.past, &shop);
	trial_run(&call->trial, &run);
	usercluster_check(uc_evaluate(&shop, &call->test, options, n, folds, &run, evaluation, &err), &err);
}

static void
put_row(ReturnSetInfo *set, const Tune *call, const UcRecommendOptions *options, const UcTuning *tuning, uint64 seed)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	size_t		count = call->test.count;
	const double *before = call->before.measures + (size_t) UC_NDCG * count;
	const double *after = call->after.measures + (size_t) UC_NDCG * count;
	UcEstimate	lift;
	double		numbers[7];

	trial_bootstrap(&call->trial, after, before, count, seed, &lift);
	numbers[0] = call->validation.count == 0 ? NAN : tuning->before;
	numbers[1] = call->validation.count == 0 ? NAN : tuning->after;
	numbers[2] = trial_mean(before, count);
	numbers[3] = trial_mean(after, count);
	numbers[4] = lift.value;
	numbers[5] = lift.low;
	numbers[6] = lift.high;
	values[0] = JsonbPGetDatum(recommend_weights_datum(options->weights));
	values[1] = Int32GetDatum(options->neighbours);
	values[2] = Int64GetDatum((int64) call->validation.count);
	values[3] = Int64GetDatum((int64) count);
	for (int i = 0; i < (int) lengthof(numbers); i++)
	{
		nulls[4 + i] = isnan(numbers[i]);
		values[4 + i] = Float8GetDatum(numbers[i]);
	}
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

USERCLUSTER_FUNCTION(usercluster_tune_recommendations)
{
	static const char *const names[] = {
		"segmentation", "interactions", "n", "split", "share", NULL, NULL, NULL, "cold", "sample", "seed"
	};
	MemoryContext old = CurrentMemoryContext,
				context;
	Tune	   *call;
	UcRecommendOptions defaults,
				options;
	UcTuning	tuning;
	UcShop		shop;
	UcRun		run;
	UcError		err;
	double		share;
	int			n,
				sample,
				folds;
	uint64		seed;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster tune_recommendations", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("tune_recommendations");
	for (int i = 0; i < (int) lengthof(names); i++)
		if (names[i] != NULL)
			kmeans_refuse_null(fcinfo, i, names[i]);
	call = palloc0(sizeof *call);
	call->callback.func = free_core;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(context, &call->callback);
	n = recommend_count_argument(fcinfo, ARG_N, "n", RECOMMEND_MOST);
	share = trial_share(texts_argument(fcinfo, ARG_SPLIT), PG_GETARG_FLOAT8(ARG_SHARE));
	folds = PG_GETARG_BOOL(ARG_COLD) ? FOLDS : 0;
	sample = recommend_count_argument(fcinfo, ARG_SAMPLE, "sample", INT_MAX);
	seed = (uint64) PG_GETARG_INT64(ARG_SEED);
	trial_read(&call->trial, &(RecommendRequest) {
		.segmentation = texts_argument(fcinfo, ARG_SEGMENTATION),.interactions = texts_argument(fcinfo, ARG_INTERACTIONS),
		.items = texts_argument(fcinfo, ARG_ITEMS),.users = texts_argument(fcinfo, ARG_USERS),
		.half_life = recommend_half_life_argument(fcinfo, ARG_HALF_LIFE),.want_vectors = true,.want_texts = true
	}, seed);
	trial_split(&call->trial, &call->trial.all, call->trial.times, share, sample, seed, &call->test);
	trial_split(&call->trial, &call->test.past, call->test.times, share, sample, seed, &call->validation);
	trial_shop(&call->trial, &call->validation.past, &shop);
	trial_run(&call->trial, &run);
	progress_watch(&run);
	uc_recommend_defaults(&defaults);
	options = defaults;
	usercluster_check(uc_tune(&shop, &call->validation, n, folds, &run, &options, &tuning, &err), &err);
	measure(call, &defaults, n, folds, &call->before);
	measure(call, &options, n, folds, &call->after);
	put_row((ReturnSetInfo *) fcinfo->resultinfo, call, &options, &tuning, seed);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
