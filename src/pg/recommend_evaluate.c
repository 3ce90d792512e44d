/*
 * recommend_evaluate.c
 *	  evaluate_recommendations: every strategy on interactions that were kept back, beside random segments.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/recommend_data.h"
#include "pg/recommend_request.h"
#include "pg/recommend_trial.h"
#include "pg/texts.h"

#define SHUFFLES 5				/* of the control */
#define COLUMNS 14

enum
{
	ARG_WEIGHTS = 7, ARG_NEIGHBOURS, ARG_HALF_LIFE
};

typedef struct Evaluate
{
	Trial		trial;
	UcSplit		split;
	UcRecommendOptions options;
	UcEvaluation popular;
	UcEvaluation other;
	MemoryContextCallback callback; /* frees what the core holds */
} Evaluate;

static void
free_core(void *arg)
{
	Evaluate   *call = arg;

	uc_evaluation_free(&call->popular);
	uc_evaluation_free(&call->other);
	uc_split_free(&call->split);
}

static void
measure(Evaluate *call, const UcShop *shop, const double weights[UC_STRATEGIES], UcEvaluation *evaluation)
{
	UcRecommendOptions options = call->options;
	UcRun		run;
	UcError		err;

	memcpy(options.weights, weights, sizeof options.weights);
	trial_run(&call->trial, &run);
	uc_evaluation_free(evaluation);
	usercluster_check(uc_evaluate(shop, &call->split, &options, call->trial.n, call->trial.folds, &run, evaluation, &err), &err);
}

/* The mean over several ways to deal the segments out. */
static void
measure_control(Evaluate *call, const UcShop *shop, const double weights[UC_STRATEGIES])
{
	UcShop		shuffled = *shop;
	size_t		users = shop->past->users;
	size_t		values = UC_RANKING_MEASURES * call->split.count;
	int32	   *segments = palloc_extended(Max(users, 1) * sizeof(int32), MCXT_ALLOC_HUGE);
	double	   *sums = palloc_extended(Max(values, 1) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double		coverage = 0,
				diversity = 0;
	UcError		err;

	shuffled.segments = segments;
	for (int i = 0; i < SHUFFLES; i++)
	{
		memcpy(segments, shop->segments, users * sizeof(int32));
		usercluster_check(uc_shuffle_segments(segments, users, call->trial.seed + (uint64) i, &err), &err);
		measure(call, &shuffled, weights, &call->other);
		for (size_t v = 0; v < values; v++)
			sums[v] += call->other.measures[v] / SHUFFLES;
		coverage += call->other.coverage / SHUFFLES;
		diversity += call->other.diversity / SHUFFLES;
	}
	memcpy(call->other.measures, sums, values * sizeof(double));
	call->other.coverage = coverage;
	call->other.diversity = diversity;
	pfree(segments);
	pfree(sums);
}

static void
put_number(Datum *values, bool *nulls, int *at, double number)
{
	nulls[*at] = isnan(number);
	values[(*at)++] = Float8GetDatum(number);
}

static void
put_row(ReturnSetInfo *set, Evaluate *call, const char *strategy, const UcEvaluation *evaluation)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	int			at = 0;
	size_t		count = evaluation->count;
	const double *ndcg = evaluation->measures + (size_t) UC_NDCG * count;
	UcEstimate	mean,
				lift;
	double		means[UC_RANKING_MEASURES];

	trial_bootstrap(&call->trial, ndcg, NULL, count, &mean);
	trial_bootstrap(&call->trial, ndcg, call->popular.measures + (size_t) UC_NDCG * count, count, &lift);
	for (int m = 0; m < UC_RANKING_MEASURES; m++)
		means[m] = trial_mean(evaluation->measures + (size_t) m * count, count);
	values[at++] = CStringGetTextDatum(strategy);
	values[at++] = Int64GetDatum((int64) count);
	put_number(values, nulls, &at, means[UC_HIT]);
	put_number(values, nulls, &at, means[UC_PRECISION]);
	put_number(values, nulls, &at, means[UC_RECALL]);
	put_number(values, nulls, &at, mean.value);
	put_number(values, nulls, &at, mean.low);
	put_number(values, nulls, &at, mean.high);
	put_number(values, nulls, &at, means[UC_RECIPROCAL_RANK]);
	put_number(values, nulls, &at, count == 0 ? NAN : evaluation->coverage);
	put_number(values, nulls, &at, evaluation->diversity);
	put_number(values, nulls, &at, lift.value);
	put_number(values, nulls, &at, lift.low);
	put_number(values, nulls, &at, lift.high);
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

static void
evaluate_strategies(ReturnSetInfo *set, Evaluate *call)
{
	UcShop		shop;
	double		alone[UC_STRATEGIES + 1][UC_STRATEGIES] = {{0}};

	trial_shop(&call->trial, &call->split.past, &shop);
	for (int s = 0; s < UC_STRATEGIES; s++)
		alone[s][s] = 1;
	memcpy(alone[RECOMMEND_BLEND], call->options.weights, sizeof call->options.weights);
	progress_phase("evaluating", UC_STRATEGIES + 2);
	measure(call, &shop, alone[UC_BY_POPULARITY], &call->popular);
	put_row(set, call, recommend_strategy_names[UC_BY_POPULARITY], &call->popular);
	for (int s = UC_BY_POPULARITY + 1; s <= RECOMMEND_BLEND; s++)
	{
		progress_done((size_t) s);
		if ((s == UC_BY_TEXT && (shop.item_texts == NULL || shop.user_texts == NULL)) ||
			(s == UC_BY_USERS && shop.user_vectors == NULL))
			continue;
		measure(call, &shop, alone[s], &call->other);
		put_row(set, call, recommend_strategy_names[s], &call->other);
		if (s == UC_BY_SEGMENT)
		{
			measure_control(call, &shop, alone[s]);
			put_row(set, call, "random segments", &call->other);
		}
	}
}

USERCLUSTER_FUNCTION(usercluster_evaluate_recommendations)
{
	MemoryContext old = CurrentMemoryContext,
				context;
	Evaluate   *call;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster evaluate_recommendations", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("evaluate_recommendations");
	usercluster_refuse_null(fcinfo, ARG_NEIGHBOURS, "neighbours");
	call = palloc0(sizeof *call);
	call->callback.func = free_core;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(context, &call->callback);
	uc_recommend_defaults(&call->options);
	if (!PG_ARGISNULL(ARG_WEIGHTS))
		recommend_weights(PG_GETARG_JSONB_P(ARG_WEIGHTS), call->options.weights);
	call->options.neighbours = usercluster_count_argument(fcinfo, ARG_NEIGHBOURS, "neighbours", RECOMMEND_MOST_NEIGHBOURS);
	trial_read(&call->trial, fcinfo, ARG_HALF_LIFE);
	trial_split(&call->trial, &call->trial.all, call->trial.times, &call->split);
	evaluate_strategies((ReturnSetInfo *) fcinfo->resultinfo, call);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
