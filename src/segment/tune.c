/*
 * tune.c
 *	  Coordinate search.
 */
#include "segment/tune.h"

#include <stdbool.h>

#define ROUNDS 2

static const double grid[] = {0, 0.1, 0.25, 0.5, 1, 2};
static const int neighbour_grid[] = {20, 50, 100, 200};

typedef struct Search
{
	const UcShop *shop;
	const UcSplit *split;
	int			n;
	int			folds;
	const UcRun *run;
	UcRecommendOptions best;
	UcTuning   *tuning;
} Search;

static bool
any_weight(const UcRecommendOptions *options)
{
	for (int s = 0; s < UC_STRATEGIES; s++)
		if (options->weights[s] > 0)
			return true;
	return false;
}

static bool
applies(const Search *search, int strategy)
{
	const UcShop *shop = search->shop;

	switch (strategy)
	{
		case UC_BY_SEGMENT:
			return shop->segments != NULL;
		case UC_BY_TEXT:
			return shop->item_texts != NULL && shop->user_texts != NULL;
		case UC_BY_ITEMS:
			return search->folds == 0;	/* newcomers have none */
		case UC_BY_USERS:
			return shop->user_vectors != NULL;
		default:
			return true;
	}
}

static UcStatus
measure(Search *search, const UcRecommendOptions *options, double *ndcg, UcError *err)
{
	UcEvaluation evaluation;
	UcStatus	status = uc_evaluate(search->shop, search->split, options, search->n, search->folds, search->run, &evaluation, err);

	*ndcg = 0;
	if (status != UC_OK)
		return status;
	for (size_t i = 0; i < evaluation.count; i++)
		*ndcg += evaluation.measures[(size_t) UC_NDCG * evaluation.count + i] / (double) evaluation.count;
	uc_evaluation_free(&evaluation);
	search->tuning->trials++;
	uc_progress_done(search->run, (size_t) search->tuning->trials);
	return UC_OK;
}

/* Takes the options where they are better than the best so far. */
static UcStatus
try(Search *search, const UcRecommendOptions *options, bool *gained, UcError *err)
{
	double		ndcg;
	UcStatus	status;

	if (!any_weight(options))
		return UC_OK;
	status = measure(search, options, &ndcg, err);
	if (status == UC_OK && ndcg > search->tuning->after)
	{
		search->tuning->after = ndcg;
		search->best = *options;
		*gained = true;
	}
	return status;
}

static UcStatus
search_weights(Search *search, bool *gained, UcError *err)
{
	for (int s = 0; s < UC_STRATEGIES; s++)
	{
		UcRecommendOptions before = search->best;

		for (size_t g = 0; applies(search, s) && g < sizeof grid / sizeof *grid; g++)
		{
			UcRecommendOptions options = before;
			UcStatus	status;

			options.weights[s] = grid[g];
			if (grid[g] == before.weights[s])
				continue;
			status = try(search, &options, gained, err);
			if (status != UC_OK)
				return status;
		}
	}
	return UC_OK;
}

static UcStatus
search_neighbours(Search *search, UcError *err)
{
	UcRecommendOptions before = search->best;
	bool		gained;

	for (size_t g = 0; g < sizeof neighbour_grid / sizeof *neighbour_grid; g++)
	{
		UcRecommendOptions options = before;
		UcStatus	status;

		options.neighbours = neighbour_grid[g];
		if (options.neighbours == before.neighbours)
			continue;
		status = try(search, &options, &gained, err);
		if (status != UC_OK)
			return status;
	}
	return UC_OK;
}

UcStatus
uc_tune(const UcShop *shop, const UcSplit *split, int n, int folds, const UcRun *run, UcRecommendOptions *options,
		UcTuning *tuning, UcError *err)
{
	Search		search = {.shop = shop,.split = split,.n = n,.folds = folds,.run = run,.best = *options,.tuning = tuning};
	bool		gained = true;
	UcStatus	status;

	*tuning = (UcTuning) {0};
	uc_progress_phase(run, "tuning", UC_MOST_TRIALS);
	status = measure(&search, options, &tuning->before, err);
	tuning->after = tuning->before;
	for (int s = 0; s < UC_STRATEGIES; s++)
		if (!applies(&search, s))
			search.best.weights[s] = 0;
	if (!any_weight(&search.best))
		search.best.weights[UC_BY_POPULARITY] = 1;
	for (int round = 0; round < ROUNDS && gained && status == UC_OK; round++)
	{
		gained = false;
		status = search_weights(&search, &gained, err);
	}
	if (status == UC_OK && split->count > 0)
		status = search_neighbours(&search, err);
	if (status == UC_OK)
		*options = search.best;
	return status;
}
