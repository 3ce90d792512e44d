/*
 * recommend.c
 *	  User by user: the scores of every strategy over all items, their blend, and the best of it.
 *
 * Scores that sum over others' interactions look at a bounded number of them, so that one user with a million items, or one
 * item with a million users, costs no more than a few hundred do.
 */
#include "segment/recommend.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "segment/recommend_scores.h"

#define CANDIDATES 10			/* times n: of what diversity chooses among */

struct UcRecommender
{
	UcScoring	scoring;
	UcRecommendOptions options;
};

typedef struct Worker
{
	UcScores	scores;
	double	   *blend;			/* [items] */
	int32_t    *order;			/* [items] */
} Worker;

typedef struct Work
{
	UcRecommender *recommender;
	const int32_t *users;
	size_t		count;
	size_t		block;			/* users of one task */
	int			n;
	UcRecommendation *out;		/* [count, n] */
	int		   *found;			/* [count] */
	Worker	   *workers;		/* [threads] */
} Work;

void
uc_recommend_defaults(UcRecommendOptions *options)
{
	*options = (UcRecommendOptions) {
		.weights = {[UC_BY_POPULARITY] = 0.05,[UC_BY_SEGMENT] = 0.5,[UC_BY_TEXT] = 0.2,[UC_BY_ITEMS] = 1,[UC_BY_USERS] = 1},
		.neighbours = 50,.segment_shrinkage = 20,.item_shrinkage = 10,.diversity = 0
	};
}

size_t
uc_recommender_memory(const UcShop *shop, int neighbours, int threads)
{
	size_t		worker = uc_size_add(uc_scores_memory(shop, neighbours),
									 uc_size_mul(shop->past->items, sizeof(double) + sizeof(int32_t)));

	return uc_size_add(uc_scoring_memory(shop), uc_size_mul((size_t) threads, worker));
}

static UcStatus
check_options(const UcRecommendOptions *options, UcError *err)
{
	double		total = 0;

	for (int s = 0; s < UC_STRATEGIES; s++)
	{
		if (!(options->weights[s] >= 0 && isfinite(options->weights[s])))
			return uc_error(err, UC_INVALID_ARGUMENT, "the weight of a strategy must be a finite number of at least 0, not %g",
							options->weights[s]);
		total += options->weights[s];
	}
	if (total == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "at least one strategy must have a weight above 0");
	if (options->neighbours < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "neighbours must be at least 1, not %d", options->neighbours);
	if (!(options->segment_shrinkage >= 0 && isfinite(options->segment_shrinkage)) ||
		!(options->item_shrinkage >= 0 && isfinite(options->item_shrinkage)))
		return uc_error(err, UC_INVALID_ARGUMENT, "shrinkage must be a finite number of at least 0");
	if (!(options->diversity >= 0 && options->diversity < 1))
		return uc_error(err, UC_INVALID_ARGUMENT, "diversity must be at least 0 and below 1, not %g", options->diversity);
	return UC_OK;
}

UcStatus
uc_recommender_create(const UcShop *shop, const UcRecommendOptions *options, const UcRun *run, UcRecommender **recommender,
					  UcError *err)
{
	UcRecommender *made = NULL;
	UcStatus	status = check_options(options, err);

	*recommender = NULL;
	if (status == UC_OK)
		status = uc_check_budget("recommending", uc_recommender_memory(shop, options->neighbours, run->threads), run->max_memory,
								 err);
	if (status == UC_OK)
	{
		made = uc_alloc_zeroed(sizeof *made);
		if (made == NULL)
			return uc_out_of_memory(err, sizeof *made);
		made->options = *options;
		status = uc_scoring_create(&made->scoring, shop, &made->options, run, err);
	}
	if (status == UC_OK)
		*recommender = made;
	else
		uc_recommender_free(made);
	return status;
}

void
uc_recommender_free(UcRecommender *recommender)
{
	if (recommender == NULL)
		return;
	uc_scoring_free(&recommender->scoring);
	uc_free(recommender);
}

/* ---- one user ---- */

/* Of the scores of these items, at least 0. */
static double
largest(const double *scores, const int32_t *order, size_t count)
{
	double		most = 0;

	for (size_t i = 0; i < count; i++)
		most = scores[order[i]] > most ? scores[order[i]] : most;
	return most;
}

static void
add_scores(double *restrict blend, const double *restrict scores, double weight, size_t items)
{
	for (size_t i = 0; i < items; i++)
		blend[i] += weight * (scores[i] > 0 ? scores[i] : 0);
}

/*
 * Blends the scores into worker->blend, each strategy's divided by its best among what may be recommended, and leaves the
 * items that have any in worker->order. Returns how many.
 */
