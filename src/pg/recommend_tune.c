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
#include "pg/progress.h"
#include "pg/recommend_request.h"
#include "pg/recommend_trial.h"
#include "pg/texts.h"
#include "segment/tune.h"

#define COLUMNS 11
#define ARG_HALF_LIFE 7

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
measure(const Tune *call, const UcRecommendOptions *options, UcEvaluation *evaluation)
{
	UcShop		shop;
	UcRun		run;
	UcError		err;

	trial_shop(&call->trial, &call->test.past, &shop);
	trial_run(&call->trial, &run);
	usercluster_check(uc_evaluate(&shop, &call->test, options, call->trial.n, call->trial.folds, &run, evaluation, &err), &err);
}

static void
put_row(ReturnSetInfo *set, const Tune *call, const UcRecommendOptions *options, const UcTuning *tuning)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	size_t		count = call->test.count;
	const double *before = call->before.measures + (size_t) UC_NDCG * count;
	const double *after = call->after.measures + (size_t) UC_NDCG * count;
	UcEstimate	lift;
	double		numbers[7];

	trial_bootstrap(&call->trial, after, before, count, &lift);
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
	MemoryContext old = CurrentMemoryContext,
				context;
	Tune	   *call;
	UcRecommendOptions defaults,
				options;
	UcTuning	tuning;
	UcShop		shop;
	UcRun		run;
	UcError		err;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster tune_recommendations", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("tune_recommendations");
	call = palloc0(sizeof *call);
	call->callback.func = free_core;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(context, &call->callback);
	trial_read(&call->trial, fcinfo, ARG_HALF_LIFE);
	trial_split(&call->trial, &call->trial.all, call->trial.times, &call->test);
	trial_split(&call->trial, &call->test.past, call->test.times, &call->validation);
	trial_shop(&call->trial, &call->validation.past, &shop);
	trial_run(&call->trial, &run);
	progress_watch(&run);
	uc_recommend_defaults(&defaults);
	options = defaults;
	usercluster_check(uc_tune(&shop, &call->validation, call->trial.n, call->trial.folds, &run, &options, &tuning, &err), &err);
	measure(call, &defaults, &call->before);
	measure(call, &options, &call->after);
	put_row((ReturnSetInfo *) fcinfo->resultinfo, call, &options, &tuning);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