static size_t
blend_scores(const UcRecommender *recommender, Worker *worker, int32_t user)
{
	const UcShop *shop = recommender->scoring.shop;
	const UcInteractions *had = shop->had == NULL ? shop->past : shop->had;
	size_t		items = shop->past->items,
				own = had->user_start[user],
				end = had->user_start[user + 1],
				count = 0;
	double		factor[UC_STRATEGIES] = {0},
				total = 0;

	for (size_t i = 0; i < items; i++)
	{
		bool		known = own < end && had->user_items[own] == (int32_t) i;

		own += known;
		if ((known && !shop->repeat) || (shop->available != NULL && !shop->available[i]))
			continue;
		worker->order[count++] = (int32_t) i;
	}
	for (int s = 0; s < UC_STRATEGIES; s++)
		if (worker->scores.known[s] && (s == UC_BY_POPULARITY || recommender->options.weights[s] > 0))
			factor[s] = largest(worker->scores.of[s], worker->order, count);
	for (int s = 0; s < UC_STRATEGIES; s++)
	{
		worker->scores.weights[s] = factor[s] > 0 ? recommender->options.weights[s] : 0;
		total += worker->scores.weights[s];
	}
	/* nothing is known about this user: what everybody likes */
	if (total == 0 && factor[UC_BY_POPULARITY] > 0)
		worker->scores.weights[UC_BY_POPULARITY] = total = 1;
	for (int s = 0; s < UC_STRATEGIES; s++)
		worker->scores.weights[s] = total > 0 && factor[s] > 0 ? worker->scores.weights[s] / (total * factor[s]) : 0;
	memset(worker->blend, 0, items * sizeof *worker->blend);
	for (int s = 0; s < UC_STRATEGIES; s++)
		if (worker->scores.weights[s] > 0)
			add_scores(worker->blend, worker->scores.of[s], worker->scores.weights[s], items);
	return count;
}

static bool
better(const double *blend, int32_t a, int32_t b)
{
	return blend[a] != blend[b] ? blend[a] > blend[b] : a < b;
}

/* The best `wanted` of order[count] come to its front, in order: a heap of the best with the worst of them on top. */
static size_t
select_best(const double *blend, int32_t *order, size_t count, size_t wanted)
{
	size_t		size = 0;

	if (wanted > count)
		wanted = count;
	for (size_t i = 0; i < count; i++)
	{
		int32_t		item = order[i];
		size_t		at;

		if (!(blend[item] > 0))
			continue;
		if (size < wanted)
		{
			for (at = size++; at > 0 && better(blend, order[(at - 1) / 2], item); at = (at - 1) / 2)
				order[at] = order[(at - 1) / 2];
			order[at] = item;
			continue;
		}
		if (wanted == 0 || !better(blend, item, order[0]))
			continue;
		for (at = 0; 2 * at + 1 < size;)
		{
			size_t		child = 2 * at + 1;

			if (child + 1 < size && better(blend, order[child], order[child + 1]))
				child++;
			if (!better(blend, item, order[child]))
				break;
			order[at] = order[child];
			at = child;
		}
		order[at] = item;
	}
	for (size_t left = size; left > 1; left--)
	{
		int32_t		worst = order[0],
					last = order[left - 1];
		size_t		at = 0;

		while (2 * at + 1 < left - 1)
		{
			size_t		child = 2 * at + 1;

			if (child + 1 < left - 1 && better(blend, order[child], order[child + 1]))
				child++;
			if (!better(blend, last, order[child]))
				break;
			order[at] = order[child];
			at = child;
		}
		order[at] = last;
		order[left - 1] = worst;
	}
	return size;
}

/* How alike two items are by their texts, 0 where one has none. */
static double
likeness(const UcShop *shop, int32_t a, int32_t b)
{
	if (shop->item_texts == NULL)
		return 0;
	return fmax(0, uc_dot(shop->item_texts + (size_t) a * shop->text_dim, shop->item_texts + (size_t) b * shop->text_dim,
						  shop->text_dim));
}

/*
 * Maximal marginal relevance (https://doi.org/10.1145/290941.291025): again and again the candidate whose score, less
 * its likeness to those chosen, is highest. The first n of order are the choice.
 */
static void
diversify(const UcShop *shop, const double *blend, double diversity, int32_t *order, size_t candidates, size_t n)
{
	for (size_t chosen = 1; chosen < n && chosen < candidates; chosen++)
	{
		size_t		best = chosen;
		double		most = -INFINITY;

		for (size_t i = chosen; i < candidates; i++)
		{
			double		alike = 0,
						value;

			for (size_t j = 0; j < chosen; j++)
				alike = fmax(alike, likeness(shop, order[i], order[j]));
			value = (1 - diversity) * blend[order[i]] - diversity * alike;
			if (value > most)
			{
				most = value;
				best = i;
			}
		}
		{
			int32_t		item = order[best];

			memmove(order + chosen + 1, order + chosen, (best - chosen) * sizeof *order);
			order[chosen] = item;
		}
	}
}

static UcRecommendation
explain(const UcRecommender *recommender, const Worker *worker, int32_t user, int32_t item)
{
	UcRecommendation found = {.item = item,.score = worker->blend[item],.because = -1,.lift = NAN};
	double		most = -1;

	for (int s = 0; s < UC_STRATEGIES; s++)
	{
		double		part = worker->scores.weights[s] * fmax(worker->scores.of[s] == NULL ? 0 : worker->scores.of[s][item], 0);

		if (worker->scores.weights[s] > 0 && part > most)
		{
			most = part;
			found.source = s;
		}
	}
	found.share = found.score > 0 ? most / found.score : 0;
	found.lift = uc_segment_lift(&recommender->scoring, user, item);
	if (found.source == UC_BY_ITEMS)
		found.because = worker->scores.because[item];
	if (found.source == UC_BY_USERS)
		found.users = uc_similar_users_with(&recommender->scoring, &worker->scores, item);
	return found;
}

static UcStatus
prepare_worker(const UcRecommender *recommender, Worker *worker, UcError *err)
{
	size_t		items = recommender->scoring.shop->past->items;

	if (worker->blend != NULL)
		return UC_OK;
	worker->blend = uc_alloc(uc_size_mul(items, sizeof(double)));
	worker->order = uc_alloc(uc_size_mul(items, sizeof(int32_t)));
	if (worker->blend == NULL || worker->order == NULL)
		return uc_out_of_memory(err, uc_size_mul(items, sizeof(double) + sizeof(int32_t)));
	return uc_scores_create(&worker->scores, &recommender->scoring, err);
}

/* The user at this place among work->users, which is place `in_block` of the block compared last. */
static void
recommend_user(Work *work, Worker *worker, size_t place, size_t in_block, UcSection *section, int worker_number)
{
	const UcRecommender *recommender = work->recommender;
	const UcShop *shop = recommender->scoring.shop;
	int32_t		user = work->users[place];
	double		diversity = shop->item_texts == NULL ? 0 : recommender->options.diversity;
	size_t		count,
				candidates;

	uc_scores_of_user(&worker->scores, &recommender->scoring, in_block, user, section, worker_number);
	if (uc_section_stopped(section, worker_number))
		return;
	count = blend_scores(recommender, worker, user);
	candidates = select_best(worker->blend, worker->order, count, (size_t) work->n * (diversity > 0 ? CANDIDATES : 1));
	if (diversity > 0)
		diversify(shop, worker->blend, diversity, worker->order, candidates, (size_t) work->n);
	work->found[place] = candidates < (size_t) work->n ? (int) candidates : work->n;
	for (int i = 0; i < work->found[place]; i++)
		work->out[place * (size_t) work->n + (size_t) i] = explain(recommender, worker, user, worker->order[i]);
}

static UcStatus
recommend_block(void *arg, size_t task, int worker_number, UcSection *section, UcError *err)
{
	Work	   *work = arg;
	const UcRecommender *recommender = work->recommender;
	Worker	   *worker = &work->workers[worker_number];
	size_t		first = task * work->block,
				count = work->count - first < work->block ? work->count - first : work->block;
	UcStatus	status = prepare_worker(recommender, worker, err);

	if (status != UC_OK)
		return status;
	uc_scores_compare(&worker->scores, &recommender->scoring, work->users + first, count, section, worker_number);
	for (size_t i = 0; i < count && !uc_section_stopped(section, worker_number); i++)
		recommend_user(work, worker, first + i, i, section, worker_number);
	return UC_OK;
}

/* Whether the neighbours of all items are to be found once, instead of those of each user's items again and again. */
static bool
many_items(const UcRecommender *recommender, const int32_t *users, size_t count)
{
	const UcInteractions *past = recommender->scoring.shop->past;
	size_t		items = 0;

	if (recommender->scoring.near_items != NULL || recommender->options.weights[UC_BY_ITEMS] == 0)
		return false;
	for (size_t i = 0; i < count; i++)
		items += past->user_start[users[i] + 1] - past->user_start[users[i]];
	return items > past->items;
}

UcStatus
uc_recommend(UcRecommender *recommender, const int32_t *users, size_t count, int n, const UcRun *run, UcRecommendation *out,
			 int *found, UcError *err)
{
	Work		work = {
		.recommender = recommender,.users = users,.count = count,.block = uc_scores_block(recommender->scoring.shop),.n = n,
		.out = out,.found = found
	};
	UcStatus	status;

	if (many_items(recommender, users, count) &&
		uc_size_add(uc_recommender_memory(recommender->scoring.shop, recommender->options.neighbours, run->threads),
					uc_scoring_all_memory(recommender->scoring.shop, recommender->options.neighbours)) <= run->max_memory)
	{
		status = uc_scoring_all_items(&recommender->scoring, run, err);
		if (status != UC_OK)
			return status;
	}
	work.workers = uc_alloc_zeroed(uc_size_mul((size_t) run->threads, sizeof(Worker)));
	if (work.workers == NULL)
		return uc_out_of_memory(err, uc_size_mul((size_t) run->threads, sizeof(Worker)));
	status = uc_parallel(run, count / work.block + (count % work.block != 0), recommend_block, &work, err);
	for (int i = 0; i < run->threads; i++)
	{
		uc_scores_free(&work.workers[i].scores);
		uc_free(work.workers[i].blend);
		uc_free(work.workers[i].order);
	}
	uc_free(work.workers);
	return status;
}
